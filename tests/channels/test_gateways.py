"""Every gateway's requests through one runner; the tables stand in ``gateway_cases/``."""

import datetime as dt
import importlib
import json
import pkgutil
from pathlib import Path
from typing import get_args

import pytest
from channels.gateway_case import NOON, RECEIVED_AT, assert_handover, build, run_case

from ingest.channels.gateways.auth import is_authentic
from ingest.channels.gateways.catalogue import GATEWAYS
from ingest.channels.gateways.request import UNDATED, PolledGateway, TooManyError, adjust
from ingest.errors import ConfigError, PermanentError
from ingest.settings import GatewayName

FOLDER = Path(__file__).parent / "gateway_cases"
TABLES = {
    one.name: importlib.import_module(f"channels.gateway_cases.{one.name}")
    for one in pkgutil.iter_modules([str(FOLDER)])
}
CASES = [
    pytest.param(table, case, id=f"{name}: {case.label}")
    for name, table in TABLES.items()
    for case in table.CASES
]
POLLED = [
    pytest.param(table, case, id=f"{name}: {case.label}")
    for name, table in TABLES.items()
    for case in getattr(table, "POLLED", ())
]
ASKED = {"get_answers": "1", "apikey": "{secret}", "fmt": "3"}
SIGNED = [one for one in CASES if hasattr(one.values[0], "AUTH")]


@pytest.mark.parametrize(("table", "case"), CASES)
def test_a_request(table, case):
    """Texts, reports, answer or refusal are the table's, and the same request has the same ids."""
    run_case(build(table.GATEWAY, {**table.SETTINGS, **case.settings}), case)


@pytest.mark.parametrize(("table", "case"), SIGNED)
def test_a_signature(table, case):
    """A request is authentic exactly when the table says so."""
    assert case.is_authentic is is_authentic(table.AUTH, table.SECRET, case.request, RECEIVED_AT)


@pytest.mark.parametrize(("table", "case"), POLLED)
def test_an_answer(table, case):
    """A gateway that is asked brings the table's texts and reaches its position, or fails so."""
    gateway = build(table.GATEWAY, {**table.SETTINGS, **case.settings})
    asked = adjust(gateway.ask(0, RECEIVED_AT), gateway.settings.poll)
    if case.failure is not None:
        with pytest.raises(case.failure):
            gateway.read_answers(asked, case.status, case.body, RECEIVED_AT)
        return
    for seconds in (0, 3600):
        later = RECEIVED_AT + dt.timedelta(seconds=seconds)
        handover, position = gateway.read_answers(asked, case.status, case.body, later)
        assert_handover(handover, case.texts, case.reports, UNDATED)
        assert case.position == position


def test_config_names_the_gateways_that_there_are():
    """What config.toml may call a gateway by is what can be built."""
    assert set(get_args(GatewayName)) == set(GATEWAYS)


@pytest.mark.parametrize("name", sorted(set(GATEWAYS) - {"declarative"}))
def test_every_gateway_has_a_table(name):
    """Each gateway is shown requests as it really sends them."""
    assert name in {table.GATEWAY for table in TABLES.values()}


@pytest.mark.parametrize("name", sorted(set(GATEWAYS) - {"declarative"}))
def test_a_gateway_knows_how_it_sends(name):
    """The ready-made send request carries address and text, and no secret but as placeholder."""
    preset = build(name, {}).send
    if preset is not None:
        values = " ".join([*preset.fields.values(), *preset.headers.values()])
        assert "{address}" in values or "{digits}" in values
        assert "{text" in values


@pytest.mark.parametrize(("table", "case"), POLLED)
def test_a_question(table, case):
    """The question names the position, or how far to look back when there is none."""
    gateway = build(table.GATEWAY, table.SETTINGS)
    assert isinstance(gateway, PolledGateway)
    first, later = gateway.ask(0, NOON), gateway.ask(1_000_000, NOON)
    assert first.url
    assert first != later


@pytest.mark.parametrize(
    ("position", "seconds", "expected"),
    [
        pytest.param(0, 60, {"hour": "24"}, id="nothing was ever fetched"),
        pytest.param(4711, 60, {"after_id": "4711"}, id="behind the last one"),
        pytest.param(4711, 302, {"after_id": "4711"}, id="behind the last one, at any time"),
    ],
)
def test_what_smsc_is_asked(position, seconds, expected):
    """By the place reached, or by time where there is none."""
    asked = build("smsc", {}).ask(position, NOON + dt.timedelta(seconds=seconds))
    assert ASKED | expected == asked.fields


@pytest.mark.parametrize(
    ("every", "seconds", "expected"),
    [
        pytest.param(15, 60, False, id="not yet"),
        pytest.param(15, 302, True, id="every ten minutes"),
        pytest.param(15, 317, False, id="but once"),
        pytest.param(600, 60, True, id="each time, where looks are as rare"),
        pytest.param(86_400, 60, True, id="or rarer"),
    ],
)
def test_smsc_is_asked_for_the_last_hour_as_well(every, seconds, expected):
    """Beside the other question and never in its place: an id may show itself late."""
    gateway = build("smsc", {"poll": {"every": every}})
    asked = gateway.ask_again(NOON + dt.timedelta(seconds=seconds))
    assert (ASKED | {"hour": "1"} if expected else None) == (asked and asked.fields)


def test_exolve_is_asked_span_by_span():
    """An hour at once, from the place reached or from ten minutes ago, and never beyond now."""
    gateway = build("exolve", {})
    reached = int((NOON - dt.timedelta(hours=3)).timestamp())
    spans = [
        (asked.fields["date_gte"], asked.fields["date_lte"])
        for asked in (gateway.ask(reached, NOON), gateway.ask(int(NOON.timestamp()), NOON))
    ]
    assert [
        ("2026-11-24T02:00:00Z", "2026-11-24T03:00:00Z"),
        ("2026-11-24T04:50:00Z", "2026-11-24T05:00:00Z"),
    ] == spans


def fill_list(asked, sent_at):
    """Return what Exolve answers, where it holds a text for each of *sent_at* and lists few."""
    begin, end = (
        dt.datetime.fromisoformat(asked.fields[name]) for name in ("date_gte", "date_lte")
    )
    most = int(asked.fields["limit"])
    found = [at for at in sent_at if begin <= at <= end][:most]
    items = [
        {"message_id": str(at), "sender": "79031234567", "receiver": "7", "text": "1",
         "date": at.isoformat()} for at in found
    ]  # fmt: skip
    return json.dumps({"messages": items}).encode()


def fetch_exolve(gateway, position, now, sent_at):
    """Ask as the channel does, for less and less where that is too much."""
    asked = adjust(gateway.ask(position, now), gateway.settings.poll)
    while True:
        try:
            return gateway.read_answers(asked, 200, fill_list(asked, sent_at), now)
        except TooManyError as error:
            asked = adjust(error.narrower, gateway.settings.poll)


@pytest.mark.parametrize("every", [0.7, 17.0, 400.0], ids="a text every {} s".format)
def test_exolve_is_asked_for_less_where_a_list_is_full(every):
    """However many there are, each comes, and the place reached never stands still."""
    gateway = build("exolve", {"poll": {"fields": {"number": "7", "limit": "200"}}})
    begin = NOON - dt.timedelta(hours=3)
    sent_at = [begin + dt.timedelta(seconds=every) * number for number in range(int(9000 / every))]
    position, brought = int(begin.timestamp()), set()
    for _ in range(400):
        handover, reached = fetch_exolve(gateway, position, NOON, sent_at)
        brought |= {text.external_id for text in handover.texts}
        assert reached == 0 or reached >= position
        if reached in {0, position}:
            break
        position = reached
    assert len(sent_at) == len(brought)


def test_exolve_says_when_it_can_be_asked_for_no_less():
    """A second of which not all is listed is for a person."""
    gateway = build("exolve", {"poll": {"fields": {"number": "7", "limit": "2"}}})
    moment = NOON - dt.timedelta(hours=3)
    with pytest.raises(PermanentError, match="more than 2 texts between 2026-11-24 02:00:00"):
        fetch_exolve(gateway, int(moment.timestamp()), NOON, [moment] * 9)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        pytest.param("4.5", ConfigError, id="no number"),
        pytest.param("10", ConfigError, id="too high"),
        pytest.param("", ConfigError, id="none"),
    ],
)
def test_lines_of_a_record_have_numbers(number, expected):
    """A line of an SMS.ru record is told by a number from 1 to 9."""
    with pytest.raises(expected):
        build("sms-ru", {"fields": {"sender": "2", "text": number}})
