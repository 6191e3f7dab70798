"""
How gateways write the characters of a text, and what they get wrong about it. Pure.

Whatever the bytes are, text comes out: what is no character shows as U+FFFD. A database may be
given the result once :func:`ingest.channels.gateways.request.clean_text` was over it.
"""

import re
from urllib.parse import unquote_to_bytes

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""GSM 03.38's default alphabet: the character of each septet."""
EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
"""What a septet means behind the escape."""
ESCAPE = 0x1B
SEPTETS = len(BASIC)

CODINGS = {1: "ascii", 3: "latin-1", 6: "iso8859_5", 7: "iso8859_8", 8: "utf-16-be"}
"""SMPP's ``data_coding`` values that name a charset; 0 and unknown ones are looked at."""
UCS2 = 8

HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*")
ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")


def decode_gsm(data: bytes) -> str:
    """
    Read unpacked septets of GSM 03.38.

    An unknown one behind the escape stands for itself, as the standard wants it.
    """
    characters = []
    escaped = False
    for septet in data:
        if septet >= SEPTETS:
            characters.append("\ufffd")
        elif escaped:
            characters.append(EXTENSION.get(septet, BASIC[septet]))
        elif septet != ESCAPE:
            characters.append(BASIC[septet])
        escaped = septet == ESCAPE and not escaped
    return "".join(characters)


def decode_ucs2(data: bytes) -> str:
    """Read UCS-2, big-endian unless a byte order mark says otherwise; emoji come as pairs."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return data.decode("utf-16", "replace")
    return data.decode("utf-16-be", "replace")


def decode_coding(data: bytes, coding: int) -> str:
    """
    Read the bytes of a short message by its SMPP ``data_coding``.

    0 is the centre's own alphabet: GSM's nearly everywhere, but some centres send UTF-8 or Latin.
    """
    if coding == UCS2:
        return decode_ucs2(data)
    if coding in CODINGS:
        return data.decode(CODINGS[coding], "replace")
    return decode_gsm(data) if max(data, default=0) < SEPTETS else decode_labelled(data, "cp1252")


def decode_binary(data: bytes) -> str:
    """
    Read the bytes of a text of which nobody says how it is written.

    Latin and Cyrillic in UCS-2 have high bytes of 0 and 4, which no other text has.
    """
    is_ucs2 = bool(data) and len(data) % 2 == 0 and set(data[::2]) <= {0, 4}
    return decode_coding(data, UCS2 if is_ucs2 else 0)


def decode_labelled(data: bytes, charset: str) -> str:
    """
    Read bytes in *charset*, unless that is plainly the wrong label.

    Bytes above ASCII make valid UTF-8 only where they are UTF-8: Cyrillic in cp1251 never does.
    Those that are neither valid UTF-8 nor *charset* are tried as cp1251, our customers' other one.
    """
    if charset.lower().replace("_", "-").startswith(("utf-16", "utf-32")):
        return data.decode(charset, "replace")
    for name in ("utf-8", charset, "cp1251"):
        try:
            return data.decode(name).removeprefix("\ufeff")
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("utf-8", "replace")


def decode_hex(text: str) -> bytes | None:
    """Read hexadecimal digits, blanks around them allowed; None when it is something else."""
    text = text.strip()
    return bytes.fromhex(text) if HEX.fullmatch(text) else None


def mend_percent(value: bytes) -> bytes:
    """
    Undo percent-encoding that was done twice (``%25D0%259F``); *value* was decoded once.

    Only where all of it was encoded so: no blank, no bare percent sign, no byte above ASCII. What
    encoders leave alone anyway (letters, digits) a customer wrote: ``54%30`` must not become 540.
    """
    found = ESCAPED.findall(value)
    if not found or len(found) != value.count(b"%") or b" " in value or not value.isascii():
        return value
    meant = [bytes.fromhex(one.decode()) for one in found]
    if any(one.isalnum() or (one < b" " and one not in b"\n\r") for one in meant):
        return value
    mended = unquote_to_bytes(value.replace(b"+", b" "))
    try:
        mended.decode()
    except UnicodeDecodeError:
        return value
    return mended
