"""
Rich text, as Outlook keeps a mail, to the text that a person sees; one pass, bounded, never raises.

It comes compressed in a way of its own (MS-OXRTFCP). Where it was made from HTML, the marks of that
HTML stand beside the text and are left out.
"""

import copy
import re
import struct

from msgspec import Struct

from ingest.mail.charsets import decode_text, find_codec

HEADER = struct.Struct("<IIII")
"""Sizes compressed and not, a mark, a check sum."""
COMPRESSED, PLAIN = 0x75465A4C, 0x414C454D
MOST_BYTES = 300_000
"""Of what is decompressed. Beyond it nothing is read: half a text may hold half of the readings."""
WINDOW = 4096
BEGINNING = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    b"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    b"\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
"""What the format lets every text refer to before it has begun."""

TOKEN = re.compile(
    rb"\\(?:'([0-9a-fA-F]{2})|([a-zA-Z]{1,32})(-?[0-9]{1,9})? ?|(.))|([{}])|[\r\n]+|([^\\{}\r\n]+)",
    re.DOTALL,
)
UNSEEN = frozenset(
    b"fonttbl colortbl stylesheet info pict header footer headerl headerr footerl footerr"
    b" listtable listoverridetable rsidtbl generator themedata colorschememapping object".split()
)
"""Groups that hold no text of the mail."""
SPOKEN = {
    b"par": "\n",
    b"line": "\n",
    b"row": "\n",
    b"sect": "\n",
    b"page": "\n",
    b"tab": "\t",
    b"cell": " ",
    b"emdash": "—",
    b"endash": "–",
    b"lquote": "‘",
    b"rquote": "’",
    b"ldblquote": "“",
    b"rdblquote": "”",
    b"bullet": "•",
}
SIGNS = {b"~": "\u00a0", b"-": "", b"_": "-", b"\\": "\\", b"{": "{", b"}": "}", b"\n": "\n"}
MOST_TOKENS = 60_000
DEEPEST = 200
HIGHEST = 0x110000
SURROGATES = range(0xD800, 0xE000)


def decompress_rtf(packed: bytes) -> bytes:
    """Return the rich text that *packed* stands for; nothing where it is too long to be read."""
    if len(packed) < HEADER.size:
        return b""
    _, size, mark, _ = HEADER.unpack_from(packed)
    if size > MOST_BYTES:
        return b""
    if mark == PLAIN:
        return packed[HEADER.size :][:size]
    return unfold(packed, size) if mark == COMPRESSED else b""


def unfold(packed: bytes, size: int) -> bytes:
    """Replace each reference by what it refers to: bytes of the 4096 before it."""
    whole = bytearray(BEGINNING)
    end = len(BEGINNING) + size
    position = HEADER.size
    while position < len(packed) and len(whole) < end:
        flags = packed[position]
        position += 1
        for bit in range(8):
            if not flags >> bit & 1:
                whole += packed[position : position + 1]
                position += 1
            elif not refer(whole, packed[position : position + 2]):
                return bytes(whole[len(BEGINNING) : end])
            else:
                position += 2
    return bytes(whole[len(BEGINNING) : end])


def refer(whole: bytearray, reference: bytes) -> bool:
    """Put what *reference* refers to at the end of *whole*; tell whether there was anything."""
    number = int.from_bytes(reference, "big")
    back = (len(whole) - (number >> 4)) % WINDOW
    if len(reference) < 2 or not back or back > len(whole):  # noqa: PLR2004 -- two bytes
        return False
    length = (number & 15) + 2
    # What is referred to may reach into what it becomes: it repeats itself.
    begin = len(whole) - back
    piece = whole[begin : begin + length]
    whole += (piece * length)[:length]
    return True


class Group(Struct):
    """What holds between two braces, and is forgotten behind them."""

    is_unseen: bool = False
    is_markup: bool = False
    fallback: int = 1
    """Characters that follow a Unicode one for programs that know none."""


def render_rtf(rich: bytes) -> str:
    """Return the text of *rich*, with a line for each paragraph."""
    return RtfReader().read(rich) if rich.lstrip().startswith(b"{\\rtf") else ""


class RtfReader:
    """Goes through rich text once."""

    def __init__(self) -> None:
        self._groups = [Group()]
        self._pieces: list[str] = []
        self._bytes = bytearray()
        self._charset = "cp1252"
        self._skipped = 0
        """Bytes that stand in for the character before them."""

    def read(self, rich: bytes) -> str:
        """Return the text."""
        for number, token in enumerate(TOKEN.finditer(rich)):
            if number >= MOST_TOKENS:
                return ""
            code, word, value, sign, brace, text = token.groups()
            if brace:
                self._turn(brace)
            elif word:
                self._obey(word, value)
            elif code:
                self._add(bytes.fromhex(code.decode()))
            elif sign:
                self._put(SIGNS.get(sign, ""), sign)
            elif text:
                self._add(text)
        self._flush()
        return "".join(self._pieces).strip()

    def _turn(self, brace: bytes) -> None:
        """Enter or leave a group; one too deep is not told from the one around it."""
        if brace == b"{" and len(self._groups) < DEEPEST:
            self._groups.append(copy.copy(self._groups[-1]))
        elif brace == b"}" and len(self._groups) > 1:
            self._groups.pop()

    def _obey(self, word: bytes, value: bytes | None) -> None:
        """Do what a control word says."""
        group = self._groups[-1]
        number = int(value or b"1")
        if word in UNSEEN:
            group.is_unseen = True
        elif word == b"htmlrtf":
            group.is_markup = number != 0
        elif word == b"ansicpg":
            self._flush()
            self._charset = find_codec(f"cp{number}") or self._charset
        elif word == b"uc":
            group.fallback = max(0, min(number, 10))
        elif word == b"u":
            self._put(make_character(number))
            self._skipped = group.fallback
        elif word in SPOKEN:
            self._put(SPOKEN[word])

    def _put(self, text: str, sign: bytes = b"") -> None:
        """Put a character to the text; a star begins a group that only some programs read."""
        group = self._groups[-1]
        if sign == b"*":
            group.is_unseen = True
        elif not group.is_unseen and not group.is_markup:
            self._flush()
            self._pieces.append(text)

    def _add(self, data: bytes) -> None:
        """Put bytes to the text, save those that stand in for a character that has been put."""
        group = self._groups[-1]
        if group.is_unseen or group.is_markup:
            return
        kept = data[self._skipped :]
        self._skipped = max(0, self._skipped - len(data))
        self._bytes += kept

    def _flush(self) -> None:
        """Decode the bytes that were put together."""
        if self._bytes:
            self._pieces.append(decode_text(bytes(self._bytes), self._charset))
            self._bytes.clear()


def make_character(number: int) -> str:
    """Return the character of a number that may be written as if it were negative."""
    number = number + 65536 if number < 0 else number
    return chr(number) if number < HIGHEST and number not in SURROGATES else "\ufffd"
