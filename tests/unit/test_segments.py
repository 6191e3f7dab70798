"""What a text costs as SMS: the two alphabets, and the way from one into the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.segments import clean_sms, count_segments, is_gsm, transliterate

COUNTED = [
    pytest.param("", 1, id="nothing"),
    pytest.param("a" * 160, 1, id="160 Latin letters"),
    pytest.param("a" * 161, 2, id="161 Latin letters"),
    pytest.param("a" * 306, 2, id="two full parts of Latin letters"),
    pytest.param("a" * 307, 3, id="one letter more"),
    pytest.param("€" * 80, 1, id="80 letters of the extension"),
    pytest.param("€" * 80 + "a", 2, id="one septet more"),
    pytest.param("a" * 152 + "€" + "a" * 152, 3, id="an escape is not torn from its letter"),
    pytest.param("я" * 70, 1, id="70 Cyrillic letters"),
    pytest.param("я" * 71, 2, id="71 Cyrillic letters"),
    pytest.param("я" * 134, 2, id="two full parts of Cyrillic letters"),
    pytest.param("я" * 135, 3, id="one Cyrillic letter more"),
    pytest.param("a" * 70 + "я", 2, id="one Cyrillic letter makes all of it UCS-2"),
    pytest.param("😀" * 35, 1, id="35 pairs"),
    pytest.param("я" * 66 + "😀" + "я" * 66, 3, id="a pair is not torn in two"),
    pytest.param("«" + "a" * 69, 1, id="a quotation mark is not GSM"),
]


@pytest.mark.parametrize(("text", "expected"), COUNTED)
def test_count_segments(text, expected):
    """160 or 153 septets, 70 or 67 units of UCS-2, and nothing torn at an edge."""
    assert expected == count_segments(text)


SPELT = [
    pytest.param(
        "Принято 5467 кВт·ч, код 7K4M-2Q9X", "Prinyato 5467 kVt.ch, kod 7K4M-2Q9X", id="a reply"
    ),
    pytest.param("Щука, ёж, объём, эхо, юля", "Shchuka, ezh, obem, ekho, yulya", id="hard letters"),
    pytest.param("«Да» — № 5…", '"Da" - N 5...', id="signs"),
    pytest.param("5\u00a0кВт", "5 kVt", id="a blank that does not break"),
    pytest.param("Å@_{€}", "Å@_{€}", id="what GSM has stays"),
    pytest.param("ç½中", "c??", id="what has no like"),
]


@pytest.mark.parametrize(("text", "expected"), SPELT)
def test_transliterate(text, expected):
    """Cyrillic becomes Latin; digits, Latin letters and receipts stay as they are."""
    assert expected == transliterate(text)


@given(st.text())
def test_a_transliterated_text_is_gsm(text):
    """Whatever it was: so 160 of its letters fit into one SMS."""
    assert is_gsm(transliterate(text))


def test_one_sms_is_enough_where_cyrillic_needs_two():
    """That is what transliteration is for."""
    text = "Показания приняты: счёт 123456789012, 5467 кВт·ч за ноябрь, код 7K4M-2Q9X. Спасибо."
    assert (2, 1) == (count_segments(text), count_segments(transliterate(text)))


CLEANED = [
    pytest.param("a\0b\x07", "ab", id="control characters"),
    pytest.param("a\r\nb\rc", "a\nb\nc", id="line ends"),
    pytest.param("a\tb", "a b", id="a tabulator"),
    pytest.param("\u202ea\u200b\ufeff", "a", id="what turns the text round, or is not seen"),
    pytest.param("a\ud800", "a?", id="half a pair"),
    pytest.param("Счёт № 5 😀", "Счёт № 5 😀", id="nothing to clean"),
]


@pytest.mark.parametrize(("text", "expected"), CLEANED)
def test_clean_sms(text, expected):
    """No telephone is sent what it cannot show."""
    assert expected == clean_sms(text)


@given(st.text(st.characters()))
def test_a_clean_text_can_be_written(text):
    """In both codings that gateways take, and however often it is cleaned."""
    cleaned = clean_sms(text)
    assert cleaned == clean_sms(cleaned)
    assert cleaned.encode() and cleaned.encode("utf-16-be") if cleaned else not cleaned
    assert count_segments(cleaned) >= 1
