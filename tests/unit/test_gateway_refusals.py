"""What our log says of a request that proves nothing: enough to put it right, and no secret."""

import datetime as dt

import pytest

from ingest.channels.gateways.refusals import explain_certificate, explain_refusal
from ingest.channels.gateways.request import GatewayRequest
from ingest.settings import (
    BasicAuth,
    CertificateAuth,
    HmacAuth,
    PlivoAuth,
    Secret,
    SecretAuth,
    SmsRuAuth,
    TwilioAuth,
    VonageAuth,
)

NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
OLD = str(int(NOW.timestamp()) - 400)
AHEAD = str(int(NOW.timestamp()) + 400)
KEY = Secret(env="KEY")
FORM = "application/x-www-form-urlencoded"
IN_HEADER = SecretAuth(value=KEY, header="X-Key")
ANYWHERE = SecretAuth(value=KEY, header="X-Key", field="key", path=True)
HMAC = HmacAuth(key=KEY, header="X-Sign", timestamp_header="X-Time")
OF_BODY = HmacAuth(key=KEY, header="X-Sign", signed="{body}")
OF_FIELD = HmacAuth(key=KEY, field="sign", signed="{body}")
OF_URL = HmacAuth(key=KEY, header="X-Sign", signed="{url}")
URL = "https://us.example/channels/sms?...; is that what the gateway calls?"


def ask(body="", *, method="POST", path="/channels/sms", query="", **headers):
    """Return a request as our listener saw it."""
    given = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return GatewayRequest(
        method=method,
        origin="https://us.example",
        path=path.encode(),
        query=query.encode(),
        headers=tuple(given),
        body=body.encode(),
        content_type=FORM,
    )


@pytest.mark.parametrize(
    ("auth", "request_", "expected"),
    [
        pytest.param(IN_HEADER, ask(), "no secret given, wanted one in header X-Key", id="none"),
        pytest.param(IN_HEADER, ask(X_Key="hunter2"), "wrong secret", id="wrong"),
        pytest.param(
            ANYWHERE,
            ask(),
            "no secret given, wanted one in header X-Key or field key or path",
            id="nowhere",
        ),
        pytest.param(ANYWHERE, ask("key=hunter2"), "wrong secret", id="wrong field"),
        pytest.param(ANYWHERE, ask(path="/channels/sms/hunter2"), "wrong secret", id="wrong path"),
        pytest.param(
            BasicAuth(username="u", password=KEY), ask(), "no user and password given", id="nobody"
        ),
        pytest.param(
            BasicAuth(username="u", password=KEY),
            ask(Authorization="Basic hunter2"),
            "wrong user or password",
            id="somebody else",
        ),
        pytest.param(HMAC, ask(), "no time stamp, wanted one in header X-Time", id="no stamp"),
        pytest.param(
            HMAC,
            ask(X_Time="yesterday"),
            "the time stamp in header X-Time is no number of at most 12 digits",
            id="a word for a stamp",
        ),
        pytest.param(
            HMAC, ask(X_Time=OLD), "the time stamp is 400 s old, wanted at most 300", id="old"
        ),
        pytest.param(
            HMAC,
            ask(X_Time=AHEAD),
            "the time stamp is 400 s ahead of our clock, wanted at most 300",
            id="ahead",
        ),
        pytest.param(OF_BODY, ask("x"), "no signature, wanted one in header X-Sign", id="unsigned"),
        pytest.param(OF_FIELD, ask("x=1"), "no signature, wanted one in field sign", id="no field"),
        pytest.param(OF_BODY, ask("x", X_Sign="00"), "wrong signature", id="wrong signature"),
        pytest.param(
            OF_BODY,
            ask(method="GET", X_Sign="00"),
            "a GET, whose query is not signed; wanted a POST, or {url} in signed",
            id="GET under hmac",
        ),
        pytest.param(
            OF_URL, ask(query="key=hunter2", X_Sign="00"), f"wrong signature for {URL}", id="URL"
        ),
        pytest.param(TwilioAuth(key=KEY), ask(), "no header X-Twilio-Signature", id="no Twilio"),
        pytest.param(
            TwilioAuth(key=KEY),
            ask(query="a=1", X_Twilio_Signature="x"),
            f"wrong signature for {URL}",
            id="Twilio",
        ),
        pytest.param(
            PlivoAuth(key=KEY), ask(), "no header X-Plivo-Signature-V3-Nonce", id="no nonce"
        ),
        pytest.param(
            PlivoAuth(key=KEY),
            ask(X_Plivo_Signature_V3_Nonce="1"),
            "no header X-Plivo-Signature-V3",
            id="no Plivo",
        ),
        pytest.param(
            PlivoAuth(key=KEY),
            ask(query="a=1", X_Plivo_Signature_V3_Nonce="1", X_Plivo_Signature_V3="x"),
            f"wrong signature for {URL}",
            id="Plivo",
        ),
        pytest.param(VonageAuth(key=KEY), ask("a=1"), "no field sig", id="no Vonage"),
        pytest.param(
            VonageAuth(key=KEY),
            ask("a=1&a=2&sig=0"),
            "a field that stands twice: it is open which of them was signed",
            id="Vonage, twice",
        ),
        pytest.param(
            VonageAuth(key=KEY, max_age=300),
            ask(f"sig=0&timestamp={OLD}"),
            "the time stamp is 400 s old, wanted at most 300",
            id="Vonage, old",
        ),
        pytest.param(
            VonageAuth(key=KEY), ask(f"sig=0&timestamp={OLD}"), "wrong signature", id="Vonage"
        ),
        pytest.param(SmsRuAuth(key=KEY), ask("data[0]=x"), "no field hash", id="no SMS.ru"),
        pytest.param(SmsRuAuth(key=KEY), ask("hash=x"), "wrong signature", id="SMS.ru"),
    ],
)
def test_a_refusal_is_explained(auth, request_, expected):
    """What lacks, what is too old, which address was thought to be signed."""
    assert expected == explain_refusal(auth, request_, NOW)


@pytest.mark.parametrize(
    ("request_", "by_proxy", "expected"),
    [
        pytest.param(
            ask(),
            False,
            "not handed on by a proxy of http.trusted_proxies, which alone is believed",
            id="past the proxy",
        ),
        pytest.param(
            ask(), True, "no certificate, wanted one in header X-SSL-Client-Fingerprint", id="none"
        ),
        pytest.param(
            ask(X_SSL_Client_Fingerprint="BB"),
            True,
            "a certificate that is not accepted, or not verified",
            id="another",
        ),
    ],
)
def test_a_certificate_is_explained(request_, by_proxy, expected):
    """The header of a proxy is the one thing that is believed of a certificate."""
    auth = CertificateAuth(accepted=("AA",))
    assert expected == explain_certificate(auth, request_, by_proxy=by_proxy)
