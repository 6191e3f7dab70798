"""What holds for every message: it is read exactly, or not at all, and nothing gets lost."""

import gc
import re
import time
from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ingest.model import Account, Misreading, Reading, Reason, Submission
from ingest.parser import CANONICAL, Reader, parse, render_reading
from ingest.parsing.tokens import SEPARATORS, WORD_KINDS, normalise


def sample_words(text, *more):
    """Return a strategy for one of the words of *text*."""
    return st.sampled_from([*text.split(), *more])


any_text = st.text(st.characters(exclude_categories=()))
accounts = st.from_regex(r"[0-9]{12}", fullmatch=True).map(Account)
numbers = st.integers(0, 10**6 - 1)
readings = st.builds(
    Reading, accounts, st.tuples(numbers) | st.tuples(numbers, numbers), st.just("")
)
pieces = sample_words(
    """123456789012 210987654321 12345678901 1210 0000 5467 3321 5467,5 5.467 25.11 25.11.2026
    31.02.2026 2026 54б7 12100О000000 * ** # - – х x × ; ; , . : / ( ) ? + ~ № день ночь Т1 T2
    показания л/с кВт кВт·ч спасибо Здравствуйте! Иванов И.И. не абырвалг тел. 89031234567 д. кв.
    ул. Ленина на за 1) ИНН счётчик \u200b \u202e ٥ ² 👍 \ud800 \x00 １２"""
)
glue = st.sampled_from(["", "", " ", " ", "\n", "\r\n", "\u00a0", "\n\n"])
mixes = st.lists(st.tuples(pieces, glue), max_size=14).map(
    lambda parts: "".join(piece + gap for piece, gap in parts)
)
messages = any_text | mixes
canonical = st.from_regex(CANONICAL, fullmatch=True)
unknown_words = st.text("абвгдежзиклмнпрстуфцчшщыьэю", min_size=2, max_size=9).filter(
    lambda word: word not in WORD_KINDS
)
unknown_signs = st.sampled_from("?~<>@+%&€^❌")
loose_numbers = st.from_regex("[0-9]{1,9}", fullmatch=True)
separators = sample_words("* ＊ × ✱ х x Х X # / : - – — , ** =", " ", "\u00a0", "\t")
blanks = st.sampled_from(["", " ", "  ", "\u00a0", "\u200b"])
separated = st.tuples(blanks, separators, blanks).map("".join)

SENTENCES = """
{} {}|{} - {}|л/с {} показания {} кВт|Лицевой счёт № {} : {} кВт·ч.|{} ночь {} день 777777
Здравствуйте! Показания за ноябрь {} - {} Спасибо|Иванова Мария Петровна {} * {} ;
{} {} ул. Ленина, д. 5, кв. 10|тел. 89031234567 л/с {} показания: {}|{} * {} на 25.11.2026
"""
sentences = st.builds(
    str.format,
    st.sampled_from([one for one in re.split("[|\n]", SENTENCES) if one]),
    accounts,
    st.integers(1000, 99999),
)


RETRACTIONS = """
не принимать|Прошу НЕ учитывать.|ошибся|Отмените!|вместо прежнего|это не мой счёт|неверно|нет,
Это прошлые показания|показания за прошлый месяц|чужой|исправьте|наоборот|cancel|oshibka|❌
не могу разобрать|опечатка|пример|другой счёт|замена счётчика|последняя цифра другая
"""
retractions = st.sampled_from([one for one in re.split("[|\n]", RETRACTIONS) if one])
beside = st.sampled_from(["\n", "\r\n", "\n\n", "\nСпасибо!\n", "\n\nС уважением, Иван\n"])


def read_slowly(text):
    """Read *text* without the short cut for canonical messages and without its limit."""
    return Reader(normalise(text)).read()


def count_characters(text):
    """Count the characters that say something."""
    plain = normalise(text).plain
    return Counter(sign for sign in plain if sign not in SEPARATORS)


@given(messages)
@settings(max_examples=500)
def test_any_text_is_a_submission(text):
    """Any text at all comes to a submission with the promised values."""
    submission = parse(text)
    for item in submission.items:
        assert all(type(value) is int and 0 <= value < 10**18 for value in item.values)
        if isinstance(item, Reading):
            assert re.fullmatch("[0-9]{12}", item.account)
            assert 1 <= len(item.values) <= 3
        else:
            assert item.reason in set(Reason)


@given(messages)
@settings(max_examples=1000)
def test_every_character_is_accounted_for(text):
    """What is no separator stands in one fragment or in the remainder: once, and only once."""
    submission = parse(text)
    kept = count_characters("\n".join([*(item.fragment for item in submission.items), ""]))
    assert count_characters(text) == kept + count_characters(submission.remainder)


@given(messages)
@settings(max_examples=500)
def test_fragments_are_the_senders_own_lines(text):
    """Each line of a fragment stands in the text as it is."""
    for item in parse(text).items:
        assert all(part in text for part in item.fragment.split("\n"))


@given(mixes)
@settings(max_examples=1000)
def test_believed_numbers_are_written_in_the_fragment(text):
    """No value and no account is believed that was not written, digit for digit."""
    for item in parse(text).items:
        if isinstance(item, Misreading):
            continue
        plain = normalise(item.fragment).plain.replace("о", "0").replace("o", "0")
        runs = {int(run) for run in re.findall("[0-9]{1,18}", plain)}
        assert set(item.values) <= runs
        assert item.account in re.sub("[ -]", "", plain)


@given(readings)
def test_rendered_reading_is_read_back(reading):
    """Parsing what was rendered gives the reading again."""
    (item,) = parse(render_reading(reading)).items
    assert (reading.account, reading.values) == (item.account, item.values)


@given(st.lists(readings, min_size=1, max_size=5), st.sampled_from(["", " ", "\n", "\r\n\r\n"]))
def test_rendered_readings_are_read_back_in_order(several, gap):
    """Several readings in one message are read in the order written, and leave nothing."""
    submission = parse(gap.join(map(render_reading, several)))
    found = [(item.account, item.values) for item in submission.items]
    assert [(reading.account, reading.values) for reading in several] == found
    assert "" == submission.remainder


@given(canonical)
def test_short_cut_agrees_with_the_long_way(text):
    """A canonical message is read the same with and without its short cut."""
    assert read_slowly(text) == parse(text)


@given(accounts, numbers, separated, st.sampled_from(["", ";", ";;", " ;"]))
def test_any_separator_will_do(account, value, separator, end):
    """Whatever stands between account and value, and with any blanks, the two are read."""
    (item,) = parse(f"{account}{separator}{value}{end}").items
    assert (Reading, account, (value,)) == (type(item), item.account, item.values)


@given(accounts, st.integers(1000, 10**6), st.sampled_from(",."), st.integers(0, 99))
def test_fraction_is_cut_off(account, value, point, fraction):
    """The decimals of a reading are dropped, never rounded, never made into digits."""
    (item,) = parse(f"{account}*{value}{point}{fraction};").items
    assert (value,) == item.values


@given(readings, unknown_words | unknown_signs, st.data())
def test_unknown_token_never_disappears(reading, token, data):
    """An unknown word or sign anywhere on the line of a reading keeps it from being accepted."""
    parts = re.findall("[0-9]+|[*;]", render_reading(reading))
    place = data.draw(st.integers(0, len(parts)))
    text = "".join([*parts[:place], f" {token} ", *parts[place:]])
    items = parse(text).items
    assert items
    assert not any(isinstance(item, Reading) for item in items)


@given(sentences, unknown_words | unknown_signs | loose_numbers, st.data())
@settings(max_examples=500)
def test_nothing_disappears_from_a_sentence(sentence, token, data):
    """What is put into a sentence that gives a reading is found in it or stops it."""
    (plain,) = parse(sentence).items
    place = data.draw(st.sampled_from([m.start() for m in re.finditer("[ \n]|$", sentence)]))
    items = parse(f"{sentence[:place]} {token} {sentence[place:]}").items
    assert isinstance(plain, Reading)
    for item in items:
        assert not isinstance(item, Reading) or int(token) in set(item.values) - set(plain.values)


@given(readings, loose_numbers, st.data())
def test_loose_number_never_disappears(reading, token, data):
    """A number put into a reading is read as a value, or keeps it from being accepted."""
    parts = re.findall("[0-9]+|[*;]", render_reading(reading))
    place = data.draw(st.integers(0, len(parts)))
    text = "".join([*parts[:place], f" {token} ", *parts[place:]])
    for item in parse(text).items:
        if isinstance(item, Reading):
            assert sorted([*reading.values, int(token)]) == sorted(item.values)


@given(readings, loose_numbers)
def test_number_right_below_is_not_overlooked(reading, token):
    """A bare number on the line below a reading keeps it from being accepted."""
    (item,) = parse(f"{render_reading(reading)}\n{token}").items
    assert Reason.NOT_RECOGNISED == getattr(item, "reason", None)


@given(st.lists(readings, min_size=1, max_size=3), retractions, beside, st.booleans())
def test_retraction_is_not_overlooked(several, retraction, gap, is_above):
    """What takes readings back on another line, above or below, keeps them from being accepted."""
    written = "\n".join(map(render_reading, several))
    text = gap.join([retraction, written] if is_above else [written, retraction])
    assert not any(isinstance(item, Reading) for item in parse(text).items)


@given(readings, st.data(), beside, st.booleans())
def test_rival_is_not_overlooked(reading, data, gap, is_above):
    """A number on another line with as many digits as a value keeps it from being accepted."""
    size = len(str(data.draw(st.sampled_from(reading.values))))
    rival = data.draw(st.integers(10 ** (size - 1), 10**size - 1))
    assume(rival not in reading.values)
    lines = [f"Абырвалг {rival}", render_reading(reading)]
    items = parse(gap.join(lines if is_above else lines[::-1])).items
    assert not any(isinstance(item, Reading) for item in items)


@given(accounts, numbers, st.integers(0, 11), st.sampled_from("бвЗз٣²"))
def test_letter_in_the_account_is_never_a_digit(account, value, place, letter):
    """An account with any letter but О among its digits is not accepted."""
    text = f"{account[:place]}{letter}{account[place + 1 :]}*{value};"
    assert not any(isinstance(item, Reading) for item in parse(text).items)


@given(accounts, st.sampled_from("оОoO"))
def test_letter_o_in_the_account_is_zero(account, letter):
    """Zeros of an account may be letters."""
    assume(4 >= account.count("0") >= 1)
    (item,) = parse(f"{account.replace('0', letter)}*5467;").items
    assert (account, (5467,)) == (item.account, item.values)


@given(st.from_regex(r"[0-9]{10,11}|[0-9]{13,14}", fullmatch=True), numbers)
def test_account_of_another_length_is_never_accepted(account, value):
    """Ten, eleven, thirteen or fourteen digits are told from an account, and shown."""
    (item,) = parse(f"{account}*{value};").items
    assert (Reason.ACCOUNT_MALFORMED, account) == (item.reason, item.account)


@given(accounts, st.permutations([("день", 123), ("ночь", 45)]))
def test_zones_are_put_in_order(account, zones):
    """Named zones come out by day and by night, however they were written."""
    text = " ".join(f"{zone} {value}" for zone, value in zones)
    assert [(123, 45)] == [item.values for item in parse(f"{account} {text}").items]


HOSTILE = {
    "asterisks": "*",
    "digits": "1",
    "digit asterisk": "1*",
    "brackets": "(",
    "day": "день ",
    "spaces": " ",
    "digit space": "1 ",
    "letter o": "о",
    "letter o and digits": "1о",
    "letters and digits": "1а",
    "crosses": "х ",
    "decimals": "1,",
    "dates": "25.11.2026",
    "names": "Иван ",
    "no names": "Иванов ",
    "groups": "1210 ",
    "line ends": "\n",
    "accounts": "123456789012 ",
    "readings": "123456789012*5467;",
    "telephones": "тел. 8 903 ",
    "streets": "ул. Ленина ",
    "zero widths": "\u200b",
    "surrogates": "\ud800",
    "columns": "1\n",
    "zone lines": "день 1\n",
    "orphans": "показания 5\n\n",
    "swapped": "показания 5\n123456789012\n",
    "refusals": "не могу ",
    "conditions": "если вы ",
    "mistakes": "ошибка в ",
    "rivals": "на 54 670 ",
    "headings": "лс расход\n",
    "pictures": "👍",
    "zones above": "123456789012\nдень ночь\n5 6\n",
}


def measure(read, text):
    """Return the processor time that reading *text* takes, the best of three."""
    best = float("inf")
    gc.disable()
    for _ in range(3):
        begun = time.process_time()
        read(text)
        best = min(best, time.process_time() - begun)
    gc.enable()
    return max(best, 0.001)


@pytest.mark.parametrize("begin", ["", "123456789012 ", "123456789012*5467\n"])
@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
def test_time_grows_with_the_length_only(unit, begin):
    """Eight times the text takes about eight times as long, not sixty-four times."""
    small, large = (begin + (unit * size)[:size] for size in (5_000, 40_000))
    assert measure(read_slowly, large) < 24 * measure(read_slowly, small)


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_costs_little_more_than_plain_text(unit):
    """A megabyte of anything takes at most twenty times as long as a megabyte of prose."""
    size = 1_000_000
    prose = ("Слово и ещё одно слово, и так дальше.\n" * size)[:size]
    assert measure(parse, (unit * size)[:size]) < 20 * measure(parse, prose)


def test_empty_text():
    """No text is no reading."""
    assert Submission((), "") == parse("")
