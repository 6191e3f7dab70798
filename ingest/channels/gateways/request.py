"""What all SMS gateways have in common: the request as it came, the texts in it, the answer."""

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from typing import Protocol, runtime_checkable
from urllib.parse import unquote_to_bytes

from msgspec import Struct, structs

from ingest.errors import PermanentError
from ingest.model import ReportStatus
from ingest.settings import SmsPoll, SmsSend

FORM = "application/x-www-form-urlencoded"
LONGEST_ID = 180
"""Characters of an id that are kept as they came; a longer one would not fit into an index."""
MARK = 16
"""Characters of the mark that tells one text from another under the same id."""

UNDATED = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""The minute of a text without id and time that was fetched: it is fetched time and again."""

UNSTORABLE = re.compile("[\ud800-\udfff\0]")


class GatewayRequest(Struct, frozen=True, kw_only=True):
    """One HTTP request of a gateway, with nothing decoded yet."""

    method: str
    origin: str = ""
    """``http.public_url``: the path of our own follows it."""
    path: bytes = b""
    """As it was asked for, still percent-encoded: ``/channels/NAME`` and what is below it."""
    query: bytes = b""
    """What stands after the ``?``, still percent-encoded."""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    content_type: str = ""

    def find_header(self, name: str) -> str | None:
        """Return the first header called *name*, in whatever case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


class Part(Struct, frozen=True):
    """Where a text stands in a long one that the gateway hands over in pieces."""

    reference: str
    """What the pieces of one text share; a sender uses it again after a while."""
    number: int
    """From 1."""
    total: int


class Text(Struct, frozen=True, kw_only=True):
    """One SMS as its gateway handed it over."""

    sender: str
    """As it came, so that a reply can be addressed the same way."""
    text: str
    external_id: str
    recipient: str
    sent_at: dt.datetime | None
    raw: bytes
    media_type: str
    part: Part | None = None
    """None when it is whole."""
    arrived_at: dt.datetime | None = None
    """When the gateway took it, by a clock that no sender can set; None where it does not say."""


class Report(Struct, frozen=True, kw_only=True):
    """What a gateway says became of a text that we sent."""

    status: ReportStatus
    detail: str
    """The gateway's own code or words."""
    upstream_id: str = ""
    """Its id of the text."""
    reply_id: str = ""
    """Our ``{id}`` of the text, where the gateway repeats it."""
    reported_at: dt.datetime | None = None


class Handover(Struct, frozen=True):
    """What one request brought: texts, reports, both, or neither (an event of no interest)."""

    texts: tuple[Text, ...] = ()
    reports: tuple[Report, ...] = ()


class Answer(Struct, frozen=True):
    """What the gateway is told once everything is committed."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class PollRequest(Struct, frozen=True, kw_only=True):
    """What is asked of a gateway that does not bring its texts by itself."""

    url: str
    fields: dict[str, str]
    """Values may hold ``{secret}``; an empty value is left out."""
    method: str = "GET"
    """GET: the fields are the query. POST: they are the body."""
    body: str = "form"
    """How a POST is written: ``form`` or ``json``; dotted names nest as in ``send.fields``."""
    headers: dict[str, str] = {}
    """Values may hold ``{secret}`` as well."""


class TooManyError(PermanentError):
    """A list was cut because it is too long; asking for less of it at once may bring all."""

    def __init__(self, problem: str, narrower: PollRequest) -> None:
        super().__init__(problem)
        self.narrower = narrower


def adjust(asked: PollRequest, poll: SmsPoll) -> PollRequest:
    """Return what is asked with the operator's own address and fields put in."""
    fields = {name: value for name, value in (asked.fields | poll.fields).items() if value}
    return structs.replace(asked, url=poll.url or asked.url, fields=fields)


class Gateway(Protocol):
    """One gateway's way of speaking; pure, and told nothing that it does not need."""

    @property
    def answers_in_body(self) -> bool:
        """Whether the body of a response is texted to the customer."""

    @property
    def send(self) -> SmsSend | None:
        """
        The request that sends a text, as this gateway wants it; ``send`` may change each field.

        None where config.toml has to say all of it.
        """

    def read(self, request: GatewayRequest, received_at: dt.datetime) -> Handover:
        """Return what *request* brings; raises :exc:`PermanentError` for what is malformed."""

    def answer(self, reply: str) -> Answer:
        """Say OK; *reply* goes along where the body is texted to the customer."""


@runtime_checkable
class PolledGateway(Gateway, Protocol):
    """One that is asked for new texts time and again; most of these bring none by themselves."""

    def ask(self, position: int, now: dt.datetime) -> PollRequest:
        """Return the request for what came after *position*; 0: nothing was ever fetched."""

    def ask_again(self, now: dt.datetime) -> PollRequest | None:
        """
        Return a second request, for what may have shown itself late; None where none is due.

        Its answer never moves the position: what is behind it was perhaps not asked for at all.
        """

    def read_answers(
        self, asked: PollRequest, status: int, body: bytes, received_at: dt.datetime
    ) -> tuple[Handover, int]:
        """
        Return what the answer to *asked* brings and the position it reaches; 0: nothing new.

        Raises :exc:`TransientError` for «not now», :exc:`TooManyError` where less is to be asked
        for, and :exc:`PermanentError` for what a person must put in order (a wrong password); in
        all cases nothing was fetched.
        """


def split_form(data: bytes) -> dict[str, bytes]:
    """Read an urlencoded form; values stay bytes, and of a repeated field the first counts."""
    fields: dict[str, bytes] = {}
    for pair in data.split(b"&"):
        name, _, value = pair.partition(b"=")
        if name:
            fields.setdefault(unquote(name).decode("utf-8", "replace"), unquote(value))
    return fields


def drop_field(data: bytes, field: str) -> bytes:
    """Return an urlencoded form without *field*: a secret in it is not to be kept."""
    return b"&".join(
        pair
        for pair in data.split(b"&")
        if unquote(pair.partition(b"=")[0]).decode("utf-8", "replace") != field
    )


def spell_missing(fields: Mapping[str, object]) -> str:
    """Say which of *fields* has no value."""
    missing = [name for name, value in fields.items() if value is None]
    return f"the field {' and the field '.join(missing)} is missing"


def unquote(data: bytes) -> bytes:
    """Undo percent-encoding as forms use it."""
    if b"%" not in data and b"+" not in data:
        return data
    return unquote_to_bytes(data.replace(b"+", b" "))


def clean_text(text: str) -> str:
    """
    Put U+FFFD for what no database holds: lone surrogates and NUL.

    NUL at the ends is padding. Inside it must stay visible, or two numbers would become one.
    """
    return UNSTORABLE.sub("\ufffd", text.strip("\0"))


def make_external_id(given: str, sender: str, text: str, at: dt.datetime) -> str:
    """
    Return the gateway's own id with a mark of sender and text, or what those and the minute make.

    A retry repeats all three. An id that a gateway gives a second time, after it was set up anew
    perhaps, to another text, must not make that text vanish.
    """
    if not given:
        minute = at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M")
        return make_digest(sender, text, minute)
    if len(given) > LONGEST_ID:
        given = make_digest(given)
    return f"{given}#{make_digest(sender, text)[:MARK]}"


def make_digest(*parts: str) -> str:
    """Return a digest of *parts* in hex."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def parse_time(text: str, form: str, zone: dt.tzinfo) -> dt.datetime | None:
    """
    Read a time as ``iso``, ``epoch``, ``epoch-ms`` or a strptime format; None when it is none.

    The sender's time is only shown, so an odd one must not cost the message.
    """
    try:
        return read_time(text.strip(), form, zone).astimezone(dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None


def read_time(text: str, form: str, zone: dt.tzinfo) -> dt.datetime:
    """Read a time; one that carries no zone is in *zone*."""
    if form in ("epoch", "epoch-ms"):
        seconds = float(text) / (1000 if form == "epoch-ms" else 1)
        return dt.datetime.fromtimestamp(seconds, dt.UTC)
    iso = form == "iso"
    moment = dt.datetime.fromisoformat(text) if iso else dt.datetime.strptime(text, form)  # noqa: DTZ007 -- the zone follows
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
