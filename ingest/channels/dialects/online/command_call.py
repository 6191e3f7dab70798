"""
``commandCall``: POST of XML with login and password in it, XML back. Pure.

A payment is known by its ``payID``; ``transactionID`` numbers requests, and stands in for it where
there is none. Amounts are whole kopecks, and roubles with a point from here on.
"""

import datetime as dt
import re

from ingest.channels.dialects.online.codes import (
    Coded,
    Codes,
    find_code,
    make_codes,
    name_outcome,
)
from ingest.channels.dialects.online.documents import (
    Document,
    Element,
    UnreadableError,
    name_media_type,
    read_elements,
    render_xml,
    take_secrets_out,
)
from ingest.channels.dialects.online.fields import FieldReader
from ingest.channels.dialects.online.request import (
    Answer,
    Cause,
    Kind,
    Operation,
    Result,
    TerminalRequest,
)
from ingest.channels.dialects.online.words import Language, list_registers, write_comment
from ingest.channels.gateways.request import clean_text
from ingest.model import Reason
from ingest.settings.online import CommandCallDialect

KINDS = {
    "check": Kind.CHECK,
    "pay": Kind.PAY,
    "cancel": Kind.CANCEL,
    "check_status": Kind.STATUS,
    "status": Kind.STATUS,
}
ROOT = "commandcall"
PASSWORD = "password"  # noqa: S105 -- the name of an element
XML = "text/xml"
KOPECKS = re.compile("[0-9]{1,17}")
AGAIN, UNDER_WAY = "1", "90"
OTHER = "300"
CODES: dict[Coded, str] = {
    Cause.CANCEL_REFUSED: "7",
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


class CommandCall:
    """Speaks ``commandCall``."""

    renders_repeats = False

    def __init__(self, settings: CommandCallDialect, zone: dt.tzinfo, language: Language) -> None:
        self.settings = settings
        self.language: Language = language
        self.fields = FieldReader(settings, zone, language)
        self.codes: Codes = make_codes(CODES, OTHER, settings.codes)

    def read(self, request: TerminalRequest) -> Operation:
        """Return what *request* asks; raises :exc:`OnlineError` where it cannot be told."""
        document = self.read_document(request.body)

        def look(name: str) -> str:
            return clean_text(document.texts.get(name.lower(), ""))

        call = look("command").lower()
        is_cancel = call == "cancel"
        operation = Operation(
            kind=KINDS.get(call, Kind.UNKNOWN),
            call=call,
            transaction_id=look("payid") or look("transactionid"),
            account=self.fields.read_account(look("account")),
            amount=convert_kopecks(look("amount")),
            paid_at=self.fields.parse_time(look("paytimestamp")),
            readings=self.fields.list_readings(look),
            cancels=(look("cancelpayid") or look("payid")) if is_cancel else "",
            login=look("login"),
            password=look(PASSWORD),
            raw=take_secrets_out(request.body, document, PASSWORD),
            media_type=request.content_type or XML,
        )
        if operation.kind is Kind.UNKNOWN:
            self.fields.refuse(Cause.REQUEST_UNKNOWN, f"command={call}", operation)
        return self.fields.check(operation)

    def read_document(self, body: bytes) -> Document:
        """Read the XML of a request; what is none is not kept, for the password is in it."""
        try:
            document = read_elements(body, self.settings.encoding, PASSWORD)
        except UnreadableError as error:
            self.fields.refuse(Cause.REQUEST_MALFORMED, str(error), Operation())
        if document.root != ROOT:
            self.fields.refuse(Cause.REQUEST_UNKNOWN, f"<{document.root}>", Operation())
        return document

    def respond(self, operation: Operation, result: Result) -> Answer:
        """Render an answer; never raises, whatever the texts in it are."""
        outcome = name_outcome(operation, result, self.settings.refusals)
        comment = write_comment(outcome, result, self.language)
        if operation.kind is Kind.CHECK and outcome is None and result.registers:
            comment = list_registers(result.registers, self.language)
        elements: list[Element] = [
            ("extTransactionID", result.number or "0"),
            ("account", operation.account),
            ("result", find_code(self.codes, outcome)),
            ("comment", comment),
        ]
        encoding = self.settings.encoding
        body = render_xml("commandResponse", elements, encoding)
        return Answer(200, name_media_type(XML, encoding), body)


def convert_kopecks(text: str) -> str:
    """Return kopecks as roubles with two decimals; what is no number stays, to be refused."""
    if not KOPECKS.fullmatch(text):
        return text if not text else f"{text}!"
    digits = text.lstrip("0").zfill(3)
    return f"{digits[:-2]}.{digits[-2:]}"
