"""
Header fields of a mail as bytes to values: unfolded, decoded, bounded; never raises.

Of addresses only plain ones are believed: a display name, a comment or an encoded word may hold
another one, and a reply must not go there.
"""

import binascii
import datetime as dt
import re
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from ingest.mail.charsets import decode_text
from ingest.mail.transfer import decode_base64

MOST_HEADER_BYTES = 65_536
MOST_HEADERS = 1000
MOST_VALUE_BYTES = 4096
"""Of one header that is taken apart."""
EARLIEST_YEAR, LATEST_YEAR = 1990, 2100

HEADER_END = re.compile(rb"\r?\n(?![ \t])")
FOLD = re.compile(rb"\r?\n(?=[ \t])")
FIELD_NAME = re.compile(rb"[!-9;-~]{1,100}")
ENCODED_WORD = re.compile(rb"=\?([\w.:+'*-]{1,64})\?([bBqQ])\?([^?]*)\?=")
CONTENT_TYPE = re.compile(r"\s*([\w!#$&^.+-]+/[\w!#$&^.+-]+)")
PARAMETER = re.compile(r";\s*([^\s=;\"]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"|([^\s;]*))")
PIECE = re.compile(r"[0-9]{1,3}\*?")
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
        value = self._first.get(name)
        return decode_text(value[:MOST_VALUE_BYTES]) if value else ""

    def get_parameters(self, name: str) -> dict[str, str]:
        """Return the parameters by name in lower case."""
        return parse_parameters(self.get_plain(name)) if name in self._first else {}


def split_fields(block: bytes) -> list[tuple[str, bytes]]:
    """Return header names in lower case and unfolded values; what is no header is left out."""
    fields = []
    for line in HEADER_END.split(block, MOST_HEADERS)[:MOST_HEADERS]:
        before, colon, value = line.partition(b":")
        name = before.rstrip()
        if colon and FIELD_NAME.fullmatch(name):
            unfolded = FOLD.sub(b"", value) if b"\n" in value else value
            fields.append((name.decode("ascii").lower(), unfolded.strip()))
    return fields


def find_kind(value: str) -> str:
    """Return the type that a Content-Type names, in lower case; text/plain where it names none."""
    found = CONTENT_TYPE.match(value)
    return found[1].lower() if found else "text/plain"


def parse_parameters(value: str) -> dict[str, str]:
    """
    Return the parameters behind the first semicolon of *value*.

    A long one comes in numbered pieces, and one beyond ASCII with its charset (RFC 2231); where a
    program wrote the same one in both ways, the second is the one that is whole.
    """
    plain: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, str, str]]] = {}
    for found in PARAMETER.finditer(value):
        text = found[3].strip('"') if found[2] is None else re.sub(r"\\(.)", r"\1", found[2])
        base, star, number = found[1].lower().partition("*")
        if star:
            order = int(number.rstrip("*")) if PIECE.fullmatch(number) else 0
            pieces.setdefault(base, []).append((order, found[1][-1], text))
        else:
            plain.setdefault(base, text)
    return plain | {base: join_pieces(found) for base, found in pieces.items()}


def join_pieces(pieces: list[tuple[int, str, str]]) -> str:
    """Put the numbered pieces of a parameter together; those that end in a star are escaped."""
    label, data = "", b""
    for place, (_, mark, text) in enumerate(sorted(pieces, key=lambda piece: piece[0])):
        escaped = text
        if mark == "*" and not place and text.count("'") > 1:
            label, _, escaped = text.split("'", 2)
        data += unquote_to_bytes(escaped) if mark == "*" else escaped.encode()
    return decode_text(data, label)


def decode_header(value: bytes) -> str:
    """Decode encoded words; a character may be cut between two neighbours of one charset."""
    if b"=?" not in value:
        return decode_text(value)
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
    if '"' not in value and "(" not in value and "\\" not in value:
        return value.replace(")", "")
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


def encode_domain(address: str) -> str:
    """Return a plain address with its domain as relays take it: почта.рф as xn--…."""
    local_part, _, domain = address.rpartition("@")
    try:
        return f"{local_part}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        return address
