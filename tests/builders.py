"""Values for tests: sensible defaults, override what matters."""

import datetime as dt
import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ingest.bookmarks import BookmarkStore
from ingest.config import Configuration, load_config
from ingest.intake import Intake
from ingest.model import (
    Bookmark,
    ChannelName,
    InboundMessage,
    InboundRegistry,
    LineResult,
    Outcome,
    PartSeries,
    RegistryChunk,
    RegistryLine,
    RegistryProgress,
    ReplyTo,
    Verdict,
)
from ingest.operations import OperationStore
from ingest.parts import PartStore
from ingest.registries import RegistryIntake
from ingest.reports import ReportStore
from ingest.store import Store

OPEN_AT = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
"""Noon of the 24th in Krasnoyarsk: every shipped window is open."""
SHUT_AT = dt.datetime(2026, 11, 3, 5, 0, tzinfo=dt.UTC)
"""Noon of the 3rd: every shipped window is shut."""

MAIL = ChannelName("mail")
SMS = ChannelName("sms")
PARTNER = ChannelName("partner")

SMALL_CONFIG = """
[http]
internal = "127.0.0.1:1"
[windows.all-month]
days = "6..-2"
[windows.terminals]
days = "23..26"

[channels.mail]
type = "smtp"
window = "all-month"
recipients = ["energy@example.org"]
listen = "127.0.0.1:0"

[channels.sms]
type = "sms"
window = "all-month"
gateway = "kannel"

[channels.partner]
type = "registry"
window = "terminals"
directory = "registries/partner"
dialect = { cells = 3, columns = { account = 1, value = 2, value_2 = 3 } }
"""

numbers = itertools.count(1)


def write_config(
    folder: Path, text: str = SMALL_CONFIG, environ: dict[str, str] | None = None
) -> Configuration:
    """Write *text* as config.toml into *folder* and load it."""
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    return load_config(path, environ or {})


def a_message(text: str = "123456789012*5467;", **changes: Any) -> InboundMessage:
    """Return a text message; each has an external id of its own unless told otherwise."""
    values: dict[str, Any] = {
        "channel": SMS,
        "external_id": f"message-{next(numbers)}",
        "received_at": OPEN_AT,
        "text": text,
        "raw": text.encode("utf-8", "surrogatepass"),
        "media_type": "text/plain",
        "sender": "+79031234567",
        "reply_to": ReplyTo("+79031234567"),
    }
    return InboundMessage(**(values | changes))


def a_registry(**changes: Any) -> InboundRegistry:
    """Return a registry that has arrived."""
    values: dict[str, Any] = {
        "channel": PARTNER,
        "external_id": f"registry-{next(numbers)}",
        "received_at": OPEN_AT,
        "file_name": "readings.csv",
        "size": 1000,
    }
    return InboundRegistry(**(values | changes))


class NoParts:
    """Where nothing waits, because a test brings whole texts only."""

    async def close_overdue(self, channel: ChannelName, before: dt.datetime) -> list[PartSeries]:
        return []

    async def list_unsettled(self, channel: ChannelName, before: dt.datetime) -> list[PartSeries]:
        return []


class NoBookmarks:
    """Where nothing is remembered, because a test hands nothing over."""

    async def find_bookmark(self, channel: ChannelName, place: str) -> Bookmark | None:
        return None

    async def save_bookmark(self, channel: ChannelName, bookmark: Bookmark) -> None:
        return None

    async def take_lease(self, name: str, holder: str, seconds: float) -> bool:
        return True

    async def drop_lease(self, name: str, holder: str) -> None:
        return None


class Sinks:
    """An intake and a registry intake behind one face: what a channel may be given."""

    def __init__(
        self, intake: Intake, registries: RegistryIntake, store: Store | None = None
    ) -> None:
        self.intake = intake
        self.registries = registries
        self.bookmarks = BookmarkStore(store) if store else NoBookmarks()
        self.reports = ReportStore(store) if store else None
        self.parts = PartStore(store) if store else NoParts()
        self.operations = OperationStore(store) if store else None

    async def receive(self, message: InboundMessage) -> Outcome:
        return await self.intake.receive(message)

    async def open_registry(self, registry: InboundRegistry) -> RegistryProgress:
        return await self.registries.open_registry(registry)

    async def receive_chunk(
        self, progress: RegistryProgress, chunk: RegistryChunk
    ) -> RegistryProgress:
        return await self.registries.receive_chunk(progress, chunk)

    async def foresee_chunk(self, progress: RegistryProgress, chunk: RegistryChunk) -> None:
        await self.registries.foresee_chunk(progress, chunk)

    async def try_lines(
        self, progress: RegistryProgress, lines: Sequence[RegistryLine]
    ) -> Mapping[Verdict, int]:
        return await self.registries.try_lines(progress, lines)

    async def await_decision(self, progress: RegistryProgress, problem: str) -> RegistryProgress:
        return await self.registries.await_decision(progress, problem)

    async def find_decision(self, progress: RegistryProgress) -> RegistryProgress:
        return await self.registries.find_decision(progress)

    async def count_results(self, progress: RegistryProgress) -> Mapping[str, int]:
        return await self.registries.count_results(progress)

    async def owe_results(
        self, progress: RegistryProgress, addresses: Sequence[str], subject: str, body: str
    ) -> None:
        await self.registries.owe_results(progress, addresses, subject, body)

    async def finish_registry(self, progress: RegistryProgress, problem: str = "") -> Outcome:
        return await self.registries.finish_registry(progress, problem)

    def list_results(self, progress: RegistryProgress) -> AsyncIterator[Sequence[LineResult]]:
        return self.registries.list_results(progress)
