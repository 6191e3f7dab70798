"""
What all online protocols have in common: the request as it came, what it asks, what we found out.

A dialect reads a request into an :class:`Operation`, the channel finds out the :class:`Result`,
and the dialect renders that into an :class:`Answer`. A request that it cannot read raises
:exc:`OnlineError`, which holds both, so that it is rendered the same way.
"""

import datetime as dt
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from ingest.errors import PermanentError
from ingest.model import Disposition, Reason, Verdict

LONGEST_ID = 64
"""Characters of a transaction id; protocols say 20 digits, which no integer of 64 bits holds."""
LONGEST_ACCOUNT = 200
MOST_READINGS = 64
"""Registers in one request."""


class TerminalRequest(Struct, frozen=True, kw_only=True):
    """One HTTP request of a partner, with nothing decoded yet."""

    method: str
    path: str = ""
    """What follows ``/channels/NAME``: empty, or such as ``/api/pay``."""
    query: bytes = b""
    """What stands after the ``?``, still percent-encoded."""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    content_type: str = ""


class Kind(StrEnum):
    """What a request asks for."""

    CHECK = "check"
    """Whether the account can be paid for, and which registers it has."""
    PAY = "pay"
    """Takes a payment, with or without readings."""
    SUBMIT = "submit"
    """Takes readings without a payment; its transaction ids are counted apart from those of pay."""
    STATUS = "status"
    """What became of a transaction."""
    CANCEL = "cancel"
    REPORT = "report"
    """Lists the payments of a period."""
    BALANCE = "balance"
    """What is owed: none of our business, answered as configured."""
    UNKNOWN = "unknown"
    """It was not read as far as that."""


class RegisterValue(Struct, frozen=True):
    """What one register showed, as the partner wrote it; those without a reading are left out."""

    text: str
    zone: int = 1
    """The register's place among those of its meter, from 1."""
    meter: str = ""
    """What the partner calls the meter; empty where the protocol names none."""


class Operation(Struct, frozen=True, kw_only=True):
    """What a request asks, in the words of every protocol."""

    kind: Kind = Kind.UNKNOWN
    call: str = ""
    """What the protocol itself calls it; the dialect answers by it."""
    system: str = ""
    """Who of several behind one channel asks; empty where there is one only."""
    transaction_id: str = ""
    """The partner's own; text, because it has 20 digits and more. Empty or 0 in some checks."""
    account: str = ""
    """As it came, or as ``account_pattern`` cut it out."""
    amount: str = ""
    """As it came; shown and repeated, never calculated with."""
    paid_at: dt.datetime | None = None
    """The partner's own time of the operation; None where it gave none that can be read."""
    readings: tuple[RegisterValue, ...] = ()
    cancels: str = ""
    """Of a cancel: the transaction id to be cancelled."""
    cancels_number: str = ""
    """Or our own number of it."""
    period: tuple[dt.datetime, dt.datetime] | None = None
    """Of a report: from, and up to but not with."""
    login: str = ""
    """Where a protocol proves itself inside of the request."""
    password: str = ""
    raw: bytes = b""
    """What is kept of the request: its query or its body, the password taken out."""
    media_type: str = ""
    """Of ``raw``."""

    @property
    def key(self) -> str:
        """What is unique for a kind and a channel: the transaction id and whose it is."""
        return f"{self.system}:{self.transaction_id}" if self.system else self.transaction_id

    def list_meters(self) -> dict[str, tuple[str, ...]]:
        """
        Return the values of each meter by zone; a zone left out before another one is empty.

        What has another value for a zone is another meter, though it has the same name or none.
        """
        meters: dict[str, dict[int, str]] = {}
        for one in self.readings:
            meter = one.meter
            while meters.setdefault(meter, {}).setdefault(one.zone, one.text) != one.text:
                meter += "\0"
        return {
            meter: tuple(zones.get(zone, "") for zone in range(1, max(zones) + 1))
            for meter, zones in meters.items()
        }


class Cause(StrEnum):
    """Why an answer is not OK, apart from what was found wrong with a reading."""

    REQUEST_UNKNOWN = "request_unknown"
    REQUEST_MALFORMED = "request_malformed"
    """A field is missing, the body cannot be read."""
    SYSTEM_UNKNOWN = "system_unknown"
    TRANSACTION_MALFORMED = "transaction_malformed"
    ACCOUNT_MALFORMED = "account_malformed"
    """There is none at all; whether one has twelve digits is for the channel to say."""
    AMOUNT_MALFORMED = "amount_malformed"
    TIME_MALFORMED = "time_malformed"
    TRANSACTION_REUSED = "transaction_reused"
    """The same id came before with another content."""
    TRANSACTION_UNKNOWN = "transaction_unknown"
    """A status or cancel of what never came."""
    CANCEL_REFUSED = "cancel_refused"
    PAYMENT_REFUSED = "payment_refused"
    """A payment without readings where this channel takes none."""

    DENIED = "denied"
    """Login or password is wrong: a setting that will be put right, on one side or the other."""
    UNDER_WAY = "under_way"
    """The same transaction is being worked at."""
    UNAVAILABLE = "unavailable"
    """PostgreSQL is away, or the deadline has passed."""
    FAILED = "failed"
    """Our code failed on it."""


PASSING = frozenset({Cause.DENIED, Cause.UNDER_WAY, Cause.UNAVAILABLE, Cause.FAILED})
"""What may heal: a partner must hear a non-final code, and ask again."""


class RegisterShown(Struct, frozen=True, kw_only=True):
    """One register of an account, as a check lists it."""

    zone: int = 1
    """Its place among those of its meter, from 1."""
    meter: str = ""
    """The number on the device; empty while nobody knows it."""
    name: str = ""
    """For people: «день»."""
    digits: int = 0
    """0: unknown."""
    last: int | None = None
    """The reading that counts by now."""


class Paid(Struct, frozen=True, kw_only=True):
    """One operation, as a report lists it."""

    transaction_id: str
    account: str
    amount: str
    paid_at: dt.datetime


class Result(Struct, frozen=True, kw_only=True):
    """What the channel found out about an operation; without anything set it is OK."""

    cause: Cause | None = None
    verdict: Verdict | None = None
    """Of the readings, or of the account that a check asks about; None where nothing was judged."""
    receipt: str = ""
    number: str = ""
    """Our own number of the operation."""
    operated_at: dt.datetime | None = None
    """When it was recorded first."""
    message: str = ""
    """For people: why a reading was refused, and what to do. Empty: the dialect has words."""
    amount: str = ""
    """That of the first time, where the request has none (a status); else the request's own."""
    registers: tuple[RegisterShown, ...] = ()
    payments: tuple[Paid, ...] = ()
    """Of a report."""
    again: bool = False
    """The operation came before, and this is what was found out then."""

    @property
    def may_heal(self) -> bool:
        """Whether the same request may be answered otherwise later, so that nothing is stored."""
        failed = self.verdict is not None and self.verdict.reason is Reason.FAILED
        return self.cause in PASSING or failed

    @property
    def is_refused(self) -> bool:
        """Whether a reading or an account was turned away for good."""
        return self.verdict is not None and self.verdict.disposition is Disposition.REJECT


class Answer(Struct, frozen=True):
    """What the partner is told."""

    status: int
    content_type: str
    body: bytes


class OnlineError(PermanentError):
    """The request cannot be read; it is answered with the dialect's code for *cause*."""

    def __init__(self, cause: Cause, message: str = "", operation: Operation | None = None) -> None:
        super().__init__(message or cause)
        self.operation = operation or Operation()
        self.result = Result(cause=cause, message=message)


class OnlineDialect(Protocol):
    """One protocol; pure, and told nothing that it does not need."""

    @property
    def renders_repeats(self) -> bool:
        """
        Whether a repeat is rendered anew with ``again`` set (this protocol has a code for it).

        Else it gets the stored answer, byte for byte.
        """

    def read(self, request: TerminalRequest) -> Operation:
        """Return what *request* asks; raises :exc:`OnlineError` where it cannot be told."""

    def respond(self, operation: Operation, result: Result) -> Answer:
        """Render an answer; never raises, whatever the texts in it are."""
