"""The calendar, rule by rule, in the order of the essay at the top of ``ingest/calendar.py``."""

import calendar
import datetime as dt
import os
import subprocess
import sys
import time
from zoneinfo import ZoneInfo

import pytest

from ingest.calendar import (
    CalendarDay,
    OpenDays,
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
from ingest.settings import WindowSettings, WindowVersion

KRASNOYARSK = ZoneInfo("Asia/Krasnoyarsk")


def a_window(days="6..-2", zone=KRASNOYARSK, **settings):
    """Build a window from what the test says."""
    return build_window("all-month", WindowSettings(days=days, **settings), zone)


def local(text, zone=KRASNOYARSK):
    """Return a moment by its local time."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone)


def day(text):
    """Return a date."""
    return dt.date.fromisoformat(text)


# Rule 1: days.


@pytest.mark.parametrize(
    ("zone", "on", "expected"),
    [
        pytest.param("Asia/Krasnoyarsk", "2026-11-06", "2026-11-05T17:00:00", id="no summer time"),
        pytest.param("Asia/Krasnoyarsk", "2014-10-26", "2014-10-25T16:00:00", id="before UTC+7"),
        pytest.param("Asia/Krasnoyarsk", "2014-10-27", "2014-10-26T17:00:00", id="since UTC+7"),
        pytest.param("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00", id="a day of 23 hours"),
        pytest.param("Europe/Berlin", "2026-03-30", "2026-03-29T22:00:00", id="and the next"),
        pytest.param("America/Santiago", "2026-09-06", "2026-09-06T04:00:00", id="no midnight"),
        pytest.param("America/Santiago", "2026-04-05", "2026-04-05T04:00:00", id="23 h twice"),
        pytest.param("America/Havana", "2026-11-01", "2026-11-01T04:00:00", id="0 h twice"),
        pytest.param("America/Toronto", "1919-03-31", "1919-03-31T04:30:00", id="gap from 23:30"),
        pytest.param("America/St_Johns", "2006-10-29", "2006-10-29T02:30:00", id="0:00 to 0:01"),
        pytest.param("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00", id="a day left out"),
        pytest.param("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00", id="the day after it"),
    ],
)
def test_start_of_day(zone, on, expected):
    """A day begins at its first moment, also where clocks skip or repeat midnight."""
    assert local(expected, dt.UTC) == starts_at(day(on), ZoneInfo(zone))


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        pytest.param("Asia/Krasnoyarsk", "2026-11-05T16:59:59", "2026-11-05", id="a second before"),
        pytest.param("Asia/Krasnoyarsk", "2026-11-05T17:00:00", "2026-11-06", id="midnight"),
        pytest.param("America/St_Johns", "2006-10-29T02:29:59", "2006-10-28", id="the day before"),
        pytest.param("America/St_Johns", "2006-10-29T02:30:30", "2006-10-29", id="has begun"),
        pytest.param("America/St_Johns", "2006-10-29T02:45:00", "2006-10-29", id="clock put back"),
    ],
)
def test_day_of_a_moment(zone, at, expected):
    """Every moment belongs to the day that began last."""
    assert day(expected) == find_day(local(at, dt.UTC), ZoneInfo(zone))


def test_a_naive_time_is_refused():
    """A time without zone would be taken for the machine's own, so it is no time at all."""
    with pytest.raises(ValueError, match="wanted an aware time"):
        find_day(dt.datetime(2026, 11, 6), KRASNOYARSK)  # noqa: DTZ001 -- that is the case


@pytest.mark.parametrize("host_zone", ["America/New_York", "UTC", "Pacific/Kiritimati"])
def test_the_time_zone_of_the_machine_does_not_matter(host_zone, monkeypatch):
    """The same second opens the window wherever the machine believes itself to be."""
    monkeypatch.setenv("TZ", host_zone)
    time.tzset()
    window = a_window()
    found = [local(f"2026-11-05T{at}", dt.UTC) in window for at in ("16:59:59", "17:00:00")]
    monkeypatch.undo()
    time.tzset()
    assert [False, True] == found


# Rule 2: spans.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("6..-2", OpenDays(6, -2), id="to the last but one"),
        pytest.param("23..26", OpenDays(23, 26), id="four days"),
        pytest.param("1..25", OpenDays(1, 25), id="from the first"),
        pytest.param("1..-1", OpenDays(1, -1), id="the whole month"),
        pytest.param("-3..-1", OpenDays(-3, -1), id="the last three"),
        pytest.param("23..31", OpenDays(23, 31), id="beyond some months"),
        pytest.param("-31..5", OpenDays(-31, 5), id="before some months"),
        pytest.param("28..28", OpenDays(28, 28), id="one day that every month has"),
    ],
)
def test_span(text, expected):
    """A span is first and last open day, and writes itself the way it is read."""
    assert expected == parse_days(text)
    assert text == str(expected)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("", "wanted first and last", id="nothing"),
        pytest.param("6-28", "wanted first and last", id="a hyphen"),
        pytest.param("6..", "wanted first and last", id="no end"),
        pytest.param("6 .. 8", "wanted first and last", id="spaces"),
        pytest.param("٦..٨", "wanted first and last", id="other digits"),
        pytest.param("0..5", "wanted first and last", id="no day 0"),
        pytest.param("1..32", "wanted first and last", id="no day 32"),
        pytest.param("1..-0", "wanted first and last", id="no day -0"),
        pytest.param("1..-32", "wanted first and last", id="no day -32"),
        pytest.param("26..23", "one of 28 days has none", id="inverted"),
        pytest.param("29..31", "one of 28 days has none", id="not in February"),
        pytest.param("20..-11", "one of 28 days has none", id="inverted in February"),
        pytest.param("1..-31", "one of 28 days has none", id="only in long months"),
    ],
)
def test_span_refused(text, wanted):
    """A span that is malformed, or has no day in some month, is refused with what was found."""
    with pytest.raises(ValueError, match=f"^found {text!r}, .*{wanted}"):
        parse_days(text)


@pytest.mark.parametrize(
    ("days", "year", "month", "expected"),
    [
        pytest.param("6..-2", 2026, 2, (6, 27), id="28 days"),
        pytest.param("6..-2", 2028, 2, (6, 28), id="29 days"),
        pytest.param("6..-2", 2026, 11, (6, 29), id="30 days"),
        pytest.param("6..-2", 2026, 12, (6, 30), id="31 days"),
        pytest.param("23..26", 2028, 2, (23, 26), id="a fixed span"),
        pytest.param("23..31", 2026, 2, (23, 28), id="clipped at the end"),
        pytest.param("-31..5", 2026, 2, (1, 5), id="clipped at the beginning"),
    ],
)
def test_days_of_a_month(days, year, month, expected):
    """A span is counted anew in every month and clipped to it."""
    found = a_window(days).days_in(year, month)
    first, last = expected
    assert list(range(first, last + 1)) == [one.day for one in found]


# Rule 3: versions.


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        pytest.param("2026-12-22", False, id="first version, shut"),
        pytest.param("2026-12-23", True, id="first version, open"),
        pytest.param("2027-01-01", True, id="the day the second begins"),
        pytest.param("2027-01-26", False, id="open only before the second"),
        pytest.param("2027-03-09", True, id="the last day of the second"),
        pytest.param("2027-03-10", False, id="the day the third begins"),
        pytest.param("2027-03-11", True, id="open in the third"),
    ],
)
def test_versions(on, expected):
    """Each day is judged by the version valid on it, before and after there are newer ones."""
    versions = (
        WindowVersion(since=day("2027-01-01"), days="1..25"),
        WindowVersion(since=day("2027-03-10"), days="11..-1"),
    )
    assert expected is a_window("23..26", versions=versions).is_open_on(day(on))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param(
            {"days": "6..x"},
            "windows.all-month.days: found '6..x', wanted first and last open day",
            id="days",
        ),
        pytest.param(
            {"versions": (("2027-01-01", "9..1"),)},
            "windows.all-month.versions[0].days: found '9..1', wanted an open day in every month",
            id="days of a version",
        ),
        pytest.param(
            {"versions": (("2027-01-01", "1..9"), ("2026-01-01", "1..8"))},
            "windows.all-month.versions[1].since: found 2026-01-01, wanted a date after 2027-01-01",
            id="not in order",
        ),
        pytest.param(
            {"versions": (("2027-01-01", "1..9"), ("2027-01-01", "1..8"))},
            "windows.all-month.versions[1].since: found 2027-01-01, wanted a date after 2027-01-01",
            id="twice",
        ),
        pytest.param(
            {"open": (day("2027-01-02"),), "closed": (day("2027-01-02"),)},
            "windows.all-month.closed: found 2027-01-02, which stands in open as well",
            id="open and closed",
        ),
    ],
)
def test_window_refused(settings, expected):
    """A window that cannot be is refused with the key that is wrong."""
    pairs = settings.pop("versions", ())
    versions = tuple(WindowVersion(since=day(since), days=days) for since, days in pairs)
    with pytest.raises(ValueError) as caught:
        a_window(**settings, versions=versions)
    assert str(caught.value).startswith(expected)


# Rule 4: exceptions.


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        pytest.param("2026-12-30", False, id="shut although the span says open"),
        pytest.param("2026-12-31", True, id="open although the span says shut"),
        pytest.param("2027-01-30", True, id="only that day of that year"),
        pytest.param("2027-01-31", False, id="and that one"),
    ],
)
def test_exceptions(on, expected):
    """Single days win over the span."""
    window = a_window(open=(day("2026-12-31"),), closed=(day("2026-12-30"),))
    assert expected is window.is_open_on(day(on))


# Rule 5: spans are half-open and join.


@pytest.mark.parametrize(
    ("days", "at", "expected"),
    [
        pytest.param("6..-2", "2026-11-05T23:59:59", False, id="a second before it opens"),
        pytest.param("6..-2", "2026-11-06T00:00:00", True, id="it opens"),
        pytest.param("6..-2", "2026-11-29T23:59:59", True, id="its last second"),
        pytest.param("6..-2", "2026-11-30T00:00:00", False, id="it closes"),
        pytest.param("6..-2", "2028-02-28T23:59:59", True, id="28 February of a leap year"),
        pytest.param("6..-2", "2028-02-29T00:00:00", False, id="29 February"),
        pytest.param("6..-2", "2027-02-27T23:59:59", True, id="27 February"),
        pytest.param("6..-2", "2027-02-28T00:00:00", False, id="28 February"),
        pytest.param("6..-2", "2026-12-30T23:59:59", True, id="30 December"),
        pytest.param("6..-2", "2026-12-31T00:00:00", False, id="31 December"),
        pytest.param("23..26", "2026-11-22T23:59:59", False, id="a second before the 23rd"),
        pytest.param("23..26", "2026-11-23T00:00:00", True, id="the 23rd"),
        pytest.param("23..26", "2026-11-26T23:59:59", True, id="the 26th"),
        pytest.param("23..26", "2026-11-27T00:00:00", False, id="the 27th"),
        pytest.param("1..-1", "2026-12-31T23:59:59", True, id="always"),
    ],
)
def test_edges(days, at, expected):
    """The first second of a span lies within, the first after it does not."""
    window = a_window(days)
    moment = local(at)
    assert expected is window.is_open(moment)
    assert expected is (moment.astimezone(dt.UTC) in window)


@pytest.mark.parametrize(
    ("window", "at", "closes", "opens"),
    [
        pytest.param(a_window(), "11-10T12:00", "11-30", "12-06", id="open"),
        pytest.param(a_window(), "11-30T00:00", None, "12-06", id="shut"),
        pytest.param(a_window(), "11-05T23:59:59", None, "11-06", id="about to open"),
        pytest.param(a_window("25..-1"), "11-30T12:00", "12-01", "12-25", id="at a month's end"),
        pytest.param(
            a_window("20..-1", versions=(WindowVersion(since=day("2026-12-01"), days="1..9"),)),
            *("11-25T12:00", "12-10", "2027-01-01"),
            id="joined across a version",
        ),
        pytest.param(
            a_window("23..26", open=(day("2026-11-27"), day("2026-11-29"))),
            *("11-25T12:00", "11-28", "11-29"),
            id="joined with an exception",
        ),
        pytest.param(
            a_window("1..-1", closed=(day("2026-11-27"),)),
            *("11-25T12:00", "11-27", "11-28"),
            id="parted by an exception",
        ),
        pytest.param(a_window("1..-1"), "11-25T12:00", None, None, id="never shut"),
    ],
)
def test_turns(window, at, closes, opens):
    """A span ends where the first shut day begins; the next begins where days are open again."""

    def midnight(text):
        return text and local(text if text.startswith("2027") else f"2026-{text}")

    moment = local(f"2026-{at}")
    assert midnight(closes) == window.closes_at(moment)
    assert midnight(opens) == window.next_opening(moment)


def test_turns_are_local_times():
    """What is told to people is in their time, also where midnight does not exist."""
    window = a_window("6..-2", ZoneInfo("America/Santiago"))
    found = window.next_opening(dt.datetime(2026, 9, 1, 12, tzinfo=dt.UTC))
    assert "2026-09-06T01:00:00-03:00" == found.isoformat()


# Rule 6: billing periods.


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param("2026-11-30T16:59:59", "2026-11", id="the last second of November"),
        pytest.param("2026-11-30T17:00:00", "2026-12", id="the first of December"),
        pytest.param("2026-12-31T17:00:00", "2027-01", id="the first of a year"),
        pytest.param("2028-02-29T16:59:59", "2028-02", id="29 February"),
    ],
)
def test_period_of_a_moment(at, expected):
    """A moment belongs to the month that it is in the service's zone."""
    found = find_period(local(at, dt.UTC), KRASNOYARSK)
    assert expected == render_period(found)
    assert found == parse_period(expected)


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        pytest.param("2026-01", "2026-02", id="from a long month"),
        pytest.param("2026-02", "2026-03", id="from the shortest"),
        pytest.param("2026-12", "2027-01", id="over a year's end"),
        pytest.param("0999-12", "1000-01", id="years have four digits"),
    ],
)
def test_next_period(period, expected):
    """Periods follow one another."""
    assert expected == render_period(next_period(parse_period(period)))


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "2026-00", "2026-1", "26-01", "0000-01"])
def test_period_refused(text):
    """Only a month of four and two digits is a period."""
    with pytest.raises(ValueError, match=f"found '{text}', wanted a month like '2026-11'"):
        parse_period(text)


# The calendar on a terminal.


def test_rendered_month():
    """A month is laid out in weeks from Monday, with days of other months left blank."""
    weeks = render_calendar(a_window(), 2026, 11, day("2026-11-10"))
    assert [7] * 6 == [len(week) for week in weeks]
    assert [None] * 6 == list(weeks[0][:6])
    assert CalendarDay(day("2026-11-01"), False, False, False) == weeks[0][6]
    assert CalendarDay(day("2026-11-10"), True, False, True) == weeks[2][1]
    assert (day("2026-11-30"), None) == (weeks[5][0].day, weeks[5][1])


def test_rendered_exceptions():
    """Only a listed day that differs from the span is shown as an exception."""
    window = a_window(open=(day("2026-11-10"), day("2026-11-30")), closed=(day("2026-11-11"),))
    shown = [one for week in render_calendar(window, 2026, 11) for one in week if one]
    assert [11, 30] == [one.day.day for one in shown if one.is_exception]


# The name.


def test_the_standard_library_keeps_its_calendar():
    """Our calendar.py does not stand in the way of the one that email and http import."""
    assert "ingest" not in os.path.dirname(calendar.__file__)  # noqa: PTH120 -- text is enough
    command = [sys.executable, "-P", "-c", "import ingest.calendar, email.utils, http.cookiejar"]
    assert 0 == subprocess.run(command, check=False).returncode
