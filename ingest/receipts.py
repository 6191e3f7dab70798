"""
Receipt codes such as ``7K4M-2Q9X``: eight symbols that can be read out on the phone.

The alphabet has 23 symbols: no vowels (no words), and of each pair that looks alike (0 and O,
1 and I or L, 2 and Z, 5 and S, 8 and B, U and V) at most one. 23 is prime, which makes the check
a theorem instead of a hope. A code is valid when the sum of its symbols, weighted 8 7 6 5 4 3 2 1,
leaves the remainder 16 when divided by 23:

* One wrong symbol changes the sum by ``weight * difference``. Neither factor is a multiple of 23,
  so their product is none: the mistake is caught.
* Two symbols that change places change it by ``(difference of weights) * (difference of
  symbols)``. Again neither is a multiple of 23: caught, whether they were neighbours or not.

The remainder is not 0, so that a row of first symbols is no code, and of the others the one for
which the example above is a code. The last symbol, of weight 1, is the check symbol; the seven
before it are free: 23^7 = 3,404,825,447 codes. Drawn at random they are not guessable from one
another, but two draws may meet: whoever records a code draws again when it is taken.
"""

import re
import unicodedata

ALPHABET = "23456789CDFGHJKMNPQRTWX"
LENGTH = 8
"""Symbols of a code, without the hyphen."""
CAPACITY = len(ALPHABET) ** (LENGTH - 1)
"""How many codes there are."""

REMAINDER = 16

LOOKALIKES = str.maketrans("КМХТРСНЈВЗBSZ", "KMXTPCHJ83852")
"""
Cyrillic letters for the Latin ones they look like, and symbols outside of the alphabet for the one
in it that they can only have been meant for.
"""
NOISE = re.compile(r"[\s.\-_\u00ad\u200b-\u200f\u2010-\u2015\u2060\u2212\ufeff]+")
SYMBOLS = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")
LINE = re.compile(r"[1-9][0-9]{0,9}")
LONGEST = 64
"""Characters beyond which a text is no receipt, however it is spaced."""


def render_receipt(number: int) -> str:
    """Return the code of *number*, ``0 <= number < CAPACITY``; draw it from ``secrets``."""
    if not 0 <= number < CAPACITY:
        raise ValueError(f"found {number}, wanted 0 to {CAPACITY - 1}")
    symbols = ""
    for _ in range(LENGTH - 1):
        number, digit = divmod(number, len(ALPHABET))
        symbols = ALPHABET[digit] + symbols
    symbols += ALPHABET[(REMAINDER - weigh(symbols)) % len(ALPHABET)]
    return f"{symbols[:4]}-{symbols[4:]}"


def parse_receipt(text: str) -> str | None:
    """Return the canonical form of a code as people write it; None when it is not one of ours."""
    if len(text) > LONGEST:
        return None
    symbols = NOISE.sub("", unicodedata.normalize("NFKC", text)).upper().translate(LOOKALIKES)
    if not SYMBOLS.fullmatch(symbols) or weigh(symbols) % len(ALPHABET) != REMAINDER:
        return None
    return f"{symbols[:4]}-{symbols[4:]}"


def weigh(symbols: str) -> int:
    """Return the weighted sum of *symbols*; a missing check symbol counts as zero."""
    return sum(
        weight * ALPHABET.index(symbol)
        for weight, symbol in zip(range(LENGTH, 0, -1), symbols, strict=False)
    )


def line_receipt(receipt: str, line: int) -> str:
    """Return the receipt of one line of a registry: ``7K4M-2Q9X/17``."""
    return f"{receipt}/{line}"


def split_receipt(text: str) -> tuple[str, int | None] | None:
    """Return the code and the line of a receipt as people write it; None when it is none."""
    code, slash, line = text.partition("/")
    receipt = parse_receipt(code)
    if receipt is None:
        return None
    if not slash:
        return receipt, None
    return (receipt, int(line)) if LINE.fullmatch(line := line.strip()) else None
