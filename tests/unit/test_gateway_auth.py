"""Who may hand texts over: each kind of proof, and what comes near it."""

import base64
import datetime as dt
import hmac

import msgspec
import pytest

from ingest.channels.gateways.auth import is_authentic
from ingest.channels.gateways.request import GatewayRequest
from ingest.settings import Auth

NOW = dt.datetime.fromtimestamp(1_778_562_000, dt.UTC)
BODY = b'{"event": "sms:received"}'


def sign(data: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(b"s3cret", data, algorithm).digest()


def a_post(body: bytes | str, *, query: bytes = b"", **headers: str) -> GatewayRequest:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    data = body.encode() if isinstance(body, str) else body
    return GatewayRequest(method="POST", query=query, body=data, headers=named)


def an_auth(**table: object) -> Auth:
    return msgspec.convert(table, Auth)


BY_HEADER = an_auth(kind="secret", value={"env": "X"}, header="X-Token")
BY_BEARER = an_auth(kind="secret", value={"env": "X"}, header="Authorization")
BY_FIELD = an_auth(kind="secret", value={"env": "X"}, field="key")
BY_BASIC = an_auth(kind="basic", username="gw", password={"env": "X"})
SIGNED = an_auth(
    kind="hmac", key={"env": "X"}, header="X-Signature", timestamp_header="X-Timestamp"
)
BY_BASE64 = an_auth(
    kind="hmac",
    key={"env": "X"},
    header="X-Signature",
    algorithm="sha1",
    encoding="base64",
    prefix="sha1=",
)
STAMPED = sign(BODY + b"1778562000").hex()
BASE64 = "sha1=" + base64.b64encode(sign(BODY, "sha1")).decode()


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


PROOFS = [
    pytest.param(BY_HEADER, a_post("", X_Token="s3cret"), True, id="header"),
    pytest.param(BY_HEADER, a_post("", X_Token="S3cret"), False, id="header, wrong"),
    pytest.param(BY_HEADER, a_post("", X_Token="секрет"), False, id="header, not ASCII"),
    pytest.param(BY_HEADER, a_post("", query=b"X-Token=s3cret"), False, id="not in the header"),
    pytest.param(BY_BEARER, a_post("", Authorization="Bearer s3cret"), True, id="bearer"),
    pytest.param(BY_FIELD, GatewayRequest(method="GET", query=b"key=s3cret&x=1"), True, id="query"),
    pytest.param(BY_FIELD, a_post("key=s3cret"), True, id="form"),
    pytest.param(BY_FIELD, a_post("key=", query=b"key=%FF"), False, id="query, wrong"),
    pytest.param(BY_BASIC, a_post("", Authorization=basic("gw:s3cret")), True, id="basic"),
    pytest.param(BY_BASIC, a_post("", Authorization=basic("gw:s3cre")), False, id="basic, wrong"),
    pytest.param(BY_BASIC, a_post("", Authorization=basic("x:s3cret")), False, id="basic, name"),
    pytest.param(BY_BASIC, a_post("", Authorization="Basic ***"), False, id="basic, nonsense"),
    pytest.param(BY_BASIC, a_post("", Authorization="Basic ключ"), False, id="basic, not ASCII"),
    pytest.param(BY_BASIC, a_post(""), False, id="basic, missing"),
    pytest.param(
        SIGNED, a_post(BODY, X_Signature=STAMPED, X_Timestamp="1778562000"), True, id="signed"
    ),
    pytest.param(
        SIGNED,
        a_post(BODY, X_Signature=STAMPED.upper(), X_Timestamp="1778562000"),
        True,
        id="upper",
    ),
    pytest.param(
        SIGNED,
        a_post(BODY + b" ", X_Signature=STAMPED, X_Timestamp="1778562000"),
        False,
        id="changed",
    ),
    pytest.param(
        SIGNED, a_post(BODY, X_Signature=STAMPED, X_Timestamp="1778562001"), False, id="other time"
    ),
    pytest.param(
        SIGNED,
        a_post(BODY, X_Signature=sign(BODY + b"1778561699").hex(), X_Timestamp="1778561699"),
        False,
        id="a second too old",
    ),
    pytest.param(
        SIGNED,
        a_post(BODY, X_Signature=sign(BODY + b"1778561700").hex(), X_Timestamp="1778561700"),
        True,
        id="just in time",
    ),
    pytest.param(
        SIGNED, a_post(BODY, X_Signature=sign(BODY).hex()), False, id="without its time stamp"
    ),
    pytest.param(
        SIGNED,
        a_post(BODY, X_Signature=sign(BODY + "١".encode()).hex(), X_Timestamp="١"),
        False,
        id="a time stamp of other digits",
    ),
    pytest.param(BY_BASE64, a_post(BODY, X_Signature=BASE64), True, id="base64 and prefix"),
    pytest.param(BY_BASE64, a_post(BODY, X_Signature=BASE64[5:]), False, id="no prefix"),
    pytest.param(BY_BASE64, a_post(BODY), False, id="not signed"),
    pytest.param(
        BY_BASE64,
        GatewayRequest(
            method="GET",
            headers=(("X-Signature", "sha1=" + base64.b64encode(sign(b"", "sha1")).decode()),),
        ),
        False,
        id="a GET, whose query no signature covers",
    ),
]


@pytest.mark.parametrize(("auth", "asked", "expected"), PROOFS)
def test_only_who_knows_the_secret_is_let_in(auth, asked, expected):
    """Each kind of proof holds, and nothing near it does."""
    assert expected is is_authentic(auth, "s3cret", asked, NOW)
