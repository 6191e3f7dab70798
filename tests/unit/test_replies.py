"""Replies: which text is chosen, what may stand in it, and what operators may change."""

import datetime as dt
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reply_cases import (
    ACCOUNT,
    CASES,
    DECEMBER,
    RECEIPT,
    SHUT,
    a_judged_reading,
    of_whole,
    the_facts,
)

from ingest.errors import ConfigError
from ingest.model import Disposition, Form, JudgedReading, Reason, Verdict
from ingest.receipts import CAPACITY, render_receipt
from ingest.replies import LANGUAGES, Facts, load_phrasebook
from ingest.wording import LONGEST_SMS, MOST_ITEMS, count_units

PHRASEBOOK = load_phrasebook()

VERDICTS = st.builds(
    Verdict,
    st.sampled_from([Disposition.ACCEPT, Disposition.HOLD, Disposition.REJECT]),
    st.sampled_from(list(Reason)),
)
VALUES = st.lists(st.integers(0, 10**18 - 1) | st.integers(0), max_size=6).map(tuple)
DAYS = st.dates(dt.date(2000, 1, 1), dt.date(2099, 12, 31))
MIDNIGHTS = DAYS.map(lambda day: dt.datetime.combine(day, dt.time(), dt.UTC))
READINGS = st.builds(
    JudgedReading,
    line=st.integers(1, 10**6),
    account=st.text() | st.from_regex("[0-9]{12}", fullmatch=True),
    values=VALUES,
    verdict=VERDICTS,
    fragment=st.text(),
    period=st.none() | DAYS,
    previous=VALUES,
)
FACTS = st.builds(
    Facts,
    verdict=VERDICTS,
    receipt=st.integers(0, CAPACITY - 1).map(render_receipt),
    received_on=DAYS,
    readings=st.lists(READINGS, max_size=5).map(tuple),
    closes_at=st.none() | MIDNIGHTS,
    next_opening=st.none() | MIDNIGHTS,
    contact=st.text(),
)
EVERY_LANGUAGE = pytest.mark.parametrize("language", LANGUAGES)


def short(*readings, language="ru", **changes):
    return PHRASEBOOK.render(the_facts(*readings, **changes), language, Form.SHORT)


def long(*readings, language="ru", **changes):
    return PHRASEBOOK.render(the_facts(*readings, **changes), language, Form.LONG)


# What every acknowledgement keeps to


@given(FACTS)
@settings(deadline=None)
def test_a_short_text_always_fits_into_one_sms(facts):
    """Seventy UCS-2 characters, whatever the sender wrote, and the receipt among them."""
    for language in LANGUAGES:
        text = PHRASEBOOK.render(facts, language, Form.SHORT)
        assert count_units(text) <= LONGEST_SMS
        assert text.isprintable()
        assert (facts.verdict.reason is Reason.AUTOMATIC_MAIL) != text.endswith(facts.receipt)


@given(FACTS)
@settings(deadline=None)
def test_a_mail_has_no_character_that_is_not_printable(facts):
    """Controls, line separators and marks of direction do not get in, and the receipt does."""
    for language in LANGUAGES:
        text = PHRASEBOOK.render(facts, language, Form.LONG)
        assert all(line.replace("\u00a0", " ").isprintable() for line in text.split("\n"))
        assert (facts.verdict.reason is Reason.AUTOMATIC_MAIL) != (facts.receipt in text)
        assert "\n\n\n" not in text


@EVERY_LANGUAGE
@pytest.mark.parametrize("form", Form)
def test_automatic_mail_is_never_answered(form, language):
    """Neither where it is ignored nor where a reading in it waits for a person."""
    held = a_judged_reading(Reason.AUTOMATIC_MAIL, disposition=Disposition.HOLD)
    for facts in (of_whole(Reason.AUTOMATIC_MAIL), the_facts(held)):
        assert PHRASEBOOK.render(facts, language, form) == ""


@pytest.mark.parametrize("reason", [Reason.FAILED, Reason.TOO_LARGE, Reason.SENDER_REFUSED])
def test_what_concerns_the_whole_message_is_said_once(reason):
    """Its readings are not gone through one by one."""
    reading = a_judged_reading(reason)
    text = long(reading, reading, verdict=reading.verdict)
    assert ACCOUNT not in text.replace(f"{ACCOUNT}*5467;", "")


# What is said of one reading


def test_the_zones_of_a_register_stand_side_by_side():
    """Day and night as they were taken: whoever wrote them the other way round sees it."""
    reading = a_judged_reading(Reason.ACCEPTED, 10234, 4321)
    assert "день 10234, ночь 4321 кВт·ч" in long(reading)
    assert f"Принято {ACCOUNT}: день 10234, ночь 4321 кВт·ч. Код {RECEIPT}" == short(reading)
    assert "day 10234, night 4321 kWh" in short(reading, language="en")


QUESTION = "Почему мне за октябрь начислили 3500 рублей?"


@pytest.mark.parametrize("values", [(3500,), (6, 543), ()], ids=["rubles", "thousands", "none"])
@pytest.mark.parametrize("disposition", [Disposition.HOLD, Disposition.REJECT])
def test_a_question_is_not_called_a_reading(values, disposition):
    """What is not recognised may be rubles, or a number in groups: none comes back as kWh."""
    changes = {"disposition": disposition, "values": values, "fragment": QUESTION}
    asked = a_judged_reading(Reason.NOT_RECOGNISED, **changes)
    for text in (long(asked), short(asked), long(asked, a_judged_reading(line=2))):
        assert (
            re.search(r"3500|543|Показани[ея] .*не принят|передано специалисту: он всё", text)
            is None
        )
    told = {Disposition.HOLD: "передано специалисту", Disposition.REJECT: "не получилось"}
    assert f"аше сообщение по лицевому счёту {ACCOUNT} {told[disposition]}" in long(asked)


def test_a_question_without_an_account_is_said_back():
    """There is nothing else by which to name it."""
    asked = a_judged_reading(Reason.NOT_RECOGNISED, account="", fragment=QUESTION)
    assert f"Передали специалисту «{QUESTION}»" in long(asked)


@pytest.mark.parametrize("language", LANGUAGES)
def test_half_a_message_is_asked_for_again(language):
    """Whatever readings are in it, they do not count, and the sender is told to write again."""
    reading = a_judged_reading(Reason.INCOMPLETE)
    told = {
        "ru": f"Пришла только часть сообщения, пришлите ещё раз. Код {RECEIPT}",
        "en": f"Only part of your message came. Please send it again. Ref {RECEIPT}",
    }
    assert told[language] == short(reading, reading, verdict=reading.verdict, language=language)


@EVERY_LANGUAGE
@pytest.mark.parametrize("reason", [Reason.ACCEPTED, Reason.CORRECTED, Reason.REPEATED])
@pytest.mark.parametrize("value", [0, 5467, 12345678, 10**18 - 1])
def test_a_late_reading_says_the_month_it_counts_for(value, reason, language):
    """However long the value, the month is not what is left out."""
    month = {"ru": "сентябрь", "en": "September"}[language]
    changes = {"period": dt.date(2027, 9, 1), "previous": (1,)}
    reading = a_judged_reading(reason, value, **changes)
    assert month in short(reading, language=language, **SHUT)
    assert month in long(reading, language=language, **SHUT)


def test_a_reading_of_this_month_needs_no_month_in_a_short_text():
    """It would only take room."""
    assert "ноябрь" not in short(a_judged_reading())


def test_several_late_readings_say_their_month():
    """Also where some of them were not accepted."""
    late = a_judged_reading(period=DECEMBER)
    bad = a_judged_reading(Reason.ACCOUNT_UNKNOWN, account="000000000017")
    assert "за декабрь" in short(late, late, **SHUT)
    assert "Принято за декабрь 1 из 2. Не принято: …0017: нет счёта. Код 7K4M-2Q9X" == short(
        late, bad, **SHUT
    )


def test_a_correction_keeps_the_earlier_value_to_itself():
    """Whoever sends a reading for somebody else's account does not learn what was there."""
    reading = a_judged_reading(Reason.CORRECTED, 5467, 1203, previous=(5400, 1200))
    assert "Они заменили прежние." in long(reading)
    assert f"Исправлено {ACCOUNT}: день 5467, ночь 1203 кВт·ч. Код {RECEIPT}" == short(reading)
    assert "5400" not in long(reading)


@pytest.mark.parametrize(
    ("account", "said"),
    [
        pytest.param("12345678901", "11 цифр, а нужно 12", id="a digit too few"),
        pytest.param("1234567890123", "13 цифр, а нужно 12", id="a digit too many"),
        pytest.param("1", "1 цифра, а нужно 12", id="one"),
        pytest.param("12", "2 цифры, а нужно 12", id="two"),
        pytest.param("12345678901x", "должно быть 12 цифр", id="a letter in it"),
        pytest.param("", "должно быть 12 цифр", id="nothing"),
    ],
)
def test_a_malformed_account_is_told_how_it_is_wrong(account, said):
    """A number of digits is told where there are only digits."""
    assert said in short(a_judged_reading(Reason.ACCOUNT_MALFORMED, account=account))


@pytest.mark.parametrize(
    ("reading", "example"),
    [
        (a_judged_reading(Reason.ACCOUNT_UNKNOWN, 77, 5), "123456789012*77*5;"),
        (a_judged_reading(Reason.BELOW_PREVIOUS, 77, account="000000000017"), "123456789012*5467;"),
        (a_judged_reading(Reason.ACCOUNT_MALFORMED, values=()), "123456789012*5467;"),
    ],
    ids=["the values were right", "no value beside one's own account", "nothing was right"],
)
def test_an_example_keeps_what_was_right(reading, example):
    """It is what the sender should have written; sent as printed, it never counts for him."""
    assert f"\n{example}\n" in long(reading)


def test_a_shut_window_tells_the_day_of_its_opening():
    """And nothing about a last day."""
    text = long(a_judged_reading(Reason.WINDOW_CLOSED), **SHUT)
    assert "он откроется 06.12.2026" in text
    assert "включительно" not in text


def test_another_mistake_while_the_window_is_shut_tells_the_opening_too():
    """Sending the right thing today would not help."""
    text = long(a_judged_reading(Reason.READING_MISSING), **SHUT)
    assert "Сейчас приём показаний закрыт, он откроется 06.12.2026." in text


def test_without_a_contact_the_mail_ends_with_the_receipt():
    """An empty setting leaves no empty line."""
    assert long(a_judged_reading(), contact="").endswith("что-то уточнить.")


# What is said of several


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (2, "2 показания, все"),
        (5, "5 показаний, все"),
        (11, "11 показаний, все"),
        (21, "21 показание, все"),
    ],
)
def test_readings_are_counted_in_good_russian(count, words):
    """Two, five, eleven and twenty-one take different forms."""
    assert words in long(*[a_judged_reading(line=line) for line in range(1, count + 1)])


def test_the_same_advice_is_given_once():
    """The second such reading refers to the first."""
    readings = [a_judged_reading(Reason.ACCOUNT_UNKNOWN, line=line) for line in (1, 2)]
    text = long(*readings)
    assert 1 == text.count("Сверьте номер")
    assert "Здесь то же самое, что в пункте 1." in text


def test_a_long_list_leaves_out_what_was_accepted_first():
    """Whoever has something to mend finds it in the mail."""
    many = [a_judged_reading(line=line) for line in range(1, MOST_ITEMS + 11)]
    many.append(a_judged_reading(Reason.ACCOUNT_UNKNOWN, line=99, account="000000000017"))
    text = long(*many)
    assert "99. Показание 5467 кВт·ч по лицевому счёту 000000000017 не принято." in text
    assert "Ещё 11 показаний здесь не перечислены." in text


def test_a_short_text_names_the_accounts_that_failed_while_there_is_room():
    """Then it counts them."""
    bad = [
        a_judged_reading(Reason.ACCOUNT_UNKNOWN, account=f"00000000{number}")
        for number in range(1001, 1009)
    ]
    assert short(a_judged_reading(), *bad[:2]) == (
        f"Принято 1 из 3. Не принято: …1001, …1002: нет счёта. Код {RECEIPT}"
    )
    assert short(a_judged_reading(), *bad) == (
        f"Принято 1 из 9. Не принято: …1001 и ещё 7. Код {RECEIPT}"
    )


def test_held_readings_alone_are_told_of_as_passed_on():
    """Nothing was refused, and the text does not sound as if."""
    held = [
        a_judged_reading(reason, account=f"00000000{number}")
        for number, reason in ((1001, Reason.BELOW_PREVIOUS), (1002, Reason.IMPLAUSIBLE))
    ]
    assert f"Передано специалисту: …1001, …1002. Код {RECEIPT}" == short(*held)


def refused(*reasons, **changes):
    """Return one reading a reason, each of another account."""
    accounts = (f"00000000{number}" for number in range(1003, 1020))
    return [
        a_judged_reading(reason, account=account, **changes)
        for reason, account in zip(reasons, accounts, strict=False)
    ]


SHARED = [
    pytest.param(
        Reason.WINDOW_CLOSED,
        "Не принято ни одно из 2: приём закрыт, пришлите с 06.12.",
        "Accepted none of 2: closed, send from 6 Dec.",
        id="the day of the opening",
    ),
    pytest.param(
        Reason.ACCOUNT_UNKNOWN,
        "Не принято ни одно из 2: таких лицевых счетов нет.",
        "Accepted none of 2: no such accounts.",
        id="no such accounts",
    ),
    pytest.param(
        Reason.READING_MISSING,
        "Нет показания. Пришлите так: 123456789012*5467;",
        "Reading missing. Please send: 123456789012*5467;",
        id="an example",
    ),
    pytest.param(
        Reason.METER_AMBIGUOUS,
        "Специалисту переданы все 2: показания разные.",
        "With our staff, all 2: readings differ.",
        id="held",
    ),
    pytest.param(
        Reason.NOT_RECOGNISED,
        "Сообщение прочтёт специалист. Пример: 123456789012*5467;",
        "Our staff will read it. Example: 123456789012*5467;",
        id="held with an example",
    ),
    pytest.param(
        Reason.BELOW_PREVIOUS,
        "Специалисту переданы все 2: меньше прежнего.",
        "With our staff, all 2: too low.",
        id="without the values",
    ),
]


@pytest.mark.parametrize(("reason", "russian", "english"), SHARED)
def test_one_reason_for_all_is_told_once(reason, russian, english):
    """Two readings get the advice that one would have got."""
    readings = refused(reason, reason)
    texts = [short(*readings, language=language, **SHUT) for language in LANGUAGES]
    assert [f"{russian} Код {RECEIPT}", f"{english} Ref {RECEIPT}"] == texts


DIFFERENT = [
    pytest.param(
        [Reason.READING_MISSING, Reason.TOO_MANY_DIGITS],
        "Не принято: …1003 нет показания, …1004 лишние цифры.",
        id="both reasons",
    ),
    pytest.param(
        [Reason.READING_MISSING, Reason.TOO_MANY_DIGITS, Reason.ACCOUNT_CLOSED],
        "Не принято ни одно из 3: …1003, …1004, …1005.",
        id="too many for their reasons",
    ),
    pytest.param(
        [Reason.READING_MISSING, Reason.ACCEPTED],
        "Принято 1 из 2. Не принято: …1003: нет показания.",
        id="one of two",
    ),
]


@pytest.mark.parametrize(("reasons", "said"), DIFFERENT)
def test_different_reasons_are_told_while_there_is_room(reasons, said):
    """As much as one SMS holds."""
    assert f"{said} Код {RECEIPT}" == short(*refused(*reasons))


def test_a_shut_window_is_told_beside_other_mistakes():
    """Sending the right thing today would not help."""
    readings = refused(Reason.WINDOW_CLOSED, Reason.READING_MISSING)
    assert f"Не принято ни одно из 2: приём закрыт, пришлите с 06.12. Код {RECEIPT}" == short(
        *readings, **SHUT
    )


# Templates of the operators' own


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8")
    return path


def test_own_templates_replace_the_shipped_ones_file_by_file(tmp_path):
    """What is not there stays as shipped; other files are passed over."""
    write(tmp_path, "ru/short/accepted.txt", "\ufeffСпасибо! Код {{ receipt }}\n")
    (tmp_path / "ru" / "README.md").write_text("ours")
    own = load_phrasebook(tmp_path)
    facts = CASES["accepted"]
    assert f"Спасибо! Код {RECEIPT}" == own.render(facts, "ru", Form.SHORT)
    assert PHRASEBOOK.render(facts, "ru", Form.LONG) == own.render(facts, "ru", Form.LONG)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        pytest.param("ru/long/failed.txt", "{% if %}", "line 1: ", id="syntax"),
        pytest.param("ru/long/failed.txt", "{{ no_such }}", "'no_such' is undef", id="unknown"),
        pytest.param("ru/long/several.txt", "{{ receipt }}{{ account }}", "undefined", id="frame"),
        pytest.param("ru/long/message.txt", "{{ body }}", "receipt }} in it", id="no receipt"),
        pytest.param("ru/long/message.txt", "{{ receipt }}", "body }} in it", id="no body"),
        pytest.param("en/short/failed.txt", "", "receipt }} in it", id="empty"),
        pytest.param(
            "en/short/failed.txt", "x" * 62 + "{{ receipt }}", "takes 71", id="a character too long"
        ),
        pytest.param(
            "en/short/corrected.txt",
            "{{ values }} {{ previous }} {{ receipt }}",
            "takes",
            id="wide",
        ),
        pytest.param("ru/long/failed.txt", "{{ 1 // 0 }}", "zero", id="arithmetic"),
        pytest.param(
            "ru/long/failed.txt", "{{ receipt.__class__.__mro__ }}", "unsafe", id="sandbox"
        ),
        pytest.param("ru/long/failde.txt", "{{ receipt }}", "no text has this name", id="name"),
    ],
)
def test_a_broken_template_is_found_before_the_start(tmp_path, name, text, problem):
    """The message names the file and what is wrong with it."""
    path = write(tmp_path, name, text)
    with pytest.raises(ConfigError) as caught:
        load_phrasebook(tmp_path)
    assert str(path) in str(caught.value)
    assert problem in str(caught.value)


def test_a_template_that_is_not_utf_8_is_found_before_the_start(tmp_path):
    """An editor that saves cp1251 is told of."""
    path = write(tmp_path, "ru/short/accepted.txt", "")
    path.write_bytes("Принято".encode("cp1251"))
    with pytest.raises(ConfigError, match=r"accepted\.txt: cannot be read"):
        load_phrasebook(tmp_path)


def test_a_missing_folder_is_found_before_the_start(tmp_path):
    """A mistyped path must not mean the shipped texts."""
    with pytest.raises(ConfigError, match="found no folder"):
        load_phrasebook(tmp_path / "templates")


def test_every_broken_template_is_told_of(tmp_path):
    """Two mistakes are two lines."""
    write(tmp_path, "ru/long/failed.txt", "{{ oops }}")
    write(tmp_path, "en/long/failed.txt", "{{ oops }}")
    with pytest.raises(ConfigError) as caught:
        load_phrasebook(tmp_path)
    assert 2 == len(str(caught.value).splitlines())
