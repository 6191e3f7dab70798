"""The laws of judging; the headings follow their order in ``RULES`` and in docs/rules.md."""

import datetime as dt

import pytest
from msgspec.structs import replace

from ingest import rules
from ingest.model import Account, Disposition, Reading, Reason, Verdict
from ingest.rules import DISPOSITIONS, RULES, Circumstances, Standing, find_reason, summarise

TODAY = dt.date(2026, 11, 24)
NOW = dt.datetime(2026, 11, 24, 5, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
KNOWN = Circumstances(received_on=TODAY, effective_at=NOW, is_open=True, max_digits=8)
READING = Reading(Account("123456789012"), (5467,), "123456789012*5467")


def after(*values, effective_at=NOW - HOUR):
    """Return circumstances in which *values* count already."""
    return replace(KNOWN, standing=Standing(values, effective_at))


# 1. Window


@pytest.mark.parametrize(
    ("is_open", "expected"),
    [
        pytest.param(True, None, id="open"),
        pytest.param(False, Reason.WINDOW_CLOSED, id="shut"),
    ],
)
def test_window_closed(is_open, expected):
    """A reading counts only while the channel's window is open."""
    assert expected is rules.window_closed(READING, replace(KNOWN, is_open=is_open))


# 2. Date of reading


@pytest.mark.parametrize(
    ("read_on", "expected"),
    [
        pytest.param(None, None, id="not said"),
        pytest.param(TODAY - 40 * DAY, None, id="long ago"),
        pytest.param(TODAY, None, id="today"),
        pytest.param(TODAY + DAY, Reason.DATED_IN_FUTURE, id="tomorrow"),
    ],
)
def test_dated_in_future(read_on, expected):
    """A meter cannot have been read tomorrow."""
    assert expected is rules.dated_in_future(replace(READING, read_on=read_on), KNOWN)


# 3. Digits


@pytest.mark.parametrize(
    ("values", "max_digits", "expected"),
    [
        pytest.param((0,), 8, None, id="zero"),
        pytest.param((99_999_999,), 8, None, id="the most that eight digits show"),
        pytest.param((100_000_000,), 8, Reason.TOO_MANY_DIGITS, id="one more"),
        pytest.param((7, 100_000_000), 8, Reason.TOO_MANY_DIGITS, id="in the second register"),
        pytest.param((99_999,), 5, None, id="narrow register"),
        pytest.param((100_000,), 5, Reason.TOO_MANY_DIGITS, id="too wide for a narrow register"),
        pytest.param((), 8, None, id="no register"),
    ],
)
def test_too_many_digits(values, max_digits, expected):
    """No register shows more digits than the widest installed."""
    known = replace(KNOWN, max_digits=max_digits)
    assert expected is rules.too_many_digits(replace(READING, values=values), known)


# 4. The same value again


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(KNOWN, None, id="the first"),
        pytest.param(after(5467), Reason.REPEATED, id="the same"),
        pytest.param(after(5467, effective_at=NOW + HOUR), None, id="the same, later"),
        pytest.param(after(5466), None, id="another"),
        pytest.param(after(5467, 0), None, id="with one register more"),
    ],
)
def test_repeated(known, expected):
    """The value that counts changes nothing when it comes again after that."""
    assert expected is rules.repeated(READING, known)


# 5. The last one counts


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param(KNOWN, None, id="the first"),
        pytest.param(after(5466), Reason.CORRECTED, id="after an earlier one"),
        pytest.param(after(5466, effective_at=NOW), Reason.CORRECTED, id="in the same moment"),
        pytest.param(after(5466, effective_at=NOW + HOUR), None, id="before one that came first"),
    ],
)
def test_corrected(known, expected):
    """Of several readings for a period the one that arrived last counts."""
    assert expected is rules.corrected(READING, known)


# The laws together


@pytest.mark.parametrize(
    ("reading", "known", "expected"),
    [
        pytest.param(READING, KNOWN, Reason.ACCEPTED, id="every law is content"),
        pytest.param(
            replace(READING, read_on=TODAY + DAY, values=(10**9,)),
            replace(after(5467), is_open=False),
            Reason.WINDOW_CLOSED,
            id="window before all",
        ),
        pytest.param(
            replace(READING, read_on=TODAY + DAY, values=(10**9,)),
            after(10**9),
            Reason.DATED_IN_FUTURE,
            id="date before digits",
        ),
        pytest.param(
            replace(READING, values=(10**9,)),
            after(10**9),
            Reason.TOO_MANY_DIGITS,
            id="digits before repeated",
        ),
        pytest.param(READING, after(5467), Reason.REPEATED, id="repeated before corrected"),
        pytest.param(READING, after(5466), Reason.CORRECTED, id="corrected"),
        pytest.param(
            READING, after(5470, effective_at=NOW + HOUR), Reason.ACCEPTED, id="late, but recorded"
        ),
    ],
)
def test_the_first_law_gives_the_reason(reading, known, expected):
    """Laws are asked in their order, and the first that objects is the one that is told."""
    assert expected is find_reason(reading, known)


def test_every_law_is_asked():
    """The tuple holds every law of the module, each under the name of its reason."""
    laws = vars(rules).keys() & {reason.value for reason in Reason}
    assert laws == {rule.__name__ for rule in RULES}


def test_every_reason_leads_somewhere():
    """No reason can come up for which it is not said what becomes of the reading."""
    assert set(Reason) == set(DISPOSITIONS)


@pytest.mark.parametrize(
    ("dispositions", "expected"),
    [
        pytest.param("accept", 0, id="one"),
        pytest.param("accept accept", 0, id="the first of equals"),
        pytest.param("accept hold", 1, id="hold outweighs accept"),
        pytest.param("hold reject accept", 1, id="reject outweighs all"),
        pytest.param("accept reject hold reject", 1, id="the first reject"),
        pytest.param("ignore accept", 1, id="ignore weighs least"),
    ],
)
def test_summarise(dispositions, expected):
    """A message is as grave as the gravest of its readings, and tells the first such."""
    verdicts = [
        Verdict(Disposition(word), reason)
        for word, reason in zip(dispositions.split(), Reason, strict=False)
    ]
    assert verdicts[expected] == summarise(verdicts)
