"""
SMS.ru: a form with many records in one request, each of several lines; ``100`` is OK.

Documented are delivery reports alone. What a received text looks like is not, so the lines of its
record are told by ``fields``; without them a record of an unknown kind is refused, loudly, and
SMS.ru tries again for five days.
"""

import datetime as dt
import re

from ingest.channels.gateways.encodings import decode_labelled
from ingest.channels.gateways.forms import read_form
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
from ingest.errors import ConfigError, PermanentError
from ingest.model import ReportStatus
from ingest.settings import SmsFields, SmsSend, SmsSettings

RECORD = re.compile(r"data(?:\[(\d{0,6})\])?")
STATUS = "sms_status"
IGNORED = frozenset({"", "callcheck_status", "test"})
"""Kinds of record that have nothing to do with texts."""

DELIVERED = frozenset({"103", "110"})
UNDER_WAY = frozenset({"-1", "100", "101", "102"})

SEND = SmsSend(
    url="https://sms.ru/sms/send",
    fields={"api_id": "{secret}", "to": "{digits}", "msg": "{text}", "json": "1"},
    success='"sms_id"',
    id_pattern=r'"sms_id":\s*"([^"]+)"',
    permanent=r'"status_code":\s*(202|203|205|207|209)\b',
    # 200 and 300 to 302 the key, 201 no money, 204 the sender's name, 206 and 230 to 233 limits of
    # a minute or a day, 220 not now: a person or time puts them right.
    retry=r'"status_code":\s*(20[0146]|220|23[0-3]|30[0-2])\b',
)


class SmsRuGateway:
    """Reads the records of a request; what is sent in answer is another request."""

    answers_in_body = False
    send = SEND

    def __init__(self, settings: SmsSettings, zone: dt.tzinfo) -> None:
        self.settings = settings
        self.zone = zone
        self.places = None if settings.fields is None else find_places(settings.fields)

    def read(self, request: GatewayRequest, received_at: dt.datetime) -> Handover:
        """Return what the records bring; raises :exc:`PermanentError` for an unknown kind."""
        texts: list[Text] = []
        reports: list[Report] = []
        for record in list_records(request):
            lines = clean_text(decode_labelled(record, "utf-8")).replace("\r\n", "\n").split("\n")
            if lines[0] == STATUS:
                reports.append(read_report(lines))
            elif lines[0] not in IGNORED:
                texts.append(self.read_text(record, lines, received_at))
        return Handover(tuple(texts), tuple(reports))

    def read_text(self, record: bytes, lines: list[str], received_at: dt.datetime) -> Text:
        """Read a received text, whose lines ``fields`` numbers; the text takes all that follow."""
        if self.places is None:
            raise PermanentError(f"a record of the unknown kind {lines[0][:40]!r}; see fields")
        sender, given, recipient, time = (
            lines[place].strip() if 0 < place < len(lines) else ""
            for place in (self.places[name] for name in ("sender", "id", "recipient", "time"))
        )
        if len(lines) <= max(self.places["text"], self.places["sender"]):
            raise PermanentError(f"a record of the kind {lines[0][:40]!r} is too short")
        text = "\n".join(lines[self.places["text"] :])
        sent_at = parse_time(time, "epoch", self.zone)
        return Text(
            sender=sender,
            text=text,
            external_id=make_external_id(given, sender, text, sent_at or received_at),
            recipient=recipient,
            sent_at=sent_at,
            raw=record,
            media_type="text/plain",
            arrived_at=sent_at if self.settings.time_is == "arrival" else None,
        )

    def answer(self, reply: str) -> Answer:
        """Say the number that keeps SMS.ru from sending it again."""
        return Answer(200, "text/plain", b"100")


def find_places(fields: SmsFields) -> dict[str, int]:
    """Return the number of each line of a record; 0 is its kind, and stands for «not there»."""
    places = {}
    for name in ("sender", "text", "id", "recipient", "time"):
        value = getattr(fields, name)
        if not re.fullmatch("[1-9]?", value) or (not value and name in {"sender", "text"}):
            raise ConfigError(f"fields.{name}: found {value!r}, wanted the number of a line (1-9)")
        places[name] = int(value or 0)
    return places


def list_records(request: GatewayRequest) -> list[bytes]:
    """Return the records of a request in their order."""
    found = [
        (int(number[1] or 0), value)
        for name, value in read_form(request).items()
        if (number := RECORD.fullmatch(name))
    ]
    return [value for _, value in sorted(found, key=lambda one: one[0])]


def read_report(lines: list[str]) -> Report:
    """Read what became of a text of ours: its id, the status, a time."""
    upstream_id, status, time, *_ = [*lines[1:], "", "", ""]
    status = status.strip()
    return Report(
        status=sort_status(status),
        detail=status or "no status",
        upstream_id=upstream_id.strip(),
        reported_at=parse_time(time, "epoch", dt.UTC),
    )


def sort_status(status: str) -> ReportStatus:
    """Say how far the text got."""
    if status in DELIVERED:
        return ReportStatus.DELIVERED
    return ReportStatus.UNDER_WAY if status in UNDER_WAY else ReportStatus.UNDELIVERED
