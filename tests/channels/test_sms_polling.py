"""Gateways that are asked: a real HTTP server before the channel, the real intake behind it."""

import asyncio
import contextlib
import datetime as dt

import asyncpg
import pytest
from builders import OPEN_AT
from channels.contract import Report
from sms_bench import gather_sinks
from smsc_world import Smsc

from ingest.channels.sms import SmsChannel
from ingest.errors import TransientError
from ingest.model import ChannelName

SMSC = ChannelName("sms")
CONFIG = """
[windows.all-month]
days = "6..-2"
[channels.sms]
type = "sms"
window = "all-month"
gateway = "smsc"
time_zone = "Asia/Krasnoyarsk"
trust_arrival_for = {trust}
[channels.sms.send]
secret = {{ env = "KEY" }}
[channels.sms.poll]
url = "http://127.0.0.1:{port}/sys/get.php"
secret = {{ env = "KEY" }}
every = {every}
timeout = 0.5
"""
ENVIRON = {"KEY": "s3cret"}


@pytest.fixture
async def smsc():
    """A gateway on the loopback."""
    gateway = Smsc()
    async with gateway.serve():
        yield gateway


@pytest.fixture
async def open_channel(a_config, open_intake, smsc):
    """Return an async maker of channels; their pollers end with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(
            now=lambda: OPEN_AT, every: float = 0.02, trust: float = 604_800
        ) -> SmsChannel:
            text = CONFIG.format(port=smsc.port, every=every, trust=trust)
            config = a_config(text, ENVIRON)
            sinks = gather_sinks(await open_intake(config))
            channel = SmsChannel(SMSC, config.channels["sms"], config, sinks, now=now)
            stack.push_async_callback(channel.poller.end)
            return channel

        yield make


@pytest.fixture
async def count(database_url):
    """Return what counts the messages in the test's database."""
    connection = await asyncpg.connect(database_url)

    async def ask(what: str = "SELECT count(*) FROM messages") -> int:
        return await connection.fetchval(what)

    yield ask
    await connection.close()


async def look(channel: SmsChannel, report: Report | None = None) -> None:
    channel.desk.report = report or Report()
    await channel.poller.look(channel.settings.poll, channel.desk.report)


async def test_texts_are_fetched_once(open_channel, smsc, count):
    """The first question goes back in time, the next go on behind what is committed."""
    smsc.receive(7, "123456789012*5467;")
    smsc.receive(9, "123456789013*77;")
    channel = await open_channel()
    await look(channel)
    smsc.receive(12, "123456789014*8;")
    await look(channel)
    await look(channel)
    assert (3, 3) == (await count(), await count("SELECT count(*) FROM outbox"))
    assert ["24", None, None] == [one.get("hour") for one in smsc.asked]
    assert [None, "9", "12"] == [one.get("after_id") for one in smsc.asked]
    assert {"s3cret"} == {one["apikey"] for one in smsc.asked}


async def test_another_daemon_goes_on_where_this_one_stopped(open_channel, smsc, count):
    """The position is in the database, and only one daemon asks at a time."""
    smsc.receive(7, "123456789012*5467;")
    one, other = await open_channel(), await open_channel()
    await look(one)
    await look(other)
    assert 1 == len(smsc.asked)
    await one.poller.end()
    await look(other)
    assert (1, "7") == (await count(), smsc.asked[-1]["after_id"])


async def test_a_list_that_comes_again_changes_nothing(open_channel, smsc, count):
    """A crash before the position was kept: the same texts are repeats."""
    smsc.receive(7, "123456789012*5467;")
    await look(await open_channel())
    await count("DELETE FROM bookmarks")
    await count("DELETE FROM leases")
    await look(await open_channel())
    assert (1, 2) == (await count(), len(smsc.asked))


async def test_nothing_is_skipped_that_was_not_committed(open_channel, smsc, count):
    """The position stays where it was while the sink refuses."""
    smsc.receive(7, "123456789012*5467;")
    channel = await open_channel()
    receive = channel.desk.sinks.messages.receive

    async def refuse(_message):
        raise TransientError("the database is away")

    channel.desk.sinks.messages.receive = refuse
    with pytest.raises(TransientError):
        await look(channel)
    channel.desk.sinks.messages.receive = receive
    await look(channel)
    assert (1, None) == (await count(), smsc.asked[-1].get("after_id"))


@pytest.mark.parametrize("every", [60, 3600], ids=["often", "once an hour"])
async def test_an_outage_of_hours_skips_nothing(open_channel, smsc, count, every):
    """The question for the last hour brings what is late, and moves the position nowhere."""
    smsc.now = dt.datetime(2026, 11, 24, 5, 0, 10, tzinfo=dt.UTC)
    channel = await open_channel(lambda: smsc.now, every)
    smsc.receive(7, "123456789012*5467;", "24.11.2026 12:00:05")
    await look(channel)
    smsc.receive(8, "123456789013*1;", "24.11.2026 12:05:00")
    smsc.receive(9, "123456789014*2;", "24.11.2026 14:50:00")
    smsc.now += dt.timedelta(hours=3, minutes=5)
    await look(channel)
    smsc.receive(6, "123456789015*3;", "24.11.2026 15:04:00")
    smsc.now += dt.timedelta(minutes=10)
    await look(channel)
    assert (4, 9) == (await count(), await count("SELECT position FROM bookmarks"))


@pytest.mark.parametrize(
    ("judged", "expected"),
    [
        pytest.param((12, 604_800), "accept", id="a moment after the window"),
        pytest.param((432_000, 604_800), "accept", id="after an outage of five days"),
        pytest.param((432_000, 86_400), "reject", id="too long ago to be believed"),
        pytest.param((12, 0), "reject", id="only our own clock is believed"),
    ],
)
async def test_a_text_is_judged_by_when_the_gateway_took_it(
    open_channel, smsc, count, judged, expected
):
    """The last second of the window counts, however late we ask."""
    after, trust = judged
    fetched_at = dt.datetime(2026, 11, 29, 17, tzinfo=dt.UTC) + dt.timedelta(seconds=after)
    channel = await open_channel(lambda: fetched_at, trust=trust)
    smsc.receive(7, "123456789012*5467;", "29.11.2026 23:59:59")
    await look(channel)
    assert expected == await count("SELECT disposition FROM messages")


BROKEN = [
    pytest.param(500, b"oops", id="a fault of theirs"),
    pytest.param(200, b"<html>maintenance", id="no JSON"),
    pytest.param(200, b'{"error": "authorise error", "error_code": 2}', id="a wrong password"),
    pytest.param(302, b"", id="a redirect"),
    pytest.param(200, b"[" + b" " * 9_000_000 + b"]", id="without end"),
]


@pytest.mark.parametrize(("status", "body"), BROKEN)
async def test_a_gateway_that_fails_is_told_of_once(open_channel, smsc, count, status, body):
    """Lost once, restored once, and the secret is in neither."""
    channel, report = await open_channel(), Report()
    problems: list[str] = []
    report.lost = lambda problem: (problems.append(problem), report.note("lost"))
    smsc.status, smsc.body = status, body
    for _ in range(2):
        with pytest.raises(TransientError):
            await look(channel, report)
    smsc.status, smsc.body = 200, None
    smsc.receive(7, "123456789012*5467;")
    await look(channel, report)
    await look(channel, report)
    assert (["lost", "up"], 1) == (report.said, await count())
    assert "s3cret" not in str(problems)


async def test_it_asks_by_itself(open_channel, smsc, count):
    """What comes later is fetched while the channel runs; stopping lets another daemon go on."""
    channel, report = await open_channel(), Report()
    running = asyncio.create_task(channel.run(report))
    await report.until(lambda: len(smsc.asked) >= 2)
    smsc.receive(7, "123456789012*5467;")
    before = len(smsc.asked)
    await report.until(lambda: len(smsc.asked) >= before + 2)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert (1, 0) == (await count(), await count("SELECT count(*) FROM leases"))
