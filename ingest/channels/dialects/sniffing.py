"""
Tells in which encoding a file is written, from all of its bytes; nothing is decided line by line.

UTF-8 shows by itself. The alphabets of one byte a letter are told apart by how common the letters
are that each would make.
"""

import codecs
from collections import Counter

from ingest.mail.charsets import ALPHABETS
from ingest.settings import Encoding

ASCII = bytes(range(0x80))
NAMES: tuple[Encoding, ...] = ("cp1251", "koi8-r", "cp866")
"""In this order where the letters leave a doubt."""
CANDIDATES = [(name, one) for name in NAMES for one in ALPHABETS if one.name == name]
FORGIVEN = 10
"""So many sound characters of UTF-8 outweigh a damaged one."""
SURE = 60
"""What letters must come to before a file is said to be in another encoding than it should be."""


class Sniffer:
    """Takes the blocks of one file in order."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._last = b""
        self._characters = 0
        """Beyond ASCII, if this were UTF-8; those that are none of it included."""
        self._bad = 0
        self._scores = dict.fromkeys(NAMES, 0)

    def feed(self, block: bytes) -> None:
        """Take the next bytes."""
        if block.isascii() and not self._decoder.getstate()[0]:
            self._last = block[-1:] or self._last
            return
        foreign = block.translate(None, ASCII)
        self.count_characters(self._decoder.decode(block), len(block) - len(foreign))
        counts = Counter(foreign)
        for name, alphabet in CANDIDATES:
            self._scores[name] += alphabet.score(self._last + block, counts)
        self._last = block[-1:]

    def count_characters(self, text: str, plain: int) -> None:
        """Count what is beyond ASCII, which *plain* of the characters are not."""
        self._bad += text.count("\ufffd")
        self._characters += len(text) - plain

    def choose(self) -> Encoding:
        """Return the encoding of the file; that of one without foreign letters is UTF-8."""
        self.count_characters(self._decoder.decode(b"", final=True), 0)
        if self.is_utf8:
            return "utf-8"
        return max(NAMES, key=lambda name: self._scores[name])

    @property
    def is_utf8(self) -> bool:
        """Whether nearly all characters beyond ASCII are sound UTF-8."""
        return not self._bad or self._bad * FORGIVEN < self._characters - self._bad

    def find_other(self, wanted: Encoding) -> Encoding | None:
        """
        Return in which encoding the file plainly is instead of *wanted*; None: in no other.

        UTF-8 proves itself, and what is none is no UTF-8. Letters are a guess, which says nothing
        against an alphabet that somebody configured: names and short words may be all there is.
        """
        found = self.choose()
        if found == wanted or not self._characters:
            return None
        if found == "utf-8":
            return found if self._characters > self._bad else None
        return found if wanted == "utf-8" and self._scores[found] >= SURE else None
