"""Who reads a mailbox: one daemon at a time, the next one soon after it has died."""

import asyncio
import contextlib

from ingest import clock
from ingest.channels.imap.delivery import refused_by_sink
from ingest.errors import TransientError
from ingest.ports import Bookmarks

GOODBYE = 1.0
"""Seconds for letting go; the lease ends by itself anyway."""


class Lease:
    """The right to read one mailbox, by the database's clock."""

    def __init__(self, bookmarks: Bookmarks, name: str, holder: str, seconds: float) -> None:
        self._bookmarks = bookmarks
        self._name = name
        self._holder = holder
        self._seconds = seconds

    async def take(self) -> bool:
        """Take the lease, or renew it; False while another daemon has it. Raises SinkError."""
        with refused_by_sink():
            return await self._bookmarks.take_lease(self._name, self._holder, self._seconds)

    async def keep(self, every: float) -> None:
        """Renew the lease until it is lost: another has it, or it could not be renewed in time."""
        renewed_at = clock.monotonic()
        while clock.monotonic() - renewed_at < self._seconds:
            await asyncio.sleep(every)
            with contextlib.suppress(TransientError):
                asked_at = clock.monotonic()
                if not await self.take():
                    return
                renewed_at = asked_at

    async def drop(self) -> None:
        """Let go, so that another need not wait; where the database is away it ends by itself."""
        with contextlib.suppress(TransientError, TimeoutError):
            async with asyncio.timeout(GOODBYE):
                await self._bookmarks.drop_lease(self._name, self._holder)
