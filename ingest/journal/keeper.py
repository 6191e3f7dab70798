"""All journals of a daemon: opened at its start, drained while it runs, closed at its end."""

import asyncio
import datetime as dt
import errno
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from ingest.config import Configuration
from ingest.errors import ConfigError, TransientError
from ingest.journal.drain import Drain
from ingest.journal.journal import Journal
from ingest.journal.segment import SEGMENT
from ingest.journal.sink import JournaledSink
from ingest.log import get_logger
from ingest.model import ChannelName, InboundMessage
from ingest.policy import Policy
from ingest.ports import Sink, Sinks
from ingest.replies import Phrasebook

log = get_logger()

FOLDER = "journal"
"""Beneath the state directory."""
PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENFILE, errno.EMFILE})
"""Faults of a disk that may be over at the next start; a mistake would end the service for good."""


class JournalReport(Struct, frozen=True):
    """How one journal fares."""

    messages: int
    bytes: int
    oldest_at: dt.datetime | None


class Journals:
    """The journals of the channels that keep one, and of those that left one behind."""

    def __init__(self, config: Configuration) -> None:
        self._config = config
        self._folder = config.state_dir / FOLDER
        self._journals: dict[ChannelName, Journal] = {}

    async def open(self) -> None:
        """Open every journal and say what was found; raises ConfigError or TransientError."""
        kept = {name for name, channel in self._config.channels.items() if channel.journal}
        found = find_journals(self._folder)
        for name in sorted(kept | found):
            if name not in self._config.settings.channels:
                log.error("journal.ownerless", channel=name, folder=str(self._folder / name))
                continue
            journal = Journal(ChannelName(name), self._folder / name, self._config.settings.journal)
            try:
                await asyncio.to_thread(journal.open)
            except OSError as error:
                where = error.filename or self._folder / name
                kind = TransientError if error.errno in PASSING else ConfigError
                raise kind(f"service.state_dir: {where}: {error.strerror}") from None
            self._journals[journal.channel] = journal
            if journal.messages:
                log.warning(
                    "journal.found",
                    channel=name,
                    messages=journal.messages,
                    bytes=journal.size,
                    oldest_at=str(journal.oldest_at),
                )

    def wrap(self, policy: Policy, sinks: Sinks, phrasebook: Phrasebook) -> Sinks:
        """Return what a channel hands over to, with its journal behind it where it keeps one."""
        channel = self._config.channels[policy.channel]
        if not channel.journal:
            return sinks
        messages = JournaledSink(
            sinks.messages,
            self._journals[policy.channel],
            reply=phrasebook.render_received(policy.language),
            after=self._config.settings.journal.after,
        )
        return replace(sinks, messages=messages)

    async def run(self, sink: Sink, owe: Callable[[InboundMessage], Awaitable[object]]) -> None:
        """Drain every journal until cancelled."""
        async with asyncio.TaskGroup() as drains:
            for name, journal in self._journals.items():
                drains.create_task(Drain(journal, sink, owe).run(), name=f"journal {name}")
            await asyncio.Event().wait()

    @property
    def is_kept(self) -> bool:
        """Whether some channel can keep on disk what PostgreSQL cannot take."""
        return any(
            journal.has_room
            for name, journal in self._journals.items()
            if name in self._config.channels and self._config.channels[name].journal
        )

    def describe(self) -> dict[str, JournalReport]:
        """Return how each journal fares."""
        return {
            name: JournalReport(journal.messages, journal.size, journal.oldest_at)
            for name, journal in self._journals.items()
        }

    async def close(self) -> None:
        """Let go of every journal; what is in it waits for the next start."""
        for journal in self._journals.values():
            await journal.close()


def find_journals(folder: Path) -> set[str]:
    """Return the names of the channels that have something in a journal beneath *folder*."""
    return {path.parent.name for path in folder.glob(f"*/*{SEGMENT}")}
