"""
What the lines above a reading say about its numbers: a table's columns, or that they are old ones.

Such lines never say which number counts. They only take the belief from numbers that would be
misread without them: the earlier reading and the new one look like day and night.
"""

from ingest.parsing.tokens import Kind, Line, Mark
from ingest.parsing.words import TURNING, ZONES

MOST_MARKS = 60
"""Of one heading; no table has more columns."""
MOST_WORDS = 4
"""Of a line such as «Расход за ноябрь:»."""


class Heading:
    """The last lines without a number, as far as they stand right below each other."""

    def __init__(self, marks: list[Mark], lines: range, *, is_title: bool) -> None:
        self._marks = marks[:MOST_MARKS]
        self._lines = lines
        self._is_title = is_title
        """Whether its last line is short and ends with a colon."""

    def extend(self, line: Line, plain: str) -> "Heading":
        """Return the heading that ends with *line*; this one belongs to it if it is right above."""
        is_below = line.number == self._lines.stop
        above = self._marks if is_below else []
        lines = range(self._lines.start if is_below else line.number, line.number + 1)
        ends = plain[line.start : line.end].rstrip().endswith(":")
        is_title = ends and len(line.marks) <= MOST_WORDS
        return Heading([*above, *line.marks[:MOST_MARKS]], lines, is_title=is_title)

    def misleads(self, count: int, *, is_named: bool, is_starred: bool) -> bool:
        """
        Tell whether *count* values below it may be others than they seem.

        *is_named* where each has the name of its zone, *is_starred* where they are separated as
        customers are asked to.
        """
        is_table = self._names_accounts()
        if (is_table or self._is_title) and any(mark.text in TURNING for mark in self._marks):
            return True
        if not is_table or is_named or count < 2:  # noqa: PLR2004 -- what could be mixed up
            return False
        ranks = [find_rank(mark) for mark in self._marks if mark.kind is Kind.ZONE]
        return ranks != list(range(1, count + 1)) and (bool(ranks) or not is_starred)

    def list_titles(self) -> range:
        """Return the lines whose words ``misleads`` has weighed; none of a mere sentence."""
        return self._lines if self._is_title or self._names_accounts() else range(0)

    def _names_accounts(self) -> bool:
        """Tell whether a column is one of accounts; «по лицевому счёту» belongs to a sentence."""
        before = Kind.END
        for mark in self._marks:
            if mark.kind is not Kind.ACCOUNT_LABEL:
                before = mark.kind
            elif before is not Kind.PREPOSITION:
                return True
        return False


NOTHING = Heading([], range(-1), is_title=False)
"""Above the first line."""


def find_rank(mark: Mark) -> int:
    """Return the place of a zone among the registers."""
    return ZONES.get(mark.text) or int(mark.text[-1])
