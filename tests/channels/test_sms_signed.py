"""Signed gateways over real HTTP: who may is answered, and nobody else is heard."""

import base64
import contextlib
import hashlib
import hmac
from urllib.parse import parse_qsl

import pytest
from builders import OPEN_AT, write_config
from prometheus_client import REGISTRY
from sms_bench import serve_sms
from structlog.testing import capture_logs

from ingest.model import ACCEPTED, InboundMessage, Outcome

TOKEN = "s3cret"
ENVIRON = {"GATEWAY": TOKEN}
HEAD = """
[http]
public_url = "https://readings.example.org/sms-in"
[windows.all-month]
days = "6..-2"
[channels.sms]
type = "sms"
window = "all-month"
"""
TWILIO = HEAD + 'gateway = "twilio"\nauth = { kind = "twilio", key = { env = "GATEWAY" } }\n'
VONAGE = (
    HEAD
    + 'gateway = "vonage"\nauth = { kind = "vonage", key = { env = "GATEWAY" } }\n'
    + 'send = { values = { account = "1", from = "2" }, secret = { env = "GATEWAY" } }\n'
)
IN_PATH = (
    HEAD
    + 'fields = { sender = "phone", text = "mes", id = "id" }\nack = { body = "{reply}" }\n'
    + 'auth = { kind = "secret", path = true, value = { env = "GATEWAY" } }\n'
)
BODY = "MessageSid=SM1&From=%2B79031234567&To=%2B79000004981&Body=123456789012*5467%3B"


class Committed:
    """A sink that commits everything."""

    def __init__(self) -> None:
        self.messages: list[InboundMessage] = []

    async def receive(self, message: InboundMessage) -> Outcome:
        self.messages.append(message)
        return Outcome("7K4M-2Q9X", ACCEPTED, f"Принято: {message.text}")


@pytest.fixture
async def open_bench(tmp_path):
    """An async maker of running benches; everything in them ends with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(text):
            config = write_config(tmp_path, text, ENVIRON)
            bench = await stack.enter_async_context(serve_sms(config, Committed()))
            await bench.start()
            return bench

        yield make


def sign_for_twilio(query: str, body: str) -> str:
    """Return Twilio's signature for the address that it was given."""
    text = f"https://readings.example.org/sms-in/channels/sms{query}"
    text += "".join(name + value for name, value in sorted(parse_qsl(body)))
    return base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()


def sign_for_vonage(form: str) -> str:
    """Return *form* with Vonage's signature."""
    text = "".join(f"&{name}={value}" for name, value in sorted(parse_qsl(form)))
    return f"{form}&sig={hashlib.md5((text + TOKEN).encode()).hexdigest()}"


def count_refusals() -> float:
    """Return how many requests were turned away for what they could not prove."""
    labels = {"channel": "sms", "cause": "unauthenticated"}
    return REGISTRY.get_sample_value("ingest_refusals_total", labels) or 0.0


async def post(bench, body, signature, query=""):
    """Post a form to the channel."""
    headers = {
        "X-Twilio-Signature": signature,
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
    }
    async with bench.session.post(bench.url + query, data=body, headers=headers) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize("query", ["", "?region=krsk&x=%20"])
async def test_twilio_is_answered_behind_a_proxy(open_bench, query):
    """The signature covers the public address, of which our own listener sees only the path."""
    bench = await open_bench(TWILIO)
    status, text = await post(bench, BODY, sign_for_twilio(query, BODY), query)
    assert 200 == status
    assert "<Message>Принято: 123456789012*5467;</Message>" in text
    assert "+79031234567" == bench.sink.messages[0].sender


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        pytest.param(BODY.replace("5467", "5468"), sign_for_twilio("", BODY), id="changed"),
        pytest.param(BODY, sign_for_twilio("?a=1", BODY), id="signed for another address"),
        pytest.param(BODY, "", id="not signed"),
        pytest.param(BODY, "подпись", id="no signature at all"),
    ],
)
async def test_a_wrong_signature_is_counted_and_never_judged(open_bench, body, signature):
    """It is 401 without a word, because Twilio would text that to the customer."""
    bench, before = await open_bench(TWILIO), count_refusals()
    assert (401, "") == await post(bench, body, signature)
    assert before + 1 == count_refusals()
    assert [] == bench.sink.messages


async def test_why_is_said_in_our_log_alone(open_bench):
    """The address that we think was signed, and who asked; whoever asked learns nothing."""
    bench = await open_bench(TWILIO)
    with capture_logs() as logs:
        answer = await post(bench, BODY, "wrong", "?key=hunter2")
    [refused] = [one for one in logs if one["event"] == "message.refused"]
    assert (401, "") == answer
    assert "127.0.0.1" == refused["client"]
    assert (
        "wrong signature for https://readings.example.org/sms-in/channels/sms?...; "
        "is that what the gateway calls?"
    ) == refused["detail"]


async def test_an_old_copy_of_a_signed_request_is_refused(open_bench):
    """Within the day for which Vonage tries, a request can come again, and later no more."""
    bench = await open_bench(VONAGE)
    now = int(OPEN_AT.timestamp())
    fresh, old = (
        sign_for_vonage(f"messageId=1&msisdn=79031234567&text=1&timestamp={stamp}")
        for stamp in (now - 89_999, now - 90_001)
    )
    answers = [await bench.get(one) for one in (fresh, fresh, old)]
    assert [200, 200, 401] == [status for status, _ in answers]


async def test_a_secret_in_the_path(open_bench):
    """The address with the secret is let in, every other is turned away; the secret is not kept."""
    bench = await open_bench(IN_PATH)
    statuses = []
    for path in (f"/{TOKEN}", f"/{TOKEN}/reports", "", "/reports", "/S3cret", "/%73%33cret"):
        url = f"{bench.url}{path}?phone=79031234567&mes=1&id=7"
        async with bench.session.get(url) as answer:
            statuses.append(answer.status)
    assert [200, 200, 401, 401, 401, 200] == statuses
    assert TOKEN not in str(bench.sink.messages)
