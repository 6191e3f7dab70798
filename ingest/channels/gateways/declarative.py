"""A gateway that config.toml describes: where the fields stand, and what it wants to hear."""

import datetime as dt
import html
import json
from collections.abc import Callable
from typing import Any

import msgspec

from ingest.channels.gateways.request import (
    FORM,
    Answer,
    GatewayRequest,
    Handover,
    Text,
    clean_text,
    make_external_id,
    parse_time,
    split_form,
)
from ingest.errors import ConfigError, PermanentError
from ingest.settings import SmsSettings

Lookup = Callable[[str], str | None]
MEDIA_TYPES = {"form": FORM, "json": "application/json", "text": "text/plain"}
REPLY = "{reply}"


class DeclarativeGateway:
    """Reads requests as ``fields``, ``body`` and ``batch`` say; answers as ``ack`` says."""

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
        """Return the texts in *request*; raises :exc:`PermanentError` for what is malformed."""
        return Handover(self.read_texts(request, received_at))

    def read_texts(self, request: GatewayRequest, received_at: dt.datetime) -> tuple[Text, ...]:
        """Return the texts in *request*; raises :exc:`PermanentError` for what is malformed."""
        if request.method == "POST" and self.settings.body == "json":
            return self.read_json(request, received_at)
        raw = request.body if request.method == "POST" else request.query
        media_type = self.name_media_type(request)
        return (self.make_text(self.look_in_form(request), raw, media_type, received_at),)

    def look_in_form(self, request: GatewayRequest) -> Lookup:
        """Return what finds a field in form or query; in a ``text`` body the text is the whole."""
        values = split_form(request.query)
        if request.method == "POST" and self.settings.body == "form":
            if request.content_type.lower().startswith("multipart/"):
                raise PermanentError("the body is multipart, wanted an urlencoded form")
            values |= split_form(request.body)
        if request.method == "POST" and self.settings.body == "text":
            values[self.fields.text] = request.body

        def look(field: str) -> str | None:
            if field.startswith("header:"):
                return request.find_header(field.removeprefix("header:"))
            return None if field not in values else self.decode(values[field])

        return look

    def read_json(self, request: GatewayRequest, received_at: dt.datetime) -> tuple[Text, ...]:
        """Read one text, or each of a batch."""
        body = self.decode(request.body)
        media_type = self.name_media_type(request)
        if not self.settings.batch:
            look = look_in_json(parse_json(body), request)
            return (self.make_text(look, request.body, media_type, received_at),)
        items = list_items(parse_json(body), self.settings.batch)
        raws = cut_items(request.body, self.settings.batch)
        if len(raws) != len(items):
            raws = [dump_item(item) for item in items]
        read = [
            self.read_item(item, raw, request, received_at)
            for item, raw in zip(items, raws, strict=True)
        ]
        if items and not any(read):
            raise PermanentError(f"not one item under {self.settings.batch!r} is a text")
        return tuple(
            text or keep_item(raw, received_at) for raw, text in zip(raws, read, strict=True)
        )

    def read_item(
        self, item: object, raw: bytes, request: GatewayRequest, received_at: dt.datetime
    ) -> Text | None:
        """Read one item of a batch; None when it is malformed."""
        look = look_in_json(item, request)
        try:
            return self.make_text(look, raw, "application/json", received_at)
        except PermanentError:
            return None

    def make_text(
        self, look: Lookup, raw: bytes, media_type: str, received_at: dt.datetime
    ) -> Text:
        """Put a text together from its fields; sender and text must be there, even if empty."""
        sender = clean_text(get_field(look, self.fields.sender)).strip()
        text = clean_text(get_field(look, self.fields.text))
        given = find_field(look, self.fields.id)
        sent_at = parse_time(
            find_field(look, self.fields.time), self.settings.time_format, self.zone
        )
        return Text(
            sender=sender,
            text=text,
            external_id=make_external_id(given, sender, text, sent_at or received_at),
            recipient=find_field(look, self.fields.recipient),
            sent_at=sent_at,
            raw=raw,
            media_type=media_type,
        )

    def answer(self, reply: str) -> Answer:
        """Say OK as ``ack`` says; without a reply a body that carries one stays empty."""
        ack = self.settings.ack
        body = ack.body
        if self.answers_in_body:
            body = body.replace(REPLY, escape(reply, ack.content_type)) if reply else ""
        return Answer(ack.status, ack.content_type, body.encode("utf-8", "replace"))

    def decode(self, data: bytes) -> str:
        """Turn bytes into text; what is no text in ``charset`` shows as U+FFFD."""
        return data.decode(self.settings.charset, "replace").removeprefix("\ufeff")

    def name_media_type(self, request: GatewayRequest) -> str:
        """Return the media type of what is kept."""
        if request.method != "POST":
            return FORM
        return request.content_type or MEDIA_TYPES[self.settings.body]


def get_field(look: Lookup, field: str) -> str:
    """Return a field that must be there."""
    value = look(field)
    if value is None:
        raise PermanentError(f"the field {field} is missing")
    return value


def find_field(look: Lookup, field: str) -> str:
    """Return a field that may be missing, or not be asked for at all, as empty."""
    return clean_text((look(field) or "") if field else "").strip()


def parse_json(text: str) -> object:
    """Read JSON strictly; numbers stay text, so that none of their digits is lost."""
    try:
        return json.loads(
            text,
            parse_int=str,
            parse_float=str,
            parse_constant=refuse_constant,
            object_pairs_hook=join_pairs,
        )
    except (ValueError, RecursionError):
        raise PermanentError("the body is no JSON that can be read") from None


def refuse_constant(name: str) -> object:
    """Refuse NaN and Infinity, which JSON does not know."""
    raise ValueError(name)


def join_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; a key that stands twice leaves open which of them counts."""
    joined = dict(pairs)
    if len(joined) < len(pairs):
        raise ValueError("a key stands twice")
    return joined


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


def find_path(document: object, path: str) -> object:
    """Follow a dotted path; a number in it counts from 0 in a list. None when it leads nowhere."""
    for key in path.split("."):
        if isinstance(document, dict):
            document = document.get(key)
        elif isinstance(document, list) and key.isascii() and key.isdigit():
            document = document[int(key)] if int(key) < len(document) else None
        else:
            return None
    return document


def list_items(document: object, path: str) -> list[object]:
    """Return the list at *path*; ``.`` is the document itself."""
    found = document if path == "." else find_path(document, path)
    if not isinstance(found, list):
        raise PermanentError(f"there is no list under {path!r}")
    return found


def cut_items(body: bytes, path: str) -> list[bytes]:
    """
    Return the items at *path* byte for byte: the whole body beside each would be too much.

    An empty list where the body is written in a way that they cannot be cut out of it.
    """
    try:
        found = msgspec.Raw(body)
        for key in () if path == "." else path.split("."):
            found = msgspec.json.decode(found, type=dict[str, msgspec.Raw])[key]
        return [bytes(one) for one in msgspec.json.decode(found, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, KeyError, RecursionError):
        return []


def dump_item(item: object) -> bytes:
    """Write one item of a batch down anew, where its bytes cannot be told."""
    try:
        return json.dumps(item).encode()
    except RecursionError:
        raise PermanentError("an item is nested too deep") from None


def keep_item(raw: bytes, received_at: dt.datetime) -> Text:
    """Keep an item that cannot be read as a text of its own, for a person to see."""
    text = raw.decode("utf-8", "replace")
    return Text(
        sender="",
        text=text,
        external_id=make_external_id("", "", text, received_at),
        recipient="",
        sent_at=None,
        raw=raw,
        media_type="application/json",
    )


def escape(reply: str, content_type: str) -> str:
    """Make *reply* safe inside the kind of document that ``ack.body`` is."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith(("xml", "html")):
        return html.escape(reply)
    if kind.endswith("json"):
        return json.dumps(reply, ensure_ascii=False)[1:-1]
    return reply
