"""
Sberbank's registry of readings: an account, then up to twelve blocks of seven cells, one a zone.

A block is kind; number of the meter; its name; next verification; reading; date; something more.
Kinds that are no electricity are none of ours. The blocks of one meter number are one reading.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from ingest.channels.dialects.faults import SHOWN
from ingest.channels.dialects.labelled import join_cells
from ingest.channels.dialects.lines import Cut, CutError, Layout, NotOursError
from ingest.model import Reason
from ingest.settings import MeterBlocksDialect

WIDTH = 7
MOST = 12
KIND, METER, VALUE, DATE = 0, 1, 4, 5
NO_DATE = ("", "[]")


class Block(Struct, frozen=True):
    """One zone of a meter of ours."""

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
        self.check_kinds(cells)
        blocks = list(self.list_blocks(cells, account))
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
        )

    def check_kinds(self, cells: list[str]) -> None:
        """Raise NotOursError where all blocks are of other kinds of meters than ours."""
        kinds = {kind for kind in cells[self._start :: WIDTH] if kind}
        if kinds and kinds.isdisjoint(self._kinds):
            raise NotOursError

    def list_blocks(self, cells: list[str], account: str) -> Iterator[Block]:
        """Yield the blocks of electricity meters that hold something."""
        blocks = cells[self._start :]
        if len(blocks) > MOST * WIDTH + 1:
            problem = f"found {len(blocks)} cells of blocks, wanted at most {MOST * WIDTH}"
            raise CutError(problem, account=account)
        for start in range(0, len(blocks), WIDTH):
            block = blocks[start : start + WIDTH]
            register = self._kinds.get(block[KIND])
            if register is None:
                continue
            if len(block) <= DATE:
                problem = f"found a block of {len(block)} cells, wanted {WIDTH}"
                raise CutError(problem, account=account)
            if block[VALUE].casefold() not in self._nothing:
                yield Block(register, block[METER], block[VALUE], block[DATE])

    def find_counted(self, text: str) -> str:
        """Return the first reading: these files have no sums of their own."""
        cells = self.split(text)
        return cells[self._start + VALUE] if len(cells) > self._start + VALUE else ""
