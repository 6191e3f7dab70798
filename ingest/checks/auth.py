"""What is wrong with the way in which a gateway proves itself."""

import re
from collections.abc import Iterator

from ingest.checks.values import hide_url, split_url
from ingest.settings import Auth, HmacAuth, PlivoAuth, SecretAuth, TwilioAuth

PARTS = ("body", "timestamp", "nonce", "url", "field:NAME")
PART = re.compile(r"\{([^{}]*)\}")


def check_auth(where: str, auth: Auth | None, public_url: str) -> Iterator[str]:
    """Yield what is wrong with a table ``auth``; *public_url* is that of ``http``."""
    if isinstance(auth, SecretAuth) and not (auth.header or auth.field or auth.path):
        yield f"{where}: wanted header, field or path, where the gateway puts the secret"
    if isinstance(auth, HmacAuth):
        yield from check_hmac(where, auth)
    if isinstance(auth, TwilioAuth | PlivoAuth) or (
        isinstance(auth, HmacAuth) and "{url}" in auth.signed
    ):
        yield from check_public_url(where, auth.public_url, public_url)


def check_hmac(where: str, auth: HmacAuth) -> Iterator[str]:
    """Yield what is wrong with a signature that is described."""
    if bool(auth.header) == bool(auth.field):
        yield f"{where}: wanted either header or field, where the gateway puts the signature"
    named = PART.findall(auth.signed)
    for part in named:
        if part.partition(":")[0] not in {"body", "timestamp", "nonce", "url", "field"}:
            known = "}, {".join(PARTS)
            yield f"{where}.signed: found {{{part}}}, wanted one of {{{known}}}"
    if not {part.partition(":")[0] for part in named} & {"body", "field", "url"}:
        yield f"{where}.signed: found nothing of the text in it, wanted {{body}} or {{field:NAME}}"
    if auth.timestamp_header and "timestamp" not in named:
        yield f"{where}.signed: found no {{timestamp}} in it; one that is not signed proves nothing"
    if "nonce" in named and not auth.nonce_header:
        yield f"{where}.nonce_header: this key is missing, and {{nonce}} stands for it"


def check_public_url(where: str, own: str, shared: str) -> Iterator[str]:
    """Yield what is wrong with the URL that a signature covers."""
    yield from check_origin(f"{where}.public_url", own)
    if not own and not shared:
        yield (
            f"{where}.public_url: this key is missing, and so is http.public_url; the gateway "
            "signs the address at which it reaches us, such as https://readings.example.org"
        )


def check_origin(where: str, url: str) -> Iterator[str]:
    """Yield what is wrong with the address at which the world reaches us; it may be empty."""
    split = split_url(url) if url else None
    is_good = split is not None and split.scheme in {"http", "https"} and bool(split.hostname)
    if url and (not is_good or "?" in url or "#" in url):
        yield f"{where}: found {hide_url(url)}, wanted https://HOST, with a path at most"
