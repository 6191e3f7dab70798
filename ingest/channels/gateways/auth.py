"""Whether a request comes from whom it says: a secret, HTTP Basic, or a signature. Pure."""

import base64
import binascii
import datetime as dt
import hmac
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from msgspec.structs import replace

from ingest.channels.gateways.request import GatewayRequest, drop_field, split_form, unquote
from ingest.channels.gateways.signatures import covers_query, is_signed
from ingest.settings import Auth, BasicAuth, CertificateAuth, HmacAuth, SecretAuth

SECRET_PLACE = 3
"""Where the secret stands in ``/channels/NAME/SECRET``, taken apart at its slashes."""
VERIFIED = "success"
"""What proxies say of a certificate whose issuer they trust."""


def is_authentic(auth: Auth, secret: str, request: GatewayRequest, now: dt.datetime) -> bool:
    """Tell whether *request* proves that its writer knows *secret*; takes the same time always."""
    if not secret:
        return False
    if isinstance(auth, SecretAuth):
        return carries_secret(auth, secret, request)
    if isinstance(auth, BasicAuth):
        return carries_password(auth, secret, request)
    return is_signed(auth, secret, request, now)


def carries_secret(auth: SecretAuth, secret: str, request: GatewayRequest) -> bool:
    """Look for the secret in its header, in its field of query or form, or in the path."""
    found = []
    if auth.header:
        value = request.find_header(auth.header) or ""
        found.append(take_scheme(value, "bearer ").encode("utf-8", "surrogateescape"))
    if auth.field:
        found += [split_form(data).get(auth.field, b"") for data in (request.query, request.body)]
    if auth.path:
        found += [unquote_path(part) for part in request.path.split(b"/")[SECRET_PLACE:][:1]]
    wanted = secret.encode()
    return any(hmac.compare_digest(wanted, one) for one in found)


def unquote_path(part: bytes) -> bytes:
    """Undo percent-encoding as paths use it: a plus is a plus."""
    return unquote(part.replace(b"+", b"%2B"))


def carries_password(auth: BasicAuth, secret: str, request: GatewayRequest) -> bool:
    """Compare name and password at once, so that nothing tells which of them was wrong."""
    given = take_scheme(request.find_header("Authorization") or "", "basic ")
    try:
        found = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(f"{auth.username}:{secret}".encode(), found)


def has_certificate(auth: CertificateAuth, request: GatewayRequest) -> bool:
    """Compare what a proxy says of the client's certificate with those that are accepted."""
    if auth.verified_header:
        word = find_single(request, auth.verified_header)
        if word.strip().lower() != VERIFIED:
            return False
    found = flatten(find_single(request, auth.header))
    return bool(found) and any(hmac.compare_digest(flatten(one), found) for one in auth.accepted)


def find_single(request: GatewayRequest, name: str) -> str:
    """Return a header of the proxy; nothing where there are two, for one may be the client's."""
    values = [value for key, value in request.headers if key.lower() == name.lower()]
    return values[0] if len(values) == 1 else ""


def flatten(text: str) -> bytes:
    """Return a fingerprint or a subject as it is compared."""
    return text.replace(":", "").strip().lower().encode("utf-8", "surrogateescape")


def take_scheme(value: str, scheme: str) -> str:
    """Return what follows the name of an authentication scheme, or all where there is none."""
    value = value.strip()
    return value[len(scheme) :].strip() if value.lower().startswith(scheme) else value


def take_proof_out(auth: Auth | None, request: GatewayRequest, *, is_form: bool) -> GatewayRequest:
    """
    Remove what must not be kept (the secret) or not be believed (a query that nobody signed).

    *is_form* says that the body is one, and not a text in which the field's name stands by chance.
    """
    if isinstance(auth, HmacAuth) and not covers_query(auth, request):
        return replace(request, query=b"")
    if isinstance(auth, SecretAuth) and auth.field:
        return replace(
            request,
            query=drop_field(request.query, auth.field),
            body=drop_field(request.body, auth.field) if is_form else request.body,
        )
    return request


def spell_address(auth: Auth | None, secret: str, address: str, below: str = "") -> str:
    """
    Return the address to give to a gateway: whoever calls it proves to know *secret*.

    *address* is that of the channel, *below* what follows it, such as ``/reports``. A secret in a
    header is the one thing that no address can carry.
    """
    if isinstance(auth, SecretAuth) and auth.path:
        return f"{address}/{quote(secret, safe='')}{below}"
    if isinstance(auth, SecretAuth) and auth.field:
        return f"{address}{below}?{urlencode({auth.field: secret})}"
    if isinstance(auth, BasicAuth):
        split = urlsplit(f"{address}{below}")
        user = f"{quote(auth.username, safe='')}:{quote(secret, safe='')}"
        return urlunsplit(split._replace(netloc=f"{user}@{split.netloc}"))
    return f"{address}{below}"
