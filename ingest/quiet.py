"""The hours in which nobody is to be woken by a text. Pure."""

import datetime as dt
import re

from msgspec import Struct

WRITTEN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


class QuietHours(Struct, frozen=True):
    """From one time of the day to another, over midnight if need be; half-open."""

    begin: dt.time
    end: dt.time
    zone: dt.tzinfo

    def find_end(self, now: dt.datetime) -> dt.datetime | None:
        """Return when the quiet hours end that *now* lies in; None when it lies in none."""
        local = now.astimezone(self.zone)
        spans_midnight = self.begin > self.end
        is_late = spans_midnight and local.time() >= self.begin
        is_quiet = is_late or (
            local.time() < self.end and (spans_midnight or local.time() >= self.begin)
        )
        if not is_quiet:
            return None
        day = local.date() + dt.timedelta(days=1 if is_late else 0)
        return dt.datetime.combine(day, self.end, self.zone).astimezone(dt.UTC)


def parse_quiet_hours(text: str, zone: dt.tzinfo) -> QuietHours:
    """Read ``22:00-07:00``; raises ValueError that says what was found and wanted."""
    found = WRITTEN.fullmatch(text)
    if found is None or found[1] + found[2] == found[3] + found[4]:
        raise ValueError(f"found {text!r}, wanted two times like '22:00-07:00'")
    begin_hour, begin_minute, end_hour, end_minute = map(int, found.groups())
    return QuietHours(dt.time(begin_hour, begin_minute), dt.time(end_hour, end_minute), zone)
