"""
Says when a channel's readings count, and for which billing period.

Rule 1. A day begins at local midnight of the service's time zone, wherever the machine or the
database believes itself to be. Where the clocks skip midnight it begins at the first moment
after the gap; where midnight comes twice it begins at the first of the two. So days follow one
another without gap or overlap, and every moment belongs to exactly one of them.

Rule 2. A window is made of whole days. Which ones, a span such as ``6..-2`` says for every
month: first and last open day, both included, negative ones counted from the month's end. The
span is clipped to the month. One that leaves some month with no open day at all is refused when
the configuration is read, not discovered in February.

Rule 3. A day is judged by the newest version of the span whose ``since`` is not after that day,
and not by the version that is newest now: a message that is judged again years later meets the
window that was valid when it came.

Rule 4. Exceptions are single days and win over the span: ``closed`` days are shut, ``open`` days
are open. A day cannot be both.

Rule 5. An open span is half-open, ``[opens_at, closes_at)``: the first moment of its first day
lies within, the first moment after its last day does not. Days that touch, across months,
versions or exceptions, are one span; a window that is open all year has no end.

Rule 6. A billing period is a calendar month of the same time zone, written as its first day. It
does not depend on windows: whether a reading that comes while one is shut counts for the next
period or not at all is the window's ``late``, and the rules carry it out.
"""

import datetime as dt
import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from ingest.settings import WindowSettings

DAY = dt.timedelta(days=1)
SECOND = dt.timedelta(seconds=1)
HORIZON = 731
"""Days to look ahead for an opening or a closing: two years, one of them a leap year."""
MONTH_LENGTHS = range(28, 32)
LONGEST_MONTH = 31

SPAN = re.compile(r"(-?[0-9]{1,2})\.\.(-?[0-9]{1,2})")
PERIOD = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


class OpenDays(Struct, frozen=True):
    """First and last open day of a month; negative ones count from its end (Rule 2)."""

    first: int
    last: int

    def find_bounds(self, length: int) -> tuple[int, int]:
        """Return first and last open day of a month of *length* days; inverted when none is."""
        first = self.first if self.first > 0 else length + 1 + self.first
        last = self.last if self.last > 0 else length + 1 + self.last
        return max(first, 1), min(last, length)

    def __contains__(self, day: dt.date) -> bool:
        first, last = self.find_bounds(monthrange(day.year, day.month)[1])
        return first <= day.day <= last

    def __str__(self) -> str:
        return f"{self.first}..{self.last}"


class CalendarDay(Struct, frozen=True):
    """One day of a window's month, for a calendar on a terminal."""

    day: dt.date
    is_open: bool
    is_exception: bool
    """Whether it differs from the span because it is listed as open or closed."""
    is_today: bool


class Window(Struct, frozen=True, kw_only=True):
    """When a channel's readings count."""

    name: str
    zone: ZoneInfo
    days: OpenDays
    versions: tuple[tuple[dt.date, OpenDays], ...] = ()
    """Since when which span holds instead of ``days``; in ascending order."""
    opened: frozenset[dt.date] = frozenset()
    closed: frozenset[dt.date] = frozenset()
    late: Literal["reject", "next-period", "hold"] = "reject"
    """What becomes of a reading that comes while the window is shut."""

    def find_days(self, day: dt.date) -> OpenDays:
        """Return the span that is valid on *day* (Rule 3)."""
        valid = bisect_left(self.versions, True, key=lambda version: version[0] > day)
        return self.versions[valid - 1][1] if valid else self.days

    def is_open_on(self, day: dt.date) -> bool:
        """Tell whether *day* is an open day (Rule 4)."""
        if day in self.closed:
            return False
        return day in self.opened or day in self.find_days(day)

    def is_open(self, at: dt.datetime) -> bool:
        """Tell whether a reading that came at *at* is in time."""
        return self.is_open_on(find_day(at, self.zone))

    def __contains__(self, at: dt.datetime) -> bool:
        return self.is_open(at)

    def closes_at(self, at: dt.datetime) -> dt.datetime | None:
        """
        Return the end of the open span that contains *at*: the first moment that is shut again.

        None when the window is shut at *at*, and when it stays open for two years.
        """
        if not self.is_open(at):
            return None
        return find_turn(self, find_day(at, self.zone), False)

    def next_opening(self, at: dt.datetime) -> dt.datetime | None:
        """
        Return the first moment after *at* at which the window turns from shut to open.

        While it is open, that is the beginning of the span after the present one. None when
        there is no such moment within two years.
        """
        shut_from = self.closes_at(at) if self.is_open(at) else at
        return None if shut_from is None else find_turn(self, find_day(shut_from, self.zone), True)

    def days_in(self, year: int, month: int) -> tuple[dt.date, ...]:
        """Return the open days of a month."""
        return tuple(day for day in list_days(year, month) if self.is_open_on(day))


@lru_cache(maxsize=4096)
def starts_at(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """Return the first moment of *day* in *zone*, in UTC (Rule 1)."""
    midnight = dt.datetime.combine(day, dt.time(), zone)
    before, after = (midnight.replace(fold=fold).astimezone(dt.UTC) for fold in (0, 1))
    if before <= after:
        return before
    # The clocks skip midnight; somewhere between the two readings of it they jump past it.
    seconds = range((before - after) // SECOND)
    skipped = bisect_left(
        seconds, True, key=lambda count: (after + count * SECOND).astimezone(zone).date() >= day
    )
    return after + skipped * SECOND


def find_day(at: dt.datetime, zone: ZoneInfo) -> dt.date:
    """Return the day in *zone* that contains *at*; raises ValueError when *at* is naive."""
    if at.tzinfo is None:
        raise ValueError(f"found {at} without a time zone, wanted an aware time")
    day = at.astimezone(zone).date()
    # A clock put back across midnight shows the old date a second time; the day has begun.
    return day + DAY if at.astimezone(dt.UTC) >= starts_at(day + DAY, zone) else day


@lru_cache(maxsize=1024)
def find_turn(window: Window, day: dt.date, to_open: bool) -> dt.datetime | None:
    """Return when, from *day* on, *window* is first open or first shut; None if not for long."""
    days = (day + count * DAY for count in range(HORIZON))
    turn = next((one for one in days if window.is_open_on(one) is to_open), None)
    return None if turn is None else starts_at(turn, window.zone).astimezone(window.zone)


def parse_days(text: str) -> OpenDays:
    """
    Read a span like ``6..-2``.

    Raises ValueError that says what was found and wanted; so does a span that has no day in some
    month, such as ``30..31`` in February.
    """
    found = SPAN.fullmatch(text)
    numbers = [int(number) for number in found.groups()] if found else []
    if not numbers or any(not 1 <= abs(number) <= LONGEST_MONTH for number in numbers):
        raise ValueError(
            f"found {text!r}, wanted first and last open day like '6..-2'; "
            "-1 is the last of a month"
        )
    days = OpenDays(*numbers)
    for length in MONTH_LENGTHS:
        first, last = days.find_bounds(length)
        if first > last:
            raise ValueError(
                f"found {text!r}, wanted an open day in every month; one of {length} days has none"
            )
    return days


def build_window(name: str, settings: WindowSettings, zone: ZoneInfo) -> Window:
    """Make a window of its table; raises ValueError that begins with the key."""
    where = f"windows.{name}"
    both = sorted(set(settings.open) & set(settings.closed))
    if both:
        raise ValueError(f"{where}.closed: found {both[0]}, which stands in open as well")
    return Window(
        name=name,
        zone=zone,
        days=parse_days_at(f"{where}.days", settings.days),
        versions=tuple(list_versions(where, settings)),
        opened=frozenset(settings.open),
        closed=frozenset(settings.closed),
        late=settings.late,
    )


def list_versions(where: str, settings: WindowSettings) -> Iterator[tuple[dt.date, OpenDays]]:
    """Yield the versions in order; raises ValueError when they stand in another."""
    before = dt.date.min
    for index, version in enumerate(settings.versions):
        key = f"{where}.versions[{index}]"
        if version.since <= before:
            raise ValueError(
                f"{key}.since: found {version.since}, wanted a date after {before}, "
                "the one of the version before it"
            )
        before = version.since
        yield version.since, parse_days_at(f"{key}.days", version.days)


def parse_days_at(where: str, text: str) -> OpenDays:
    """Read a span; raises ValueError that begins with its key."""
    try:
        return parse_days(text)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def find_period(at: dt.datetime, zone: ZoneInfo) -> dt.date:
    """Return the billing period that contains *at*: the first day of its month (Rule 6)."""
    return find_day(at, zone).replace(day=1)


def next_period(period: dt.date) -> dt.date:
    """Return the billing period after *period*."""
    return (period.replace(day=1) + LONGEST_MONTH * DAY).replace(day=1)


def parse_period(text: str) -> dt.date:
    """Read a billing period like ``2026-11``; raises ValueError that says what was wanted."""
    found = PERIOD.fullmatch(text)
    if found is None or found[1] == "0000":
        raise ValueError(f"found {text!r}, wanted a month like '2026-11'")
    return dt.date(int(found[1]), int(found[2]), 1)


def render_period(period: dt.date) -> str:
    """Write a billing period like ``2026-11``."""
    return period.isoformat()[:7]


def list_days(year: int, month: int) -> Iterator[dt.date]:
    """Yield every day of a month."""
    length = monthrange(year, month)[1]
    return (dt.date(year, month, day) for day in range(1, length + 1))


def render_calendar(
    window: Window, year: int, month: int, today: dt.date | None = None
) -> tuple[tuple[CalendarDay | None, ...], ...]:
    """Lay a month out in weeks from Monday to Sunday; None stands for days of other months."""
    cells: list[CalendarDay | None] = [None] * dt.date(year, month, 1).weekday()
    for day in list_days(year, month):
        is_open = window.is_open_on(day)
        is_exception = is_open != (day in window.find_days(day))
        cells.append(CalendarDay(day, is_open, is_exception, day == today))
    cells.extend([None] * (-len(cells) % 7))
    return tuple(tuple(cells[start : start + 7]) for start in range(0, len(cells), 7))
