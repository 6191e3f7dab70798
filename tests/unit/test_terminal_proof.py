"""How partners prove themselves: a password, a certificate, a hash over the request, a login."""

import base64
import hashlib

import pytest
from terminal_bench import SECRET, basic

from ingest.channels.dialects.online.request import Operation, TerminalRequest
from ingest.channels.terminal.proof import is_logged_in, is_proven
from ingest.settings import BasicAuth, CertificateAuth, HashAuth, LoginAuth, Secret

KEPT = Secret(env="SECRET")
QUERY = b"txn_id=1&account=5&sum=10.45"
FORM = "application/x-www-form-urlencoded"


def digest(text, algorithm="sha256"):
    return hashlib.new(algorithm, text.encode()).hexdigest()


def a_hash(**settings):
    return HashAuth(**({"secret": KEPT, "field": "hash"} | settings))


def a_request(query=QUERY, **changes):
    headers = tuple(changes.pop("headers", {}).items())
    given = {"method": "POST" if "body" in changes else "GET"} | changes
    return TerminalRequest(query=query, headers=headers, **given)


def hashed(text, query=QUERY, name="hash"):
    """Return *query* with the hash of *text* behind it."""
    return query + f"&{name}={digest(text)}".encode()


PLAIN = QUERY.decode() + SECRET
CAPITALS = QUERY + b"&hash=" + digest(PLAIN).upper().encode()
MD5 = base64.b64encode(hashlib.md5(PLAIN.encode()).digest()).decode()


@pytest.mark.parametrize(
    ("settings", "request_", "expected"),
    [
        pytest.param({}, a_request(hashed(PLAIN)), True, id="the query and the secret"),
        pytest.param({}, a_request(CAPITALS), True, id="capitals"),
        pytest.param({}, a_request(hashed(PLAIN, name="HASH")), False, id="another name is signed"),
        pytest.param({}, a_request(hashed(PLAIN, QUERY.replace(b"5", b"6"))), False, id="changed"),
        pytest.param({}, a_request(hashed(PLAIN) + b"&account=6"), False, id="a field twice"),
        pytest.param({}, a_request(hashed(PLAIN) + b"&ACCOUNT=6"), False, id="twice, other case"),
        pytest.param({}, a_request(hashed(PLAIN) + b"&account%20=6"), False, id="twice, blank"),
        pytest.param({}, a_request(hashed(PLAIN) + b"&%00account=6"), False, id="twice, NUL"),
        pytest.param(
            {}, a_request(hashed(PLAIN), body=b"sum%20=9", content_type=FORM), False, id="a form"
        ),
        pytest.param({}, a_request(hashed(PLAIN), body=b"{}"), False, id="a body is not signed"),
        pytest.param(
            {"signed": "{body}{secret}"},
            a_request(b"a=1&" + hashed(SECRET, b"b=1")),
            False,
            id="a query is not signed",
        ),
        pytest.param(
            {"signed": "{field:txn_id}{field:data2}{secret}"},
            a_request(hashed(f"1{SECRET}") + b"&data2%20=9"),
            False,
            id="an empty field filled",
        ),
        pytest.param(
            {"signed": "{field:txn_id}{secret}"},
            a_request(hashed(f"1{SECRET}"), body=b"{}"),
            False,
            id="fields say nothing of a document",
        ),
        pytest.param({}, a_request(QUERY), False, id="no hash"),
        pytest.param({}, a_request(QUERY + b"&hash="), False, id="an empty one"),
        pytest.param({}, a_request(QUERY + b"&hash=%FF%00"), False, id="bytes"),
        pytest.param(
            {"signed": "{field:txn_id}:{field:SUM}:{secret}"},
            a_request(hashed(f"1:10.45:{SECRET}")),
            True,
            id="fields",
        ),
        pytest.param(
            {"signed": "{field:nothing}{secret}"},
            a_request(hashed(SECRET)),
            True,
            id="a field that is missing is empty",
        ),
        pytest.param(
            {"field": "", "header": "X-Hash", "algorithm": "md5", "encoding": "base64"},
            a_request(headers={"x-hash": MD5}),
            True,
            id="a header in base64",
        ),
        pytest.param(
            {"signed": "{body}{secret}", "field": "", "header": "X-Hash"},
            a_request(b"", body=b"<a/>", headers={"X-Hash": digest(f"<a/>{SECRET}")}),
            True,
            id="the body",
        ),
        pytest.param(
            {"signed": "{field:a}{secret}"},
            a_request(b"", body=b"a=1&hash=" + digest(f"1{SECRET}").encode(), content_type=FORM),
            True,
            id="a form",
        ),
    ],
)  # fmt: skip
def test_hash(settings, request_, expected):
    """A hash over what config.toml says, in a parameter or in a header."""
    assert expected is is_proven(a_hash(**settings), SECRET, request_, by_proxy=False)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"Authorization": basic("atm", SECRET)}, True, id="right"),
        pytest.param({"Authorization": basic("atm", "wrong")}, False, id="wrong password"),
        pytest.param({"Authorization": basic("other", SECRET)}, False, id="wrong name"),
        pytest.param({"Authorization": "Basic !!"}, False, id="no base64"),
        pytest.param({}, False, id="nothing"),
    ],
)
def test_basic(headers, expected):
    """HTTP Basic, as gateways have it."""
    auth = BasicAuth(username="atm", password=KEPT)
    assert expected is is_proven(auth, SECRET, a_request(headers=headers), by_proxy=False)


FINGERPRINT = {"X-SSL-Client-Fingerprint": "3f5a01"}
SUBJECT = {"X-SSL-Client-S-DN": "CN=CityPay,O=CityPay"}


@pytest.mark.parametrize(
    ("settings", "headers", "by_proxy", "expected"),
    [
        pytest.param({}, FINGERPRINT, True, True, id="fingerprint"),
        pytest.param({}, FINGERPRINT, False, False, id="not from a proxy"),
        pytest.param({}, {"X-SSL-Client-Fingerprint": "3f5a02"}, True, False, id="another"),
        pytest.param({}, {"X-SSL-Client-Fingerprint": ""}, True, False, id="none"),
        pytest.param(
            {}, FINGERPRINT | {"x-ssl-client-fingerprint": "00"}, True, False, id="one added"
        ),
        pytest.param({}, {}, True, False, id="no header"),
        pytest.param(
            {"header": "X-SSL-Client-S-DN", "accepted": ("cn=citypay,o=citypay",)},
            SUBJECT,
            True,
            True,
            id="subject",
        ),
        pytest.param(
            {"verified_header": "X-Verify"},
            FINGERPRINT | {"X-Verify": "SUCCESS"},
            True,
            True,
            id="verified",
        ),
        pytest.param(
            {"verified_header": "X-Verify"},
            FINGERPRINT | {"X-Verify": "FAILED:expired"},
            True,
            False,
            id="not verified",
        ),
        pytest.param({"verified_header": "X-Verify"}, FINGERPRINT, True, False, id="not said"),
    ],
)
def test_certificate(settings, headers, by_proxy, expected):
    """A certificate is believed from a trusted proxy alone."""
    auth = CertificateAuth(**({"accepted": ("00:01", "3F:5A:01")} | settings))
    assert expected is is_proven(auth, "", a_request(headers=headers), by_proxy=by_proxy)


@pytest.mark.parametrize(
    ("login", "password", "expected"),
    [
        pytest.param("p", SECRET, True, id="right"),
        pytest.param("p", "wrong", False, id="wrong password"),
        pytest.param("q", SECRET, False, id="wrong name"),
        pytest.param("", "", False, id="nothing"),
        pytest.param("p", "\ud800", False, id="no text"),
    ],
)
def test_login(login, password, expected):
    """Login and password inside of the request."""
    auth = LoginAuth(username="p", password=KEPT)
    operation = Operation(login=login, password=password)
    assert expected is is_logged_in(auth, SECRET, operation)


@pytest.mark.parametrize(
    "auth", [BasicAuth(username="", password=KEPT), a_hash()], ids=["basic", "hash"]
)
def test_an_empty_secret_opens_nothing(auth):
    """A channel that has not read its secret yet lets nobody in."""
    asked = a_request(hashed(QUERY.decode()), headers={"Authorization": basic("", "")})
    assert not is_proven(auth, "", asked, by_proxy=True)
