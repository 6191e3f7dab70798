"""
android-sms-gateway: a telephone with the SIM that posts a JSON event for whatever happens to it.

The id of a received text is made from its content, so that two equal texts share it: such a text
is known by sender, text and the minute of the telephone's clock.
"""

import datetime as dt

from ingest.channels.gateways.documents import find_path, parse_json
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

RECEIVED = "sms:received"
STATUSES = {
    "sms:sent": ReportStatus.UNDER_WAY,
    "sms:delivered": ReportStatus.DELIVERED,
    "sms:failed": ReportStatus.UNDELIVERED,
}
TIMES = ("sentAt", "deliveredAt", "failedAt")

SEND = SmsSend(
    url="https://api.sms-gate.app/3rdparty/v1/messages?skipPhoneValidation=true",
    body="json",
    fields={"id": "{id}", "textMessage.text": "{text}", "phoneNumbers.0": "{address}"},
    id_pattern=r'"id":\s*"([^"]+)"',
    idempotent=True,
)


class AndroidGateway:
    """Reads events; those that are neither a text nor a text's fate are acknowledged alone."""

    answers_in_body = False
    send = SEND

    def __init__(self, settings: SmsSettings, zone: dt.tzinfo) -> None:
        self.zone = zone

    def read(self, request: GatewayRequest, received_at: dt.datetime) -> Handover:
        """Return what the event brings; raises :exc:`PermanentError` for what is malformed."""
        event = parse_json(request.body.decode("utf-8", "replace"))
        kind = find_word(event, "event")
        if kind is None:
            raise PermanentError("the field event is missing")
        if kind == RECEIVED:
            return Handover((self.read_text(event, request, received_at),))
        if kind in STATUSES:
            return Handover(reports=(self.read_report(event, STATUSES[kind]),))
        return Handover()

    def read_text(self, event: object, request: GatewayRequest, received_at: dt.datetime) -> Text:
        """Read a text; ``sender`` is the newer name of ``phoneNumber``."""
        sender = find_word(event, "payload.sender") or find_word(event, "payload.phoneNumber")
        text = find_word(event, "payload.message")
        if sender is None or text is None:
            raise PermanentError(
                spell_missing({"payload.phoneNumber": sender, "payload.message": text})
            )
        sent_at = self.find_time(event, "receivedAt")
        given = "" if sent_at else find_word(event, "id") or ""
        return Text(
            sender=sender.strip(),
            text=text,
            external_id=make_external_id(given, sender.strip(), text, sent_at or received_at),
            recipient=find_word(event, "payload.recipient") or "",
            sent_at=sent_at,
            raw=request.body,
            media_type=request.content_type or "application/json",
            arrived_at=sent_at,
        )

    def read_report(self, event: object, status: ReportStatus) -> Report:
        """Read the fate of a text of ours, whose id is the one that we gave it."""
        given = find_word(event, "payload.messageId") or ""
        times = (self.find_time(event, name) for name in TIMES)
        return Report(
            status=status,
            detail=find_word(event, "payload.reason") or find_word(event, "event") or "",
            upstream_id=given,
            reply_id=given,
            reported_at=next((time for time in times if time), None),
        )

    def find_time(self, event: object, name: str) -> dt.datetime | None:
        """Return a time of the payload; the telephone writes its own zone beside it."""
        return parse_time(find_word(event, f"payload.{name}") or "", "iso", self.zone)

    def answer(self, reply: str) -> Answer:
        """Say OK; nobody looks at the body."""
        return Answer(200, "text/plain", b"")


def find_word(event: object, path: str) -> str | None:
    """Return a value as text; None where it is missing, null or no single value."""
    value = find_path(event, path)
    return clean_text(value) if isinstance(value, str) else None
