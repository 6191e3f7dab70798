"""
Cuts the lines of a partner's text file into cells: one line is one record, whatever it holds.

Python's ``csv`` over a whole file would let one stray quotation mark swallow all that follows, so
each line stands alone. What cannot be cut is a line with a problem, never an exception.
"""

import codecs
import csv
import datetime as dt
import re
from enum import Enum
from zoneinfo import ZoneInfo

from msgspec import Struct

from ingest.channels.dialects.times import TimeReader
from ingest.model import RegistryLine
from ingest.settings import CsvDialect

LINE_ENDS = "\r\n\x1a"
"""The last is what DOS programs put at the end of a file."""
SHOWN = 60
"""Characters of a foreign text in a message of ours."""


class Kind(Enum):
    """What a line is for."""

    DATA = "data"
    HEADER = "header"
    TRAILER = "trailer"
    REMARK = "remark"
    """A comment or a blank line."""


class Layout(Struct, frozen=True):
    """Where the columns of one file stand, from 0; enough to go on in the middle of it."""

    account: int
    values: tuple[int, ...]
    paid_at: int | None
    width: int
    """Cells that a line must have at least."""
    header_line: int = 0
    """The number of the line that names the columns; 0 when none does."""


class Line(Struct, frozen=True):
    """One line as it was decoded, before it is cut."""

    number: int
    kind: Kind
    text: str
    sound: bool
    """False when some bytes are none of the encoding; they are shown as question marks."""


class CsvLines:
    """
    Reads the lines of one file, in order.

    Its state is the number of lines read and the layout once it is known: built with both, it
    goes on in the middle.
    """

    def __init__(
        self,
        dialect: CsvDialect,
        zone: dt.tzinfo,
        *,
        layout: Layout | None = None,
        lines: int = 0,
    ) -> None:
        self._dialect = dialect
        self._trailer = re.compile(dialect.trailer) if dialect.trailer else None
        self._empty = {cell.strip().casefold() for cell in dialect.no_reading}
        partner_zone = ZoneInfo(dialect.time_zone) if dialect.time_zone else zone
        self._times = TimeReader(dialect.time_format, partner_zone, zone)
        self._header_due = dialect.header and layout is None
        self.layout = layout if dialect.header else find_layout(dialect, [])
        """None until a header line was read that names every column."""
        self.header = ""
        """The header line, once it was read by this object."""
        self.lines = lines

    @property
    def is_header_due(self) -> bool:
        """Whether the line that names the columns is still to come."""
        return self._header_due

    def read(self, raw: bytes) -> RegistryLine | None:
        """Return the next line, cut up; None for one that carries no data."""
        line = self.take(raw)
        if line.kind is not Kind.DATA:
            return None
        return self.cut(line)

    def take(self, raw: bytes) -> Line:
        """Decode the next line and tell what it is for."""
        self.lines += 1
        if self.lines == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        sound = True
        try:
            text = raw.decode(self._dialect.encoding).rstrip(LINE_ENDS)
        except UnicodeDecodeError:
            sound = False
            text = raw.decode(self._dialect.encoding, "replace").rstrip(LINE_ENDS)
        return Line(self.lines, self.tell_kind(text), text, sound)

    def tell_kind(self, text: str) -> Kind:
        """Tell what the line just taken is for; the header is read on the way."""
        if not text.strip():
            return Kind.REMARK
        if self._dialect.comment and text.startswith(self._dialect.comment):
            return Kind.REMARK
        if self._header_due:
            self.read_header(text)
            return Kind.HEADER
        if self.layout is not None and self.lines == self.layout.header_line:
            return Kind.HEADER
        if self._trailer is not None and self._trailer.fullmatch(text):
            return Kind.TRAILER
        return Kind.DATA

    def read_header(self, text: str) -> None:
        """Learn the layout from the line that names the columns."""
        self._header_due = False
        self.header = text
        try:
            names = self.split(text)
        except csv.Error:
            return
        layout = find_layout(self._dialect, names)
        if layout is not None:
            self.layout = Layout(
                layout.account, layout.values, layout.paid_at, layout.width, self.lines
            )

    def split(self, text: str) -> list[str]:
        """Cut a line into its cells, spaces around them taken off; raises csv.Error."""
        if self._dialect.quote:
            cells = next(
                csv.reader(
                    [text],
                    delimiter=self._dialect.delimiter,
                    quotechar=self._dialect.quote,
                    strict=True,
                )
            )
        else:
            cells = text.split(self._dialect.delimiter)
        return [cell.strip() for cell in cells]

    def cut(self, line: Line) -> RegistryLine:
        """Cut a line that carries data; what stands in the way is its problem."""
        if not line.sound:
            return spoil(line, f"bytes that are no {self._dialect.encoding}")
        if "\0" in line.text:
            return spoil(line, "a NUL character")
        try:
            cells = self.split(line.text)
        except csv.Error as error:
            return spoil(line, f"quotation marks: {error}")
        return self.assign(line, cells)

    def assign(self, line: Line, cells: list[str]) -> RegistryLine:
        """Give each cell its meaning."""
        layout = self.layout
        if layout is None:
            return spoil(line, "no header line names the columns")
        if len(cells) < layout.width:
            return spoil(line, f"found {len(cells)} columns, wanted {layout.width}")
        try:
            paid_at = self.read_time(cells[layout.paid_at]) if layout.paid_at is not None else None
        except ValueError:
            found = cells[layout.paid_at or 0][:SHOWN]
            return spoil(line, f"found the time {found!r}, wanted {self._dialect.time_format}")
        values = tuple([self.read_value(cells[position]) for position in layout.values])
        return RegistryLine(line.number, cells[layout.account], values, paid_at)

    def read_value(self, cell: str) -> str:
        """Return a cell's text, empty when it means that nothing was read."""
        return "" if cell.casefold() in self._empty else cell

    def read_time(self, cell: str) -> dt.datetime | None:
        """Return the time of an operation, None where the cell is empty; raises ValueError."""
        return self._times.read(cell) if cell else None

    def find_first_value(self, text: str) -> str:
        """Return the cell that a control sum counts, as well as it can be made out."""
        try:
            cells = self.split(text)
        except csv.Error:
            cells = text.split(self._dialect.delimiter)
        position = self.layout.values[0] if self.layout else len(cells)
        return cells[position] if position < len(cells) else ""

    def match_trailer(self, text: str) -> re.Match[str] | None:
        """Return the control figures of a trailer line."""
        return self._trailer.fullmatch(text) if self._trailer else None


def spoil(line: Line, problem: str) -> RegistryLine:
    """Return a line that could not be cut up, and why."""
    return RegistryLine(line.number, "", (), problem=problem)


def find_layout(dialect: CsvDialect, header: list[str]) -> Layout | None:
    """Find every column, by position or by its name in *header*; None when one cannot be found."""
    names = [name.casefold() for name in header]
    found: dict[str, int] = {}
    for column, where in dialect.columns.items():
        if isinstance(where, int):
            found[column] = where - 1
        elif names.count(where.strip().casefold()) == 1:
            found[column] = names.index(where.strip().casefold())
        else:
            return None
    return Layout(
        account=found["account"],
        values=tuple(found[name] for name in ("value", "value_2", "value_3") if name in found),
        paid_at=found.get("paid_at"),
        width=max(found.values()) + 1,
    )
