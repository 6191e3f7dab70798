"""The protocols that ``dialect`` of a terminal channel can be told to speak."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from ingest.settings.tables import Table, Text

ResultCode = Annotated[str, Meta(pattern=r"^[0-9A-Za-z_-]{1,32}$")]

CodedCause: TypeAlias = Literal[
    "request_unknown",
    "request_malformed",
    "system_unknown",
    "transaction_malformed",
    "transaction_reused",
    "transaction_unknown",
    "amount_malformed",
    "time_malformed",
    "cancel_refused",
    "payment_refused",
    "account_malformed",
    "account_unknown",
    "account_closed",
    "window_closed",
    "reading_malformed",
    "reading_missing",
    "too_many_digits",
    "below_previous",
    "implausible",
    "zones_mismatch",
    "meter_ambiguous",
    "dated_in_future",
    "not_recognised",
    "automatic_mail",
    "sender_refused",
    "too_large",
    "incomplete",
]
"""What ``codes`` may give another code. A fault of ours is not among them: its code is the
protocol's «ask again», which no configuration should be able to make final."""


class OnlineTable(Table, frozen=True, kw_only=True, tag_field="protocol"):
    """What every protocol can be told."""

    fields: dict[Literal["value", "value_2", "value_3", "value_4", "meter"], Text] = {}
    """Where the readings stand: a parameter, a form field, an XML element or a dotted path in
    JSON. ``meter``: the number of the meter, where the partner sends one."""
    no_reading: tuple[str, ...] = ("", "НЕТ")
    """What means that nothing was read; with ``"0"`` among them every way to write zero does."""
    account_pattern: str = ""
    """A regular expression of the whole account as the partner writes it; its first group is the
    account. What does not match is left as it came. Empty: all is."""
    encoding: Literal["utf-8", "cp1251"] = "utf-8"
    """Of answers, and of requests that are no UTF-8."""
    time_zone: str = ""
    """Of the partner's times; empty: the service's. Partners often keep Moscow time."""
    refusals: Literal["ack", "code"] = "ack"
    """``ack``: a reading that was refused does not fail the payment, the answer is OK and says so
    in words. ``code``: the partner gets the protocol's code."""
    codes: dict[CodedCause, ResultCode] = {}
    """Codes in the place of the protocol's own, where a partner's edition has others."""


class OsmpDialect(OnlineTable, frozen=True, kw_only=True, tag="osmp"):
    """OSMP and QIWI: GET with ``command=check|pay|status|cancel``, answered in XML."""

    outcome_fields: bool = True
    """Whether the answer to a pay with readings names outcome, reason and receipt in ``fields``."""


class SberbankDialect(OnlineTable, frozen=True, kw_only=True, tag="sberbank"):
    """Sberbank's variant A: GET with ``ACTION=check|payment``, answered in XML."""

    repeats: Literal["first", "code"] = "first"
    """``first``: a repeated payment gets the first answer, byte for byte. ``code``: code 5 (the
    payment already exists) with number, time and amount of the first."""


class CityPayDialect(OnlineTable, frozen=True, kw_only=True, tag="citypay"):
    """CityPay 3: GET with ``QueryType=check|pay|cancel`` and ``PayDayReport``, answered in XML."""


class CommandCallDialect(OnlineTable, frozen=True, kw_only=True, tag="command-call"):
    """``commandCall``: POST of XML with login and password in it, answered in XML."""


class JsonDialect(OnlineTable, frozen=True, kw_only=True, tag="json"):
    """The JSON gateway: ``/api/check``, ``/api/pay``, ``/api/meter``, ``/api/meter/value``."""

    systems: tuple[Text, ...] = ()
    """The values of ``system`` that are let in; empty: any."""
    temporary: Annotated[str, Meta(pattern=r"^(?!00[1-6]$)[0-9A-Za-z_-]{1,32}$")] = "010"
    """``errorCode`` of what may heal, none of 001 to 006; the protocol itself has none for it."""
    temporary_status: Annotated[int, Meta(ge=200, le=599)] = 200
    """HTTP status beside it, for partners that go by that."""
    balance: Annotated[str, Meta(pattern=r"^-?[0-9]{1,12}([.,][0-9]{1,2})?$")] = "0.00"
    """What ``/api/balance`` answers: debts are none of our business."""


TerminalDialect: TypeAlias = (
    OsmpDialect | SberbankDialect | CityPayDialect | CommandCallDialect | JsonDialect
)
