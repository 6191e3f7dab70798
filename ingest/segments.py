"""
What a text costs as SMS, and how to make it cost less. Pure.

A text in the GSM alphabet has 160 septets in one SMS and 153 in each of several; a single letter
outside it makes all of it UCS-2, with 70 and 67 units. Every SMS is paid for.
"""

import re
import unicodedata
from collections.abc import Iterable

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The letters of the GSM alphabet (3GPP TS 23.038); each is one septet."""
EXTENSION = frozenset("^{}\\[~]|€\f")
"""Those that an escape goes before: two septets, which one SMS must hold together."""

GSM_ALONE, GSM_EACH = 160, 153
UCS2_ALONE, UCS2_EACH = 70, 67
BEYOND_UCS2 = 0xFFFF
SPARE = 2
"""Septets or units by which a part that is full may fall short."""

FORBIDDEN = re.compile("[\0-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060\ufeff]")
"""What telephones show as boxes, or what turns the text round; a line break is none of it."""
LONE = re.compile("[\ud800-\udfff]")

LATIN = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z",
    "и": "i", "й": "y", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r",
    "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh",
    "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya",
}  # fmt: skip
"""Letters as passports have them (ICAO 9303), but for й, ю and я, which people write with a y."""
SIGNS = {
    "«": '"', "»": '"', "„": '"', "“": '"', "”": '"', "‘": "'", "’": "'",
    "—": "-", "–": "-", "−": "-", "‑": "-", "…": "...", "№": "N", "·": ".", "×": "x",
    "\u00a0": " ", "\u202f": " ", "\u2009": " ",
}  # fmt: skip


def is_gsm(text: str) -> bool:
    """Tell whether *text* needs no letter outside the GSM alphabet."""
    return all(char in BASIC or char in EXTENSION for char in text)


def count_segments(text: str) -> int:
    """Return how many SMS *text* takes; an empty one takes one."""
    if is_gsm(text):
        return count_packed((1 + (char in EXTENSION) for char in text), GSM_ALONE, GSM_EACH)
    return count_packed((1 + (ord(char) > BEYOND_UCS2) for char in text), UCS2_ALONE, UCS2_EACH)


def count_packed(sizes: Iterable[int], alone: int, each: int) -> int:
    """Count the SMS that letters of these sizes fill, where no letter is torn in two."""
    sizes = list(sizes)
    if sum(sizes) <= alone:
        return 1
    segments, left = 1, each
    for size in sizes:
        if size > left:
            segments, left = segments + 1, each
        left -= size
    return segments


def is_full_part(text: str) -> bool:
    """
    Tell whether *text* fills one part of a long one, so that more may follow it.

    A reference of two bytes takes the room of one letter, and so does a letter of two units that
    did not fit any more.
    """
    if is_gsm(text):
        size, each = sum(1 + (char in EXTENSION) for char in text), GSM_EACH
    else:
        size, each = sum(1 + (ord(char) > BEYOND_UCS2) for char in text), UCS2_EACH
    return each - SPARE <= size <= each


def clean_sms(text: str) -> str:
    """Return *text* without what no SMS should carry; what it says stays."""
    unbroken = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return LONE.sub("?", FORBIDDEN.sub("", unbroken))


def transliterate(text: str) -> str:
    """
    Return *text* in the GSM alphabet: Cyrillic in Latin letters, signs by their plain likes.

    Digits and Latin letters, hence amounts and receipts, stay as they are.
    """
    return "".join(map(spell, text))


def spell(char: str) -> str:
    """Return one character in the GSM alphabet; what has no like becomes a question mark."""
    if char in BASIC or char in EXTENSION:
        return char
    latin = LATIN.get(char.lower())
    if latin is not None:
        return latin.capitalize() if char.isupper() else latin
    if char in SIGNS:
        return SIGNS[char]
    pieces = unicodedata.normalize("NFKD", char)
    plain = "".join(piece for piece in pieces if not unicodedata.combining(piece))
    return plain if is_gsm(plain) else "?"
