"""Words: how fragments, values, days and numbers come back to the sender."""

import datetime as dt
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reply_cases import a_judged_reading

from ingest.model import Reason
from ingest.replies import LANGUAGES
from ingest.wording import (
    LONGEST_FRAGMENT,
    LONGEST_SMS,
    choose_plural,
    clean_fragment,
    count_units,
    describe_period,
    fit_sms,
    name_zones,
    render_day,
    render_value,
    render_values,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("123456789012*54б7", "123456789012*54б7"),
        ("12 34\t\n56", "12 34 56"),
        ("１２＊３４", "12*34"),
        ("5467\u202e\u200b\x00kWh", "5467?kWh"),
        ("👍👍 5467", "? 5467"),
        ("http://evil.example/x", "http: evil. example/x"),
        ("evil.com", "evil. com"),
        ("12.5", "12.5"),
        ("mailto:a@b.ru", "mailto: a?b. ru"),
        ("<b>5467</b>", "?b?5467?/b?"),
        ("{{ receipt }}", "? receipt ?"),
        ("x" * 100, "x" * 59 + "…"),
    ],
)
def test_a_fragment_is_said_back_without_what_could_do_harm(text, expected):
    """No controls, no links, no markup; and no more than sixty characters."""
    assert expected == clean_fragment(text, LONGEST_FRAGMENT)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), ""),
        ((0,), "0"),
        ((5467, 1203), "5467 / 1203"),
        ((1, 2, 3, 4, 5), "1 / 2 / 3 / 4 / …"),
        ((10**18 - 1,), "9" * 18),
        ((10**18,), "1" + "0" * 16 + "…"),
        ((10**5000,), "…"),
    ],
    ids=["none", "zero", "two", "five", "18 digits", "19 digits", "5001 digits"],
)
def test_values_are_said_back_digit_for_digit(values, expected):
    """Only absurd ones are cut short; Python would not even write out the last of these."""
    assert sys.get_int_max_str_digits() < 5001
    assert expected == render_values(values)


@pytest.mark.parametrize(
    ("values", "registers", "russian", "english"),
    [
        pytest.param((5467,), (), "5467", "5467", id="one"),
        pytest.param((1, 2), (), "день 1, ночь 2", "day 1, night 2", id="two"),
        pytest.param((1, 2, 3), (), "Т1 1, Т2 2, Т3 3", "T1 1, T2 2, T3 3", id="three"),
        pytest.param((2,), (2,), "Т2 2", "T2 2", id="the second alone"),
        pytest.param((1, 3), (1, 3), "Т1 1, Т3 3", "T1 1, T3 3", id="with a gap"),
        pytest.param((), (), "", "", id="none"),
    ],
)
def test_zones_are_named_as_they_were_taken(values, registers, russian, english):
    """Of two the first is the day's; of three nobody knows but the meter, which says T1 to T3."""
    reading = a_judged_reading(values=values, registers=registers)
    found = [name_zones(reading, language) for language in LANGUAGES]
    assert [russian, english] == found


def test_numbers_that_cannot_be_zones_are_not_named():
    """Nothing was taken for day and night where their number is what was wrong."""
    reading = a_judged_reading(Reason.ZONES_MISMATCH, values=(1, 2, 3, 4))
    assert "1 / 2 / 3 / 4" == name_zones(reading, "ru")


@given(st.integers(0))
def test_no_value_takes_more_than_eighteen_characters(value):
    """Short texts rely on it."""
    assert len(render_value(value)) <= 18


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((1, 21, 101), "показание"),
        ((2, 3, 4, 22, 104), "показания"),
        ((0, 5, 10, 11, 12, 14, 19, 111, 112, 1000), "показаний"),
    ],
    ids=["one", "few", "many"],
)
def test_russian_plurals(numbers, expected):
    """Eleven to fourteen are exceptions to the rule of the last digit."""
    forms = ("показание", "показания", "показаний")
    assert {expected} == {choose_plural(number, *forms) for number in numbers}


def test_english_plurals():
    """One is one; everything else is many."""
    assert ["readings", "reading", "readings"] == [
        choose_plural(number, "reading", "readings") for number in (0, 1, 21)
    ]


@given(st.text(), st.integers(1, 60))
def test_any_fragment_comes_back_short_and_printable(text, limit):
    """Nothing that a sender writes steers a terminal or a mail program."""
    fragment = clean_fragment(text, limit)
    assert len(fragment) <= limit
    assert fragment.isprintable()


@pytest.mark.parametrize(
    ("language", "expected"),
    [("ru", ("06.12.2026", "06.12")), ("en", ("6 December 2026", "6 Dec"))],
)
def test_a_day_is_written_as_the_language_does(language, expected):
    """In full for a mail, without the year for a short text."""
    assert expected == render_day(dt.date(2026, 12, 6), language)


@pytest.mark.parametrize(
    ("period", "late"),
    [
        pytest.param(dt.date(2026, 11, 1), False, id="the month of arrival"),
        pytest.param(dt.date(2026, 12, 1), True, id="the next"),
        pytest.param(dt.date(2027, 1, 1), True, id="the next year"),
        pytest.param(dt.date(2025, 12, 1), False, id="an earlier year"),
    ],
)
def test_a_period_after_the_month_of_arrival_is_late(period, late):
    """Years count before months."""
    assert late == describe_period(period, "ru", dt.date(2026, 11, 30))["late"]


@pytest.mark.parametrize("month", range(1, 13))
def test_every_month_has_a_name(month):
    """It stands after «за», so in the accusative, which for months is the nominative."""
    period = dt.date(2026, month, 1)
    assert describe_period(period, "ru", period)["month"].endswith("ь 2026 года") or month in (
        3,
        5,
        8,
    )
    assert describe_period(period, "en", period)["month_short"] == f"{period:%B}"


def test_the_first_line_that_fits_is_taken():
    """The best one stands first."""
    assert "second" == fit_sms(f"{'x' * 71}\n\n  second \nthird", "CODE")


def test_a_line_that_is_too_long_is_cut_but_for_the_receipt():
    """Characters beyond UCS-2 count twice and are not cut in half."""
    text = fit_sms("😀" * 40, "7K4M-2Q9X")
    assert "😀" * 29 + "… 7K4M-2Q9X" == text
    assert LONGEST_SMS >= count_units(text)
