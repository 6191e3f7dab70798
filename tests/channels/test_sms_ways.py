"""The way back: in the body or by a request, once, reported on, told anew by a replay."""

import asyncio
import contextlib

import pytest
from aiohttp import web
from builders import SMS
from prometheus_client import REGISTRY
from sms_bench import gather_sinks, serve_sms

from ingest.addresses import Listen
from ingest.building import build_paces, build_way_out, can_send
from ingest.history import MessageFilter, get_story, list_messages
from ingest.listeners import open_listener
from ingest.outbox import Outbox
from ingest.policy import build_policies
from ingest.replay import Replay
from ingest.replies import load_phrasebook

CONFIG = """
[http]
public_url = "http://readings.example"
[windows.all-month]
days = "6..-2"
[channels.sms]
type = "sms"
window = "all-month"
gateway = "{gateway}"
auth = {{ kind = "secret", field = "key", value = {{ env = "KEY" }} }}
{more}
[channels.sms.send]
url = "http://127.0.0.1:{port}/"
secret = {{ env = "KEY" }}
values = {{ username = "gw", from = "4981", account = "7" }}
"""
ENVIRON = {"KEY": "s3cret"}
ASKED = "key=s3cret&from=%2B79031234567&to=4981&text=123456789012*5467%3B&id={}&charset=UTF-8"
VONAGE = "key=s3cret&msisdn=79031234567&to=4981&text=123456789012*5467;&messageId={}&type=text"


class Upstream:
    """A gateway that takes what is sent to it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.body = "0: Accepted for delivery"
        self.port = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query) | dict(await request.post()))
        return web.Response(text=self.body)


@pytest.fixture
async def upstream():
    """A gateway on the loopback."""
    gateway = Upstream()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", gateway.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    gateway.port = runner.addresses[0][1]
    yield gateway
    await runner.cleanup()


@pytest.fixture
async def open_house(a_config, open_intake, store, upstream):
    """Return an async maker of a channel and its outbox; everything ends with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(gateway: str = "kannel", more: str = "", send: str = "", limits: str = ""):
            text = limits + CONFIG.format(gateway=gateway, more=more, port=upstream.port)
            config = a_config(text + send, ENVIRON)
            sinks = gather_sinks(await open_intake(config))
            bench = await stack.enter_async_context(serve_sms(config, None, sinks))
            await bench.start()
            sender = build_way_out(SMS, config.channels["sms"], config)
            stack.push_async_callback(sender.aclose)
            outbox = Outbox(
                store, {SMS: sender}, config.settings.replies, paces=build_paces(config)
            )
            return config, bench, outbox

        yield make


async def fetch(store, sql):
    async with store._pool.acquire() as connection:
        return await connection.fetch(sql)


async def test_the_body_carries_the_reply_once(open_house, upstream):
    """Kannel texts the body; the way to send stays idle, whoever asks again."""
    _, bench, outbox = await open_house()
    first = await bench.get(ASKED.format(1))
    again = await asyncio.gather(*(bench.get(ASKED.format(1)) for _ in range(10)))
    assert ({first}, 200) == (set(again), first[0])
    assert (0, []) == (await outbox.send_due(), upstream.asked)


async def test_a_body_too_many_is_noted_with_its_message(open_house, store):
    """A telephone that had enough gets an empty body, and whoever looks is told so."""
    _, bench, _ = await open_house(limits="[replies]\nper_address = 1\n")
    asked = "key=s3cret&from=%2B79031234567&text=what&id={}"
    bodies = [(await bench.get(asked.format(number)))[1] for number in (1, 2)]
    rows = await list_messages(store, MessageFilter())
    story = await get_story(store, rows[0]["receipt"])
    assert [True, False] == [bool(body) for body in bodies]
    assert ["suppressed", None] == [row["reply_state"] for row in rows]
    assert ["reply.suppressed"] == [event["event"] for event in story.events]


async def test_the_body_is_written_as_send_would_write_it(open_house):
    """In Latin letters where the channel's texts are: 160 of them are one SMS."""
    _, bench, _ = await open_house(send="transliterate = true")
    _, body = await bench.get(ASKED.format(1))
    assert body.isascii()
    assert body.startswith("Prinyato")


async def test_the_answer_is_the_same_after_a_restart(open_house):
    """Byte for byte, from another process too."""
    _, bench, _ = await open_house()
    first = await bench.get(ASKED.format(1))
    await bench.stop()
    _, later, _ = await open_house()
    assert first == await later.get(ASKED.format(1))


async def test_one_id_with_two_texts_is_two_messages(open_house, store):
    """A gateway that was set up anew gives its ids again; neither text may vanish."""
    _, bench, _ = await open_house()
    await bench.get(ASKED.format(1))
    await bench.get(ASKED.format(1).replace("5467", "5468"))
    rows = await fetch(store, "SELECT external_id FROM messages ORDER BY id")
    assert ["1", "1"] == [row["external_id"].partition("#")[0] for row in rows]


async def test_a_reply_is_sent_as_the_gateway_wants_it(open_house, upstream):
    """Its own request, with our secret; and the report address has what a report must prove."""
    _, bench, outbox = await open_house(more='answer = "send"')
    status, body = await bench.get(ASKED.format(1))
    assert ((200, ""), 1) == ((status, body), await outbox.send_due())
    [asked] = upstream.asked
    assert ("gw", "s3cret", "+79031234567", "2") == (
        asked["username"],
        asked["password"],
        asked["to"],
        asked["coding"],
    )
    assert asked["dlr-url"].startswith(
        "http://readings.example/channels/sms/reports?key=s3cret&id="
    )


COUNT = "ingest_delivery_reports_total"


async def test_a_report_is_kept_with_the_reply(open_house, store, upstream):
    """By our own id or by the gateway's; the same report again changes nothing."""
    _, bench, outbox = await open_house("vonage")
    upstream.body = '{"messages": [{"status": "0", "message-id": "up-7"}]}'
    await bench.get(VONAGE.format("m-1"))
    await outbox.send_due()
    report = "key=s3cret&msisdn=79031234567&to=4981&messageId=up-7&status={}&err-code=1"
    before = REGISTRY.get_sample_value(COUNT, {"channel": "sms", "status": "undelivered"}) or 0
    for status in ("accepted", "failed", "failed"):
        url = f"http://127.0.0.1:{bench.port}/channels/sms/reports?{report.format(status)}"
        async with bench.session.get(url) as answer:
            assert 200 == answer.status
    [row] = await fetch(store, "SELECT receipt FROM messages")
    story = await get_story(store, row["receipt"])
    assert ["under_way", "undelivered"] == [report["status"] for report in story.reports]
    after = REGISTRY.get_sample_value(COUNT, {"channel": "sms", "status": "undelivered"})
    assert before + 2 == after
    [row] = await list_messages(store, MessageFilter())
    assert "undelivered" == row["reply_state"]


async def test_a_report_on_nothing_of_ours_is_counted(open_house, store):
    """The gateway is told OK, or it would come for ever."""
    _, bench, _ = await open_house("vonage")
    labels = {"channel": "sms", "status": "unknown"}
    before = REGISTRY.get_sample_value(COUNT, labels) or 0
    report = "key=s3cret&msisdn=7&to=4981&messageId=nobody&status=delivered&err-code=0"
    assert 200 == (await bench.get(report))[0]
    assert before + 1 == REGISTRY.get_sample_value(COUNT, labels)
    assert [] == await fetch(store, "SELECT FROM delivery_reports")


async def test_a_report_needs_the_secret_too(open_house, store):
    """Nobody else says what became of a reply."""
    _, bench, _ = await open_house("vonage")
    async with bench.session.get(f"{bench.url}/reports?messageId=1&status=failed") as answer:
        assert 401 == answer.status


async def test_a_robot_with_a_telephone_does_not_go_on_for_ever(open_house):
    """Answers in a body have the limits of those that are sent; a repeat gets its answer still."""
    _, bench, _ = await open_house()
    asked = "key=s3cret&from=%2B79031234567&text=Ya+za+rulem&id={}"
    answers = [await bench.get(asked.format(number)) for number in range(12)]
    assert [True] * 10 + [False] * 2 == [bool(text) for _, text in answers]
    assert {200} == {status for status, _ in answers}
    assert answers[0] == await bench.get(asked.format(0))


async def test_a_replay_reaches_whom_the_body_had_answered(open_house, store, upstream):
    """There is no row to go by, but there is a way to send: the new verdict is told by it."""
    config, bench, outbox = await open_house()
    await bench.get(ASKED.format(1))
    await fetch(store, "UPDATE messages SET disposition = 'reject', reason = 'window_closed'")
    [row] = await fetch(store, "SELECT receipt FROM messages")
    replay = Replay(
        store,
        build_policies(config),
        load_phrasebook(),
        call_back=lambda channel, sender: can_send(config, channel, sender),
    )
    replayed = await replay.replay(row["receipt"], is_trial=False)
    assert (True, 1) == (replayed.is_told, await outbox.send_due())
    assert "5467" in upstream.asked[0]["text"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("PUT", "/channels/sms", 405, id="wrong method"),
        pytest.param("DELETE", "/channels/sms/reports", 405, id="wrong method for reports"),
        pytest.param("GET", "/channels/smz", 404, id="unknown channel"),
        pytest.param("POST", "/channels/sms/elsewhere", 404, id="unknown path"),
    ],
)
async def test_what_nobody_answers(open_house, method, path, status):
    """The status says what is wrong, and no trace says more."""
    _, bench, _ = await open_house()
    where = Listen(host="127.0.0.1", port=0)
    async with (
        open_listener(where, bench.channel.routes, max_body=1000, read_timeout=5) as address,
        bench.session.request(method, f"http://{address}{path}") as answer,
    ):
        assert status == answer.status
        assert ("GET,POST" if status == 405 else None) == answer.headers.get("Allow")
        assert "Traceback" not in await answer.text()
