"""A bank's registry of payments whose lines end in pairs of counter and reading."""

from typing import Final

from ingest.channels.dialects.lines import Cut, CutError, Layout
from ingest.settings import Column, CounterPairsDialect


class PairCutter:
    """Takes the readings of a line by the place of their pair: the first is register 1."""

    is_header_due: Final = False
    is_ready: Final = True
    layout: Final[Layout | None] = None
    wanted_columns: Final[tuple[str, ...]] = ()

    def __init__(self, dialect: CounterPairsDialect) -> None:
        self._delimiter = dialect.delimiter
        self._places = dialect.columns
        self._start = dialect.pairs_from
        self._width = dialect.pairs_from - 1 + 2 * dialect.pairs

    def read_header(self, text: str, number: int) -> None:
        """Learn nothing: there is no header."""

    def split(self, text: str) -> list[str]:
        """Cut a line into its cells, spaces around them taken off; one delimiter may end it."""
        cells = [cell.strip() for cell in text.split(self._delimiter)]
        return cells[:-1] if len(cells) == self._width + 1 and not cells[-1] else cells

    def assign(self, cells: list[str]) -> Cut:
        """Give each cell its meaning."""
        if len(cells) != self._width:
            raise CutError(f"found {len(cells)} cells, wanted exactly {self._width}")
        return Cut(
            account=self.find_cell("account", cells),
            values=tuple(cells[self._start :: 2]),
            paid_at=self.find_cell("paid_at", cells),
            transaction=self.find_cell("transaction", cells),
        )

    def find_cell(self, column: Column, cells: list[str]) -> str:
        """Return the cell of a column; empty where the dialect has none, or the line."""
        place = self._places.get(column, 0)
        return cells[place - 1] if 0 < place <= len(cells) else ""

    def find_counted(self, text: str) -> str:
        """Return the cell that a control sum counts, as well as it can be made out."""
        cells = self.split(text)
        if "amount" in self._places:
            return self.find_cell("amount", cells)
        return cells[self._start] if self._start < len(cells) else ""
