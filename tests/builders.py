"""Values for tests: sensible defaults, override what matters."""

import datetime as dt
import itertools
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from ingest.config import Configuration, load_config
from ingest.intake import Intake
from ingest.model import (
    ChannelName,
    InboundMessage,
    InboundRegistry,
    LineResult,
    Outcome,
    RegistryChunk,
    RegistryProgress,
    ReplyTo,
)
from ingest.registries import RegistryIntake

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
dialect = { columns = { account = 1, value = 2, value_2 = 3 } }
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


class Sinks:
    """An intake and a registry intake behind one face: what a channel may be given."""

    def __init__(self, intake: Intake, registries: RegistryIntake) -> None:
        self.intake = intake
        self.registries = registries

    async def receive(self, message: InboundMessage) -> Outcome:
        return await self.intake.receive(message)

    async def open_registry(self, registry: InboundRegistry) -> RegistryProgress:
        return await self.registries.open_registry(registry)

    async def receive_chunk(
        self, progress: RegistryProgress, chunk: RegistryChunk
    ) -> RegistryProgress:
        return await self.registries.receive_chunk(progress, chunk)

    async def finish_registry(self, progress: RegistryProgress, problem: str = "") -> Outcome:
        return await self.registries.finish_registry(progress, problem)

    def list_results(self, progress: RegistryProgress) -> AsyncIterator[Sequence[LineResult]]:
        return self.registries.list_results(progress)
