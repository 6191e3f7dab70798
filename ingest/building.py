"""What is built from config.toml: the database's connections, channels, the way to templates."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import assert_never

from ingest.channels.gateways.auth import spell_address
from ingest.channels.imap import ImapChannel
from ingest.channels.registry import RegistryChannel
from ingest.channels.sms import SmsChannel
from ingest.channels.sms.channel import answers_in_body, build_gateway, read_secret
from ingest.channels.smtp import SmtpChannel
from ingest.channels.terminal import TerminalChannel
from ingest.config import Configuration
from ingest.embedded import EmbeddedPostgres
from ingest.errors import ConfigError
from ingest.gammu import build_box
from ingest.model import ChannelName
from ingest.pace import Pace, Paces
from ingest.phones import is_person
from ingest.ports import Channel, Sinks
from ingest.quiet import parse_quiet_hours
from ingest.senders import ClosableSender, build_sender
from ingest.senders.plan import Preset
from ingest.settings import (
    AnyChannel,
    ApiSettings,
    ImapSettings,
    RegistrySettings,
    SmsSettings,
    SmtpSettings,
    TerminalSettings,
)
from ingest.store import Store

EMBEDDED = "embedded"


@contextlib.asynccontextmanager
async def open_database(
    config: Configuration, server: EmbeddedPostgres | None = None
) -> AsyncIterator[Store]:
    """
    Connect to the database, starting the embedded one; raises TransientError or ConfigError.

    *server* is for a caller that looks after the embedded server itself meanwhile.
    """
    settings = config.settings.database
    async with contextlib.AsyncExitStack() as stack:
        url = settings.url
        if url == EMBEDDED:
            server = server or EmbeddedPostgres(config.state_dir)
            stack.push_async_callback(server.stop)
            url = await server.start()
        store = await Store.open(
            url,
            password=config.read_secret(settings.password) if settings.password else "",
            connections=settings.connections,
            statement_timeout=settings.statement_timeout,
        )
        stack.push_async_callback(store.close)
        yield store


def build_channel(
    name: ChannelName,
    settings: AnyChannel,
    config: Configuration,
    sinks: Sinks,
) -> Channel:
    """Return the channel of a table of config.toml; nothing is connected yet."""
    match settings:
        case SmtpSettings():
            return SmtpChannel(name, settings, config, sinks)
        case SmsSettings():
            return build_sms_channel(name, settings, config, sinks)
        case RegistrySettings():
            return build_registry_channel(name, settings, config, sinks)
        case ImapSettings():
            return ImapChannel(name, settings, config, sinks)
        case TerminalSettings():
            return TerminalChannel(name, settings, config, sinks)
        case ApiSettings():
            raise ConfigError(f"channels.{name}: this version cannot run this type")
        case _:
            assert_never(settings)


def build_registry_channel(
    name: ChannelName, settings: RegistrySettings, config: Configuration, sinks: Sinks
) -> RegistryChannel:
    """Return a channel for batch files, which fetches them as well where it is told to."""
    channel = RegistryChannel(name, settings, config, sinks.registries)
    if settings.sftp is not None:
        channel.fetch_with(sinks.bookmarks)
    return channel


def build_sms_channel(
    name: ChannelName, settings: SmsSettings, config: Configuration, sinks: Sinks
) -> SmsChannel:
    """Return a channel for texts, with the tables that it fetches them from, if there are any."""
    channel = SmsChannel(name, settings, config, sinks)
    if box := build_box(settings, config):
        channel.fetch_from(box)
    return channel


def build_way_out(
    name: ChannelName, settings: AnyChannel, config: Configuration
) -> ClosableSender | None:
    """Return the way out of a channel's replies; None where it has none."""
    if not isinstance(settings, SmsSettings) or settings.send is None:
        return build_sender(name, settings, config)
    gateway = build_gateway(settings, config)
    public = config.settings.http.public_url.rstrip("/")
    report_url = ""
    if public:
        secret = read_secret(settings, config) or ""
        report_url = spell_address(settings.auth, secret, f"{public}/channels/{name}", "/reports")
    return build_sender(name, settings, config, preset=Preset(gateway.send, report_url))


def can_send(config: Configuration, name: ChannelName, address: str) -> bool:
    """Tell whether a channel for texts can send one to *address* beside answering on the spot."""
    settings = config.settings.channels.get(name)
    if not isinstance(settings, SmsSettings) or not has_way_out(settings):
        return False
    return is_person(address, settings.region)


def has_way_out(settings: SmsSettings) -> bool:
    """Tell whether texts can be sent: by a request, or through a program's tables."""
    return settings.send is not None or settings.database is not None


def build_paces(config: Configuration) -> Paces:
    """Return how fast the replies of each channel may leave."""
    paces: dict[ChannelName, Pace] = {}
    for name, settings in config.settings.channels.items():
        send = settings.send or settings.database if isinstance(settings, SmsSettings) else None
        if send is not None:
            hours = send.quiet_hours
            paces[ChannelName(name)] = Pace(
                per_second=send.per_second,
                per_minute=send.per_minute,
                quiet=parse_quiet_hours(hours, config.zone) if hours else None,
            )
    return Paces(paces)


def check_ways(config: Configuration) -> None:
    """Raise ConfigError for what shows only when a gateway and its settings come together."""
    for name, settings in config.channels.items():
        build_way_out(ChannelName(name), settings, config)
        if isinstance(settings, SmsSettings):
            check_way_back(f"channels.{name}", settings, config)


def check_way_back(where: str, settings: SmsSettings, config: Configuration) -> None:
    """Raise ConfigError where texts would be taken and nobody could be answered."""
    in_body = answers_in_body(where, settings, build_gateway(settings, config))
    if not in_body and settings.send is None and settings.database is None:
        wanted = f"[{where}.send]"
        if settings.gateway == "gammu":
            wanted += f" or [{where}.database]"
        raise ConfigError(f"{where}.send: this table is missing, wanted {wanted} for the answers")


def find_templates(config: Configuration) -> Path | None:
    """Return the folder with the operators' own templates, if there is one."""
    folder = config.settings.replies.templates
    return config.locate(folder) if folder else None
