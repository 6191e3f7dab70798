"""The form that customers are asked for, the limits, and the vocabulary."""

import datetime as dt
import sys

import pytest

from ingest.model import Account, Misreading, Reading, Reason, Submission
from ingest.parser import MOST_CHARACTERS, MOST_ITEMS, parse, render_reading
from ingest.parsing import words
from ingest.parsing.tokens import ALIKE, find_date, normalise

ONE = Reading(Account("123456789012"), (5467,), "123456789012*5467;")


def test_canonical_message():
    """A message as asked for is one reading and nothing else."""
    assert Submission((ONE,)) == parse("123456789012*5467;")


def test_fragment_is_what_was_written():
    """The fragment keeps the characters of the sender, not the normalised ones."""
    (item,) = parse("Привет! １２３456789012 ＊\u200b 5467； пока").items
    assert "Привет! １２３456789012 ＊\u200b 5467； пока" == item.fragment


def test_fragment_leaves_out_the_greeting():
    """What belongs to no reading goes to the remainder."""
    submission = parse("Здравствуйте, 123456789012*5467; спасибо")
    assert Submission((ONE,), "Здравствуйте, спасибо".replace(", ", " ")) == submission


def test_read_on():
    """A whole date beside the reading is the day it was read."""
    (item,) = parse("123456789012*5467; 25.11.2026").items
    assert dt.date(2026, 11, 25) == item.read_on


def test_text_without_readings_is_all_remainder():
    """A message that is no reading comes back as it was, blanks included."""
    assert Submission((), "  Когда перерасчёт?\r\n") == parse("  Когда перерасчёт?\r\n")


def test_misreading_carries_what_was_understood():
    """A person who decides sees account, values and the whole line."""
    expected = Misreading(Reason.NOT_RECOGNISED, "123456789012", "не 123456789012*5467;", (5467,))
    assert Submission((expected,)) == parse("не 123456789012*5467;")


def test_account_is_kept_as_seen():
    """An account with a wrong letter is shown with that letter, capitals too."""
    (item,) = parse("1210З0000000*5467;").items
    assert "1210З0000000" == item.account


def test_endless_account_is_cut():
    """What was meant as an account is kept no longer than any account."""
    (item,) = parse("1" * 10_000 + "*5467;").items
    assert (Reason.ACCOUNT_MALFORMED, "1" * 40) == (item.reason, item.account)


def test_most_items():
    """As many readings as the limit are all taken."""
    submission = parse("123456789012*5467;\n" * MOST_ITEMS)
    assert (ONE,) * MOST_ITEMS == submission.items
    assert "" == submission.remainder


@pytest.mark.parametrize("end", ["\n", " "], ids=["lines", "one line"])
def test_more_items_than_the_limit(end):
    """One misreading tells of those beyond the limit, and the remainder holds them."""
    submission = parse(f"123456789012*5467;{end}" * MOST_ITEMS + "000000000001*7; 000000000002*8")
    note = Misreading(Reason.NOT_RECOGNISED, "", "000000000001")
    assert (*(ONE,) * MOST_ITEMS, note) == submission.items
    assert "000000000001*7; 000000000002*8" == submission.remainder


def test_orphans_count_too():
    """Values without an account, beside readings, are limited with them."""
    submission = parse("123456789012*5467;\n\n" + "показания 5\n\n" * (MOST_ITEMS + 5))
    assert MOST_ITEMS + 1 == len(submission.items)


def test_text_beyond_the_limit_is_kept():
    """Lines beyond the limit are told of and kept, not read."""
    tail = "000000000001*7;"
    submission = parse("123456789012*5467;\n" + "слово\n" * (MOST_CHARACTERS // 6) + tail)
    note = submission.items[-1]
    assert ONE == submission.items[0]
    assert (Reason.NOT_RECOGNISED, "") == (note.reason, note.account)
    assert submission.remainder.endswith(tail)


def test_wordy_tail_beyond_the_limit_holds_nothing_up():
    """Lines beyond the limit without a digit leave the readings above accepted."""
    submission = parse("123456789012*5467;\n" + "слово\n" * MOST_CHARACTERS)
    assert (ONE,) == submission.items


def test_one_line_beyond_the_limit_is_held():
    """A line is never cut: a number might be cut with it."""
    text = "123456789012*5467; " * MOST_CHARACTERS
    assert Submission((), text) == parse(text)


@pytest.mark.parametrize(
    ("reading", "text"),
    [
        pytest.param(ONE, "123456789012*5467;", id="one register"),
        pytest.param(
            Reading(Account("000000000001"), (0, 3, 20), ""), "000000000001*0*3*20;", id="zones"
        ),
    ],
)
def test_render_reading(reading, text):
    """A reading is written as customers are asked to write it."""
    assert text == render_reading(reading)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        pytest.param("25.11.2026", dt.date(2026, 11, 25), id="dots"),
        pytest.param("5.1.2026", dt.date(2026, 1, 5), id="short parts"),
        pytest.param("2026-11-25", dt.date(2026, 11, 25), id="year first"),
        pytest.param("25 ноября 2026 г.", dt.date(2026, 11, 25), id="words"),
        pytest.param("29.02.2027", None, id="no leap year"),
        pytest.param("00.00.0000", None, id="zeros"),
        pytest.param("25", None, id="no date"),
    ],
)
def test_find_date(text, day):
    """A day that the calendar does not have is none."""
    assert day == find_date(text)


def test_normalising_keeps_places():
    """Every character but the invisible stays one character, in small letters too."""
    text = "".join(map(chr, range(sys.maxunicode + 1)))
    normal = normalise(text)
    assert len(normal.cased) == len(normal.plain) == len(normal.offsets)


def test_only_ascii_digits_come_out_of_normalising():
    """No other alphabet's digit turns into one of ours, except those that are drawn alike."""
    made = {code for code, sign in ALIKE.items() if sign.isdigit()}
    assert set(range(0xFF10, 0xFF1A)) == made


def test_each_word_says_one_thing():
    """No word stands in two lists."""
    lists = (
        words.ACCOUNT_LABELS,
        words.VALUE_LABELS,
        words.HARMLESS,
        words.PREPOSITIONS,
        frozenset(words.ZONES),
        words.STREETS,
    )
    assert len(frozenset().union(*lists)) == sum(map(len, lists))


WORDS_THAT_CHANGE_THE_MEANING = """
    не нет ни без кроме вместо исправить исправлено ошибка ошибочно неверно прошлые прошлый
    предыдущие предыдущий было расход разница минус плюс отменить удалить старый старые
"""


@pytest.mark.parametrize("word", WORDS_THAT_CHANGE_THE_MEANING.split())
def test_word_that_changes_the_meaning_is_not_harmless(word):
    """A word that could turn a reading round puts it before a person."""
    (item,) = parse(f"123456789012*5467; {word}").items
    assert Reason.NOT_RECOGNISED == getattr(item, "reason", None)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\x00", id="NUL"),
        pytest.param("\ud800\udfff", id="lone surrogates"),
        pytest.param("123456789012*5467;\ud83d", id="half an emoji"),
        pytest.param("\u202e\u2066\u200f", id="directions"),
        pytest.param("İ" * 10, id="letter that grows"),
        pytest.param("т1" * 100, id="zones only"),
        pytest.param("99.99.9999", id="impossible date"),
    ],
)
def test_odd_text_is_read(text):
    """Nothing that arrives makes the parser raise, and nothing odd is accepted."""
    assert not any(isinstance(item, Reading) for item in parse(text).items)
