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
MONTH = (
    r"(?:янв|фев|мар|апр|ма[йяе]|июн|июл|авг|сен|окт|ноя|дек"
    r"|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-zа-я]{0,6}\.?"
)
NO_VALUE = re.compile(
    r"(?<!\S)\S*(?:://|@)\S*"  # links and addresses
    r"|(?=[0-9-]{0,7}[A-Z])[0-9A-Z]{4}-[0-9A-Z]{4}(?![0-9A-Z])"  # receipts
    r"|(?<![0-9])20[0-9]{2}(?:-[0-9]{2}-[0-9]{2}| ?г(?:\.|од[а-я]*)?\b)"  # dates and hours
    r"|(?<![0-9])[0-9]{1,2}[./-](?:0?[1-9]|1[0-2])(?:[./-](?:20)?[0-9]{2})?(?![0-9])"
    rf"|(?<![0-9])[0-9]{{1,2}} {{0,2}}{MONTH}(?: 20[0-9]{{2}})?|\b{MONTH} 20[0-9]{{2}}"
    r"|(?<![0-9])[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?![0-9])"
    r"|(?<![0-9])[0-9]{1,3}(?: ?[-–] ?[0-9]{1,3})?[ -]{0,2}"  # how long something takes
    r"(?:час|мин|дн|ден|раб|сут|числ|hour|min|day|business|working)[a-zа-я]{0,6}"
    r"|(?:\+[0-9]|(?<![0-9])[789])(?:[ ()-]{0,2}[0-9]){9,10}(?![0-9])"  # telephones
    r"|(?<![0-9])[0-9]{1,3}-[0-9]{2}-[0-9]{2}(?![0-9])"
    r"|(?:[№#]|\bn|\b(?:номер|заяв|обращени|тикет|запрос|ticket|request|case|ref|id)[a-zа-я]{0,8})"
    r"[ .:№#]{0,4}(?:[a-zа-я]{1,8}-?)?[0-9]{1,20}",  # what programs number
    re.IGNORECASE,
)
"""Numbers that are no values, whatever they are."""
LONGEST_WORDS = 20_000
"""Characters that are looked through for a value."""
VALUE = re.compile(r"(?<![0-9])[0-9]{1,8}(?![0-9])")
CELL = re.compile(r"^[ \t]*+[0-9]{12}[ \t]*+\r?\n(?:[ \t]*+\r?\n){1,8}+[ \t]*+[0-9]", re.MULTILINE)
"""An account alone on its line, an empty one, and a number."""


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


def holds_value(text: str) -> bool:
    """Tell whether *text* has a number that may be the value of a register, by what is beside."""
    return VALUE.search(NO_VALUE.sub(" ", text[:LONGEST_WORDS])) is not None
