"""Jasmin: a form by GET or POST for each text, with its bytes in hex; ``ACK/Jasmin`` is OK."""

import datetime as dt

from ingest.channels.gateways.encodings import (
    UCS2,
    decode_coding,
    decode_hex,
    decode_labelled,
    mend_percent,
)
from ingest.channels.gateways.forms import keep_raw, read_field, read_form
from ingest.channels.gateways.request import (
    Answer,
    GatewayRequest,
    Handover,
    Report,
    Text,
    clean_text,
    make_external_id,
    parse_time,
    spell_missing,
)
from ingest.errors import PermanentError
from ingest.model import ReportStatus
from ingest.settings import SmsSend, SmsSettings

TAKEN = frozenset({"ESME_ROK", "ACCEPTD", "ENROUTE", "UNKNOWN", "SCHEDULED"})
"""Statuses of a text that may still arrive; a centre says ``UNKNOWN`` when it has forgotten."""
DELIVERED = "DELIVRD"

SEND = SmsSend(
    url="http://127.0.0.1:1401/send",
    fields={
        "username": "{username}",
        "password": "{secret}",
        "to": "{address}",
        "coding": str(UCS2),
        "hex-content": "{text_hex}",
        "dlr": "yes",
        "dlr-url": "{report_url}",
        "dlr-level": "3",
        "dlr-method": "POST",
    },
    success='^Success "',
    id_pattern='^Success "([^"]+)"',
    retry="Authentication failure|Authorization failed|Cannot charge|No route|Cannot send",
)


class JasminGateway:
    """Reads what Jasmin's HTTP connector throws, texts and delivery receipts alike."""

    answers_in_body = False
    send = SEND

    def __init__(self, settings: SmsSettings, zone: dt.tzinfo) -> None:
        self.zone = zone

    def read(self, request: GatewayRequest, received_at: dt.datetime) -> Handover:
        """Return what *request* brings; raises :exc:`PermanentError` for what is malformed."""
        fields = read_form(request)
        if "message_status" in fields:
            return Handover(reports=(self.read_report(fields),))
        if "from" not in fields or not fields.keys() & {"content", "binary"}:
            content = fields.get("content", fields.get("binary"))
            raise PermanentError(spell_missing({"from": fields.get("from"), "content": content}))
        sender = read_field(fields, "from")
        text = clean_text(read_content(fields))
        raw, media_type = keep_raw(request)
        whole = Text(
            sender=sender,
            text=text,
            external_id=make_external_id(read_field(fields, "id"), sender, text, received_at),
            recipient=read_field(fields, "to"),
            sent_at=None,
            raw=raw,
            media_type=media_type,
        )
        return Handover((whole,))

    def read_report(self, fields: dict[str, bytes]) -> Report:
        """Read a receipt: level 1 is the centre's answer, 2 the telephone's."""
        status = read_field(fields, "message_status")
        error = read_field(fields, "err")
        return Report(
            status=sort_status(status),
            detail=f"{status} {error}".strip() or "no status",
            upstream_id=read_field(fields, "id"),
            reported_at=parse_time(read_field(fields, "donedate"), "%y%m%d%H%M", self.zone),
        )

    def answer(self, reply: str) -> Answer:
        """Say the words that keep Jasmin from sending it again."""
        return Answer(200, "text/plain", b"ACK/Jasmin")


def read_content(fields: dict[str, bytes]) -> str:
    """Return the text: its bytes in ``binary`` are safe, those in ``content`` may be recoded."""
    coding = read_field(fields, "coding")
    number = int(coding) if coding in {"1", "3", "6", "7", "8"} else 0
    data = decode_hex(read_field(fields, "binary"))
    if data:
        return decode_coding(data, number)
    content = mend_percent(fields.get("content", b""))
    if number == UCS2 and len(content) % 2 == 0 and not is_multibyte(content):
        return decode_coding(content, number)
    return decode_labelled(content, "cp1252") if number == UCS2 else decode_coding(content, number)


def is_multibyte(data: bytes) -> bool:
    """Tell whether *data* is UTF-8 with characters above ASCII: something recoded it on its way."""
    try:
        return not data.decode().isascii()
    except UnicodeDecodeError:
        return False


def sort_status(status: str) -> ReportStatus:
    """Say how far the text got; SMPP knows no other way of being delivered."""
    if status == DELIVERED:
        return ReportStatus.DELIVERED
    return ReportStatus.UNDER_WAY if status in TAKEN else ReportStatus.UNDELIVERED
