"""Real requests with a few bytes of them spoilt: kept, or refused as malformed, and never worse."""

import datetime as dt

import pytest
from channels.gateway_case import RECEIVED_AT, build, is_storable
from channels.test_gateways import TABLES
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ingest.channels.gateways.request import Handover, adjust
from ingest.errors import PermanentError, TransientError

POLLED = [name for name, table in TABLES.items() if hasattr(table, "POLLED")]
PIECES = [b"", b"%", b"%00", b"%FF", b"+", b"&", b"=", b"\0", b"\xff", b'"', b"\\ud83d", b"{", b"["]
MOST = 9_999_999

damage = st.lists(
    st.tuples(
        st.integers(0, MOST),
        st.integers(0, 20),
        st.sampled_from(PIECES) | st.binary(max_size=8),
    ),
    min_size=1,
    max_size=4,
)


def spoil(data: bytes, places: list[tuple[int, int, bytes]]) -> bytes:
    """Return *data* with something else at some places."""
    for place, length, piece in places:
        start = place % (len(data) + 1)
        data = data[:start] + piece + data[start + length :]
    return data


def assert_sound(handover: Handover) -> None:
    """Hold that everything can be kept, and found again."""
    for text in handover.texts:
        assert is_storable(text)
        assert 0 < len(text.external_id) <= 200
        assert text.sent_at is None or text.sent_at.tzinfo == dt.UTC
        assert text.part is None or 1 <= text.part.number <= text.part.total <= 255
    for report in handover.reports:
        words = (report.detail, report.upstream_id, report.reply_id)
        assert all("\0" not in word and word.encode() is not None for word in words)


@pytest.mark.parametrize("name", TABLES)
@given(data=st.data(), places=damage)
def test_a_spoilt_request(name, data, places):
    """Nothing but PermanentError is ever raised, and whatever is read can be kept."""
    table = TABLES[name]
    case = data.draw(st.sampled_from(table.CASES))
    request = case.request
    spoilt = replace(
        request,
        method=data.draw(st.sampled_from([request.method, "GET", "POST"])),
        query=spoil(request.query, places),
        body=spoil(request.body, places),
    )
    gateway = build(table.GATEWAY, {**table.SETTINGS, **case.settings})
    try:
        handover = gateway.read(spoilt, RECEIVED_AT)
    except PermanentError:
        return
    assert_sound(handover)


@pytest.mark.parametrize("name", POLLED)
@given(data=st.data(), places=damage)
def test_a_spoilt_answer(name, data, places):
    """Nothing but our two errors is ever raised, and a position fits into a bookmark."""
    table = TABLES[name]
    case = data.draw(st.sampled_from(table.POLLED))
    gateway = build(table.GATEWAY, {**table.SETTINGS, **case.settings})
    asked = adjust(gateway.ask(0, RECEIVED_AT), gateway.settings.poll)
    try:
        handover, position = gateway.read_answers(
            asked, case.status, spoil(case.body, places), RECEIVED_AT
        )
    except (PermanentError, TransientError):
        return
    assert_sound(handover)
    assert 0 <= position < 2**63
