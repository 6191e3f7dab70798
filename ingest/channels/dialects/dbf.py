"""
The rows of a dBase table, by dbfread.

Of the two readers there are, dbfread streams records and can only read; ``dbf`` is a database of
its own, fifteen times the code, that locks and can rewrite what it opens.
"""

import os
import struct
from collections.abc import Iterator
from typing import BinaryIO

import dbfread

from ingest.channels.dialects.faults import TableError, find_signature

WANTED = "DBF"
VERSIONS = frozenset({0x02, 0x03, 0x04, 0x05, 0x30, 0x31, 0x32, 0x43, 0x63, 0x83, 0x8B, 0xF5, 0xFB})
"""How tables begin: dBase, FoxBASE, FoxPro."""
SMALLEST = 33
"""Bytes of a header without any field."""
MOST_FIELDS = 1024


def list_rows(file: BinaryIO, encoding: str) -> Iterator[list[object]]:
    """
    Yield the names of the fields, then the records that are not deleted, cells as text.

    Raises TableError for a file that is no table, or not all of one.
    """
    table = open_table(file, encoding)
    yield list(table.field_names)
    found = 0
    for record in table:
        found += 1
        yield [cell.decode(encoding, "replace").strip(" \0") for _, cell in record]
    found += len(table.deleted)
    if found != table.header.numrecords:
        raise TableError(f"{found} records", f"{table.header.numrecords} as its header says")


def open_table(file: BinaryIO, encoding: str) -> dbfread.DBF:
    """Read the header of a table; raises TableError unless it fits the file."""
    file.seek(0)
    head = file.read(SMALLEST)
    if len(head) < SMALLEST or head[0] not in VERSIONS or b"\0" not in head:
        raise TableError(find_signature(head) or "text", WANTED)
    try:
        table = dbfread.DBF(
            # The very file that is open: its name may belong to another by now.
            f"/proc/self/fd/{file.fileno()}",
            encoding=encoding,
            ignorecase=False,
            recfactory=None,
            raw=True,
            ignore_missing_memofile=True,
            char_decode_errors="replace",
        )
    except (ValueError, TypeError, LookupError, struct.error) as error:
        raise TableError(f"a damaged header: {error}", WANTED) from None
    check_fields(table, os.fstat(file.fileno()).st_size)
    return table


def check_fields(table: dbfread.DBF, size: int) -> None:
    """Raise TableError where records are not as long as their fields, or not all there."""
    length = 1 + sum(field.length for field in table.fields)
    if not 0 < len(table.fields) <= MOST_FIELDS or table.header.recordlen != length:
        found = f"records of {table.header.recordlen} bytes with fields of {length}"
        raise TableError(found, "a DBF whose header fits")
    if not SMALLEST <= table.header.headerlen <= size:
        raise TableError(f"a header of {table.header.headerlen} bytes", WANTED)
    whole = table.header.headerlen + table.header.numrecords * length
    if size < whole:
        raise TableError(f"a table of {size} bytes", f"{whole} as its header says")
