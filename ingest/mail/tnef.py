"""
Reads winmail.dat, in which Outlook hides text and files (MS-OXTNEF); bounded, never raises.

A reader of our own, because text and names are all that is wanted of it: no library, kept by others
and pinned by us, is worth that, and a file that was cut off must not raise.
"""

import struct
from collections.abc import Iterator

from msgspec import Struct

from ingest.mail.charsets import decode_text
from ingest.mail.markup import render_html
from ingest.mail.rtf import decompress_rtf, render_rtf

SIGNATURE = b"\x78\x9f\x3e\x22"
ATTRIBUTE = struct.Struct("<BII")
"""Level, id and length; the data and a check sum of two bytes follow."""
WORD = struct.Struct("<I")
PROPERTY = struct.Struct("<HH")
BODY, PROPERTIES, CODE_PAGE = 0x0002800C, 0x00069003, 0x00069007
FILE_BEGINS, FILE_NAME, FILE_DATA, FILE_PROPERTIES = 0x00069002, 0x00018010, 0x0006800F, 0x00069005
MOST_ATTRIBUTES = 1000
MOST_PROPERTIES = 2000
MOST_FILES = 100

PR_BODY, PR_RTF, PR_HTML, PR_CODE_PAGE = 0x1000, 0x1009, 0x1013, 0x3FDE
PR_FILE_NAME, PR_FILE_LONG_NAME = 0x3704, 0x3707
WIDTHS = {2: 4, 3: 4, 4: 4, 0x0A: 4, 0x0B: 4, 5: 8, 6: 8, 7: 8, 0x14: 8, 0x40: 8, 0x48: 16}
"""Bytes of each type of a fixed width, padding included."""
TEXT, UNICODE, BINARY, OBJECT = 0x1E, 0x1F, 0x102, 0x0D
VARIABLE = (TEXT, UNICODE, BINARY, OBJECT)
MULTIPLE = 0x1000
NAMED = 0x8000
Properties = dict[int, tuple[int, bytes]]
"""By id: type and value."""


class EnclosedFile(Struct):
    """A file in a winmail.dat."""

    name: str = ""
    content: bytes = b""


class Winmail(Struct):
    """What was found in a winmail.dat."""

    text: str
    files: list[EnclosedFile]


def read_tnef(data: bytes) -> Winmail | None:
    """Return text and files; None where *data* is no winmail.dat."""
    if not data.startswith(SIGNATURE):
        return None
    plain, code_page = b"", ""
    properties: Properties = {}
    files: list[EnclosedFile] = []
    for kind, value in list_attributes(data):
        if kind == BODY:
            plain = value
        elif kind == PROPERTIES:
            properties = dict(list_properties(value))
        elif kind == CODE_PAGE and len(value) >= WORD.size:
            code_page = name_code_page(value)
        else:
            note_file(files, kind, value)
    text = decode_text(plain, code_page).rstrip("\0") or find_text(properties, code_page)
    return Winmail(text, [file for file in files if file.name or file.content])


def list_attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield ids and data; the last may be cut off."""
    position = len(SIGNATURE) + 2
    for _ in range(MOST_ATTRIBUTES):
        if position + ATTRIBUTE.size > len(data):
            return
        _, kind, length = ATTRIBUTE.unpack_from(data, position)
        position += ATTRIBUTE.size
        yield kind, data[position : position + length]
        position += length + 2


def note_file(files: list[EnclosedFile], kind: int, value: bytes) -> None:
    """Put one attribute of a file to it; each file begins with one of a kind of its own."""
    if kind == FILE_BEGINS:
        files.append(EnclosedFile())
    if not files or len(files) > MOST_FILES:
        return
    if kind == FILE_NAME and not files[-1].name:
        files[-1].name = decode_text(value).strip("\0 ")
    elif kind == FILE_DATA:
        files[-1].content = value
    elif kind == FILE_PROPERTIES:
        properties = dict(list_properties(value))
        for name in (PR_FILE_NAME, PR_FILE_LONG_NAME):
            files[-1].name = decode_property(properties, name, "") or files[-1].name


def find_text(properties: Properties, code_page: str) -> str:
    """Return the body in the plainest form that is there."""
    if text := decode_property(properties, PR_BODY, code_page):
        return text
    if PR_HTML in properties:
        kind, value = properties.get(PR_CODE_PAGE, (0, b""))
        page = name_code_page(value) if kind and len(value) >= WORD.size else code_page
        return render_html(decode_property(properties, PR_HTML, page))
    _, packed = properties.get(PR_RTF, (0, b""))
    return render_rtf(decompress_rtf(packed))


def decode_property(properties: Properties, name: int, code_page: str) -> str:
    """Return a property as text; empty when there is none."""
    kind, value = properties.get(name, (TEXT, b""))
    text = decode_text(value, "utf-16-le" if kind == UNICODE else code_page)
    return text.rstrip("\0")


def name_code_page(value: bytes) -> str:
    """Return the name of a code page of Windows that stands there as a number."""
    number = WORD.unpack_from(value)[0]
    return "utf-8" if number == 65001 else f"cp{number}"  # noqa: PLR2004 -- Windows' own number


def list_properties(data: bytes) -> Iterator[tuple[int, tuple[int, bytes]]]:
    """Yield id, type and first value of MAPI properties up to one that is not understood."""
    reader = PropertyReader(data)
    try:
        for _ in range(min(reader.read_word(), MOST_PROPERTIES)):
            yield reader.read_property()
    except (struct.error, KeyError):
        return


class PropertyReader:
    """Goes through MAPI properties one by one; raises struct.error at the end of the data."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def read_word(self) -> int:
        """Read a number of four bytes."""
        value: int = WORD.unpack_from(self._data, self._position)[0]
        self._position += WORD.size
        return value

    def read_property(self) -> tuple[int, tuple[int, bytes]]:
        """Read one property; raises KeyError for a type that nobody knows."""
        kind, name = PROPERTY.unpack_from(self._data, self._position)
        self._position += PROPERTY.size
        if name >= NAMED:
            self._skip_name()
        single = kind & ~MULTIPLE
        count = self.read_word() if kind & MULTIPLE or single in VARIABLE else 1
        values = [self._read_value(single) for _ in range(min(count, MOST_PROPERTIES))]
        return name, (single, values[0] if values else b"")

    def _read_value(self, kind: int) -> bytes:
        """Read one value, and go on behind its padding."""
        width = self.read_word() if kind in VARIABLE else WIDTHS[kind]
        value = self._data[self._position : self._position + width]
        self._position += width + -width % 4
        return value

    def _skip_name(self) -> None:
        """Go on behind the name of a property that has one: 16 bytes, then a number or a text."""
        self._position += 16
        if self.read_word():
            length = self.read_word()
            self._position += length + -length % 4
        else:
            self._position += 4
