"""The SMS channel: real HTTP in front, and a sink that commits, refuses or waits."""

import asyncio
import contextlib
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import structlog
from builders import OPEN_AT, SMS, write_config
from prometheus_client import REGISTRY
from sms_bench import Bench, gather_sinks, serve_sms

from ingest.building import check_ways
from ingest.channels.sms import SmsChannel
from ingest.errors import ConfigError, PermanentError, TransientError
from ingest.model import ACCEPTED, ChannelName, InboundMessage, Outcome, ReplyTo
from ingest.ports import Channel

HEAD = """
[http]
trusted_proxies = ["127.0.0.1"]
read_timeout = 0.2
max_body = 2000
[windows.all-month]
days = "6..-2"
[channels.sms]
type = "sms"
window = "all-month"
"""
KANNEL = HEAD + 'gateway = "kannel"\n'
SEND = """send = { url = "http://127.0.0.1:9/", fields = { to = "{address}", text = "{text}" } }
"""
FORM = HEAD + 'fields = { sender = "phone", text = "mes", id = "id" }\n' + SEND
BATCH = (
    HEAD
    + 'body = "json"\nbatch = "results"\n'
    + 'fields = { sender = "from", text = "text", id = "id" }\n'
    + SEND
)
SECRET = """
[channels.sms.auth]
kind = "secret"
value = { env = "GATEWAY" }
field = "key"
header = "X-Token"
"""
BASIC = """
[channels.sms.auth]
kind = "basic"
username = "gw"
password = { env = "GATEWAY" }
"""
HMAC = """
[channels.sms.auth]
kind = "hmac"
key = { env = "GATEWAY" }
header = "X-Signature"
timestamp_header = "X-Timestamp"
"""
TWO = """{"results": [
    {"from": "7", "text": "1", "id": "a"},
    {"from": "7", "text": "2", "id": "b"}
]}"""
ENVIRON = {"GATEWAY": "s3cret"}


class ScriptedSink:
    """Commits each message, or does what the test wants instead."""

    def __init__(self) -> None:
        self.messages: list[InboundMessage] = []
        self.problems: dict[str, Exception] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.arrived = asyncio.Event()

    async def receive(self, message: InboundMessage) -> Outcome:
        self.arrived.set()
        await self.gate.wait()
        if message.text in self.problems:
            raise self.problems[message.text]
        self.messages.append(message)
        return Outcome("7K4M-2Q9X", ACCEPTED, f"Принято: {message.text}")


@pytest.fixture
async def open_bench(tmp_path: Path) -> AsyncIterator[Callable[..., object]]:
    """An async maker of benches with a scripted sink; everything in them ends with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(text: str, *, run: bool = True, environ: dict[str, str] = ENVIRON) -> Bench:
            config = write_config(tmp_path, text, environ)
            bench = await stack.enter_async_context(serve_sms(config, ScriptedSink()))
            if run:
                await bench.start()
            return bench

        yield make


ASKED = "from=%2B79031234567&to=4981&text=123456789012*5467%3B&id=u-1&charset=UTF-8"


def given_id(message):
    """Return the gateway's own part of an external id."""
    return message.external_id.partition("#")[0]


async def test_a_text_is_committed_as_it_came(open_bench):
    """What the channel hands over is the text, with its sender in E.164 and all that came."""
    bench = await open_bench(FORM)
    status, _ = await bench.get("phone=89031234567&mes=123456789012*5467%3B&id=42")
    (message,) = bench.sink.messages
    assert 200 == status
    assert ("sms", "42", OPEN_AT) == (message.channel, given_id(message), message.received_at)
    assert ("123456789012*5467;", "+79031234567") == (message.text, message.sender)
    assert b"phone=89031234567&mes=123456789012*5467%3B&id=42" == message.raw
    assert ReplyTo("89031234567") == message.reply_to


async def test_kannel_texts_the_reply_back(open_bench):
    """The body is the reply and nothing else, and no second reply is owed."""
    bench = await open_bench(KANNEL)
    async with bench.session.get(f"{bench.url}?{ASKED}") as answer:
        assert "Принято: 123456789012*5467;" == await answer.text()
        assert "text/plain; charset=utf-8" == answer.headers["Content-Type"]
        assert "2" == answer.headers["X-Kannel-Coding"]
    assert bench.sink.messages[0].reply_to is None


@pytest.mark.parametrize(
    "sender",
    [
        pytest.param("MTS", id="a name"),
        pytest.param("900", id="a short code"),
        pytest.param("", id="nobody"),
    ],
)
async def test_no_robot_is_answered(open_bench, sender):
    """The text is committed, but neither the body nor the outbox carries a reply."""
    kannel, form = await open_bench(KANNEL), await open_bench(FORM)
    assert (200, "") == await kannel.get(f"from={sender}&text=1&id=1")
    assert (200, "") == await form.get(f"phone={sender}&mes=1&id=1")
    assert [None, None] == [one.sink.messages[0].reply_to for one in (kannel, form)]


async def test_replies_are_sent_where_that_is_wanted(open_bench):
    """A reply leaves once: where it is sent, Kannel has nothing to text back."""
    bench = await open_bench(KANNEL + 'answer = "send"\n' + SEND)
    assert (200, "") == await bench.get(ASKED)
    assert ReplyTo("+79031234567") == bench.sink.messages[0].reply_to


async def test_a_way_to_send_serves_what_comes_later(open_bench):
    """The body carries the reply all the same; the way back is noted for later verdicts."""
    bench = await open_bench(KANNEL + SEND)
    assert (200, "Принято: 123456789012*5467;") == await bench.get(ASKED)
    [message] = bench.sink.messages
    assert (None, ReplyTo("+79031234567")) == (message.reply_to, message.call_back)


async def test_percent_encoded_bytes_arrive_untouched(open_bench):
    """UTF-16BE in a query survives the HTTP server."""
    bench = await open_bench(KANNEL)
    text = "".join(f"%{byte:02X}" for byte in "Счёт 1*2;".encode("utf-16-be"))
    request = f"GET /channels/sms?from=79031234567&text={text}&id=1&charset=UTF-16BE HTTP/1.1"
    answer = await say(bench, f"{request}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert "Счёт 1*2;" == bench.sink.messages[0].text


async def say(bench: Bench, data: bytes) -> bytes:
    """Send raw bytes and return the status line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bench.port)
    writer.write(data)
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_the_same_text_again_has_the_same_id(open_bench):
    """Without an id of the gateway, sender, text and minute make one."""
    bench = await open_bench(FORM)
    for _ in range(2):
        assert (200, "") == await bench.get("phone=79031234567&mes=1")
    first, again = bench.sink.messages
    assert first.external_id == again.external_id


async def test_a_batch_is_taken_whole(open_bench):
    """All its texts are handed over together."""
    bench = await open_bench(BATCH)
    assert (200, "") == await bench.post(TWO)
    assert ["a", "b"] == [given_id(message) for message in bench.sink.messages]


async def test_a_batch_is_ok_only_when_all_of_it_is_committed(open_bench):
    """One text that cannot be committed now makes the gateway repeat the batch."""
    bench = await open_bench(BATCH)
    bench.sink.problems["1"] = TransientError("the database is away")
    status, _ = await bench.post(TWO)
    assert 503 == status
    assert ["b"] == [given_id(message) for message in bench.sink.messages]


async def test_what_cannot_be_committed_is_refused_for_now(open_bench):
    """503 with Retry-After and a problem document; the daemon hears of the loss and the return."""
    bench = await open_bench(FORM)
    bench.sink.problems["1"] = TransientError("the database is away")
    async with bench.session.get(f"{bench.url}?phone=7&mes=1") as answer:
        assert (503, "10") == (answer.status, answer.headers["Retry-After"])
        assert "application/problem+json" == answer.content_type
        assert 503 == (await answer.json(content_type=None))["status"]
    assert (200, "") == await bench.get("phone=7&mes=2")
    assert ["up", "lost: the database is away", "up", "progressed"] == bench.report.said


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        pytest.param(TransientError(), 503, id="the database is away"),
        pytest.param(RuntimeError("boom"), 500, id="a fault of ours"),
    ],
)
async def test_kannel_never_gets_a_body_that_is_no_reply(open_bench, problem, status):
    """Whatever goes wrong, the customer is not texted about it."""
    bench = await open_bench(KANNEL)
    bench.sink.problems["1"] = problem
    assert (status, "") == await bench.get("from=79031234567&text=1")
    assert (400, "") == await bench.get("from=79031234567")
    assert (413, "") == await bench.post(b"x" * 3000, X_Kannel_From="79031234567")


REFUSED = [
    pytest.param(FORM, "phone=7", {}, 400, id="no text"),
    pytest.param(FORM + SECRET, "phone=7&mes=1", {}, 401, id="no secret"),
    pytest.param(FORM + SECRET, "phone=7&mes=1&key=S3cret", {}, 401, id="a wrong secret"),
    pytest.param(
        FORM + BASIC,
        "phone=7&mes=1",
        {"Authorization": "Basic Z3c6eA=="},
        401,
        id="a wrong password",
    ),
    pytest.param(FORM + HMAC, "phone=7&mes=1", {}, 401, id="not signed"),
    pytest.param(
        FORM + 'allow_from = ["10.0.0.0/8"]\n', "phone=7&mes=1", {}, 403, id="another address"
    ),
    pytest.param(
        FORM + 'allow_from = ["10.0.0.0/8"]\n',
        "phone=7&mes=1",
        {"X-Forwarded-For": "10.1.1.1, 192.0.2.1"},
        403,
        id="an address that the client made up",
    ),
]


@pytest.mark.parametrize(("text", "query", "headers", "expected"), REFUSED)
async def test_who_may_not_is_turned_away(open_bench, text, query, headers, expected):
    """The refusal is a problem document, and nothing reaches the sink."""
    bench = await open_bench(text)
    async with bench.session.get(f"{bench.url}?{query}", headers=headers) as answer:
        assert expected == answer.status
        assert expected == (await answer.json(content_type=None))["status"]
        assert ('kind = "basic"' in text) == ("WWW-Authenticate" in answer.headers)
    assert [] == bench.sink.messages


ADMITTED = [
    pytest.param(FORM + SECRET, "phone=7&mes=1&key=s3cret", {}, id="the secret in a field"),
    pytest.param(
        FORM + SECRET, "phone=7&mes=1", {"X-Token": "s3cret"}, id="the secret in a header"
    ),
    pytest.param(
        FORM + BASIC, "phone=7&mes=1", {"Authorization": "Basic Z3c6czNjcmV0"}, id="the password"
    ),
    pytest.param(
        FORM + 'allow_from = ["10.0.0.0/8"]\n',
        "phone=7&mes=1",
        {"X-Forwarded-For": "192.0.2.1, 10.1.1.1"},
        id="the address that our proxy saw",
    ),
]


@pytest.mark.parametrize(("text", "query", "headers"), ADMITTED)
async def test_who_may_is_let_in(open_bench, text, query, headers):
    """Each proof is enough, and the secret is not among what is kept."""
    bench = await open_bench(text)
    async with bench.session.get(f"{bench.url}?{query}", headers=headers) as answer:
        assert 200 == answer.status
    assert b"phone=7&mes=1" == bench.sink.messages[0].raw


async def test_a_signed_post_is_let_in_and_its_query_is_not_believed(open_bench):
    """Only what the signature covers is read."""
    bench = await open_bench(FORM + HMAC)
    stamp = str(int(OPEN_AT.timestamp()))
    signature = hmac.new(b"s3cret", f"phone=7&mes=1{stamp}".encode(), hashlib.sha256).hexdigest()
    headers = {"X-Signature": signature, "X-Timestamp": stamp}
    url = f"{bench.url}?id=forged"
    async with bench.session.post(url, data=b"phone=7&mes=1", headers=headers) as answer:
        assert 200 == answer.status
    assert "forged" != given_id(bench.sink.messages[0])


async def test_no_secret_is_logged(open_bench):
    """Refusals are logged without what was sent."""
    bench = await open_bench(FORM + SECRET)
    with structlog.testing.capture_logs() as logs:
        await bench.get("phone=7&mes=1&key=almost-s3cret", X_Token="near-s3cret")
        await bench.get("phone=7&key=s3cret")
    assert ["unauthenticated", "malformed"] == [event["cause"] for event in logs]
    assert "s3cret" not in str(logs)


async def test_a_missing_secret_disables_this_channel_alone(open_bench):
    """run() ends with a PermanentError that names the secret, and requests are refused for now."""
    bench = await open_bench(FORM + SECRET, run=False, environ={})
    with pytest.raises(PermanentError, match="GATEWAY"):
        await bench.channel.run(bench.report)
    status, _ = await bench.get("phone=7&mes=1&key=")
    assert 503 == status


async def test_a_channel_that_does_not_run_refuses_for_now(open_bench):
    """Before run() and after it a gateway is told to come again."""
    bench = await open_bench(FORM, run=False)
    assert 503 == (await bench.get("phone=7&mes=1"))[0]
    await bench.start()
    assert 200 == (await bench.get("phone=7&mes=1"))[0]
    await bench.stop()
    assert 503 == (await bench.get("phone=7&mes=1"))[0]


async def test_a_slow_body_is_given_up(open_bench):
    """A client that stops in the middle gets 408."""
    bench = await open_bench(FORM)
    head = (
        b"POST /channels/sms HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 9\r\n\r\n"
    )
    answer = await say(bench, head + b"phone")
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_client_that_hangs_up_does_not_stop_the_commit(open_bench):
    """The request is gone, the text is committed all the same."""
    bench = await open_bench(FORM)
    bench.sink.gate.clear()
    _, writer = await asyncio.open_connection("127.0.0.1", bench.port)
    writer.write(b"GET /channels/sms?phone=7&mes=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    await bench.sink.arrived.wait()
    writer.transport.abort()
    await bench.stop_with_open_gate()
    assert ["1"] == [message.text for message in bench.sink.messages]


async def test_a_client_that_hangs_up_before_the_end_commits_nothing(open_bench):
    """Half a body is no message, and no traceback either."""
    bench = await open_bench(FORM)
    with structlog.testing.capture_logs() as logs:
        _, writer = await asyncio.open_connection("127.0.0.1", bench.port)
        writer.write(b"POST /channels/sms HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nphone=7")
        await writer.drain()
        writer.transport.abort()
        assert 200 == (await bench.get("phone=7&mes=1"))[0]
    assert 1 == len(bench.sink.messages)
    assert "request.failed" not in str(logs)


async def test_stopping_waits_for_what_is_in_hand(open_bench):
    """The client gets its OK although the channel was told to stop meanwhile."""
    bench = await open_bench(FORM)
    bench.sink.gate.clear()
    asking = asyncio.create_task(bench.get("phone=7&mes=1"))
    await bench.sink.arrived.wait()
    await bench.stop_with_open_gate()
    assert (200, "") == await asking


def test_the_channel_keeps_its_port(tmp_path):
    """It is a Channel, with routes for texts and for reports; building it touches nothing."""
    config = write_config(tmp_path, KANNEL, {})
    channel: Channel = SmsChannel(SMS, config.channels["sms"], config, gather_sinks(ScriptedSink()))
    paths = ("/channels/sms", "/channels/sms/reports")
    assert [(method, path) for path in paths for method in ("GET", "POST")] == [
        (route.method, route.path) for route in channel.routes
    ]


IN_PATH = """
[channels.sms.auth]
kind = "secret"
path = true
value = { env = "GATEWAY" }
"""


@pytest.mark.parametrize(
    ("below", "status"),
    [
        pytest.param("/s3cret", 200, id="the secret"),
        pytest.param("/s3cret/reports", 200, id="the secret before reports"),
        pytest.param("/S3cret", 401, id="a wrong secret"),
        pytest.param("", 401, id="no secret"),
        pytest.param("/reports", 401, id="no secret before reports"),
    ],
)
async def test_a_secret_may_stand_in_the_path(open_bench, below, status):
    """For gateways that can be given an address and nothing else."""
    bench = await open_bench(FORM + IN_PATH)
    async with bench.session.get(f"{bench.url}{below}?phone=7&mes=1") as answer:
        assert status == answer.status
    assert (status == 200) == bool(bench.sink.messages)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            FORM + 'answer = "body"\n', "found 'body', wanted 'send' or 'auto'", id="body"
        ),
        pytest.param(KANNEL + 'answer = "send"\n', r"wanted \[channels.sms.send\]", id="send"),
    ],
)
def test_a_way_that_is_not_there_is_refused(tmp_path, text, expected):
    """What the gateway cannot do, or nobody described, is told before the first text."""
    config = write_config(tmp_path, text, ENVIRON)
    with pytest.raises(ConfigError, match=f"channels.sms.answer: .*{expected}"):
        SmsChannel(SMS, config.channels["sms"], config, gather_sinks(ScriptedSink()))
    with pytest.raises(ConfigError, match=r"channels.sms.answer"):
        check_ways(config)


PAGE = (Path(__file__).parents[2] / "docs/channels/sms.md").read_text("utf-8")
WORKED = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", WORKED)
def test_the_worked_gateways_can_be_used(tmp_path, text):
    """What the page shows is a configuration of a channel, as it stands."""
    config = write_config(tmp_path, '[windows.all-month]\ndays = "6..-2"\n' + text, {})
    ((name, settings),) = config.channels.items()
    assert SmsChannel(ChannelName(name), settings, config, gather_sinks(ScriptedSink())).routes


COUNTED = {"channel": "sms", "cause": "malformed"}


async def test_refusals_are_counted(open_bench):
    """By channel and cause, for the alarm that fields have new names."""
    bench = await open_bench(FORM)
    before = REGISTRY.get_sample_value("ingest_refusals_total", COUNTED) or 0
    await bench.get("phone=7")
    assert before + 1 == REGISTRY.get_sample_value("ingest_refusals_total", COUNTED)
