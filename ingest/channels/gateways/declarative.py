"""A gateway that config.toml describes: where the fields stand, and what it wants to hear."""

import datetime as dt
import json
import re
from collections.abc import Callable

from ingest.channels.gateways.documents import (
    JSON,
    cut_batch,
    escape_xml,
    find_path,
    parse_json,
    read_items,
)
from ingest.channels.gateways.encodings import decode_labelled, mend_percent
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
from ingest.channels.gateways.signatures import is_json
from ingest.channels.gateways.udh import parse_part
from ingest.errors import ConfigError, PermanentError
from ingest.model import ReportStatus
from ingest.settings import SmsReports, SmsSettings

Lookup = Callable[[str], str | None]
MEDIA_TYPES = {"form": FORM, "json": JSON, "text": "text/plain", "auto": FORM}
REPLY = "{reply}"


class DeclarativeGateway:
    """Reads requests as ``fields``, ``reports``, ``body`` and ``batch`` say; answers as ``ack``."""

    send = None

    def __init__(self, settings: SmsSettings, zone: dt.tzinfo) -> None:
        self.settings = settings
        self.zone = zone
        if settings.fields is None:
            raise ConfigError('gateway = "declarative" needs a table fields')
        self.fields = settings.fields

    @property
    def answers_in_body(self) -> bool:
        """Whether ``ack.body`` carries the reply."""
        return REPLY in self.settings.ack.body

    def read(self, request: GatewayRequest, received_at: dt.datetime) -> Handover:
        """Return what *request* brings; raises :exc:`PermanentError` for what is malformed."""
        body = self.settings.body
        if request.method == "POST" and (body == "json" or (body == "auto" and is_json(request))):
            return self.read_json(request, received_at)
        raw = request.body if request.method == "POST" else request.query
        look = self.look_in_form(request)
        if self.is_report(look):
            return self.hand_over_report(look)
        return Handover((self.make_text(look, raw, self.name_media_type(request), received_at),))

    def look_in_form(self, request: GatewayRequest) -> Lookup:
        """Return what finds a field in form or query; in a ``text`` body the text is the whole."""
        is_text = request.method == "POST" and self.settings.body == "text"
        values = read_form(
            GatewayRequest(method="GET", query=request.query) if is_text else request
        )
        names = self.fields.text.split("|") if is_text else []
        values |= dict.fromkeys(names, request.body)

        def look(field: str) -> str | None:
            if field.startswith("header:"):
                return request.find_header(field.removeprefix("header:"))
            if field not in values:
                return None
            return self.decode(values[field] if field in names else mend_percent(values[field]))

        return look

    def read_json(self, request: GatewayRequest, received_at: dt.datetime) -> Handover:
        """Read one text or report, or each of a batch."""
        document = parse_json(self.decode(request.body))
        media_type = self.name_media_type(request)
        look = look_in_json(document, request)
        if not self.settings.batch and self.is_report(look):
            return self.hand_over_report(look)
        if not self.settings.batch:
            return Handover((self.make_text(look, request.body, media_type, received_at),))

        def read_item(item: object, raw: bytes) -> Text:
            return self.make_text(look_in_json(item, request), raw, JSON, received_at)

        items = cut_batch(document, request.body, self.settings.batch)
        found = [look_in_json(item, request) for item, _ in items]
        told = [look for look in found if self.is_report(look)]
        texts = [pair for pair, look in zip(items, found, strict=True) if not self.is_report(look)]
        reports = [self.hand_over_report(look).reports for look in told]
        return Handover(
            read_items(texts, read_item, received_at, spared=bool(told)), sum(reports, ())
        )

    def make_text(
        self, look: Lookup, raw: bytes, media_type: str, received_at: dt.datetime
    ) -> Text:
        """Put a text together from its fields; sender and text must be there, even if empty."""
        sender = clean_text(get_field(look, self.fields.sender)).strip()
        text = clean_text(get_field(look, self.fields.text))
        given = find_field(look, self.fields.id)
        sent_at = self.find_time(look, self.fields.time)
        return Text(
            sender=sender,
            text=text,
            external_id=make_external_id(given, sender, text, sent_at or received_at),
            recipient=find_field(look, self.fields.recipient),
            sent_at=sent_at,
            raw=raw,
            media_type=media_type,
            part=self.find_place(look),
            arrived_at=sent_at if self.settings.time_is == "arrival" else None,
        )

    def find_time(self, look: Lookup, field: str) -> dt.datetime | None:
        """Return the time in *field*; None when there is none that can be read."""
        return parse_time(find_field(look, field), self.settings.time_format, self.zone)

    def find_place(self, look: Lookup) -> Part | None:
        """Return where a text stands in a long one; None when it is whole."""
        names = (self.fields.part_reference, self.fields.part_number, self.fields.part_total)
        return parse_part(*(find_field(look, name) for name in names))

    def is_report(self, look: Lookup) -> bool:
        """Tell a delivery report from a text: it has a status, and no text."""
        reports = self.settings.reports
        if reports is None or not is_there(look, reports.status):
            return False
        return not is_there(look, self.fields.text)

    def hand_over_report(self, look: Lookup) -> Handover:
        """Return a delivery report; nothing for an event that names no text of ours."""
        reports = self.settings.reports
        if reports is None:
            return Handover()
        status = find_field(look, reports.status)
        report = Report(
            status=sort_status(status, reports),
            detail=" ".join([status, find_field(look, reports.detail)]).strip(),
            upstream_id=find_field(look, reports.id),
            reply_id=find_field(look, reports.reply),
            reported_at=self.find_time(look, reports.time),
        )
        return Handover(reports=(report,) if report.upstream_id or report.reply_id else ())

    def answer(self, reply: str) -> Answer:
        """Say OK as ``ack`` says; ``without_reply`` where there is nothing to be said."""
        ack = self.settings.ack
        body = ack.body
        if self.answers_in_body:
            body = body.replace(REPLY, escape(reply, ack.content_type))
            body = body if reply else ack.without_reply
        return Answer(ack.status, ack.content_type, body.encode("utf-8", "replace"))

    def decode(self, data: bytes) -> str:
        """Turn bytes into text in ``charset``, or in what it plainly is instead."""
        return decode_labelled(data, self.settings.charset).removeprefix("\ufeff")

    def name_media_type(self, request: GatewayRequest) -> str:
        """Return the media type of what is kept."""
        if request.method != "POST":
            return FORM
        return request.content_type or MEDIA_TYPES[self.settings.body]


def find_first(look: Lookup, field: str) -> str | None:
    """Return the first of the fields in *field* that is not empty; None when none is there."""
    found = [value for one in field.split("|") if one and (value := look(one)) is not None]
    return next((value for value in found if value.strip()), found[0] if found else None)


def get_field(look: Lookup, field: str) -> str:
    """Return a field that must be there."""
    value = find_first(look, field)
    if value is None:
        raise PermanentError(f"the field {field} is missing")
    return value


def find_field(look: Lookup, field: str) -> str:
    """Return a field that may be missing, or not be asked for at all, as empty."""
    return clean_text(find_first(look, field) or "").strip()


def is_there(look: Lookup, field: str) -> bool:
    """Tell whether a field holds a text, even an empty one."""
    try:
        return find_first(look, field) is not None
    except PermanentError:
        return False


def sort_status(status: str, reports: SmsReports) -> ReportStatus:
    """Say how far a text got, by the patterns of ``reports``."""
    if re.fullmatch(reports.delivered, status, re.IGNORECASE):
        return ReportStatus.DELIVERED
    failed = re.fullmatch(reports.undelivered, status, re.IGNORECASE)
    return ReportStatus.UNDELIVERED if failed else ReportStatus.UNDER_WAY


def look_in_json(document: object, request: GatewayRequest) -> Lookup:
    """Return what finds a field by its dotted path."""

    def look(field: str) -> str | None:
        if field.startswith("header:"):
            return request.find_header(field.removeprefix("header:"))
        value = find_path(document, field)
        if value is None or isinstance(value, str):
            return value
        raise PermanentError(f"the field {field} is no text")

    return look


def escape(reply: str, content_type: str) -> str:
    """Make *reply* safe inside the kind of document that ``ack.body`` is."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith(("xml", "html")):
        return escape_xml(reply)
    if kind.endswith("json"):
        return json.dumps(reply, ensure_ascii=False)[1:-1]
    return reply
