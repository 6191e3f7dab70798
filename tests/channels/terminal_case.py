"""
The shape of the tables in ``terminal_cases/``, and the one runner that judges a case.

A module there describes one protocol: ``DIALECT`` (the table ``dialect`` of config.toml),
``CONTENT_TYPE`` of its answers, and ``CASES``.
"""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from msgspec import Struct, structs

from ingest.channels.dialects.online.catalogue import build_dialect
from ingest.channels.dialects.online.request import (
    Answer,
    Cause,
    Kind,
    OnlineDialect,
    OnlineError,
    Operation,
    RegisterShown,
    RegisterValue,
    Result,
    TerminalRequest,
)
from ingest.channels.gateways.request import FORM
from ingest.model import ACCEPTED, Disposition, Reason, Verdict
from ingest.settings.online import TerminalDialect

MOSCOW = ZoneInfo("Europe/Moscow")
PAID_AT = dt.datetime(2026, 11, 24, 9, 15, 30, tzinfo=MOSCOW)
"""The partner's own time wherever a table gives one."""
RECORDED_AT = dt.datetime(2026, 11, 24, 6, 15, 33, tzinfo=dt.UTC)
ACCOUNT = "123456789012"
RECEIPT = "7K4M-2Q9X"

CLOSED = Verdict(Disposition.REJECT, Reason.WINDOW_CLOSED)
HELD = Verdict(Disposition.HOLD, Reason.IMPLAUSIBLE)
UNKNOWN = Verdict(Disposition.REJECT, Reason.ACCOUNT_UNKNOWN)
MALFORMED = Verdict(Disposition.REJECT, Reason.ACCOUNT_MALFORMED)
DONE = Result(number="2016", operated_at=RECORDED_AT)
"""A payment without readings."""
TAKEN = structs.replace(DONE, verdict=ACCEPTED, receipt=RECEIPT)
REFUSED = structs.replace(
    TAKEN, verdict=CLOSED, message="Показания принимаются с 23 по 26 число. 7K4M-2Q9X"
)
AWAY = Result(cause=Cause.UNAVAILABLE)
TWO_ZONES = Result(
    registers=(
        RegisterShown(zone=1, meter="00123456", name="день", digits=5, last=5467),
        RegisterShown(zone=2, meter="00123456", name="ночь", digits=5),
    )
)


class Case(Struct, frozen=True, kw_only=True):
    """One request, what it must be understood as, and what must be answered byte for byte."""

    label: str
    request: TerminalRequest
    asked: dict[str, Any]
    """What differs from an operation about which nothing is known."""
    said: str
    result: Result = DONE
    """What the channel found out; without meaning where the request is refused."""
    refused: Cause | None = None
    """Why the request cannot be read; None: it can."""
    status: int = 200
    settings: dict[str, Any] = {}
    """On top of the module's ``DIALECT``."""


def a_get(query: str | bytes, path: str = "") -> TerminalRequest:
    """Return a GET."""
    data = query.encode() if isinstance(query, str) else query
    return TerminalRequest(method="GET", path=path, query=data)


def a_post(
    body: str | bytes, path: str = "", content_type: str = "application/json"
) -> TerminalRequest:
    """Return a POST."""
    data = body.encode() if isinstance(body, str) else body
    return TerminalRequest(method="POST", path=path, body=data, content_type=content_type)


def values(*texts: str, meter: str = "") -> tuple[RegisterValue, ...]:
    """Return readings of one meter, zone by zone; an empty text is a zone without."""
    return tuple(
        RegisterValue(text, zone, meter) for zone, text in enumerate(texts, start=1) if text
    )


def build(table: dict[str, Any], language: str = "ru") -> OnlineDialect:
    """Return a protocol as config.toml would describe it."""
    return build_dialect(msgspec.convert(table, TerminalDialect), MOSCOW, language)


def run_case(dialect: OnlineDialect, case: Case, content_type: str) -> None:
    """Hold *dialect* to *case*: operation and answer, or refusal, and the same the next time."""
    operation, result = read(dialect, case)
    assert case.refused == (result.cause if case.refused or result is not case.result else None)
    assert_operation(operation, case.asked)
    if case.refused is None:
        assert operation.raw in (case.request.body, case.request.query) or b"<password>" in (
            operation.raw
        )
    encoding = "cp1251" if "windows-1251" in content_type else "utf-8"
    expected = Answer(case.status, content_type, case.said.encode(encoding))
    assert expected == dialect.respond(operation, result)


def read(dialect: OnlineDialect, case: Case) -> tuple[Operation, Result]:
    """Return what was asked and what is to be answered to it."""
    if case.refused is None:
        return dialect.read(case.request), case.result
    with pytest.raises(OnlineError) as caught:
        dialect.read(case.request)
    assert not caught.value.result.may_heal
    return caught.value.operation, caught.value.result


def assert_operation(operation: Operation, asked: dict[str, Any]) -> None:
    """Compare all that was understood, but for the words of the protocol itself."""
    aside = {"call": operation.call, "raw": operation.raw, "media_type": operation.media_type}
    assert Operation(**aside, **asked) == operation
    if operation.kind is not Kind.UNKNOWN and operation.media_type == FORM:
        assert operation.raw
