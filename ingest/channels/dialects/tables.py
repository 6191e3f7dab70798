"""
Tables that are no text, DBF and XLSX, to lines of text: then they are read like any other file.

A table is turned into text once, before it is surveyed; what is handed over, kept and answered is
that text. Its cells can do no harm in a spreadsheet: what begins like a formula gets an apostrophe.
"""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from ingest.channels.dialects import dbf, xlsx
from ingest.settings import CsvDialect, DbfDialect, Dialect, XlsxDialect

DELIMITER = ";"
RISKY = ("=", "+", "-", "@", "\t", "\r")
"""How cells begin that a spreadsheet may take for something to run."""
BREAKS = re.compile(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029\0]+")
MARK = "\ufeff"
"""By it Excel knows UTF-8."""


def is_table(dialect: Dialect) -> bool:
    """Tell whether files of *dialect* have to be turned into text first."""
    return isinstance(dialect, DbfDialect | XlsxDialect)


def describe_as_text(dialect: DbfDialect | XlsxDialect) -> CsvDialect:
    """Return the dialect of the text that a table is turned into."""
    return CsvDialect(
        columns=dict(dialect.columns),
        delimiter=DELIMITER,
        quote='"',
        encoding=dialect.encoding if isinstance(dialect, DbfDialect) else "utf-8",
        header=dialect.header if isinstance(dialect, XlsxDialect) else True,
        no_reading=dialect.no_reading,
        account_pattern=dialect.account_pattern,
        value_pattern=dialect.value_pattern,
        time_pattern=dialect.time_pattern,
        time_format=dialect.time_format,
        time_zone=dialect.time_zone,
        decimal=dialect.decimal,
        thousands=dialect.thousands,
    )


class TableText:
    """The text of one table, taken in batches of lines; raises TableError for what is none."""

    def __init__(self, dialect: Dialect, file: BinaryIO) -> None:
        rows: Iterator[list[object]]
        match dialect:
            case DbfDialect():
                rows = dbf.list_rows(file, dialect.encoding)
                self._encoding: str = dialect.encoding
            case XlsxDialect():
                rows = xlsx.list_rows(file, dialect.sheet, dialect.max_unpacked)
                self._encoding = "utf-8"
            case _:
                raise TypeError(f"{type(dialect).__name__} is no table")
        self._time_format = dialect.time_format
        is_dot_taken = dialect.decimal == "," or (dialect.thousands == "." and not dialect.decimal)
        self._sign = "," if is_dot_taken else "."
        """Between a number and its decimals: as texts of the same column have it."""
        places = [one for one in dialect.columns.values() if isinstance(one, int)]
        self._width = max(places, default=0)
        """Cells that a row has at least, unless it is empty."""
        self._rows = rows
        self._mark = MARK if isinstance(dialect, XlsxDialect) else ""

    def read(self, rows: int) -> bytes:
        """Return the next *rows* lines; nothing at the end."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=DELIMITER, lineterminator="\r\n")
        for row in islice(self._rows, rows):
            missing = self._width - len(row) if row else 0
            writer.writerow([*map(self.write_cell, row), *[""] * missing])
        content, self._mark = self._mark + text.getvalue(), "" if text.tell() else self._mark
        return content.encode(self._encoding, "replace") if text.tell() else b""

    def write_cell(self, cell: object) -> str:
        """Write a cell as text on one line."""
        match cell:
            case None:
                return ""
            case float():
                return str(int(cell)) if cell.is_integer() else repr(cell).replace(".", self._sign)
            case dt.date():
                return cell.strftime(self._time_format)
            case _:
                return neutralise(BREAKS.sub(" ", str(cell)))


def neutralise(text: str) -> str:
    """Return a cell in a form that a spreadsheet shows and does not run."""
    return f"'{text}" if text.startswith(RISKY) else text
