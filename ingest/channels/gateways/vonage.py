"""Vonage (once Nexmo): forms or JSON, the parts of a long text one by one, ``sig`` over all."""

import datetime as dt

from ingest.channels.gateways.documents import decode_json
from ingest.channels.gateways.encodings import decode_binary, decode_hex
from ingest.channels.gateways.forms import read_form
from ingest.channels.gateways.request import (
    FORM,
    Answer,
    GatewayRequest,
    Handover,
    Part,
    Report,
    Text,
    clean_text,
    make_external_id,
    parse_time,
)
from ingest.channels.gateways.signatures import is_json, spell_value
from ingest.channels.gateways.udh import find_part, parse_part
from ingest.errors import PermanentError
from ingest.model import ReportStatus
from ingest.settings import SmsSend, SmsSettings

STATUSES = {
    "delivered": ReportStatus.DELIVERED,
    "expired": ReportStatus.UNDELIVERED,
    "failed": ReportStatus.UNDELIVERED,
    "rejected": ReportStatus.UNDELIVERED,
}
"""All others (accepted, buffered, submitted, unknown) say that it is under way."""
SEND = SmsSend(
    url="https://rest.nexmo.com/sms/json",
    fields={
        "api_key": "{account}",
        "api_secret": "{secret}",
        "from": "{from}",
        "to": "{digits}",
        "text": "{text}",
        "type": "unicode",
        "client-ref": "{id}",
        "callback": "{report_url}",
    },
    success=r'"status":\s*"0"',
    id_pattern=r'"message-id":\s*"([^"]+)"',
    # 3 a field is wrong, 6 no such number, 7 barred, 12 too long, 22 and 29 no way there, 33 gone.
    permanent=r'"status":\s*"(?:3|6|7|12|22|29|33)"',
    # 1 and 10 haste, 2 4 14 32 key and signature, 8 9 11 the account, 15 the sender: none was sent.
    retry=r'"status":\s*"(?:1|2|4|8|9|10|11|14|15|32)"',
)


class VonageGateway:
    """Reads inbound messages and delivery receipts."""

    answers_in_body = False
    send = SEND

    def __init__(self, settings: SmsSettings, zone: dt.tzinfo) -> None:
        self.settings = settings

    def read(self, request: GatewayRequest, received_at: dt.datetime) -> Handover:
        """Return what *request* brings; raises :exc:`PermanentError` for what is malformed."""
        fields = read_fields(request)
        if "status" in fields and "text" not in fields:
            return Handover(reports=(read_report(fields),))
        for name in ("msisdn",) if "data" in fields else ("msisdn", "text"):
            if name not in fields:
                raise PermanentError(f"the field {name} is missing")
        sender, text = fields["msisdn"].strip(), read_body(fields)
        sent_at = find_time(fields)
        given = fields.get("messageId", "").strip()
        whole = Text(
            sender=sender,
            text=text,
            external_id=make_external_id(given, sender, text, sent_at or received_at),
            recipient=fields.get("to", "").strip(),
            sent_at=sent_at,
            raw=request.body if request.method == "POST" else request.query,
            media_type=request.content_type if request.method == "POST" else FORM,
            part=find_place(fields),
            arrived_at=sent_at,
        )
        return Handover((whole,))

    def answer(self, reply: str) -> Answer:
        """Say OK; the reply leaves by a request of its own."""
        return Answer(200, "text/plain", b"")


def read_fields(request: GatewayRequest) -> dict[str, str]:
    """Return the fields of *request*, in whichever of the three ways it is written."""
    if not is_json(request):
        form = read_form(request)
        return {name: clean_text(value.decode("utf-8", "replace")) for name, value in form.items()}
    document = decode_json(request.body)
    if not isinstance(document, dict):
        raise PermanentError("the body is no JSON object")
    return {name: clean_text(spell_value(value)) for name, value in document.items()}


def read_body(fields: dict[str, str]) -> str:
    """Return the text; that of a binary message is bytes in hexadecimal."""
    if "data" not in fields:
        return fields["text"]
    data = decode_hex(fields["data"])
    return fields["data"] if data is None else clean_text(decode_binary(data))


def read_report(fields: dict[str, str]) -> Report:
    """Read a delivery receipt."""
    status = fields.get("status", "").strip().lower()
    return Report(
        status=STATUSES.get(status, ReportStatus.UNDER_WAY),
        detail=f"{status} {fields.get('err-code', '')}".strip(),
        upstream_id=fields.get("messageId", "").strip(),
        reply_id=fields.get("client-ref", "").strip(),
        reported_at=find_time(fields),
    )


def find_time(fields: dict[str, str]) -> dt.datetime | None:
    """Return when Vonage sent the request: in seconds, or else as a date in UTC."""
    stamp = parse_time(fields.get("timestamp", ""), "epoch", dt.UTC)
    written = fields.get("message-timestamp", "").replace(" +", "+")
    return stamp or parse_time(written, "iso", dt.UTC)


def find_place(fields: dict[str, str]) -> Part | None:
    """Return the place of a part: from fields of its own, or from a header."""
    if fields.get("concat", "").strip().lower() != "true":
        return find_part(decode_hex(fields.get("udh", "")) or b"")
    names = ("concat-ref", "concat-part", "concat-total")
    return parse_part(*(fields.get(name, "") for name in names))
