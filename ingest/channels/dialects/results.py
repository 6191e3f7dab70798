"""
Renders what a partner gets back: the lines with their results, and the lines to send again.

A partner's own bytes are repeated unchanged and only codes are added, so a result holds nothing
that a spreadsheet could run and the partner did not write.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal

from ingest.channels.dialects.csv_lines import CsvLines, Kind, Line
from ingest.channels.dialects.survey import Controls, parse_decimal
from ingest.model import Disposition, LineResult, Outcome, Reason
from ingest.settings import CsvDialect

HEADINGS = ("outcome", "reason", "receipt")

Tally = Counter[tuple[Disposition, Reason]]
"""How many data lines came to which result."""


class ResultLines:
    """
    Puts results behind the lines of one file, taken in order.

    With *refused* the file failed as a whole: its data lines have no results of their own and all
    get the outcome of the file.
    """

    def __init__(
        self, lines: CsvLines, dialect: CsvDialect, refused: Outcome | None = None
    ) -> None:
        self._lines = lines
        self._refused = refused
        self._encoding = dialect.encoding
        self._delimiter = dialect.delimiter.encode(dialect.encoding)
        self._headings = self.join(*HEADINGS)
        self._codes: dict[tuple[Disposition, Reason], bytes] = {}
        self._failed = Controls()
        self._number = lines.lines
        self.tally: Tally = Counter()

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
                failed.append(self.count_again(raw, line))
        return rendered, failed

    def take(self, raw: bytes) -> Line:
        """Decode the line at hand; those that were accepted need not be."""
        self._lines.lines = self._number - 1
        return self._lines.take(raw)

    def render_result(self, raw: bytes, result: LineResult) -> bytes:
        """Return a data line with its result, and count it."""
        key = (result.disposition, result.reason)
        self.tally[key] += 1
        codes = self._codes.get(key)
        if codes is None:
            codes = self._codes[key] = self.join(*key, "")
        return extend(raw, codes + result.receipt.encode("ascii"))

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
        self._failed.add(text, self._lines.find_first_value(text))
        return raw

    def join(self, *cells: str) -> bytes:
        """Spell cells, a delimiter before each."""
        return b"".join(self._delimiter + cell.encode("ascii") for cell in cells)

    def count_again(self, raw: bytes, line: Line) -> bytes:
        """Return a line without data; a trailer gets the control figures of the lines kept."""
        match = self._lines.match_trailer(line.text) if line.kind is Kind.TRAILER else None
        if match is None:
            return raw
        text = line.text
        figures = {"count": str(self._failed.count), "sum": f"{self._failed.total:f}"}
        spans = {name: match.span(name) for name in figures if match.groupdict().get(name)}
        for name, (start, end) in sorted(spans.items(), key=lambda item: item[1], reverse=True):
            text = text[:start] + imitate(figures[name], text[start:end]) + text[end:]
        return text.encode(self._encoding, "replace") + raw[len(raw.rstrip(b"\r\n")) :]


def extend(raw: bytes, cells: bytes) -> bytes:
    """Add cells to a line in front of its line end; the last line of a file gets one."""
    body = raw.rstrip(b"\r\n")
    return body + cells + (raw[len(body) :] or b"\n")


def imitate(figure: str, example: str) -> str:
    """Write a figure as *example* is: its decimal sign, its decimals, its zeros in front."""
    _, sign, decimals = example.replace(",", ".").partition(".")
    value = parse_decimal(figure) or Decimal(0)
    places = max(len(decimals), -int(value.as_tuple().exponent)) if sign else 0
    text = f"{value:.{places}f}" if sign else figure
    if "," in example:
        text = text.replace(".", ",")
    return text.zfill(len(example)) if example.startswith("0") else text
