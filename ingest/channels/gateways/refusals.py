"""
Why a request proves nothing, for our own log alone: whoever asked is never told. Pure.

It is looked at once the request is refused, so that it may take as long as it takes.
"""

import datetime as dt
from typing import assert_never

from ingest.channels.gateways.forms import read_form
from ingest.channels.gateways.request import GatewayRequest, split_form
from ingest.channels.gateways.signatures import (
    LONGEST_STAMP,
    PLIVO_HEADERS,
    covers_query,
    find_field,
    find_url,
    is_stamp,
    list_fields,
)
from ingest.settings import (
    Auth,
    BasicAuth,
    CertificateAuth,
    HmacAuth,
    PlivoAuth,
    SecretAuth,
    SignedAuth,
    SmsRuAuth,
    TwilioAuth,
    VonageAuth,
)

WRONG = "wrong signature"
TWILIO_HEADER = "X-Twilio-Signature"
PATH_PARTS = 3
"""Of ``/channels/NAME``, taken apart at its slashes; a secret is one more."""


def explain_refusal(auth: Auth, request: GatewayRequest, now: dt.datetime) -> str:
    """Say what *request*, which is refused, lacks of what *auth* wants; no secret is shown."""
    if isinstance(auth, SecretAuth):
        return explain_secret(auth, request)
    if isinstance(auth, BasicAuth):
        return explain_password(request)
    return explain_signature(auth, request, now)


def explain_password(request: GatewayRequest) -> str:
    """Say whether there was a password at all."""
    given = request.find_header("Authorization")
    return "wrong user or password" if given else "no user and password given"


def explain_signature(auth: SignedAuth, request: GatewayRequest, now: dt.datetime) -> str:
    """Say what a signature lacks."""
    match auth:
        case HmacAuth():
            return explain_hmac(auth, request, now)
        case TwilioAuth():
            return explain_twilio(auth, request)
        case PlivoAuth():
            return explain_plivo(auth, request)
        case VonageAuth():
            return explain_vonage(auth, request, now)
        case SmsRuAuth():
            return WRONG if read_form(request).get("hash") else "no field hash"
        case _:
            assert_never(auth)


def explain_secret(auth: SecretAuth, request: GatewayRequest) -> str:
    """Say whether there was a secret at all."""
    places = []
    given = False
    if auth.header:
        places.append(f"header {auth.header}")
        given |= bool(request.find_header(auth.header))
    if auth.field:
        places.append(f"field {auth.field}")
        given |= any(auth.field in split_form(one) for one in (request.query, request.body))
    if auth.path:
        places.append("path")
        given |= len(request.path.rstrip(b"/").split(b"/")) > PATH_PARTS
    return "wrong secret" if given else f"no secret given, wanted one in {' or '.join(places)}"


def explain_hmac(auth: HmacAuth, request: GatewayRequest, now: dt.datetime) -> str:
    """Say what is wrong with a signature that is described."""
    if auth.timestamp_header:
        stamp = request.find_header(auth.timestamp_header) or ""
        if problem := explain_stamp(stamp, f"header {auth.timestamp_header}", now, auth.max_age):
            return problem
    if request.method != "POST" and not covers_query(auth, request):
        return f"a {request.method}, whose query is not signed; wanted a POST, or {{url}} in signed"
    place = f"field {auth.field}" if auth.field else f"header {auth.header}"
    found = find_field(request, auth.field) if auth.field else request.find_header(auth.header)
    if not found:
        return f"no signature, wanted one in {place}"
    return f"{WRONG} for {show_url(auth, request)}" if "{url}" in auth.signed else WRONG


def explain_twilio(auth: TwilioAuth, request: GatewayRequest) -> str:
    """Say what is wrong with Twilio's signature: mostly it is the address that we are known by."""
    if not request.find_header(TWILIO_HEADER):
        return f"no header {TWILIO_HEADER}"
    return f"{WRONG} for {show_url(auth, request)}"


def explain_plivo(auth: PlivoAuth, request: GatewayRequest) -> str:
    """Say what is wrong with Plivo's signature."""
    main, other = PLIVO_HEADERS[auth.version]
    if not request.find_header(f"{main}-Nonce"):
        return f"no header {main}-Nonce"
    if not (request.find_header(main) or request.find_header(other)):
        return f"no header {main}"
    return f"{WRONG} for {show_url(auth, request)}"


def explain_vonage(auth: VonageAuth, request: GatewayRequest, now: dt.datetime) -> str:
    """Say what is wrong with Vonage's signature."""
    pairs = list_fields(request)
    fields = dict(pairs)
    if len(fields) < len(pairs):
        return "a field that stands twice: it is open which of them was signed"
    if not fields.get(b"sig"):
        return "no field sig"
    stamp = fields.get(b"timestamp", b"").decode("latin-1")
    return explain_stamp(stamp, "field timestamp", now, auth.max_age) or WRONG


def explain_certificate(auth: CertificateAuth, request: GatewayRequest, *, by_proxy: bool) -> str:
    """Say what is wrong with a certificate, or with how we are told of it."""
    if not by_proxy:
        return "not handed on by a proxy of http.trusted_proxies, which alone is believed"
    if not request.find_header(auth.header):
        return f"no certificate, wanted one in header {auth.header}"
    return "a certificate that is not accepted, or not verified"


def explain_stamp(stamp: str, place: str, now: dt.datetime, max_age: float) -> str:
    """Say what is wrong with a time stamp; empty when nothing is."""
    if not stamp:
        return f"no time stamp, wanted one in {place}"
    if not is_stamp(stamp):
        return f"the time stamp in {place} is no number of at most {LONGEST_STAMP} digits"
    age = now.timestamp() - int(stamp)
    if abs(age) <= max_age:
        return ""
    side = "old" if age > 0 else "ahead of our clock"
    return f"the time stamp is {abs(age):.0f} s {side}, wanted at most {max_age:g}"


def show_url(auth: HmacAuth | TwilioAuth | PlivoAuth, request: GatewayRequest) -> str:
    """Return the address that we think was signed; of its query, which may tell much, only that."""
    url, mark, _ = find_url(auth.public_url, request).decode("utf-8", "replace").partition("?")
    return f"{url}{mark}{'...' if mark else ''}; is that what the gateway calls?"
