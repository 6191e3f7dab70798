"""S/MIME's opaque form, as DER, as BER with open ends, and cut off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mail.cms import DATA, SIGNED_DATA, open_signed_data

MAIL = b"Content-Type: text/plain\r\n\r\n123456789012*5467;"
VERSION, ALGORITHMS = b"\x02\x01\x01", b"\x31\x00"


def box(kind, content):
    """Return a box with its length."""
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([kind]) + length + content


def wide(kind, content):
    """Return a box with an open end."""
    return bytes([kind, 0x80]) + content + b"\0\0"


def sign(content, wrap=box, algorithms=ALGORITHMS):
    """Return signed data that holds *content*, itself a box."""
    inner = wrap(0x30, DATA + wrap(0xA0, content))
    return wrap(0x30, SIGNED_DATA + wrap(0xA0, wrap(0x30, VERSION + algorithms + inner)))


PIECES = wide(0x24, box(0x04, MAIL[:10]) + box(0x04, MAIL[10:]))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(sign(box(0x04, MAIL)), MAIL, id="DER"),
        pytest.param(sign(PIECES, wide), MAIL, id="open ends and pieces"),
        pytest.param(sign(box(0x24, box(0x04, MAIL))), MAIL, id="one piece in a box"),
        pytest.param(sign(box(0x04, MAIL), algorithms=wide(0x31, b"\x05\0")), MAIL, id="open set"),
        pytest.param(sign(box(0x04, MAIL))[:-5], MAIL[:-5], id="cut off"),
        pytest.param(sign(box(0x04, b"")), b"", id="an empty mail"),
        pytest.param(box(0x30, SIGNED_DATA), None, id="no content"),
        pytest.param(sign(box(0x02, MAIL)), None, id="another box"),
        pytest.param(sign(box(0x04, MAIL)).replace(DATA, b"\x06\x01\x01"), None, id="no data"),
        pytest.param(sign(box(0x04, MAIL)).replace(VERSION, b"\x05\x00"), None, id="no version"),
        pytest.param(SIGNED_DATA + b"\xa0\x89", None, id="a length of nine bytes"),
        pytest.param(SIGNED_DATA + b"\xa0\x80\x30\x80" + VERSION + b"\x31\x80", None, id="no end"),
        pytest.param(b"not at all", None, id="no signed data"),
        pytest.param(b"", None, id="nothing"),
    ],
)
def test_the_signed_mail_is_taken_out(data, expected):
    """What was signed comes out; where there is none, nothing does."""
    assert expected == open_signed_data(data)


def test_pieces_without_end_are_refused():
    """A mail in so many pieces was made to hurt; half of it is not read as if it were whole."""
    assert open_signed_data(sign(wide(0x24, box(0x04, b"x") * 20_001), wide)) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_looked_at(data):
    """It never raises."""
    found = open_signed_data(SIGNED_DATA + data)
    assert found is None or found in data or len(found) <= len(data)
