"""Lines whose cells say what they are: ``...;CLIENTNO:123456789012;CounterVal_1:5467,5;...``."""

import datetime as dt
from collections.abc import Mapping
from typing import Final

from ingest.channels.dialects.cells import compile_pattern, extract
from ingest.channels.dialects.columns import VALUES
from ingest.channels.dialects.faults import SHOWN
from ingest.channels.dialects.lines import Cut, CutError, Layout
from ingest.channels.dialects.times import TimeReader
from ingest.settings import LabelledDialect

SEVERAL = " / "
"""Between texts that stand for the same register: no one will take the whole for a number."""


class LabelledCutter:
    """Finds cells by the label in front of them; some stand at a fixed place without one."""

    is_header_due: Final = False
    is_ready: Final = True
    layout: Final[Layout | None] = None
    wanted_columns: Final[tuple[str, ...]] = ()

    def __init__(self, dialect: LabelledDialect) -> None:
        self._delimiter = dialect.delimiter
        self._mark = dialect.mark
        self._columns = {label.casefold(): column for column, label in dialect.labels.items()}
        self._registers = [name for name in VALUES if name in dialect.labels]
        self._account_label = dialect.labels["account"]
        self._places = dialect.columns
        self._is_dated = dialect.dated
        self._time = compile_pattern(dialect.time_pattern)
        self._times = TimeReader(dialect.time_format, dt.UTC, dt.UTC)

    def read_header(self, text: str, number: int) -> None:
        """Learn nothing: there is no header."""

    def split(self, text: str) -> list[str]:
        """Cut a line into its cells, spaces around them taken off."""
        return [cell.strip() for cell in text.split(self._delimiter)]

    def assign(self, cells: list[str]) -> Cut:
        """Tell what each cell means; raises CutError for a line of no account, or of two."""
        found: dict[str, list[str]] = {}
        for cell in cells:
            label, mark, text = cell.partition(self._mark)
            column = self._columns.get(label.strip().casefold())
            if mark and column:
                found.setdefault(column, []).append(text.strip())
        accounts = set(found.get("account", ()))
        if not accounts:
            raise CutError(f"found no cell {self._account_label}{self._mark}")
        if len(accounts) > 1:
            raise CutError(f"found several accounts: {', '.join(sorted(accounts))[:SHOWN]}")
        return Cut(
            account=accounts.pop(),
            values=tuple(join_cells(found.get(name, ())) for name in self._registers),
            paid_at=self.find_time(cells, found),
            transaction=self.find_cell("transaction", cells, found),
            named=max(
                (at for at, name in enumerate(self._registers, 1) if name in found), default=0
            ),
        )

    def find_cell(self, column: str, cells: list[str], found: Mapping[str, list[str]]) -> str:
        """Return what stands under a column's label, or at its place."""
        if column in found:
            return join_cells(found[column])
        place = next((at for name, at in self._places.items() if name == column), 0)
        return cells[place - 1] if 0 < place <= len(cells) else ""

    def find_time(self, cells: list[str], found: Mapping[str, list[str]]) -> str:
        """Return the time of the operation: labelled, at its place, or the first there is."""
        if not self._is_dated:
            return self.find_cell("paid_at", cells, found)
        return next((cell for cell in cells if self.is_time(cell)), "")

    def is_time(self, cell: str) -> bool:
        """Tell whether a cell is a time and nothing else."""
        try:
            self._times.read(extract(self._time, cell) if self._time else cell)
        except ValueError:
            return False
        return True

    def find_counted(self, text: str) -> str:
        """Return the cell that a control sum counts, as well as it can be made out."""
        cells = self.split(text)
        found: dict[str, list[str]] = {}
        for cell in cells:
            label, mark, rest = cell.partition(self._mark)
            column = self._columns.get(label.strip().casefold())
            if mark and column:
                found.setdefault(column, []).append(rest.strip())
        is_amount = "amount" in self._places or "amount" in self._columns.values()
        return self.find_cell("amount" if is_amount else "value", cells, found)


def join_cells(texts: "list[str] | tuple[str, ...]") -> str:
    """Return the one text of a register; different ones make a text that nobody believes."""
    return SEVERAL.join(dict.fromkeys(texts))
