"""
Looks through a whole registry before any line of it counts.

Fed with blocks of bytes, it takes the checksum, finds the columns, compares the control figures of
the trailer, and so finds what makes a file unusable as a whole. It remembers no lines.
"""

import codecs
import hashlib
import re
from decimal import Context, Decimal
from enum import StrEnum

from msgspec import Struct

from ingest.channels.dialects.csv_lines import SHOWN, CsvLines, Kind, Layout, Line
from ingest.settings import RegistrySettings

EXACT = Context(prec=60)
"""Sums of 18 digits before the point and 9 behind it lose nothing."""
COUNT = re.compile(r"[0-9]{1,18}")
DECIMAL = re.compile(r"-?[0-9]{1,18}(?:[.,][0-9]{1,9})?")
SPACES = str.maketrans("", "", " \u00a0\u202f")
"""Thousands are sometimes set apart."""

SIGNATURES = {
    b"PK\x03\x04": "ZIP, XLSX",
    b"\xd0\xcf\x11\xe0": "XLS",
    b"\x1f\x8b": "GZIP",
    b"7z\xbc\xaf": "7Z",
    b"Rar!": "RAR",
    b"%PDF": "PDF",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""How files begin that are no text in a dialect's encoding."""
HEAD = max(map(len, SIGNATURES))


class Fault(StrEnum):
    """What makes a file unusable as a whole."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    LINE_TOO_LONG = "line_too_long"
    NO_TEXT = "no_text"
    COLUMNS = "columns"
    TRAILER_MISSING = "trailer_missing"
    TRAILER_NOT_LAST = "trailer_not_last"
    COUNT = "count"
    SUM = "sum"
    CHANGED = "changed"


UNREADABLE = {Fault.EMPTY, Fault.TOO_LARGE, Fault.LINE_TOO_LONG, Fault.NO_TEXT, Fault.CHANGED}
"""Faults after which it makes no sense to speak of single lines."""


class Problem(Struct, frozen=True):
    """A fault, what was found, and what was wanted."""

    fault: Fault
    found: str = ""
    wanted: str = ""

    @property
    def by_line(self) -> bool:
        """Whether the file has lines that can be spoken of."""
        return self.fault not in UNREADABLE


class Findings(Struct, frozen=True):
    """What a survey found."""

    digest: str
    """SHA-256 of the content in hex."""
    size: int
    lines: int
    layout: Layout | None
    problem: Problem | None


class Survey:
    """Takes the blocks of one file in order; :meth:`close` says what was found."""

    def __init__(self, lines: CsvLines, settings: RegistrySettings) -> None:
        self._lines = lines
        self._dialect = settings.dialect
        self._max_line = settings.max_line
        self._digest = hashlib.sha256()
        self._head = b""
        self._rest = b""
        self._size = 0
        self._count = 0
        self._controls = Controls()
        self._problem: Problem | None = None

    def feed(self, block: bytes) -> None:
        """Take the next bytes of the file."""
        if len(self._head) < HEAD:
            self._head += block[: HEAD - len(self._head)]
            self.check_signature()
        self._size += len(block)
        self._digest.update(block)
        if self._problem is not None:
            return
        lines = (self._rest + block).split(b"\n")
        self._rest = lines.pop()
        self.take_lines(lines)
        if len(self._rest) > self._max_line:
            self.refuse_line(self._count + 1)

    def take_lines(self, lines: list[bytes]) -> None:
        """Take complete lines; their ends are already off."""
        for number, raw in enumerate(lines, self._count + 1):
            if len(raw) >= self._max_line:
                self.refuse_line(number)
                return
            if self.is_curious:
                self.look_at(self._lines.take(raw))
        self._count += len(lines)

    @property
    def is_curious(self) -> bool:
        """Whether the survey needs to know what lines say: for the header, for control figures."""
        return self._lines.is_header_due or bool(self._dialect.trailer)

    def look_at(self, line: Line) -> None:
        """Count what the trailer counts."""
        if self._controls.trailer and line.kind in {Kind.DATA, Kind.TRAILER}:
            self.refuse(Fault.TRAILER_NOT_LAST, shorten(line.text), shorten(self._controls.trailer))
        elif line.kind is Kind.TRAILER:
            self._controls.trailer = line.text
        elif line.kind is Kind.DATA:
            self._controls.add(line.text, self._lines.find_first_value(line.text))

    def close(self) -> Findings:
        """Return what was found once all blocks were fed."""
        if self._rest and self._problem is None:
            self.take_lines([self._rest])
        if not self._size:
            self.refuse(Fault.EMPTY)
        if self._lines.layout is None:
            columns = [str(where) for where in self._dialect.columns.values()]
            self.refuse(Fault.COLUMNS, shorten(self._lines.header), "; ".join(columns))
        if self._dialect.trailer:
            self.check_trailer()
        return Findings(
            digest=self._digest.hexdigest(),
            size=self._size,
            lines=self._count,
            layout=self._lines.layout,
            problem=self._problem,
        )

    def check_trailer(self) -> None:
        """Compare the control figures with what was counted."""
        match = self._lines.match_trailer(self._controls.trailer)
        if match is None or not self._controls.trailer:
            self.refuse(Fault.TRAILER_MISSING, shorten(self._controls.last), self._dialect.trailer)
            return
        figures = match.groupdict()
        if (count := figures.get("count")) is not None and self._controls.differs_in_count(count):
            self.refuse(Fault.COUNT, str(self._controls.count), shorten(count))
        if (total := figures.get("sum")) is not None and self._controls.differs_in_sum(total):
            self.refuse(Fault.SUM, f"{self._controls.total:f}", shorten(total))

    def check_signature(self) -> None:
        """Refuse archives, workbooks and the like by their first bytes."""
        for signature, name in SIGNATURES.items():
            if self._head.startswith(signature):
                self.refuse(Fault.NO_TEXT, name, self._dialect.encoding)

    def refuse_line(self, number: int) -> None:
        """Refuse the file for a line that is too long."""
        self.refuse(Fault.LINE_TOO_LONG, str(number), str(self._max_line))

    def refuse(self, fault: Fault, found: str = "", wanted: str = "") -> None:
        """Remember what is wrong with the file; the first fault counts."""
        if self._problem is None:
            self._problem = Problem(fault, found, wanted)


class Controls:
    """The data lines so far: how many, and the sum of their first values."""

    def __init__(self) -> None:
        self.count = 0
        self.total = Decimal(0)
        self.last = ""
        """The data line seen last."""
        self.trailer = ""

    def add(self, text: str, cell: str) -> None:
        """Count one data line; a cell that is no number adds nothing to the sum."""
        self.count += 1
        self.last = text
        if value := parse_decimal(cell):
            self.total = EXACT.add(self.total, value)

    def differs_in_count(self, figure: str) -> bool:
        """Tell whether a control count is another number, or none."""
        digits = figure.translate(SPACES)
        return not COUNT.fullmatch(digits) or int(digits) != self.count

    def differs_in_sum(self, figure: str) -> bool:
        """Tell whether a control sum is another number, or none."""
        return parse_decimal(figure.translate(SPACES)) != self.total


def parse_decimal(text: str) -> Decimal | None:
    """Read a number with a comma or a dot; None when it is not one."""
    return Decimal(text.replace(",", ".")) if DECIMAL.fullmatch(text) else None


def shorten(text: str) -> str:
    """Cut a foreign text to what fits into a message, control characters shown as escapes."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:SHOWN])
    return f"{shown}..." if len(text) > SHOWN else shown
