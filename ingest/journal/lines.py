"""
How a message becomes one line of a segment, and how lines are found again in a damaged file.

A record is RS, a SHA-256 in hex, a space, the message as JSON, LF. Neither RS nor LF can stand
within JSON on one line, whatever a customer wrote, so that the next record is found behind any
damage, and no text can pass itself off as one. A person can read it with a pager.
"""

import hashlib
import json
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from ingest.model import InboundMessage

RS = b"\x1e"
"""Record separator, as in JSON text sequences (RFC 7464)."""
LF = b"\n"
DIGITS = 64
"""Of a SHA-256 in hex."""
START = len(RS) + DIGITS + len(b" ")


class Piece(Struct, frozen=True):
    """A stretch of a segment: a whole record, or what is left of one."""

    offset: int
    data: bytes
    is_whole: bool
    """Whether it is a record that is what it was when it was written."""

    @property
    def is_torn(self) -> bool:
        """Whether it breaks off; at the end of a segment such a record was never acknowledged."""
        return not self.is_whole and not self.data.endswith(LF)


def encode_record(message: InboundMessage) -> bytes:
    """Write *message* as one line; whatever is in its text comes back exactly."""
    # Not msgspec's own JSON: it refuses lone surrogates, which come in texts of real telephones.
    text = json.dumps(msgspec.to_builtins(message), ensure_ascii=False, separators=(",", ":"))
    return frame(text.encode("utf-8", "surrogatepass"))


def frame(document: bytes) -> bytes:
    """Put the checksum before a JSON document, and the marks round both."""
    return b"".join((RS, digest(document), b" ", document, LF))


def decode_record(piece: Piece) -> InboundMessage:
    """Read a record; raises ValueError for one that is damaged, or no message of this version."""
    if not piece.is_whole:
        raise ValueError("the checksum does not match")
    try:
        document = json.loads(piece.data[START:-1].decode("utf-8", "surrogatepass"))
        return msgspec.convert(document, InboundMessage)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no message: {error}") from None


def digest(document: bytes) -> bytes:
    """Return the checksum of a record's JSON."""
    return hashlib.sha256(document).hexdigest().encode("ascii")


def split_records(data: bytes) -> Iterator[Piece]:
    """Cut a segment into its pieces; together they are all of *data*, whatever is in it."""
    offset = 0
    for line in split_lines(data):
        for part in split_line(line):
            yield Piece(offset, part, is_whole(part))
            offset += len(part)


def split_lines(data: bytes) -> Iterator[bytes]:
    """Cut *data* behind each LF, and nowhere else."""
    start = 0
    while start < len(data):
        end = data.find(LF, start) + 1 or len(data)
        yield data[start:end]
        start = end


def split_line(line: bytes) -> Iterator[bytes]:
    """Cut a line before each further RS: the LF between two records was damaged."""
    start = 0
    while (end := line.find(RS, start + 1)) > 0:
        yield line[start:end]
        start = end
    yield line[start:]


def is_whole(part: bytes) -> bool:
    """Tell whether *part* is a record with the right checksum; its LF alone may be damaged."""
    if not part.startswith(RS) or part[START - 1 : START] != b" ":
        return False
    return part[len(RS) : START - 1] == digest(part[START:-1])
