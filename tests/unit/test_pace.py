"""How fast replies leave: limits by the second and the minute, and quiet hours."""

import datetime as dt

from builders import MAIL, SMS

from ingest.pace import Pace, Paces
from ingest.quiet import parse_quiet_hours

NIGHT = dt.datetime(2026, 11, 24, 23, 0, tzinfo=dt.UTC)


def test_so_many_a_second_and_a_minute():
    """Both limits hold, and the longer wait is told."""
    clock = [100.0]
    pace = Pace(per_second=2, per_minute=3)
    paces = Paces({SMS: pace}, monotonic=lambda: clock[0])
    assert (2, 0.0) == (paces.find_room(SMS, 20), paces.find_wait(SMS))
    paces.note(SMS)
    paces.note(SMS)
    assert (0, 1.0) == (paces.find_room(SMS, 20), paces.find_wait(SMS))
    clock[0] += 1
    assert (1, 0.0) == (paces.find_room(SMS, 20), paces.find_wait(SMS))
    paces.note(SMS)
    assert (0, 59.0) == (paces.find_room(SMS, 20), paces.find_wait(SMS))


def test_a_channel_without_a_pace_is_not_held_up():
    """Mail leaves as it comes."""
    paces = Paces({SMS: Pace(per_second=1)})
    paces.note(MAIL)
    found = (paces.find_room(MAIL, 20), paces.find_wait(MAIL), paces.find_quiet_end(MAIL))
    assert (20, 0.0, None) == found


def test_quiet_hours_are_those_of_the_channel():
    """The end is told while they last."""
    quiet = parse_quiet_hours("22:00-07:00", dt.UTC)
    paces = Paces({SMS: Pace(quiet=quiet), MAIL: Pace()}, now=lambda: NIGHT)
    assert dt.datetime(2026, 11, 25, 7, 0, tzinfo=dt.UTC) == paces.find_quiet_end(SMS)
    assert paces.find_quiet_end(MAIL) is None
