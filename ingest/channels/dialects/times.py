"""Times as partners write them, to aware datetimes in the service's zone."""

import datetime as dt
import re
from functools import lru_cache

EARLIEST = 1970
LATEST = 9998
"""Years outside are slips of a keyboard, and overflow once zones are applied."""

FIELDS = {"d": 2, "m": 2, "Y": 4, "H": 2, "M": 2, "S": 2}
"""The directives of nearly all formats, and the digits of each."""
PARTS = re.compile(r"%(?P<directive>.)|(?P<text>[^%]+)", re.DOTALL)


class TimeReader:
    """
    Reads times of one strptime format, written in *partner_zone*.

    Common formats are read by a regular expression: a million calls of strptime take seconds.
    Either way only ASCII digits are digits.
    """

    def __init__(self, time_format: str, partner_zone: dt.tzinfo, zone: dt.tzinfo) -> None:
        self._format = time_format
        self._partner_zone = partner_zone
        self._zone = zone
        self._pattern = compile_format(time_format)
        self.read = lru_cache(maxsize=4096)(self.parse)
        """:meth:`parse`, remembering: neighbours in a file often share their time."""

    def parse(self, text: str) -> dt.datetime:
        """Return the moment that *text* names; raises ValueError when it names none."""
        if not text.isascii() and self._format.isascii():
            raise ValueError("digits of another script")
        moment = self.parse_fields(text) if self._pattern else self.parse_slowly(text)
        if not EARLIEST <= moment.year <= LATEST:
            raise ValueError(f"the year {moment.year}")
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._partner_zone)
        return moment.astimezone(self._zone)

    def parse_fields(self, text: str) -> dt.datetime:
        """Read a format of plain digits; what is not written is as strptime has it."""
        match = self._pattern.fullmatch(text) if self._pattern else None
        if match is None:
            raise ValueError("not the format")
        found = {name: int(digits) for name, digits in match.groupdict().items()}
        return dt.datetime(  # noqa: DTZ001 -- the zone is put on by the caller
            found.get("Y", 1900),
            found.get("m", 1),
            found.get("d", 1),
            found.get("H", 0),
            found.get("M", 0),
            found.get("S", 0),
        )

    def parse_slowly(self, text: str) -> dt.datetime:
        """Read any other format; whatever strptime makes of a bad one is a ValueError."""
        try:
            return dt.datetime.strptime(text, self._format)  # noqa: DTZ007 -- as above
        except (OverflowError, re.error) as error:
            raise ValueError(str(error)) from None


def compile_format(time_format: str) -> re.Pattern[str] | None:
    """Turn a strptime format of plain digits into a regular expression; None for any other."""
    pattern = ""
    seen: set[str] = set()
    for part in PARTS.finditer(time_format):
        directive = part["directive"]
        if directive is None:
            pattern += re.escape(part["text"])
        elif directive in FIELDS and directive not in seen:
            seen.add(directive)
            least = FIELDS[directive] if directive == "Y" else 1
            pattern += f"(?P<{directive}>[0-9]{{{least},{FIELDS[directive]}}})"
        else:
            return None
    return re.compile(pattern) if seen else None
