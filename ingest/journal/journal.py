"""The journal of one channel: what it holds, how it is written, and what is to be drained next."""

import asyncio
import contextlib
import datetime as dt
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from ingest import clock, metrics
from ingest.errors import TransientError
from ingest.journal.lines import encode_record
from ingest.journal.segment import NEW, SEGMENT, Segment, Sync, lock, sync_folder
from ingest.log import get_logger
from ingest.model import ChannelName, InboundMessage
from ingest.settings import JournalSettings

log = get_logger()

LARGEST_SEGMENT = 4 * 1024 * 1024
"""Bytes; as much may be handed over twice after a crash."""
SHORT_TEXT = 1024
"""Bytes that one takes at least, about."""
FOLDER_MODE = 0o700
MICROSECONDS = 1_000_000


class Waiting(Struct, frozen=True):
    """A record that waits to be written, and whoever waits for that."""

    message: InboundMessage
    record: bytes
    problem: "asyncio.Future[str]"
    """Empty once the record is on disk."""


class Journal:
    """What one process keeps of one channel."""

    def __init__(
        self,
        channel: ChannelName,
        folder: Path,
        settings: JournalSettings,
        *,
        now: Callable[[], dt.datetime] = clock.now,
        sync: Sync = os.fsync,
    ) -> None:
        self.channel = channel
        self.filled = asyncio.Event()
        """Set when there is something to drain."""
        self._folder = folder
        self._settings = settings
        self._now = now
        self._sync = sync
        self._sealed: list[Segment] = []
        """What nothing more is written to, oldest first."""
        self._active: Segment | None = None
        self._waiting: list[Waiting] = []
        self._in_hand: dict[str, Waiting] = {}
        """What waits or is being written, by external id."""
        self._writing: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        """Held while files are written, begun or taken over."""
        self._last_name = 0
        self._unreadable: set[Path] = set()
        """Segments that could not be taken over."""
        self._is_used = False

    @property
    def segments(self) -> list[Segment]:
        """Every segment that this process holds, oldest first."""
        return [*self._sealed, *([self._active] if self._active else [])]

    @property
    def messages(self) -> int:
        """How many messages are not committed yet."""
        return sum(len(segment.ids) for segment in self.segments)

    @property
    def size(self) -> int:
        """How many bytes are taken."""
        return sum(segment.size for segment in self.segments)

    @property
    def oldest_at(self) -> dt.datetime | None:
        """When about the oldest message arrived that is not committed yet."""
        return next((one.oldest_at for one in self.segments if one.ids), None)

    @property
    def has_room(self) -> bool:
        """Whether a short text would fit in, and on the disk."""
        try:
            self.check_disk(SHORT_TEXT)
        except OSError:
            return False
        return self.size + SHORT_TEXT <= self._settings.max_size

    def holds(self, external_id: str) -> bool:
        """Tell whether a message is in the journal, or about to be."""
        if external_id in self._in_hand:
            return True
        return any(external_id in segment.ids for segment in self.segments)

    def open(self) -> None:
        """Make the folder and take over what is in it; blocks. Raises OSError."""
        for folder in (self._folder.parent, self._folder):
            folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
            sync_folder(folder.parent, self._sync)
        self.take_over()
        # A disk that cannot be written is better known now than when it is needed.
        Segment.create(self._folder, self.name_segment(), self._sync).finish()
        self._is_used = self.messages > 0

    def take_over(self) -> None:
        """Take over the segments that nobody holds any more; blocks."""
        held = {segment.path for segment in self.segments}
        for path in sorted(self._folder.glob(f"*{SEGMENT}")):
            # Names go on behind the last one, also when the clock was set back since.
            self._last_name = max(self._last_name, read_number(path))
            if path not in held and (segment := self.adopt(path)):
                self._sealed.append(segment)
        for path in self._folder.glob(f"*{NEW}"):
            if (handle := lock(path)) is not None:
                path.unlink(missing_ok=True)
                os.close(handle)
        self._sealed.sort(key=lambda segment: segment.path.name)
        self.show()

    def adopt(self, path: Path) -> Segment | None:
        """Take one segment over; what the disk does not give back is named once, and left there."""
        try:
            segment = Segment.adopt(path, self._sync)
        except OSError:
            if path not in self._unreadable:
                log.exception("journal.failed", channel=self.channel, file=str(path))
            self._unreadable.add(path)
            return None
        self._unreadable.discard(path)
        return segment

    async def look_round(self) -> None:
        """Take over what another process has left behind since."""
        async with self._turn:
            await asyncio.to_thread(self.take_over)

    async def append(self, message: InboundMessage) -> None:
        """
        Return once *message* is on disk; raises TransientError, and then it is not.

        A message that is in the journal already, or about to be, is not written a second time.
        """
        waiting = self._in_hand.get(message.external_id)
        if waiting is None:
            if self.holds(message.external_id):
                return
            waiting = self.line_up(message)
        if problem := await asyncio.shield(waiting.problem):
            raise TransientError(problem)

    def line_up(self, message: InboundMessage) -> Waiting:
        """Let *message* be written with the next group; raises TransientError when it is full."""
        record = encode_record(message)
        taken = self.size + sum(len(one.record) for one in self._in_hand.values())
        if taken + len(record) > self._settings.max_size:
            raise TransientError(
                f"the journal is full: found {taken} bytes in it, wanted room for {len(record)} "
                f"within journal.max_size = {self._settings.max_size}"
            )
        waiting = Waiting(message, record, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._in_hand[message.external_id] = waiting
        if self._writing is None:
            self._writing = asyncio.create_task(self.write_waiting(), name="journal write")
        return waiting

    async def write_waiting(self) -> None:
        """Write group after group, each with one fsync, until nothing waits."""
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                problem = await self.write_group(group)
                for one in group:
                    del self._in_hand[one.message.external_id]
                    one.problem.set_result(problem)
                self.show()
        finally:
            self._writing = None

    async def write_group(self, group: Sequence[Waiting]) -> str:
        """Write a group through to the disk; return what was in the way, or nothing."""
        async with self._turn:
            try:
                segment = await asyncio.to_thread(self.write, [one.record for one in group])
            except OSError as error:
                return f"the journal in {self._folder} cannot be written: {error.strerror or error}"
            except Exception as error:
                log.exception("journal.failed", channel=self.channel)
                return f"a fault of ours in the journal: {error!r}"
            for one in group:
                segment.note(one.message)
            return ""

    def write(self, records: Sequence[bytes]) -> Segment:
        """Append *records* to the active segment, or to a new one; blocks. Raises OSError."""
        data = b"".join(records)
        self.check_disk(len(data))
        if self._active is not None and self._active.size + len(data) > LARGEST_SEGMENT:
            self.seal()
        if self._active is None:
            self._active = Segment.create(self._folder, self.name_segment(), self._sync)
        segment = self._active
        try:
            segment.append(data)
        except OSError:
            self.seal()
            raise
        return segment

    def check_disk(self, size: int) -> None:
        """Raise OSError when too little of the disk would be left: PostgreSQL may live there."""
        disk = os.statvfs(self._folder)
        free = disk.f_bavail * disk.f_frsize
        if free - size < self._settings.min_free:
            raise OSError(
                f"found {free} bytes free on its disk, wanted journal.min_free = "
                f"{self._settings.min_free} left"
            )

    def name_segment(self) -> str:
        """Return a name that is no other's and sorts behind the last."""
        moment = int(self._now().timestamp() * MICROSECONDS)
        self._last_name = max(self._last_name + 1, moment)
        return f"{self._last_name:017}-{secrets.token_hex(4)}"

    def seal(self) -> None:
        """Write no more to the active segment; blocks."""
        if self._active is None:
            return
        if self._active.ids:
            self._sealed.append(self._active)
        else:
            with contextlib.suppress(OSError):
                self._active.finish()
        self._active = None

    def list_sealed(self) -> list[Segment]:
        """Return what can be drained, oldest first."""
        return list(self._sealed)

    async def list_rest(self) -> list[Segment]:
        """Seal what is written to at present, so that it can be drained too, and return it."""
        async with self._turn:
            before = len(self._sealed)
            await asyncio.to_thread(self.seal)
            return self._sealed[before:]

    async def finish(self, segment: Segment) -> None:
        """Delete a segment that is drained."""
        await asyncio.to_thread(segment.finish)
        self._sealed.remove(segment)
        self.show()

    def note_opened(self, problem: str) -> None:
        """Log once that messages are kept here instead of being committed."""
        if not self._is_used:
            self._is_used = True
            log.warning("journal.opened", channel=self.channel, problem=problem)

    def note_drained(self, count: int) -> None:
        """Log once that nothing is kept here any more."""
        if self._is_used:
            self._is_used = False
            log.info("journal.drained", channel=self.channel, messages=count)

    def show(self) -> None:
        """Show on /metrics what the journal holds; let it be drained."""
        messages, oldest_at = self.messages, self.oldest_at
        age = (self._now() - oldest_at).total_seconds() if oldest_at else 0.0
        metrics.JOURNAL_MESSAGES.labels(self.channel).set(messages)
        metrics.JOURNAL_BYTES.labels(self.channel).set(self.size)
        metrics.JOURNAL_OLDEST_SECONDS.labels(self.channel).set(max(age, 0.0))
        if messages:
            self.filled.set()
        else:
            self.filled.clear()

    async def close(self) -> None:
        """Finish what is being written and let go of every segment."""
        if self._writing is not None:
            await self._writing
        async with self._turn:
            await asyncio.to_thread(self.seal)
            for segment in self._sealed:
                segment.close()
            self._sealed = []


def read_number(path: Path) -> int:
    """Return the number that a segment's name begins with; 0 for a name that is not ours."""
    number = path.name.partition("-")[0]
    return int(number) if number.isascii() and number.isdecimal() else 0
