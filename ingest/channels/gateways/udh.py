"""The header before a short message's text (GSM 03.40), which numbers the parts of a long one."""

from ingest.channels.gateways.request import Part

SHORT_REFERENCE, LONG_REFERENCE = 0x00, 0x08
"""Elements that number parts: with a reference of one byte, or of two."""
MOST_DIGITS = 3
"""Of the number of a part."""


def find_part(header: bytes) -> Part | None:
    """Return where a text stands in a long one; None where *header* does not say, or nonsense."""
    elements = split_header(header)
    for kind, size in ((SHORT_REFERENCE, 1), (LONG_REFERENCE, 2)):
        value = elements.get(kind, b"")
        if len(value) == size + 2:
            return make_part(value[:size].hex(), value[-1], value[-2])
    return None


def make_part(reference: str, number: int, total: int) -> Part | None:
    """Return a part; None where the text is whole, or the numbers cannot be."""
    return Part(reference, number, total) if total > 1 and 1 <= number <= total else None


def parse_part(reference: str, number: str, total: str) -> Part | None:
    """Return a part whose place is written as text; None where that is nothing of the kind."""
    written = [one.strip() for one in (number, total)]
    if not all(one.isascii() and one.isdigit() and len(one) <= MOST_DIGITS for one in written):
        return None
    return make_part(reference.strip(), int(written[0]), int(written[1]))


def split_header(header: bytes) -> dict[int, bytes]:
    """Return the elements of a header by kind; what is cut off is left out."""
    elements: dict[int, bytes] = {}
    rest = header[1 : 1 + header[0]] if header else b""
    while len(rest) > 1:
        kind, size = rest[0], rest[1]
        value, rest = rest[2 : 2 + size], rest[2 + size :]
        if len(value) == size:
            elements.setdefault(kind, value)
    return elements
