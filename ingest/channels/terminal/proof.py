"""Whether a request comes from the partner: a password, a certificate, a hash. Pure."""

import base64
import hashlib
import hmac
import re

from ingest.channels.dialects.online.request import Operation, TerminalRequest
from ingest.channels.gateways.auth import carries_password, has_certificate
from ingest.channels.gateways.request import FORM, GatewayRequest, drop_field, unquote
from ingest.settings import BasicAuth, CertificateAuth, HashAuth, LoginAuth, TerminalAuth

PLACEHOLDER = re.compile(r"\{(secret|query|body|field:[^{}]+)\}")
"""What stands in ``signed`` for the secret and for parts of the request."""


def is_proven(auth: TerminalAuth, secret: str, request: TerminalRequest, *, by_proxy: bool) -> bool:
    """
    Tell whether *request* proves whose it is, as far as that stands outside of it.

    *by_proxy* says that a trusted proxy handed it on. All comparisons take the same time always.
    """
    match auth:
        case BasicAuth():
            return bool(secret) and carries_password(auth, secret, as_gateway_request(request))
        case CertificateAuth():
            return by_proxy and has_certificate(auth, as_gateway_request(request))
        case HashAuth():
            return bool(secret) and is_hashed(auth, secret, request)
        case LoginAuth():
            return True


def is_logged_in(auth: LoginAuth, secret: str, operation: Operation) -> bool:
    """Compare login and password at once, so that nothing tells which of them was wrong."""
    found = f"{operation.login}\0{operation.password}".encode("utf-8", "surrogatepass")
    return bool(secret) and hmac.compare_digest(f"{auth.username}\0{secret}".encode(), found)


def as_gateway_request(request: TerminalRequest) -> GatewayRequest:
    """Return what is asked as those ways of proving see it that gateways have as well."""
    return GatewayRequest(
        method=request.method,
        query=request.query,
        headers=request.headers,
        body=request.body,
        content_type=request.content_type,
    )


def is_hashed(auth: HashAuth, secret: str, request: TerminalRequest) -> bool:
    """
    Tell whether the request carries the hash of ``signed``.

    A parameter that stands twice, in whatever case, proves nothing: the hash could cover the one
    and the protocol believe the other.
    """
    fields = list_fields(request)
    if len({name.lower() for name, _ in fields}) < len(fields):
        return False
    digest = hashlib.new(auth.algorithm, write_signed(auth, secret, request, dict(fields)))
    if auth.header:
        given = as_gateway_request(request).find_header(auth.header) or ""
    else:
        given = find_field(dict(fields), auth.field).decode("latin-1")
    given = given.strip()
    if auth.encoding == "hex":
        wanted, given = digest.hexdigest(), given.lower()
    else:
        wanted = base64.b64encode(digest.digest()).decode()
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "surrogateescape"))


def list_fields(request: TerminalRequest) -> list[tuple[str, bytes]]:
    """List the parameters of the query and of a form, decoded."""
    is_form = request.content_type.lower().startswith(FORM)
    pairs = request.query.split(b"&") + (request.body.split(b"&") if is_form else [])
    parted = [pair.partition(b"=") for pair in pairs if pair]
    return [(unquote(name).decode("utf-8", "replace"), unquote(value)) for name, _, value in parted]


def find_field(fields: dict[str, bytes], name: str) -> bytes:
    """Return a parameter in whatever case its name is written; empty when it is missing."""
    wanted = name.lower()
    return next((value for key, value in fields.items() if key.lower() == wanted), b"")


def write_signed(
    auth: HashAuth, secret: str, request: TerminalRequest, fields: dict[str, bytes]
) -> bytes:
    """Return what is hashed; parts that are missing are empty."""
    pieces = PLACEHOLDER.split(auth.signed)
    written = [pieces[0].encode()]
    for name, literal in zip(pieces[1::2], pieces[2::2], strict=True):
        if name == "secret":
            part = secret.encode()
        elif name == "query":
            part = drop_field(request.query, auth.field) if auth.field else request.query
        elif name == "body":
            part = request.body
        else:
            part = find_field(fields, name.removeprefix("field:"))
        written += [part, literal.encode()]
    return b"".join(written)
