"""
CityPay 3: GET with ``QueryType``, XML back, and a report of payments for reconciliation. Pure.

``field1`` and following hold whatever was agreed upon: they are where readings come in.
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
from ingest.channels.dialects.online.fields import FieldReader, Lookup, write_time
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
from ingest.settings.online import CityPayDialect

KINDS = {"check": Kind.CHECK, "pay": Kind.PAY, "cancel": Kind.CANCEL}
REPORT = "paydayreport"
TIME = "%Y%m%d%H%M%S"
AGAIN, UNDER_WAY = "1", "100"
OTHER = "299"
CODES: dict[Coded, str] = {
    Cause.PAYMENT_REFUSED: "22",
    Cause.DENIED: AGAIN,
    Cause.UNDER_WAY: UNDER_WAY,
    Cause.UNAVAILABLE: AGAIN,
    Cause.FAILED: AGAIN,
    Reason.ACCOUNT_MALFORMED: "3",
    Reason.ACCOUNT_UNKNOWN: "21",
    Reason.ACCOUNT_CLOSED: "24",
    Reason.WINDOW_CLOSED: "22",
    Reason.SENDER_REFUSED: "22",
}
"""All others are 299."""


class CityPay:
    """Speaks CityPay 3."""

    renders_repeats = False

    def __init__(self, settings: CityPayDialect, zone: dt.tzinfo, language: Language) -> None:
        self.settings = settings
        self.zone = zone
        self.language: Language = language
        self.fields = FieldReader(settings, zone, language)
        self.codes: Codes = make_codes(CODES, OTHER, settings.codes)

    def read(self, request: TerminalRequest) -> Operation:
        """Return what *request* asks; raises :exc:`OnlineError` where it cannot be told."""
        found, raw = self.fields.read_parameters(request)

        def look(name: str) -> str:
            return found.get(name.lower(), "")

        call = look("querytype").lower()
        if not call and (REPORT in request.path.lower() or look("checkdatebegin")):
            return self.read_report(look, raw)
        operation = Operation(
            kind=KINDS.get(call, Kind.UNKNOWN),
            call=call,
            transaction_id=look("transactionid"),
            account=self.fields.read_account(look("account")),
            amount=look("amount"),
            paid_at=self.fields.parse_time(look("transactiondate") or look("revertdate")),
            readings=self.fields.list_readings(look),
            cancels=look("revertid"),
            raw=raw,
            media_type=FORM,
        )
        if operation.kind is Kind.UNKNOWN:
            self.fields.refuse(Cause.REQUEST_UNKNOWN, f"QueryType={call}", operation)
        return self.fields.check(operation)

    def read_report(self, look: Lookup, raw: bytes) -> Operation:
        """Read the question for the payments of a period; its last second belongs to it."""
        operation = Operation(kind=Kind.REPORT, call=REPORT, raw=raw, media_type=FORM)
        begins_at, ends_at = (
            self.fields.parse_time(look(name)) for name in ("checkdatebegin", "checkdateend")
        )
        if begins_at is None:
            self.fields.refuse(Cause.TIME_MALFORMED, "CheckDateBegin", operation)
        if ends_at is None or ends_at < begins_at:
            self.fields.refuse(Cause.TIME_MALFORMED, "CheckDateEnd", operation)
        return Operation(
            kind=Kind.REPORT,
            call=REPORT,
            period=(begins_at, ends_at + dt.timedelta(seconds=1)),
            raw=raw,
            media_type=FORM,
        )

    def respond(self, operation: Operation, result: Result) -> Answer:
        """Render an answer; never raises, whatever the texts in it are."""
        outcome = name_outcome(operation, result, self.settings.refusals)
        if operation.kind is Kind.REPORT and outcome is None:
            elements = self.list_payments(result)
        else:
            elements = self.list_elements(operation, result, outcome)
        encoding = self.settings.encoding
        body = render_xml("Response", elements, encoding)
        return Answer(200, name_media_type("text/xml", encoding), body)

    def list_elements(
        self, operation: Operation, result: Result, outcome: Coded | None
    ) -> list[Element]:
        """Return what is answered to all but a report."""
        comment = write_comment(outcome, result, self.language)
        if operation.kind is Kind.CHECK and outcome is None and result.registers:
            comment = list_registers(result.registers, self.language)
        elements: list[Element] = [
            ("TransactionId", operation.transaction_id),
            ("TransactionExt", result.number),
            ("Amount", operation.amount or result.amount),
        ]
        return [
            *(element for element in elements if element[1]),
            ("ResultCode", find_code(self.codes, outcome)),
            ("Comment", comment),
        ]

    def list_payments(self, result: Result) -> list[Element]:
        """Return one element a payment."""
        return [
            (
                "Payment",
                [
                    ("TransactionId", one.transaction_id),
                    ("Account", one.account),
                    ("TransactionDate", write_time(one.paid_at, self.zone, TIME)),
                    ("Amount", one.amount),
                ],
            )
            for one in result.payments
        ]
