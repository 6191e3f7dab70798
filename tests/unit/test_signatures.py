"""The signatures of gateways, with what an attacker would try."""

import base64
import datetime as dt
import hashlib
import hmac

import msgspec
import pytest
from msgspec.structs import replace

from ingest.channels.gateways.auth import is_authentic, spell_address, take_proof_out
from ingest.channels.gateways.request import GatewayRequest
from ingest.settings import Auth

NOW = dt.datetime.fromtimestamp(1_795_496_400, dt.UTC)
STAMP = "1795496400"
SECRET = "s3cret"
FORM = "application/x-www-form-urlencoded"
ORIGIN = "https://example.org"


def an_auth(**table: object) -> Auth:
    secret = "value" if table["kind"] == "secret" else "key"
    return msgspec.convert({secret: {"env": "X"}, **table}, Auth)


def a_post(body: bytes | str, kind: str = FORM, **headers: str) -> GatewayRequest:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return GatewayRequest(
        method="POST",
        origin=ORIGIN,
        path=b"/channels/sms",
        body=body.encode() if isinstance(body, str) else body,
        headers=named,
        content_type=kind,
    )


def a_get(query: str, path: bytes = b"/channels/sms", **headers: str) -> GatewayRequest:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return GatewayRequest(
        method="GET", origin=ORIGIN, path=path, query=query.encode(), headers=named
    )


def mac(text: str, algorithm: str = "sha256") -> bytes:
    return hmac.new(SECRET.encode(), text.encode(), algorithm).digest()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


URL_SIGNED = an_auth(kind="hmac", header="X-S", signed="{url}|{body}")
FIELDS_SIGNED = an_auth(
    kind="hmac", field="hash", algorithm="sha1", signed="{field:id}{field:text}"
)
NONCED = an_auth(
    kind="hmac",
    header="X-S",
    timestamp_header="X-T",
    nonce_header="X-N",
    encoding="base64",
    signed="{body}.{nonce}.{timestamp}",
)
TOLD = [
    pytest.param(
        URL_SIGNED,
        a_post("a=1", X_S=mac("https://example.org/channels/sms|a=1").hex()),
        True,
        id="URL and body",
    ),
    pytest.param(
        URL_SIGNED,
        a_get("a=1", X_S=mac("https://example.org/channels/sms?a=1|").hex()),
        True,
        id="a GET whose URL is signed",
    ),
    pytest.param(
        URL_SIGNED,
        a_get("a=2", X_S=mac("https://example.org/channels/sms?a=1|").hex()),
        False,
        id="another query",
    ),
    pytest.param(
        replace(URL_SIGNED, public_url="http://10.0.0.1/"),
        a_post("", X_S=mac("http://10.0.0.1/channels/sms|").hex()),
        True,
        id="a public URL of its own",
    ),
    pytest.param(
        FIELDS_SIGNED,
        a_post(f"id=7&text=a+b&hash={mac('7a b', 'sha1').hex()}"),
        True,
        id="fields of a form",
    ),
    pytest.param(
        FIELDS_SIGNED,
        a_post(
            f'{{"id": 7, "text": "a b", "hash": "{mac("7a b", "sha1").hex()}"}}',
            "application/json; charset=utf-8",
        ),
        True,
        id="fields of a document",
    ),
    pytest.param(
        FIELDS_SIGNED,
        a_get(f"id=7&text=a+b&hash={mac('7a b', 'sha1').hex()}"),
        True,
        id="fields of a query",
    ),
    pytest.param(
        FIELDS_SIGNED,
        a_post(f"id=7&text=a+c&hash={mac('7a b', 'sha1').hex()}"),
        False,
        id="a field was changed",
    ),
    pytest.param(
        FIELDS_SIGNED,
        a_post(f'{{"id": 7, "text": "a b", "hash": "{mac("7a b", "sha1").hex()}"}}', "text/plain"),
        True,
        id="a document that is called otherwise",
    ),
    pytest.param(
        FIELDS_SIGNED,
        a_post(f'{{"id": "8", "x": "&id=7&text=a+b&hash={mac("7a b", "sha1").hex()}&"}}'),
        False,
        id="a form within a document",
    ),
    pytest.param(
        FIELDS_SIGNED,
        a_post(
            f'{{"id": 7, "text": "a b", "hash": "{mac("7a b", "sha1").hex()}", "x": "&text=c&"}}',
            "application/json",
        ),
        False,
        id="a document with a form in it",
    ),
    pytest.param(FIELDS_SIGNED, a_post("[1", "application/json"), False, id="no JSON"),
    pytest.param(FIELDS_SIGNED, a_post("id=7&text="), False, id="no hash"),
    pytest.param(
        NONCED,
        a_post("x", X_S=base64_of(mac(f"x.n1.{STAMP}")), X_N="n1", X_T=STAMP),
        True,
        id="nonce and time",
    ),
    pytest.param(
        NONCED,
        a_post("x", X_S=base64_of(mac(f"x.n1.{STAMP}")), X_N="n2", X_T=STAMP),
        False,
        id="another nonce",
    ),
    pytest.param(
        NONCED,
        a_post("x", X_S=base64_of(mac("x.n1.1795496099")), X_N="n1", X_T="1795496099"),
        False,
        id="a second too old",
    ),
    pytest.param(
        NONCED,
        a_post("x", X_S=base64_of(mac("x.n1.1795496701")), X_N="n1", X_T="1795496701"),
        False,
        id="a second too early",
    ),
    pytest.param(
        NONCED, a_post("x", X_S=base64_of(mac("x.n1.")), X_N="n1"), False, id="no time at all"
    ),
]


@pytest.mark.parametrize(("auth", "asked", "expected"), TOLD)
def test_a_signature_that_config_describes(auth, asked, expected):
    """Whatever ``signed`` names is covered, and only within the time that is allowed."""
    assert expected is is_authentic(auth, SECRET, asked, NOW)


PLIVO = an_auth(kind="plivo")
PLIVO_TEXT = "https://example.org/channels/sms?From7Text1.n1"
TWILIO = an_auth(kind="twilio")
VONAGE_TEXT = f"&msisdn=7&text=a_b&timestamp={STAMP}"
VONAGE_FORM = f"text=a%26b&timestamp={STAMP}&msisdn=7"
VONAGE = [
    ("md5-hash", hashlib.md5((VONAGE_TEXT + SECRET).encode()).hexdigest()),
    *((name, mac(VONAGE_TEXT, name).hex()) for name in ("md5", "sha1", "sha256", "sha512")),
]
SMS_RU = an_auth(kind="sms-ru")
RECORDS = "data%5B0%5D=sms_status%0A1%0A103&data%5B1%5D=b"
SMS_RU_HASH = hashlib.sha256(b"s3cretsms_status\n1\n103b").hexdigest()
NAMED = [
    pytest.param(
        PLIVO,
        a_post(
            "Text=1&From=7",
            X_Plivo_Signature_V3=base64_of(mac(PLIVO_TEXT)),
            X_Plivo_Signature_V3_Nonce="n1",
        ),
        True,
        id="Plivo",
    ),
    pytest.param(
        PLIVO,
        a_post("Text=1&From=7", X_Plivo_Signature_V3=base64_of(mac(PLIVO_TEXT))),
        False,
        id="Plivo without a nonce",
    ),
    pytest.param(
        replace(PLIVO, version="v2"),
        a_post(
            "Text=1&From=7",
            X_Plivo_Signature_V2=base64_of(mac("https://example.org/channels/smsn1")),
            X_Plivo_Signature_V2_Nonce="n1",
        ),
        True,
        id="Plivo, second version",
    ),
    pytest.param(
        PLIVO,
        a_post(
            "Text=1&From=7",
            X_Plivo_Signature_V2=base64_of(mac("https://example.org/channels/smsn1")),
            X_Plivo_Signature_V2_Nonce="n1",
        ),
        False,
        id="Plivo, the weaker version where the stronger is wanted",
    ),
    pytest.param(
        replace(TWILIO, algorithm="sha256"),
        a_post(
            "B=2&A=1",
            X_Twilio_Signature=base64_of(mac("https://example.org/channels/smsA1B2")),
        ),
        True,
        id="Twilio with SHA-256",
    ),
    pytest.param(TWILIO, a_post("B=2&A=1"), False, id="Twilio, not signed"),
    *(
        pytest.param(
            an_auth(kind="vonage", algorithm=name),
            a_post(f"{VONAGE_FORM}&sig={sig}"),
            True,
            id=f"Vonage, {name}",
        )
        for name, sig in VONAGE
    ),
    pytest.param(
        an_auth(kind="vonage"),
        a_post(f"{VONAGE_FORM}&sig={VONAGE[1][1]}"),
        False,
        id="Vonage, another algorithm",
    ),
    pytest.param(
        an_auth(kind="vonage"), a_post("[1", "application/json"), False, id="Vonage, no JSON"
    ),
    pytest.param(
        an_auth(kind="vonage"),
        a_post(rf'{{"\ud83d": "\ud83d", "timestamp": {STAMP}}}', "application/json"),
        False,
        id="Vonage, a lone surrogate",
    ),
    pytest.param(SMS_RU, a_post(f"{RECORDS}&hash={SMS_RU_HASH}"), True, id="SMS.ru"),
    pytest.param(
        SMS_RU,
        a_post(f"{RECORDS.replace('103', '104')}&hash={SMS_RU_HASH}"),
        False,
        id="SMS.ru, another status",
    ),
    pytest.param(SMS_RU, a_post(RECORDS), False, id="SMS.ru, no hash"),
    pytest.param(
        SMS_RU,
        replace(a_post(f"{RECORDS}&hash={SMS_RU_HASH}"), query=b"data[9]=sms_status%0A2%0A103"),
        False,
        id="SMS.ru, a record beside the signed ones",
    ),
    pytest.param(
        SMS_RU,
        a_post(f"{RECORDS}&hash={SMS_RU_HASH}&data=sms_status%0A2%0A103"),
        False,
        id="SMS.ru, a record of another name",
    ),
    pytest.param(
        TWILIO,
        a_post(
            "A=1",
            "multipart/form-data; boundary=x",
            X_Twilio_Signature=base64_of(mac("https://example.org/channels/smsA1", "sha1")),
        ),
        False,
        id="Twilio, a form that is read in another way than it was signed",
    ),
]


@pytest.mark.parametrize(("auth", "asked", "expected"), NAMED)
def test_a_signature_as_a_gateway_defines_it(auth, asked, expected):
    """Each gateway's own way is checked, and nothing weaker will do."""
    assert expected is is_authentic(auth, SECRET, asked, NOW)


IN_PATH = an_auth(kind="secret", path=True)
PATHS = [
    pytest.param(b"/channels/sms/s3cret", SECRET, True, id="at the end"),
    pytest.param(b"/channels/sms/s3cret/reports", SECRET, True, id="before the reports"),
    pytest.param(b"/channels/sms/a%2Fb+c", "a/b+c", True, id="written with escapes"),
    pytest.param(b"/channels/sms/S3cret", SECRET, False, id="another"),
    pytest.param(b"/channels/sms/reports/s3cret", SECRET, False, id="in the wrong place"),
    pytest.param(b"/channels/sms", SECRET, False, id="missing"),
    pytest.param(b"/channels/sms/", "", False, id="none at all"),
]


@pytest.mark.parametrize(("path", "secret", "expected"), PATHS)
def test_a_secret_in_the_path(path, secret, expected):
    """The part behind the channel's name is what must be known; an empty one never is."""
    assert expected is is_authentic(IN_PATH, secret, a_get("", path), NOW)


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        pytest.param(None, "https://example.org/channels/sms/reports", id="no proof"),
        pytest.param(
            IN_PATH, "https://example.org/channels/sms/s%2Fb%20c%26/reports", id="in the path"
        ),
        pytest.param(
            an_auth(kind="secret", field="key"),
            "https://example.org/channels/sms/reports?key=s%2Fb+c%26",
            id="in a field",
        ),
        pytest.param(
            msgspec.convert({"kind": "basic", "username": "a", "password": {"env": "X"}}, Auth),
            "https://a:s%2Fb%20c%26@example.org/channels/sms/reports",
            id="name and password",
        ),
        pytest.param(TWILIO, "https://example.org/channels/sms/reports", id="signed"),
    ],
)
def test_the_address_that_a_gateway_is_given(auth, expected):
    """Whoever calls it proves to know the secret, where an address can carry that."""
    address = "https://example.org/channels/sms"
    assert expected == spell_address(auth, "s/b c&", address, "/reports")


BODY_SIGNED = an_auth(kind="hmac", header="X-S")
BOTH = replace(a_post("key=s3cret&a=1"), query=b"b=2&key=s3cret")


@pytest.mark.parametrize(
    ("auth", "is_form", "expected"),
    [
        pytest.param(None, True, (b"b=2&key=s3cret", b"key=s3cret&a=1"), id="nothing to hide"),
        pytest.param(an_auth(kind="secret", field="key"), True, (b"b=2", b"a=1"), id="secret"),
        pytest.param(
            an_auth(kind="secret", field="key"),
            False,
            (b"b=2", b"key=s3cret&a=1"),
            id="a body that is no form",
        ),
        pytest.param(BODY_SIGNED, True, (b"", b"key=s3cret&a=1"), id="a query that nobody signed"),
        pytest.param(URL_SIGNED, True, (b"b=2&key=s3cret", b"key=s3cret&a=1"), id="all signed"),
    ],
)
def test_what_is_kept_of_a_request(auth, is_form, expected):
    """The secret is taken out, and so is what was not signed."""
    kept = take_proof_out(auth, BOTH, is_form=is_form)
    assert expected == (kept.query, kept.body)
