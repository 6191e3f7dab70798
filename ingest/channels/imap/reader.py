"""
One pass through the folder where mails arrive: fetched, committed, put away, and only then done.

Rule 1. The bookmark moves to a number when every mail up to it is committed and put away, or gone.
Whatever ends the process, the connection or the database's patience before that, the mails are
fetched again; the sink knows them by their content and gives the first outcome once more. So it may
lag behind, and is not saved with every batch of many.

Rule 2. While one batch is read and committed the next is fetched, and while one is put away the
next is read and committed. No more than two are ever in memory.

Rule 3. A mail that brings the process down, or that the server cannot give, must not stop those
behind it. Attempts are noted before they begin; after some that came to no end mails are taken one
by one, and at last the one to blame without its content, for a person to look at. An attempt that
ends in order, because the daemon stops or something is away, is taken back: no mail is to blame.

Rule 4. Putting away is a courtesy. Where the server refuses it the mails stay, and it is tried
again.
"""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncGenerator, Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from ingest.channels.imap.batches import (
    FAILURES,
    MOST_MAILS,
    SURVEYED,
    UNKNOWN_SIZE,
    Batch,
    Care,
    Trials,
    Waiting,
    cut_batches,
)
from ingest.channels.imap.delivery import Delivery, Handed, Ready, refused_by_sink
from ingest.channels.imap.mailbox import Fetched, Mailbox
from ingest.channels.imap.session import LargerError, Opened
from ingest.channels.imap.shelves import Shelves
from ingest.errors import TransientError
from ingest.log import get_logger
from ingest.metrics import MAILBOX_WAITING
from ingest.model import Bookmark, ChannelName
from ingest.ports import Bookmarks, ChannelReport

log = get_logger()

SAVED_EVERY = 5
"""Batches between two bookmarks; where mails are moved nothing is fetched again because of it."""
GOODBYE = 1.0
"""Seconds for saving how far it came."""


class Taken(Struct, frozen=True):
    """A batch that is committed."""

    last: int
    handed: Sequence[Handed]


class Place(Struct, frozen=True, kw_only=True):
    """What a folder is read with."""

    channel: ChannelName
    mailbox: Mailbox
    opened: Opened
    delivery: Delivery
    shelves: Shelves
    bookmarks: Bookmarks
    now: Callable[[], dt.datetime]


class Reader:
    """Takes what waits in one folder, batch after batch, behind a bookmark."""

    def __init__(
        self, place: Place, bookmark: Bookmark, trials: Trials, report: ChannelReport
    ) -> None:
        self._place = place
        self._mailbox = place.mailbox
        self._bookmark = bookmark
        self._reached = self._done = bookmark.position
        """The numbers up to which mails were fetched, and up to which they are done."""
        self._trials = trials
        self._report = report
        self._committing: asyncio.Task[Taken] | None = None
        self._unsaved = 0
        """Batches that are done beyond the bookmark."""

    async def drain(self) -> bool:
        """
        Take all that waits; return whether there was anything.

        Raises TransientError when it cannot go on.
        """
        try:
            return await self._drain()
        except (TransientError, asyncio.CancelledError):
            await self._end_in_order()
            raise

    async def _drain(self) -> bool:
        """Take all that waits, whatever it comes to."""
        self._reached = before = self._done
        try:
            await self._place.shelves.retry(self._mailbox)
            async with contextlib.aclosing(self._list_batches()) as batches:
                async for batch in batches:
                    await self._take(batch)
            await self._settle()
            return self._reached != before
        finally:
            # What is being committed is not torn; it is fetched again, and known by then.
            if self._committing is not None:
                await asyncio.gather(self._committing, return_exceptions=True)
                self._committing = None

    async def _list_batches(self) -> AsyncGenerator[Batch, None]:
        """Yield what waits behind the bookmark, in order."""
        gauge = MAILBOX_WAITING.labels(self._place.channel)
        numbers = self._mailbox.list_numbers(self._reached + 1, self._place.opened.uid_next)
        async with contextlib.aclosing(numbers) as found:
            async for uids in found:
                index = 0
                while index < len(uids):
                    gauge.set(len(uids) - index)
                    width = SURVEYED if self._trials.care is Care.TOGETHER else 1
                    surveyed = self._list_surveyed(uids[index : index + width])
                    async with contextlib.aclosing(surveyed) as batches:
                        async for batch in batches:
                            yield batch
                    index += width
        gauge.set(0)

    async def _list_surveyed(self, uids: Sequence[int]) -> AsyncGenerator[Batch, None]:
        """Yield the batches of some numbers."""
        waiting = await self._survey(uids)
        while True:
            most = MOST_MAILS if self._trials.care is Care.TOGETHER else 1
            batches = cut_batches(
                waiting, uids[-1], most_mails=most, max_size=self._mailbox.max_size
            )
            batch = next(batches)
            yield batch
            waiting = waiting[len(batch.waiting) :]
            if not waiting:
                return

    async def _survey(self, uids: Sequence[int]) -> list[Waiting]:
        """Ask for size and time of arrival; what even that cannot be asked of is passed unasked."""
        now = self._place.now()
        if self._trials.mute.issuperset(uids):
            return [Waiting(uid, UNKNOWN_SIZE, now) for uid in uids]
        try:
            return await self._mailbox.survey(uids, now)
        except TransientError:
            if self._trials.care >= Care.HEAD:
                self._trials.mute.update(uids)
            self._trials.fail(self._reached)
            raise

    async def _take(self, batch: Batch) -> None:
        """Fetch a batch and have it committed; meanwhile the one before it is put away."""
        if self._trials.is_risky:
            await self._settle()
        if self._trials.is_risky:
            await self._save(self._trials.crashes + 1)
        care = self._trials.care
        mails = await self._fetch(batch, care)
        self._reached = batch.last
        before = await self._end_commit()
        self._committing = asyncio.create_task(self._commit(batch, mails, care))
        if before is not None:
            await self._put_away(before)
        if care is not Care.TOGETHER:
            await self._settle()

    async def _fetch(self, batch: Batch, care: Care) -> list[Fetched]:
        """Fetch a batch with due care; what goes wrong is remembered for the next attempt."""
        try:
            if care < Care.HEAD or not batch.waiting:
                return await self._mailbox.fetch(batch, self._trials.oversize)
            [one] = batch.waiting
            if care is Care.UNSEEN:
                return [Fetched(one, b"", is_whole=False)]
            head = await self._mailbox.fetch_head(one.uid)
            return [Fetched(one, head, is_whole=False)] if head else []
        except LargerError:
            if len(batch.waiting) == 1:
                self._trials.oversize.add(batch.last)
            else:
                self._trials.fail(self._reached, times=FAILURES[0])
            raise
        except TransientError:
            self._trials.fail(self._reached)
            raise

    async def _read(self, mails: Sequence[Fetched], care: Care) -> list[Ready]:
        """Read what was fetched."""
        delivery, opened = self._place.delivery, self._place.opened
        if care < Care.HEAD:
            return await delivery.read(mails)
        ready = []
        for mail in mails:
            uid = mail.waiting.uid
            log.error("mail.abandoned", channel=self._place.channel, folder=opened.name, uid=uid)
            ready.append(delivery.give_up(mail, f"{opened.name}\0{opened.epoch}\0{uid}"))
        return ready

    async def _commit(self, batch: Batch, mails: Sequence[Fetched], care: Care) -> Taken:
        """Read a batch, and have it committed."""
        ready = await self._read(mails, care)
        handed = await self._place.delivery.hand_over(ready)
        for one in handed:
            if one.outcome.again:  # somebody may wonder what became of a mail that was put back
                log.info(
                    "message.repeated",
                    channel=self._place.channel,
                    receipt=one.outcome.receipt,
                )
        return Taken(batch.last, handed)

    async def _end_commit(self) -> Taken | None:
        """Wait for the batch that is being committed, if one is."""
        if self._committing is None:
            return None
        taken = await asyncio.shield(self._committing)
        self._committing = None
        return taken

    async def _settle(self) -> None:
        """Bring the batch that is being committed to its end, if one is."""
        taken = await self._end_commit()
        if taken is not None:
            await self._put_away(taken, is_last=True)

    async def _put_away(self, taken: Taken, *, is_last: bool = False) -> None:
        """Move what is committed out of the way, then the bookmark, at the latest with the last."""
        await self._place.shelves.put_away(self._mailbox, taken.handed)
        self._trials.succeed()
        self._done = taken.last
        self._unsaved += 1
        is_noted = self._bookmark.attempts != self._trials.crashes
        if is_last or is_noted or self._unsaved >= SAVED_EVERY:
            await self._save(self._trials.crashes)
        self._report.up()
        self._report.progressed()

    async def _end_in_order(self) -> None:
        """
        Save how far it came, and take back an attempt; where that fails it counts as a crash.

        One at whose mails our code hangs never comes here, and stays noted.
        """
        if not self._unsaved and self._bookmark.attempts == self._trials.crashes:
            return
        with contextlib.suppress(TransientError, TimeoutError):
            async with asyncio.timeout(GOODBYE):
                await self._save(self._trials.crashes)

    async def _save(self, attempts: int) -> None:
        """Save the bookmark at what is done; raises SinkError."""
        bookmark = replace(self._bookmark, position=self._done, attempts=attempts)
        with refused_by_sink():
            await self._place.bookmarks.save_bookmark(self._place.channel, bookmark)
        self._bookmark = bookmark
        self._unsaved = 0
