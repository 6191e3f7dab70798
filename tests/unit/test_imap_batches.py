"""Which mails of a mailbox come next, how many at once, and with how much caution."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.channels.imap.batches import (
    CRASHES,
    FAILURES,
    HEAD_BYTES,
    MOST_BYTES,
    MOST_MAILS,
    Care,
    Trials,
    Waiting,
    choose_care,
    cut_batches,
    next_range,
    trust_date,
)

NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
KRASNOYARSK = dt.timezone(dt.timedelta(hours=7))
MAX_SIZE = 1_000_000


def waiting(*sizes):
    """Return mails of these sizes, numbered from 1."""
    return [Waiting(uid, size, NOW) for uid, size in enumerate(sizes, start=1)]


@pytest.mark.parametrize(
    ("sizes", "lengths"),
    [
        pytest.param([], [0], id="none"),
        pytest.param([1] * MOST_MAILS, [MOST_MAILS], id="just as many as may be"),
        pytest.param([1] * (MOST_MAILS + 1), [MOST_MAILS, 1], id="one more"),
        pytest.param([900_000] * 10, [9, 1], id="by size"),
        pytest.param([MAX_SIZE + 1] * MOST_MAILS, [MOST_MAILS], id="of large ones the heads count"),
        pytest.param([MAX_SIZE], [1], id="one"),
    ],
)
def test_batches(sizes, lengths):
    """Mails are cut into batches by number and size; a mail alone may have any size."""
    batches = list(cut_batches(waiting(*sizes), 99, most_mails=MOST_MAILS, max_size=MAX_SIZE))
    assert lengths == [len(one.waiting) for one in batches]
    assert 99 == batches[-1].last


@given(st.lists(st.integers(0, 3 * MAX_SIZE), max_size=200), st.integers(1, MOST_MAILS))
def test_batches_lose_nothing(sizes, most_mails):
    """Every mail is in one batch, in order, and no batch is too large, whatever the sizes."""
    mails = waiting(*sizes)
    batches = list(cut_batches(mails, 999, most_mails=most_mails, max_size=MAX_SIZE))
    assert mails == [one for batch in batches for one in batch.waiting]
    assert [one.last for one in batches] == sorted({one.last for one in batches})
    for batch in batches:
        costs = [one.size if one.size <= MAX_SIZE else HEAD_BYTES for one in batch.waiting]
        assert len(costs) <= most_mails
        assert len(costs) <= 1 or sum(costs) <= MOST_BYTES


@pytest.mark.parametrize(
    ("first", "uid_next", "found"),
    [
        pytest.param(1, 51, (1, None), id="a small folder"),
        pytest.param(1, 100_002, (1, 50_000), id="the first part of a large one"),
        pytest.param(50_001, 100_001, (50_001, None), id="its end"),
        pytest.param(7, 0, (7, None), id="a server that does not say"),
    ],
)
def test_ranges(first, uid_next, found):
    """A large folder is searched part by part, and to its end at last."""
    assert found == next_range(first, uid_next, 50_000)


@pytest.mark.parametrize(
    ("date", "trusted"),
    [
        pytest.param(
            dt.datetime(2026, 11, 24, 11, tzinfo=KRASNOYARSK), dt.timedelta(hours=-1), id="aware"
        ),
        pytest.param(NOW.replace(tzinfo=None), None, id="without a zone"),
        pytest.param(NOW + dt.timedelta(seconds=1), None, id="in the future"),
        pytest.param(dt.datetime(1970, 1, 1, tzinfo=dt.UTC), None, id="too old"),
        pytest.param(dt.datetime(1, 1, 1, tzinfo=KRASNOYARSK), None, id="before the calendar"),
        pytest.param(None, None, id="none"),
        pytest.param(b"24-Nov-2026", None, id="no date at all"),
    ],
)
def test_dates(date, trusted):
    """A time of arrival that can only be wrong is replaced by now."""
    assert NOW + (trusted or dt.timedelta()) == trust_date(date, NOW)


@pytest.mark.parametrize(
    ("crashes", "failures", "care"),
    [
        pytest.param(0, 0, Care.TOGETHER, id="well"),
        pytest.param(CRASHES[0], 0, Care.ALONE, id="some crashes"),
        pytest.param(CRASHES[1], 0, Care.HEAD, id="more crashes"),
        pytest.param(CRASHES[2], 0, Care.UNSEEN, id="crashes at the head too"),
        pytest.param(0, FAILURES[0], Care.ALONE, id="some failures"),
        pytest.param(0, FAILURES[1] - 1, Care.ALONE, id="as many as a bad day has"),
        pytest.param(0, FAILURES[1], Care.HEAD, id="far more"),
        pytest.param(CRASHES[0], FAILURES[1], Care.HEAD, id="the greater care counts"),
    ],
)
def test_care(crashes, failures, care):
    """The more attempts came to no end, the less is risked."""
    assert care is choose_care(crashes, failures)


def test_failures_count_at_one_place():
    """Failures elsewhere say nothing about the mails here."""
    trials = Trials()
    for place in (1, 2, 3, 3):
        trials.fail(place)
    assert (2, Care.TOGETHER) == (trials.failures, trials.care)


def test_after_crashes_mails_are_taken_singly_for_a_while():
    """A batch that was once one too many goes one by one to its end, then all is as ever."""
    trials = Trials(crashes=CRASHES[1])
    cares = []
    for _ in range(MOST_MAILS + 1):
        cares.append(trials.care)
        trials.succeed()
    assert [Care.HEAD, *[Care.ALONE] * (MOST_MAILS - 1), Care.TOGETHER] == cares


def test_the_first_attempt_is_noted():
    """Before a process has brought anything to an end, its attempt may be its last."""
    trials = Trials()
    assert trials.is_risky
    trials.succeed()
    assert not trials.is_risky
