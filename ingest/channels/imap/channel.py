"""
Mails that lie in a mailbox, read by IMAP.

What is in the mailbox is safe there: whatever goes wrong, on our side or on theirs, the mails
wait. ``lease`` decides which daemon reads, ``reader`` takes what is new, and what talks to the
server lives in a thread of its own (``link``, ``session``).
"""

import asyncio
import datetime as dt
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from ingest import clock
from ingest.channels.deposits import Postbox
from ingest.channels.imap.backfill import Backfill
from ingest.channels.imap.batches import Trials
from ingest.channels.imap.delivery import Delivery, SinkError, refused_by_sink
from ingest.channels.imap.lease import Lease
from ingest.channels.imap.login import LoginRefusedError
from ingest.channels.imap.mailbox import Mailbox
from ingest.channels.imap.reader import Place, Reader
from ingest.channels.imap.session import Opened
from ingest.channels.imap.shelves import Shelves
from ingest.channels.imap.tokens import Tokens
from ingest.config import Configuration
from ingest.correspondence import build_desk
from ingest.log import get_logger
from ingest.model import Bookmark, ChannelName
from ingest.ports import ChannelReport, ReportSink, Route, Sink, Sinks
from ingest.retry import back_off
from ingest.settings import ImapSettings

log = get_logger()


class Pace(Struct, frozen=True, kw_only=True):
    """How long what takes, in seconds; tests are in more of a hurry."""

    lease: float = 30.0
    """For how long a daemon that died still counts as the one that reads."""
    renewal: float = 10.0
    """Between renewals of the lease, and between looks whether it is free."""
    idle: float = 540.0
    """Of waiting for the server's notices at a stretch; servers hang up after 30 minutes."""
    breath: float = 0.5
    """Between two looks, when the first found nothing: some servers announce mail all the time."""
    first_pause: float = 1.0
    longest_pause: float = 5.0
    """Between attempts while the sink refuses."""
    first_login_pause: float = 5.0
    longest_login_pause: float = 600.0
    """After refused logins; servers shut out those who try too often."""


class ImapChannel:
    """One folder of one mailbox."""

    routes: Final[Sequence[Route]] = ()

    def __init__(
        self,
        name: ChannelName,
        settings: ImapSettings,
        config: Configuration,
        sinks: Sinks,
        *,
        now: Callable[[], dt.datetime] = clock.now,
    ) -> None:
        self.name = name
        self._settings = settings
        self._config = config
        self._bookmarks = sinks.bookmarks
        self._now = now
        self._tokens = Tokens(settings.oauth, config) if settings.oauth else None
        self._delivery = make_delivery(name, settings, config, sinks.messages, sinks.reports)
        self._shelves = Shelves(name, settings)
        self._trials: Trials | None = None
        self._holder = uuid.uuid4().hex
        self.set_pace(Pace())

    def set_pace(self, pace: Pace) -> None:
        """Set how long what takes; before the channel runs."""
        self._pace = pace
        self._login_pauses = back_off(pace.first_login_pause, pace.longest_login_pause)
        self._login_at = 0.0
        """Of the monotonic clock: no attempt before it."""

    async def run(self, report: ChannelReport) -> None:
        """Read the mailbox until cancelled, as long as no other daemon does."""
        lease = Lease(self._bookmarks, f"imap:{self.name}", self._holder, self._pace.lease)
        await asyncio.sleep(max(self._login_at - clock.monotonic(), 0.0))
        pauses = self._make_pauses()
        while True:
            try:
                await self._take_turn(lease, report)
                pauses = self._make_pauses()
            except SinkError as error:
                report.refused(str(error))
                await asyncio.sleep(next(pauses))

    def _make_pauses(self) -> Iterator[float]:
        """Return growing pauses for while the sink refuses."""
        return back_off(self._pace.first_pause, self._pace.longest_pause)

    async def _take_turn(self, lease: Lease, report: ChannelReport) -> None:
        """Wait for the lease, then read as long as it holds; raises what ends the reading."""
        await self._stand_by(lease, report)
        reading = asyncio.create_task(self._read(report), name=f"{self.name} reader")
        keeping = asyncio.create_task(lease.keep(self._pace.renewal))
        try:
            await asyncio.wait({reading, keeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(keeping)
            is_over = reading.done()
            await end(reading)
            await lease.drop()
        if is_over:
            reading.result()
        log.warning("lease.lost", channel=self.name)

    async def _stand_by(self, lease: Lease, report: ChannelReport) -> None:
        """Wait until it is our turn; a daemon that waits is well."""
        is_told = False
        while not await lease.take():
            if not is_told:
                log.info("mailbox.standby", channel=self.name)
                is_told = True
            report.up()
            report.progressed()
            await asyncio.sleep(self._pace.renewal)
        if is_told:
            log.info("mailbox.taken", channel=self.name)

    async def _read(self, report: ChannelReport) -> None:
        """Connect, and take mails; raises what ends the connection."""
        mailbox = Mailbox(self.name, self._settings, self._config, self._tokens)
        try:
            await self._log_in(mailbox)
            await self._follow(await self._open(mailbox, report), mailbox, report)
        finally:
            await mailbox.close()

    async def _log_in(self, mailbox: Mailbox) -> None:
        """Open the mailbox; after a refusal the next attempt has to wait."""
        try:
            await mailbox.open()
        except LoginRefusedError:
            self._login_at = clock.monotonic() + next(self._login_pauses)
            raise
        self._login_pauses = back_off(self._pace.first_login_pause, self._pace.longest_login_pause)

    async def _open(self, mailbox: Mailbox, report: ChannelReport) -> Reader:
        """Open the folder, and take up reading where it was left."""
        opened = await mailbox.select(self._settings.folder)
        await self._shelves.open(mailbox, opened)
        bookmark = await self._find_bookmark(opened)
        if self._trials is None:
            self._trials = Trials(crashes=bookmark.attempts)
        place = Place(
            channel=self.name,
            mailbox=mailbox,
            opened=opened,
            delivery=self._delivery,
            shelves=self._shelves,
            bookmarks=self._bookmarks,
            now=self._now,
        )
        return Reader(place, bookmark, self._trials, report)

    async def _find_bookmark(self, opened: Opened) -> Bookmark:
        """
        Return where to go on; from the start when the server has numbered its mails anew.

        That is harmless: mails are known by their content.
        """
        fresh = Bookmark(place=name_place(self._settings), epoch=opened.epoch)
        with refused_by_sink():
            bookmark = await self._bookmarks.find_bookmark(self.name, fresh.place)
        if bookmark is None:
            return fresh
        has_shrunk = 0 < opened.uid_next <= bookmark.position
        if bookmark.epoch == opened.epoch and not has_shrunk:
            return bookmark
        log.warning(
            "mailbox.renumbered",
            channel=self.name,
            folder=opened.name,
            epoch_before=bookmark.epoch,
            epoch=opened.epoch,
        )
        with refused_by_sink():
            await self._bookmarks.save_bookmark(self.name, fresh)
        return fresh

    async def _follow(self, reader: Reader, mailbox: Mailbox, report: ChannelReport) -> None:
        """Take what waits, then wait for more; for ever."""
        pauses = self._make_pauses()
        breath = 0.0
        while True:
            try:
                is_new = await reader.drain()
            except SinkError as error:
                report.refused(str(error))
                await asyncio.sleep(next(pauses))
                continue
            pauses = self._make_pauses()
            report.up()
            report.progressed()
            if not is_new:
                await asyncio.sleep(breath)
            began_at = clock.monotonic()
            await mailbox.wait(min(self._settings.poll, self._pace.idle))
            breath = max(began_at + self._pace.breath - clock.monotonic(), 0.0)


def make_delivery(
    name: ChannelName,
    settings: ImapSettings,
    config: Configuration,
    messages: Sink,
    reports: ReportSink,
) -> Delivery:
    """Return what hands over the mails of a channel."""
    desk = build_desk(name, settings, config.settings)
    return Delivery(desk, find_own_address(settings), messages, reports, Postbox(name, config))


def make_backfill(
    name: ChannelName,
    settings: ImapSettings,
    config: Configuration,
    messages: Sink,
    reports: ReportSink,
) -> tuple[Backfill, Shelves]:
    """Return what goes through a folder of the mailbox again, and where it may put mails."""
    tokens = Tokens(settings.oauth, config) if settings.oauth else None
    delivery = make_delivery(name, settings, config, messages, reports)

    def make_mailbox() -> Mailbox:
        return Mailbox(name, settings, config, tokens)

    return Backfill(make_mailbox, delivery), Shelves(name, settings)


async def probe(name: ChannelName, settings: ImapSettings, config: Configuration) -> None:
    """Connect, log in and open the folder; raises what keeps the channel from it."""
    tokens = Tokens(settings.oauth, config) if settings.oauth else None
    mailbox = Mailbox(name, settings, config, tokens)
    try:
        await mailbox.open()
        await mailbox.select(settings.folder)
        await mailbox.say_goodbye()
    finally:
        await mailbox.close()


def name_place(settings: ImapSettings) -> str:
    """
    Return what a bookmark belongs to.

    Not to the folder alone: UIDVALIDITY is 1 at many servers, and the numbers of one mailbox mean
    nothing in another one that is read in its place.
    """
    return f"{settings.username} {settings.host} {settings.folder}"


def find_own_address(settings: ImapSettings) -> str:
    """Return the mailbox's own address, or what it is called."""
    return settings.addresses[0] if settings.addresses else settings.username


async def end(task: "asyncio.Task[None]") -> None:
    """Cancel a task, and wait until it has ended in its own way; how it did is of no interest."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
