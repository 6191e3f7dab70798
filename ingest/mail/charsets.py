"""
Bytes of a mail to text: by the label, unless the bytes plainly say otherwise.

Russian mail comes in five single-byte alphabets whose labels are wrong often enough. UTF-8 shows
by itself; the others are told apart by how common the letters are that each would make.
"""

import codecs
import re
from collections import Counter
from collections.abc import Mapping

CYRILLIC = ("cp1251", "koi8-r", "cp866", "iso8859-5", "mac-cyrillic")
"""Guessed among, in this order where the letters leave a doubt."""
VAGUE = ("", "ascii", "iso8859-1", "iso8859-15", "cp1252", "utf-8")
"""Labels that programs write without looking; utf-8 too, once the bytes are none."""
ALIASES = {
    "cp-1251": "cp1251",
    "win-1251": "cp1251",
    "win1251": "cp1251",
    "windows1251": "cp1251",
    "x-cp1251": "cp1251",
    "cp-866": "cp866",
    "dos-866": "cp866",
    "koi8": "koi8-r",
    "koi8r": "koi8-r",
    "utf": "utf-8",
    "unicode": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "x-mac-cyrillic": "mac-cyrillic",
    "ks_c_5601-1987": "cp949",
}
READABLE = re.compile(
    r"utf-(8|16|32)(-[lb]e)?|utf-8-sig|cp[0-9]+|koi8-[rtu]|iso8859-[0-9]+|mac-[a-z]+|ascii"
    r"|gb[0-9k]+|big5\w*|shift_jis\w*|euc_\w+|iso2022_\w+|hz"
)
"""Codecs that may be named from outside: Python's list also holds zip, punycode and utf-7."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SHIFTING = ("utf-32", "iso2022", "hz")
SHIFT = re.compile(rb"[\0\x1b]|~\{")
"""What stands in text that is written in ASCII's bytes and is none."""
FOREIGN = re.compile(rb"[\x80-\xff]")
SAMPLE = 800
"""Bytes that a guess looks at, from the first that is no ASCII."""
LETTERS = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"
"""By how common they are in Russian."""
WEIGHTS = {letter: 12 - place for place, letter in enumerate(LETTERS)}
HARMLESS = frozenset("«»№—–…“”„’•°\u00a0")
SEAM = re.compile(rb"[A-Za-z](?=[\x80-\xff])")
"""Where a word changes from Latin letters to others."""
SEAM_COST = 30
TRUST = 60
"""How much better another alphabet must do than the one on the label: four letters or so."""


def decode_text(data: bytes, label: str = "") -> str:
    """Return *data* as text; whatever the label, it never raises."""
    if data.isascii() and not SHIFT.search(data):
        return data.decode("ascii")
    codec = find_codec(label)
    marked = next((name for mark, name in MARKS if data.startswith(mark)), "")
    if marked or codec.startswith(SHIFTING):
        return data.decode(marked or codec, "replace").lstrip("\ufeff")
    if (b"\0" in data[:SAMPLE] or codec.startswith("utf-16")) and (wide := guess_wide(data)):
        return data.decode(wide, "replace")
    if is_utf8(data, codec):
        return data.decode("utf-8", "replace")
    if codec in CYRILLIC or codec in VAGUE or codec.startswith("utf-16"):
        codec = guess_alphabet(data, codec)
    return data.decode(codec, "replace")


def find_codec(label: str) -> str:
    """Return Python's name for the charset on a label, or an empty string."""
    name = label.strip(" \t\"'").lower()[:64]
    try:
        codec = codecs.lookup(ALIASES.get(name, name)).name
    except (LookupError, ValueError):
        return ""
    return codec if READABLE.fullmatch(codec) else ""


def guess_wide(data: bytes) -> str:
    """
    Return which UTF-16 *data* is, or an empty string: labels and marks are often missing.

    Of each pair of bytes one says whether it is ASCII or Cyrillic, and it is always the same one.
    """
    sample = data[: SAMPLE // 2 * 2]
    first, second = (side.count(0) + side.count(4) for side in (sample[::2], sample[1::2]))
    if max(first, second) * 5 < len(sample) * 2 or min(first, second) * 2 > max(first, second):
        return ""
    return "utf-16-be" if first > second else "utf-16-le"


def is_utf8(data: bytes, codec: str) -> bool:
    """Tell whether *data* is UTF-8; a single bad byte is forgiven where the label says so."""
    text = data.decode("utf-8", "replace")
    bad = text.count("\ufffd")
    if not bad:
        return True
    return codec == "utf-8" and bad * 10 < len(data) - len(text)


def guess_alphabet(data: bytes, codec: str) -> str:
    """Return the alphabet in which *data* looks most like Russian; the label has a head start."""
    begin = FOREIGN.search(data)
    start = begin.start() if begin else 0
    sample = data[max(0, start - 1) : start + SAMPLE]
    counts = Counter(sample)
    scores = {one.name: one.score(sample, counts) for one in ALPHABETS}
    if codec in scores:
        scores[codec] += TRUST
    best = max(scores, key=lambda name: scores[name])
    if scores[best] > len(SEAM.findall(sample)) * SEAM_COST or codec in CYRILLIC:
        return best
    return "cp1252"


class Alphabet:
    """One of the five alphabets, as what each byte would weigh in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        letters = {byte: bytes([byte]).decode(name, "replace") for byte in range(0x80, 0x100)}
        self._weights = {byte: weigh(letter) for byte, letter in letters.items()}
        small, large = (
            re.escape(bytes(byte for byte, letter in letters.items() if is_kind(letter)))
            for is_kind in (str.islower, str.isupper)
        )
        self._humps = re.compile(b"[%b](?=[%b])" % (small, large))
        """Where a capital follows a small letter."""

    def score(self, sample: bytes, counts: Mapping[int, int]) -> int:
        """Return how much *sample* looks like Russian: common letters, words of one case."""
        weights = self._weights
        score = sum(count * weights[byte] for byte, count in counts.items() if byte in weights)
        return score - SEAM_COST * len(self._humps.findall(sample))


def weigh(letter: str) -> int:
    """Return how common a character beyond ASCII is in Russian text."""
    return WEIGHTS.get(letter.lower(), 0 if letter in HARMLESS else -15)


ALPHABETS = tuple(map(Alphabet, CYRILLIC))
