"""The hours in which nobody is woken, by the clock on the wall."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from ingest.quiet import parse_quiet_hours

KRASNOYARSK = ZoneInfo("Asia/Krasnoyarsk")
BERLIN = ZoneInfo("Europe/Berlin")


def local(day: int, clock: str, zone: ZoneInfo = KRASNOYARSK, month: int = 11) -> dt.datetime:
    return dt.datetime.combine(dt.date(2026, month, day), dt.time.fromisoformat(clock), zone)


ENDS = [
    pytest.param("22:00-07:00", local(24, "21:59:59"), None, id="just before"),
    pytest.param("22:00-07:00", local(24, "22:00"), local(25, "07:00"), id="as they begin"),
    pytest.param("22:00-07:00", local(25, "00:30"), local(25, "07:00"), id="after midnight"),
    pytest.param("22:00-07:00", local(25, "07:00"), None, id="as they end"),
    pytest.param("22:00-07:00", local(30, "23:00"), local(1, "07:00", month=12), id="month's end"),
    pytest.param("13:00-14:30", local(24, "14:00"), local(24, "14:30"), id="within a day"),
    pytest.param("13:00-14:30", local(24, "12:59"), None, id="before those of a day"),
    pytest.param("00:00-07:00", local(24, "00:00"), local(24, "07:00"), id="from midnight"),
    pytest.param("22:00-00:00", local(24, "23:00"), local(25, "00:00"), id="until midnight"),
]


@pytest.mark.parametrize(("text", "now", "expected"), ENDS)
def test_the_end_of_quiet_hours(text, now, expected):
    """They are half-open and may span midnight."""
    found = parse_quiet_hours(text, KRASNOYARSK).find_end(now.astimezone(dt.UTC))
    assert expected == found


def test_the_night_when_the_clock_changes():
    """The end is a time of the day, not so many hours later."""
    end = parse_quiet_hours("22:00-07:00", BERLIN).find_end(local(24, "23:00", BERLIN, month=10))
    assert dt.datetime(2026, 10, 25, 6, 0, tzinfo=dt.UTC) == end


@pytest.mark.parametrize(
    "text", ["", "22-7", "22:00", "24:00-07:00", "22:00-07:60", "07:00-07:00", "٢٢:00-07:00"]
)
def test_what_is_no_span_is_refused(text):
    """It says what was found and what is wanted."""
    with pytest.raises(ValueError, match="wanted two times like '22:00-07:00'"):
        parse_quiet_hours(text, KRASNOYARSK)
