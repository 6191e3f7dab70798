"""
Fetches a partner's files by SFTP into the channel's own folder, and takes the answers back there.

Rule 1. One daemon at a time, by a lease in the database. Rule 2. A file is fetched once it has
rested, whole, and only if it is the same after as before; a side file is awaited there as here.
Rule 3. What was fetched is remembered in
the database, by name, size and time; forgetting it is harmless, the content is known as a repeat.
Rule 4. Only after that is the file there touched.
"""

import asyncio
import contextlib
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable

from ingest import clock
from ingest.channels.deposits import (
    ANSWERS,
    CHECKSUMS,
    Deposit,
    Letterbox,
    TooLargeError,
    show_name,
)
from ingest.channels.registry.schedule import find_pause
from ingest.channels.registry.sftp import Listing, RefusedError, Remote, Server, connect
from ingest.channels.registry.side_files import ENDINGS, cut_ending, find_side
from ingest.channels.registry.threads import in_thread
from ingest.channels.registry.whereabouts import find_answer, list_answered
from ingest.config import Configuration
from ingest.errors import ConfigError, PermanentError, TransientError
from ingest.log import get_logger
from ingest.model import Bookmark, ChannelName
from ingest.ports import Bookmarks
from ingest.retry import back_off
from ingest.settings import RegistrySettings

LEASE = 120.0
RENEW_AFTER = 30.0
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 300.0
"""Seconds between attempts while the server cannot be used."""
LOOK_FOR_ANSWERS = 15.0
"""Seconds between looks for answers that are owed to the server."""
MOST_ANSWERS = 1000
OWED, SENT = 0, 1

log = get_logger()


class Fetcher:
    """Fetches the files of one channel."""

    def __init__(
        self,
        name: ChannelName,
        settings: RegistrySettings,
        config: Configuration,
        letterbox: Letterbox,
        bookmarks: Bookmarks,
    ) -> None:
        if settings.sftp is None:
            raise ConfigError(f"channels.{name}.sftp: this table is missing")
        self.name = name
        self.now: Callable[[], dt.datetime] = clock.now
        self.on_change: Callable[[], None] = lambda: None
        """Called when a file has come, or when something is in the way, or no longer is."""
        self.problem = ""
        """What keeps files from being fetched; empty when nothing does."""
        self._settings = settings.sftp
        self._endings = ENDINGS[settings.complete]
        self._wants_checksum = settings.complete == "checksum-file"
        self._config = config
        self._letterbox = letterbox
        self._bookmarks = bookmarks
        self._holder = uuid.uuid4().hex
        self._leased_at = 0.0
        self._mentioned: set[str] = set()
        self._problems: list[str] = []
        self._unowed: set[str] = set()
        """Answers that need not be put there, or were."""

    async def run(self) -> None:
        """Look by the schedule until cancelled; while that fails, more and more rarely."""
        retries = back_off(FIRST_PAUSE, LONGEST_PAUSE)
        while True:
            if await self.try_look():
                retries = back_off(FIRST_PAUSE, LONGEST_PAUSE)
                pause = find_pause(self._settings, self.now(), self._config.zone)
            else:
                pause = next(retries)
            await self.wait(pause)

    async def wait(self, pause: float) -> None:
        """Wait, and come back early when an answer is owed."""
        until = clock.monotonic() + pause
        while (left := until - clock.monotonic()) > 0:
            await asyncio.sleep(min(left, LOOK_FOR_ANSWERS) if self._settings.results else left)
            try:
                if self._settings.results and not self.problem and await self.list_owed():
                    return
            except TransientError:
                continue  # the next look will tell

    async def try_look(self) -> bool:
        """Look once, and note how it went."""
        try:
            problem = await self.look()
        except (TransientError, PermanentError, OSError) as error:
            problem = f"sftp {self._settings.host}: {error}"
        except Exception as error:  # a fault of ours must not end the channel
            log.exception("fetch.failed", channel=self.name)
            problem = f"sftp {self._settings.host}: a fault of ours: {error!r}"
        if problem != self.problem:
            self.problem = problem
            self.on_change()
        return not problem

    async def look(self) -> str:
        """Fetch what is there, unless another daemon does; return what could not be fetched."""
        if not await self.take_lease():
            return ""
        try:
            async with connect(self._settings, self._config) as server:
                problems = await self.fetch_all(server)
                await self.put_answers(server)
        finally:
            await self.drop_lease()
        return "; ".join(problems)

    async def take_lease(self) -> bool:
        """Take the lease, or renew it; False while another daemon has it."""
        self._leased_at = clock.monotonic()
        return await self._bookmarks.take_lease(f"sftp:{self.name}", self._holder, LEASE)

    async def drop_lease(self) -> None:
        """Let go of the lease; where the database is away it ends by itself."""
        with contextlib.suppress(TransientError):
            await self._bookmarks.drop_lease(f"sftp:{self.name}", self._holder)

    async def keep_lease(self) -> None:
        """Renew the lease when it is time; raises TransientError when another daemon has it."""
        if clock.monotonic() - self._leased_at > RENEW_AFTER and not await self.take_lease():
            raise TransientError("another daemon fetches from there by now")

    async def fetch_all(self, server: Server) -> list[str]:
        """Fetch what has come and rested; return what stood in the way of single files."""
        listing = await server.list_files()
        self.mention(listing.odd)
        fetched: list[Remote] = []
        fresh: list[Remote] = []
        for remote in listing.files:
            if not self.is_complete(remote.name, listing):
                continue
            (fetched if await self.is_fetched(remote) else fresh).append(remote)
        if fresh and self._settings.settle:
            await asyncio.sleep(self._settings.settle)
        for remote in fetched:
            await self.attempt(remote, self.tidy_up(server, remote, listing))
        for remote in fresh:
            await self.attempt(remote, self.fetch(server, remote, listing))
        problems, self._problems = self._problems, []
        return problems

    async def attempt(self, remote: Remote, work: Awaitable[None]) -> None:
        """Do something about one file; what is wrong with it must not stop the others."""
        try:
            await work
        except (RefusedError, TooLargeError) as error:
            self._problems.append(f"{show_name(remote.name)}: {error}")

    def is_complete(self, name: str, listing: Listing) -> bool:
        """Tell whether a file is one of readings, and what it waits for is there."""
        if not self._endings:
            return True
        if name.lower().endswith(self._endings):
            return False
        return bool(find_side(name, listing.sides, self._endings))

    def mention(self, odd: list[str]) -> None:
        """Log once what cannot be fetched: links, folders, names that are none."""
        for name in set(odd) - self._mentioned:
            log.warning("registry.skipped", channel=self.name, file=show_name(name))
        self._mentioned = set(odd)

    def find_place(self, name: str) -> str:
        """Return what a file is remembered by."""
        return f"sftp:{show_name(self._settings.directory)}/{show_name(name)}"

    async def is_fetched(self, remote: Remote) -> bool:
        """Tell whether this very file was fetched before."""
        await self.keep_lease()
        mark = await self._bookmarks.find_bookmark(self.name, self.find_place(remote.name))
        return mark is not None and (mark.epoch, mark.position) == (remote.modified, remote.size)

    async def fetch(self, server: Server, remote: Remote, listing: Listing) -> None:
        """Fetch a file unless it is still being written; with its checksum where one is wanted."""
        side = find_side(remote.name, listing.sides, CHECKSUMS) if self._wants_checksum else ""
        deposit = await self.copy(server, remote, remote.name, vouched=not side)
        if deposit is None:
            return  # the next look finds it at rest, or gone
        if side and (found := await server.find(side)):
            ending = cut_ending(side)
            await self.copy(server, found, f"{deposit.name}{side[len(ending) :]}", vouched=False)
        log.info(
            "registry.deposited",
            channel=self.name,
            file=show_name(deposit.name),
            way="sftp",
            size=deposit.size,
            again=not deposit.is_new,
        )
        await self.remember(remote, deposit.name)
        self.on_change()
        await self.tidy_up(server, remote, listing)

    async def copy(
        self, server: Server, remote: Remote, name: str, *, vouched: bool
    ) -> Deposit | None:
        """Copy one file into the folder; None when it is another than it was before."""
        await self.keep_lease()
        if await server.find(remote.name) != remote:
            return None
        incoming = await in_thread(self._letterbox.open, name, remote.size, vouched=vouched)
        try:
            async with contextlib.aclosing(server.fetch(remote, incoming)) as sizes:
                async for _ in sizes:
                    await self.keep_lease()
            if incoming.size != remote.size or await server.find(remote.name) != remote:
                return None
            return await in_thread(incoming.finish)
        finally:
            await in_thread(incoming.discard)

    async def remember(self, remote: Remote, stem: str) -> None:
        """Note that a file was fetched, and that its answer is owed."""
        if self._settings.results:
            await self.note_answer(stem, OWED)
            self._unowed.discard(stem)
        place = self.find_place(remote.name)
        await self._bookmarks.save_bookmark(
            self.name, Bookmark(place=place, epoch=remote.modified, position=remote.size)
        )

    async def tidy_up(self, server: Server, remote: Remote, listing: Listing) -> None:
        """Do with a fetched file what was asked for, and with its side file."""
        action, _, directory = self._settings.after.partition(":")
        if action == "keep" or await server.find(remote.name) != remote:
            return  # another has its name by now, which nobody has fetched
        side = find_side(remote.name, listing.sides, self._endings)
        for name in filter(None, (remote.name, side)):
            if action == "delete":
                await server.remove(name)
            elif action == "move":
                await server.move(name, directory)

    async def note_answer(self, stem: str, position: int) -> None:
        """Remember whether the answer to a file is owed to the server, or was put there."""
        place = f"answer:{show_name(stem)}"
        await self._bookmarks.save_bookmark(self.name, Bookmark(place=place, position=position))

    async def list_owed(self) -> list[str]:
        """List the answers that are there and were not put on the server."""
        answered = await in_thread(list_answered, self._letterbox.root, MOST_ANSWERS)
        owed = []
        for one in answered:
            if one.name in self._unowed:
                continue
            place = f"answer:{show_name(one.name)}"
            mark = await self._bookmarks.find_bookmark(self.name, place)
            if mark is not None and mark.position == OWED:
                owed.append(one.name)
            else:
                self._unowed.add(one.name)
        return owed

    async def put_answers(self, server: Server) -> None:
        """Put the answers to fetched files on the server."""
        for stem in await self.list_owed() if self._settings.results else ():
            for suffix in ANSWERS:  # the summary is the last, as in out/
                path = await in_thread(find_answer, self._letterbox.root, stem, suffix)
                if path is not None:
                    await server.put(path, self._settings.results)
                    await self.keep_lease()
            await self.note_answer(stem, SENT)
            self._unowed.add(stem)
            log.info("registry.returned", channel=self.name, file=show_name(stem))
