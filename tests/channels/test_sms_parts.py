"""Long texts that a gateway hands over in parts: HTTP in front, the real intake behind."""

import asyncio
import contextlib
import datetime as dt
import itertools
import json
from urllib.parse import urlencode

import asyncpg
import pytest
from builders import OPEN_AT, SHUT_AT
from sms_bench import gather_sinks, serve_sms
from structlog.testing import capture_logs

from ingest.errors import TransientError

CONFIG = """
[windows.all-month]
days = "6..-2"
[channels.sms]
type = "sms"
window = "all-month"
"""
VONAGE = CONFIG + 'gateway = "vonage"\n'
SEND = """
[channels.sms.send]
url = "http://127.0.0.1:9/"
fields = { to = "{address}", text = "{text}", callback = "" }
values = { from = "4981", account = "7" }
secret = { env = "KEY" }
"""
IN_BODY = (
    CONFIG
    + """
fields = { sender = "msisdn", text = "text", id = "messageId", part_reference = "concat-ref", \
part_number = "concat-part", part_total = "concat-total" }
ack = { body = "{reply}" }
"""
)
TEXTS = {1: "123456789012*5467; 12345", 2: "6789013*77; 1234567", 3: "89014*8;"}
WAIT = dt.timedelta(minutes=11)


def part(number: int, **changes: str) -> str:
    """Return the query of one part."""
    fields = {
        "msisdn": "79031234567", "to": "4981", "type": "text", "concat": "true",
        "concat-ref": "77", "concat-total": "3", "concat-part": str(number),
        "messageId": f"m-{number}", "text": TEXTS.get(number, ""),
        "timestamp": "1795496400",
    }  # fmt: skip
    return urlencode(fields | changes)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = OPEN_AT

    def __call__(self) -> dt.datetime:
        return self.at


@pytest.fixture
def clock():
    """Noon of a day on which the window is open."""
    return Clock()


@pytest.fixture
async def open_bench(a_config, open_intake, clock):
    """Return an async maker of benches on the test's database; each is a daemon of its own."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(text: str, **changes: object):
            config = a_config(text, {"KEY": "k"})
            sinks = gather_sinks(await open_intake(config))
            for name, wrap in changes.items():
                sinks = type(sinks)(
                    **{
                        one: wrap(getattr(sinks, one)) if one == name else getattr(sinks, one)
                        for one in sinks.__struct_fields__
                    }
                )
            bench = await stack.enter_async_context(serve_sms(config, None, sinks, clock))
            await bench.start()
            return bench

        yield make


@pytest.fixture
async def ask(database_url):
    """Return what asks the test's database."""
    connection = await asyncpg.connect(database_url)
    yield connection.fetch
    await connection.close()


MESSAGES = """SELECT text, disposition, reason, receipt, external_id, received_at, raw
  FROM messages ORDER BY id"""
READINGS = "SELECT account, value FROM readings WHERE disposition = 'accept' ORDER BY account"


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))), ids=repr)
async def test_parts_make_one_text_in_any_order(open_bench, ask, order):
    """Every part is acknowledged, and the readings that the cuts went through are whole."""
    bench = await open_bench(VONAGE + SEND)
    for number in order:
        assert 200 == (await bench.get(part(number)))[0]
    [message] = await ask(MESSAGES)
    assert "".join(TEXTS.values()) == message["text"]
    wanted = [("123456789012", 5467), ("123456789013", 77), ("123456789014", 8)]
    assert wanted == [tuple(row) for row in await ask(READINGS)]


async def test_what_came_in_is_kept(open_bench, ask):
    """The raw message holds the bytes of each part."""
    bench = await open_bench(VONAGE + SEND)
    for number in (3, 1, 2):
        await bench.get(part(number))
    [message] = await ask(MESSAGES)
    kept = json.loads(message["raw"])
    assert [1, 2, 3] == [one["number"] for one in kept]
    assert all(f"messageId=m-{one['number']}&" in one["raw"] for one in kept)


async def test_the_first_part_decides_about_the_window(open_bench, ask, clock):
    """A gateway that takes its time over the last part costs nobody the month."""
    bench = await open_bench(VONAGE + SEND)
    for number in (2, 1):
        await bench.get(part(number))
    clock.at = SHUT_AT.replace(month=12)
    await bench.get(part(3))
    [message] = await ask(MESSAGES)
    assert (OPEN_AT, "accept") == (message["received_at"], message["disposition"])


async def test_the_last_part_carries_the_reply(open_bench):
    """The others get an empty OK; whoever asks again is told the same, byte for byte."""
    bench = await open_bench(IN_BODY)
    first = {number: await bench.get(part(number)) for number in (2, 3, 1)}
    assert [(200, ""), (200, "")] == [first[2], first[3]]
    assert first[1][1].startswith("Приняты все показания: 3.")
    again = await asyncio.gather(*(bench.get(part(number)) for number in (1, 2, 3) * 3))
    assert [first[1], first[2], first[3]] * 3 == again


async def test_copies_at_once_are_answered_once(open_bench, ask):
    """Ten copies of each part at the same moment make one message."""
    bench, other = await open_bench(VONAGE + SEND), await open_bench(VONAGE + SEND)
    answers = await asyncio.gather(
        *(one.get(part(number)) for number in (1, 2, 3) * 5 for one in (bench, other))
    )
    assert {(200, "")} == set(answers)
    assert 1 == len(await ask(MESSAGES))
    assert 1 == len(await ask("SELECT FROM outbox"))


async def test_parts_survive_a_restart(open_bench, ask):
    """A daemon that stops between two parts loses nothing."""
    bench = await open_bench(VONAGE + SEND)
    await bench.get(part(1))
    await bench.get(part(2))
    await bench.stop()
    await (await open_bench(VONAGE + SEND)).get(part(3))
    assert ["".join(TEXTS.values())] == [row["text"] for row in await ask(MESSAGES)]


async def test_what_never_comes_is_marked(open_bench, ask, clock):
    """After ten minutes what came is judged as it is: no torn number is believed."""
    bench = await open_bench(VONAGE + SEND)
    await bench.get(part(1))
    await bench.get(part(3))
    await bench.channel.sweep()
    assert [] == await ask(MESSAGES)
    clock.at += WAIT
    await bench.channel.sweep()
    await bench.channel.sweep()
    [message] = await ask(MESSAGES)
    assert f"{TEXTS[1]}\ufffd{TEXTS[3]}" == message["text"]
    assert [] == await ask(READINGS)
    assert 1 == len(await ask(OWED))


async def test_who_sent_what_never_came_is_asked_for_it_again(open_bench, ask, clock):
    """Whole lines do not count either: the words that lack may take them back."""
    bench = await open_bench(VONAGE + SEND)
    await bench.get(part(1, text="123456789012*5467;\n"))
    clock.at += WAIT
    with capture_logs() as logs:
        await bench.channel.sweep()
    [message] = await ask(MESSAGES)
    [owed] = await ask(OWED)
    assert ("hold", "incomplete") == (message["disposition"], message["reason"])
    told = f"Пришла только часть сообщения, пришлите ещё раз. Код {message['receipt']}"
    assert told == owed["body"]
    [missed] = [one for one in logs if one["event"] == "parts.missed"]
    assert ("sms", message["receipt"], 1, 3) == tuple(
        missed[key] for key in ("channel", "receipt", "present", "total")
    )


async def test_nobody_waits_for_the_answer_to_what_never_came(open_bench, ask, clock):
    """Where replies go in the body, the verdict on a torn text is sent, if there is a way."""
    plain = 'url = "http://127.0.0.1:9/"\nfields = { to = "{address}", text = "{text}" }\n'
    bench = await open_bench(f"{IN_BODY}[channels.sms.send]\n{plain}")
    await bench.get(part(1))
    clock.at += WAIT
    await bench.channel.sweep()
    assert 1 == len(await ask("SELECT FROM outbox"))


class Once:
    """A sink that fails the first time."""

    def __init__(self, sink) -> None:
        self.sink = sink
        self.troubles = [TransientError("the database is away")]

    async def receive(self, message):
        if self.troubles:
            raise self.troubles.pop()
        return await self.sink.receive(message)


async def test_a_failure_between_decision_and_commit_is_made_good(open_bench, ask, clock):
    """The gateway is told to come again, and gets the reply; it need not even come."""
    bench = await open_bench(IN_BODY, messages=Once)
    for number in (1, 2):
        await bench.get(part(number))
    assert 503 == (await bench.get(part(3)))[0]
    assert [] == await ask(MESSAGES)
    clock.at += dt.timedelta(minutes=2)
    await bench.channel.sweep()
    assert 1 == len(await ask(MESSAGES))
    status, reply = await bench.get(part(3))
    assert (200, True) == (status, bool(reply))
    assert 1 == len(await ask(MESSAGES))


PLAIN = """
[channels.sms.send]
url = "http://127.0.0.1:9/"
fields = { to = "{address}", text = "{text}" }
"""
OWED = "SELECT body FROM outbox"


async def test_a_verdict_that_nobody_comes_back_for_is_sent(open_bench, ask, clock):
    """The gateway was told 503 and never came again; should it come after all, it hears nothing."""
    bench = await open_bench(IN_BODY + PLAIN, messages=Once)
    for number in (1, 2):
        await bench.get(part(number))
    assert 503 == (await bench.get(part(3)))[0]
    clock.at += dt.timedelta(minutes=2)
    await bench.channel.sweep()
    [owed] = await ask(OWED)
    assert owed["body"].startswith("Приняты все показания: 3.")
    assert (200, "") == await bench.get(part(3))
    assert 1 == len(await ask(OWED))


async def test_parts_are_judged_by_when_the_gateway_took_the_first(open_bench, ask, clock):
    """Vonage tries for a day: an outage of ours in the last hours of the window costs nobody it."""
    bench = await open_bench(VONAGE + SEND)
    end = dt.datetime(2026, 11, 29, 17, tzinfo=dt.UTC)
    clock.at = end + dt.timedelta(hours=3)
    for number, second in ((2, 40), (1, -1), (3, 41)):
        stamp = str(int(end.timestamp()) + second)
        await bench.get(part(number, timestamp=stamp))
        await bench.channel.sweep()
    [message] = await ask(MESSAGES)
    assert (end - dt.timedelta(seconds=1), "accept") == (
        message["received_at"],
        message["disposition"],
    )


async def test_a_text_that_our_code_fails_on_stops_no_other(open_bench, ask, clock):
    """What an older version kept and this one cannot read is named once; the channel runs on."""
    bench = await open_bench(VONAGE + SEND)
    await bench.get(part(1))
    await bench.get(part(1, **{"concat-ref": "78", "messageId": "m-9"}))
    await ask("UPDATE message_parts SET content = 'x' WHERE external_id LIKE 'm-1%'")
    clock.at += WAIT
    with capture_logs() as logs:
        for _ in range(3):
            await bench.channel.sweep()
            clock.at += WAIT
    assert [f"{TEXTS[1]}\ufffd"] == [row["text"] for row in await ask(MESSAGES)]
    assert ["parts.failed"] == [one["event"] for one in logs if one["log_level"] == "error"]


ODD = [
    pytest.param({"concat-part": "0"}, id="number 0"),
    pytest.param({"concat-part": "4"}, id="a number beyond the total"),
    pytest.param({"concat-total": "0"}, id="none in all"),
    pytest.param({"concat-total": "256"}, id="more than a header can count"),
    pytest.param({"concat-total": "x"}, id="no number"),
    pytest.param({"concat-total": "1", "concat-part": "1"}, id="the only one"),
]


@pytest.mark.parametrize("changes", ODD)
async def test_a_part_that_makes_no_sense_is_a_text(open_bench, ask, changes):
    """It is judged at once, as it came."""
    bench = await open_bench(VONAGE + SEND)
    assert 200 == (await bench.get(part(1, **changes)))[0]
    assert [TEXTS[1]] == [row["text"] for row in await ask(MESSAGES)]
