"""Every gateway's requests through one runner; the tables stand in ``gateway_cases/``."""

import datetime as dt
import importlib
import pkgutil
from pathlib import Path
from typing import get_args

import pytest
from channels.gateway_case import NOON, RECEIVED_AT, assert_handover, build, run_case

from ingest.channels.gateways.auth import is_authentic
from ingest.channels.gateways.catalogue import GATEWAYS
from ingest.channels.gateways.request import UNDATED, PolledGateway, adjust
from ingest.errors import ConfigError
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
        pytest.param(4711, 302, {"hour": "1"}, id="the last hour again, every ten minutes"),
        pytest.param(4711, 317, {"after_id": "4711"}, id="but once"),
    ],
)
def test_what_smsc_is_asked(position, seconds, expected):
    """By the place reached, and now and then by time: an id may show itself late."""
    asked = build("smsc", {}).ask(position, NOON + dt.timedelta(seconds=seconds))
    fixed = {"get_answers": "1", "apikey": "{secret}", "fmt": "3"}
    assert fixed | expected == asked.fields


def test_exolve_is_asked_span_by_span():
    """An hour at once, from ten minutes before the place reached, and never beyond now."""
    gateway = build("exolve", {})
    reached = int((NOON - dt.timedelta(hours=3)).timestamp())
    spans = [
        (asked.fields["date_gte"], asked.fields["date_lte"])
        for asked in (gateway.ask(reached, NOON), gateway.ask(int(NOON.timestamp()), NOON))
    ]
    assert [
        ("2026-11-24T01:50:00Z", "2026-11-24T02:50:00Z"),
        ("2026-11-24T04:50:00Z", "2026-11-24T05:00:00Z"),
    ] == spans


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
