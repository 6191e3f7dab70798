"""
One account with the numbers found near it, and the judgement whether they make a reading.

A draft believes only one arrangement of its numbers: a single one; several separated in the way
in which the account is separated from the first; or each with the name of its zone.
"""

import datetime as dt
import math
import re
from itertools import groupby, takewhile
from typing import NamedTuple

from ingest.model import Account, Misreading, Reading, Reason
from ingest.parsing.headings import NOTHING, find_rank
from ingest.parsing.tokens import LONGEST_TEXT, NUMERIC, Kind, Mark, find_date, is_star

MOST_DIGITS = 18
"""More are no number that a database can hold."""
MOST_VALUES = 3
MOST_KEPT = 12
"""Of more values none is kept beside the fragment."""
MOST_LOOSE_DIGITS = 6
"""With more digits a number that only stands near an account may be a meter's, a telephone's."""
GROUPS_OF_THREE = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
"""5.467 may be five thousand or five."""
EMPTY_LINE = re.compile(r"\r\n[ ]*[\r\n]|\n[ ]*[\r\n]|\r[ ]*\r")
COLUMN_SIGNS = frozenset(" |/*#")
DAY_AND_MONTH = re.compile(r"(?:0?[1-9]|[12][0-9]|3[01])\.(?:0[1-9]|1[0-2])")
"""25.11 may be a day."""


class Entry(NamedTuple):
    """A number or the name of a zone, and what stands between it and the mark before."""

    mark: Mark
    gap: str
    is_after_word: bool = False
    """Whether a word stands between it and the number before."""


class Span:
    """The part of one line that a draft was read from."""

    def __init__(self, start: int, end: int, order: int) -> None:
        self.start = start
        self.end = end
        self.order = order
        """Which draft of the line it belongs to, from 0."""


class Draft:
    """An account, and what was written with it."""

    def __init__(self, account: str, *, is_odd: bool = False) -> None:
        self.account = account[:LONGEST_TEXT]
        self.is_odd = is_odd
        self.entries: list[Entry] = []
        self.dates: list[dt.date | None] = []
        self.inherited: list[dt.date | None] = []
        """A date that stood above it; its own comes first."""
        self.heading = NOTHING
        """What stands above it."""
        self.spans: dict[int, Span] = {}
        self.count = 0
        """How many numbers it has."""
        self.last_line = 0
        self.place: tuple[float, int] = (math.inf, 0)
        """The first line that it takes part of, and where in the text."""
        self.cursor = 0
        """Where the last mark that belongs to it ends."""
        self.passed_word = False
        """Whether a word stands between the last number and the cursor."""
        self.is_closed = False
        self.saw_end = False
        self.is_doubtful = False
        self.is_shadowed = False
        """Whether the account before it still waited for a value."""
        self.saw_foreign_line = False
        self.saw_foreign_number = False

    @property
    def is_waiting(self) -> bool:
        """Tell whether it has no number yet."""
        return self.count == 0

    @property
    def is_zoned(self) -> bool:
        """Tell whether it has a value, and the zones of its values are named."""
        return bool(self.entries) and self.entries[0].mark.kind is Kind.ZONE and not self.is_waiting

    @property
    def names_zones(self) -> bool:
        """Tell whether the name of a zone stands among its numbers."""
        return any(entry.mark.kind is Kind.ZONE for entry in self.entries)

    def list_digits(self) -> list[str]:
        """Return the whole part of each number that can be a value."""
        whole = [
            re.split("[.,]", entry.mark.text)[0]
            for entry in self.entries
            if entry.mark.kind in {Kind.NUMBER, Kind.DECIMAL}
        ]
        return [digits for digits in whole if len(digits) <= MOST_DIGITS]

    @property
    def is_spread(self) -> bool:
        """Tell whether empty lines stand within it: programs write the cells of a table so."""
        return any(EMPTY_LINE.search(entry.gap) for entry in self.entries)

    def add(self, mark: Mark, plain: str) -> None:
        """Take in a number or the name of a zone."""
        gap = plain[self.cursor : mark.start]
        if mark.kind is Kind.NUMBER and mark.text != plain[mark.start : mark.end]:
            mark = mark._replace(kind=Kind.ODD)
        self.entries.append(Entry(mark, gap, self.passed_word))
        self.count += mark.kind in NUMERIC
        self.cursor = mark.end
        self.passed_word = False

    def add_before(self, marks: list[Mark]) -> None:
        """Take in numbers that stand before the account."""
        for mark in marks:
            if mark.kind is Kind.DATE:
                self.dates.append(find_date(mark.text))
            else:
                self.entries.append(Entry(mark, "", is_after_word=True))
        numbers = [mark for mark in marks if mark.kind in NUMERIC]
        is_zoned = any(mark.kind is Kind.ZONE for mark in marks)
        self.count = len(numbers)
        self.is_closed = bool(numbers)
        self.is_doubtful = len(numbers) > 1 and not is_zoned

    def pass_over(self, mark: Mark) -> None:
        """Note a word that belongs to no value."""
        self.cursor = mark.end
        self.passed_word = True

    def build_item(self, finding: "Finding", fragment: str) -> Reading | Misreading:
        """Return what it comes to."""
        reason, values = finding
        read_on = (self.dates or self.inherited or [None])[0]
        if reason is None:
            return Reading(Account(self.account), values, fragment, read_on)
        return Misreading(reason, self.account, fragment, values, read_on)


Finding = tuple[Reason | None, tuple[int, ...]]
"""Why a draft is no reading, and its values as far as they can be told."""


def judge(draft: Draft) -> Finding:
    """Return why *draft* cannot be believed, or None, and its values."""
    numbers = [entry for entry in draft.entries if entry.mark.kind in NUMERIC]
    dates = draft.dates or draft.inherited
    values = read_values(numbers)
    if draft.is_odd:
        return Reason.ACCOUNT_MALFORMED, values or ()
    if None in dates:
        return Reason.READING_MALFORMED, ()
    if not numbers:
        return judge_empty(draft), ()
    if values is None:
        is_long = any(is_too_long(entry.mark) for entry in numbers)
        return Reason.TOO_MANY_DIGITS if is_long else Reason.READING_MALFORMED, ()
    if draft.is_doubtful or len(set(dates)) > 1 or is_misled(draft, numbers):
        return Reason.NOT_RECOGNISED, values
    return judge_arrangement(draft, numbers, values)


def is_misled(draft: Draft, numbers: list[Entry]) -> bool:
    """Tell whether what stands above a draft says that its numbers are others than they seem."""
    return draft.heading.misleads(
        len(numbers),
        is_named=draft.names_zones,
        is_starred=all(is_plain_star(entry.gap) for entry in numbers[1:]),
    )


def is_too_long(mark: Mark) -> bool:
    """Tell whether a number is one that no database can hold."""
    return mark.kind is Kind.NUMBER and len(mark.text) > MOST_DIGITS


def judge_empty(draft: Draft) -> Reason:
    """Return why an account has no value."""
    if draft.is_doubtful or draft.saw_foreign_number:
        return Reason.NOT_RECOGNISED
    return Reason.READING_MALFORMED if draft.dates else Reason.READING_MISSING


def read_values(numbers: list[Entry]) -> tuple[int, ...] | None:
    """Return the whole part of each number, or None when one cannot be believed as written."""
    values = [read_value(entry) for entry in numbers]
    believed = tuple(value for value in values if value is not None)
    return believed if len(believed) == len(values) else None


def read_value(entry: Entry) -> int | None:
    """Return the whole part of one number; None where it may mean something else."""
    kind, text, gap = entry.mark.kind, entry.mark.text, entry.gap
    if kind is Kind.ODD or is_negative(gap):
        return None
    if kind is Kind.DECIMAL:
        if GROUPS_OF_THREE.fullmatch(text) or gap.strip(" ") == ",":
            return None
        if DAY_AND_MONTH.fullmatch(text) and not is_star(gap):
            return None
        text = re.split("[.,]", text)[0]
    return int(text) if len(text) <= MOST_DIGITS else None


def is_negative(gap: str) -> bool:
    """Tell whether the dash before a number is a minus: it separates nothing more than that."""
    return gap.endswith("-") and gap[:-1].strip(" ") != ""


def judge_arrangement(draft: Draft, numbers: list[Entry], values: tuple[int, ...]) -> Finding:
    """Tell whether the order of the numbers says which register each belongs to."""
    if draft.names_zones and len(values) <= MOST_VALUES:
        return arrange_zones(draft.entries, values)
    if len(values) > MOST_VALUES:
        return Reason.ZONES_MISMATCH, values if len(values) <= MOST_KEPT else ()
    if not are_evenly_separated(numbers) or is_thousands(numbers):
        return Reason.READING_MALFORMED, ()
    if is_loose(draft, numbers):
        return Reason.NOT_RECOGNISED, values
    return None, values


def are_evenly_separated(numbers: list[Entry]) -> bool:
    """
    Tell whether all values are separated as the first is from the account, or by asterisks.

    A dash is not trusted between values: «5467-5480» may also be the earlier and the new one.
    """
    first = numbers[0].gap
    if numbers[0].is_after_word:
        first = first.lstrip(" ").removeprefix(":").removeprefix("=")
    return all(
        not entry.is_after_word
        and (
            is_plain_star(entry.gap)
            or (entry.gap == first and "-" not in first)
            or (is_blank(entry.gap) and is_blank(first))
        )
        for entry in numbers[1:]
    )


def is_plain_star(gap: str) -> bool:
    """Tell whether *gap* is an asterisk or a hash; between values an x is not trusted."""
    return is_star(gap) and "x" not in gap and "х" not in gap


def is_blank(gap: str) -> bool:
    """Tell whether *gap* is spaces on one line."""
    return gap.strip(" ") == ""


def is_thousands(numbers: list[Entry]) -> bool:
    """Tell whether «5 467» may be one number written in groups."""
    texts = [entry.mark.text for entry in numbers]
    return (
        len(texts) > 1
        and is_blank(numbers[1].gap)
        and len(texts[0]) <= len("999")
        and all(len(text) == len("999") for text in texts[1:])
    )


def is_loose(draft: Draft, numbers: list[Entry]) -> bool:
    """Tell whether a long number stands there that may be a meter's or a telephone's."""
    longest = max(len(entry.mark.text) for entry in numbers)
    is_before = draft.is_closed
    is_several = len(numbers) > 1 and not all(is_plain_star(entry.gap) for entry in numbers[1:])
    is_below = not {"\r", "\n"}.isdisjoint(numbers[0].gap) and not numbers[0].is_after_word
    return longest > MOST_LOOSE_DIGITS and (is_before or is_several or is_below)


def arrange_zones(entries: list[Entry], values: tuple[int, ...]) -> Finding:
    """Put values whose zones are named into the order of the registers."""
    ranks: list[int] = []
    steps: list[str] = []
    for entry in entries:
        if entry.mark.kind is not Kind.ZONE:
            steps.append("V")
        elif steps[-1:] != ["Z"] or find_rank(entry.mark) != ranks[-1]:
            steps.append("Z")
            ranks.append(find_rank(entry.mark))
    pattern = "".join(steps)
    is_below = pattern.startswith("ZZ") and is_named_above(entries, len(values))
    if pattern.startswith("ZZ") and not is_below:
        return Reason.NOT_RECOGNISED, values
    is_known = is_below or pattern in {"ZV" * len(values), "VZ" * len(values)}
    if not is_known or len(set(ranks)) < len(ranks):
        return Reason.READING_MALFORMED, ()
    if ranks == [1]:
        # «День» alone leaves the night open; Т1 is also what a meter with one tariff shows.
        return (None if entries_say_t1(entries) else Reason.NOT_RECOGNISED), values
    ordered = tuple(value for _, value in sorted(zip(ranks, values, strict=True)))
    if sorted(ranks) != list(range(1, len(ranks) + 1)):
        return Reason.NOT_RECOGNISED, ordered
    return None, ordered


def is_named_above(entries: list[Entry], count: int) -> bool:
    """Tell whether *count* zones are named on one line and their values stand on the next."""
    zones = list(takewhile(lambda entry: entry.mark.kind is Kind.ZONE, entries))
    values = entries[len(zones) :]
    ranks = [rank for rank, _ in groupby(find_rank(entry.mark) for entry in zones)]
    if len(ranks) != count or len(values) != count or is_thousands(values):
        return False
    gaps = [entry.gap for entry in (*zones[1:], *values[1:])]
    is_line = {"\r", "\n"}.isdisjoint("".join(gaps))
    is_next = not {"\r", "\n"}.isdisjoint(values[0].gap)
    is_even = not any(entry.is_after_word for entry in values)
    return is_line and is_next and is_even and all(map(is_column_gap, (e.gap for e in values[1:])))


def is_column_gap(gap: str) -> bool:
    """Tell whether what stands between two values only keeps columns apart."""
    return COLUMN_SIGNS.issuperset(gap)


def entries_say_t1(entries: list[Entry]) -> bool:
    """Tell whether the zone of a single value is given as a number."""
    return any(entry.mark.text.endswith("1") for entry in entries if entry.mark.kind is Kind.ZONE)
