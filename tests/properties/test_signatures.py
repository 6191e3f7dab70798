"""Whatever comes in, a request is believed only if it was signed, and never makes us fail."""

import base64
import datetime as dt
import hashlib
import hmac

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ingest.channels.gateways.auth import is_authentic
from ingest.channels.gateways.request import GatewayRequest
from ingest.settings import Auth

NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
STAMP = int(NOW.timestamp())
SECRET = "correct horse battery staple"
KINDS = {
    "header": {"kind": "secret", "value": {"env": "X"}, "header": "X-Sig"},
    "field": {"kind": "secret", "value": {"env": "X"}, "field": "sig"},
    "path": {"kind": "secret", "value": {"env": "X"}, "path": True},
    "basic": {"kind": "basic", "username": "a", "password": {"env": "X"}},
    "hmac": {"kind": "hmac", "header": "X-Sig", "timestamp_header": "X-Time"},
    "hmac-field": {"kind": "hmac", "field": "sig", "signed": "{field:a}{url}{nonce}"},
    "twilio": {"kind": "twilio"},
    "plivo": {"kind": "plivo"},
    "plivo-v2": {"kind": "plivo", "version": "v2"},
    "vonage": {"kind": "vonage"},
    "sms-ru": {"kind": "sms-ru"},
}
HEADERS = [
    "X-Sig",
    "X-Time",
    "Authorization",
    "X-Twilio-Signature",
    "X-Plivo-Signature-V3",
    "X-Plivo-Signature-V3-Nonce",
    "X-Plivo-Signature-V2",
    "X-Plivo-Signature-V2-Nonce",
]


def an_auth(name: str) -> Auth:
    table = KINDS[name]
    key = {} if table["kind"] in {"secret", "basic"} else {"key": {"env": "X"}}
    return msgspec.convert({**key, **table}, Auth)


words = st.sampled_from(
    [b"sig=", b"hash=", b"data[0]=", b"timestamp=", b"bodySHA256=", str(STAMP).encode(), b"&", b"%"]
)
pairs = st.lists(words | st.binary(max_size=3)).map(b"".join)
from_the_wire = st.binary().map(lambda one: one.decode("utf-8", "surrogateescape"))
requests = st.builds(
    GatewayRequest,
    method=st.sampled_from(["GET", "POST", "PUT"]),
    origin=st.sampled_from(["", "https://example.org", "https://example.org:8443"]),
    path=st.binary() | st.just(b"/channels/sms/x"),
    query=pairs | st.binary(),
    headers=st.lists(st.tuples(st.sampled_from(HEADERS), from_the_wire | st.just(str(STAMP)))).map(
        tuple
    ),
    body=pairs | st.binary(),
    content_type=st.sampled_from(["", "application/json", "multipart/form-data; boundary=x"])
    | st.text(),
)


@pytest.mark.parametrize("name", sorted(KINDS))
@given(asked=requests)
def test_nobody_gets_in_by_chance(name, asked):
    """No bytes at all make a proof for one who does not know the secret, or an exception."""
    assert is_authentic(an_auth(name), SECRET, asked, NOW) is False


def sign_as_told(asked: GatewayRequest, stamp: int) -> GatewayRequest:
    mac = hmac.new(SECRET.encode(), asked.body + str(stamp).encode(), "sha256").hexdigest()
    return replace(asked, headers=(("X-Sig", mac), ("X-Time", str(stamp))))


def sign_as_twilio(asked: GatewayRequest, stamp: int) -> GatewayRequest:
    url = b"https://example.org/c" + (b"?" + asked.query if asked.query else b"")
    mac = hmac.new(SECRET.encode(), url + b"text" + asked.body[5:], "sha1").digest()
    return replace(asked, headers=(("X-Twilio-Signature", base64.b64encode(mac).decode()),))


def sign_as_vonage(asked: GatewayRequest, stamp: int) -> GatewayRequest:
    text = b"&" + asked.body + f"&timestamp={stamp}".encode() + SECRET.encode()
    sig = hashlib.md5(text).hexdigest()
    return replace(asked, body=asked.body + f"&timestamp={stamp}&sig={sig}".encode())


SIGN = {"hmac": sign_as_told, "twilio": sign_as_twilio, "vonage": sign_as_vonage}
texts = st.binary(min_size=1).map(lambda one: b"text=" + one.hex().encode())


def a_post(body: bytes) -> GatewayRequest:
    return GatewayRequest(method="POST", origin="https://example.org", path=b"/c", body=body)


@pytest.mark.parametrize("name", sorted(SIGN))
@given(body=texts, place=st.integers(min_value=0), bit=st.integers(0, 7))
def test_a_changed_byte_is_noticed(name, body, place, bit):
    """What was signed gets in; with any one bit of the text changed it does not."""
    auth, signed = an_auth(name), SIGN[name](a_post(body), STAMP)
    changed = bytearray(signed.body)
    changed[place % len(body)] ^= 1 << bit
    assert is_authentic(auth, SECRET, signed, NOW) is True
    assert is_authentic(auth, SECRET, replace(signed, body=bytes(changed)), NOW) is False
    assert is_authentic(auth, SECRET + "x", signed, NOW) is False


@pytest.mark.parametrize("name", ["hmac", "vonage"])
@given(body=texts, excess=st.integers(-10_000, 10_000), sign=st.sampled_from([-1, 1]))
def test_what_is_signed_with_a_time_grows_old(name, body, excess, sign):
    """A captured request can be sent again for as long as ``max_age`` says, and no longer."""
    auth = an_auth(name)
    age = int(auth.max_age) + excess
    signed = SIGN[name](a_post(body), STAMP - sign * age)
    assert (abs(age) <= auth.max_age) is is_authentic(auth, SECRET, signed, NOW)
