"""Whether a request for a partner's files comes from the partner. Pure."""

import datetime as dt

from ingest.channels.gateways.auth import has_certificate, is_authentic
from ingest.channels.gateways.refusals import explain_certificate, explain_refusal
from ingest.channels.gateways.request import GatewayRequest
from ingest.settings import BasicAuth, CertificateAuth, SecretAuth, UploadAuth
from ingest.settings.tables import Secret


def find_kept(auth: UploadAuth | None) -> Secret | None:
    """Return where the secret is kept that a request must prove to know; None without one."""
    if auth is None or isinstance(auth, CertificateAuth):
        return None
    if isinstance(auth, SecretAuth):
        return auth.value
    return auth.password if isinstance(auth, BasicAuth) else auth.key


def is_proven(
    auth: UploadAuth, secret: str, request: GatewayRequest, now: dt.datetime, *, by_proxy: bool
) -> bool:
    """
    Tell whether *request* proves whose it is; *by_proxy*: a trusted proxy handed it on.

    Files are too large to be signed themselves: what is signed in their place, as ``{body}``, is
    their SHA-256 in hex, which the request announces and the file must then come to.
    """
    if isinstance(auth, CertificateAuth):
        return by_proxy and has_certificate(auth, request)
    return is_authentic(auth, secret, request, now)


def explain_unproven(
    auth: UploadAuth, request: GatewayRequest, now: dt.datetime, *, by_proxy: bool
) -> str:
    """Say for our log what a refused request lacks."""
    if isinstance(auth, CertificateAuth):
        return explain_certificate(auth, request, by_proxy=by_proxy)
    return explain_refusal(auth, request, now)
