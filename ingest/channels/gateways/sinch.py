"""Sinch's SMS REST API: each callback is a JSON document that says by ``type`` what it is."""

import base64
import binascii
import datetime as dt

from ingest.channels.gateways.documents import JSON, decode_json, find_path, find_text, get_text
from ingest.channels.gateways.encodings import decode_binary, decode_hex
from ingest.channels.gateways.request import (
    Answer,
    GatewayRequest,
    Handover,
    Report,
    Text,
    clean_text,
    make_external_id,
    parse_time,
)
from ingest.channels.gateways.udh import find_part
from ingest.model import ReportStatus
from ingest.settings import SmsSend, SmsSettings

STATUSES = {
    "delivered": ReportStatus.DELIVERED,
    "aborted": ReportStatus.UNDELIVERED,
    "cancelled": ReportStatus.UNDELIVERED,
    "deleted": ReportStatus.UNDELIVERED,
    "expired": ReportStatus.UNDELIVERED,
    "failed": ReportStatus.UNDELIVERED,
    "rejected": ReportStatus.UNDELIVERED,
}
"""All others (queued, dispatched, unknown) say that it is under way."""
BODIES = {"mo_text": "body", "mo_binary": "body", "mo_media": "body.message"}
"""Where the text of each type stands."""
REPORTS = {"recipient_delivery_report_sms": "", "delivery_report_sms": "statuses.0."}
"""Where status and code stand; we send to one person at a time, so the first is the only one."""
SEND = SmsSend(
    url="https://{host}/xms/v1/{account}/batches",
    body="json",
    headers={"Authorization": "Bearer {secret}"},
    fields={
        "from": "{from}",
        "to.0": "{digits}",
        "body": "{text}",
        "delivery_report": "per_recipient",
        "client_reference": "{id}",
        "callback_url": "{report_url}",
    },
    success='"id"',
    id_pattern=r'"id":\s*"([^"]+)"',
)


class SinchGateway:
    """Reads incoming texts, binary ones and those with media, and both kinds of report."""

    answers_in_body = False
    send = SEND

    def __init__(self, settings: SmsSettings, zone: dt.tzinfo) -> None:
        self.zone = zone

    def read(self, request: GatewayRequest, received_at: dt.datetime) -> Handover:
        """Return what *request* brings; raises :exc:`PermanentError` for what is malformed."""
        document = decode_json(request.body)
        kind = get_text(document, "type")
        if kind in REPORTS:
            return Handover(reports=(self.read_report(document, REPORTS[kind]),))
        if kind not in BODIES:
            return Handover()
        sender, text = get_text(document, "from").strip(), read_body(document, kind)
        sent_at, arrived_at = (
            parse_time(find_text(document, name), "iso", self.zone)
            for name in ("sent_at", "received_at")
        )
        sent_at = sent_at or arrived_at
        given = find_text(document, "id").strip()
        whole = Text(
            sender=sender,
            text=text,
            external_id=make_external_id(given, sender, text, sent_at or received_at),
            recipient=find_text(document, "to").strip(),
            sent_at=sent_at,
            raw=request.body,
            media_type=request.content_type or JSON,
            part=find_part(decode_hex(find_text(document, "udh")) or b""),
            arrived_at=arrived_at,
        )
        return Handover((whole,))

    def read_report(self, document: object, place: str) -> Report:
        """Read a delivery report whose status and code stand at *place*."""
        status = get_text(document, f"{place}status").strip()
        time = find_text(document, "operator_status_at") or find_text(document, "at")
        return Report(
            status=STATUSES.get(status.lower(), ReportStatus.UNDER_WAY),
            detail=f"{status} {find_text(document, f'{place}code')}".strip(),
            upstream_id=find_text(document, "batch_id").strip(),
            reply_id=find_text(document, "client_reference").strip(),
            reported_at=parse_time(time, "iso", self.zone),
        )

    def answer(self, reply: str) -> Answer:
        """Say OK; the reply leaves by a request of its own."""
        return Answer(200, "text/plain", b"")


def read_body(document: object, kind: str) -> str:
    """Return the text: a picture may come without one, and a binary one is bytes in Base64."""
    if kind == "mo_media" and find_path(document, BODIES[kind]) is None:
        return ""
    body = get_text(document, BODIES[kind])
    if kind != "mo_binary":
        return body
    try:
        return clean_text(decode_binary(base64.b64decode(body, validate=True)))
    except (binascii.Error, ValueError):
        return body  # a person sees it then, and Sinch never sends again what we call malformed
