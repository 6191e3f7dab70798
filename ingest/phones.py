"""Telephone numbers of senders: one spelling for each, and whether a person can be behind it."""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberType, ValidationResult

WRITTEN = re.compile(r"\+?\(?[0-9][0-9 ()./\-\u00a0\u2010-\u2015]*")
"""How numbers are written; letters, of «MegaFon» or «1-800-FLOWERS», are no number's."""
HOME = "RU"
MOBILE = re.compile(r"\+?79[0-9]{9}")
"""Nearly every sender of a text; all plans of the world say the same of it, but slowly."""
FEWEST_DIGITS = 7
"""Fewer are a short code, behind which stands an operator's robot."""
MOST_CHARACTERS = 40
COSTLY = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST})
"""Kinds of number that nobody texts from, and that a reply would be charged for."""


def normalise(number: str, region: str) -> str:
    """
    Return *number* as E.164 (``+79031234567``); what is no full number is only stripped.

    *region* (``RU``) says whose numbering plan applies where no country code is written.
    """
    found, _ = find_number(number, region)
    return found or number.strip()


def is_person(number: str, region: str) -> bool:
    """
    Tell whether a reply may be sent to *number*.

    Never to names («MTS»), short codes («900») and whatever is no number: robots stand behind
    them, and a robot that answers our answer makes a loop.
    """
    found, kind = find_number(number, region)
    return bool(found) and kind not in COSTLY


@lru_cache(maxsize=4096)
def find_number(number: str, region: str) -> tuple[str, int]:
    """Return the full number that *number* means, with its kind; empty when it means none."""
    written = number.strip()
    if region == HOME and MOBILE.fullmatch(written):
        return f"+{written.removeprefix('+')}", PhoneNumberType.MOBILE
    nothing = ("", PhoneNumberType.UNKNOWN)
    if len(written) > MOST_CHARACTERS or not WRITTEN.fullmatch(written):
        return nothing
    digits = re.sub("[^0-9]", "", written)
    if len(digits) < FEWEST_DIGITS:
        return nothing
    # Gateways leave out the plus of foreign numbers, and people write 00 for it.
    international = [f"+{digits}", f"+{digits.removeprefix('00')}"]
    spellings = international[:1] if written.startswith("+") else [digits, *international]
    for text in spellings:
        found = parse_spelling(text, region)
        # Every valid number is of some kind; asking for both would do the same work twice.
        kind = PhoneNumberType.UNKNOWN if found is None else phonenumbers.number_type(found)
        if found is not None and kind != PhoneNumberType.UNKNOWN:
            return spell(found), kind
    # A range can be newer than our copy of its plan: the right length will do.
    found = parse_spelling(spellings[0], region)
    return (spell(found), PhoneNumberType.UNKNOWN) if found and is_full_length(found) else nothing


def spell(number: PhoneNumber) -> str:
    """Return *number* as E.164."""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_full_length(number: PhoneNumber) -> bool:
    """Tell whether *number* has the length of a whole number, not of one within a town."""
    return phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE


def parse_spelling(text: str, region: str) -> PhoneNumber | None:
    """Read one spelling; None when it is none in any plan."""
    try:
        return phonenumbers.parse(text, region)
    except NumberParseException:
        return None
