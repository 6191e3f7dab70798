"""
Mail as bytes to what its sender wrote, who sent it, and whether a program did; never raises.

A reader of our own over the bytes: the library's modern policy raises on one mail in a hundred,
and needs seconds for headers that are made to hurt. Everything here is bounded: bytes of headers,
parts, depth, characters of text. What lies beyond a bound is not read; the rest still is.
"""

import binascii
import datetime as dt
import re
from collections.abc import Iterator

from msgspec import Struct

from ingest.mail.charsets import decode_text
from ingest.mail.headers import (
    CONTROLS,
    MESSAGE_ID,
    MOST_HEADER_BYTES,
    Headers,
    clean_line,
    decode_base64,
    find_address,
    parse_date,
)
from ingest.mail.markup import render_html
from ingest.mail.quotations import take_off_quotations
from ingest.mail.robots import find_automation, sends_bounces

MOST_PARTS = 200
MOST_DELIMITERS = 10_000
"""Lines that begin like a boundary, and may be none."""
DEEPEST = 20
MOST_TEXT_BYTES = 1_000_000
"""Of all text parts, still encoded."""
LONGEST_SUBJECT = 2000

BLANK_LINE = re.compile(rb"\r?\n\r?\n")
ANSWERED = re.compile(r"\s*(?:re|fwd?|aw|wg|отв|ответ|пересл|на)(?:\[[0-9]+\])?\s*:", re.IGNORECASE)
DIGIT = re.compile(r"\d")


class Mail(Struct, frozen=True, kw_only=True):
    """One mail as far as it could be read."""

    text: str
    """
    What the sender wrote: the body without quotations and signature, with the subject before it
    when the body holds no figure.
    """
    subject: str = ""
    """On one line, without control characters."""
    message_id: str = ""
    """With the angle brackets; empty unless it is a proper one."""
    references: str = ""
    """Proper message ids only."""
    date: dt.datetime | None = None
    """The sender's own clock, aware."""
    from_address: str = ""
    """Empty unless the header names exactly one plain address."""
    reply_to: str = ""
    """As ``from_address``, of the Reply-To header."""
    automatic: str = ""
    """Why it is automatic mail; empty when a person sent it."""
    anonymous: bool = False
    """Whether it carries neither Message-ID nor Date, as mails by hand and from devices do."""


def read_mail(raw: bytes) -> Mail:
    """Read *raw* as far as it can be read."""
    body = Body(raw)
    headers = body.headers
    subject = clean_line(headers.get("subject"))[:LONGEST_SUBJECT]
    sender = find_address(headers.get_plain("from"))
    fields = [
        (name, subject if name == "subject" else value.decode("latin-1"))
        for name, value in headers.fields
    ]
    automatic = find_automation(fields, frozenset(body.content_types))
    if not automatic and sender and sends_bounces(sender):
        automatic = "from a postmaster"
    references = MESSAGE_ID.findall(headers.get_plain("references"))
    message_ids = MESSAGE_ID.findall(headers.get_plain("message-id"))
    return Mail(
        text=choose_text(take_off_quotations(body.text), subject),
        subject=subject,
        message_id=message_ids[0] if len(message_ids) == 1 else "",
        references=" ".join(references),
        date=parse_date(headers.get_plain("date")),
        from_address=sender,
        reply_to=find_address(headers.get_plain("reply-to")),
        automatic=automatic,
        anonymous="message-id" not in headers and "date" not in headers,
    )


def choose_text(body: str, subject: str) -> str:
    """
    Return the body, or the subject with it where the reading can only stand there.

    The subject of an answer was written for an earlier mail; it serves when there is nothing else.
    """
    if DIGIT.search(body) or not subject or (body and ANSWERED.match(subject)):
        return body
    return f"{subject}\n{body}".strip()


class Body:
    """
    The text of a mail, gathered part by part.

    Parts are spans of the one bytes object: copies at each depth would multiply a large mail.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._parts = 0
        self._unread = MOST_TEXT_BYTES
        self.content_types: list[str] = []
        self.headers, start = self._split_head(0, len(raw))
        self.text = self._read_content(self.headers, start, len(raw), 0)

    def _split_head(self, start: int, end: int) -> tuple[Headers, int]:
        """Return the headers of the span, and where its content begins."""
        if self._raw.startswith((b"\n", b"\r\n"), start, end):
            return Headers(b""), self._raw.index(b"\n", start) + 1
        blank = BLANK_LINE.search(self._raw, start, end)
        head, content = (end, end) if blank is None else blank.span()
        return Headers(self._raw[start : min(head, start + MOST_HEADER_BYTES)]), content

    def _read_part(self, start: int, end: int, depth: int) -> str:
        """Return the text of a part; an attachment has none."""
        self._parts += 1
        if self._parts > MOST_PARTS or depth > DEEPEST:
            return ""
        headers, content = self._split_head(start, end)
        if is_attachment(headers):
            return ""
        return self._read_content(headers, content, end, depth)

    def _read_content(self, headers: Headers, start: int, end: int, depth: int) -> str:
        """Return the text of a content as its type says."""
        kind = headers.content_type
        self.content_types.append(kind)
        boundary = headers.get_parameters("content-type").get("boundary", "")
        if kind.startswith("multipart/"):
            spans = self._split_parts(boundary.encode("latin-1", "replace"), start, end)
            if spans:
                return self._read_parts(kind, spans, depth + 1)
        elif kind not in ("text/plain", "text/html"):
            return ""
        data = self._raw[start : min(end, start + self._unread)]
        self._unread -= len(data)
        return decode_content(headers, data)

    def _read_parts(self, kind: str, spans: list[tuple[int, int]], depth: int) -> str:
        """Join the parts; of alternatives one, and of a delivery report nothing but its types."""
        if kind == "multipart/signed":
            spans = spans[:1]
        parts = [self._read_part(start, end, depth) for start, end in spans]
        texts = [text for text in parts if text.strip()]
        if kind == "multipart/report":
            return ""
        # A careless program sends plain text and HTML as if they were two different things.
        written: dict[str, str] = {}
        for text in texts:
            written.setdefault("".join(text.split()), text)
        if kind == "multipart/alternative":
            figured = [text for text in written.values() if DIGIT.search(text)]
            return next(iter(figured or written.values()), "")
        return "\n".join(written.values())

    def _split_parts(self, boundary: bytes, start: int, end: int) -> list[tuple[int, int]]:
        """Return the spans between the boundary's lines; a last one may lack its end."""
        spans: list[tuple[int, int]] = []
        begun = -1
        for found, after in self._find_delimiters(boundary, start, end):
            if begun >= 0:
                spans.append((begun, max(begun, found)))
            if self._raw.startswith(b"--", after, end):
                return spans
            line_end = self._raw.find(b"\n", after, end)
            begun = end if line_end < 0 else line_end + 1
        return [*spans, (begun, end)] if begun >= 0 else spans

    def _find_delimiters(self, boundary: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield where the lines of the boundary begin, at the line end before them, and end."""
        delimiter = b"\n--" + boundary.rstrip()
        # The content begins behind a line end, so the first line is found like any other.
        position = start - 1
        for _ in range(MOST_DELIMITERS if boundary else 0):
            found = self._raw.find(delimiter, position, end)
            if found < 0:
                return
            position = found + len(delimiter)
            following = self._raw[position : min(position + 2, end)]
            if following == b"--" or following[:1] in b" \t\r\n":
                yield found, position


def is_attachment(headers: Headers) -> bool:
    """Tell whether a part is a file rather than something written in the mail."""
    disposition = headers.get_plain("content-disposition").strip().lower()
    if disposition.startswith("attachment"):
        return True
    named = "filename" in headers.get_parameters("content-disposition")
    return named or "name" in headers.get_parameters("content-type")


def decode_content(headers: Headers, data: bytes) -> str:
    """Return a text part as text, whatever its encoding and charset."""
    parameters = headers.get_parameters("content-type")
    encoding = headers.get_plain("content-transfer-encoding").strip().lower()
    if encoding.startswith("base64"):
        data = decode_base64(data)
    elif encoding.startswith("quoted"):
        data = binascii.a2b_qp(data)
    text = CONTROLS.sub("", decode_text(data, parameters.get("charset", "")))
    if headers.content_type == "text/html":
        return render_html(text)
    return join_flowed(text) if parameters.get("delsp", "").lower() == "yes" else text


def join_flowed(text: str) -> str:
    """Undo the line breaks of format=flowed with DelSp: they may stand inside a number."""
    return re.sub(r"(?<!\n--) \r?\n(?!>)", "", text)
