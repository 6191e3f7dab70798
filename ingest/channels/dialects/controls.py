"""Control figures: what a partner says of a file as a whole, and what was counted in it."""

import re
from decimal import Context, Decimal

from msgspec import Struct

EXACT = Context(prec=60)
"""Sums of 18 digits before the point and 9 behind it lose nothing."""
COUNT = re.compile(r"[0-9]{1,18}")
DECIMAL = re.compile(r"-?[0-9]{1,18}(?:[.,][0-9]{1,9})?")
SPACES = str.maketrans("", "", " \u00a0\u202f")
"""Thousands are sometimes set apart."""


class Figures(Struct, frozen=True):
    """Control figures as they were written; None: it does not say."""

    count: str | None = None
    total: str | None = None


class Controls:
    """The data lines so far: how many, and the sum of one cell of each."""

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


def read_figures(match: re.Match[str]) -> Figures:
    """Return the figures of a line that a pattern of the dialect matched."""
    found = match.groupdict()
    return Figures(found.get("count"), found.get("sum"))


def parse_decimal(text: str) -> Decimal | None:
    """Read a number with a comma or a dot; None when it is not one."""
    return Decimal(text.replace(",", ".")) if DECIMAL.fullmatch(text) else None


def imitate(figure: str, example: str) -> str:
    """Write a figure as *example* is: its decimal sign, its decimals, its zeros in front."""
    _, sign, decimals = example.replace(",", ".").partition(".")
    value = parse_decimal(figure) or Decimal(0)
    places = max(len(decimals), -int(value.as_tuple().exponent)) if sign else 0
    text = f"{value:.{places}f}" if sign else figure
    if "," in example:
        text = text.replace(".", ",")
    return text.zfill(len(example)) if example.startswith("0") else text
