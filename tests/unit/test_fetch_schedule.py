"""When a partner's server is looked at."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from ingest.channels.registry.schedule import find_pause
from ingest.settings import SftpSettings

KRASNOYARSK = ZoneInfo("Asia/Krasnoyarsk")  # UTC+7
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


CASES = [
    pytest.param((), "2026-11-24 00:00", KRASNOYARSK, 300, id="every so often"),
    pytest.param(("08:00",), "2026-11-24 00:30", KRASNOYARSK, 1800, id="later today"),
    pytest.param(("08:00",), "2026-11-24 01:00", KRASNOYARSK, 86_400, id="just now: tomorrow"),
    pytest.param(("18:30", "06:00"), "2026-11-24 11:00", KRASNOYARSK, 1800, id="the next of two"),
    pytest.param(
        ("06:00",), "2026-11-24 22:00", KRASNOYARSK, 3600, id="tomorrow here, today there"
    ),
    pytest.param(("02:30",), "2026-03-29 00:00", BERLIN, 5400, id="a time that the clock skips"),
    pytest.param(("03:00",), "2026-10-25 00:30", BERLIN, 5400, id="the night is an hour longer"),
]


@pytest.mark.parametrize(("clocks", "now", "zone", "expected"), CASES)
def test_the_pause_until_the_next_look(
    clocks: tuple[str, ...], now: str, zone: ZoneInfo, expected: float
) -> None:
    """Times of day are those of the service's zone."""
    settings = SftpSettings(host="h", username="u", at=clocks)
    assert expected == find_pause(settings, at(now), zone)
