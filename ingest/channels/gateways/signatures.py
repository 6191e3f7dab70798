"""
The signatures of gateways: what each of them signs, and how. Pure.

All comparisons take the same time wherever the first difference is. What carries a time stamp is
refused once that is too old; what carries none has an id, by which a repeat changes nothing.
"""

import base64
import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import assert_never

from ingest.channels.gateways.documents import decode_json, find_path
from ingest.channels.gateways.forms import read_form
from ingest.channels.gateways.request import GatewayRequest, split_form, unquote
from ingest.errors import PermanentError
from ingest.settings import HmacAuth, PlivoAuth, SignedAuth, SmsRuAuth, TwilioAuth, VonageAuth

PLACEHOLDER = re.compile(r"\{(body|timestamp|nonce|url|field:[^{}]+)\}")
"""What stands in ``signed`` for a part of the request."""
LONGEST_STAMP = 12
"""Digits of a time stamp in seconds."""
PORTS = {b"https": b":443", b"http": b":80"}
PLIVO_HEADERS = {
    "v2": ("X-Plivo-Signature-V2", "X-Plivo-Signature-Ma-V2"),
    "v3": ("X-Plivo-Signature-V3", "X-Plivo-Signature-Ma-V3"),
}
"""The second is signed with the token of the main account where a sub-account owns the number."""
UNSIGNABLE = re.compile(rb"[&=]")


def is_signed(auth: SignedAuth, secret: str, request: GatewayRequest, now: dt.datetime) -> bool:
    """Tell whether *request* was signed with *secret*, and not too long ago."""
    is_multipart = request.content_type.lower().startswith("multipart/")
    if is_multipart and not isinstance(auth, HmacAuth | SmsRuAuth):
        return False  # none of the others sends it, and its fields would not be those that we sign
    match auth:
        case HmacAuth():
            return is_signed_as_told(auth, secret, request, now)
        case TwilioAuth():
            return is_signed_by_twilio(auth, secret, request)
        case PlivoAuth():
            return is_signed_by_plivo(auth, secret, request)
        case VonageAuth():
            return is_signed_by_vonage(auth, secret, request, now)
        case SmsRuAuth():
            return is_signed_by_sms_ru(secret, request)
        case _:
            assert_never(auth)


def is_signed_as_told(
    auth: HmacAuth, secret: str, request: GatewayRequest, now: dt.datetime
) -> bool:
    """Check the signature of ``signed``; a GET has one only where that covers its query."""
    stamp = request.find_header(auth.timestamp_header) if auth.timestamp_header else None
    if auth.timestamp_header and not is_recent(stamp or "", now, auth.max_age):
        return False
    if request.method != "POST" and not covers_query(auth, request):
        return False
    mac = make_mac(secret, write_signed(auth, request), auth.algorithm)
    given = request.find_header(auth.header) if auth.header else None
    if auth.field:
        given = find_field(request, auth.field)
    given = (given or "").strip()
    if auth.encoding == "hex":
        return matches([f"{auth.prefix}{mac.hex()}".lower()], [given.lower()])
    return matches([f"{auth.prefix}{base64.b64encode(mac).decode()}"], [given])


def covers_query(auth: HmacAuth, request: GatewayRequest) -> bool:
    """Tell whether the query of *request* is signed, or at least those fields that are named."""
    return "{url}" in auth.signed or (request.method != "POST" and "{field:" in auth.signed)


def write_signed(auth: HmacAuth, request: GatewayRequest) -> bytes:
    """Return what is signed; parts that are missing are empty."""
    pieces = PLACEHOLDER.split(auth.signed)
    written = [pieces[0].encode()]
    for name, literal in zip(pieces[1::2], pieces[2::2], strict=True):
        written += [find_signed_part(name, auth, request), literal.encode()]
    return b"".join(written)


def find_signed_part(name: str, auth: HmacAuth, request: GatewayRequest) -> bytes:
    """Return one part of what is signed."""
    if name == "body":
        return request.body
    if name == "url":
        return find_url(auth.public_url, request)
    if name.startswith("field:"):
        return encode(find_field(request, name.removeprefix("field:")))
    header = auth.timestamp_header if name == "timestamp" else auth.nonce_header
    return encode((request.find_header(header) or "") if header else "")


def find_field(request: GatewayRequest, name: str) -> str:
    """
    Return a field as it was written; empty when it is missing.

    A body that can be read as a document and as a form as well would let us check the one and the
    gateway's module believe the other: a field of both has no value.
    """
    in_form = read_form(request).get(name)
    in_document = find_path(read_document(request), name)
    if isinstance(in_document, str) and in_form is None:
        return in_document
    if in_form is None or read_document(request) is not None:
        return ""
    return in_form.decode("utf-8", "surrogateescape")


def read_document(request: GatewayRequest) -> object:
    """Return the body as JSON, whatever it is called; None when it is none."""
    try:
        return decode_json(request.body) if request.method == "POST" else None
    except PermanentError:
        return None


def is_signed_by_twilio(auth: TwilioAuth, secret: str, request: GatewayRequest) -> bool:
    """
    Check ``X-Twilio-Signature``: the URL, and behind it each name and value of the form, sorted.

    Of a body that is no form, the URL carries a digest.
    """
    digest = split_form(request.query).get("bodySHA256")
    if digest is None:
        fields = b"".join(name + value for name, value in sorted(set(list_pairs(request.body))))
    elif matches([hashlib.sha256(request.body).hexdigest()], [digest.decode("latin-1").lower()]):
        fields = b""
    else:
        return False
    wanted = [
        base64.b64encode(make_mac(secret, url + fields, auth.algorithm)).decode()
        for url in spell_ports(find_url(auth.public_url, request))
    ]
    return matches(wanted, [(request.find_header("X-Twilio-Signature") or "").strip()])


def spell_ports(url: bytes) -> list[bytes]:
    """Return *url* as it is, and with its port left out or written: Twilio does it either way."""
    scheme, _, rest = url.partition(b"://")
    host, slash, path = rest.partition(b"/")
    name, _, port = host.rpartition(b":")
    bare = name if name and port.isdigit() else host
    return [
        url,
        scheme + b"://" + bare + (b"" if bare != host else PORTS.get(scheme, b"")) + slash + path,
    ]


def is_signed_by_plivo(auth: PlivoAuth, secret: str, request: GatewayRequest) -> bool:
    """Check ``X-Plivo-Signature-V3`` (or V2), of which one request may carry several."""
    main, _ = PLIVO_HEADERS[auth.version]
    nonce = request.find_header(f"{main}-Nonce") or ""
    if not nonce:
        return False
    url = find_url(auth.public_url, request)
    if auth.version == "v2":
        signed = url.partition(b"?")[0] + encode(nonce)
    else:
        signed = write_for_plivo(url.partition(b"?")[0], request) + b"." + encode(nonce)
    wanted = base64.b64encode(make_mac(secret, signed, "sha256")).decode()
    headers = [request.find_header(header) or "" for header in PLIVO_HEADERS[auth.version]]
    return matches([wanted], [one.strip() for header in headers for one in header.split(",")])


def write_for_plivo(address: bytes, request: GatewayRequest) -> bytes:
    """Return what Plivo signs before the nonce: address, sorted query, sorted form."""
    asked = b"&".join(name + b"=" + value for name, value in sorted(list_pairs(request.query)))
    posted = b"".join(name + value for name, value in sorted(list_pairs(request.body)))
    mark = b"?" if asked or posted else b""
    return address + mark + asked + (b"." if asked and posted else b"") + posted


def is_signed_by_vonage(
    auth: VonageAuth, secret: str, request: GatewayRequest, now: dt.datetime
) -> bool:
    """
    Check ``sig``: every other field in order of its name, with ``&`` and ``=`` in values as ``_``.

    Vonage's own libraries disagree whether empty fields are signed; either will do.
    """
    pairs = list_fields(request)
    fields = dict(pairs)
    if len(fields) < len(pairs):  # it is open which of two was signed
        return False
    given = fields.pop(b"sig", b"").decode("latin-1").lower()
    if not is_recent(fields.get(b"timestamp", b"").decode("latin-1"), now, auth.max_age):
        return False
    filled = {name: value for name, value in fields.items() if value.strip()}
    return matches([digest_for_vonage(auth, secret, one) for one in (fields, filled)], [given])


def digest_for_vonage(auth: VonageAuth, secret: str, fields: dict[bytes, bytes]) -> str:
    """Return the digest of *fields* as the account's algorithm makes it."""
    signed = b"".join(
        b"&" + UNSIGNABLE.sub(b"_", name) + b"=" + UNSIGNABLE.sub(b"_", value)
        for name, value in sorted(fields.items())
    )
    if auth.algorithm == "md5-hash":
        return hashlib.md5(signed + secret.encode(), usedforsecurity=False).hexdigest()
    return make_mac(secret, signed, auth.algorithm).hex()


def list_fields(request: GatewayRequest) -> list[tuple[bytes, bytes]]:
    """Return the fields of query and body, in whichever way the body is written."""
    pairs = list_pairs(request.query)
    if request.method != "POST":
        return pairs
    if not is_json(request):
        return pairs + list_pairs(request.body)
    try:
        document = decode_json(request.body)
    except PermanentError:
        return []
    fields = document.items() if isinstance(document, dict) else ()
    return pairs + [(encode(name), encode(spell_value(value))) for name, value in fields]


def spell_value(value: object) -> str:
    """Write a value of JSON as it would stand in a form."""
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else ""


def is_signed_by_sms_ru(secret: str, request: GatewayRequest) -> bool:
    """Check ``hash``: a digest of our ``api_id`` and all records, in the order they come in."""
    fields = read_form(request)
    records = b"".join(value for name, value in fields.items() if name.startswith("data"))
    wanted = hashlib.sha256(secret.encode() + records).hexdigest()
    return matches([wanted], [fields.get("hash", b"").decode("latin-1").strip().lower()])


def list_pairs(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return names and values of an urlencoded form in its own order, repeated ones as well."""
    pieces = [pair.partition(b"=") for pair in data.split(b"&") if pair]
    return [(unquote(name), unquote(value)) for name, _, value in pieces]


def find_url(public_url: str, request: GatewayRequest) -> bytes:
    """Return the URL as the gateway called it; proxies on its way have changed it for us."""
    url = (public_url or request.origin).rstrip("/").encode() + request.path
    return url + b"?" + request.query if request.query else url


def is_recent(stamp: str, now: dt.datetime, max_age: float) -> bool:
    """Tell whether a time stamp in seconds is near our clock."""
    return is_stamp(stamp) and abs(now.timestamp() - int(stamp)) <= max_age


def is_stamp(text: str) -> bool:
    """Tell whether a text is a time stamp in seconds."""
    return text.isascii() and text.isdigit() and len(text) <= LONGEST_STAMP


def is_json(request: GatewayRequest) -> bool:
    """Tell whether the body says that it is JSON."""
    kind = request.content_type.partition(";")[0].strip().lower()
    return request.method == "POST" and kind.endswith("json")


def make_mac(secret: str, data: bytes, algorithm: str) -> bytes:
    """Return the HMAC of *data*."""
    return hmac.new(secret.encode(), data, algorithm).digest()


def matches(wanted: Iterable[str], given: Iterable[str]) -> bool:
    """Tell whether one of *given* is one of *wanted*."""
    pairs = [(encode(one), encode(other)) for one in wanted for other in given]
    return any(hmac.compare_digest(one, other) for one, other in pairs)


def encode(text: str) -> bytes:
    """Return the bytes that *text* came from; the lone surrogates of JSON came from none."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
