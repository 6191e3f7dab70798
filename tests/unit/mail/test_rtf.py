"""Rich text: how Outlook compresses it, and what a person sees of it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mail.rtf import BEGINNING, decompress_rtf, render_rtf

HELLO = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d"
    "0a800fa0"
)
"""The example that the format's description works through."""
OVERLAP = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")
"""Its second one: a reference into what it becomes."""


def rtf(text):
    """Return *text* as rich text of Windows' Cyrillic."""
    return b"{\\rtf1\\ansi\\ansicpg1251\\deff0{\\fonttbl{\\f0 Arial;}}" + text + b"}"


@pytest.mark.parametrize(
    ("packed", "expected"),
    [
        pytest.param(HELLO, b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n", id="compressed"),
        pytest.param(OVERLAP, b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}", id="overlap"),
        pytest.param(HELLO[:-6], b"{\\rtf1\\ansi\\ansicpg1252\\pard hello wo", id="cut off"),
        pytest.param(struct.pack("<IIII", 0, 3, 0x414C454D, 0) + b"abcd", b"abc", id="stored"),
        pytest.param(struct.pack("<IIII", 0, 3, 7, 0) + b"abc", b"", id="neither"),
        pytest.param(struct.pack("<IIII", 0, 400_000, 0x414C454D, 0), b"", id="too long"),
        pytest.param(b"", b"", id="nothing"),
    ],
)
def test_decompression(packed, expected):
    """Rich text is decompressed as the format's description does it."""
    assert decompress_rtf(packed).startswith(expected)
    assert 207 == len(BEGINNING)


@pytest.mark.parametrize(
    ("rich", "expected"),
    [
        pytest.param(rtf(b"a\\par b\\tab c\\line d"), "a\nb\tc\nd", id="lines"),
        pytest.param(rtf(b"\\'cf\\'ee\\'ea"), "Пок", id="bytes of the code page"),
        pytest.param(rtf(b"\\uc1\\u1055?\\u-10179?"), "П\ufffd", id="Unicode and its stand-in"),
        pytest.param(rtf(b"{\\uc2\\u1055??}\\u1055?x"), "ППx", id="stand-ins of a group"),
        pytest.param(rtf(b"1{\\*\\generator x;}2"), "12", id="what only some programs read"),
        pytest.param(rtf(b"{\\*\\htmltag <p>}1\\htmlrtf \\par\\htmlrtf0 2"), "12", id="from HTML"),
        pytest.param(rtf(b"\\{\\}\\\\\\~\\-\\_"), "{}\\\u00a0-", id="signs"),
        pytest.param(rtf(b"12345\r\n6789"), "123456789", id="line ends mean nothing"),
        pytest.param(b"no rich text", "", id="none"),
        pytest.param(b"{\\rtf1 " + b"{a}" * 30_000 + b"}", "", id="too many"),
    ],
)
def test_rendering(rich, expected):
    """Of rich text that is taken which a person sees."""
    assert expected == render_rtf(rich)


@given(st.binary(max_size=200))
def test_any_bytes_are_rich_text(data):
    """Neither step raises, and neither makes much of little."""
    packed = struct.pack("<IIII", len(data), 1000, 0x75465A4C, 0) + data
    assert len(decompress_rtf(packed)) <= 1000
    assert len(render_rtf(b"{\\rtf1 " + data)) <= len(data) + 10
