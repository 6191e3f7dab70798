"""Replies by SMS, against a real HTTP gateway that does what it is told."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiohttp import web
from builders import write_config
from msgspec.structs import replace
from prometheus_client import REGISTRY

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


RULES = (
    FIELDS
    + "success = '\"id\"'\nid_pattern = '\"id\": (\\d+)'\npermanent = 'black ?list'\n"
    + "retry = 'balance'\n"
)
ANSWERS = [
    pytest.param(200, '{"id": 42}', SENT, "42", id="200"),
    pytest.param(200, '{"error": "balance"}', RETRY, "", id="200 with an error that passes"),
    pytest.param(200, '{"ok": true}', UNCERTAIN, "", id="200 with words that nobody knows"),
    pytest.param(202, "", UNCERTAIN, "", id="202 without a word"),
    pytest.param(302, "", RETRY, "", id="a redirect"),
    pytest.param(200, '{"error": "blacklist"}', FAILED, "", id="200 with a final error in it"),
    pytest.param(500, "blacklist", FAILED, "", id="500 with a final error in it"),
    pytest.param(400, "bad number", FAILED, "", id="400"),
    pytest.param(403, "", RETRY, "", id="an address of ours that a person lets in"),
    pytest.param(404, "", RETRY, "", id="an address of theirs that a person corrects"),
    pytest.param(405, "", RETRY, "", id="405"),
    pytest.param(401, "bad key", RETRY, "", id="a key that a person renews"),
    pytest.param(402, "no money", RETRY, "", id="an account that a person fills"),
    pytest.param(408, "", RETRY, "", id="408"),
    pytest.param(429, "slow down", RETRY, "", id="429"),
    pytest.param(500, "<html>oops", UNCERTAIN, "", id="500"),
    pytest.param(502, "", UNCERTAIN, "", id="a proxy that lost the answer"),
    pytest.param(503, "", RETRY, "", id="503"),
    pytest.param(504, "", UNCERTAIN, "", id="a proxy that gave up waiting"),
    pytest.param(524, "", UNCERTAIN, "", id="a proxy with a number of its own for that"),
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


@pytest.mark.parametrize(("idempotent", "state"), [("false", UNCERTAIN), ("true", RETRY)])
async def test_an_answer_that_nobody_knows_is_not_asked_for_again(open_gateway, idempotent, state):
    """An SMS cannot be told from its copy: sixty tries of one that was sent are sixty SMS."""
    gateway, sender = await open_gateway(f"idempotent = {idempotent}\n" + RULES)
    gateway.body = "<html>maintenance"
    assert state == (await sender.send(A_TEXT)).state


@pytest.mark.parametrize(("idempotent", "state"), [("false", FAILED), ("true", SENT)])
async def test_a_gateway_has_the_text_already(open_gateway, idempotent, state):
    """409 to an id of ours means that an attempt before came through, where repeats are dropped."""
    gateway, sender = await open_gateway(f"idempotent = {idempotent}\n" + FIELDS)
    gateway.status, gateway.body = 409, '{"message": "duplicate id"}'
    assert state == (await sender.send(A_TEXT)).state


LATER = RULES.replace("balance", "queue full")


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_what_a_gateway_says_is_for_later(open_gateway, status):
    """Some say «not now» with a status that means something else."""
    gateway, sender = await open_gateway(LATER)
    gateway.status, gateway.body = status, '{"id": 1, "error": "queue full"}'
    assert RETRY == (await sender.send(A_TEXT)).state


WAITS = [
    pytest.param("120", 120.0, id="seconds"),
    pytest.param("Wed, 25 Nov 2099 05:00:00 GMT", None, id="a date"),
    pytest.param("Wed, 25 Nov 2020 05:00:00 GMT", 0.0, id="a date that is past"),
    pytest.param("soon", 0.0, id="neither"),
    pytest.param("9" * 400, 999_999_999.0, id="for ever"),
]


@pytest.mark.parametrize(("header", "expected"), WAITS)
async def test_how_long_a_gateway_wants_to_be_left_alone(open_gateway, header, expected):
    """``Retry-After`` is handed on; how much of it is granted is the outbox's business."""
    gateway, sender = await open_gateway()
    gateway.status, gateway.headers = 429, {"Retry-After": header}
    delivery = await sender.send(A_TEXT)
    assert RETRY == delivery.state
    assert delivery.retry_after > 1e9 if expected is None else expected == delivery.retry_after


@pytest.mark.parametrize("address", ["MTS", "900", "+78091234567", ""])
async def test_no_robot_is_sent_anything(open_gateway, address):
    """Whatever owed it: a name, a short code or a premium number gets no text."""
    gateway, sender = await open_gateway()
    delivery = await sender.send(replace(A_TEXT, reply_to=ReplyTo(address)))
    assert (FAILED, []) == (delivery.state, gateway.asked)


COUNTED = ("ingest_reply_segments_total", {"channel": "sms"})


async def test_latin_letters_are_sent_where_that_is_wanted(open_gateway):
    """One SMS in the place of two; digits and receipt are the same, and what it took is counted."""
    gateway, sender = await open_gateway("transliterate = true\n" + FIELDS)
    before = REGISTRY.get_sample_value(*COUNTED) or 0
    await sender.send(a_text("Показания приняты: счёт 123456789012, 5467 кВт·ч, код 7K4M-2Q9X\0"))
    form = dict(await gateway.asked[0][0].post())
    assert "Pokazaniya prinyaty: schet 123456789012, 5467 kVt.ch, kod 7K4M-2Q9X" == form["text"]
    assert before + 1 == REGISTRY.get_sample_value(*COUNTED)


OWN = """values = { from = "4981", account = "a/b", note = "" }
fields = { to = "{digits}", hex = "{text_hex}", from = "{from}", note = "{note}" }
"""


async def test_placeholders_of_ones_own(open_gateway):
    """Values go into fields and, quoted, into the URL; what stays empty is left out."""
    gateway, sender = await open_gateway(OWN)
    sender.plan = replace(sender.plan, url=sender.plan.url + "/{account}")
    await sender.send(a_text("Да"))
    request, _ = gateway.asked[0]
    assert "/send/a%2Fb" == request.raw_path
    assert {"to": "79031234567", "hex": "04140430", "from": "4981"} == dict(await request.post())


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
