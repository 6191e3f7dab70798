"""
Puts what an acknowledgement states into words for its template: dates, months, values, fragments.

What a sender wrote comes back cleaned: accounts, values and short fragments of plain characters
that no mail program makes a link of.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, TypeAlias

from ingest.model import Disposition, JudgedReading, Reason

Language: TypeAlias = Literal["ru", "en"]
Context: TypeAlias = dict[str, object]

LONGEST_SMS = 70
"""UCS-2 characters; one more, and the reply costs twice."""
LONGEST_FRAGMENT = 60
LONGEST_ACCOUNT = 20
WIDEST = 10**18
"""Values from here on are said by their first digits."""
LONGEST_INTEGER = 10_000
"""Bits of an integer that is written out at all."""
MOST_ZONES = 4
MOST_ITEMS = 50
"""Readings that a mail tells of one by one."""
MOST_TAILS = 6
"""Accounts that a short text may name."""
EXAMPLE_ACCOUNT = "123456789012"
EXAMPLE_VALUE = "5467"

OF_ACCOUNT = frozenset({Reason.ACCOUNT_MALFORMED, Reason.ACCOUNT_UNKNOWN, Reason.ACCOUNT_CLOSED})
"""Reasons whose example keeps the sender's values and shows another account."""
OF_DAY = frozenset({Reason.WINDOW_CLOSED, Reason.DATED_IN_FUTURE})
"""Reasons whose example keeps both: only the day was wrong."""

ACCOUNT = re.compile("[0-9]{12}")
FOREIGN = re.compile(r"[^0-9A-Za-zА-Яа-яЁё *#.,;:!?+=()№/_×–—\-]+")
"""What is not said back; it becomes one question mark."""
LINK = re.compile(r"\.(?=[^\W\d_])|://|//+|(?<=[A-Za-z]):(?=\S)")
"""What would let a mail program make a link of a fragment."""

MONTHS: Mapping[Language, Sequence[str]] = {
    "ru": [
        "январь",
        "февраль",
        "март",
        "апрель",
        "май",
        "июнь",
        "июль",
        "август",
        "сентябрь",
        "октябрь",
        "ноябрь",
        "декабрь",
    ],
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
}


ZONES: Mapping[Language, Sequence[str]] = {"ru": ("день", "ночь"), "en": ("day", "night")}
"""Of a meter with two."""


def describe_reading(reading: JudgedReading, language: Language, received_on: dt.date) -> Context:
    """
    Return what a template may say of one reading.

    Of what is not recognised no numbers are said back: they may be rubles as well.
    """
    account = clean_account(reading.account)
    is_clear = reading.verdict.reason is not Reason.NOT_RECOGNISED
    values = reading.values if is_clear else ()
    fragment = reading.fragment if is_clear or not account else ""
    return {
        "line": reading.line,
        "disposition": reading.verdict.disposition.value,
        "account": account,
        "digits": len(account)
        if account.isdecimal() and len(account) != len(EXAMPLE_ACCOUNT)
        else 0,
        "values": name_zones(reading, language) if is_clear else "",
        "numbers": render_values(values),
        "zones": len(values),
        "previous": render_values(reading.previous),
        "fragment": clean_fragment(fragment, LONGEST_FRAGMENT),
        "example": choose_example(reading, account),
        "example_account": account if ACCOUNT.fullmatch(account) else EXAMPLE_ACCOUNT,
        "example_value": EXAMPLE_VALUE,
        **describe_period(reading.period, language, received_on),
    }


def describe_period(period: dt.date | None, language: Language, received_on: dt.date) -> Context:
    """Return the month a reading counts for, and whether it is later than that of its arrival."""
    if period is None:
        return {"month": "", "month_short": "", "late": False}
    name = MONTHS[language][period.month - 1]
    return {
        "month": f"{name} {period.year} года" if language == "ru" else f"{name} {period.year}",
        "month_short": name,
        "late": (period.year, period.month) > (received_on.year, received_on.month),
    }


def describe_all(
    readings: Sequence[JudgedReading], language: Language, received_on: dt.date
) -> Context:
    """Return what a template may say of several readings together."""
    by_disposition: dict[Disposition, list[JudgedReading]] = {one: [] for one in Disposition}
    for reading in readings:
        by_disposition[reading.verdict.disposition].append(reading)
    accepted = by_disposition[Disposition.ACCEPT]
    rejected = by_disposition[Disposition.REJECT]
    period = accepted[0].period if accepted else None
    return {
        "total": len(readings),
        "accepted_count": len(accepted),
        "rejected_count": len(rejected),
        "held_count": len(by_disposition[Disposition.HOLD]),
        "rejected": list_tails(rejected, language),
        "refusals": list_refusals(rejected, language),
        "is_shut": any(one.verdict.reason is Reason.WINDOW_CLOSED for one in rejected),
        "held": list_tails(by_disposition[Disposition.HOLD], language),
        **describe_period(period, language, received_on),
    }


def pick_items(readings: Sequence[JudgedReading]) -> list[JudgedReading]:
    """Return the readings that a mail tells of one by one, those not accepted before the rest."""
    if len(readings) <= MOST_ITEMS:
        return list(readings)
    ranked = sorted(readings, key=lambda one: one.verdict.disposition is Disposition.ACCEPT)
    return sorted(ranked[:MOST_ITEMS], key=lambda one: one.line)


def list_tails(readings: Sequence[JudgedReading], language: Language) -> list[str]:
    """Name a few readings by the end of their accounts, or by their place in the message."""
    tails = (find_tail(reading, language) for reading in readings[: 2 * MOST_TAILS])
    return list(dict.fromkeys(tails))[:MOST_TAILS]


def list_refusals(readings: Sequence[JudgedReading], language: Language) -> list[Context]:
    """Name readings with their reasons; none of them where they are too many for a short text."""
    if len(readings) > MOST_TAILS:
        return []
    named = {find_tail(one, language): one.verdict.reason.value for one in reversed(readings)}
    return [{"tail": tail, "reason": reason} for tail, reason in reversed(named.items())]


def find_tail(reading: JudgedReading, language: Language) -> str:
    """Name a reading by the end of its account, or by its place in the message."""
    account = clean_account(reading.account)
    if len(account) > len("…1234"):
        return f"…{account[-4:]}"
    return account or f"{'№' if language == 'ru' else '#'}{reading.line}"


@lru_cache(maxsize=256)
def render_day(day: dt.date, language: Language) -> tuple[str, str]:
    """Return a day as a mail and as a short text say it."""
    if language == "ru":
        return f"{day.day:02}.{day.month:02}.{day.year}", f"{day.day:02}.{day.month:02}"
    month = MONTHS[language][day.month - 1]
    return f"{day.day} {month} {day.year}", f"{day.day} {month[:3]}"


def name_zones(reading: JudgedReading, language: Language) -> str:
    """
    Return the values as they were taken: ``5467``, or ``день 5467, ночь 1203``.

    Of two the first is the day's, as docs/parser.md asks for; more bear the names that meters give.
    """
    values, registers = reading.values, reading.registers or range(1, len(reading.values) + 1)
    is_taken = reading.verdict.reason is not Reason.ZONES_MISMATCH and len(values) <= MOST_ZONES
    if not is_taken or tuple(registers) in ((), (1,)):
        return render_values(values)
    names = dict(enumerate(ZONES[language], start=1)) if tuple(registers) == (1, 2) else {}
    letter = "Т" if language == "ru" else "T"
    return ", ".join(
        f"{names.get(register, f'{letter}{register}')} {render_value(value)}"
        for register, value in zip(registers, values, strict=True)
    )


def render_values(values: Sequence[int]) -> str:
    """Return ``5467``, or ``5467 / 1203`` for several."""
    if len(values) == 1:
        return render_value(values[0])
    shown = " / ".join(render_value(value) for value in values[:MOST_ZONES])
    return shown if len(values) <= MOST_ZONES else f"{shown} / …"


def render_value(value: int) -> str:
    """Return the digits of *value*, of an absurdly long one only the first."""
    if value < WIDEST:
        return str(value)
    # Python refuses to write out integers of several thousand digits.
    return f"{str(value)[:17]}…" if value.bit_length() < LONGEST_INTEGER else "…"


def choose_example(reading: JudgedReading, account: str) -> str:
    """
    Return what the sender might write instead, as near to what was written as can be.

    A value of ours never stands beside the sender's own account: sent as printed, it would count.
    """
    reason = reading.verdict.reason
    if not 0 < len(reading.values) <= MOST_ZONES or reason not in OF_ACCOUNT | OF_DAY:
        return f"{EXAMPLE_ACCOUNT}*{EXAMPLE_VALUE};"
    is_known = reason in OF_DAY and ACCOUNT.fullmatch(account)
    values = "*".join(render_value(one) for one in reading.values)
    return f"{account if is_known else EXAMPLE_ACCOUNT}*{values};"


def clean_account(text: str) -> str:
    """Return an account as the sender wrote it, if it can be said back."""
    return text if ACCOUNT.fullmatch(text) else clean_fragment(text, LONGEST_ACCOUNT)


def clean_fragment(text: str, limit: int) -> str:
    """Return foreign text as one line of plain characters without links, cut to *limit*."""
    plain = FOREIGN.sub("?", unicodedata.normalize("NFKC", " ".join(text[: 8 * limit].split())))
    plain = LINK.sub(lambda found: f"{found[0][0]} ", plain).strip()
    return plain if len(plain) <= limit else f"{plain[: limit - 1].rstrip()}…"


def choose_plural(number: int, *forms: str) -> str:
    """
    Return the form that goes with *number*.

    Three forms are Russian (1 показание, 2 показания, 5 показаний), two English.
    """
    few, many = forms[1], forms[-1]
    if len(forms) == len(("one", "many")):
        return forms[0] if number == 1 else many
    if number % 10 == 1 and number % 100 != 11:  # noqa: PLR2004 -- одиннадцать
        return forms[0]
    return few if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else many


def fit_sms(lines: str, receipt: str) -> str:
    """Return the first of *lines* that fits into one SMS; cut short, but never the receipt."""
    candidates = [line for one in lines.splitlines() if (line := one.strip())]
    for line in candidates:
        if count_units(line) <= LONGEST_SMS:
            return line
    ending = f"… {receipt}"
    return cut(candidates[-1] if candidates else "", LONGEST_SMS - count_units(ending)) + ending


def count_units(text: str) -> int:
    """Return the UCS-2 characters that *text* takes."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def cut(text: str, limit: int) -> str:
    """Return the start of *text* that takes at most *limit* UCS-2 characters."""
    return text.encode("utf-16-le")[: 2 * limit].decode("utf-16-le", "ignore").rstrip()


def tidy(text: str) -> str:
    """Return *text* without blanks at the ends of lines and without more than one empty line."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text)).strip()
