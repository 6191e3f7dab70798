"""Infobip: JSON with several texts or several delivery reports in one request."""

import datetime as dt

from ingest.channels.gateways.documents import (
    JSON,
    cut_batch,
    decode_json,
    find_path,
    find_text,
    get_text,
    read_items,
)
from ingest.channels.gateways.request import (
    Answer,
    GatewayRequest,
    Handover,
    Report,
    Text,
    make_external_id,
    parse_time,
)
from ingest.model import ReportStatus
from ingest.settings import SmsSend, SmsSettings

GROUPS = {
    "DELIVERED": ReportStatus.DELIVERED,
    "UNDELIVERABLE": ReportStatus.UNDELIVERED,
    "EXPIRED": ReportStatus.UNDELIVERED,
    "REJECTED": ReportStatus.UNDELIVERED,
}
"""All others (PENDING, OK) say that it is under way."""
AT_OPERATOR = "DELIVERED_TO_OPERATOR"
"""Of the group DELIVERED, and yet not there."""
PASSING = "NOT_ENOUGH_CREDITS|PREPAID_PACKAGE_EXPIRED|SYSTEM_ERROR|FLOODING_FILTER|SENDER|SOURCE"
"""Rejections that a person or time puts right."""
SEND = SmsSend(
    url="https://{host}/sms/3/messages",
    body="json",
    headers={"Authorization": "App {secret}", "Accept": JSON},
    fields={
        "messages.0.sender": "{from}",
        "messages.0.destinations.0.to": "{digits}",
        "messages.0.destinations.0.messageId": "{id}",
        "messages.0.content.text": "{text}",
        "messages.0.webhooks.delivery.url": "{report_url}",
    },
    success=r'"groupName":\s*"(?:PENDING|DELIVERED|OK)"',
    id_pattern=r'"messageId":\s*"([^"]+)"',
    permanent=rf'"name":\s*"(?:UNDELIVERABLE_|REJECTED_(?!{PASSING}))',
    retry=rf'"name":\s*"REJECTED_(?:{PASSING})',
)


class InfobipGateway:
    """Reads ``results``, which are texts or reports, each on its own."""

    answers_in_body = False
    send = SEND

    def __init__(self, settings: SmsSettings, zone: dt.tzinfo) -> None:
        self.zone = zone

    def read(self, request: GatewayRequest, received_at: dt.datetime) -> Handover:
        """Return what *request* brings; raises :exc:`PermanentError` for what is malformed."""
        items = cut_batch(decode_json(request.body), request.body, "results")
        reports = tuple(self.read_report(item) for item, _ in items if is_report(item))
        texts = [(item, raw) for item, raw in items if not is_report(item)]

        def read_text(item: object, raw: bytes) -> Text:
            return self.read_text(item, raw, received_at)

        return Handover(read_items(texts, read_text, received_at, spared=bool(reports)), reports)

    def read_text(self, item: object, raw: bytes, received_at: dt.datetime) -> Text:
        """Read one text; raises :exc:`PermanentError` for what is none."""
        sender = get_text(item, "from").strip()
        text = find_segments(item) or get_text(item, "text")
        sent_at = parse_time(find_text(item, "receivedAt"), "iso", self.zone)
        given = find_text(item, "messageId").strip()
        return Text(
            sender=sender,
            text=text,
            external_id=make_external_id(given, sender, text, sent_at or received_at),
            recipient=find_text(item, "to").strip(),
            sent_at=sent_at,
            raw=raw,
            media_type=JSON,
            arrived_at=sent_at,
        )

    def read_report(self, item: object) -> Report:
        """Read one delivery report; its id is the one that we gave."""
        name, group = find_text(item, "status.name"), find_text(item, "status.groupName")
        status = GROUPS.get(group.strip().upper(), ReportStatus.UNDER_WAY)
        error = find_text(item, "error.name")
        given = find_text(item, "messageId").strip()
        return Report(
            status=ReportStatus.UNDER_WAY if name == AT_OPERATOR else status,
            detail=" ".join([name or group, *([error] if error not in {"", "NO_ERROR"} else [])]),
            upstream_id=given,
            reply_id=given,
            reported_at=parse_time(find_text(item, "doneAt"), "iso", self.zone),
        )

    def answer(self, reply: str) -> Answer:
        """Say OK; the reply leaves by a request of its own."""
        return Answer(200, "text/plain", b"")


def is_report(item: object) -> bool:
    """Tell a delivery report from a text: only the former has a status with a group."""
    return isinstance(find_path(item, "status.groupName"), str)


def find_segments(item: object) -> str:
    """Return the texts of a multimedia message, one below the other."""
    segments = find_path(item, "message")
    if not isinstance(segments, list):
        return ""
    plain = [one for one in segments if find_text(one, "contentType") == "text/plain"]
    return "\n".join(find_text(one, "value") for one in plain)
