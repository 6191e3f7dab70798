"""Telephone numbers: one spelling for each, and who may be answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.phones import is_person, normalise

PERSONS = [
    pytest.param("79031234567", "+79031234567", id="as gateways write it"),
    pytest.param("+79031234567", "+79031234567", id="E.164"),
    pytest.param("89031234567", "+79031234567", id="with the trunk prefix"),
    pytest.param("9031234567", "+79031234567", id="without any prefix"),
    pytest.param("+7 (903) 123-45-67", "+79031234567", id="as people write it"),
    pytest.param("(903) 123-45-67", "+79031234567", id="with the code in brackets"),
    pytest.param(" 79031234567\r\n", "+79031234567", id="with a line end"),
    pytest.param("77012345678", "+77012345678", id="Kazakhstan"),
    pytest.param("+375291234567", "+375291234567", id="Belarus"),
    pytest.param("375291234567", "+375291234567", id="Belarus, the plus left out"),
    pytest.param("491701234567", "+491701234567", id="Germany, the plus left out"),
    pytest.param("00491701234567", "+491701234567", id="Germany, 00 for the plus"),
    pytest.param("810491701234567", "+491701234567", id="Germany, dialled from Russia"),
    pytest.param("+12125550199", "+12125550199", id="United States"),
    pytest.param("1234567890", "+71234567890", id="no range we know, but the right length"),
]
OTHERS = [
    pytest.param("900", id="a bank's short code"),
    pytest.param("0500", id="an operator's short code"),
    pytest.param("4981", id="our own short code"),
    pytest.param("123456", id="six digits"),
    pytest.param("2576707", id="a number within a town"),
    pytest.param("MegaFon", id="a name"),
    pytest.param("MTS", id="a short name"),
    pytest.param("Tele2", id="a name with a digit"),
    pytest.param("1-800-FLOWERS", id="letters on keys"),
    pytest.param("Красэнергосбыт", id="a Cyrillic name"),
    pytest.param("", id="nothing"),
    pytest.param("+", id="a plus"),
    pytest.param("999999999999999999999", id="too many digits"),
    pytest.param("7" * 5000, id="absurdly many digits"),
    pytest.param("٧٩٠٣١٢٣٤٥٦٧", id="digits that are not ASCII"),
    pytest.param("+79031234567,+79031234568", id="two numbers"),
    pytest.param("+79031234567;ext=1", id="an extension"),
    pytest.param("ivan@example.org", id="a mail address"),
]


@pytest.mark.parametrize(("number", "expected"), PERSONS)
def test_a_full_number_has_one_spelling(number, expected):
    """However it is written, it becomes the same E.164."""
    assert expected == normalise(number, "RU")
    assert expected == normalise(expected, "RU")


@pytest.mark.parametrize(("number", "_expected"), PERSONS)
def test_a_full_number_may_be_answered(number, _expected):
    """Behind it stands a person."""
    assert is_person(number, "RU")


@pytest.mark.parametrize("number", OTHERS)
def test_names_short_codes_and_garbage_are_never_answered(number):
    """Behind them stand robots, and a robot that answers our answer makes a loop."""
    assert not is_person(number, "RU")
    assert number.strip() == normalise(number, "RU")


def test_a_number_that_a_reply_is_charged_for_is_not_answered():
    """Nobody texts from a premium-rate number."""
    assert "+78095051234" == normalise("8-809-505-12-34", "RU")
    assert not is_person("8-809-505-12-34", "RU")


def test_the_region_decides_about_numbers_without_a_country_code():
    """The same digits mean another subscriber in another country."""
    assert "+49301234567" == normalise("030 1234567", "DE")
    assert "+79031234567" == normalise("903 123-45-67", "RU")


@given(st.text(max_size=60))
def test_any_sender_is_taken_without_an_exception(number):
    """Both questions have an answer for any text."""
    assert not is_person(number, "RU") or normalise(number, "RU").startswith("+")
