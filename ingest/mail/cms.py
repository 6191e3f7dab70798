"""
Takes the signed mail out of S/MIME's opaque form (CMS SignedData, RFC 5652); checks no signature.

A few nested boxes of type, length and value, written as DER or, by Outlook, as BER with open ends:
not worth a library for all of ASN.1, whose strict ones refuse what is cut off. Of such a file the
beginning is read, where the text of a mail stands.
"""

from collections.abc import Iterator

SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
"""The object identifier 1.2.840.113549.1.7.2 with its type and length."""
DATA = bytes.fromhex("06092a864886f70d010701")
SEARCHED = 64
"""Bytes from the start within which the identifier stands."""
SEQUENCE, SET, INTEGER, EXPLICIT = 0x30, 0x31, 0x02, 0xA0
OCTETS, OCTETS_IN_PIECES = 0x04, 0x24
LONGEST_LENGTH = 5
"""Bytes of a length; more would be a file beyond any limit of ours."""
MOST_PIECES = 20_000
"""Programs write pieces of a thousand bytes and more."""
MOST_ALGORITHMS = 100


class CutOffError(Exception):
    """There is no box where one is wanted."""


def open_signed_data(data: bytes) -> bytes | None:
    """Return the mail that was signed; None where *data* is no signed data, or holds none."""
    place = data.find(SIGNED_DATA, 0, SEARCHED)
    if place < 0:
        return None
    try:
        content = find_content(data, place + len(SIGNED_DATA))
        return b"".join(list_pieces(data, content))
    except CutOffError:
        return None


def find_content(data: bytes, position: int) -> int:
    """Return where the octets that were signed begin."""
    position = enter(data, enter(data, position, EXPLICIT), SEQUENCE)
    position = skip(data, skip(data, position, INTEGER), SET)
    position = enter(data, position, SEQUENCE)
    if not data.startswith(DATA, position):
        raise CutOffError
    return enter(data, position + len(DATA), EXPLICIT)


def list_pieces(data: bytes, position: int) -> Iterator[bytes]:
    """Yield the octets at *position*: one piece, or many in a box of their own."""
    kind, begin, end = read_box(data, position)
    if kind == OCTETS:
        yield data[begin:end]
        return
    if kind != OCTETS_IN_PIECES:
        raise CutOffError
    position = begin
    for _ in range(MOST_PIECES):
        if position >= end or not data.startswith(b"\x04", position):
            return
        _, begin, position = read_box(data, position)
        yield data[begin:position]
    raise CutOffError


def enter(data: bytes, position: int, kind: int) -> int:
    """Return where the content of the box at *position*, which has to be of *kind*, begins."""
    found, begin, _ = read_box(data, position)
    if found != kind:
        raise CutOffError
    return begin


def skip(data: bytes, position: int, kind: int) -> int:
    """Return what follows the box at *position*, which has to be of *kind*."""
    found, begin, end = read_box(data, position)
    if found != kind:
        raise CutOffError
    return skip_open(data, begin) if is_open(data, position) else end


def skip_open(data: bytes, position: int) -> int:
    """Return what follows a box with an open end: boxes, algorithms here, up to two zero bytes."""
    for _ in range(MOST_ALGORITHMS):
        if data.startswith(b"\0\0", position):
            return position + 2
        _, _, position = read_box(data, position)
    raise CutOffError


def is_open(data: bytes, position: int) -> bool:
    """Tell whether the box at *position* says nothing about its length."""
    return data.startswith(b"\x80", position + 1)


def read_box(data: bytes, position: int) -> tuple[int, int, int]:
    """Return kind, begin and end of the box at *position*; without a length it ends with all."""
    if position + 2 > len(data):
        raise CutOffError
    kind, length, begin = data[position], data[position + 1], position + 2
    if length == 0x80:  # noqa: PLR2004 -- an open end
        return kind, begin, len(data)
    if length > 0x80:  # noqa: PLR2004 -- the length has a length
        size = length - 0x80
        if size > LONGEST_LENGTH:
            raise CutOffError
        length = int.from_bytes(data[begin : begin + size], "big")
        begin += size
    return kind, begin, min(begin + length, len(data))
