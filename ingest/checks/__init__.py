"""
Checks of config.toml that need more than one field: references, addresses, channels open to all.

Every function yields lines that begin with the key. Nothing is opened, connected to or read.
"""

import os
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from zoneinfo import ZoneInfo

from msgspec import Struct

from ingest.addresses import Listen, parse_listen
from ingest.calendar import build_window
from ingest.checks.auth import check_auth, check_origin
from ingest.checks.mail import check_imap, check_mailboxes, check_smtp
from ingest.checks.registry import check_registry
from ingest.checks.sms import check_sms
from ingest.checks.terminal import check_partners, check_terminal
from ingest.checks.values import (
    check_networks,
    check_zone,
    find_zone,
    hide_url,
    is_local,
    split_url,
)
from ingest.checks.ways import check_postings, check_ways
from ingest.model import Disposition, Reason
from ingest.settings import (
    AnyChannel,
    ApiSettings,
    Config,
    Dispositions,
    ImapSettings,
    Mail,
    RegistrySettings,
    Secret,
    SmsSettings,
    SmtpSettings,
    TerminalSettings,
)

RELAYS = ("smtp", "smtps", "smtp+starttls")
ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 -- compared with, not bound to
WITHOUT_READING = frozenset(
    {
        Reason.ACCOUNT_MALFORMED,
        Reason.AUTOMATIC_MAIL,
        Reason.FAILED,
        Reason.INCOMPLETE,
        Reason.METER_AMBIGUOUS,
        Reason.NOT_RECOGNISED,
        Reason.READING_MALFORMED,
        Reason.READING_MISSING,
        Reason.SENDER_REFUSED,
        Reason.TOO_LARGE,
        Reason.TOO_MANY_DIGITS,
        Reason.ZONES_MISMATCH,
    }
)
"""Reasons for which there is no reading to be sure of, so that none can be accepted."""
WITHOUT_ANSWER = frozenset({Reason.AUTOMATIC_MAIL, Reason.SENDER_REFUSED})
"""Reasons for which nothing need be sent."""


def check_config(settings: Config, state_dir: Path) -> Iterator[str]:
    """Yield everything that is wrong with settings whose single fields are right."""
    zone = find_zone(settings.service.timezone)
    yield from check_zone("service.timezone", settings.service.timezone)
    yield from check_windows(settings, zone or ZoneInfo("UTC"))
    yield from check_database(settings.database.url)
    yield from check_networks("http.trusted_proxies", settings.http.trusted_proxies)
    yield from check_origin("http.public_url", settings.http.public_url)
    yield from check_mail(settings.mail)
    yield from check_dispositions("rules", settings.rules.dispositions)
    if Reason.WINDOW_CLOSED in settings.rules.dispositions:
        yield "rules.dispositions.window_closed: wanted late in [windows.NAME] instead"
    for where, secret in list_secrets("", settings):
        yield from check_secret(where, secret)
    for name, channel in settings.channels.items():
        yield from check_channel(f"channels.{name}", channel, settings, state_dir)
    yield from check_listeners(settings, state_dir)
    yield from check_directories(settings, state_dir)
    yield from check_mailboxes(settings)
    yield from check_postings(settings)
    yield from check_partners(settings.channels)


def check_windows(settings: Config, zone: ZoneInfo) -> Iterator[str]:
    """Yield what is wrong with each window."""
    for name, window in settings.windows.items():
        try:
            build_window(name, window, zone)
        except ValueError as error:
            yield str(error)


def check_database(url: str, where: str = "database.url") -> Iterator[str]:
    """Yield what is wrong with the database's URL, without showing a password in it."""
    split = split_url(url)
    if url != "embedded" and (split is None or split.scheme != "postgresql"):
        yield (
            f"{where}: found {hide_url(url)}, wanted 'embedded' or 'postgresql://USER@HOST/DATABASE'"
        )


def check_mail(mail: Mail) -> Iterator[str]:
    """Yield what is wrong with the way out for mails."""
    kind, _, folder = mail.relay.partition(":")
    if kind == "directory":
        if not folder:
            yield "mail.relay: found 'directory:', wanted a folder after it"
        return
    split = split_url(mail.relay)
    if split is None or split.scheme not in RELAYS or not split.hostname:
        yield (
            f"mail.relay: found {hide_url(mail.relay)}, wanted smtp://HOST:PORT, "
            "smtps://HOST:PORT, smtp+starttls://HOST:PORT or directory:PATH"
        )
        return
    if "@" in split.netloc:
        yield "mail.relay: found a user in it, wanted mail.username and mail.password instead"
    if bool(mail.username) != (mail.password is not None):
        yield "mail.username: found without mail.password or the other way round, wanted both"
    if mail.username and split.scheme == "smtp" and not Listen(host=split.hostname).is_local:
        yield "mail.relay: found smtp:// with a password, wanted smtps:// or smtp+starttls://"


def check_dispositions(where: str, dispositions: Dispositions) -> Iterator[str]:
    """Yield what no channel can do: accept what has no reading, leave a sender without answer."""
    for reason, disposition in dispositions.items():
        key = f"{where}.dispositions.{reason}"
        if disposition is Disposition.IGNORE and reason not in WITHOUT_ANSWER:
            yield f"{key}: found 'ignore', wanted an answer for the sender: accept, hold or reject"
        if disposition is Disposition.ACCEPT and reason in WITHOUT_READING:
            yield f"{key}: found 'accept', wanted hold or reject: no reading is sure here"


def check_channel(
    where: str, channel: AnyChannel, settings: Config, state_dir: Path
) -> Iterator[str]:
    """Yield what is wrong with one channel; a disabled one may be half written."""
    if channel.window not in settings.windows:
        known = ", ".join(settings.windows) or "a table [windows.NAME]"
        yield f"{where}.window: found {channel.window!r}, wanted one of {known}"
    yield from check_dispositions(where, channel.dispositions)
    if not channel.enabled:
        return
    if channel.journal and not isinstance(channel, SmsSettings):
        yield (
            f"{where}.journal: found true, wanted false: what is refused while PostgreSQL is away, "
            f"senders to a channel of type {kind_of(channel)!r} send again by themselves"
        )
    yield from check_kind(where, channel, settings, state_dir)


def check_kind(where: str, channel: AnyChannel, settings: Config, state_dir: Path) -> Iterator[str]:
    """Yield what is wrong with what only channels of its type have."""
    match channel:
        case SmtpSettings():
            yield from check_smtp(where, channel, state_dir)
        case SmsSettings():
            yield from check_sms(where, channel, is_local(settings.http.listen, state_dir))
            yield from check_auth(f"{where}.auth", channel.auth, settings.http.public_url)
        case RegistrySettings():
            is_safe = is_local(settings.http.listen, state_dir)
            yield from check_registry(where, channel)
            yield from check_ways(where, channel, settings, is_safe=is_safe)
        case ImapSettings():
            yield from check_imap(where, channel)
        case TerminalSettings():
            is_safe = is_local(settings.http.listen, state_dir)
            yield from check_terminal(where, channel, settings.http, is_safe=is_safe)
        case ApiSettings():
            yield (
                f"{where}.enabled: found true, but this version cannot run channels of type "
                f"{kind_of(channel)!r}; set enabled = false"
            )


def kind_of(channel: AnyChannel) -> str:
    """Return a channel's type, as config.toml writes it."""
    return str(type(channel).__struct_config__.tag)


def check_listeners(settings: Config, state_dir: Path) -> Iterator[str]:
    """Yield listeners that are malformed, and those that want the same address."""
    texts = {"http.listen": settings.http.listen, "http.internal": settings.http.internal}
    texts |= {
        f"channels.{name}.listen": channel.listen
        for name, channel in settings.channels.items()
        if channel.enabled and isinstance(channel, SmtpSettings)
    }
    listens: dict[str, Listen] = {}
    for where, text in texts.items():
        try:
            listens[where] = parse_listen(text, state_dir)
        except ValueError as error:
            yield f"{where}: {error}"
    for first, second in combinations(listens, 2):
        if do_clash(listens[first], listens[second]):
            yield f"{second}: found {texts[second]!r}, which {first} has already"


def do_clash(one: Listen, other: Listen) -> bool:
    """Tell whether two listeners cannot stand side by side; port 0 always finds room."""
    if one.socket is not None or other.socket is not None:
        return one.socket == other.socket
    hosts = {"127.0.0.1" if host == "localhost" else host for host in (one.host, other.host)}
    return one.port == other.port != 0 and (len(hosts) == 1 or not hosts.isdisjoint(ANYWHERE))


def check_directories(settings: Config, state_dir: Path) -> Iterator[str]:
    """Yield registry channels whose folders are the same or lie within one another."""
    folders = {
        f"channels.{name}.directory": Path(os.path.normpath(state_dir / channel.directory))
        for name, channel in settings.channels.items()
        if channel.enabled and isinstance(channel, RegistrySettings)
    }
    for first, second in combinations(folders, 2):
        one, other = folders[first], folders[second]
        if one.is_relative_to(other) or other.is_relative_to(one):
            yield f"{second}: found {str(other)!r}, wanted a folder apart from that of {first}"


def list_secrets(where: str, value: object) -> Iterator[tuple[str, Secret]]:
    """Yield every secret within *value*, with its key."""
    if isinstance(value, Secret):
        yield where, value
    elif isinstance(value, Struct):
        for field in value.__struct_fields__:
            yield from list_secrets(f"{where}.{field}".lstrip("."), getattr(value, field))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from list_secrets(f"{where}.{key}", inner)


def check_secret(where: str, secret: Secret) -> Iterator[str]:
    """Yield what is wrong with the way to a secret; it is not read."""
    given = [key for key in secret.__struct_fields__ if getattr(secret, key)]
    if len(given) != 1:
        found = " and ".join(given) or "none"
        yield f"{where}: found {found}, wanted exactly one of env, file and credential"
