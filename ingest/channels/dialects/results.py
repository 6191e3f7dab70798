"""
Renders what a partner gets back: the lines with their results, and the lines to send again.

A partner's own bytes are repeated unchanged and only codes are added, so a result holds nothing
that a spreadsheet could run and the partner did not write.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal

from ingest.channels.dialects.controls import EXACT, Controls, imitate, parse_decimal
from ingest.channels.dialects.lines import Kind, Line, Lines
from ingest.model import Disposition, LineResult, Outcome, Reason

HEADINGS = ("outcome", "reason", "receipt")

Tally = Counter[tuple[Disposition, Reason]]
"""How many data lines came to which result."""


class ResultLines:
    """
    Puts results behind the lines of one file, taken in order.

    With *refused* the file failed as a whole: its data lines have no results of their own and all
    get the outcome of the file.
    """

    def __init__(self, lines: Lines, refused: Outcome | None = None) -> None:
        self._lines = lines
        self._refused = refused
        self._encoding = lines.encoding
        self._delimiter = lines.dialect.delimiter.encode(lines.encoding)
        self._headings = self.join(*HEADINGS)
        self._codes: dict[tuple[Disposition, Reason], bytes] = {}
        self._failed = Controls()
        self._controls: list[tuple[bytes, str]] = []
        """Lines with control figures: they can be given anew once all lines are known."""
        self._number = lines.lines
        self.tally: Tally = Counter()
        self.sums: dict[Disposition, Decimal] = {}
        """Of what control sums count, where the dialect has control figures."""
        dialect = lines.dialect
        self._is_summed = bool(dialect.trailer or dialect.controls or dialect.receipt)

    @property
    def failed(self) -> int:
        """Data lines to be sent again, so far."""
        return self._failed.count

    def render(
        self, raws: Iterable[bytes], results: Sequence[LineResult]
    ) -> tuple[list[bytes], list[bytes]]:
        """Return the lines of the result file, and those that are to be sent again."""
        by_number = {result.number: result for result in results}
        rendered: list[bytes] = []
        failed: list[bytes] = []
        for raw in raws:
            self._number += 1
            result = by_number.get(self._number)
            if result is not None:
                rendered.append(self.render_result(raw, result))
                if result.disposition is Disposition.REJECT:
                    failed.append(self.keep(raw))
            else:
                line = self.take(raw)
                rendered.append(self.render_other(raw, line))
                failed += self.repeat(raw, line)
        return rendered, failed

    def close(self) -> list[bytes]:
        """Return what ends the lines to be sent again: control figures that stood before them."""
        return [self.write_figures(raw, text) for raw, text in self._controls]

    def take(self, raw: bytes) -> Line:
        """Decode the line at hand; those that were accepted need not be."""
        self._lines.lines = self._number - 1
        return self._lines.take(raw)

    def render_result(self, raw: bytes, result: LineResult) -> bytes:
        """Return a data line with its result, and count it."""
        key = (result.disposition, result.reason)
        self.tally[key] += 1
        if self._is_summed:
            self.add_up(raw, result.disposition)
        codes = self._codes.get(key)
        if codes is None:
            codes = self._codes[key] = self.join(*key, "")
        return extend(raw, codes + result.receipt.encode("ascii"))

    def add_up(self, raw: bytes, disposition: Disposition) -> None:
        """Add a line to the control sum of its outcome; a cell that is no number adds nothing."""
        value = parse_decimal(self._lines.find_counted(self.take(raw).text)) or Decimal(0)
        self.sums[disposition] = EXACT.add(self.sums.get(disposition, Decimal(0)), value)

    def render_other(self, raw: bytes, line: Line) -> bytes:
        """Return a line that has no result of its own."""
        if line.kind is Kind.HEADER:
            return extend(raw, self._headings)
        if line.kind is Kind.DATA and self._refused is not None:
            verdict, receipt = self._refused.verdict, self._refused.receipt
            result = LineResult(line.number, verdict.disposition, verdict.reason, receipt)
            return self.render_result(raw, result)
        return raw

    def keep(self, raw: bytes) -> bytes:
        """Count a line to be sent again."""
        text = self.take(raw).text
        self._failed.add(text, self._lines.find_counted(text))
        return raw

    def join(self, *cells: str) -> bytes:
        """Spell cells, a delimiter before each."""
        return b"".join(self._delimiter + cell.encode("ascii") for cell in cells)

    def repeat(self, raw: bytes, line: Line) -> list[bytes]:
        """Return a line without a result for those who send again; figures are put right."""
        match line.kind:
            case Kind.TRAILER:
                return [self.write_figures(raw, line.text)]
            case Kind.CONTROL:
                self._controls.append((raw, line.text))
                return []
            case Kind.DATA:
                return []
            case _:
                return [raw]

    def write_figures(self, raw: bytes, text: str) -> bytes:
        """Return a line with the control figures of the lines kept."""
        match = self._lines.match_trailer(text) or self._lines.match_control(text)
        if match is None:
            return raw
        figures = {"count": str(self._failed.count), "sum": f"{self._failed.total:f}"}
        spans = {name: match.span(name) for name in figures if match.groupdict().get(name)}
        for name, (start, end) in sorted(spans.items(), key=lambda item: item[1], reverse=True):
            text = text[:start] + imitate(figures[name], text[start:end]) + text[end:]
        return text.encode(self._encoding, "replace") + raw[len(raw.rstrip(b"\r\n")) :]


def extend(raw: bytes, cells: bytes) -> bytes:
    """Add cells to a line in front of its line end; the last line of a file gets one."""
    body = raw.rstrip(b"\r\n")
    return body + cells + (raw[len(body) :] or b"\n")
