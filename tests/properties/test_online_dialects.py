"""What holds for every request of a terminal, and for every answer to one."""

import json
from xml.dom import minidom

import pytest
from channels.terminal_case import ACCOUNT, RECORDED_AT, build
from hypothesis import given
from hypothesis import strategies as st

from ingest.cells import read_values
from ingest.channels.dialects.online.request import (
    Cause,
    Kind,
    OnlineError,
    Operation,
    Paid,
    RegisterShown,
    RegisterValue,
    Result,
    TerminalRequest,
)
from ingest.channels.terminal.messages import write_text
from ingest.model import Disposition, Reading, Reason, Verdict
from ingest.parser import parse

PROTOCOLS = ["osmp", "sberbank", "citypay", "command-call", "json"]
ENCODINGS = ["utf-8", "cp1251"]
FIELDS = {"value": "field1", "value_2": "data.2", "meter": "field3"}

names = st.sampled_from(
    [
        *("command", "ACTION", "QueryType", "txn_id", "pay_id", "TransactionId", "account"),
        *("sum", "Amount", "txn_date", "PAY_DATE", "CheckDateBegin", "CheckDateEnd", "field1"),
    ]
)
texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["check", "pay", "payment", "status", "cancel", ACCOUNT, "7", "1.00", "%41"]),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([+-][0-9]{2}:[0-9]{2})?"),
    st.from_regex(r"[0-9]{14}", fullmatch=True),
)
queries = st.lists(st.tuples(names, texts), max_size=8).map(
    lambda pairs: "&".join(f"{name}={text}" for name, text in pairs).encode("utf-8", "replace")
)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["system", "account", "trx_id", "mvs", "t1"]), inner)
    ),
    max_leaves=8,
).map(lambda document: json.dumps(document).encode())
elements = st.lists(
    st.tuples(st.sampled_from(["command", "account", "payID", "amount", "password"]), texts),
    max_size=8,
).map(
    lambda pairs: "<commandCall>{}</commandCall>".format(
        "".join(f"<{name}>{text}</{name}>" for name, text in pairs)
    ).encode("utf-8", "replace")
)
requests = st.builds(
    TerminalRequest,
    method=st.sampled_from(["GET", "POST"]),
    path=st.sampled_from(["", "/api/check", "/api/meter/value", "/PayDayReport.html"])
    | st.text(max_size=20),
    query=st.binary(max_size=60) | queries,
    body=st.binary(max_size=60) | queries | documents | elements,
    content_type=st.sampled_from(["", "application/x-www-form-urlencoded", "text/xml"]),
)
verdicts = st.builds(Verdict, st.sampled_from(Disposition), st.sampled_from(Reason))
operations = st.builds(
    Operation,
    kind=st.sampled_from(Kind),
    call=st.sampled_from(["", "/api/meter"]),
    transaction_id=st.text(),
    account=st.text(),
    amount=st.text(),
)
results = st.builds(
    Result,
    cause=st.none() | st.sampled_from(Cause),
    verdict=st.none() | verdicts,
    receipt=st.text(),
    number=st.text(),
    operated_at=st.none() | st.just(RECORDED_AT),
    message=st.text(),
    amount=st.text(),
    registers=st.lists(
        st.builds(
            RegisterShown,
            zone=st.integers(1, 9),
            meter=st.text(),
            name=st.text(),
            digits=st.integers(0, 9),
            last=st.none() | st.integers(0, 10**18),
        ),
        max_size=3,
    ).map(tuple),
    payments=st.lists(
        st.builds(
            Paid,
            transaction_id=st.text(),
            account=st.text(),
            amount=st.text(),
            paid_at=st.just(RECORDED_AT),
        ),
        max_size=2,
    ).map(tuple),
    again=st.booleans(),
)


def list_words(operation):
    """List all that a database would be given."""
    readings = [word for one in operation.readings for word in (one.text, one.meter)]
    named = [operation.transaction_id, operation.account, operation.amount, operation.system]
    return [*named, operation.cancels, operation.cancels_number, operation.login, *readings]


def assert_readable(answer):
    """Let a second parser read an answer, by its own word for how it is written."""
    if answer.content_type.startswith("application/json"):
        assert json.loads(answer.body)["status"] in ("ok", "error")
        return
    charset = answer.content_type.rpartition("=")[2]
    document = minidom.parseString(answer.body)
    assert document.encoding.lower() == charset
    assert answer.body.decode(charset).isprintable() or answer.body.count(b"\n") == 2


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(request=requests)
def test_every_request_is_read_or_refused(protocol, encoding, request):
    """An operation that a database can hold, or the protocol's own error, which has an answer."""
    dialect = build({"protocol": protocol, "encoding": encoding, "fields": FIELDS})
    try:
        operation, result = dialect.read(request), Result()
        assert operation.kind is not Kind.UNKNOWN
    except OnlineError as error:
        operation, result = error.operation, error.result
        assert not result.may_heal
    assert all("\0" not in word and word.encode() is not None for word in list_words(operation))
    assert operation.paid_at is None or operation.paid_at.tzinfo is not None
    assert_readable(dialect.respond(operation, result))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(operation=operations, result=results)
def test_every_answer_can_be_read(protocol, encoding, operation, result):
    """Whatever the texts in it are, a second parser reads it, and nothing is raised."""
    dialect = build({"protocol": protocol, "encoding": encoding, "refusals": "code"})
    answer = dialect.respond(operation, result)
    assert answer == dialect.respond(operation, result)
    assert_readable(answer)


values = st.one_of(
    st.text("0123456789*;?,. \nОOabкВт-", max_size=20),
    st.from_regex("[0-9]{1,14}([.,][0-9]{0,3})?", fullmatch=True),
    st.text(max_size=15),
)
accounts = st.one_of(
    st.just(ACCOUNT), st.text("0123456789*;?,. \nОOab-№#", max_size=20), st.text(max_size=15)
)


@given(
    account=accounts,
    texts=st.lists(values, max_size=3),
    meters=st.lists(st.sampled_from(["", "a", "b"]), min_size=3, max_size=3),
)
def test_no_field_smuggles_a_reading_in(account, texts, meters):
    """What is believed is one reading, of the very account and the very values in the fields."""
    readings = tuple(map(RegisterValue, texts, range(1, 4), meters))
    text, problem = write_text(Operation(account=account, readings=readings))
    if problem is None:
        [item] = parse(text).items
        assert isinstance(item, Reading)
        assert (account, read_values(tuple(texts)).values) == (item.account, item.values)
        assert 1 == len({one.meter for one in readings})


@given(st.lists(st.tuples(st.integers(1, 4), st.text(max_size=3)), max_size=6))
def test_meters_keep_every_zone_at_its_place(pairs):
    """By meter and zone, each value is where its zone says."""
    readings = tuple(RegisterValue(text, zone, meter) for zone, meter in pairs for text in "7")
    meters = Operation(readings=readings).list_meters()
    assert all(meters[one.meter][one.zone - 1] == one.text for one in readings)
