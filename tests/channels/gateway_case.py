"""
The shape of the tables in ``gateway_cases/``, and the one runner that judges a case.

A module there describes one gateway: ``GATEWAY`` (its name in config.toml), ``SETTINGS`` (the rest
of its table), ``CASES``, and for gateways that are asked ``POLLED``. With ``AUTH`` and ``SECRET``
each case is also held to its signature.
"""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from msgspec import Struct

from ingest.channels.gateways.catalogue import GATEWAYS
from ingest.channels.gateways.forms import read_form
from ingest.channels.gateways.request import (
    FORM,
    Answer,
    Gateway,
    GatewayRequest,
    Handover,
    Part,
    Text,
    make_external_id,
)
from ingest.errors import PermanentError
from ingest.model import ReportStatus
from ingest.settings import SmsSettings

RECEIVED_AT = dt.datetime(2026, 11, 24, 5, 0, 10, tzinfo=dt.UTC)
"""When every request of the tables came in."""
ZONE = ZoneInfo("Asia/Krasnoyarsk")
NOON = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
"""Noon in Krasnoyarsk: the sender's own time wherever a table gives one."""
READING = "123456789012*5467;"
REPLY = "Принято: 5467 кВт·ч, код 7K4M-2Q9X"


class Taken(Struct, frozen=True, kw_only=True):
    """A text as it must have been understood."""

    sender: str
    text: str
    id: str = ""
    """The gateway's own id; empty when sender, text and minute make one."""
    recipient: str = ""
    sent_at: dt.datetime | None = None
    part: Part | None = None


class Told(Struct, frozen=True, kw_only=True):
    """A delivery report as it must have been understood."""

    status: ReportStatus
    upstream_id: str = ""
    reply_id: str = ""
    detail: str | None = None
    """None: whatever it is, it is not empty."""


class Case(Struct, frozen=True, kw_only=True):
    """One request, and all that must come of it."""

    label: str
    request: GatewayRequest
    texts: tuple[Taken, ...] = ()
    reports: tuple[Told, ...] = ()
    refused: str = ""
    """A part of what is said about a request that is malformed."""
    answer: Answer | None = None
    """What the gateway is told after the commit; None: not looked at."""
    reply: str = REPLY
    """The reply that is owed when it is told so."""
    settings: dict[str, Any] = {}
    """On top of the module's ``SETTINGS``."""
    is_authentic: bool = True
    """Whether the request proves that its writer knows the module's ``SECRET``."""


class PolledCase(Struct, frozen=True, kw_only=True):
    """One answer of a gateway that was asked, and all that must come of it."""

    label: str
    body: bytes
    status: int = 200
    texts: tuple[Taken, ...] = ()
    reports: tuple[Told, ...] = ()
    position: int = 0
    """What is reached; 0: nothing new."""
    failure: type[Exception] | None = None
    settings: dict[str, Any] = {}


def a_post(
    body: bytes | str, *, query: bytes | str = b"", content_type: str = FORM, **headers: str
) -> GatewayRequest:
    """Return a POST; underscores in the names of headers become hyphens."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return GatewayRequest(
        method="POST",
        query=to_bytes(query),
        body=to_bytes(body),
        headers=(("Content-Type", content_type), *named),
        content_type=content_type,
    )


def a_json(body: bytes | str, **headers: str) -> GatewayRequest:
    """Return a POST of a JSON document."""
    return a_post(body, content_type="application/json", **headers)


def a_get(query: bytes | str, **headers: str) -> GatewayRequest:
    """Return a GET; all is in its query."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return GatewayRequest(method="GET", query=to_bytes(query), headers=named)


def to_bytes(text: bytes | str) -> bytes:
    """Return *text* in UTF-8 if it is not bytes already."""
    return text.encode() if isinstance(text, str) else text


def escaped(text: str, charset: str = "utf-8") -> str:
    """Return *text* with every byte percent-encoded."""
    return "".join(f"%{byte:02X}" for byte in text.encode(charset))


def build(gateway: str, settings: dict[str, Any]) -> Gateway:
    """Return a gateway as config.toml would describe it."""
    table = {"type": "sms", "window": "all", "gateway": gateway, **settings}
    return GATEWAYS[gateway](msgspec.convert(table, SmsSettings), ZONE)


def run_case(gateway: Gateway, case: Case) -> None:
    """Hold *gateway* to *case*: texts, reports, answer or refusal, and the same when it repeats."""
    if case.refused:
        with pytest.raises(PermanentError) as caught:
            gateway.read(case.request, RECEIVED_AT)
        assert case.refused in str(caught.value)
        return
    handover = gateway.read(case.request, RECEIVED_AT)
    assert_handover(handover, case.texts, case.reports)
    again = gateway.read(case.request, RECEIVED_AT + dt.timedelta(seconds=20))
    assert list_ids(handover) == list_ids(again)
    kept = [case.request.body, case.request.query, *read_form(case.request).values()]
    assert all(any(text.raw in one for one in kept) for text in handover.texts)
    if case.answer is not None:
        assert case.answer == gateway.answer(case.reply)


def assert_handover(
    handover: Handover,
    texts: tuple[Taken, ...],
    reports: tuple[Told, ...],
    came_at: dt.datetime = RECEIVED_AT,
) -> None:
    """Compare what was understood, text by text and report by report."""
    assert [name_parts(taken) for taken in texts] == [
        (text.sender, text.text, text.recipient, text.sent_at, text.part) for text in handover.texts
    ]
    assert [
        make_external_id(taken.id, taken.sender, taken.text, taken.sent_at or came_at)
        for taken in texts
    ] == list_ids(handover)
    assert [(told.status, told.upstream_id, told.reply_id) for told in reports] == [
        (report.status, report.upstream_id, report.reply_id) for report in handover.reports
    ]
    for told, report in zip(reports, handover.reports, strict=True):
        assert report.detail if told.detail is None else told.detail == report.detail


def name_parts(taken: Taken) -> tuple[str, str, str, dt.datetime | None, Part | None]:
    """Return what is compared of a text; its id is looked at apart."""
    return (taken.sender, taken.text, taken.recipient, taken.sent_at, taken.part)


def list_ids(handover: Handover) -> list[str]:
    """Return what the texts will be known by."""
    return [text.external_id for text in handover.texts]


def is_storable(text: Text) -> bool:
    """Tell whether PostgreSQL takes every word of it; raises where UTF-8 does not."""
    words = (text.sender, text.text, text.external_id, text.recipient)
    return all("\0" not in word and word.encode() is not None for word in words)
