"""
Twilio: forms, signed over the public URL; the TwiML of our response is the reply SMS.

Nothing but the reply may ever stand in a body: Twilio texts it to the customer.
"""

import datetime as dt

from ingest.channels.gateways.documents import escape_xml
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

IDS = ("MessageSid", "SmsSid", "SmsMessageSid")
"""The same id under three names; the latter two are older."""
STATUSES = {
    "delivered": ReportStatus.DELIVERED,
    "read": ReportStatus.DELIVERED,
    "undelivered": ReportStatus.UNDELIVERED,
    "failed": ReportStatus.UNDELIVERED,
    "canceled": ReportStatus.UNDELIVERED,
}
"""All others (accepted, queued, sending, sent) say that it is under way."""
SEND = SmsSend(
    url="https://api.twilio.com/2010-04-01/Accounts/{account}/Messages.json",
    fields={
        "To": "{address}",
        "From": "{from}",
        "Body": "{text}",
        "StatusCallback": "{report_url}?id={id}",
    },
    success=r'"sid":\s*"(?:SM|MM)',
    id_pattern=r'"sid":\s*"((?:SM|MM)[0-9a-f]{32})"',
    # 21211 and 21217 no number, 21610 unsubscribed, 21612 out of reach, 21614 no mobile.
    permanent=r'"code":\s*(?:21211|21217|21610|21612|21614)\b',
    # 20429 haste, 21408 country not permitted yet, 21606 and 21659 sender not ours, 21611 queue
    # full, 63038 daily limit: a person or time puts them right.
    retry=r'"code":\s*(?:20429|21408|21606|21611|21659|63038)\b',
)


class TwilioGateway:
    """Reads incoming messages and status callbacks, and answers in TwiML."""

    answers_in_body = True
    send = SEND

    def __init__(self, settings: SmsSettings, zone: dt.tzinfo) -> None:
        self.settings = settings

    def read(self, request: GatewayRequest, received_at: dt.datetime) -> Handover:
        """Return what *request* brings; raises :exc:`PermanentError` for what is malformed."""
        fields = {
            name: clean_text(value.decode("utf-8", "replace"))
            for name, value in read_form(request).items()
        }
        if "MessageStatus" in fields:
            return Handover(reports=(read_report(fields),))
        for name in ("From", "Body"):
            if name not in fields:
                raise PermanentError(f"the field {name} is missing")
        sender, text = fields["From"].strip(), fields["Body"]
        whole = Text(
            sender=sender,
            text=text,
            external_id=make_external_id(find_id(fields), sender, text, received_at),
            recipient=fields.get("To", "").strip(),
            sent_at=None,
            raw=request.body if request.method == "POST" else request.query,
            media_type=request.content_type if request.method == "POST" else FORM,
        )
        return Handover((whole,))

    def answer(self, reply: str) -> Answer:
        """Say OK with the reply as the only message; without one nothing is texted."""
        message = f"<Message>{escape_xml(reply)}</Message>" if reply else ""
        document = f'<?xml version="1.0" encoding="UTF-8"?><Response>{message}</Response>'
        return Answer(200, "text/xml; charset=utf-8", document.encode())


def read_report(fields: dict[str, str]) -> Report:
    """Read a status callback."""
    status = fields["MessageStatus"].strip().lower()
    return Report(
        status=STATUSES.get(status, ReportStatus.UNDER_WAY),
        detail=f"{status} {fields.get('ErrorCode', '')}".strip(),
        upstream_id=find_id(fields),
        reply_id=fields.get("id", "").strip(),
    )


def find_id(fields: dict[str, str]) -> str:
    """Return Twilio's id of the message."""
    return next((fields[name].strip() for name in IDS if fields.get(name, "").strip()), "")
