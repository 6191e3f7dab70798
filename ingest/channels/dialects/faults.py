"""What makes a partner's file unusable as a whole, and how that is told."""

import codecs
from enum import StrEnum

from msgspec import Struct

SHOWN = 60
"""Characters of a foreign text in a message of ours."""
SIGNATURES = {
    b"PK\x03\x04": "ZIP, XLSX",
    b"\xd0\xcf\x11\xe0": "XLS",
    b"\x1f\x8b": "GZIP",
    b"7z\xbc\xaf": "7Z",
    b"Rar!": "RAR",
    b"%PDF": "PDF",
    b"\x03": "DBF",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""How files begin that are no text in a dialect's encoding."""
HEAD = max(map(len, SIGNATURES))


class Fault(StrEnum):
    """What makes a file unusable as a whole."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    LINE_TOO_LONG = "line_too_long"
    NO_TEXT = "no_text"
    NO_TABLE = "no_table"
    ENCODING = "encoding"
    COLUMNS = "columns"
    TRAILER_MISSING = "trailer_missing"
    TRAILER_NOT_LAST = "trailer_not_last"
    CONTROL_MISSING = "control_missing"
    RECEIPT = "receipt"
    COUNT = "count"
    SUM = "sum"
    CHECKSUM = "checksum"
    STOPPED = "stopped"
    CHANGED = "changed"


UNREADABLE = {
    Fault.EMPTY,
    Fault.TOO_LARGE,
    Fault.LINE_TOO_LONG,
    Fault.NO_TEXT,
    Fault.NO_TABLE,
    Fault.CHANGED,
}
"""Faults after which it makes no sense to speak of single lines."""


class Problem(Struct, frozen=True):
    """A fault, what was found, and what was wanted."""

    fault: Fault
    found: str = ""
    wanted: str = ""

    @property
    def by_line(self) -> bool:
        """Whether the file has lines that can be spoken of."""
        return self.fault not in UNREADABLE


class TableError(Exception):
    """A file that is not the table it should be."""

    def __init__(self, found: str, wanted: str) -> None:
        super().__init__(f"found {found}, wanted {wanted}")
        self.problem = Problem(Fault.NO_TABLE, shorten(found), wanted)


def find_signature(head: bytes) -> str:
    """Return what kind of file begins like *head*; empty where it may be text."""
    return next((name for start, name in SIGNATURES.items() if head.startswith(start)), "")


def shorten(text: str) -> str:
    """Cut a foreign text to what fits into a message, control characters shown as escapes."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:SHOWN])
    return f"{shown}..." if len(text) > SHOWN else shown
