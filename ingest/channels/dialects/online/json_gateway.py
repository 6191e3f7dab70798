"""
The JSON gateway: ``/api/check``, ``/api/pay``, ``/api/balance`` and ``/api/meter``. Pure.

Who asks is ``system``; a transaction is known by it and by ``trx_id``. The protocol has no code for
«ask again», so config.toml says which one the partner takes for that.
"""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from ingest.channels.dialects.online.codes import Coded, Codes, make_codes, name_outcome
from ingest.channels.dialects.online.fields import FieldReader
from ingest.channels.dialects.online.request import (
    LONGEST_ID,
    MOST_READINGS,
    Answer,
    Cause,
    Kind,
    Operation,
    RegisterShown,
    RegisterValue,
    Result,
    TerminalRequest,
)
from ingest.channels.dialects.online.words import (
    LONGEST_DETAIL,
    PHRASES,
    Language,
    clean,
    write_comment,
)
from ingest.channels.gateways.documents import find_path, parse_json
from ingest.channels.gateways.request import FORM, clean_text
from ingest.errors import PermanentError
from ingest.model import Reason
from ingest.settings.online import JsonDialect

CALLS = {
    "/api/check": ("POST", Kind.CHECK),
    "/api/pay": ("POST", Kind.PAY),
    "/api/balance": ("GET", Kind.BALANCE),
    "/api/meter": ("GET", Kind.CHECK),
    "/api/meter/value": ("POST", Kind.SUBMIT),
}
METERS = "/api/meter"
JSON = "application/json"
ZONES = ("t1", "t2", "t3")
UNNUMBERED = "1"
"""``meterId`` of the only meter, as long as nobody knows its number."""

OTHER = "006"
CODES: dict[Coded, str] = {
    Cause.REQUEST_UNKNOWN: "010",
    Cause.REQUEST_MALFORMED: "010",
    Cause.SYSTEM_UNKNOWN: "001",
    Cause.AMOUNT_MALFORMED: "003",
    Cause.PAYMENT_REFUSED: "003",
    Cause.TRANSACTION_MALFORMED: "004",
    Cause.TRANSACTION_REUSED: "004",
    Reason.ACCOUNT_MALFORMED: "002",
    Reason.ACCOUNT_UNKNOWN: "002",
    Reason.ACCOUNT_CLOSED: "002",
    Reason.METER_AMBIGUOUS: "005",
    Reason.ZONES_MISMATCH: "005",
}
"""All others are 006; what may heal is ``temporary``."""


class JsonGateway:
    """Speaks the JSON of the universal gateway."""

    renders_repeats = False

    def __init__(self, settings: JsonDialect, zone: dt.tzinfo, language: Language) -> None:
        self.settings = settings
        self.language: Language = language
        self.fields = FieldReader(settings, zone, language)
        passing = (Cause.DENIED, Cause.UNDER_WAY, Cause.UNAVAILABLE, Cause.FAILED)
        codes = CODES | dict.fromkeys(passing, settings.temporary)
        self.codes: Codes = make_codes(codes, OTHER, settings.codes)

    def read(self, request: TerminalRequest) -> Operation:
        """Return what *request* asks; raises :exc:`OnlineError` where it cannot be told."""
        call = request.path.rstrip("/").lower()
        method, kind = CALLS.get(call, ("", Kind.UNKNOWN))
        if kind is Kind.UNKNOWN or request.method != method:
            asked = f"{request.method} {request.path}"
            self.fields.refuse(Cause.REQUEST_UNKNOWN, asked, Operation())
        document = self.read_document(request)
        look = self.look_in(document)
        operation = Operation(
            kind=kind,
            call=call,
            system=look("system"),
            transaction_id=look("trx_id"),
            account=self.fields.read_account(look("account")),
            amount=look("amount") or look("sum"),
            paid_at=self.fields.parse_time(look("dateMv") or look("date")),
            readings=self.list_readings(document, kind),
            raw=request.body if method == "POST" else request.query,
            media_type=request.content_type or JSON if method == "POST" else FORM,
        )
        if not self.is_known(operation.system):
            self.fields.refuse(Cause.SYSTEM_UNKNOWN, operation.system, operation)
        return self.fields.check(operation)

    def is_known(self, system: str) -> bool:
        """Tell whether a system is let in; with a colon it could be another with its ``trx_id``."""
        systems = self.settings.systems
        return system in systems if systems else len(system) <= LONGEST_ID and ":" not in system

    def read_document(self, request: TerminalRequest) -> Mapping[str, object]:
        """Return the fields of a request: a document, or the parameters of a GET."""
        if request.method == "GET":
            parameters: Mapping[str, object] = self.fields.read_parameters(request)[0]
            return parameters
        try:
            document = parse_json(self.fields.decode(request.body))
        except PermanentError as error:
            self.fields.refuse(Cause.REQUEST_MALFORMED, str(error), Operation())
        if not isinstance(document, dict):
            self.fields.refuse(Cause.REQUEST_MALFORMED, "", Operation())
        return document

    def look_in(self, document: object) -> "Look":
        """Return what finds a text or number by its dotted path."""
        return Look(self.fields, document)

    def list_readings(
        self, document: Mapping[str, object], kind: Kind
    ) -> tuple[RegisterValue, ...]:
        """Return the readings: of ``mvs``, and of the fields that config.toml names."""
        if kind not in (Kind.PAY, Kind.SUBMIT):
            return ()
        look = self.look_in(document)
        named = self.fields.list_readings(look) if self.settings.fields else ()
        meters = document.get("mvs")
        if meters is None:
            return named
        if not isinstance(meters, list) or len(meters) > MOST_READINGS:
            self.fields.refuse(Cause.REQUEST_MALFORMED, "mvs", Operation())
        readings = list(named)
        for meter in meters:
            readings += self.read_meter(meter)
        return tuple(readings)

    def read_meter(self, meter: object) -> tuple[RegisterValue, ...]:
        """Return what one member of ``mvs`` says."""
        if not isinstance(meter, dict):
            self.fields.refuse(Cause.REQUEST_MALFORMED, "mvs", Operation())
        cells = {str(key).lower(): value for key, value in meter.items()}
        if len(cells) < len(meter):
            self.fields.refuse(Cause.REQUEST_MALFORMED, "mvs", Operation())
        look = self.look_in(cells)
        name = clean(look("meternumber") or look("meterid"), LONGEST_DETAIL)
        return self.fields.keep_filled([look(zone) for zone in ZONES], name)

    def respond(self, operation: Operation, result: Result) -> Answer:
        """Render an answer; never raises, whatever the texts in it are."""
        outcome = name_outcome(operation, result, self.settings.refusals)
        answer: dict[str, Any] = {"status": "ok"}
        if outcome is not None:
            answer = {
                "status": "error",
                "errorCode": self.codes[outcome],
                "errorMessage": write_comment(outcome, result, self.language),
            }
        elif operation.kind is Kind.BALANCE:
            answer["balance"] = self.settings.balance
        elif operation.call == METERS:
            answer["meters"] = self.list_meters(result.registers)
        if operation.kind in (Kind.PAY, Kind.SUBMIT):
            answer |= self.tell_reading(operation, result)
        return self.render(answer, 200 if not result.may_heal else self.settings.temporary_status)

    def tell_reading(self, operation: Operation, result: Result) -> dict[str, str]:
        """Return the transaction again, and what came of the reading in it."""
        told = {"trx_id": operation.transaction_id}
        if result.verdict is not None:
            told |= {
                "outcome": result.verdict.disposition.value,
                "reason": result.verdict.reason.value,
                "receipt": result.receipt,
                "comment": write_comment(None, result, self.language),
            }
        return told

    def list_meters(self, registers: tuple[RegisterShown, ...]) -> list[dict[str, Any]]:
        """Return the meters of an account, each with the last values of its zones."""
        meters: dict[str, dict[str, Any]] = {}
        for one in registers:
            meter = meters.setdefault(
                one.meter,
                {
                    "meterId": clean_text(one.meter) or UNNUMBERED,
                    "meterNumber": clean_text(one.meter),
                    "serviceName": PHRASES[self.language]["service"],
                },
            )
            if one.digits:
                meter["digits"] = one.digits
            meter[f"T{one.zone}"] = one.last
        return list(meters.values())

    def render(self, answer: Mapping[str, object], status: int) -> Answer:
        """Write a document; one that says it is no UTF-8 must be right in any case."""
        ascii_only = self.settings.encoding != "utf-8"
        text = json.dumps(answer, ensure_ascii=ascii_only)
        body = text.encode("utf-8", "replace")
        return Answer(status, f"{JSON}; charset=utf-8", body)


class Look:
    """Finds texts and numbers in a document; anything else in their place makes it malformed."""

    def __init__(self, fields: FieldReader, document: object) -> None:
        self._fields = fields
        self._document = document

    def __call__(self, path: str) -> str:
        """Return the text at a dotted path; empty where there is none."""
        found = find_path(self._document, path)
        if found is None:
            return ""
        if not isinstance(found, str):
            self._fields.refuse(Cause.REQUEST_MALFORMED, path, Operation())
        return clean_text(found).strip()
