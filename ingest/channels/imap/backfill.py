"""Goes through a folder again from a day on; harmless, because mails are known by their content."""

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from ingest.channels.imap.batches import MOST_MAILS, SURVEYED, Batch, Waiting, cut_batches
from ingest.channels.imap.delivery import Delivery, Handed
from ingest.channels.imap.mailbox import Mailbox
from ingest.channels.imap.session import LargerError, UnreadableError
from ingest.channels.imap.shelves import Shelves
from ingest.errors import TransientError

MARGIN = dt.timedelta(days=2)
"""The server's search knows neither hours nor time zones."""


class Tally(Struct):
    """What a backfill has come to so far."""

    found: int = 0
    """Mails of these days."""
    taken: int = 0
    """Those that had never been recorded."""
    again: int = 0
    """Those that had."""
    held: int = 0
    """Of both, those that a person has to look at."""
    unread: int = 0
    """Those that the server would not give."""
    gone: int = 0
    """Those that somebody took away meanwhile."""

    @property
    def done(self) -> int:
        """How many of those found are dealt with."""
        return self.taken + self.again + self.unread + self.gone


class Backfill:
    """One run through one folder."""

    def __init__(self, make_mailbox: Callable[[], Mailbox], delivery: Delivery) -> None:
        self._make_mailbox = make_mailbox
        self._mailbox = make_mailbox()
        self._delivery = delivery
        self._shelves: Shelves | None = None
        self._folder = ""
        self._epoch = 0
        self._uid_next = 0
        self.tally = Tally()

    async def run(
        self,
        folder: str,
        since: dt.datetime,
        *,
        now: dt.datetime,
        shelves: Shelves | None = None,
        on_progress: Callable[[Tally], None] = lambda _tally: None,
    ) -> Tally:
        """
        Hand over every mail of *folder* that arrived at *since* or later.

        With *shelves* mails are put away after that. Raises TransientError when the server or the
        database goes away: another run takes up what is left.
        """
        self._folder, self._shelves = folder, shelves
        try:
            await self._connect()
            waiting = await self._survey(since, now)
            self.tally.found = len(waiting)
            on_progress(self.tally)
            for batch in cut_all(waiting, self._mailbox.max_size):
                await self._take(batch)
                on_progress(self.tally)
        finally:
            await self._mailbox.close()
        return self.tally

    async def _connect(self) -> None:
        """Open the mailbox and the folder."""
        await self._mailbox.open()
        opened = await self._mailbox.select(self._folder)
        if self.tally.found and opened.epoch != self._epoch:
            raise TransientError("the server has numbered its mails anew; run it once more")
        self._epoch, self._uid_next = opened.epoch, opened.uid_next
        if self._shelves is not None:
            await self._shelves.open(self._mailbox, opened)

    async def _survey(self, since: dt.datetime, now: dt.datetime) -> list[Waiting]:
        """Return the mails that arrived since then, in order."""
        waiting: list[Waiting] = []
        numbers = self._mailbox.list_numbers(1, self._uid_next, (since - MARGIN).date())
        async with contextlib.aclosing(numbers) as found:
            async for uids in found:
                for index in range(0, len(uids), SURVEYED):
                    waiting += await self._mailbox.survey(uids[index : index + SURVEYED], now)
        return [one for one in waiting if one.received_at >= since]

    async def _take(self, batch: Batch) -> None:
        """Hand a batch over; where the server gives trouble, mail by mail."""
        try:
            await self._try_to_take(batch)
        except (LargerError, UnreadableError):
            await self._reconnect()
            if len(batch.waiting) == 1:
                self.tally.unread += 1
                return
            for one in batch.waiting:
                await self._take(Batch((one,), one.uid))

    async def _reconnect(self) -> None:
        """Begin with a new connection."""
        await self._mailbox.close()
        self._mailbox = self._make_mailbox()
        await self._connect()

    async def _try_to_take(self, batch: Batch) -> None:
        """Hand a batch over, and put it away."""
        mails = await self._mailbox.fetch(batch)
        handed = await self._delivery.hand_over(await self._delivery.read(mails))
        self._count(handed)
        self.tally.gone += len(batch.waiting) - len(mails)
        if self._shelves is not None:
            await self._shelves.put_away(self._mailbox, handed)

    def _count(self, handed: Sequence[Handed]) -> None:
        """Count what was handed over."""
        again = sum(one.outcome.again for one in handed)
        self.tally.again += again
        self.tally.taken += len(handed) - again
        self.tally.held += sum(one.is_held for one in handed)


def cut_all(waiting: Sequence[Waiting], max_size: int) -> Iterator[Batch]:
    """Yield *waiting* in batches; none when there is nothing."""
    if waiting:
        yield from cut_batches(waiting, waiting[-1].uid, most_mails=MOST_MAILS, max_size=max_size)
