"""
Cuts a mail into its parts: spans of bytes with their headers; bounded, never raises.

Parts are spans of the one bytes object: copies at each depth would multiply a large mail.
"""

import re
from collections.abc import Iterator

from ingest.mail.headers import (
    MOST_HEADER_BYTES,
    Headers,
    clean_line,
    decode_header,
    find_kind,
    parse_parameters,
)
from ingest.mail.transfer import decode_transfer

MOST_PARTS = 200
MOST_PART_HEADER_BYTES = 16_384
"""Of one part; the mail's own headers may be longer."""
MOST_HEADER_BYTES_OF_PARTS = 262_144
MOST_DELIMITERS = 10_000
"""Lines that begin like a boundary, and may be none."""
DEEPEST = 20
MOST_SCANNED = 100_000_000
"""Bytes that are looked through for boundaries: once a level, for mails of a sensible depth."""
LONGEST_NAME = 200

DOUBLED = b"\r\r\n"
HEADER = re.compile(rb"(?:>?From [^\n]*\n)?(?![0-9]{12})[!-9;-~]{1,100}[ \t]*:")
"""How headers begin, after the line that a mailbox file puts before them."""
NO_HEADER = re.compile(rb"\n(?![ \t]|(?![0-9]{12})[!-9;-~]{1,100}[ \t]*:)")
ACCOUNT = re.compile(rb"\n(?=[0-9]{12}[ *=:;,])")
"""No header begins with an account: a program forgot the empty line."""


class Part:
    """One part of a mail: its headers, and where its content lies."""

    def __init__(self, headers: Headers, source: bytes, start: int, end: int) -> None:
        self.headers = headers
        self.source = source
        self.start = start
        self.end = end
        content_type = headers.get_plain("content-type")
        self.kind = find_kind(content_type)
        """The content type in lower case."""
        self.parameters = parse_parameters(content_type) if ";" in content_type else {}
        """Those of the content type."""
        disposition = headers.get_plain("content-disposition")
        self.disposition = disposition.partition(";")[0].strip().lower()
        """``attachment``, ``inline`` or nothing, in lower case."""
        given = parse_parameters(disposition) if ";" in disposition else {}
        self.name = clean_name(given.get("filename") or self.parameters.get("name", ""))
        """The name of the file that it is; empty when it has none."""

    @property
    def encoding(self) -> str:
        """The Content-Transfer-Encoding in lower case."""
        return self.headers.get_plain("content-transfer-encoding").strip().lower()

    @property
    def size(self) -> int:
        """Bytes, as they came."""
        return self.end - self.start

    def unpack(self, most: int) -> bytes:
        """Return the content, decoded, of the first *most* bytes."""
        return decode_transfer(self.source[self.start : self._cut(most)], self.encoding)

    def _cut(self, most: int) -> int:
        """Return where to stop reading."""
        return min(self.end, self.start + most)


class Cutter:
    """Cuts one mail, and what is nested in it, within the bounds that hold for all of it."""

    def __init__(self) -> None:
        self.parts = 0
        self.is_exhausted = False
        """Whether a bound was reached, and something may not have been seen."""
        self._delimiters = MOST_DELIMITERS
        self._head_bytes = MOST_HEADER_BYTES_OF_PARTS
        self._scanned = 0

    def open(self, raw: bytes) -> Part:
        """Return a whole mail as its outermost part."""
        source = mend_line_ends(raw)
        head, content = find_head(source, 0, len(source))
        return Part(Headers(source[: min(head, MOST_HEADER_BYTES)]), source, content, len(source))

    def cut(self, part: Part) -> Iterator[Part]:
        """Yield the parts between the lines of the boundary; a last one may lack its end."""
        source = part.source
        for start, end in self._find_spans(part):
            head, content = find_head(source, start, end)
            size = min(head - start, MOST_PART_HEADER_BYTES)
            self.parts += 1
            self._head_bytes -= size
            if self.parts > MOST_PARTS or self._head_bytes < 0:
                self.is_exhausted = True
                return
            yield Part(Headers(source[start : start + size]), source, content, end)

    def _find_spans(self, part: Part) -> Iterator[tuple[int, int]]:
        """Yield where parts begin and end."""
        begun = -1
        for found, after in self._find_delimiters(part):
            if begun >= 0:
                yield begun, max(begun, found)
            if part.source.startswith(b"--", after, part.end):
                return
            line_end = part.source.find(b"\n", after, part.end)
            begun = part.end if line_end < 0 else line_end + 1
        if begun >= 0:
            yield begun, part.end

    def _find_delimiters(self, part: Part) -> Iterator[tuple[int, int]]:
        """Yield where the lines of the boundary begin, at the line end before them, and end."""
        boundary = part.parameters.get("boundary", "").encode("latin-1", "replace").rstrip()
        self._scanned += part.size
        if not boundary or self._scanned > MOST_SCANNED:
            self.is_exhausted |= bool(boundary)
            return
        delimiter = b"\n--" + boundary
        # The content begins behind a line end, so the first line is found like any other.
        position = max(0, part.start - 1)
        while (found := part.source.find(delimiter, position, part.end)) >= 0:
            self._delimiters -= 1
            if self._delimiters < 0:
                self.is_exhausted = True
                return
            position = found + len(delimiter)
            following = part.source[position : min(position + 2, part.end)]
            if following == b"--" or following[:1] in b" \t\r\n":
                yield found, position


def clean_name(value: str) -> str:
    """Return the name of a file on one line; programs encode it as if it were a header."""
    return clean_line(decode_header(value.encode()))[:LONGEST_NAME] if value else ""


def mend_line_ends(raw: bytes) -> bytes:
    """Return *raw* with line ends that have a line feed: old programs and bad gateways differ."""
    if b"\n" not in raw:
        return raw.replace(b"\r", b"\n")
    return raw.replace(DOUBLED, b"\r\n") if raw.find(DOUBLED, 0, MOST_HEADER_BYTES) >= 0 else raw


def find_head(source: bytes, start: int, end: int) -> tuple[int, int]:
    """Return where the headers of a span end and where its content begins."""
    if source.startswith((b"\n", b"\r\n"), start, end):
        return start, source.index(b"\n", start) + 1
    if not HEADER.match(source, start, end):
        return start, start
    head, content = find_blank_line(source, start, end)
    limit = min(head, start + MOST_HEADER_BYTES)
    early = (NO_HEADER if head == end else ACCOUNT).search(source, start, limit)
    return (head, content) if early is None else (early.start(), early.end())


def find_blank_line(source: bytes, start: int, end: int) -> tuple[int, int]:
    """Return where the first empty line begins, at the line end before it, and where it ends."""
    mixed = source.find(b"\n\r\n", start, end)
    bare = source.find(b"\n\n", start, end if mixed < 0 else mixed)
    if bare >= 0:
        return bare, bare + 2
    return (end, end) if mixed < 0 else (mixed, mixed + 3)
