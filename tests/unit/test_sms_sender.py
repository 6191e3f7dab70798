"""Replies by SMS, against a real HTTP gateway that does what it is told."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web
from builders import write_config

from ingest.errors import ConfigError
from ingest.model import Acknowledgement, ChannelName, DeliveryState, Reason, ReplyTo
from ingest.senders import build_sender
from ingest.senders.sms import LONGEST_BODY

SENT, RETRY = DeliveryState.SENT, DeliveryState.RETRY
FAILED, UNCERTAIN = DeliveryState.FAILED, DeliveryState.UNCERTAIN
ENVIRON = {"PASSWORD": "p&ss w", "SECRET": "s3cret"}
SMS = ChannelName("sms")
CONFIG = """
[windows.all-month]
days = "6..-2"
[channels.sms]
type = "sms"
window = "all-month"
gateway = "kannel"
"""
SEND = (
    CONFIG
    + """
[channels.sms.send]
timeout = 0.3
"""
)
FIELDS = 'fields = { to = "{address}", text = "{text}", id = "{id}" }\n'


def a_text(body: str = "Принято {secret} & код 7K4M-2Q9X+1") -> Acknowledgement:
    return Acknowledgement(
        id=7,
        channel=SMS,
        receipt="7K4M-2Q9X",
        reason=Reason.ACCEPTED,
        reply_to=ReplyTo("+79031234567"),
        body=body,
        attempts=0,
        created_at=dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC),
    )


A_TEXT = a_text()


def make_sender(folder: Path, text: str) -> object:
    config = write_config(folder, text, ENVIRON)
    return build_sender(SMS, config.channels["sms"], config)


class Gateway:
    """An HTTP gateway that answers as the test wants, and notes what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.body = ""
        self.headers: dict[str, str] = {}
        self.behaviour = "answer"
        self.asked: list[tuple[web.Request, str]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request, await request.text()))
        if self.behaviour == "silence":
            await asyncio.Event().wait()
        if self.behaviour == "cut":
            request.transport.abort()
        if self.behaviour == "half":
            return await self.answer_half(request)
        return web.Response(status=self.status, text=self.body, headers=self.headers)

    async def answer_half(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"OK")
        request.transport.abort()
        return response


@pytest.fixture
async def open_gateway(tmp_path: Path) -> AsyncIterator[Callable[..., object]]:
    """An async maker of gateways: it returns the gateway and a sender that leads to it."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(extra: str = FIELDS) -> tuple[Gateway, object]:
            gateway = Gateway()
            app = web.Application()
            app.router.add_route("*", "/{tail:.*}", gateway.handle)
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/send"
            sender = make_sender(tmp_path, f'{SEND}url = "{url}"\n{extra}')
            stack.push_async_callback(sender.aclose)
            return gateway, sender

        yield make


async def test_a_text_is_posted_as_a_form(open_gateway):
    """Values are put in once: what a text contains is never taken for a placeholder."""
    gateway, sender = await open_gateway()
    delivery = await sender.send(A_TEXT)
    request, _ = gateway.asked[0]
    form = dict(await request.post())
    assert SENT == delivery.state
    assert "POST" == request.method
    assert {"to": "+79031234567", "text": A_TEXT.body, "id": "7K4M-2Q9X-7"} == form


async def test_a_text_is_sent_in_the_query(open_gateway):
    """A GET has no body; plus signs and ampersands arrive as they are."""
    gateway, sender = await open_gateway('method = "GET"\n' + FIELDS)
    await sender.send(A_TEXT)
    request, body = gateway.asked[0]
    assert {"to": "+79031234567", "text": A_TEXT.body, "id": "7K4M-2Q9X-7"} == dict(request.query)
    assert ("GET", "") == (request.method, body)


NESTED = """body = "json"
secret = { env = "SECRET" }
headers = { Authorization = "Bearer {secret}" }
[channels.sms.send.fields]
"phoneNumbers.0" = "{address}"
"textMessage.text" = "{text}"
"""


async def test_a_text_is_sent_as_json(open_gateway):
    """Dotted names make objects, numbers make lists, and a header may carry the secret."""
    gateway, sender = await open_gateway(NESTED)
    await sender.send(A_TEXT)
    request, _ = gateway.asked[0]
    wanted = {"phoneNumbers": ["+79031234567"], "textMessage": {"text": A_TEXT.body}}
    assert wanted == await request.json()
    assert "Bearer s3cret" == request.headers["Authorization"]


async def test_a_password_goes_along(open_gateway):
    """HTTP Basic."""
    basic = 'basic = { username = "gw", password = { env = "PASSWORD" } }\n'
    gateway, sender = await open_gateway(basic + FIELDS)
    await sender.send(A_TEXT)
    request, _ = gateway.asked[0]
    assert "Basic Z3c6cCZzcyB3" == request.headers["Authorization"]


RULES = FIELDS + "success = '\"id\"'\nid_pattern = '\"id\": (\\d+)'\npermanent = 'black ?list'\n"
ANSWERS = [
    pytest.param(200, '{"id": 42}', SENT, "42", id="200"),
    pytest.param(200, '{"error": "balance"}', RETRY, "", id="200 with an error in it"),
    pytest.param(200, '{"error": "blacklist"}', FAILED, "", id="200 with a final error in it"),
    pytest.param(500, "blacklist", FAILED, "", id="500 with a final error in it"),
    pytest.param(400, "bad number", FAILED, "", id="400"),
    pytest.param(404, "", FAILED, "", id="404"),
    pytest.param(401, "bad key", RETRY, "", id="a key that a person renews"),
    pytest.param(402, "no money", RETRY, "", id="an account that a person fills"),
    pytest.param(408, "", RETRY, "", id="408"),
    pytest.param(429, "slow down", RETRY, "", id="429"),
    pytest.param(500, "<html>oops", UNCERTAIN, "", id="500"),
    pytest.param(502, "", UNCERTAIN, "", id="a proxy that lost the answer"),
    pytest.param(503, "", RETRY, "", id="503"),
    pytest.param(504, "", UNCERTAIN, "", id="a proxy that gave up waiting"),
]


@pytest.mark.parametrize(("status", "body", "state", "upstream_id"), ANSWERS)
async def test_a_gateways_answer_is_sorted(open_gateway, status, body, state, upstream_id):
    """Status and patterns together say what became of the text; the answer is kept."""
    gateway, sender = await open_gateway(RULES)
    gateway.status, gateway.body = status, body
    delivery = await sender.send(A_TEXT)
    assert (state, upstream_id) == (delivery.state, delivery.upstream_id)
    assert f"{status} {body}".strip() == delivery.detail
    assert 1 == len(gateway.asked)


METHOD = 'method = "{}"\nidempotent = {}\n'


@pytest.mark.parametrize("behaviour", ["silence", "cut", "half"])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("idempotent", "state"), [("false", UNCERTAIN), ("true", RETRY)])
async def test_an_unknown_end_is_not_repeated_blindly(
    open_gateway, behaviour, method, idempotent, state
):
    """The request was heard: it is sent again only where a second one does no harm."""
    gateway, sender = await open_gateway(METHOD.format(method, idempotent) + FIELDS)
    for _ in range(2):
        gateway.behaviour = "answer"
        assert SENT == (await sender.send(A_TEXT)).state
        gateway.behaviour = behaviour
        assert state == (await sender.send(A_TEXT)).state
    assert 4 == len(gateway.asked)
    assert (state is RETRY) == sender.is_repeatable


async def test_a_gateway_that_is_not_there_is_tried_again(tmp_path):
    """Nothing has left, so nothing can be double."""
    sender = make_sender(tmp_path, f'{SEND}url = "http://127.0.0.1:1/"\n{FIELDS}')
    delivery = await sender.send(A_TEXT)
    await sender.aclose()
    assert RETRY == delivery.state


async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as no HTTP server does."""
    await reader.read(10)
    writer.write(b"+OK ready\r\n\r\n")
    writer.close()
    await writer.wait_closed()


async def test_what_is_no_http_is_uncertain(tmp_path):
    """Something answered, and nobody knows what it did."""
    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sender = make_sender(tmp_path, f'{SEND}url = "http://127.0.0.1:{port}/"\n{FIELDS}')
    delivery = await sender.send(A_TEXT)
    await sender.aclose()
    server.close()
    assert UNCERTAIN == delivery.state


async def test_a_redirect_is_not_followed(open_gateway):
    """A secret goes only where it was told to go; a person puts the address right."""
    gateway, sender = await open_gateway()
    gateway.status, gateway.headers = 302, {"Location": "/elsewhere"}
    delivery = await sender.send(A_TEXT)
    assert (RETRY, ["/send"]) == (delivery.state, [one.path for one, _ in gateway.asked])


async def test_an_endless_answer_is_cut(open_gateway):
    """Ten megabytes are judged by their beginning."""
    gateway, sender = await open_gateway('success = "^OK"\n' + FIELDS)
    gateway.body = "OK " + "x" * 10_000_000
    delivery = await sender.send(A_TEXT)
    assert SENT == delivery.state
    assert len(delivery.detail) < LONGEST_BODY


KEYED = """secret = {{ env = "{name}" }}
fields = {{ key = "{{secret}}", to = "{{address}}", text = "{{text}}" }}
"""


async def test_no_secret_comes_back(open_gateway):
    """A gateway that repeats our key does not bring it into the outbox."""
    gateway, sender = await open_gateway(KEYED.format(name="PASSWORD"))
    gateway.status, gateway.body = 400, "bad key p&ss w in key=p%26ss%20w and p%26ss+w"
    delivery = await sender.send(A_TEXT)
    assert "400 bad key *** in key=*** and ***" == delivery.detail


async def test_a_secret_that_is_not_there_is_tried_again(open_gateway):
    """A person puts it there; nothing leaves before."""
    gateway, sender = await open_gateway(KEYED.format(name="MISSING"))
    delivery = await sender.send(A_TEXT)
    assert (RETRY, []) == (delivery.state, gateway.asked)
    assert "MISSING" in delivery.detail


async def test_a_text_that_fits_into_no_request_is_final(open_gateway):
    """A line break cannot stand in a header."""
    gateway, sender = await open_gateway('headers = { X-Text = "{text}" }\n' + FIELDS)
    delivery = await sender.send(a_text("a\r\nX-Other: b"))
    assert (FAILED, []) == (delivery.state, gateway.asked)


def test_channels_without_a_way_out_have_no_sender(tmp_path):
    """Kannel texts the body back by itself."""
    assert make_sender(tmp_path, CONFIG) is None


@pytest.mark.parametrize("names", [("a", "a.b"), ("a.b", "a")], ids=repr)
def test_names_that_exclude_each_other_are_told(tmp_path, names):
    """A value and an object cannot stand in one place; it shows before the first reply."""
    fields = f'fields = {{ "{names[0]}" = "{{text}}", "{names[1]}" = "{{address}}" }}\n'
    with pytest.raises(ConfigError, match=r"channels\.sms\.send\.fields"):
        make_sender(tmp_path, SEND + 'url = "http://127.0.0.1:1/"\nbody = "json"\n' + fields)
