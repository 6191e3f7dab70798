"""Cells of a registry line to a reading; strict, because programs write them."""

import re

from ingest.model import Account, Misreading, Reading, Reason, RegistryLine

ACCOUNT = re.compile(r"[0-9]{12}")
VALUE = re.compile(r"([0-9]+)(?:[.,][0-9]*)?")
PLAIN = re.compile(r"[0-9]{1,18}")
"""What nearly every line holds, and nothing has to be done to."""
WIDEST = 18
"""Digits that a database integer surely holds."""


def read_line(line: RegistryLine) -> Reading | Misreading:
    """
    Return what *line* says; fractions of a kilowatt-hour are cut off.

    Empty cells at the end are registers that the meter does not have; one before a filled cell is
    a gap that nobody can put right by guessing.
    """
    fragment = ";".join((line.account, *line.values))
    account = line.account
    if line.problem:
        return Misreading(Reason.READING_MALFORMED, account, line.problem)
    if not ACCOUNT.fullmatch(account):
        return Misreading(Reason.ACCOUNT_MALFORMED, account, fragment)
    values = read_values(line.values)
    if isinstance(values, Reason):
        return Misreading(values, account, fragment)
    read_on = None if line.paid_at is None else line.paid_at.date()
    return Reading(Account(account), values, fragment, read_on)


def read_values(cells: tuple[str, ...]) -> tuple[int, ...] | Reason:
    """Return whole kilowatt-hours, one per register, or why they cannot be believed."""
    if len(cells) == 1 and PLAIN.fullmatch(cells[0]):
        return (int(cells[0]),)
    filled = list(cells)
    while filled and not filled[-1]:
        filled.pop()
    if not filled:
        return Reason.READING_MISSING
    if not all(filled):
        return Reason.ZONES_MISMATCH
    matches = [VALUE.fullmatch(cell) for cell in filled]
    digits = [match[1].lstrip("0") or "0" for match in matches if match]
    if len(digits) < len(filled):
        return Reason.READING_MALFORMED
    if max(map(len, digits)) > WIDEST:
        return Reason.TOO_MANY_DIGITS
    return tuple(int(text) for text in digits)
