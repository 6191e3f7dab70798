"""How far each place that a channel fetches from has been read, and who reads it now."""

import datetime as dt

from ingest.model import Bookmark, ChannelName
from ingest.store import Store


class BookmarkStore:
    """The :class:`ingest.ports.Bookmarks` of all channels."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find_bookmark(self, channel: ChannelName, place: str) -> Bookmark | None:
        """Return where reading goes on; None where nothing was ever read."""
        rows = await self._store.fetch("find_bookmark", channel, place)
        return Bookmark(**rows[0]) if rows else None

    async def save_bookmark(self, channel: ChannelName, bookmark: Bookmark) -> None:
        """Put *bookmark* in the place of the one before it."""
        await self._store.fetch(
            "save_bookmark",
            channel,
            bookmark.place,
            bookmark.epoch,
            bookmark.position,
            bookmark.attempts,
        )

    async def take_lease(self, name: str, holder: str, seconds: float) -> bool:
        """Take or renew the lease *name* by the database's clock; False while another holds it."""
        span = dt.timedelta(seconds=seconds)
        return bool(await self._store.fetch("take_lease", name, holder, span))

    async def drop_lease(self, name: str, holder: str) -> None:
        """Let go of a lease, so that another need not wait for its end."""
        await self._store.fetch("drop_lease", name, holder)
