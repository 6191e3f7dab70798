"""Plivo: forms, signed over the public URL; delivery reports for each part of what we sent."""

import datetime as dt

from ingest.channels.gateways.forms import read_form
from ingest.channels.gateways.request import (
    FORM,
    Answer,
    GatewayRequest,
    Handover,
    Report,
    Text,
    clean_text,
    make_external_id,
)
from ingest.errors import PermanentError
from ingest.model import ReportStatus
from ingest.settings import SmsSend, SmsSettings

STATUSES = {
    "delivered": ReportStatus.DELIVERED,
    "read": ReportStatus.DELIVERED,
    "undelivered": ReportStatus.UNDELIVERED,
    "failed": ReportStatus.UNDELIVERED,
    "rejected": ReportStatus.UNDELIVERED,
}
"""All others (queued, sent) say that it is under way."""
SEND = SmsSend(
    url="https://api.plivo.com/v1/Account/{account}/Message/",
    body="json",
    fields={
        "src": "{from}",
        "dst": "{digits}",
        "text": "{text}",
        "url": "{report_url}?id={id}",
        "method": "POST",
    },
    success='"message_uuid"',
    id_pattern=r'"message_uuid":\s*\[\s*"([^"]+)"',
)


class PlivoGateway:
    """Reads incoming messages and status callbacks."""

    answers_in_body = False
    send = SEND

    def __init__(self, settings: SmsSettings, zone: dt.tzinfo) -> None:
        self.settings = settings

    def read(self, request: GatewayRequest, received_at: dt.datetime) -> Handover:
        """Return what *request* brings; raises :exc:`PermanentError` for what is malformed."""
        fields = {
            name: clean_text(value.decode("utf-8", "replace"))
            for name, value in read_form(request).items()
        }
        if "Status" in fields and "Text" not in fields:
            return Handover(reports=(read_report(fields),))
        for name in ("From", "Text"):
            if name not in fields:
                raise PermanentError(f"the field {name} is missing")
        sender, text = fields["From"].strip(), fields["Text"]
        given = fields.get("MessageUUID", "").strip()
        whole = Text(
            sender=sender,
            text=text,
            external_id=make_external_id(given, sender, text, received_at),
            recipient=fields.get("To", "").strip(),
            sent_at=None,
            raw=request.body if request.method == "POST" else request.query,
            media_type=request.content_type if request.method == "POST" else FORM,
        )
        return Handover((whole,))

    def answer(self, reply: str) -> Answer:
        """Say OK; the reply leaves by a request of its own."""
        return Answer(200, "text/plain", b"")


def read_report(fields: dict[str, str]) -> Report:
    """Read a status callback; that of a part names the whole text as its parent."""
    status = fields["Status"].strip().lower()
    parent = fields.get("ParentMessageUUID", "").strip()
    return Report(
        status=STATUSES.get(status, ReportStatus.UNDER_WAY),
        detail=f"{status} {fields.get('ErrorCode', '')}".strip(),
        upstream_id=parent or fields.get("MessageUUID", "").strip(),
        reply_id=fields.get("id", "").strip(),
    )
