"""Messages and their circumstances to what is recorded and answered, one group at a time."""

import datetime as dt

import pytest
from builders import MAIL, OPEN_AT, SHUT_AT, SMALL_CONFIG, a_message, write_config
from hypothesis import given
from hypothesis import strategies as st

from ingest.judgement import (
    Standings,
    judge_message,
    list_keys,
    open_occasion,
    park_message,
    read_message,
    settle_counting,
    settle_readings,
)
from ingest.model import Disposition, Reason, Verdict
from ingest.policy import build_policies
from ingest.replies import load_phrasebook
from ingest.rules import Standing

HOUR = dt.timedelta(hours=1)
ACCOUNT = "123456789012"
NOVEMBER = dt.date(2026, 11, 1)
AUTOMATIC = Verdict(Disposition.IGNORE, Reason.AUTOMATIC_MAIL)
TOO_LARGE = Verdict(Disposition.REJECT, Reason.TOO_LARGE)
PHRASEBOOK = load_phrasebook()
LATER = 'days = "6..-2"\nlate = "next-period"'


@pytest.fixture(scope="module")
def policies(tmp_path_factory):
    """The policies of the small configuration."""
    return build_policies(write_config(tmp_path_factory.mktemp("config"), SMALL_CONFIG))


def judge(policy, standings, receipt, text, at=OPEN_AT, **changes):
    """Judge one message of a group."""
    message = a_message(text, received_at=at, **changes)
    occasion = open_occasion(policy, receipt, at)
    return judge_message(message, read_message(message), occasion, standings, PHRASEBOOK)


def judge_group(policy, standings, *texts):
    """Judge messages that came one hour after the other; return them as they are recorded."""
    judged = [
        judge(policy, standings, f"R-{number}", text, OPEN_AT + number * HOUR)
        for number, text in enumerate(texts, start=1)
    ]
    return [settle_counting(one, standings) for one in judged]


def standing_before(*values, at=OPEN_AT - HOUR):
    """Return standings of a database in which *values* count."""
    standing = Standing(values, at, message_id=7, line=3)
    return Standings([((ACCOUNT, NOVEMBER), standing)])


# Groups: each message is judged in the light of those before it


@pytest.mark.parametrize(
    ("texts", "reasons", "counting"),
    [
        pytest.param(["*1;"], "accepted", [True], id="one"),
        pytest.param(["*1;", "*2;"], "accepted corrected", [False, True], id="overtaken"),
        pytest.param(["*1;", "*1;"], "accepted repeated", [False, True], id="the same again"),
        pytest.param(
            ["*1;", "*2;", "*1;"],
            "accepted corrected corrected",
            [False, False, True],
            id="there and back",
        ),
        pytest.param(["*1;", "*;"], "accepted reading_missing", [True, False], id="refused"),
        pytest.param(["*1;", "*1*2;"], "accepted corrected", [False, True], id="more registers"),
    ],
)
def test_a_group_in_order(policies, texts, reasons, counting):
    """Of one group exactly one reading of an account counts: the last that was taken."""
    standings = Standings()
    judged = judge_group(policies[MAIL], standings, *(ACCOUNT + text for text in texts))
    assert reasons.split() == [one.verdict.reason for one in judged]
    assert counting == [one.readings[0].counts for one in judged]
    assert [] == standings.superseded


def test_a_correction_names_what_it_replaces(policies):
    """The reply can say what was there before, also when that waits in the same group."""
    _, second = judge_group(policies[MAIL], Standings(), f"{ACCOUNT}*1*2;", f"{ACCOUNT}*3*4;")
    assert (1, 2) == second.readings[0].previous


def test_other_accounts_are_left_alone(policies):
    """What one customer corrects changes nothing for another."""
    judged = judge_group(policies[MAIL], Standings(), f"{ACCOUNT}*1;", "123456789013*2;")
    assert [True, True] == [one.readings[0].counts for one in judged]


def test_twice_in_one_message(policies):
    """The same value twice in one message counts once, by its second line."""
    standings = Standings()
    [judged] = judge_group(policies[MAIL], standings, f"{ACCOUNT}*1;\n{ACCOUNT}*1;")
    assert [False, True] == [reading.counts for reading in judged.readings]
    assert {("R-1", 1)} == standings.overtaken


def test_two_values_in_one_message(policies):
    """Different values for one account, of two meters perhaps, wait for a person; others do not."""
    text = f"{ACCOUNT}*1;\n{ACCOUNT}*2;\n123456789013*3;"
    [judged] = judge_group(policies[MAIL], Standings(), text)
    assert ["meter_ambiguous", "meter_ambiguous", "accepted"] == [
        reading.verdict.reason for reading in judged.readings
    ]
    assert [False, False, True] == [reading.counts for reading in judged.readings]


@pytest.mark.parametrize(
    ("texts", "superseded"),
    [
        pytest.param(["*6;"], [(7, 3)], id="replaced"),
        pytest.param(["*6;", "*8;"], [(7, 3)], id="replaced once, though two came"),
        pytest.param(["*5;"], [(7, 3)], id="repeated, which takes its place"),
        pytest.param(["*;"], [], id="refused"),
    ],
)
def test_what_is_recorded_is_superseded(policies, texts, superseded):
    """A recorded reading ceases to count exactly once, and only for one that is taken."""
    standings = standing_before(5)
    judge_group(policies[MAIL], standings, *(ACCOUNT + text for text in texts))
    assert superseded == standings.superseded


def test_an_earlier_arrival_does_not_replace_a_later_one(policies):
    """What waited in a queue is recorded and answered, and counts for nothing."""
    standings = standing_before(9, at=OPEN_AT + 24 * HOUR)
    [judged] = judge_group(policies[MAIL], standings, f"{ACCOUNT}*6;")
    [reading] = judged.readings
    assert (Reason.ACCEPTED, False, []) == (
        judged.verdict.reason,
        reading.counts,
        standings.superseded,
    )


def test_late_readings_of_the_next_period(a_config):
    """Where the window says so, a late reading counts for the period that opens next."""
    policy = build_policies(a_config(SMALL_CONFIG.replace('days = "6..-2"', LATER)))[MAIL]
    late = dt.datetime(2026, 11, 30, 5, tzinfo=dt.UTC)
    judged = judge(policy, Standings(), "R-1", f"{ACCOUNT}*1;", late)
    assert (Reason.ACCEPTED, dt.date(2026, 12, 1)) == (
        judged.verdict.reason,
        judged.readings[0].period,
    )


def test_keys_are_those_of_readings(policies):
    """What has to be looked up are accounts that can be judged, with the period of the occasion."""
    message = a_message(f"{ACCOUNT}*1;\n12345*2;")
    occasion = open_occasion(policies[MAIL], "R-1", OPEN_AT)
    assert [(ACCOUNT, NOVEMBER)] == list_keys(read_message(message), occasion)


# The whole of a message


@pytest.mark.parametrize(
    ("text", "finding", "expected"),
    [
        pytest.param("*1;", None, Verdict(Disposition.ACCEPT, Reason.ACCEPTED), id="a reading"),
        pytest.param("", AUTOMATIC, AUTOMATIC, id="automatic"),
        pytest.param(
            "*1;",
            AUTOMATIC,
            Verdict(Disposition.HOLD, Reason.AUTOMATIC_MAIL),
            id="a reading in an automatic mail waits for a person",
        ),
        pytest.param("*1;", TOO_LARGE, TOO_LARGE, id="the channel's finding settles it"),
    ],
)
def test_verdict_of_the_whole(policies, text, finding, expected):
    """What the channel found settles a message, but no reading in it is thrown away."""
    standings = Standings()
    text = ACCOUNT + text if text else "Я в отпуске до понедельника."
    judged = judge(policies[MAIL], standings, "R-1", text, finding=finding)
    assert expected == judged.verdict
    counts = expected.disposition is Disposition.ACCEPT
    assert counts == any(reading.counts for reading in judged.readings)
    assert counts == (standings.find(ACCOUNT, NOVEMBER) is not None)


def test_what_was_held_back_is_not_told_back(policies):
    """Of quotations and alternatives nothing is listed: the sender wrote one reading, or none."""
    finding = Verdict(Disposition.HOLD, Reason.NOT_RECOGNISED)
    text = f"{ACCOUNT}*100;\n\n[plain text and HTML differ]\n{ACCOUNT}*555;"
    judged = judge(policies[MAIL], Standings(), "R-1", text, finding=finding)
    plain = judge(policies[MAIL], Standings(), "R-1", "Здравствуйте!", finding=finding)
    assert ([(100,), (555,)], plain.reply) == (
        [reading.values for reading in judged.readings], judged.reply,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, (True, True), id="through the outbox"),
        pytest.param({"reply_to": None}, (True, False), id="on the spot, or nobody to tell"),
        pytest.param({"finding": AUTOMATIC}, (False, False), id="automatic mail"),
    ],
)
@pytest.mark.parametrize("is_parked", [False, True], ids=["judged", "parked"])
def test_who_is_answered(policies, changes, expected, is_parked):
    """Robots hear nothing, whatever went wrong; people always get an answer."""
    message = a_message(f"{ACCOUNT}*1;", **changes)
    occasion = open_occasion(policies[MAIL], "R-1", OPEN_AT)
    if is_parked:
        made = park_message(message, occasion, "Traceback", PHRASEBOOK)
    else:
        made = judge_message(message, read_message(message), occasion, Standings(), PHRASEBOOK)
    assert expected == (bool(made.reply), made.is_owed)


def test_a_parked_message_waits_for_a_person(policies):
    """What our code fails on is kept with its traceback, and its sender is told to be patient."""
    occasion = open_occasion(policies[MAIL], "R-1", OPEN_AT)
    parked = park_message(a_message(), occasion, "Traceback", PHRASEBOOK)
    assert (Verdict(Disposition.HOLD, Reason.FAILED), (), "Traceback") == (
        parked.verdict,
        parked.readings,
        parked.problem,
    )
    assert "R-1" in parked.reply
    assert "Traceback" not in parked.reply


def test_a_channel_may_refuse_what_it_cannot_read(a_config):
    """What becomes of a text without any reading is the channel's to say."""
    text = f'{SMALL_CONFIG}\n[rules.dispositions]\nnot_recognised = "reject"'
    policy = build_policies(a_config(text))[MAIL]
    verdict = judge(policy, Standings(), "R-1", "Добрый день!").verdict
    assert Verdict(Disposition.REJECT, Reason.NOT_RECOGNISED) == verdict


def test_a_shut_window_refuses_and_says_until_when(policies):
    """A reading that comes too early is refused with the day on which it will be taken."""
    judged = judge(policies[MAIL], Standings(), "R-1", f"{ACCOUNT}*1;", SHUT_AT)
    assert Reason.WINDOW_CLOSED == judged.verdict.reason
    assert "06.11.2026" in judged.reply


def test_settling_keeps_what_was_not_overtaken(policies):
    """A judgement that nothing replaced is the same object: nothing is copied for nothing."""
    standings = Standings()
    [judged] = judge_group(policies[MAIL], standings, f"{ACCOUNT}*1;")
    assert judged is settle_counting(judged, standings)
    assert judged.readings is settle_readings("R-9", judged.readings, standings)


# Properties


readings = st.tuples(
    st.sampled_from([ACCOUNT, "123456789013"]),
    st.sampled_from([0, 30]),  # days: this month, or the next
    st.integers(0, 3),  # hours: many ties
    st.integers(1, 3),  # values: many repeats
)


@given(st.lists(readings, max_size=30), st.booleans())
def test_exactly_one_value_counts_and_it_is_the_latest(policies, sequence, is_recorded):
    """One value counts per account and period: the latest that arrived, of ties the last."""
    standings = standing_before(2, at=OPEN_AT) if is_recorded else Standings()
    judged = [judge_one(policies[MAIL], standings, *one) for one in enumerate(sequence)]
    counting = [
        ((one.account, one.period), one.values, receipt)
        for receipt, items in judged
        for one in settle_readings(receipt, items, standings)
        if one.counts
    ]
    expected, keeps = find_expected(sequence, is_recorded)
    assert expected == {key: values for key, values, _ in counting}
    assert len(expected) == len(counting)
    assert ([(7, 3)] if is_recorded and not keeps else []) == standings.superseded


def judge_one(policy, standings, number, one):
    """Judge one drawn reading; return its receipt and what became of it."""
    account, days, hours, value = one
    at = OPEN_AT + dt.timedelta(days=days, hours=hours)
    judgement = judge(policy, standings, f"R-{number}", f"{account}*{value};", at)
    return judgement.receipt, judgement.readings


def find_expected(sequence, is_recorded):
    """Work out in the plainest way what must count, and whether the recorded reading still does."""
    latest = {(ACCOUNT, NOVEMBER): (0, (2,), True)} if is_recorded else {}
    for account, days, hours, value in sequence:
        key = (account, dt.date(2026, 12, 1) if days else NOVEMBER)
        before = latest.get(key)
        if before is None or hours >= before[0]:
            latest[key] = (hours, (value,), False)
    counting = {
        key: values for key, (_, values, was_recorded) in latest.items() if not was_recorded
    }
    return counting, any(was_recorded for _, _, was_recorded in latest.values())
