"""
Checks of config.toml that need more than one field: references, addresses, channels open to all.

Every function yields lines that begin with the key. Nothing is opened, connected to or read.
"""

import os
import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from msgspec import Struct

from ingest.addresses import Listen, parse_listen, parse_networks
from ingest.calendar import build_window
from ingest.model import Disposition, Reason
from ingest.settings import (
    AnyChannel,
    ApiSettings,
    Config,
    CsvDialect,
    Dispositions,
    ImapSettings,
    Mail,
    RegistrySettings,
    Secret,
    SecretAuth,
    SmsSend,
    SmsSettings,
    SmtpSettings,
    TerminalSettings,
)

RELAYS = ("smtp", "smtps", "smtp+starttls")
ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 -- compared with, not bound to
PLACEHOLDERS = ("address", "text", "receipt", "id", "secret")
WITHOUT_READING = frozenset(
    {
        Reason.ACCOUNT_MALFORMED,
        Reason.AUTOMATIC_MAIL,
        Reason.FAILED,
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
    if channel.journal:
        yield f"{where}.journal: found true, but this version keeps no journal; set it false"
    match channel:
        case SmtpSettings():
            yield from check_smtp(where, channel, state_dir)
        case SmsSettings():
            yield from check_sms(where, channel, is_local(settings.http.listen, state_dir))
        case RegistrySettings():
            yield from check_registry(where, channel)
        case ImapSettings() | TerminalSettings() | ApiSettings():
            kind = type(channel).__struct_config__.tag
            yield (
                f"{where}.enabled: found true, but this version cannot run channels of type "
                f"{kind!r}; set enabled = false"
            )


def check_smtp(where: str, channel: SmtpSettings, state_dir: Path) -> Iterator[str]:
    """Yield what is wrong with an ``smtp`` channel."""
    yield from check_networks(f"{where}.allow_from", channel.allow_from)
    for index, address in enumerate(channel.recipients):
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", address) or address != address.lower():
            yield (
                f"{where}.recipients[{index}]: found {address!r}, "
                "wanted an address like energy@example.org, in lower case"
            )
    if channel.require_tls and channel.tls is None:
        yield f"{where}.require_tls: found true, wanted [{where}.tls] with it"
    if not channel.allow_from and not is_local(channel.listen, state_dir):
        yield (
            f"{where}.allow_from: {channel.listen} can be reached from outside; name the "
            "networks that may connect, or listen on 127.0.0.1"
        )


def check_sms(where: str, channel: SmsSettings, is_safe: bool) -> Iterator[str]:
    """Yield what is wrong with an ``sms`` channel; *is_safe* when only this machine reaches it."""
    yield from check_networks(f"{where}.allow_from", channel.allow_from)
    yield from check_sms_text(where, channel)
    if channel.gateway == "declarative" and channel.fields is None:
        yield f"{where}.fields: this table is missing; gateway = 'declarative' needs it"
    if isinstance(channel.auth, SecretAuth) and not (channel.auth.header or channel.auth.field):
        yield f"{where}.auth: wanted header or field, where the gateway puts the secret"
    if channel.auth is None and not channel.allow_from and not is_safe:
        yield (
            f"{where}.auth: this table is missing, and http.listen can be reached from outside; "
            f"give [{where}.auth] or allow_from, or let http.listen be on 127.0.0.1"
        )
    if channel.send is not None:
        yield from check_send(f"{where}.send", channel.send)
    elif channel.gateway == "declarative" and "{reply}" not in channel.ack.body:
        yield (
            f"{where}.send: this table is missing, and ack.body has no {{reply}}; "
            "one of them must carry the answer to the sender"
        )


def check_sms_text(where: str, channel: SmsSettings) -> Iterator[str]:
    """Yield what is wrong with the way texts and times are written."""
    yield from check_zone(f"{where}.time_zone", channel.time_zone)
    try:
        "x".encode(channel.charset)
    except (LookupError, ValueError):
        yield f"{where}.charset: found {channel.charset!r}, wanted an encoding like 'utf-8'"
    if channel.time_format not in {"iso", "epoch", "epoch-ms"} and "%" not in channel.time_format:
        yield (
            f"{where}.time_format: found {channel.time_format!r}, "
            "wanted iso, epoch, epoch-ms or a format like '%d.%m.%Y %H:%M:%S'"
        )
    if channel.batch and channel.body != "json":
        yield f"{where}.batch: found {channel.batch!r}, wanted body = 'json' with it"
    if channel.batch and "{reply}" in channel.ack.body:
        yield f"{where}.ack.body: found {{reply}}, but a batch has many senders; wanted send"


def check_send(where: str, send: SmsSend) -> Iterator[str]:
    """Yield what is wrong with the request that sends a text."""
    split = split_url(send.url)
    if split is None or split.scheme not in {"http", "https"} or not split.hostname:
        yield f"{where}.url: found {hide_url(send.url)}, wanted https://HOST/PATH"
    for key in ("success", "id_pattern", "permanent"):
        yield from check_pattern(f"{where}.{key}", getattr(send, key))
    if send.id_pattern and not has_group(send.id_pattern):
        yield f"{where}.id_pattern: found no group in it, wanted one round the id"
    used = {name for value in send.fields.values() for name in find_placeholders(value)}
    for name in ("address", "text"):
        if name not in used:
            yield f"{where}.fields: found no {{{name}}} in it, wanted the {name} of the message"
    used |= {name for value in send.headers.values() for name in find_placeholders(value)}
    for name in sorted(used.difference(PLACEHOLDERS)):
        yield f"{where}: found {{{name}}}, wanted one of {{{'}, {'.join(PLACEHOLDERS)}}}"
    if "secret" in used and send.secret is None:
        yield f"{where}.secret: this key is missing, and {{secret}} stands for it"


def check_registry(where: str, channel: RegistrySettings) -> Iterator[str]:
    """Yield what is wrong with a ``registry`` channel."""
    dialect = channel.dialect
    yield from check_pattern(f"{where}.dialect.trailer", dialect.trailer)
    yield from check_zone(f"{where}.dialect.time_zone", dialect.time_zone)
    yield from check_columns(f"{where}.dialect.columns", dialect)
    if "%" not in dialect.time_format:
        yield (
            f"{where}.dialect.time_format: found {dialect.time_format!r}, "
            "wanted a format like '%d.%m.%Y %H:%M:%S'"
        )
    try:
        dialect.delimiter.encode(dialect.encoding)
    except UnicodeEncodeError:
        yield (
            f"{where}.dialect.delimiter: found {dialect.delimiter!r}, wanted a character that "
            f"{dialect.encoding} has"
        )
    if dialect.quote == dialect.delimiter:
        yield f"{where}.dialect.quote: found the delimiter, wanted another character or none"
    if channel.judge_by == "operation" and "paid_at" not in dialect.columns:
        yield f"{where}.judge_by: found 'operation', wanted a column paid_at with it"


def check_columns(where: str, dialect: CsvDialect) -> Iterator[str]:
    """Yield what is wrong with the columns of a dialect."""
    columns = dialect.columns
    for key in ("account", "value"):
        if key not in columns:
            yield f"{where}.{key}: this key is missing"
    if "value_3" in columns and "value_2" not in columns:
        yield f"{where}.value_2: this key is missing, and value_3 is there"
    taken: dict[int | str, str] = {}
    for key, column in columns.items():
        if isinstance(column, int) and column < 1:
            yield f"{where}.{key}: found {column}, wanted a position from 1"
        if isinstance(column, str) and not dialect.header:
            yield f"{where}.{key}: found a name, wanted header = true with it"
        if taken.setdefault(column, key) != key:
            yield f"{where}.{key}: found {column!r}, which {taken[column]} has already"


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


def check_networks(where: str, texts: tuple[str, ...]) -> Iterator[str]:
    """Yield what is wrong with an allow-list."""
    try:
        parse_networks(texts)
    except ValueError as error:
        yield f"{where}: {error}"


def check_pattern(where: str, pattern: str) -> Iterator[str]:
    """Yield what is wrong with a regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        yield f"{where}: found {pattern!r}, wanted a regular expression ({error})"


def has_group(pattern: str) -> bool:
    """Tell whether a regular expression has a group; a malformed one is told elsewhere."""
    try:
        return re.compile(pattern).groups > 0
    except re.error:
        return True


def check_zone(where: str, name: str) -> Iterator[str]:
    """Yield what is wrong with the name of a time zone; empty means the service's."""
    if name and find_zone(name) is None:
        yield f"{where}: found {name!r}, wanted an IANA name like Asia/Krasnoyarsk"


def find_zone(name: str) -> ZoneInfo | None:
    """Return the time zone of that name, or None."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return None


def is_local(listen: str, state_dir: Path) -> bool:
    """Tell whether only this machine can reach the listener; a malformed one is told elsewhere."""
    try:
        return parse_listen(listen, state_dir).is_local
    except ValueError:
        return True


def split_url(url: str) -> SplitResult | None:
    """Take a URL apart; None when it is malformed, in its port too."""
    try:
        split = urlsplit(url)
        is_sound = split.port != 0
    except ValueError:
        return None
    return split if is_sound else None


def hide_url(url: str) -> str:
    """Show of a URL only its scheme, or a plain word: a password may stand in anything else."""
    scheme, mark, _ = url.partition("://")
    if mark:
        return f"'{scheme}://...'"
    return repr(url) if re.fullmatch(r"[a-z]{0,20}", url) else "something else"


def find_placeholders(text: str) -> list[str]:
    """Find the names that stand in braces."""
    return re.findall(r"\{(\w+)\}", text)
