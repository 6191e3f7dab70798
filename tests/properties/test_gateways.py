"""Whatever a gateway sends is read as texts that can be kept, or refused as malformed."""

import datetime as dt
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.channels.gateways.declarative import DeclarativeGateway
from ingest.channels.gateways.kannel import KannelGateway
from ingest.channels.gateways.request import Gateway, GatewayRequest, Text
from ingest.errors import PermanentError
from ingest.settings import SmsSettings

RECEIVED_AT = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
FIELDS = {"sender": "from", "text": "text", "id": "id", "time": "time", "recipient": "header:to"}
KINDS = {
    "form": {"fields": FIELDS},
    "format": {"fields": FIELDS, "time_format": "%d.%m.%Y %H:%M:%S", "charset": "cp1251"},
    "epoch": {"fields": FIELDS, "time_format": "epoch", "charset": "utf-16"},
    "text": {"fields": FIELDS, "body": "text"},
    "json": {"fields": FIELDS, "body": "json"},
    "batch": {"fields": FIELDS, "body": "json", "batch": "items"},
    "reports": {
        "fields": {**FIELDS, "part_reference": "id", "part_number": "time", "part_total": "from"},
        "reports": {"status": "status|coding", "id": "id", "time": "time"},
        "body": "auto",
    },
    "kannel": {"gateway": "kannel"},
}


def a_gateway(kind: str) -> Gateway:
    table = {"type": "sms", "window": "all", **KINDS[kind]}
    settings = msgspec.convert(table, SmsSettings)
    build = KannelGateway if kind == "kannel" else DeclarativeGateway
    return build(settings, dt.UTC)


any_text = st.text() | st.text(st.characters(categories=["Cs", "Cc", "Nd"]))
any_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3),
    max_leaves=5,
)
items = st.fixed_dictionaries(dict.fromkeys(("from", "text", "id", "time"), any_value | any_text))
documents = st.one_of(
    items, any_value, st.fixed_dictionaries({"items": st.lists(items | any_value)})
)
escapes = st.lists(
    st.sampled_from(
        [
            b"from=",
            b"text=",
            b"id=",
            b"time=",
            b"&",
            b"%04",
            b"%00",
            b"%",
            b"+",
            b"charset=",
            b"coding=2",
            b"UTF-16BE",
            b"1",
            b"\xff",
        ]
    )
)
pairs = escapes.map(b"".join)
bodies = st.binary() | pairs | documents.map(lambda one: json.dumps(one).encode())
requests = st.builds(
    GatewayRequest,
    method=st.sampled_from(["GET", "POST"]),
    query=st.binary() | pairs,
    headers=st.lists(
        st.tuples(st.sampled_from(["to", "X-Kannel-From", "X-Kannel-Time"]), any_text)
    ).map(tuple),
    body=bodies,
    content_type=st.sampled_from(["", "text/plain; charset=utf-16be"]) | any_text,
)


def is_storable(text: Text) -> bool:
    """Tell whether PostgreSQL takes every word of it; raises where UTF-8 does not."""
    words = (text.sender, text.text, text.external_id, text.recipient)
    return all("\0" not in word and word.encode() is not None for word in words)


@pytest.mark.parametrize("kind", KINDS)
@given(request_=requests)
def test_a_request_is_texts_or_malformed(kind, request_):
    """Nothing but PermanentError is ever raised, and every text can be kept and found again."""
    try:
        texts = a_gateway(kind).read(request_, RECEIVED_AT).texts
    except PermanentError:
        return
    assert all(is_storable(text) for text in texts)
    assert all(0 < len(text.external_id) <= 200 for text in texts)
    assert all(text.sent_at is None or text.sent_at.tzinfo for text in texts)
