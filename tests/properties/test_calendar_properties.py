"""What holds for every window, every day and every moment."""

import calendar
import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ingest.calendar import (
    Window,
    build_window,
    find_day,
    find_period,
    next_period,
    parse_days,
    parse_period,
    render_calendar,
    render_period,
    starts_at,
)
from ingest.settings import WindowSettings

DAY = dt.timedelta(days=1)
TICK = dt.timedelta(microseconds=1)
YEARS = [
    dt.date(2024, 1, 1) + count * DAY
    for count in range((dt.date(2033, 1, 1) - dt.date(2024, 1, 1)).days)
]
ZONES = [
    ZoneInfo(name)
    for name in (
        "Asia/Krasnoyarsk",
        "Europe/Berlin",
        "America/Santiago",
        "America/Havana",
        "America/St_Johns",
        "Asia/Beirut",
        "Pacific/Kiritimati",
        "UTC",
    )
]


def is_sound(text):
    """Tell whether a span has a day in every month."""
    try:
        return bool(parse_days(text))
    except ValueError:
        return False


numbers = st.sampled_from([*range(-31, 0), *range(1, 32)])
spans = st.builds("{}..{}".format, numbers, numbers).filter(is_sound).map(parse_days)
dates = st.dates(dt.date(2005, 1, 1), dt.date(2035, 12, 31))
exceptions = st.frozensets(dates, max_size=8)
moments = st.timedeltas(dt.timedelta(), 31 * 365 * DAY).map(
    lambda passed: dt.datetime(2005, 1, 1, tzinfo=dt.UTC) + passed
)
zones = st.sampled_from(ZONES)


@st.composite
def windows(draw):
    """Any window: versions and exceptions wherever they may be."""
    closed = draw(exceptions)
    since = sorted(draw(st.sets(dates, max_size=3)))
    return Window(
        name="any",
        zone=draw(zones),
        days=draw(spans),
        versions=tuple((one, draw(spans)) for one in since),
        opened=draw(exceptions) - closed,
        closed=closed,
    )


def when_open(window, at):
    """Return *at*, or the next moment at which the window is open; most are, or soon will be."""
    return at if at in window else window.next_opening(at)


def when_shut(window, at):
    """Return *at*, or the next moment at which the window is shut."""
    return at if at not in window else window.closes_at(at)


def all_month(day):
    """Not in the first five days, and not when the next day begins another month."""
    return day.day not in {1, 2, 3, 4, 5} and (day + DAY).month == day.month


def terminals(day):
    """Strictly between the 22nd and the 27th."""
    return 22 < day.day < 27


def until_the_25th(day):
    """Twenty-five days back it was still another month."""
    return (day - 25 * DAY).month != day.month


@pytest.mark.parametrize(
    ("days", "rule"),
    [
        pytest.param("6..-2", all_month, id="all-month"),
        pytest.param("23..26", terminals, id="terminals"),
        pytest.param("1..25", until_the_25th, id="until the 25th"),
    ],
)
@pytest.mark.parametrize("zone", ZONES[:3], ids=str)
def test_every_day(days, rule, zone):
    """Nine years agree, from first to last second, with the rule said in another way."""
    window = build_window("any", WindowSettings(days=days), zone)
    for day in YEARS:
        first, last = starts_at(day, zone), starts_at(day + DAY, zone) - TICK
        found = {window.is_open_on(day), first in window, last in window}
        assert {rule(day)} == found, day


@given(zone=zones, at=moments)
def test_days_tile(zone, at):
    """Every moment lies in its day, and days are about a day long."""
    day = find_day(at, zone)
    assert starts_at(day, zone) <= at < starts_at(day + DAY, zone)
    assert dt.timedelta(hours=22) < starts_at(day + DAY, zone) - starts_at(day, zone)


@given(zone=zones, day=dates)
def test_edges_of_a_day(zone, day):
    """A day's first moment is its own; the moment before is the day before's."""
    first = starts_at(day, zone)
    assert (day, day - DAY) == (find_day(first, zone), find_day(first - TICK, zone))


@given(window=windows(), at=moments, share=st.floats(0, 1, exclude_max=True))
def test_an_open_span_is_half_open(window, at, share):
    """From an open moment to the closing all is open, and the closing itself is shut."""
    at = when_open(window, at)
    assume(at is not None)
    closes_at = window.closes_at(at)
    assume(closes_at is not None)
    at, closes_at = at.astimezone(dt.UTC), closes_at.astimezone(dt.UTC)
    assert closes_at > at
    assert min(at + share * (closes_at - at), closes_at - TICK) in window
    assert closes_at - TICK in window
    assert closes_at not in window


@given(window=windows(), at=moments, share=st.floats(0, 1, exclude_max=True))
def test_a_shut_span_is_half_open(window, at, share):
    """From a shut moment to the opening all is shut, and the opening itself is open."""
    at = when_shut(window, at)
    assume(at is not None)
    opens_at = window.next_opening(at)
    assume(opens_at is not None)
    at, opens_at = at.astimezone(dt.UTC), opens_at.astimezone(dt.UTC)
    assert opens_at > at
    assert min(at + share * (opens_at - at), opens_at - TICK) not in window
    assert opens_at - TICK not in window
    assert opens_at in window


@given(window=windows(), at=moments)
def test_openings_and_closings_alternate(window, at):
    """Going on from turn to turn, every opening is followed by its closing, and so on."""
    turns = [at]
    for _ in range(6):
        is_open = turns[-1] in window
        turn = window.closes_at(turns[-1]) if is_open else window.next_opening(turns[-1])
        if turn is None:
            break
        turns.append(turn.astimezone(dt.UTC))
        assert is_open is not (turns[-1] in window)
    assert sorted(set(turns)) == turns


@given(window=windows(), at=moments)
def test_the_next_opening_is_after_the_present_closing(window, at):
    """While a window is open its next opening is the one that its closing sees."""
    at = when_open(window, at)
    assume(at is not None)
    closes_at = window.closes_at(at)
    assume(closes_at is not None)
    assert window.next_opening(closes_at) == window.next_opening(at)


@given(window=windows())
def test_every_month_has_a_day_unless_exceptions_take_it(window):
    """A span that was let through has an open day in each month there is."""
    for year, month in [(2023, 2), (2024, 2), (2024, 4), (2024, 12)]:
        span = window.find_days(dt.date(year, month, 1))
        length = calendar.monthrange(year, month)[1]
        assert any(dt.date(year, month, day) in span for day in range(1, length + 1))


@given(window=windows(), day=dates)
def test_days_of_a_month_are_its_open_days(window, day):
    """The days listed, the calendar shown and the single answers agree."""
    weeks = render_calendar(window, day.year, day.month)
    shown = [one for week in weeks for one in week if one is not None]
    assert window.days_in(day.year, day.month) == tuple(one.day for one in shown if one.is_open)
    assert [one.is_open for one in shown] == [window.is_open_on(one.day) for one in shown]
    assert list(range(7)) * len(weeks) == [i for week in weeks for i in range(len(week))]


@given(zone=zones, at=moments)
def test_periods_tile(zone, at):
    """Every moment lies in one period, and writing a period loses nothing."""
    period = find_period(at, zone)
    assert starts_at(period, zone) <= at < starts_at(next_period(period), zone)
    assert period == parse_period(render_period(period))
