"""
Looks through a whole registry before any line of it counts.

Fed with blocks of bytes, it takes the checksum, finds the columns, compares the control figures of
the partner, and so finds what makes a file unusable as a whole. It remembers no lines.
"""

import hashlib
import re

from msgspec import Struct

from ingest.channels.dialects.controls import Controls, Figures, read_figures
from ingest.channels.dialects.faults import HEAD, Fault, Problem, find_signature, shorten
from ingest.channels.dialects.lines import Kind, Line, Lines, Shape
from ingest.channels.dialects.sniffing import Sniffer

MOST_CONTROLS = 100
"""Lines with control figures that are remembered; more of them are as good as none."""


class Findings(Struct, frozen=True):
    """What a survey found."""

    digest: str
    """SHA-256 of the content in hex."""
    size: int
    lines: int
    shape: Shape
    problem: Problem | None


class Survey:
    """
    Takes the blocks of one file in order; :meth:`close` says what was found.

    *figures* are those of a companion file, where the dialect has one.
    """

    def __init__(self, lines: Lines, max_line: int, figures: Figures | None = None) -> None:
        self._lines = lines
        self._dialect = lines.dialect
        self._max_line = max_line
        self._figures = figures
        self._sniffer = Sniffer()
        self._digest = hashlib.sha256()
        self._head = b""
        self._rest = b""
        self._size = 0
        self._count = 0
        self._controls = Controls()
        self._control_lines: list[str] = []
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
        self._sniffer.feed(block)
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
        dialect = self._dialect
        return self._lines.is_header_due or bool(
            dialect.trailer or dialect.controls or dialect.receipt
        )

    def look_at(self, line: Line) -> None:
        """Count what control figures count."""
        if self._controls.trailer and line.kind in {Kind.DATA, Kind.TRAILER}:
            self.refuse(Fault.TRAILER_NOT_LAST, shorten(line.text), shorten(self._controls.trailer))
        elif line.kind is Kind.TRAILER:
            self._controls.trailer = line.text
        elif line.kind is Kind.CONTROL and len(self._control_lines) < MOST_CONTROLS:
            self._control_lines.append(line.text)
        elif line.kind is Kind.DATA:
            self._controls.add(line.text, self._lines.find_counted(line.text))

    def close(self) -> Findings:
        """Return what was found once all blocks were fed."""
        if self._rest and self._problem is None:
            self.take_lines([self._rest])
        if not self._size:
            self.refuse(Fault.EMPTY)
        self.check_encoding()
        if not self._lines.is_ready:
            wanted = "; ".join(self._lines.wanted_columns)
            self.refuse(Fault.COLUMNS, shorten(self._lines.header), wanted)
        self.check_controls()
        return Findings(
            digest=self._digest.hexdigest(),
            size=self._size,
            lines=self._count,
            shape=self._lines.shape,
            problem=self._problem,
        )

    def check_encoding(self) -> None:
        """Refuse a file that plainly is in another encoding than the channel says."""
        wanted = self._dialect.encoding
        if wanted == "detect" or self._problem is not None:
            return
        if found := self._sniffer.find_other(wanted):
            self.refuse(Fault.ENCODING, found, wanted)

    def check_controls(self) -> None:
        """Compare what the partner says of the whole with what was counted."""
        if self._dialect.trailer:
            match = self._lines.match_trailer(self._controls.trailer)
            if match is None or not self._controls.trailer:
                found = shorten(self._controls.last)
                self.refuse(Fault.TRAILER_MISSING, found, self._dialect.trailer)
            else:
                self.compare(read_figures(match))
        for pattern in self._dialect.controls:
            self.check_control(pattern)
        if self._figures is not None:
            self.compare(self._figures)
        elif self._dialect.receipt:
            self.refuse(Fault.RECEIPT, "", self._dialect.receipt)

    def check_control(self, pattern: str) -> None:
        """Compare the figures of every line that one pattern matches; there must be one."""
        matches = [re.fullmatch(pattern, text) for text in self._control_lines]
        found = [match for match in matches if match is not None]
        if not found:
            self.refuse(Fault.CONTROL_MISSING, "", pattern)
        for match in found:
            self.compare(read_figures(match))

    def compare(self, figures: Figures) -> None:
        """Refuse the file for control figures that differ from what was counted."""
        if figures.count is not None and self._controls.differs_in_count(figures.count):
            self.refuse(Fault.COUNT, str(self._controls.count), shorten(figures.count))
        if figures.total is not None and self._controls.differs_in_sum(figures.total):
            self.refuse(Fault.SUM, f"{self._controls.total:f}", shorten(figures.total))

    def check_signature(self) -> None:
        """Refuse archives, workbooks and the like by their first bytes."""
        if name := find_signature(self._head):
            self.refuse(Fault.NO_TEXT, name, self._dialect.encoding)

    def refuse_line(self, number: int) -> None:
        """Refuse the file for a line that is too long."""
        self.refuse(Fault.LINE_TOO_LONG, str(number), str(self._max_line))

    def refuse(self, fault: Fault, found: str = "", wanted: str = "") -> None:
        """Remember what is wrong with the file; the first fault counts."""
        if self._problem is None:
            self._problem = Problem(fault, found, wanted)
