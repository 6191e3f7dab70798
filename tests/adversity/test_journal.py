"""The journal of a real daemon: PostgreSQL away, the daemon killed, and nothing lost or doubled."""

import asyncio
import json

import aiohttp
import pytest
from harness import CONFIG, DaemonProcess, Town, stop_at_once, until
from ledger import Ledger, check_readings, check_replies, fetch, nothing_is_owed

from ingest.embedded import open_server

KANNEL = """gateway = "kannel"
journal = true
[channels.kannel.send]
url = "http://127.0.0.1:{gateway}/send"
method = "POST"
success = "OK"
fields = {{ username = "", password = "", dlr-url = "", key = "{{id}}" }}
"""
JOURNALED = CONFIG.replace(
    "[channels.sms]", "[journal]\nmin_free = 1\n[channels.sms]\njournal = true"
).replace('gateway = "kannel"\n', KANNEL)
CHECKED = "Получено, проверяем. Результат пришлём отдельным сообщением."


def a_daemon(folder, url, town):
    """Return a daemon whose SMS channels keep journals."""
    return DaemonProcess(folder, url, town, config=JOURNALED)


async def ask_kannel(daemon, text, number):
    """Do as Kannel does; return what it would text back."""
    query = {"from": "+79031234567", "to": "4981", "text": text, "id": number}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{daemon.http}/channels/kannel", params=query) as response,
    ):
        assert 200 == response.status
        return await response.text()


async def ask_ready(daemon):
    """Return status and body of /readyz."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{daemon.internal}/readyz") as response,
    ):
        return response.status, json.loads(await response.text())


async def list_kept(daemon):
    """Return the messages in the journals."""
    return [
        json.loads(line)
        for line in (await daemon.command("journal", "list", "--json")).splitlines()
    ]


@pytest.mark.slow
async def test_the_customer_hears_twice(tmp_path, own_server):
    """«Being checked» in the response while PostgreSQL is away, the verdict as a message later."""
    url, data = own_server
    async with Town().open() as town:
        daemon = a_daemon(tmp_path / "daemon", url, town)
        await daemon.start()
        async with daemon.ended_with_the_block():
            assert "Принято" in await ask_kannel(daemon, "123456789012*1;", "before")
            await stop_at_once(data)
            answers = [await ask_kannel(daemon, "123456789012*5467;", "away") for _ in range(3)]
            assert [CHECKED] * 3 == answers
            [kept] = await list_kept(daemon)
            assert ("kannel", "+79031234567") == (kept["channel"], kept["sender"])
            assert "nothing is damaged" in await daemon.command("journal", "check")
            await until(lambda: knows_it_is_degraded(daemon))
            await asyncio.to_thread(open_server, data)
            await until(lambda: town.texts)
            assert "" == await ask_kannel(daemon, "123456789012*5467;", "away")
            [(address, verdict)] = [text[:2] for text in town.texts]
            assert "+79031234567" == address
            assert "вместо прежнего" in verdict
            await until(lambda: nothing_is_owed(url))
        assert 0 == daemon.process.returncode
    events = [json.loads(line)["event"] for line in daemon.log.read_text().splitlines()]
    assert ["journal.opened", "journal.drained"] == [
        event for event in events if event.startswith("journal.")
    ]


async def knows_it_is_degraded(daemon):
    """Tell whether the daemon calls itself ready, although PostgreSQL is away."""
    status, body = await ask_ready(daemon)
    return status == 200 and body["degraded"] and body["journals"]["kannel"]["messages"] == 1


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_killed_in_the_middle_of_an_outage(tmp_path, own_server):
    """Texts go on being acknowledged without PostgreSQL; none is lost or doubled by kill -9."""
    url, data = own_server
    async with Town().open() as town:
        daemon = a_daemon(tmp_path / "daemon", url, town)
        ledger = Ledger(daemon)
        await daemon.start()
        async with daemon.ended_with_the_block():
            async with ledger.load():
                await until(lambda: len(ledger.promised) > 20)
                await stop_at_once(data)
                await until_acknowledged(ledger, 100)
                await daemon.kill()
                await asyncio.to_thread(open_server, data)
                await daemon.start()
                await stop_at_once(data)
                await until_acknowledged(ledger, 100)
                await asyncio.to_thread(open_server, data)
                await until(lambda: is_drained(daemon))
            await until(lambda: is_drained(daemon))
            await until(lambda: nothing_is_owed(url), within=90)
        assert 0 == daemon.process.returncode
    assert 503 not in ledger.refusals
    await check_readings(url, ledger.promised)
    await check_replies(url, town)
    assert len(ledger.promised) == len(await fetch(url, "SELECT 1 FROM messages"))
    assert '"event": "journal.found"' in daemon.log.read_text()


@pytest.mark.slow
async def test_started_without_postgresql(tmp_path, own_server):
    """After a power cut texts are taken before PostgreSQL is back, and a balancer is told so."""
    url, data = own_server
    async with Town().open() as town:
        daemon = a_daemon(tmp_path / "daemon", url, town)
        await daemon.start()
        await daemon.kill()
        await stop_at_once(data)
        starting = asyncio.create_task(daemon.start())
        await until(lambda: is_listening(daemon.http))
        assert CHECKED == await ask_kannel(daemon, "123456789012*5467;", "early")
        status, body = await ask_ready(daemon)
        assert (200, "receiving", True) == (status, body["phase"], body["degraded"])
        await asyncio.to_thread(open_server, data)
        async with daemon.ended_with_the_block():
            await starting
            await until(lambda: town.texts)
            assert "" == await ask_kannel(daemon, "123456789012*5467;", "early")
            assert ["5467" in text for _, text, _ in town.texts] == [True]
        assert 0 == daemon.process.returncode


@pytest.mark.slow
async def test_stopped_before_postgresql_came(tmp_path, own_server):
    """A daemon that never saw PostgreSQL ends in order, and what it was told stays on disk."""
    url, data = own_server
    await stop_at_once(data)
    async with Town().open() as town:
        daemon = a_daemon(tmp_path / "daemon", url, town)
        await daemon.spawn({})
        async with daemon.ended_with_the_block():
            await until(lambda: is_listening(daemon.http))
            assert CHECKED == await ask_kannel(daemon, "123456789012*5467;", "early")
        assert 0 == daemon.process.returncode
        assert ["early"] == [
            one["external_id"].partition("#")[0] for one in await list_kept(daemon)
        ]


async def is_listening(port):
    """Tell whether somebody answers at *port*."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def until_acknowledged(ledger, count):
    """Return once so many more texts were acknowledged."""
    before = len(ledger.acknowledged["sms"])
    await until(lambda: len(ledger.acknowledged["sms"]) > before + count)


async def is_drained(daemon):
    """Tell whether nothing is left in a journal."""
    _, body = await ask_ready(daemon)
    return not any(journal["messages"] for journal in body["journals"].values())
