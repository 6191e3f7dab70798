"""How gateways write characters: alphabets, labels that are wrong, headers of parts, forms."""

import pytest
from channels.gateway_case import a_get, a_post
from hypothesis import given
from hypothesis import strategies as st

from ingest.channels.gateways.encodings import (
    BASIC,
    EXTENSION,
    decode_coding,
    decode_gsm,
    decode_hex,
    decode_labelled,
    decode_ucs2,
    mend_percent,
)
from ingest.channels.gateways.forms import read_field, read_form
from ingest.channels.gateways.request import Part
from ingest.channels.gateways.udh import find_part

TEXT = "Счёт 5467"


@pytest.mark.parametrize(
    ("septets", "expected"),
    [
        pytest.param(b"123456789012*5467;", "123456789012*5467;", id="a reading"),
        pytest.param(b"\x00\x02\x11\x1f\x40\x60\x7f", "@$_É¡¿à", id="letters of its own"),
        pytest.param(b"\x1b\x3c1\x1b\x3e\x1b\x65\x1b\x28\x1b\x29", "[1]€{}", id="extension"),
        pytest.param(b"\x1b1", "1", id="an unknown one behind the escape"),
        pytest.param(b"1\x1b", "1", id="an escape at the end"),
        pytest.param(b"\x1b\x1b2", "\x1b2", id="an escape behind the escape"),
        pytest.param(b"1\xb7", "1\ufffd", id="no septet"),
        pytest.param(b"", "", id="nothing"),
    ],
)
def test_gsm(septets, expected):
    """GSM 03.38 is read with its extension table."""
    assert expected == decode_gsm(septets)


def test_the_alphabet_is_whole():
    """Every septet has its own character."""
    assert 128 == len(BASIC) == len(set(BASIC))
    assert not set(EXTENSION.values()) & set(BASIC)


@pytest.mark.parametrize(
    ("data", "coding", "expected"),
    [
        pytest.param(b"\x001\x00\x11", 0, "@1@_", id="0 is GSM"),
        pytest.param(TEXT.encode(), 0, TEXT, id="0 that is UTF-8"),
        pytest.param(b"\xa35", 0, "£5", id="0 that is Latin"),
        pytest.param(b"5$", 1, "5$", id="1 is ASCII"),
        pytest.param(b"\xa35", 3, "£5", id="3 is Latin 1"),
        pytest.param(TEXT.encode("iso8859_5"), 6, TEXT, id="6 is Cyrillic"),
        pytest.param(TEXT.encode("utf-16-be"), 8, TEXT, id="8 is UCS-2"),
        pytest.param("😀".encode("utf-16-be"), 8, "😀", id="a pair of surrogates"),
        pytest.param(b"\x04!\x04", 8, "С\ufffd", id="half a character"),
        pytest.param(b"54", 245, "54", id="a coding that nobody knows"),
        pytest.param(b"", 0, "", id="nothing"),
    ],
)
def test_codings(data, coding, expected):
    """Bytes are read by SMPP's data_coding."""
    assert expected == decode_coding(data, coding)


@pytest.mark.parametrize(
    ("data", "charset", "expected"),
    [
        pytest.param(TEXT.encode(), "utf-8", TEXT, id="UTF-8"),
        pytest.param(TEXT.encode("cp1251"), "cp1251", TEXT, id="cp1251"),
        pytest.param(TEXT.encode("cp1251"), "utf-8", TEXT, id="cp1251 called UTF-8"),
        pytest.param(TEXT.encode(), "cp1251", TEXT, id="UTF-8 called cp1251"),
        pytest.param(TEXT.encode("koi8-r"), "koi8-r", TEXT, id="KOI8-R"),
        pytest.param(TEXT.encode("utf-16-be"), "UTF_16-BE", TEXT, id="UTF-16BE looks like ASCII"),
        pytest.param(b"\xef\xbb\xbf5467", "utf-8", "5467", id="a byte order mark"),
        pytest.param(TEXT.encode(), "x-nonsense", TEXT, id="a charset that there is not"),
        pytest.param(b"5\x98", "utf-8", "5\ufffd", id="no charset at all"),
    ],
)
def test_labels(data, charset, expected):
    """A wrong label is noticed, where it can be."""
    assert expected == decode_labelled(data, charset)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(TEXT.encode("utf-16"), id="with a mark, little-endian"),
        pytest.param(b"\xfe\xff" + TEXT.encode("utf-16-be"), id="with a mark, big-endian"),
        pytest.param(TEXT.encode("utf-16-be"), id="without"),
    ],
)
def test_ucs2(data):
    """A byte order mark goes before the rule."""
    assert TEXT == decode_ucs2(data)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b"%D0%A1%D1%87", "Сч".encode(), id="Cyrillic"),
        pytest.param(b"123456789012%2A5467%3B", b"123456789012*5467;", id="a reading"),
        pytest.param(b"%2B79031234567", b"+79031234567", id="a number"),
        pytest.param(b"%D0%A1+5467", "С 5467".encode(), id="a plus was a blank"),
        pytest.param(b"54%30", b"54%30", id="a digit is never encoded"),
        pytest.param(b"50% %D0", b"50% %D0", id="a blank was written"),
        pytest.param(b"50%", b"50%", id="a bare percent sign"),
        pytest.param(b"%D0", b"%D0", id="half a character"),
        pytest.param(b"%00", b"%00", id="a control character"),
        pytest.param("%2A Сч".encode(), "%2A Сч".encode(), id="characters above ASCII"),
        pytest.param(b"a+b", b"a+b", id="nothing to mend"),
    ],
)
def test_percent_encoded_twice(value, expected):
    """What was encoded twice is decoded once more, and what a customer wrote is left alone."""
    assert expected == mend_percent(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("35 ", b"5", id="digits"),
        pytest.param("", b"", id="nothing"),
        pytest.param("3", None, id="half a byte"),
        pytest.param("5z", None, id="no digit"),
        pytest.param("٣٥", None, id="digits of another script"),
    ],
)
def test_hex(text, expected):
    """Only hexadecimal digits are bytes."""
    assert expected == decode_hex(text)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("050003CC0201", Part("cc", 1, 2), id="one byte of reference"),
        pytest.param("060804AA550302", Part("aa55", 2, 3), id="two bytes of reference"),
        pytest.param("0B0504158A00000003CC0202", Part("cc", 2, 2), id="behind another element"),
        pytest.param("050003CC0101", None, id="one of one is whole"),
        pytest.param("050003CC0203", None, id="three of two"),
        pytest.param("050003CC0200", None, id="number nought"),
        pytest.param("050003CC02", None, id="cut off"),
        pytest.param("06050415810000", None, id="ports alone"),
        pytest.param("FF", None, id="nonsense"),
        pytest.param("", None, id="none"),
    ],
)
def test_parts(header, expected):
    """The header before a text numbers its parts."""
    assert expected == find_part(bytes.fromhex(header))


MULTIPART = (
    b'--x-1\r\nContent-Disposition: form-data; name="data[0]"\r\n\r\nsms_status\n1\r\n'
    b'--x-1\r\nContent-Disposition: form-data; filename="a"; name="hash"\r\n\r\nabc\r\n--x-1--\r\n'
)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param(a_get("a=1&b=%D0%A1"), {"a": b"1", "b": "С".encode()}, id="a query"),
        pytest.param(a_post("a=1", query="a=2&b=3"), {"a": b"1", "b": b"3"}, id="body first"),
        pytest.param(
            a_post(MULTIPART, content_type='multipart/form-data; boundary="x-1"'),
            {"data[0]": b"sms_status\n1", "hash": b"abc"},
            id="multipart",
        ),
        pytest.param(a_post(MULTIPART, content_type="multipart/form-data"), {}, id="no boundary"),
        pytest.param(
            a_post(b"--x", content_type="multipart/form-data; boundary=x"), {}, id="cut off"
        ),
    ],
)
def test_forms(request_, expected):
    """Fields are found in query, urlencoded and multipart bodies alike."""
    assert expected == read_form(request_)


@given(st.binary())
def test_a_field_is_text_that_can_be_kept(data):
    """Whatever the bytes, a field is text without NUL and lone surrogates."""
    text = read_field({"a": data}, "a")
    assert "\0" not in text
    assert text.encode().decode() == text


@given(st.binary(), st.integers(0, 300), st.sampled_from(["utf-8", "cp1251", "koi8-r", "utf-16"]))
def test_bytes_are_always_text(data, coding, charset):
    """No decoder raises."""
    assert isinstance(decode_coding(data, coding), str)
    assert isinstance(decode_labelled(data, charset), str)
    assert isinstance(decode_ucs2(data), str)
    find_part(data)
