"""One partner's folder: locked, watched, and taken from in order of arrival; its other ways in."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Protocol

from watchfiles import awatch

from ingest import clock
from ingest.channels.deposits import Letterbox, show_name
from ingest.channels.registry.desk import Desk
from ingest.channels.registry.folders import Claimed, Settling, open_regular
from ingest.channels.registry.http import build_uploads
from ingest.channels.registry.passage import Passage
from ingest.channels.registry.progress import WatchedSink
from ingest.channels.registry.side_files import Complete, SideFiles
from ingest.channels.registry.threads import in_thread
from ingest.channels.registry.troubles import Troubles
from ingest.config import Configuration
from ingest.errors import PermanentError, TransientError
from ingest.log import get_logger
from ingest.model import ChannelName
from ingest.ports import Bookmarks, ChannelReport, RegistrySink, Route
from ingest.retry import wait_for
from ingest.settings import RegistrySettings

LONGEST_PAUSE = 60.0
"""Seconds between attempts at most."""
PATIENCE = 10
"""Times in a row that the sink may put a file off before later files may pass it."""
NOTICE_STEP = 200
"""Milliseconds in which notices of the operating system are gathered."""

log = get_logger()


class Courier(Protocol):
    """What brings files from elsewhere."""

    problem: str
    """What keeps it from that; empty when nothing does."""

    async def run(self) -> None:
        """Bring files until cancelled."""


class RegistryChannel:
    """One partner's folder."""

    def __init__(
        self,
        name: ChannelName,
        settings: RegistrySettings,
        config: Configuration,
        sink: RegistrySink,
        *,
        now: Callable[[], dt.datetime] = clock.now,
    ) -> None:
        self.name = name
        self._settings = settings
        self._config = config
        watched = WatchedSink(sink)
        self._desk = Desk(name, settings, config, watched, now)
        self._folders = self._desk.folders
        self._stirred = asyncio.Event()
        self._letterbox = Letterbox(self._folders.root, settings)
        self._uploads = build_uploads(name, settings, config, self._letterbox, watched)
        if self._uploads is not None:
            self._uploads.on_arrival = self._stirred.set
        self._fetcher: Courier | None = None
        self._settling = Settling(settings.settle)
        self._troubles = Troubles(name, LONGEST_PAUSE)
        self._sides = SideFiles(settings, self._folders.incoming)
        self._mentioned: set[str] = set()
        self._waiting: set[str] = set()

    def fetch_with(self, bookmarks: Bookmarks) -> None:
        """Fetch from the partner's server as well; before the channel runs."""
        # asyncssh takes 16 MB and a fifth of a second; commands and most daemons do without it.
        from ingest.channels.registry.fetching import Fetcher  # noqa: PLC0415 -- see above

        fetcher = Fetcher(self.name, self._settings, self._config, self._letterbox, bookmarks)
        fetcher.on_change = self._stirred.set
        self._fetcher = fetcher

    def set_longest_pause(self, seconds: float) -> None:
        """Limit the pauses between attempts; before the channel runs."""
        self._troubles = Troubles(self.name, seconds)

    @property
    def routes(self) -> Sequence[Route]:
        """What the channel answers on the HTTP listener, where files may be uploaded."""
        return () if self._uploads is None else self._uploads.routes

    async def run(self, report: ChannelReport) -> None:
        """Serve every way in until cancelled; the chunk in hand is finished first."""
        if self._uploads is not None:
            self._uploads.open()
        try:
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self.run_folder(report), name=f"{self.name} folder")
                if self._fetcher is not None:
                    ways.create_task(self._fetcher.run(), name=f"{self.name} sftp")
        finally:
            if self._uploads is not None:
                self._uploads.close()

    async def run_folder(self, report: ChannelReport) -> None:
        """Serve the folder until cancelled."""
        while True:
            try:
                with self._folders.exclusive():
                    await self.serve(report)
            except (TransientError, OSError) as error:
                report.lost(str(error))
            await asyncio.sleep(self._settings.poll)

    async def serve(self, report: ChannelReport) -> None:
        """Look into the folder whenever it stirs, and every so often in any case."""
        stirred, stop = self._stirred, asyncio.Event()
        watcher = asyncio.create_task(self.watch(stirred, stop), name=f"{self.name} watcher")
        try:
            pauses: Iterator[float] = self._troubles.make_pauses()
            while True:
                stirred.clear()
                if await self.try_cycle(report):
                    pauses = self._troubles.make_pauses()
                    await wait_for(stirred, self.find_wait())
                else:
                    await asyncio.sleep(next(pauses))
        finally:
            stop.set()
            await watcher

    async def watch(self, stirred: asyncio.Event, stop: asyncio.Event) -> None:
        """Set *stirred* on notices of the operating system; while there are none the poll does."""
        told = False
        while not stop.is_set():
            try:
                async for _ in self.list_notices(stop):
                    stirred.set()
            except Exception as error:  # noqa: BLE001 -- a name that is no UTF-8 is enough
                if not told:
                    log.warning("folder.unwatched", channel=self.name, problem=repr(error))
                told = True
                stirred.set()
                await wait_for(stop, self._settings.poll)

    def list_notices(self, stop: asyncio.Event) -> AsyncIterator[object]:
        """Yield whenever something happened in ``in/``."""
        return awatch(
            self._folders.incoming,
            watch_filter=None,
            recursive=False,
            step=NOTICE_STEP,
            stop_event=stop,
        )

    def find_wait(self) -> float:
        """Return the seconds until the next look is due."""
        at = clock.monotonic()
        waits = [self._settings.poll, *(due - at for due in self._troubles.list_due())]
        if (settles := self._settling.wait(at)) is not None:
            waits.append(settles)
        return max(min(waits), 0.01)

    async def try_cycle(self, report: ChannelReport) -> bool:
        """Run one cycle and report how it went; False when the next one should wait for longer."""
        try:
            await self.run_cycle(report)
        except (TransientError, OSError) as error:
            report.lost(str(error))
            return False
        problems = [str(self._troubles), self._fetcher.problem if self._fetcher else ""]
        if problem := "; ".join(filter(None, problems)):
            report.lost(problem)
        else:
            report.up()
        report.progressed()
        return True

    async def run_cycle(self, report: ChannelReport) -> None:
        """Take what is at work since before, then what has settled; each in order of arrival."""
        await in_thread(self._folders.create)
        found, others = await in_thread(self._folders.look)
        self.mention(others)
        at_work = await in_thread(self._folders.list_claimed)
        self._troubles.keep_only({one.path.name for one in at_work} | {one.name for one in found})
        for one in at_work:
            await self.attend(one, report)
        rested = self._settling.observe(found, clock.monotonic())
        complete, waiting = await in_thread(self._sides.sort, rested)
        self.mention_waiting(waiting)
        for fresh in complete:
            claimed = await self.claim(fresh)
            if claimed is not None:
                await self.attend(claimed, report)

    def mention(self, others: Sequence[str]) -> None:
        """Log once what lies in ``in/`` and is no file: links, pipes, folders, devices."""
        for name in set(others) - self._mentioned:
            log.warning("registry.skipped", channel=self.name, file=show_name(name))
        self._mentioned = set(others)

    def mention_waiting(self, waiting: Sequence[str]) -> None:
        """Log once which files are at rest and lack what must come with them."""
        for name in set(waiting) - self._waiting:
            log.warning("registry.waiting", channel=self.name, file=show_name(name))
        self._waiting = set(waiting)

    async def claim(self, complete: Complete) -> Claimed | None:
        """Move a file out of its sender's reach; None when that cannot be done now."""
        found = complete.found
        if not self._troubles.is_due(found.name, clock.monotonic()):
            return None
        try:
            claimed = await in_thread(self._folders.claim, found, complete.beside, complete.shared)
        except OSError as error:
            self._troubles.note(found.name, found.name, error, clock.monotonic())
            return None
        self._troubles.forget(found.name)
        return claimed

    async def attend(self, claimed: Claimed, report: ChannelReport) -> None:
        """Process one file; what goes wrong with it must not stop the others."""
        key = claimed.path.name
        if not self._troubles.is_due(key, clock.monotonic()):
            return
        try:
            if not await self._desk.is_put_off(claimed):
                await self.process(claimed, report)
        except TransientError as error:
            trouble = self._troubles.note(key, claimed.name, error, clock.monotonic())
            if trouble.failures < PATIENCE:
                trouble.not_before = 0.0
                raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is logged and tried again
            self._troubles.note(key, claimed.name, error, clock.monotonic())
        else:
            self._troubles.forget(key)

    async def process(self, claimed: Claimed, report: ChannelReport) -> None:
        """Take one file from ``work/`` to its answer."""
        try:
            file = await in_thread(open_regular, claimed.path)
        except PermanentError as error:
            log.warning("registry.skipped", channel=self.name, problem=str(error))
            await in_thread(self._folders.set_aside, claimed)
            await in_thread(self._folders.clear_beside, claimed)
            return
        with file:
            is_answered = await Passage(self._desk, claimed, file, report).run()
        if not is_answered:
            return
        await in_thread(self._folders.clear_beside, claimed)
        self._desk.forget(claimed)
