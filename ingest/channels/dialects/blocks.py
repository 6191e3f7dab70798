"""
Sberbank's registry of readings: an account, then up to twelve blocks of seven cells, one a zone.

A block is kind; number of the meter; its name; next verification; reading; date; something more.
Kinds that are no electricity are none of ours. The blocks of one meter number are one reading.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from ingest.channels.dialects.cells import compile_pattern, extract
from ingest.channels.dialects.faults import SHOWN
from ingest.channels.dialects.labelled import join_cells
from ingest.channels.dialects.lines import Cut, CutError, Layout, NotOursError
from ingest.channels.dialects.times import TimeReader
from ingest.model import Reason
from ingest.settings import MeterBlocksDialect

WIDTH = 7
MOST = 12
KIND, METER, VALUE, DATE = 0, 1, 4, 5
NO_DATE = ("", "[]")
OTHERS = frozenset({"1", "8", "9", "10", "11", "12", "13"})
"""Gas, water, heat, drainage, garbage. What is neither of these nor ours is no kind of a block: a
delimiter within a name has moved the cells, and readings would be lost in silence."""

SIBLINGS = (frozenset({"3", "4"}), frozenset({"5", "6", "7"}))
"""Kinds of the zones of one meter: where there is one, the meter has the others too."""


class Block(Struct, frozen=True):
    """One zone of a meter of ours."""

    kind: str
    register: int
    meter: str
    value: str
    date: str


class BlockCutter:
    """Groups the blocks of a line by meter."""

    is_header_due: Final = False
    is_ready: Final = True
    layout: Final[Layout | None] = None
    wanted_columns: Final[tuple[str, ...]] = ()

    def __init__(self, dialect: MeterBlocksDialect) -> None:
        self._delimiter = dialect.delimiter
        self._account = dialect.account - 1
        self._start = dialect.blocks_from - 1
        self._kinds = dialect.kinds
        self._registers = max(dialect.kinds.values(), default=1)
        self._nothing = frozenset(cell.casefold() for cell in dialect.no_reading)
        self._time = compile_pattern(dialect.time_pattern)
        self._time_format = dialect.time_format
        self._times = TimeReader(dialect.time_format, dt.UTC, dt.UTC)

    def read_header(self, text: str, number: int) -> None:
        """Learn nothing: there is no header."""

    def split(self, text: str) -> list[str]:
        """Cut a line into its cells, spaces around them taken off."""
        return [cell.strip() for cell in text.split(self._delimiter)]

    def assign(self, cells: list[str]) -> Cut:
        """Return the reading of the one electricity meter; raises CutError where there are two."""
        if len(cells) < self._start:
            raise CutError(f"found {len(cells)} cells, wanted at least {self._start}")
        account = cells[self._account]
        cut = [cells[at : at + WIDTH] for at in range(self._start, len(cells), WIDTH)]
        self.check_kinds(cut, account)
        every = list(self.list_blocks(cut, account))
        blocks = [one for one in every if one.value.casefold() not in self._nothing]
        meters = dict.fromkeys(one.meter for one in blocks)
        if len(meters) > 1:
            names = ", ".join(meters)[:SHOWN]
            problem = f"found the electricity meters {names}, wanted one an account"
            raise CutError(problem, Reason.METER_AMBIGUOUS, account)
        dates = (one.date for one in blocks if one.date not in NO_DATE)
        return Cut(
            account=account,
            values=tuple(
                join_cells([one.value for one in blocks if one.register == register])
                for register in range(1, self._registers + 1)
            ),
            paid_at=next(dates, ""),
            zones=self.count_zones(one.kind for one in every if one.meter in meters),
            named=max((one.register for one in every), default=0),
        )

    def count_zones(self, kinds: Iterable[str]) -> int:
        """Return how many registers a meter has with zones of these *kinds*."""
        found = set(kinds)
        for siblings in SIBLINGS:
            if not siblings.isdisjoint(found):
                found |= siblings
        return max((self._kinds[kind] for kind in found & self._kinds.keys()), default=0)

    def check_kinds(self, cut: list[list[str]], account: str) -> None:
        """Raise NotOursError where all blocks are of other meters; CutError where some are none."""
        for block in cut:
            kind = block[KIND]
            if kind not in self._kinds and kind not in OTHERS and (kind or holds_anything(block)):
                problem = f"found the kind {kind[:SHOWN]!r} of a block, wanted one that is known"
                raise CutError(problem, account=account)
        kinds = {block[KIND] for block in cut if block[KIND]}
        if kinds and kinds.isdisjoint(self._kinds):
            self.check_dates(cut, account)
            raise NotOursError

    def check_dates(self, cut: Iterable[list[str]], account: str) -> None:
        """Raise CutError where a date is none: a line is passed over only if it is cut rightly."""
        for block in cut:
            date = block[DATE] if len(block) > DATE else ""
            if date not in NO_DATE and not self.is_time(date):
                problem = (
                    f"found a block with the date {date[:SHOWN]!r}, wanted {self._time_format}"
                )
                raise CutError(problem, account=account)

    def is_time(self, cell: str) -> bool:
        """Tell whether a cell is a time."""
        try:
            self._times.read(extract(self._time, cell) if self._time else cell)
        except ValueError:
            return False
        return True

    def list_blocks(self, cut: list[list[str]], account: str) -> Iterator[Block]:
        """Yield the blocks of electricity meters, those without a reading as well."""
        found = sum(map(len, cut))
        if found > MOST * WIDTH + 1:
            problem = f"found {found} cells of blocks, wanted at most {MOST * WIDTH}"
            raise CutError(problem, account=account)
        for block in cut:
            register = self._kinds.get(block[KIND])
            if register is None:
                continue
            if len(block) <= DATE:
                problem = f"found a block of {len(block)} cells, wanted {WIDTH}"
                raise CutError(problem, account=account)
            yield Block(block[KIND], register, block[METER], block[VALUE], block[DATE])

    def find_counted(self, text: str) -> str:
        """Return the first reading: these files have no sums of their own."""
        cells = self.split(text)
        return cells[self._start + VALUE] if len(cells) > self._start + VALUE else ""


def holds_anything(block: list[str]) -> bool:
    """Tell whether a block without a kind has more than a date."""
    return any(cell not in NO_DATE for at, cell in enumerate(block) if at != DATE)
