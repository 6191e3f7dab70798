"""
Reads the lines of a partner's text file: one line is one record, whatever it holds.

Python's ``csv`` over a whole file would let one stray quotation mark swallow all that follows, so
each line stands alone. What cannot be cut is a line with a problem, never an exception. How a line
is cut is the business of its kind of dialect, a ``Cutter``.
"""

import codecs
import re
from enum import Enum
from typing import Protocol

from msgspec import Struct

from ingest.channels.dialects.cells import CellReader
from ingest.channels.dialects.faults import SHOWN
from ingest.model import Reason, RegistryLine
from ingest.settings import TextDialect

LINE_ENDS = "\r\n\x1a"
"""The last is what DOS programs put at the end of a file."""


class Kind(Enum):
    """What a line is for."""

    DATA = "data"
    HEADER = "header"
    TRAILER = "trailer"
    CONTROL = "control"
    """Control figures that stand elsewhere than in the last line."""
    REMARK = "remark"
    """A comment or a blank line."""


class Layout(Struct, frozen=True):
    """Where the columns of one file stand, from 0."""

    account: int
    values: tuple[int, ...]
    """One a register, in their order."""
    width: int
    """Cells that a line must have at least."""
    paid_at: int | None = None
    transaction: int | None = None
    amount: int | None = None
    header_line: int = 0
    """The number of the line that names the columns; 0 when none does."""
    most: int = 0
    """Cells that a line may have at most: as many as its header; 0: any number."""


class Shape(Struct, frozen=True):
    """What the survey of a file learned, and who reads it again has to know."""

    encoding: str
    layout: Layout | None = None
    """Of kinds without a header: None."""


class Line(Struct, frozen=True):
    """One line as it was decoded, before it is cut."""

    number: int
    kind: Kind
    text: str
    sound: bool
    """False when some bytes are none of the encoding; they are shown as question marks."""


class Cut(Struct, frozen=True):
    """The cells of one line by what they mean to us, as they came."""

    account: str
    values: tuple[str, ...]
    """One a register, from 1; empty where the line has none."""
    paid_at: str = ""
    transaction: str = ""
    zones: int = 0
    """As in RegistryLine."""
    named: int = 0
    """As in RegistryLine."""


class CutError(Exception):
    """A line that has no meaning, and why; some know as much as its account."""

    def __init__(
        self, problem: str, reason: Reason = Reason.READING_MALFORMED, account: str = ""
    ) -> None:
        super().__init__(problem)
        self.reason = reason
        self.account = account


class NotOursError(Exception):
    """A line that is sound and says nothing about meters of ours."""


class Cutter(Protocol):
    """How one kind of dialect cuts its lines."""

    @property
    def layout(self) -> Layout | None:
        """What a header said; None where none was read, or it lacks a column."""

    @property
    def is_header_due(self) -> bool:
        """Whether the line that names the columns is still to come."""

    @property
    def is_ready(self) -> bool:
        """Whether lines can be cut."""

    @property
    def wanted_columns(self) -> tuple[str, ...]:
        """What the header has to name."""

    def read_header(self, text: str, number: int) -> None:
        """Learn the layout from the line that names the columns."""

    def split(self, text: str) -> list[str]:
        """Cut a line into its cells, spaces around them taken off; raises CutError."""

    def assign(self, cells: list[str]) -> Cut:
        """Tell what each cell means; raises CutError, or NotOursError."""

    def find_counted(self, text: str) -> str:
        """Return the cell that a control sum counts, as well as it can be made out."""


class Lines:
    """
    Reads the lines of one file, in order.

    Its state is the number of lines read and the layout once it is known: built with both, it
    goes on in the middle.
    """

    def __init__(
        self,
        dialect: TextDialect,
        cutter: Cutter,
        cells: CellReader,
        *,
        encoding: str,
        lines: int = 0,
    ) -> None:
        self.dialect = dialect
        self.encoding = encoding
        self.lines = lines
        self._cutter = cutter
        self._cells = cells
        self._trailer = compile_or_none(dialect.trailer)
        self._skip = compile_or_none(dialect.skip)
        self._controls = tuple(map(re.compile, dialect.controls))
        self.header = ""
        """The header line, once it was read by this object."""

    @property
    def shape(self) -> Shape:
        """What has to be known to go on in the middle."""
        return Shape(self.encoding, self._cutter.layout)

    @property
    def is_ready(self) -> bool:
        """Whether lines can be cut."""
        return self._cutter.is_ready

    @property
    def is_header_due(self) -> bool:
        """Whether the line that names the columns is still to come."""
        return self._cutter.is_header_due

    @property
    def wanted_columns(self) -> tuple[str, ...]:
        """What the header has to name."""
        return self._cutter.wanted_columns

    def read(self, raw: bytes) -> RegistryLine | None:
        """Return the next line, cut up; None for one that carries no data of ours."""
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
            text = raw.decode(self.encoding).rstrip(LINE_ENDS)
        except UnicodeDecodeError:
            sound = False
            text = raw.decode(self.encoding, "replace").rstrip(LINE_ENDS)
        return Line(self.lines, self.tell_kind(text), text, sound)

    def tell_kind(self, text: str) -> Kind:
        """Tell what the line just taken is for; the header is read on the way."""
        if self._controls and self.match_control(text):
            return Kind.CONTROL
        if self.is_passed_over(text):
            return Kind.REMARK
        if self._cutter.is_header_due:
            self.header = text
            self._cutter.read_header(text, self.lines)
            return Kind.HEADER
        layout = self._cutter.layout
        if layout is not None and self.lines == layout.header_line:
            return Kind.HEADER
        if self._trailer is not None and self._trailer.fullmatch(text):
            return Kind.TRAILER
        return Kind.DATA

    def is_passed_over(self, text: str) -> bool:
        """Tell whether a line is blank, or none of ours as the dialect has it."""
        if not text.strip():
            return True
        if self.dialect.comment and text.startswith(self.dialect.comment):
            return True
        return self._skip is not None and self._skip.fullmatch(text) is not None

    def cut(self, line: Line) -> RegistryLine | None:
        """Cut a line that carries data; what stands in the way is its problem."""
        if not line.sound:
            return spoil(line, f"bytes that are no {self.encoding}")
        if "\0" in line.text:
            return spoil(line, "a NUL character")
        try:
            cut = self._cutter.assign(self._cutter.split(line.text))
        except NotOursError:
            return None
        except CutError as error:
            account = self._cells.read_account(error.account)
            return spoil(line, str(error), error.reason, account)
        account = self._cells.read_account(cut.account)
        try:
            paid_at = self._cells.read_time(cut.paid_at) if cut.paid_at else None
        except ValueError:
            found, wanted = cut.paid_at[:SHOWN], self.dialect.time_format
            problem = f"found the time {found!r}, wanted {wanted}"
            return spoil(line, problem, account=account)
        values = tuple([self._cells.read_value(cell) for cell in cut.values])
        return RegistryLine(
            line.number,
            account,
            values,
            paid_at,
            transaction=cut.transaction,
            zones=cut.zones,
            named=cut.named,
        )

    def find_counted(self, text: str) -> str:
        """Return what a line adds to a control sum, its figures written plainly."""
        return self._cells.write_plainly(self._cutter.find_counted(text))

    def match_trailer(self, text: str) -> re.Match[str] | None:
        """Return the control figures of a trailer line."""
        return self._trailer.fullmatch(text) if self._trailer else None

    def match_control(self, text: str) -> re.Match[str] | None:
        """Return the control figures of any other line."""
        return next(filter(None, (one.fullmatch(text) for one in self._controls)), None)


def compile_or_none(pattern: str) -> re.Pattern[str] | None:
    """Compile a pattern of config.toml; an empty one is none."""
    return re.compile(pattern) if pattern else None


def spoil(
    line: Line, problem: str, reason: Reason = Reason.READING_MALFORMED, account: str = ""
) -> RegistryLine:
    """Return a line that could not be cut up, and why."""
    return RegistryLine(line.number, account, (), problem=problem, reason=reason)
