"""
MTS Exolve: asked for its list of texts time and again, span by span.

Neither the words of its ``direction`` nor what it pushes are documented well enough to rely on.
So a text was received when one of our numbers received it, and ``fields`` may rename everything.
"""

import datetime as dt
import re

from msgspec.structs import replace

from ingest.channels.gateways.documents import (
    cut_items,
    dump_item,
    find_path,
    keep_item,
    list_items,
    parse_json,
)
from ingest.channels.gateways.request import (
    UNDATED,
    Answer,
    GatewayRequest,
    Handover,
    PollRequest,
    Report,
    Text,
    TooManyError,
    clean_text,
    make_external_id,
    parse_time,
)
from ingest.errors import PermanentError, TransientError
from ingest.model import ReportStatus
from ingest.settings import SmsFields, SmsSend, SmsSettings

LISTED = SmsFields(sender="sender", text="text", id="message_id", recipient="receiver", time="date")
LIST = "messages"
SPAN = dt.timedelta(hours=1)
"""How much is asked for at once."""
OVERLAP = dt.timedelta(minutes=10)
"""How late a text may appear in the list; what was fetched already is a repeat."""
SHORTEST = dt.timedelta(seconds=1)
"""What the filters of the list can tell apart."""
MOST_TEXTS, FEWEST_TEXTS = 2000, 100
"""More than this are not listed at once: when it is asked for, and when it is not."""
INWARD = frozenset({"in", "inbound", "incoming", "received"})
OUTWARD = frozenset({"out", "outbound", "outgoing", "sent"})
UNAUTHORIZED = frozenset({401, 403})
DELIVERED = re.compile(r"deliver", re.IGNORECASE)
UNDELIVERED = re.compile(r"undeliver|not_?deliver|fail|reject|expire|error", re.IGNORECASE)

SEND = SmsSend(
    url="https://api.exolve.ru/messaging/v1/SendSMS",
    body="json",
    fields={"number": "{from}", "destination": "{digits}", "text": "{text}"},
    headers={"Authorization": "Bearer {secret}"},
    success='"message_id"',
    id_pattern=r'"message_id":\s*"?([^",}\s]+)',
)


class ExolveGateway:
    """Fetches received texts; reads pushed ones as ``fields`` says."""

    answers_in_body = False
    send = SEND

    def __init__(self, settings: SmsSettings, zone: dt.tzinfo) -> None:
        self.settings = settings
        self.zone = zone
        self.fields = settings.fields or LISTED
        self.list = settings.batch or LIST
        self.numbers = find_numbers(settings)

    def ask(self, position: int, now: dt.datetime) -> PollRequest:
        """Ask for one span, which begins where all is known to be listed."""
        look_back = dt.timedelta(seconds=self.settings.poll.look_back)
        reached = dt.datetime.fromtimestamp(position, dt.UTC) if position else now - look_back
        begin = min(reached, now - OVERLAP)
        fields = {
            "date_gte": write_time(begin),
            "date_lte": write_time(min(begin + SPAN, now)),
            "limit": str(MOST_TEXTS),
        }
        return PollRequest(
            url="https://api.exolve.ru/messaging/v1/GetList",
            fields=fields,
            method="POST",
            body="json",
            headers={"Authorization": "Bearer {secret}"},
        )

    def ask_again(self, now: dt.datetime) -> PollRequest | None:
        """Ask nothing more: each span begins early enough."""
        return None

    def read_answers(
        self, asked: PollRequest, status: int, body: bytes, received_at: dt.datetime
    ) -> tuple[Handover, int]:
        """
        Return the received texts among those listed, and up to when all is known to be listed.

        That is no later than ten minutes ago, so that however short a span was, the next one
        begins behind its begin.
        """
        most = int(asked.fields.get("limit", "") or FEWEST_TEXTS)
        items, raws = read_list(status, body, self.list)
        if len(items) >= most:
            raise narrow(asked, most)
        texts = tuple(
            text
            for item, raw in zip(items, raws, strict=True)
            if (text := self.read_item(item, raw)) is not None
        )
        end = parse_time(asked.fields.get("date_lte", ""), "iso", dt.UTC) or received_at
        is_news = bool(texts) or end < received_at - OVERLAP
        reached = min(end, received_at - OVERLAP)
        return Handover(texts), int(reached.timestamp()) if is_news else 0

    def read_item(self, item: object, raw: bytes) -> Text | None:
        """Read one text; None when it is one that was sent."""
        sender, text, given, recipient, time = (
            find_word(item, path)
            for path in (
                self.fields.sender,
                self.fields.text,
                self.fields.id,
                self.fields.recipient,
                self.fields.time,
            )
        )
        if not self.is_received(item, recipient or ""):
            return None
        if sender is None or text is None:
            return keep_item(raw, UNDATED)
        sent_at = parse_time(time or "", self.settings.time_format, self.zone)
        return Text(
            sender=sender,
            text=text,
            external_id=make_external_id(given or "", sender, text, sent_at or UNDATED),
            recipient=recipient or "",
            sent_at=sent_at,
            raw=raw,
            media_type="application/json",
            arrived_at=sent_at,
        )

    def is_received(self, item: object, recipient: str) -> bool:
        """Tell received from sent: taking our own replies for readings would never end."""
        if self.numbers:
            return get_digits(recipient) in self.numbers
        direction = find_word(item, "direction") or ""
        words = set(re.findall("[a-z]+", direction.lower()))
        if not words & (INWARD | OUTWARD):
            raise PermanentError(
                f"direction: found {direction!r}, which does not tell received from sent; "
                "give poll.fields.number, the number at the gateway"
            )
        return bool(words & INWARD)

    def read(self, request: GatewayRequest, received_at: dt.datetime) -> Handover:
        """Return what is pushed; raises :exc:`PermanentError` for what is malformed."""
        event = parse_json(request.body.decode("utf-8", "replace"))
        sender, text = (find_word(event, path) for path in (self.fields.sender, self.fields.text))
        given = find_word(event, self.fields.id) or ""
        if sender is None or text is None:
            return Handover(reports=(read_report(event, given),))
        recipient = find_word(event, self.fields.recipient) or ""
        time = find_word(event, self.fields.time) or ""
        sent_at = parse_time(time, self.settings.time_format, self.zone)
        whole = Text(
            sender=sender,
            text=text,
            external_id=make_external_id(given, sender, text, sent_at or received_at),
            recipient=recipient,
            sent_at=sent_at,
            raw=request.body,
            media_type=request.content_type or "application/json",
            arrived_at=sent_at,
        )
        return Handover((whole,))

    def answer(self, reply: str) -> Answer:
        """Say OK; nobody looks at the body."""
        return Answer(200, "text/plain", b"OK")


def narrow(asked: PollRequest, most: int) -> PermanentError:
    """Return what to raise for a list that was cut: half of the span is to be asked for."""
    begin, end = (
        parse_time(asked.fields.get(name, ""), "iso", dt.UTC) for name in ("date_gte", "date_lte")
    )
    problem = f"more than {most} texts between {begin} and {end}: some are not listed"
    if begin is None or end is None or end - begin <= SHORTEST:
        return PermanentError(problem)
    half = write_time(begin + max((end - begin) / 2, SHORTEST))
    return TooManyError(problem, replace(asked, fields=asked.fields | {"date_lte": half}))


def find_numbers(settings: SmsSettings) -> frozenset[str]:
    """Return our own numbers at the gateway: those asked for, and the one we send from."""
    sent_from = "" if settings.send is None else settings.send.values.get("from", "")
    written = f"{settings.poll.fields.get('number', '')},{sent_from}"
    return frozenset(digits for one in written.split(",") if (digits := get_digits(one)))


def read_list(status: int, body: bytes, path: str) -> tuple[list[object], list[bytes]]:
    """Return what is listed, each with its bytes; raises for an answer that is no list."""
    if status in UNAUTHORIZED:
        raise PermanentError(f"the gateway answers {status}: the key is not accepted")
    if status != 200:  # noqa: PLR2004 -- HTTP's OK
        raise TransientError(f"the gateway answers {status}")
    try:
        document = parse_json(body.decode("utf-8", "replace"))
        items = [] if find_path(document, path) is None else list_items(document, path)
    except PermanentError as error:
        raise TransientError(f"the gateway's answer is odd: {error}") from None
    raws = cut_items(body, path)
    return items, raws if len(raws) == len(items) else [dump_item(item) for item in items]


def read_report(event: object, given: str) -> Report:
    """Read the fate of a text of ours; raises :exc:`PermanentError` where there is none."""
    words = find_word(event, "delivery_status") or find_word(event, "status")
    if not given or words is None:
        raise PermanentError("neither a text nor a report can be seen in it; see fields")
    return Report(status=sort_status(words), detail=words or "no status", upstream_id=given)


def sort_status(words: str) -> ReportStatus:
    """Say how far the text got, by the gateway's words."""
    if UNDELIVERED.search(words):
        return ReportStatus.UNDELIVERED
    return ReportStatus.DELIVERED if DELIVERED.search(words) else ReportStatus.UNDER_WAY


def write_time(at: dt.datetime) -> str:
    """Write a moment as the list's filters want it."""
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def get_digits(number: str) -> str:
    """Return the digits of a telephone number."""
    return re.sub("[^0-9]", "", number)


def find_word(event: object, path: str) -> str | None:
    """Return a value as text; None where it is missing, null or no single value."""
    value = find_path(event, path) if path else None
    return clean_text(value).strip() if isinstance(value, str) else None
