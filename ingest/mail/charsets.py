"""
Bytes of a mail to text: by the label, unless the bytes plainly say otherwise.

Russian mail comes in five single-byte alphabets whose labels are wrong often enough. UTF-8 shows
by itself; the others are told apart by how common the letters are that each would make.
"""

import codecs
import re

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
FOREIGN = re.compile(rb"[\x80-\xff]")
SAMPLE = 800
"""Bytes that a guess looks at, from the first that is no ASCII."""
LETTERS = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё"
"""By how common they are in Russian."""
WEIGHTS = {letter: 12 - place for place, letter in enumerate(LETTERS)}
HARMLESS = frozenset("«»№—–…“”„’•°\u00a0")
TRUST = 60
"""How much better another alphabet must do than the one on the label: four letters or so."""


def decode_text(data: bytes, label: str = "") -> str:
    """Return *data* as text; whatever the label, it never raises."""
    codec = find_codec(label)
    marked = next((name for mark, name in MARKS if data.startswith(mark)), "")
    if marked or codec.startswith(("utf-16", "utf-32", "iso2022", "hz")):
        return data.decode(marked or codec, "replace").lstrip("\ufeff")
    if data.isascii():
        return data.decode("ascii")
    if is_utf8(data, codec):
        return data.decode("utf-8", "replace")
    if codec in CYRILLIC or codec in VAGUE:
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
    scores = {name: score_russian(sample.decode(name, "replace")) for name in CYRILLIC}
    if codec in scores:
        scores[codec] += TRUST
    best = max(scores, key=lambda name: scores[name])
    if scores[best] > 0 or codec in CYRILLIC:
        return best
    return "cp1252"


def score_russian(text: str) -> int:
    """Return how much *text* looks like Russian: common letters, words of one case and script."""
    score, before = 0, " "
    for character in text:
        if not character.isascii():
            score += score_character(character, before)
        before = character
    return score


def score_character(character: str, before: str) -> int:
    """Weigh one character beyond ASCII by itself and by the one before it."""
    weight = WEIGHTS.get(character.lower(), 0 if character in HARMLESS else -15)
    if before.isalpha() and (before.isascii() or (before.islower() and character.isupper())):
        weight -= 30
    return weight
