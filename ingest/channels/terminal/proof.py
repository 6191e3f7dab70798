"""Whether a request comes from the partner: a password, a certificate, a hash. Pure."""

import base64
import hashlib
import hmac
import re

from ingest.channels.dialects.online.fields import carries_form, read_name
from ingest.channels.dialects.online.request import Operation, TerminalRequest
from ingest.channels.gateways.auth import carries_password, has_certificate
from ingest.channels.gateways.refusals import explain_certificate, explain_password
from ingest.channels.gateways.request import GatewayRequest, drop_field, unquote
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


def explain_unproven(auth: TerminalAuth, request: TerminalRequest, *, by_proxy: bool) -> str:
    """Say for our log what a refused request lacks; whoever asked is not told."""
    asked = as_gateway_request(request)
    if isinstance(auth, CertificateAuth):
        return explain_certificate(auth, asked, by_proxy=by_proxy)
    if isinstance(auth, HashAuth):
        return explain_hash(auth, request)
    return explain_password(asked)


def explain_hash(auth: HashAuth, request: TerminalRequest) -> str:
    """Say what is wrong with a hash."""
    pairs = list_fields(request)
    fields = dict(pairs)
    if len(fields) < len(pairs):
        return "a parameter that stands twice: it is open which of them was hashed"
    if not is_covered(auth, request):
        return "query or body are not part of what signed says is hashed"
    place = f"header {auth.header}" if auth.header else f"parameter {auth.field}"
    in_header = as_gateway_request(request).find_header(auth.header) if auth.header else None
    found = in_header if auth.header else fields.get(auth.field.lower())
    return "wrong hash" if found else f"no hash, wanted one in {place}"


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

    A parameter that stands twice, however it is written, proves nothing: the hash could cover the
    one and the protocol believe the other.
    """
    pairs = list_fields(request)
    fields = dict(pairs)
    if len(fields) < len(pairs) or not is_covered(auth, request):
        return False
    digest = hashlib.new(auth.algorithm, write_signed(auth, secret, request, fields))
    if auth.header:
        given = as_gateway_request(request).find_header(auth.header) or ""
    else:
        given = fields.get(auth.field.lower(), b"").decode("latin-1")
    given = given.strip()
    if auth.encoding == "hex":
        wanted, given = digest.hexdigest(), given.lower()
    else:
        wanted = base64.b64encode(digest.digest()).decode()
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "surrogateescape"))


def is_covered(auth: HashAuth, request: TerminalRequest) -> bool:
    """
    Tell whether ``signed`` names both places that a protocol could read, query and body.

    Else the hash of the one, seen once, would open the door for anything in the other.
    """
    named = {name.partition(":")[0] for name in PLACEHOLDER.findall(auth.signed)}
    by_field = "field" in named
    query = drop_field(request.query, auth.field) if auth.field else request.query
    covers_query = not query or by_field or "query" in named
    return covers_query and (
        not request.body or "body" in named or (by_field and carries_form(request))
    )


def list_fields(request: TerminalRequest) -> list[tuple[str, bytes]]:
    """List the parameters of the query and of a form, decoded, as the protocols name them."""
    body = request.body.split(b"&") if carries_form(request) else []
    parted = [pair.partition(b"=") for pair in (*request.query.split(b"&"), *body) if pair]
    return [(read_name(name), unquote(value)) for name, _, value in parted]


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
            part = fields.get(name.removeprefix("field:").lower(), b"")
        written += [part, literal.encode()]
    return b"".join(written)
