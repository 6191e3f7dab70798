"""
Sberbank's variant A: GET with ``ACTION=check|payment``, XML back; HTTP 200 whatever happens. Pure.

Names of parameters come in capital or small letters. There is no status and no cancel.
"""

import datetime as dt

from ingest.channels.dialects.online.codes import (
    OK,
    Coded,
    Codes,
    find_code,
    make_codes,
    name_outcome,
)
from ingest.channels.dialects.online.documents import Element, name_media_type, render_xml
from ingest.channels.dialects.online.fields import FieldReader, write_time
from ingest.channels.dialects.online.request import (
    Answer,
    Cause,
    Kind,
    Operation,
    Result,
    TerminalRequest,
)
from ingest.channels.dialects.online.words import Language, list_registers, write_comment
from ingest.channels.gateways.request import FORM
from ingest.model import Reason
from ingest.settings.online import SberbankDialect

KINDS = {"check": Kind.CHECK, "payment": Kind.PAY}
TIME = "%d.%m.%Y_%H:%M:%S"
AGAIN, EXISTS, OTHER = "1", "5", "300"
CODES: dict[Coded, str] = {
    Cause.REQUEST_UNKNOWN: "2",
    Cause.REQUEST_MALFORMED: "2",
    Cause.TRANSACTION_MALFORMED: "4",
    Cause.AMOUNT_MALFORMED: "6",
    Cause.TIME_MALFORMED: "9",
    Cause.DENIED: AGAIN,
    Cause.UNDER_WAY: AGAIN,
    Cause.UNAVAILABLE: AGAIN,
    Cause.FAILED: AGAIN,
    Reason.ACCOUNT_MALFORMED: "3",
    Reason.ACCOUNT_UNKNOWN: "3",
    Reason.ACCOUNT_CLOSED: "3",
}
"""All others are 300, which the protocol does not list and its servers give all the same."""


class Sberbank:
    """Speaks variant A."""

    def __init__(self, settings: SberbankDialect, zone: dt.tzinfo, language: Language) -> None:
        self.settings = settings
        self.zone = zone
        self.language: Language = language
        self.fields = FieldReader(settings, zone, language)
        self.codes: Codes = make_codes(CODES, OTHER, settings.codes)

    @property
    def renders_repeats(self) -> bool:
        """Whether a repeat is told by code 5."""
        return self.settings.repeats == "code"

    def read(self, request: TerminalRequest) -> Operation:
        """Return what *request* asks; raises :exc:`OnlineError` where it cannot be told."""
        found, raw = self.fields.read_parameters(request)

        def look(name: str) -> str:
            return found.get(name.lower(), "")

        call = look("action").lower()
        operation = Operation(
            kind=KINDS.get(call, Kind.UNKNOWN),
            call=call,
            transaction_id=look("pay_id"),
            account=self.fields.read_account(look("account")),
            amount=look("amount"),
            paid_at=self.fields.parse_time(look("pay_date")),
            readings=self.fields.list_readings(look),
            raw=raw,
            media_type=FORM,
        )
        if operation.kind is Kind.UNKNOWN:
            self.fields.refuse(Cause.REQUEST_UNKNOWN, f"ACTION={call}", operation)
        operation = self.fields.check(operation)
        if operation.paid_at is None and look("pay_date"):
            self.fields.refuse(Cause.TIME_MALFORMED, look("pay_date"), operation)
        return operation

    def respond(self, operation: Operation, result: Result) -> Answer:
        """Render an answer; never raises, whatever the texts in it are."""
        outcome = name_outcome(operation, result, self.settings.refusals)
        code = find_code(self.codes, outcome)
        if self.renders_repeats and result.again and operation.kind is Kind.PAY and code == OK:
            code = EXISTS
        elements: list[Element] = [
            ("CODE", code),
            ("MESSAGE", write_comment(outcome, result, self.language)),
        ]
        if code in (OK, EXISTS):
            elements += self.list_details(operation, result)
        encoding = self.settings.encoding
        body = render_xml("response", elements, encoding)
        return Answer(200, name_media_type("application/xml", encoding), body)

    def list_details(self, operation: Operation, result: Result) -> list[Element]:
        """Return what follows the message when all is well."""
        if operation.kind is Kind.CHECK:
            registers = list_registers(result.registers, self.language)
            return [("INFO", registers)] if registers else []
        return [
            ("EXT_ID", result.number),
            ("REG_DATE", write_time(result.operated_at, self.zone, TIME)),
            ("AMOUNT", operation.amount or result.amount),
        ]
