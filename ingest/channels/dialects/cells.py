"""What single cells of a partner's line say, as the dialect has it; they stay text."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

from ingest.channels.dialects.times import TimeReader
from ingest.settings import DialectTable

ZERO = re.compile(r"0+(?:[.,]0*)?")


class CellReader:
    """
    Reads accounts, readings and times of one dialect.

    Where *is_timed* is false a time that cannot be read is no time: arrival decides, and a bad
    cell must not take the readings of its line with it.
    """

    def __init__(self, dialect: DialectTable, zone: dt.tzinfo, *, is_timed: bool = True) -> None:
        self._account = compile_pattern(dialect.account_pattern)
        self._value = compile_pattern(dialect.value_pattern)
        self._time = compile_pattern(dialect.time_pattern)
        self._empty = frozenset(cell.strip().casefold() for cell in dialect.no_reading)
        self._is_zero_empty = "0" in self._empty
        self._number = compile_number(dialect.decimal, dialect.thousands)
        self._thousands = dialect.thousands
        partner_zone = ZoneInfo(dialect.time_zone) if dialect.time_zone else zone
        self._times = TimeReader(dialect.time_format, partner_zone, zone)
        self._is_timed = is_timed

    def read_account(self, cell: str) -> str:
        """Return the account within its cell."""
        return extract(self._account, cell) if self._account else cell

    def read_value(self, cell: str) -> str:
        """Return a cell's text, empty when it means that nothing was read."""
        if self._value:
            cell = extract(self._value, cell)
        if cell.casefold() in self._empty:
            return ""
        if self._is_zero_empty and ZERO.fullmatch(cell):
            return ""
        return self.write_plainly(cell)

    def write_plainly(self, cell: str) -> str:
        """
        Write a number with a dot and nothing between its thousands.

        What the dialect does not take for a number comes back in a form that nobody else will:
        with a decimal comma ``1.234`` must not be read as one and a bit.
        """
        if self._number is None or not cell:
            return cell
        if not self._number.fullmatch(cell):
            return f"«{cell}»"
        if self._thousands:
            cell = cell.replace(self._thousands, "")
        return cell.replace(",", ".")

    def read_time(self, cell: str) -> dt.datetime | None:
        """Return the time of an operation; raises ValueError where it cannot be read and must."""
        if self._time:
            cell = extract(self._time, cell)
        try:
            return self._times.read(cell)
        except ValueError:
            if self._is_timed:
                raise
            return None


def compile_pattern(pattern: str) -> re.Pattern[str] | None:
    """Compile the pattern of a cell; None when there is none."""
    return re.compile(pattern) if pattern else None


def compile_number(decimal: str, thousands: str) -> re.Pattern[str] | None:
    """Return how numbers are written; None when the dialect does not say."""
    if not decimal and not thousands:
        return None
    signs = re.escape(decimal) if decimal else ",." if thousands not in {",", "."} else ""
    if not decimal and thousands in {",", "."}:
        signs = "." if thousands == "," else ","
    whole = "[0-9]+"
    if thousands:
        whole = f"(?:[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+|[0-9]+)"
    return re.compile(f"-?{whole}(?:[{signs}][0-9]*)?")


def extract(pattern: re.Pattern[str], cell: str) -> str:
    """Return the first group of what a cell matches; the cell as it came when it does not."""
    match = pattern.fullmatch(cell)
    if match is None:
        return cell
    return (match[1] or "").strip()
