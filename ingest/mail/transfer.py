"""
Takes a part out of what it was packed in for the journey; never raises, however badly it is packed.

Programs break these encodings in a handful of ways that all leave the text readable: padding that
is missing, junk between the characters, a footer that a mailing list put below, lines cut short.
"""

import binascii
import re

BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
BLANKS = b" \t\r\n\v\f"
NO_BASE64 = bytes(set(range(256)) - set(BASE64 + b"="))
SAMPLE = 4096
"""Bytes that tell whether a text is what it says."""
SLOPPY = 16
"""One character in so many may be no base64 before it is taken for text that only says so."""
PADDING = re.compile(rb"=+")
MOST_RUNS = 1000
"""Pieces of base64, each with padding of its own, that were put one behind the other."""
LOOSE_BREAK = re.compile(rb"=[ \t]+(?=\r?\n)")
ESCAPES = re.compile(rb"(?:=[89A-F][0-9A-F]){4}")
"""Four bytes beyond ASCII in a row: quoted-printable, though nobody said so."""
UU_BEGIN = re.compile(rb"begin [0-7]{3,4} [^\r\n]{1,255}\r?\n")


def decode_transfer(data: bytes, encoding: str) -> bytes:
    """Undo the Content-Transfer-Encoding *encoding*, in lower case, of *data*."""
    if encoding.startswith("base"):
        return decode_base64_text(data)
    if encoding.startswith("quoted"):
        return decode_quoted(data)
    if "uu" in encoding:
        begun = UU_BEGIN.search(data)
        return decode_uu(data[begun.end() :] if begun else data)
    if not encoding and ESCAPES.search(data, 0, SAMPLE * 5):
        return decode_quoted(data)
    return data


def decode_base64_text(data: bytes) -> bytes:
    """Decode base64 with what a program has put below it; text that is no base64 stays text."""
    encoded, _, rest = data.partition(b"=")
    sample = encoded[:SAMPLE]
    if len(sample.translate(None, BASE64 + BLANKS)) * SLOPPY > len(sample):
        return data
    below = rest.lstrip(b"=" + BLANKS)
    if not below:
        return decode_run(encoded.translate(None, NO_BASE64))
    if below.translate(None, BASE64 + BLANKS + b"="):
        return decode_base64(encoded) + b"\n" + below
    return decode_base64(data)


def decode_base64(data: bytes) -> bytes:
    """Decode base64 as far as it goes: foreign characters and missing padding are forgiven."""
    runs = PADDING.split(data.translate(None, NO_BASE64), MOST_RUNS)
    return b"".join(decode_run(run.replace(b"=", b"")) for run in runs if run)


def decode_run(run: bytes) -> bytes:
    """Decode what stands before one padding; a last character alone holds less than a byte."""
    whole = run[:-1] if len(run) % 4 == 1 else run
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))


def decode_quoted(data: bytes) -> bytes:
    """Decode quoted-printable; blanks behind a soft line break were put there on the way."""
    if b"= " in data or b"=\t" in data:
        data = LOOSE_BREAK.sub(b"=", data)
    return binascii.a2b_qp(data)


def decode_uu(data: bytes) -> bytes:
    """Decode the lines of a uuencoded file up to the first that is none."""
    decoded = []
    for line in data.splitlines():
        if not line.strip() or line.strip() in (b"`", b"end"):
            break
        try:
            decoded.append(binascii.a2b_uu(line))
        except binascii.Error:
            break
    return b"".join(decoded)
