"""
Header fields of a mail as bytes to values: unfolded, decoded, bounded; never raises.

Of addresses only plain ones are believed: a display name, a comment or an encoded word may hold
another one, and a reply must not go there.
"""

import binascii
import datetime as dt
import re
from email.utils import parsedate_to_datetime

from ingest.mail.charsets import decode_text

MOST_HEADER_BYTES = 65_536
MOST_VALUE_BYTES = 4096
"""Of one header that is taken apart."""
EARLIEST_YEAR, LATEST_YEAR = 1990, 2100

HEADER_END = re.compile(rb"\r?\n(?![ \t])")
FOLD = re.compile(rb"\r?\n(?=[ \t])")
FIELD_NAME = re.compile(rb"[!-9;-~]{1,100}")
ENCODED_WORD = re.compile(rb"=\?([\w.:+'*-]{1,64})\?([bBqQ])\?([^?]*)\?=")
CONTENT_TYPE = re.compile(r"\s*([\w!#$&^.+-]+/[\w!#$&^.+-]+)")
PARAMETER = re.compile(r";\s*([^\s=;\"]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;]*))")
NO_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")
CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
LINE_SEPARATORS = re.compile(r"[\s\x85\u2028\u2029]+")
MESSAGE_ID = re.compile(r"<[!-;=?A-~]{1,125}@[!-;=?A-~]{1,125}>")
PLAIN_ADDRESS = re.compile(
    r"[\w!#$&'*+/=?^`{|}~-]+(?:\.[\w!#$&'*+/=?^`{|}~-]+)*"
    r"@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)*[^\W_](?:[\w-]{0,61}[^\W_])?"
)


class Headers:
    """The headers of a mail or a part; of one that stands there twice the first counts."""

    def __init__(self, block: bytes) -> None:
        self.fields = split_fields(block[:MOST_HEADER_BYTES])
        self._first = dict(reversed(self.fields))

    def __contains__(self, name: str) -> bool:
        return name in self._first

    def get(self, name: str) -> str:
        """Return the decoded value; empty when there is none."""
        return decode_header(self._first.get(name, b"")[:MOST_VALUE_BYTES])

    def get_plain(self, name: str) -> str:
        """Return the value without decoding its encoded words: addresses hide in them."""
        return decode_text(self._first.get(name, b"")[:MOST_VALUE_BYTES])

    def get_parameters(self, name: str) -> dict[str, str]:
        """Return the parameters by name in lower case; parts of a continued one are joined."""
        parameters: dict[str, str] = {}
        for found in PARAMETER.finditer(self.get_plain(name)):
            key = found[1].lower()
            value = found[3] if found[2] is None else re.sub(r"\\(.)", r"\1", found[2])
            if key.endswith("*"):
                value = value.rpartition("'")[2]
            base = key.partition("*")[0]
            parameters[base] = parameters.get(base, "") + value
        return parameters

    @property
    def content_type(self) -> str:
        """The type in lower case; text/plain where none can be read."""
        found = CONTENT_TYPE.match(self.get_plain("content-type"))
        return found[1].lower() if found else "text/plain"


def split_fields(block: bytes) -> list[tuple[str, bytes]]:
    """Return header names in lower case and unfolded values; what is no header is left out."""
    fields = []
    for line in HEADER_END.split(block):
        name, colon, value = line.partition(b":")
        if colon and FIELD_NAME.fullmatch(name.rstrip()):
            unfolded = FOLD.sub(b"", value).strip()
            fields.append((name.rstrip().decode("ascii").lower(), unfolded))
    return fields


def decode_header(value: bytes) -> str:
    """Decode encoded words; a character may be cut between two neighbours of one charset."""
    pieces: list[tuple[str, bytes]] = []
    end = 0
    for word in ENCODED_WORD.finditer(value):
        between = value[end : word.start()]
        if between.strip() or not pieces:
            pieces.append(("", between))
        label = word[1].decode("ascii", "replace").partition("*")[0].lower()
        data = decode_word(word[2], word[3])
        if pieces[-1][0] == label:
            data = pieces.pop()[1] + data
        pieces.append((label, data))
        end = word.end()
    pieces.append(("", value[end:]))
    return "".join(decode_text(data, label) for label, data in pieces)


def decode_word(encoding: bytes, data: bytes) -> bytes:
    """Return the bytes that an encoded word stands for."""
    if encoding in b"bB":
        return decode_base64(data)
    return binascii.a2b_qp(data, header=True)


def decode_base64(data: bytes) -> bytes:
    """Decode base64 as far as it goes: foreign characters and missing padding are forgiven."""
    decoded = []
    for run in NO_BASE64.sub(b"", data).split(b"="):
        whole = run[: len(run) - 1] if len(run) % 4 == 1 else run
        decoded.append(binascii.a2b_base64(whole + b"=" * (-len(whole) % 4)))
    return b"".join(decoded)


def clean_line(text: str) -> str:
    """Return *text* on one line and without control characters."""
    return LINE_SEPARATORS.sub(" ", CONTROLS.sub("", text)).strip()


def parse_date(value: str) -> dt.datetime | None:
    """Return the time of a Date header, aware; None unless it can be believed at all."""
    try:
        date = parsedate_to_datetime(value[:100])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if not EARLIEST_YEAR <= date.year < LATEST_YEAR:
        return None
    return date.replace(tzinfo=dt.UTC) if date.tzinfo is None else date


def find_address(value: str) -> str:
    """Return the one plain address that an address header names; empty when it is not just one."""
    bare = take_off_comments(value)
    found = re.findall(r"<([^<>]*)>", bare) if "<" in bare else bare.split(",")
    address = found[0].strip() if len(found) == 1 else ""
    return address if is_plain_address(address) else ""


def take_off_comments(value: str) -> str:
    """Return an address header without quoted strings and comments, in which addresses may hide."""
    kept: list[str] = []
    depth, quoted, escaped = 0, False, False
    for character in value:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"' and not depth:
            quoted = not quoted
        elif not quoted and character in "()":
            depth = max(0, depth + (1 if character == "(" else -1))
        elif not quoted and not depth:
            kept.append(character)
    return "".join(kept)


def is_plain_address(address: str) -> bool:
    """Tell whether *address* is one that a reply may go to: no routes, quotes or literals."""
    local_part = address.rpartition("@")[0]
    return len(local_part) <= 64 and len(address) <= 254 and bool(PLAIN_ADDRESS.fullmatch(address))  # noqa: PLR2004 -- RFC 5321's
