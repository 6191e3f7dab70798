"""Whether a request comes from whom it says: a secret, HTTP Basic, or a signature. Pure."""

import base64
import binascii
import datetime as dt
import hmac
from typing import assert_never

from ingest.channels.gateways.request import GatewayRequest, split_form
from ingest.settings import Auth, BasicAuth, HmacAuth, SecretAuth


def is_authentic(auth: Auth, secret: str, request: GatewayRequest, now: dt.datetime) -> bool:
    """Tell whether *request* proves that its writer knows *secret*; takes the same time always."""
    if isinstance(auth, SecretAuth):
        return carries_secret(auth, secret, request)
    if isinstance(auth, BasicAuth):
        return carries_password(auth, secret, request)
    if isinstance(auth, HmacAuth):
        return is_recent(auth, request, now) and is_signed(auth, secret, request)
    assert_never(auth)


def carries_secret(auth: SecretAuth, secret: str, request: GatewayRequest) -> bool:
    """Look for the secret in its header, or in its field of query or form."""
    found = []
    if auth.header:
        value = request.find_header(auth.header) or ""
        found.append(take_scheme(value, "bearer ").encode("utf-8", "surrogateescape"))
    if auth.field:
        found += [split_form(data).get(auth.field, b"") for data in (request.query, request.body)]
    wanted = secret.encode()
    return any(hmac.compare_digest(wanted, one) for one in found)


def carries_password(auth: BasicAuth, secret: str, request: GatewayRequest) -> bool:
    """Compare name and password at once, so that nothing tells which of them was wrong."""
    given = take_scheme(request.find_header("Authorization") or "", "basic ")
    try:
        found = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(f"{auth.username}:{secret}".encode(), found)


def take_scheme(value: str, scheme: str) -> str:
    """Return what follows the name of an authentication scheme, or all where there is none."""
    value = value.strip()
    return value[len(scheme) :].strip() if value.lower().startswith(scheme) else value


def is_recent(auth: HmacAuth, request: GatewayRequest, now: dt.datetime) -> bool:
    """Tell whether the time stamp is near our clock; without one a request never grows old."""
    if not auth.timestamp_header:
        return True
    stamp = request.find_header(auth.timestamp_header) or ""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= len("1000000000000")):
        return False
    return abs(now.timestamp() - int(stamp)) <= auth.max_age


def is_signed(auth: HmacAuth, secret: str, request: GatewayRequest) -> bool:
    """Compare the signature; only a POST has one, because a query is not covered by it."""
    stamp = (request.find_header(auth.timestamp_header) or "") if auth.timestamp_header else ""
    mac = hmac.new(secret.encode(), request.body + stamp.encode(), auth.algorithm)
    given = (request.find_header(auth.header) or "").strip()
    if auth.encoding == "hex":
        wanted, given = f"{auth.prefix}{mac.hexdigest()}".lower(), given.lower()
    else:
        wanted = f"{auth.prefix}{base64.b64encode(mac.digest()).decode()}"
    matches = hmac.compare_digest(wanted.encode(), given.encode("utf-8", "surrogateescape"))
    return matches and request.method == "POST"
