"""Five gateways that we know, described in config.toml alone: their own tables hold for it too."""

from pathlib import Path

import pytest
from channels.gateway_case import RECEIVED_AT, ZONE, Case, run_case
from channels.test_gateways import TABLES

from ingest.channels.gateways.auth import is_authentic
from ingest.channels.gateways.declarative import DeclarativeGateway
from ingest.config import load_config

CONFIG = load_config(Path(__file__).parent / "declared.toml", {})
CASES = [
    pytest.param(name, case, id=f"{name}: {case.label}")
    for name in CONFIG.channels
    for case in getattr(TABLES[name], "COMMON", TABLES[name].CASES)
]
SIGNED = [one for one in CASES if hasattr(TABLES[one.values[0]], "AUTH")]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_request_of_a_gateway_that_is_only_described(name: str, case: Case):
    """What the gateway's own module makes of a request, a description of it makes as well."""
    run_case(DeclarativeGateway(CONFIG.channels[name], ZONE), case)


@pytest.mark.parametrize(("name", "case"), SIGNED)
def test_its_signature(name: str, case: Case):
    """And it tells the same requests from forged ones."""
    auth = CONFIG.channels[name].auth
    actual = is_authentic(auth, TABLES[name].SECRET, case.request, RECEIVED_AT)
    assert case.is_authentic is actual


def test_five_are_described():
    """As many as were asked for; few of their cases are beyond a description."""
    beyond = [len(TABLES[name].CASES) for name in CONFIG.channels]
    assert 5 == len(CONFIG.channels)
    assert 0.8 * sum(beyond) < len(CASES)
