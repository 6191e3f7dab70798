"""
Takes out of a text what programs packed into it: PGP's frames and files between lines of their own.

That a text is signed says nothing here: it is read, and no signature is checked.
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from ingest.mail.transfer import decode_uu

BEGIN = "-----BEGIN PGP "
ENCRYPTED = "MESSAGE-----"
SIGNED = "SIGNED MESSAGE-----"
END = "-----END PGP "
ARMOUR_HEADER = re.compile(r"(?:Hash|Charset|NotDashEscaped|Version|Comment|MessageID):.*")
UU_BEGIN = re.compile(r"begin [0-7]{3,4} (\S.{0,200})")
UU_LINE = re.compile(r"[ -`]{2,90}")
YENC_BEGIN = re.compile(r"=ybegin .*?name=(.{1,200})")
SIGNS_OF_ARMOUR = (BEGIN, "begin ", "=ybegin ")


class Packed(Struct, frozen=True):
    """A file that stood in the text itself."""

    name: str
    content: bytes
    """Decoded; empty where it was encoded in a way that only files are."""


class Unpacked(Struct, frozen=True):
    """A text without what was packed into it."""

    text: str
    files: tuple[Packed, ...] = ()
    is_encrypted: bool = False


def is_packed(text: str) -> bool:
    """Tell whether there may be anything to take off; of most texts nothing is."""
    return any(sign in text for sign in SIGNS_OF_ARMOUR)


def take_off_armour(text: str) -> Unpacked:
    """Return *text* without frames and files."""
    unpacker = Unpacker(text)
    kept = "\n".join(unpacker.read())
    return Unpacked(kept, tuple(unpacker.files), unpacker.is_encrypted)


class Unpacker:
    """Goes through a text line by line, once."""

    def __init__(self, text: str) -> None:
        self.files: list[Packed] = []
        self.is_encrypted = False
        self._lines = re.split(r"\r\n|\r|\n", text)
        self._position = 0
        self._signed = False

    def read(self) -> Iterator[str]:
        """Yield the lines that are text."""
        while self._position < len(self._lines):
            line = self._lines[self._position]
            self._position += 1
            if line.startswith(BEGIN):
                self._open_frame(line[len(BEGIN) :].rstrip())
            elif found := UU_BEGIN.fullmatch(line.rstrip()):
                yield from self._read_uu(line, found[1])
            elif found := YENC_BEGIN.match(line):
                self._skip_to("=yend")
                self.files.append(Packed(found[1].strip(), b""))
            else:
                yield line.removeprefix("- ") if self._signed else line

    def _open_frame(self, kind: str) -> None:
        """Go on behind the first lines of a frame; of all but a signed text nothing is read."""
        self._signed = kind == SIGNED
        if self._signed:
            self._skip_headers()
        else:
            self.is_encrypted |= kind == ENCRYPTED
            self._skip_to(END)

    def _skip_headers(self) -> None:
        """Go on behind ``Hash: SHA256`` and the empty line that follows."""
        while self._position < len(self._lines):
            line = self._lines[self._position].strip()
            if line and not ARMOUR_HEADER.fullmatch(line):
                return
            self._position += 1
            if not line:
                return

    def _skip_to(self, sign: str) -> None:
        """Go on behind the next line that begins with *sign*; without one, at the end."""
        while self._position < len(self._lines):
            self._position += 1
            if self._lines[self._position - 1].startswith(sign):
                return

    def _read_uu(self, line: str, name: str) -> Iterator[str]:
        """Read a uuencoded file; a sentence that begins like one is text."""
        begun = self._position
        while self._position < len(self._lines) and is_uu(self._lines[self._position]):
            self._position += 1
        if begun == self._position:
            yield line
            return
        content = "\n".join(self._lines[begun : self._position])
        self.files.append(Packed(name.strip(), decode_uu(content.encode("latin-1", "replace"))))
        self._skip_uu_end()

    def _skip_uu_end(self) -> None:
        """Go on behind the empty line and the ``end`` of a uuencoded file."""
        for sign in ("", "end"):
            if self._position < len(self._lines):
                line = self._lines[self._position].strip(" `")
                self._position += line == sign


def is_uu(line: str) -> bool:
    """Tell whether a line is one of a uuencoded file: its first character tells how long it is."""
    if not UU_LINE.fullmatch(line):
        return False
    length = (ord(line[0]) - 32) % 64
    wanted = (length + 2) // 3 * 4
    return length > 0 and abs(len(line) - 1 - wanted) <= 4  # noqa: PLR2004 -- blanks at the end are lost
