"""
SMSC.ru and the hosts with the same engine (smsc.kz, smscentre): asked for texts, told of reports.

Their pushing of texts to an address of ours is known by hearsay alone; ``fields`` may rename what
it brings.
"""

import datetime as dt
import math

from ingest.channels.gateways.documents import (
    cut_items,
    dump_item,
    find_path,
    keep_item,
    list_items,
    parse_json,
)
from ingest.channels.gateways.encodings import decode_labelled, mend_percent
from ingest.channels.gateways.forms import keep_raw, read_field, read_form
from ingest.channels.gateways.request import (
    UNDATED,
    Answer,
    GatewayRequest,
    Handover,
    PollRequest,
    Report,
    Text,
    clean_text,
    make_external_id,
    parse_time,
    spell_missing,
)
from ingest.errors import PermanentError, TransientError
from ingest.model import ReportStatus
from ingest.settings import SmsFields, SmsSend, SmsSettings

TIME_FORMAT = "%d.%m.%Y %H:%M:%S"
MOST_HOURS = 168
"""The engine keeps texts that were received for a week."""
LOOK_AGAIN_EVERY, LOOK_AGAIN_AT = 600, 301
"""Seconds; not on the stroke of the hour, when everybody asks."""
LONGEST_NUMBER = len(str(2**63 - 1))
"""Digits that a position may have, and one more; a cursor is kept as 64 bits."""
NOTHING_FOUND = "3"
WRONG = frozenset({"1", "2"})
"""Error codes that a person must put in order: a parameter, login or password."""

PUSHED = SmsFields(sender="phone", text="mes", id="id", recipient="to", time="time")
DELIVERED = frozenset({"1", "2", "4"})
"""Statuses: delivered, read, link opened."""
UNDER_WAY = frozenset({"-3", "-2", "-1", "0"})

SEND = SmsSend(
    url="https://smsc.ru/sys/send.php",
    fields={
        "apikey": "{secret}",
        "phones": "{digits}",
        "mes": "{text}",
        "charset": "utf-8",
        "fmt": "3",
    },
    success=r'"cnt":\s*\d',
    id_pattern=r'"id":\s*"?([^",}\s]+)',
    permanent=r'"error_code":\s*"?[15678]\b',
    # 2 login or password, 3 no money, 4 the address is blocked for now, 9 too often: nothing left.
    retry=r'"error_code":\s*"?[2349]\b',
)


class SmscGateway:
    """Fetches texts with a cursor, and reads what is pushed."""

    answers_in_body = False
    send = SEND

    def __init__(self, settings: SmsSettings, zone: dt.tzinfo) -> None:
        self.settings = settings
        self.zone = zone
        self.fields = settings.fields or PUSHED

    def ask(self, position: int, now: dt.datetime) -> PollRequest:
        """Ask for what has a higher id, or for the last hours when nothing was ever fetched."""
        if position:
            return make_question(after_id=str(position))
        hours = math.ceil(self.settings.poll.look_back / 3600)
        return make_question(hour=str(max(1, min(MOST_HOURS, hours))))

    def ask_again(self, now: dt.datetime) -> PollRequest | None:
        """
        Ask for the last hour as well, every ten minutes or at each look that is rarer.

        An id may show itself behind a higher one, and would be passed over. What was fetched
        already is a repeat.
        """
        since = (now.timestamp() - LOOK_AGAIN_AT) % LOOK_AGAIN_EVERY
        return make_question(hour="1") if since < self.settings.poll.every else None

    def read_answers(
        self, asked: PollRequest, status: int, body: bytes, received_at: dt.datetime
    ) -> tuple[Handover, int]:
        """Return the texts and the highest id."""
        document = read_document(status, body)
        if is_error(document):
            return Handover(), 0
        items = list_items(document, ".")
        raws = cut_items(body, ".")
        if len(raws) != len(items):
            raws = [dump_item(item) for item in items]
        texts = tuple(self.read_item(item, raw) for item, raw in zip(items, raws, strict=True))
        return Handover(texts), max((read_id(item) for item in items), default=0)

    def read_item(self, item: object, raw: bytes) -> Text:
        """Read one text of the list; what is none is kept for a person."""
        sender, text, given, recipient = (
            read_word(item, name) for name in ("phone", "message", "id", "to_phone")
        )
        if sender is None or text is None:
            return keep_item(raw, UNDATED)
        sent_at, received_at = (
            parse_time(read_word(item, name) or "", TIME_FORMAT, self.zone)
            for name in ("sent", "received")
        )
        return Text(
            sender=sender,
            text=text,
            external_id=make_external_id(given or "", sender, text, sent_at or UNDATED),
            recipient=recipient or "",
            sent_at=sent_at,
            raw=raw,
            media_type="application/json",
            arrived_at=received_at or sent_at,
        )

    def read(self, request: GatewayRequest, received_at: dt.datetime) -> Handover:
        """Return what is pushed; raises :exc:`PermanentError` for what is malformed."""
        fields = read_form(request)
        if self.fields.text in fields and self.fields.sender in fields:
            return Handover((self.read_pushed(request, fields, received_at),))
        if "status" in fields and "id" in fields:
            return Handover(reports=(read_report(fields),))
        found = {name: fields.get(name) for name in (self.fields.sender, self.fields.text)}
        raise PermanentError(
            f"{spell_missing(found)}, and it is no report with id and status either"
        )

    def read_pushed(
        self, request: GatewayRequest, fields: dict[str, bytes], received_at: dt.datetime
    ) -> Text:
        """Read a text that was pushed."""
        names = self.fields
        sender, given, recipient, time = (
            read_field(fields, name)
            for name in (names.sender, names.id, names.recipient, names.time)
        )
        data = mend_percent(fields[names.text])
        text = clean_text(decode_labelled(data, self.settings.charset))
        sent_at = parse_time(time, TIME_FORMAT, self.zone)
        raw, media_type = keep_raw(request)
        return Text(
            sender=sender,
            text=text,
            external_id=make_external_id(given, sender, text, sent_at or received_at),
            recipient=recipient,
            sent_at=sent_at,
            raw=raw,
            media_type=media_type,
            arrived_at=sent_at if self.settings.time_is == "arrival" else None,
        )

    def answer(self, reply: str) -> Answer:
        """Say OK; nobody looks at the body."""
        return Answer(200, "text/plain", b"OK")


def make_question(**since: str) -> PollRequest:
    """Return the request for texts *since* an id or some hours ago."""
    fields = {"get_answers": "1", "apikey": "{secret}", "fmt": "3", **since}
    return PollRequest(url="https://smsc.ru/sys/get.php", fields=fields, method="POST")


def read_document(status: int, body: bytes) -> object:
    """Return the JSON of an answer; anything else is a fault that passes."""
    if status != 200:  # noqa: PLR2004 -- HTTP's OK
        raise TransientError(f"the gateway answers {status}")
    try:
        return parse_json(body.decode("utf-8", "replace"))
    except PermanentError:
        raise TransientError("the gateway does not answer with JSON") from None


def is_error(document: object) -> bool:
    """Tell «nothing found» (true) from a list of texts; any other error is raised."""
    if not isinstance(document, dict):
        return False
    code = read_word(document, "error_code") or ""
    if code == NOTHING_FOUND:
        return True
    words = f"the gateway answers: error {code} {read_word(document, 'error') or ''}".strip()
    raise PermanentError(words) if code in WRONG else TransientError(words)


def read_word(item: object, name: str) -> str | None:
    """Return a value of an object as text; None where it is missing or no single value."""
    value = find_path(item, name)
    return clean_text(value).strip() if isinstance(value, str) else None


def read_id(item: object) -> int:
    """Return the id of a text as a position; 0 where it is no number."""
    word = read_word(item, "id") or ""
    return int(word) if word.isascii() and word.isdigit() and len(word) < LONGEST_NUMBER else 0


def read_report(fields: dict[str, bytes]) -> Report:
    """Read a pushed status of a text of ours."""
    status, error, time = (read_field(fields, name) for name in ("status", "err", "time"))
    return Report(
        status=sort_status(status),
        detail=f"{status} {error}".strip() or "no status",
        upstream_id=read_field(fields, "id"),
        reported_at=parse_time(time, TIME_FORMAT, dt.UTC) if error else None,
    )


def sort_status(status: str) -> ReportStatus:
    """Say how far the text got."""
    if status in DELIVERED:
        return ReportStatus.DELIVERED
    return ReportStatus.UNDER_WAY if status in UNDER_WAY else ReportStatus.UNDELIVERED
