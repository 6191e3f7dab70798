"""
What in a mail looks as if it were an account or a reading, long before anything is parsed.

Reading a mail has to choose between texts, and to notice that the one left out matters. It need
not be right: where it sees too much, a person looks at a mail that he would have looked at anyway.
"""

import re

ACCOUNT_LENGTH = 12
LONG_NUMBER = re.compile(r"[0-9](?:[ \u00a0\u202f-]?[0-9]){9,}")
"""Ten digits at least: an account may have lost some."""
LONGEST_DATE = 10
"""Digits of a date and an hour, which are no number: 2026-11-24 10."""
TELEPHONE = re.compile(r"9|[78]\D{0,2}9|[78]\D")
"""How the ten or eleven digits of a Russian telephone number begin."""
TELEPHONE_LENGTH = 11
READING = re.compile(r"(?<![0-9])([0-9]{12})[ ]?[*=\u00d7\uff0a][ ]?([0-9]{1,9})")
"""The form that customers are asked for."""
ACCOUNT = re.compile(r"([0-9]{12})(?![0-9])(?<![0-9]{13})(?=[^0-9]*([0-9]*))")
CELL = re.compile(r"^[ \t]*+[0-9]{12}[ \t]*+\r?\n(?:[ \t]*+\r?\n){1,8}+[ \t]*+[0-9]", re.MULTILINE)
"""An account alone on its line, an empty one, and a number."""
RUN = re.compile(r"[0-9]+")
PIECES = re.compile(r"[0-9][_^][0-9]")
"""A tenth in small print, as ``markup.py`` writes it; plain text has lost it."""
NO_FIGURE = re.compile(r"(?<!\S)\S*(?:://|@)\S*")
"""Links and addresses: one alternative may spell out what another hides."""


def seems_to_hold_account(text: str) -> bool:
    """Tell whether *text* has a number as long as an account that is no telephone number."""
    for found in LONG_NUMBER.finditer(text):
        number = found[0]
        is_date = not number.isdigit() and count_digits(number) <= LONGEST_DATE
        is_foreign = text.endswith("+", 0, found.start())
        if not (is_date or is_foreign or is_telephone(number)):
            return True
    return False


def count_digits(number: str) -> int:
    """Return how many digits a number has."""
    return sum(map(str.isdigit, number))


def is_telephone(number: str) -> bool:
    """Tell whether a long number is somebody's telephone number."""
    if number.startswith("+"):
        return True
    return count_digits(number) <= TELEPHONE_LENGTH and bool(TELEPHONE.match(number))


def list_readings(text: str) -> set[tuple[str, str]]:
    """Return the accounts of twelve digits, each with the number after it, or an empty one."""
    return {
        (account, "" if len(after) == ACCOUNT_LENGTH else after)
        for account, after in ACCOUNT.findall(text)
    }


def holds_cells(text: str) -> bool:
    """Tell whether *text* looks like a table whose cells stand below each other."""
    return CELL.search(text) is not None


def list_accounts(text: str) -> set[str]:
    """Return the accounts of twelve digits."""
    return {account for account, _ in list_readings(text)}


def do_differ(one: str, other: str) -> bool:
    """
    Tell whether two texts that should say the same hold different readings.

    Only then: one may lack what surrounds the readings, such as a table or a footer.
    """
    if list_readings(one) == list_readings(other) != set():
        return False
    one, other = NO_FIGURE.sub(" ", one), NO_FIGURE.sub(" ", other)
    if not (seems_to_hold_account(one) and seems_to_hold_account(other)):
        return False
    if len(PIECES.findall(one)) != len(PIECES.findall(other)):
        return True
    accounts, others = list_accounts(one), list_accounts(other)
    if accounts and others and accounts != others:
        return True
    digits, more = "".join(RUN.findall(one)), "".join(RUN.findall(other))
    return digits not in more and more not in digits
