"""Lines whose cells are found by their place: by position, or by the names of a header line."""

import csv
from collections.abc import Mapping

from msgspec.structs import replace

from ingest.channels.dialects.lines import Cut, CutError, Layout
from ingest.settings import Column, CsvDialect

VALUES: tuple[Column, ...] = ("value", "value_2", "value_3", "value_4", "value_5", "value_6")


class ColumnCutter:
    """Cuts lines at a delimiter and finds each cell by its place."""

    is_header_due: bool

    def __init__(
        self, dialect: CsvDialect, layout: Layout | None = None, *, is_table: bool = False
    ) -> None:
        self._columns = dialect.columns
        self._delimiter = dialect.delimiter
        self._quote = dialect.quote
        self._cells = dialect.cells
        self._is_table = is_table
        self.is_header_due = dialect.header and layout is None
        self.layout = layout if dialect.header else find_layout(dialect.columns, [])

    @property
    def is_ready(self) -> bool:
        """Whether every column was found."""
        return self.layout is not None

    @property
    def wanted_columns(self) -> tuple[str, ...]:
        """What the header has to name."""
        return tuple(map(str, self._columns.values()))

    def read_header(self, text: str, number: int) -> None:
        """Learn the layout from the line that names the columns."""
        self.is_header_due = False
        try:
            names = self.split(text)
        except CutError:
            return
        layout = find_layout(self._columns, names)
        if layout is not None:
            # In a table no cell can move; and what the channel says goes before the header.
            most = 0 if self._is_table or self._cells else len(names)
            layout = replace(layout, header_line=number, most=most)
        self.layout = layout

    def split(self, text: str) -> list[str]:
        """Cut a line into its cells, spaces around them taken off; raises CutError."""
        if not self._quote:
            return [cell.strip() for cell in text.split(self._delimiter)]
        try:
            cells = next(
                csv.reader([text], delimiter=self._delimiter, quotechar=self._quote, strict=True)
            )
        except csv.Error as error:
            raise CutError(f"quotation marks: {error}") from None
        return [cell.strip() for cell in cells]

    def assign(self, cells: list[str]) -> Cut:
        """Give each cell its meaning."""
        layout = self.layout
        if layout is None:
            raise CutError("no header line names the columns")
        if self._cells and len(cells) != self._cells:
            raise CutError(f"found {len(cells)} cells, wanted exactly {self._cells}")
        if len(cells) < layout.width:
            raise CutError(f"found {len(cells)} columns, wanted {layout.width}")
        if layout.most and len(cells) > layout.most:
            # A delimiter within a cell: what stands behind it is in the place of something else.
            raise CutError(f"found {len(cells)} columns, wanted the {layout.most} of the header")
        return Cut(
            account=cells[layout.account],
            values=tuple([cells[place] for place in layout.values]),
            paid_at="" if layout.paid_at is None else cells[layout.paid_at],
            transaction="" if layout.transaction is None else cells[layout.transaction],
        )

    def find_counted(self, text: str) -> str:
        """Return the cell that a control sum counts, as well as it can be made out."""
        try:
            cells = self.split(text)
        except CutError:
            cells = text.split(self._delimiter)
        if self.layout is None:
            return ""
        place = self.layout.values[0] if self.layout.amount is None else self.layout.amount
        return cells[place] if place < len(cells) else ""


def find_layout(columns: Mapping[Column, int | str], header: list[str]) -> Layout | None:
    """Find every column, by position or by its name in *header*; None when one cannot be found."""
    names = [name.casefold() for name in header]
    found: dict[str, int] = {}
    for column, where in columns.items():
        if isinstance(where, int):
            found[column] = where - 1
        elif names.count(where.strip().casefold()) == 1:
            found[column] = names.index(where.strip().casefold())
        else:
            return None
    return Layout(
        account=found["account"],
        values=tuple(found[name] for name in VALUES if name in found),
        width=max(found.values()) + 1,
        paid_at=found.get("paid_at"),
        transaction=found.get("transaction"),
        amount=found.get("amount"),
    )
