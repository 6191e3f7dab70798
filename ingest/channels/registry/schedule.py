"""When a partner's server is looked at. Pure."""

import datetime as dt
from zoneinfo import ZoneInfo

from ingest.settings import SftpSettings


def find_pause(settings: SftpSettings, now: dt.datetime, zone: ZoneInfo) -> float:
    """Return the seconds until the next look after one that ends *now*."""
    if not settings.at:
        return settings.every
    today = now.astimezone(zone).date()
    moments = (
        dt.datetime.combine(today + dt.timedelta(days), dt.time.fromisoformat(clock), zone)
        for days in (0, 1, 2)
        for clock in settings.at
    )
    # Compared as UTC: of two moments in one zone Python compares the clocks on the wall.
    due = min(one for one in (moment.astimezone(dt.UTC) for moment in moments) if one > now)
    return (due - now).total_seconds()
