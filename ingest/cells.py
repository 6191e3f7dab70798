"""Cells of a registry line to a reading; strict, because programs write them."""

import re

from msgspec import Struct

from ingest.model import Account, Flaw, Misreading, Reading, Reason, RegistryLine

ACCOUNT = re.compile(r"[0-9]{12}")
VALUE = re.compile(r"([0-9]+)(?:[.,][0-9]*)?")
PLAIN = re.compile(r"[0-9]{1,18}")
"""What nearly every line holds, and nothing has to be done to."""
WIDEST = 18
"""Digits that a database integer surely holds."""


def read_line(line: RegistryLine, widest: int = WIDEST) -> Reading | Misreading:
    """
    Return what *line* says; fractions of a kilowatt-hour are cut off.

    Of several registers one with more than *widest* digits is a flaw like any other.

    Empty cells at the end are registers that the meter does not have, unless the line says that it
    has them: then they are flaws. Of those that it only names, nothing is known. One before a
    filled cell is a gap that nobody can put right by guessing. A register whose cell cannot be
    believed takes none of the others with it: they are a reading of those registers, and it is a
    flaw.
    """
    fragment = ";".join((line.account, *line.values))
    account = line.account
    if line.problem:
        return Misreading(line.reason, account, line.problem)
    if not ACCOUNT.fullmatch(account):
        return Misreading(Reason.ACCOUNT_MALFORMED, account, fragment)
    cells = read_values(line.values, min(widest, WIDEST), line.zones, line.named)
    if not cells.values:
        return Misreading(cells.reason, account, fragment)
    read_on = None if line.paid_at is None else line.paid_at.date()
    return Reading(Account(account), cells.values, fragment, read_on, cells.registers, cells.flaws)


class Cells(Struct, frozen=True):
    """What the cells of one line come to, in whole kilowatt-hours."""

    values: tuple[int, ...] = ()
    registers: tuple[int, ...] = ()
    """Which registers the values are of; empty: all from 1 on."""
    flaws: tuple[Flaw, ...] = ()

    @property
    def reason(self) -> Reason:
        """Why there is no value at all."""
        return self.flaws[0].reason if self.flaws else Reason.READING_MISSING


def read_values(
    cells: tuple[str, ...], widest: int = WIDEST, zones: int = 0, named: int = 0
) -> Cells:
    """Read one cell per register; *zones* and *named* as in RegistryLine."""
    if len(cells) == 1 and PLAIN.fullmatch(cells[0]):
        return Cells((int(cells[0]),))
    filled = list(cells)
    least = zones if any(cells) else 0
    while len(filled) > least and not filled[-1]:
        filled.pop()
    if len(filled) == 1:
        widest = WIDEST  # there is no other register that it could take with it
    found = [read_value(cell, widest) for cell in filled]
    values = {at: value for at, value in enumerate(found, 1) if isinstance(value, int)}
    if len(values) == len(found):
        return Cells(tuple(values.values()), tuple(values) if values and named > len(found) else ())
    flaws = tuple(
        Flaw(at, reason, cell)
        for at, (cell, reason) in enumerate(zip(filled, found, strict=True), 1)
        if isinstance(reason, Reason)
    )
    return Cells(tuple(values.values()), tuple(values), flaws)


def read_value(cell: str, widest: int) -> int | Reason:
    """Return the whole kilowatt-hours of a cell, or why they cannot be believed."""
    if not cell:
        return Reason.ZONES_MISMATCH
    match = VALUE.fullmatch(cell)
    if match is None:
        return Reason.READING_MALFORMED
    digits = match[1].lstrip("0") or "0"
    return Reason.TOO_MANY_DIGITS if len(digits) > widest else int(digits)
