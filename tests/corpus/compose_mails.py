"""
Writes those mails of the corpus whose bytes nobody can type: other alphabets, broken packing.

``python -P tests/corpus/compose_mails.py`` writes them again; the expectations beside them are
written by hand, as all the other mails are.
"""

import base64
import binascii
import quopri
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

FOLDER = Path(__file__).parent / "mails"
LETTER = "Добрый день!\r\nПоказания счётчика: 123456789012*5467;\r\nСпасибо! Иван Петров\r\n"
READING = "123456789012*5467;"
HEAD = (
    b"Received: from smtp.example.org (smtp.example.org [192.0.2.25])\r\n"
    b"\tby mx.energy.example with ESMTP; Tue, 24 Nov 2026 11:20:07 +0700\r\n"
    b"From: ivan@example.org\r\nTo: energy@energy.example\r\n"
    b"Date: Tue, 24 Nov 2026 11:20:05 +0700\r\n"
)


def write(
    content: bytes, *, kind: str = "text/plain", encoding: str = "", head: bytes = b"", name: str
) -> bytes:
    """Return a mail of one part; *name* makes its Message-ID."""
    lines = [f"Message-ID: <{name}@example.org>", "MIME-Version: 1.0"]
    if kind:
        lines.append(f"Content-Type: {kind}")
    if encoding:
        lines.append(f"Content-Transfer-Encoding: {encoding}")
    return HEAD + head + "\r\n".join([*lines, "", ""]).encode() + content


def encode_base64(content: bytes) -> bytes:
    """Return base64 with the line ends of mail."""
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def encode_quoted(content: bytes) -> bytes:
    """Return quoted-printable with the line ends of mail."""
    return quopri.encodestring(content.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")


CHARSETS = {
    # name: label on the mail, alphabet of its bytes
    "koi8-r": ("koi8-r", "koi8-r"),
    "windows-1251": ("windows-1251", "cp1251"),
    "cp866": ("cp866", "cp866"),
    "iso-8859-5": ("iso-8859-5", "iso8859-5"),
    "mac-cyrillic": ("x-mac-cyrillic", "mac-cyrillic"),
    "utf-8-called-latin-1": ("iso-8859-1", "utf-8"),
    "windows-1251-called-latin-1": ("iso-8859-1", "cp1251"),
    "windows-1251-called-utf-8": ("utf-8", "cp1251"),
    "windows-1251-called-koi8-r": ("koi8-r", "cp1251"),
    "koi8-r-called-windows-1251": ("windows-1251", "koi8-r"),
    "koi8-r-called-ascii": ("us-ascii", "koi8-r"),
    "cp-1251": ('"cp-1251"', "cp1251"),
    "unknown-charset": ("x-unknown", "cp1251"),
    "no-charset": ("", "koi8-r"),
    "utf-16-marked": ("utf-16", "utf-16"),
    "utf-16-unmarked": ("utf-16", "utf-16-be"),
    "utf-16-unlabelled": ("", "utf-16-le"),
    "utf-7": ("utf-7", "utf-7"),
}


def compose_charsets() -> Iterator[tuple[str, bytes]]:
    """One letter in the alphabets of a country, and under the labels that they come with."""
    for name, (label, codec) in CHARSETS.items():
        kind = f"text/plain; charset={label}" if label else "text/plain"
        body = LETTER.encode(codec)
        wide = codec.startswith("utf-16")
        packed = encode_base64(body) if wide else body
        yield name, write(packed, kind=kind, encoding="base64" if wide else "8bit", name=name)
    twice = LETTER.encode().decode("cp1251", "replace")
    yield (
        "encoded-twice",
        write(
            twice.encode(), kind="text/plain; charset=utf-8", encoding="8bit", name="encoded-twice"
        ),
    )
    bad = LETTER.encode().replace(b"\xd0\x9f", b"\xd0", 1)
    yield "one-bad-byte", write(bad, kind="text/plain; charset=utf-8", encoding="8bit", name="bad")


def compose_headers() -> Iterator[tuple[str, bytes]]:
    """Headers beyond ASCII that no standard allows, and those that are cut in the wrong place."""
    raw = "Показания Иванова".encode("cp1251")
    body = READING.encode() + b"\r\n"
    yield "subject-8bit", write(body, head=b"Subject: " + raw + b"\r\n", name="h1")
    koi = base64.b64encode("Показания".encode("koi8-r")).decode()
    wrong = f"Subject: =?iso-8859-1?B?{koi}?=\r\n".encode()
    yield "subject-wrong-charset", write(body, head=wrong, name="h2")
    whole = "Показания счётчика за ноябрь".encode()
    first, second = (base64.b64encode(half).decode() for half in (whole[:21], whole[21:]))
    cut = f"Subject: =?UTF-8?B?{first}?=\r\n =?UTF-8?B?{second}?=\r\n".encode()
    yield "subject-cut-in-a-letter", write(body, head=cut, name="h3")
    quoted = quopri.encodestring("Показания".encode("cp1251"), header=True).decode()
    q = f"Subject: =?windows-1251?Q?{quoted}?= =?us-ascii?Q?_2026?=\r\n".encode()
    yield "subject-q", write(body, head=q, name="h4")
    twelve = "Л/с 123456789012 показания 5467".encode("koi8-r")
    yield "subject-8bit-reading", write(b"", head=b"Subject: " + twelve + b"\r\n", name="h5")


def compose_packing() -> Iterator[tuple[str, bytes]]:
    """Transfer encodings, and the ways in which programs get them wrong."""
    utf8, plain = LETTER.encode(), "text/plain; charset=utf-8"
    packed = encode_base64(utf8)

    def put(name: str, content: bytes, encoding: str = "base64") -> tuple[str, bytes]:
        return name, write(content, kind=plain, encoding=encoding, name=name)

    yield put("base64", packed)
    yield put("base64-unpadded", packed.rstrip(b"=\r\n"))
    yield put("base64-cut-off", packed[:-9])
    yield put("base64-with-blanks", packed.replace(b"0", b"0 ").replace(b"\r\n", b" \r\n\t"))
    yield put("base64-with-junk", packed[:40] + b"\x00*!" + packed[40:])
    footer = "--\r\nПроверено: вирусов нет. http://av.example/\r\n".encode()
    yield put("base64-with-footer", packed.rstrip() + b"==\r\n" * (b"=" not in packed) + footer)
    halves = encode_base64(utf8[:61]) + encode_base64(utf8[61:])
    yield put("base64-in-two", halves)
    yield put("base64-that-is-none", utf8)
    yield put("quoted", encode_quoted(utf8), "quoted-printable")
    inside = encode_quoted(utf8).replace(b"789012", b"78=\r\n9012").replace(b"5467", b"5=\r\n467")
    yield put("quoted-break-in-number", inside, "quoted-printable")
    yield put("quoted-small-letters", encode_quoted(utf8).lower(), "quoted-printable")
    loose = inside.replace(b"=\r\n", b"= \t\r\n")
    yield put("quoted-blanks-behind-break", loose, "quoted-printable")
    junk = encode_quoted(utf8).rstrip() + b" =ZZ =5 =\r\n="
    yield put("quoted-with-junk", junk, "quoted-printable")
    yield put("quoted-undeclared", encode_quoted(utf8), "")
    yield put("unknown-encoding", utf8, "x-none")
    lines = [utf8[at : at + 45] for at in range(0, len(utf8), 45)]
    uu = b"begin 644 letter.txt\r\n" + b"".join(
        binascii.b2a_uu(line).replace(b"\n", b"\r\n") for line in lines
    )
    yield put("uuencoded-as-a-whole", uu + b"`\r\nend\r\n", "x-uuencode")


def compose_line_ends() -> Iterator[tuple[str, bytes]]:
    """Mails of programs that end lines in their own way."""
    whole = write(LETTER.encode(), kind="text/plain; charset=utf-8", encoding="8bit", name="lines")
    yield "cr-only", whole.replace(b"\r\n", b"\r")
    yield "lf-only", whole.replace(b"\r\n", b"\n")
    yield "cr-doubled", whole.replace(b"\r\n", b"\r\r\n")
    head, _, body = whole.partition(b"\r\n\r\n")
    yield "lf-head-crlf-body", head.replace(b"\r\n", b"\n") + b"\n\n" + body
    yield "crlf-head-cr-body", head + b"\r\n\r\n" + body.replace(b"\r\n", b"\r")


def attribute(level: int, kind: int, value: bytes) -> bytes:
    """Return one attribute of a winmail.dat with its check sum."""
    return (
        struct.pack("<BII", level, kind, len(value)) + value + struct.pack("<H", sum(value) % 65536)
    )


def properties(*given: tuple[int, int, bytes]) -> bytes:
    """Return MAPI properties of a variable width: type, id, value."""
    packed = struct.pack("<I", len(given))
    for kind, name, value in given:
        padding = b"\0" * (-len(value) % 4)
        packed += struct.pack("<HHII", kind, name, 1, len(value)) + value + padding
    return packed


def compress_rtf(rich: bytes) -> bytes:
    """Return rich text as Outlook compresses it, without referring back."""
    packed = b"".join(b"\0" + rich[at : at + 8] for at in range(0, len(rich), 8))
    return struct.pack("<IIII", len(packed) + 12, len(rich), 0x75465A4C, 0) + packed


def winmail(*attributes: bytes) -> bytes:
    """Return a winmail.dat as the only part of a mail beside an empty text."""
    content = b"\x78\x9f\x3e\x22\x01\x00" + b"".join(attributes)
    parts = [
        b'Content-Type: text/plain; charset="koi8-r"\r\n\r\n\r\n',
        b'Content-Type: application/ms-tnef; name="winmail.dat"\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\n" + encode_base64(content),
    ]
    mark = b"------_=_NextPart_001_01DB3F"
    return b"".join(b"\r\n" + mark + b"\r\n" + part for part in parts) + b"\r\n" + mark + b"--\r\n"


def compose_winmail() -> Iterator[tuple[str, bytes]]:
    """What Outlook hides in a winmail.dat."""
    rich = (
        b"{\\rtf1\\ansi\\ansicpg1251\\fromtext \\deff0{\\fonttbl{\\f0\\fswiss\\fcharset204 Arial;}}"
        b"\r\n\\uc1\\pard\\plain\\deftab360 \\f0\\fs20 "
        b"\\'cf\\'ee\\'ea\\'e0\\'e7\\'e0\\'ed\\'e8\\'ff:\\par\r\n123456789012*5467;\\par\r\n}\r\n"
    )
    page = "<html><body><p>Показания:</p><p>123456789012*5467;</p></body></html>".encode("cp1251")
    bodies = {
        "winmail-text": attribute(1, 0x00069007, struct.pack("<II", 1251, 0))
        + attribute(1, 0x0002800C, LETTER.encode("cp1251") + b"\0"),
        "winmail-body": attribute(
            1, 0x00069003, properties((0x1E, 0x1000, LETTER.encode("cp1251") + b"\0"))
        ),
        "winmail-unicode": attribute(
            1, 0x00069003, properties((0x1F, 0x1000, (LETTER + "\0").encode("utf-16-le")))
        ),
        "winmail-html": attribute(1, 0x00069003, properties((0x102, 0x1013, page))),
        "winmail-rtf": attribute(1, 0x00069003, properties((0x102, 0x1009, compress_rtf(rich)))),
        "winmail-file": attribute(2, 0x00069002, b"\0" * 14)
        + attribute(2, 0x00018010, "показания.txt".encode("cp1251") + b"\0")
        + attribute(2, 0x0006800F, READING.encode()),
        "winmail-cut-off": attribute(1, 0x0002800C, LETTER.encode("cp1251"))[:-20],
    }
    kind = 'multipart/mixed; boundary="----_=_NextPart_001_01DB3F"'
    for name, body in bodies.items():
        yield name, write(winmail(body), kind=kind, name=name)
    yield (
        "winmail-that-is-none",
        write(winmail()[:-40], kind=kind, name="none").replace(
            encode_base64(b"\x78\x9f\x3e\x22\x01\x00"), encode_base64(b"not a winmail.dat")
        ),
    )


def nest(depth: int) -> bytes:
    """Return a mail with *depth* multipart inside each other, and a reading in the last."""
    level = "Content-Type: multipart/mixed; boundary=b{0}\r\n\r\n--b{0}\r\n"
    opened = "".join(level.format(number) for number in range(depth))
    return HEAD + f"Message-ID: <{depth}@example.org>\r\n{opened}\r\n{READING}\r\n".encode()


def compose_limits() -> Iterator[tuple[str, bytes]]:
    """Mails at the bounds of what is read, and beyond."""
    body = READING.encode() + b"\r\n"
    yield "depth-20", nest(20)
    yield "depth-21", nest(21)
    empty = b"--p\r\nContent-Type: image/gif\r\n\r\n\r\n"
    text = b"--p\r\n\r\n" + body
    kind = "multipart/mixed; boundary=p"
    yield "parts-200", write(empty * 199 + text + b"--p--\r\n", kind=kind, name="200")
    yield "parts-201", write(text + empty * 199 + text + b"--p--\r\n", kind=kind, name="201")
    long = b"X-Long: " + b"y" * 70_000 + b"\r\nSubject: unseen\r\n"
    yield "header-70-kb", write(body, head=long, kind="", name="long")
    many = b"".join(b"X-%d: y\r\n" % number for number in range(1200))
    yield "headers-1200", write(body, head=many, kind="", name="many")
    brackets = HEAD.replace(b"ivan@example.org", b"(" * 500)
    yield "brackets", brackets + b"\r\n" + body


GROUPS: dict[str, Callable[[], Iterator[tuple[str, bytes]]]] = {
    "charsets": compose_charsets,
    "headers": compose_headers,
    "packing": compose_packing,
    "lines": compose_line_ends,
    "winmail": compose_winmail,
    "limits": compose_limits,
}


def compose() -> Iterator[tuple[Path, bytes]]:
    """Yield where each mail stands, and its bytes."""
    for group, compose_group in GROUPS.items():
        for name, raw in compose_group():
            yield FOLDER / group / f"{name}.eml", raw


def main() -> None:
    """Write the mails."""
    for path, raw in compose():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)


if __name__ == "__main__":
    main()
