"""What is built from config.toml: the database's connections, channels, the way to templates."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import assert_never

from msgspec import Struct

from ingest.channels.registry import RegistryChannel
from ingest.channels.sms import SmsChannel
from ingest.channels.smtp import SmtpChannel
from ingest.config import Configuration
from ingest.embedded import EmbeddedPostgres
from ingest.errors import ConfigError
from ingest.model import ChannelName
from ingest.ports import Bookmarks, Channel, RegistrySink, ReportSink, Sink
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


class Sinks(Struct, frozen=True):
    """What channels hand over to, and what they ask; each is given what it needs."""

    messages: Sink
    registries: RegistrySink
    bookmarks: Bookmarks
    reports: ReportSink


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
            return SmtpChannel(name, settings, config, sinks.messages)
        case SmsSettings():
            return SmsChannel(name, settings, config, sinks.messages)
        case RegistrySettings():
            return RegistryChannel(name, settings, config, sinks.registries)
        case ImapSettings() | TerminalSettings() | ApiSettings():
            raise ConfigError(f"channels.{name}: this version cannot run this type")
        case _:
            assert_never(settings)


def find_templates(config: Configuration) -> Path | None:
    """Return the folder with the operators' own templates, if there is one."""
    folder = config.settings.replies.templates
    return config.locate(folder) if folder else None
