"""PostgreSQL stopped and started under load: refused for now, then taken, without a restart."""

import asyncio

import aiohttp
import pytest
from harness import DaemonProcess, Town, stop_at_once, until
from ledger import Ledger, check_readings, check_replies, nothing_is_owed

from ingest.embedded import open_server

OUTAGES = 2


async def is_ready(daemon, status):
    """Tell whether the daemon calls itself ready with this status."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{daemon.internal}/readyz") as response,
    ):
        return status == response.status


async def has_refused(ledger, before):
    """Tell whether mails and texts were refused for now since *before*."""
    return all(ledger.refusals[code] > before[code] for code in (451, 503))


async def survive_an_outage(daemon, ledger, data):
    """Take PostgreSQL away until everybody has noticed, and give it back."""
    before = ledger.refusals.copy()
    await stop_at_once(data)
    await until(lambda: has_refused(ledger, before))
    await until(lambda: is_ready(daemon, 503))
    await asyncio.to_thread(open_server, data)
    await until(lambda: is_ready(daemon, 200))
    done = len(ledger.promised)
    await until(lambda: len(ledger.promised) > done + 20)


@pytest.mark.slow
async def test_refuses_for_now_and_recovers(tmp_path, own_server):
    """Upstreams hear 451 and 503 while PostgreSQL is away; nothing is lost, nothing restarted."""
    url, data = own_server
    async with Town().open() as town:
        daemon = DaemonProcess(tmp_path / "daemon", url, town)
        ledger = Ledger(daemon)
        await daemon.start()
        async with daemon.ended_with_the_block():
            async with ledger.load():
                for _ in range(OUTAGES):
                    await survive_an_outage(daemon, ledger, data)
            await until(lambda: nothing_is_owed(url), within=90)
    print({kind: len(done) for kind, done in ledger.acknowledged.items()}, ledger.refusals)
    assert 0 == daemon.process.returncode
    assert {451, 503} == set(ledger.refusals)
    await check_readings(url, ledger.promised)
    await check_replies(url, town)
    log = daemon.log.read_text()
    said = [log.count(f'"event": "database.{word}"') for word in ("lost", "restored")]
    assert [OUTAGES, OUTAGES] == said
