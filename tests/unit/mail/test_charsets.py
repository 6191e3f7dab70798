"""Bytes of a mail become text, whatever their label."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mail.charsets import decode_text

SENTENCE = "Здравствуйте! Передаю показания счётчика за ноябрь, лицевой счёт 123456789012."
SHOUTED = "ПЕРЕДАЮ ПОКАЗАНИЯ ЗА НОЯБРЬ"
SHORT = "показания 5467"


@pytest.mark.parametrize("codec", ["cp1251", "koi8-r", "cp866", "iso8859-5", "utf-8", "utf-16"])
@pytest.mark.parametrize("text", [SENTENCE, SHOUTED, SHORT, "кВт"])
def test_the_right_label_is_followed(codec, text):
    """A charset that is named rightly is decoded by it, however short the text."""
    assert text == decode_text(text.encode(codec), codec)


@pytest.mark.parametrize("codec", ["cp1251", "koi8-r", "cp866", "iso8859-5", "utf-8"])
@pytest.mark.parametrize("text", [SENTENCE, SHOUTED, SHORT])
@pytest.mark.parametrize("label", ["", "us-ascii", "iso-8859-1", "x-unknown", "utf-8"])
def test_a_vague_label_is_seen_through(codec, text, label):
    """Where the label says nothing, the letters do."""
    assert text == decode_text(text.encode(codec), label)


@pytest.mark.parametrize("codec", ["cp1251", "koi8-r", "cp866", "utf-8"])
@pytest.mark.parametrize("label", ["cp1251", "koi8-r", "cp866", "iso-8859-5"])
def test_a_wrong_label_is_seen_through(codec, label):
    """A whole sentence that would be gibberish is decoded as what it is."""
    assert SENTENCE == decode_text(SENTENCE.encode(codec), label)


@pytest.mark.parametrize(
    "label", ["windows-1251", "CP-1251", "win-1251", '"cp1251"', "x-cp1251", " Windows-1251 "]
)
def test_names_that_programs_invent(label):
    """Charset names outside the standard are known."""
    assert "кВт" == decode_text("кВт".encode("cp1251"), label)


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        pytest.param("café déjà vu", "iso-8859-1", id="French"),
        pytest.param("Grüße aus Köln", "cp1252", id="German"),
        pytest.param("电表读数", "gb2312", id="Chinese"),
        pytest.param("電力", "iso-2022-jp", id="Japanese"),
    ],
)
def test_other_languages_stay_as_labelled(text, codec):
    """Not every mail is Russian."""
    assert text == decode_text(text.encode(codec), codec)


def test_one_bad_byte_does_not_spoil_utf8():
    """A text cut in the middle of a character is still UTF-8."""
    assert SENTENCE + "\ufffd" == decode_text(SENTENCE.encode() + b"\xd0", "utf-8")


@pytest.mark.parametrize(
    "label", ["zlib", "base64", "rot13", "utf-7", "punycode", "idna", "unicode_escape", "a\0b"]
)
def test_a_label_opens_no_other_codec(label):
    """Python's codecs that are no charsets cannot be named from outside."""
    assert r"+AGE-\u0041" == decode_text(rb"+AGE-\u0041", label)


def test_a_byte_order_mark_is_taken_off():
    """It decides the charset, and is no part of the text."""
    assert "5467" == decode_text(b"\xef\xbb\xbf5467", "cp1251")


@given(data=st.binary(max_size=200), label=st.text(max_size=20))
def test_it_is_total(data, label):
    """Any bytes under any label become text that can be stored as UTF-8."""
    assert decode_text(data, label).encode() is not None


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("label", ["", "utf-16", "unicode", "koi8-r", "utf-8"])
@pytest.mark.parametrize("text", [SENTENCE, SHORT, "5467"])
def test_wide_text_without_a_mark(codec, label, text):
    """Which byte of a pair says what the other is, shows."""
    assert text == decode_text(text.encode(codec), label)


@pytest.mark.parametrize(
    ("data", "label", "expected"),
    [
        pytest.param(SENTENCE.encode("cp1251"), "utf-16", SENTENCE, id="not wide at all"),
        pytest.param(b"54\x0067", "", "54\x0067", id="a zero byte in a text"),
        pytest.param(b"+BB8EPg-5467", "utf-7", "+BB8EPg-5467", id="UTF-7 is refused"),
        pytest.param("Ð¿Ð¾ÐºÐ°Ð·".encode(), "utf-8", "Ð¿Ð¾ÐºÐ°Ð·", id="encoded twice"),
        pytest.param(b"\x1b$B$3\x1b(B", "iso-2022-jp", "こ", id="a charset that shifts"),
    ],
)
def test_odd_bytes(data, label, expected):
    """What cannot be told stays as it is."""
    assert expected == decode_text(data, label)
