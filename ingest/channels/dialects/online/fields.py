"""The parts of a request that all protocols have: accounts, amounts, times, readings. Pure."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import NoReturn, TypeAlias

from ingest.channels.dialects.online.request import (
    LONGEST_ACCOUNT,
    LONGEST_ID,
    Cause,
    Kind,
    OnlineError,
    Operation,
    RegisterValue,
    TerminalRequest,
)
from ingest.channels.dialects.online.words import Language, clean, describe_cause
from ingest.channels.gateways.encodings import decode_labelled
from ingest.channels.gateways.request import FORM, clean_text, unquote
from ingest.settings.online import OnlineTable

Lookup: TypeAlias = Callable[[str], str]
"""Finds a field by its name; empty where there is none."""

MOST_PARAMETERS = 200
VALUES = ("value", "value_2", "value_3", "value_4")
TRANSACTION = re.compile(f"[0-9A-Za-z._:/-]{{1,{LONGEST_ID}}}")
AMOUNT = re.compile("[0-9]{1,15}(?:[.,][0-9]{1,4})?")
ZERO = re.compile("0+(?:[.,]0*)?")

DIGITS = re.compile("([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})")
YEAR_FIRST = re.compile(
    "([0-9]{4})-([0-9]{2})-([0-9]{2})[ _T]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    "(Z|[+-][0-9]{2}:[0-9]{2})?"
)
DAY_FIRST = re.compile(
    "([0-9]{2})[./]([0-9]{2})[./]([0-9]{4})[ _T]([0-9]{2}):([0-9]{2}):([0-9]{2})"
)
EARLIEST, LATEST = 1970, 9998
"""Years outside are slips, and overflow once zones are applied."""


def carries_form(request: TerminalRequest) -> bool:
    """Tell whether the parameters stand in the body, and not in the query."""
    return request.method == "POST" and request.content_type.lower().startswith(FORM)


def read_name(data: bytes) -> str:
    """Return the name of a parameter; whoever proves a request must read it the same way."""
    return clean_text(decode_labelled(unquote(data), "utf-8")).strip().lower()


class FieldReader:
    """What config.toml says about reading one partner's requests, made ready."""

    def __init__(self, settings: OnlineTable, zone: dt.tzinfo, language: Language) -> None:
        self.zone = zone
        self.language: Language = language
        self.encoding = settings.encoding
        self._fields: Mapping[str, str] = dict(settings.fields.items())
        self._nothing = {text.strip().casefold() for text in settings.no_reading}
        pattern = settings.account_pattern
        self._account = re.compile(pattern) if pattern else None

    def read_parameters(self, request: TerminalRequest) -> tuple[dict[str, str], bytes]:
        """
        Return the parameters of *request*, names in small letters, and the bytes they stand in.

        One that stands twice must say the same twice: there is no telling which of them counts.
        """
        raw = request.body if carries_form(request) else request.query
        pairs = raw.split(b"&")
        if len(pairs) > MOST_PARAMETERS:
            self.refuse(Cause.REQUEST_MALFORMED, str(len(pairs)), Operation())
        found: dict[str, str] = {}
        for pair in pairs:
            name, _, value = pair.partition(b"=")
            text = self.decode(unquote(value)).strip()
            if found.setdefault(read_name(name), text) != text:
                shown = self.decode(unquote(name))
                self.refuse(Cause.REQUEST_MALFORMED, shown, Operation())
        return found, raw

    def decode(self, data: bytes) -> str:
        """Turn bytes into text that a database holds."""
        return clean_text(decode_labelled(data, self.encoding))

    def refuse(self, cause: Cause, detail: str, operation: Operation) -> NoReturn:
        """Raise what is answered to a request that cannot be followed."""
        raise OnlineError(cause, describe_cause(cause, detail, self.language), operation)

    def read_account(self, text: str) -> str:
        """Return the account in what a partner writes; what does not match stays as it came."""
        text = text.strip()[: LONGEST_ACCOUNT + 1]
        match = self._account.fullmatch(text) if self._account else None
        if match is None:
            return text
        return (match[1] if match.re.groups else match[0]) or text

    def list_readings(self, look: Lookup) -> tuple[RegisterValue, ...]:
        """Return the readings in the fields that config.toml names, by zone."""
        meter = clean(look(self._fields["meter"])) if "meter" in self._fields else ""
        texts = [look(self._fields[key]) if key in self._fields else "" for key in VALUES]
        return self.keep_filled(texts, meter)

    def keep_filled(self, texts: list[str], meter: str) -> tuple[RegisterValue, ...]:
        """Return those of *texts*, one a zone, that are readings or were meant as such."""
        return tuple(
            RegisterValue(text.strip(), zone, meter)
            for zone, text in enumerate(texts, start=1)
            if not self.is_nothing(text.strip())
        )

    def is_nothing(self, text: str) -> bool:
        """Tell whether a field says that nothing was read."""
        if not text or text.casefold() in self._nothing:
            return True
        return "0" in self._nothing and ZERO.fullmatch(text) is not None

    def check(self, operation: Operation) -> Operation:
        """Return *operation* if it has what it needs; raises :exc:`OnlineError`."""
        kind = operation.kind
        if kind in (Kind.CHECK, Kind.PAY, Kind.SUBMIT):
            self.check_account(operation)
        if kind in (Kind.PAY, Kind.SUBMIT, Kind.STATUS):
            self.check_transaction(operation)
        if kind is Kind.CANCEL:
            self.check_cancel(operation)
        if operation.amount and not AMOUNT.fullmatch(operation.amount):
            self.refuse(Cause.AMOUNT_MALFORMED, operation.amount, operation)
        return operation

    def check_account(self, operation: Operation) -> None:
        """Refuse an account that is not there, or is longer than any protocol has it."""
        if not 0 < len(operation.account) <= LONGEST_ACCOUNT:
            self.refuse(Cause.ACCOUNT_MALFORMED, "", operation)

    def check_cancel(self, operation: Operation) -> None:
        """Refuse a cancel of nothing; it need not have an id of its own."""
        if not (operation.cancels or operation.cancels_number):
            self.refuse(Cause.TRANSACTION_MALFORMED, "", operation)
        if operation.transaction_id:
            self.check_transaction(operation)

    def check_transaction(self, operation: Operation) -> None:
        """Refuse a transaction id that does not tell one operation from another."""
        if not TRANSACTION.fullmatch(operation.transaction_id):
            self.refuse(Cause.TRANSACTION_MALFORMED, operation.transaction_id, operation)

    def parse_time(self, text: str) -> dt.datetime | None:
        """Read a time as partners write it, in the partner's zone; None when it is none."""
        try:
            return read_time(text.strip(), self.zone)
        except ValueError:
            return None


def read_time(text: str, zone: dt.tzinfo) -> dt.datetime | None:
    """Read a time in one of the ways met so far; None where it is none of them."""
    match = DIGITS.fullmatch(text) or YEAR_FIRST.fullmatch(text)
    if match is None and (match := DAY_FIRST.fullmatch(text)):
        day, month, year = match.groups()[:3]
        date = (year, month, day)
    elif match is not None:
        date = (match[1], match[2], match[3])
    else:
        return None
    numbers = [int(part) for part in (*date, *match.groups()[3:6])]
    if not EARLIEST <= numbers[0] <= LATEST:
        return None
    year, month, day, hour, minute, second = numbers
    moment = dt.datetime(year, month, day, hour, minute, second, tzinfo=zone)
    offset = match[7] if match.re is YEAR_FIRST else None
    return moment.replace(tzinfo=read_offset(offset)) if offset else moment


def read_offset(text: str) -> dt.tzinfo:
    """Read ``Z`` or ``+03:00``."""
    if text == "Z":
        return dt.UTC
    offset = dt.timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return dt.timezone(-offset if text[0] == "-" else offset)


def write_time(moment: dt.datetime | None, zone: dt.tzinfo, form: str) -> str:
    """Write a time in the partner's zone; empty when there is none."""
    return "" if moment is None else moment.astimezone(zone).strftime(form)
