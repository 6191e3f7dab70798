"""PostgreSQL stopped and started under load: refused for now, then taken, without a restart."""

import asyncio
import os
import signal
import tempfile
from pathlib import Path

import aiohttp
import aiosmtplib
import asyncpg
import pytest
from harness import DaemonProcess, Town, a_mail, post_text, send_mail, until

from ingest.embedded import EmbeddedPostgres, open_server


@pytest.fixture
def own_server():
    """A server of the test's own, to be treated badly."""
    with tempfile.TemporaryDirectory(prefix="ingest-tests-") as folder:
        server = EmbeddedPostgres(Path(folder))
        url = server.start_blocking()
        yield url, Path(folder) / "postgresql"
        server.stop_blocking()


def stop_at_once(data):
    """Stop a server as a crash would."""
    pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGQUIT)


async def has_gone(data):
    """Wait for the end of the server."""
    await until(lambda: not (data / "postmaster.pid").exists())


async def readiness(session, daemon):
    async with session.get(f"http://127.0.0.1:{daemon.internal}/readyz") as response:
        return response.status


async def try_both(session, daemon, number):
    """Send a text and a mail; return how each was received."""
    status, body = await post_text(session, daemon.http, number, f"{number:012}*7;")
    try:
        mail = a_mail(f"{number + 500:012}*7;", message_id=f"<{number}@example.com>")
        answer = await send_mail(daemon.smtp, mail)
    except aiosmtplib.SMTPResponseException as error:
        answer = str(error.code)
    return status, answer[:3], body


@pytest.mark.slow
async def test_refuses_for_now_and_recovers(tmp_path, own_server):
    """While PostgreSQL is away upstreams hear 503 and 451; afterwards the same goes in."""
    url, data = own_server
    async with Town().open() as town, aiohttp.ClientSession() as session:
        daemon = DaemonProcess(tmp_path / "daemon", url, town)
        await daemon.start()
        try:
            before = await try_both(session, daemon, 1)
            stop_at_once(data)
            await has_gone(data)
            away = await try_both(session, daemon, 2)
            await until(lambda: is_status(session, daemon, 503))
            await asyncio.to_thread(open_server, data)
            await until(lambda: is_taken(session, daemon, 2))
            await until(lambda: is_status(session, daemon, 200))
        finally:
            status = await daemon.stop()
    assert [(200, "2.0"), (503, "451"), 0] == [before[:2], away[:2], status]
    await check_all_there(url, {1, 2, 501, 502})
    check_log_says_once(daemon.log.read_text())


async def is_status(session, daemon, status):
    return status == await readiness(session, daemon)


async def is_taken(session, daemon, number):
    status, answer, _ = await try_both(session, daemon, number)
    return (200, "2.0") == (status, answer)


async def check_all_there(url, numbers):
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT account FROM readings ORDER BY account")
    await connection.close()
    assert [f"{number:012}" for number in sorted(numbers)] == [row["account"] for row in rows]


def check_log_says_once(log):
    """Lost and restored are said once each, not at every refusal."""
    assert [1, 1] == [log.count(f'"database.{word}"') for word in ("lost", "restored")]
