"""
OSMP, as QIWI and most terminals of the country speak it: GET with ``command``, XML back. Pure.

The codes are final unless the protocol says «ask again» (1, 90); a terminal that hears a final one
gives the payment up.
"""

import datetime as dt

from ingest.channels.dialects.online.codes import (
    Coded,
    Codes,
    find_code,
    make_codes,
    name_outcome,
)
from ingest.channels.dialects.online.documents import Element, name_media_type, render_xml
from ingest.channels.dialects.online.fields import FieldReader
from ingest.channels.dialects.online.request import (
    Answer,
    Cause,
    Kind,
    Operation,
    RegisterShown,
    Result,
    TerminalRequest,
)
from ingest.channels.dialects.online.words import Language, write_comment
from ingest.channels.gateways.request import FORM
from ingest.model import Reason
from ingest.settings.online import OsmpDialect

KINDS = {
    "check": Kind.CHECK,
    "pay": Kind.PAY,
    "status": Kind.STATUS,
    "getstatus": Kind.STATUS,
    "check_status": Kind.STATUS,
    "cancel": Kind.CANCEL,
}
AGAIN, UNDER_WAY = "1", "90"
OTHER = "300"
CODES: dict[Coded, str] = {
    Cause.CANCEL_REFUSED: "251",
    Cause.PAYMENT_REFUSED: "7",
    Cause.DENIED: AGAIN,
    Cause.UNDER_WAY: UNDER_WAY,
    Cause.UNAVAILABLE: AGAIN,
    Cause.FAILED: AGAIN,
    Reason.ACCOUNT_MALFORMED: "4",
    Reason.ACCOUNT_UNKNOWN: "5",
    Reason.ACCOUNT_CLOSED: "79",
    Reason.WINDOW_CLOSED: "7",
    Reason.SENDER_REFUSED: "7",
}
"""All others are 300."""


class Osmp:
    """Speaks OSMP."""

    renders_repeats = False

    def __init__(self, settings: OsmpDialect, zone: dt.tzinfo, language: Language) -> None:
        self.settings = settings
        self.language: Language = language
        self.fields = FieldReader(settings, zone, language)
        self.codes: Codes = make_codes(CODES, OTHER, settings.codes)

    def read(self, request: TerminalRequest) -> Operation:
        """Return what *request* asks; raises :exc:`OnlineError` where it cannot be told."""
        found, raw = self.fields.read_parameters(request)

        def look(name: str) -> str:
            return found.get(name.lower(), "")

        call = look("command").lower()
        operation = Operation(
            kind=KINDS.get(call, Kind.UNKNOWN),
            call=call,
            transaction_id=look("txn_id"),
            account=self.fields.read_account(look("account")),
            amount=look("sum"),
            paid_at=self.fields.parse_time(look("txn_date")),
            readings=self.fields.list_readings(look),
            cancels=look("txn_id") if call == "cancel" else "",
            cancels_number=look("prv_txn") if call == "cancel" else "",
            raw=raw,
            media_type=FORM,
        )
        if operation.kind is Kind.UNKNOWN:
            self.fields.refuse(Cause.REQUEST_UNKNOWN, f"command={call}", operation)
        return self.fields.check(operation)

    def respond(self, operation: Operation, result: Result) -> Answer:
        """Render an answer; never raises, whatever the texts in it are."""
        outcome = name_outcome(operation, result, self.settings.refusals)
        elements: list[Element] = [
            ("osmp_txn_id", operation.transaction_id),
            ("prv_txn", result.number),
            ("sum", operation.amount or result.amount),
        ]
        elements = [element for element in elements if element[1]]
        elements += [
            ("result", find_code(self.codes, outcome)),
            ("comment", write_comment(outcome, result, self.language)),
        ]
        if fields := self.list_fields(operation, result):
            elements.append(("fields", fields))
        encoding = self.settings.encoding
        body = render_xml("response", elements, encoding)
        return Answer(200, name_media_type("text/xml", encoding), body)

    def list_fields(self, operation: Operation, result: Result) -> list[Element]:
        """Return ``field1`` and following: the registers of a check, what came of a reading."""
        if operation.kind is Kind.CHECK:
            named = list_registers(result.registers)
        elif result.verdict is not None and self.settings.outcome_fields:
            named = [
                ("outcome", "info", result.verdict.disposition),
                ("reason", "info", result.verdict.reason),
                ("receipt", "prt-data", result.receipt),
            ]
        else:
            named = []
        return [
            (f'field{number} name="{name}" type="{kind}"', str(text))
            for number, (name, kind, text) in enumerate(named, start=1)
        ]


def list_registers(registers: tuple[RegisterShown, ...]) -> list[tuple[str, str, str]]:
    """Return name, type and text of the fields that show registers, meter by meter."""
    named: list[tuple[str, str, str]] = []
    shown = ""
    for one in registers:
        if one.meter and one.meter != shown:
            named.append(("meterId", "disp", one.meter))
            shown = one.meter
        if one.name:
            named.append((f"T{one.zone}name", "disp", one.name))
        if one.digits:
            named.append((f"T{one.zone}digits", "info", str(one.digits)))
        named.append((f"T{one.zone}", "disp", "" if one.last is None else str(one.last)))
    return named
