"""What is wrong with a channel for terminals that single fields cannot say."""

import re
from collections.abc import Collection, Iterator, Mapping

from ingest.checks.values import check_networks, check_pattern, check_zone
from ingest.settings import (
    AnyChannel,
    CertificateAuth,
    CityPayDialect,
    CommandCallDialect,
    HashAuth,
    Http,
    JsonDialect,
    LoginAuth,
    OsmpDialect,
    RegistrySettings,
    SberbankDialect,
    TerminalDialect,
    TerminalSettings,
)

PARTS = ("secret", "query", "body", "field:NAME")
PART = re.compile(r"\{([^{}]*)\}")
FINE = "0"
"""What every protocol with numbers calls success; JSON says it in words."""
AGAIN: Mapping[type[TerminalDialect], Collection[str]] = {
    OsmpDialect: {"1", "90"},
    SberbankDialect: {"1"},
    CityPayDialect: {"1", "100"},
    CommandCallDialect: {"1", "90"},
}
"""What partners ask again about."""


def check_terminal(
    where: str, channel: TerminalSettings, http: Http, *, is_safe: bool
) -> Iterator[str]:
    """Yield what is wrong with a ``terminal`` channel; *is_safe*: only this machine reaches it."""
    yield from check_networks(f"{where}.allow_from", channel.allow_from)
    yield from check_dialect(f"{where}.dialect", channel.dialect)
    yield from check_proof(f"{where}.auth", channel, http)
    if channel.auth is None and not channel.allow_from and not is_safe:
        yield (
            f"{where}.auth: this table is missing, and http.listen can be reached from outside; "
            f"give [{where}.auth] or allow_from, or let http.listen be on 127.0.0.1"
        )


def check_dialect(where: str, dialect: TerminalDialect) -> Iterator[str]:
    """Yield what is wrong with how requests are read."""
    yield from check_zone(f"{where}.time_zone", dialect.time_zone)
    yield from check_pattern(f"{where}.account_pattern", dialect.account_pattern)
    if "value" not in dialect.fields and not isinstance(dialect, JsonDialect):
        yield f"{where}.fields.value: this key is missing, so that no reading would be found"
    taken: dict[str, str] = {}
    for key, field in dialect.fields.items():
        if taken.setdefault(field, key) != key:
            yield f"{where}.fields.{key}: found {field!r}, which {taken[field]} has already"
    yield from check_codes(f"{where}.codes", dialect)


def check_codes(where: str, dialect: TerminalDialect) -> Iterator[str]:
    """Yield refusals whose code would be heard as a success, or be asked about for ever."""
    for cause, code in dialect.codes.items():
        if meaning := find_meaning(dialect, code):
            yield f"{where}.{cause}: found {code!r}, which means {meaning}, wanted another code"


def find_meaning(dialect: TerminalDialect, code: str) -> str:
    """Return what a code says that no refusal may say; empty: nothing of the kind."""
    if isinstance(dialect, JsonDialect):
        return "«ask again»" if code == dialect.temporary else ""
    number = code.lstrip("0") or FINE
    if number == FINE:
        return "that all is well"
    return "«ask again»" if number in AGAIN[type(dialect)] else ""


def check_proof(where: str, channel: TerminalSettings, http: Http) -> Iterator[str]:
    """Yield what is wrong with how the partner proves itself."""
    auth = channel.auth
    if isinstance(auth, CertificateAuth) and not http.trusted_proxies:
        yield (
            f"{where}.kind: found 'certificate', wanted http.trusted_proxies with it: the header "
            "is believed from them alone"
        )
    if isinstance(auth, LoginAuth) and not isinstance(channel.dialect, CommandCallDialect):
        yield f"{where}.kind: found 'login', which only the protocol command-call has"
    if isinstance(auth, HashAuth):
        yield from check_hash(where, auth)
        is_document = isinstance(channel.dialect, CommandCallDialect | JsonDialect)
        if is_document and "{body}" not in auth.signed:
            yield (
                f"{where}.signed: found no {{body}} in it, where this protocol says what it asks"
            )


def check_hash(where: str, auth: HashAuth) -> Iterator[str]:
    """Yield what is wrong with a hash that is described."""
    if bool(auth.header) == bool(auth.field):
        yield f"{where}: wanted either header or field, where the partner puts the hash"
    named = {part.partition(":")[0] for part in PART.findall(auth.signed)}
    for part in sorted(named.difference({"secret", "query", "body", "field"})):
        known = "}, {".join(PARTS)
        yield f"{where}.signed: found {{{part}}}, wanted one of {{{known}}}"
    if "secret" not in named:
        yield f"{where}.signed: found no {{secret}} in it; what everybody can hash proves nothing"
    if not named & {"query", "body", "field"}:
        yield f"{where}.signed: found nothing of the request in it, wanted {{query}} or {{body}}"


def check_partners(channels: Mapping[str, AnyChannel]) -> Iterator[str]:
    """Yield channels that are to be reconciled with what is no registry."""
    for name, channel in channels.items():
        if not isinstance(channel, TerminalSettings) or not channel.reconcile_with:
            continue
        if not isinstance(channels.get(channel.reconcile_with), RegistrySettings):
            yield (
                f"channels.{name}.reconcile_with: found {channel.reconcile_with!r}, "
                "wanted the name of a channel of type 'registry'"
            )
