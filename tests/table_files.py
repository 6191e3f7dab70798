"""Writes the tables that partners send: dBase and Excel, sound ones and others."""

import re
import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import openpyxl

NUMBER = re.compile(r"\d{1,6}(\.\d+)?")


def write_dbf(rows: Sequence[Sequence[str]], encoding: str = "cp866", **header: int) -> bytes:
    """Write a dBase III table with a field of text for each column; a row ``*`` is deleted."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    fields = b"".join(
        struct.pack("<11sc4xB15x", name.encode("ascii"), b"C", width)
        for name, width in zip(rows[0], widths, strict=True)
    )
    head = struct.pack(
        "<4BLHH20x",
        header.get("version", 3),
        *(126, 11, 24),
        header.get("records", len(rows) - 1),
        header.get("start", 33 + len(fields)),
        header.get("length", 1 + sum(widths)),
    )
    records = b"".join(write_record(row, widths, encoding) for row in rows[1:])
    return head + fields + b"\r" + records + b"\x1a"


def write_record(row: Sequence[str], widths: Sequence[int], encoding: str) -> bytes:
    """Write one record of a dBase table."""
    mark = b"*" if row[0].startswith("*") else b" "
    cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return mark + "".join(cells).encode(encoding)


def write_xlsx(*sheets: Sequence[Sequence[Any]], formulas: bool = False) -> bytes:
    """Write a workbook with these sheets; texts stay texts unless they may be *formulas*."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for number, rows in enumerate(sheets, 1):
        sheet = book.create_sheet(f"Лист{number}")
        for row in rows:
            sheet.append([float(one) if is_number(one) else one for one in row])
            for cell in sheet[sheet.max_row]:
                is_text = isinstance(cell.value, str) and not formulas
                cell.data_type = "s" if is_text else cell.data_type
    file = BytesIO()
    book.save(file)
    return file.getvalue()


def is_number(cell: object) -> bool:
    """Tell whether Excel would keep a text as a number."""
    return isinstance(cell, str) and NUMBER.fullmatch(cell) is not None
