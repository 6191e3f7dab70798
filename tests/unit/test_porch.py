"""The door before PostgreSQL is reached: a journal takes texts, everybody else is put off."""

import aiohttp
import pytest
from builders import SMALL_CONFIG
from harness import find_ports

from ingest.journal import Journals
from ingest.policy import build_policies
from ingest.porch import open_porch
from ingest.replies import load_phrasebook

MIXED = (
    SMALL_CONFIG.replace(
        'gateway = "kannel"',
        'gateway = "kannel"\njournal = true\n[channels.sms.send]\nurl = "http://127.0.0.1:1/"\n'
        'fields = { to = "{address}", text = "{text}" }\n',
    ).replace("[http]", '[journal]\nmin_free = 1\n[http]\nlisten = "127.0.0.1:PORT"\n')
    + """
[channels.sinch]
type = "sms"
window = "all-month"
gateway = "sinch"
send = { url = "http://127.0.0.1:1/", fields = { to = "{address}", text = "{text}" } }
"""
)


@pytest.fixture
async def porch(a_config):
    """The address of a porch with one channel that keeps a journal, and one that does not."""
    [port] = find_ports(1)
    config = a_config(MIXED.replace("PORT", str(port)))
    config.state_dir.mkdir()
    journals = Journals(config)
    await journals.open()
    async with open_porch(config, journals, build_policies(config), load_phrasebook()):
        yield f"http://127.0.0.1:{port}/channels"
    await journals.close()


async def ask(method, url):
    """Return status, patience that is asked for, and body."""
    async with aiohttp.ClientSession() as session, session.request(method, url) as response:
        return response.status, response.headers.get("Retry-After"), await response.text()


async def test_a_journal_takes_what_comes(porch):
    """A gateway that does not send again is told OK before PostgreSQL is reached."""
    status, _, body = await ask("GET", f"{porch}/sms?from=%2B79031234567&text=1*2&id=1")
    assert (200, True) == (status, body.startswith("Получено"))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("POST", "sinch", id="a gateway for which 404 is final"),
        pytest.param("PUT", "partner/files/a.csv", id="a partner's file"),
        pytest.param("GET", "sinch/reports", id="below a channel"),
    ],
)
async def test_the_others_are_put_off(porch, method, path):
    """Channels without a journal refuse for now: their upstreams keep what they have."""
    assert (503, "10", "") == await ask(method, f"{porch}/{path}")
