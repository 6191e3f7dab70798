"""Hands what a journal holds over to the intake, oldest first, until nothing is left."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from ingest.errors import TransientError
from ingest.journal.journal import Journal
from ingest.journal.segment import Segment
from ingest.log import get_logger
from ingest.model import InboundMessage
from ingest.ports import Sink
from ingest.retry import back_off, wait_for

log = get_logger()

BATCH = 200
"""Messages that are handed over at once, to be committed together."""
MOST_FAILURES = 3
"""One after the other; then it is not the message that is at fault."""
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 5.0
"""Seconds between two tries while PostgreSQL is away."""
LOOK_EVERY = 60.0
"""Seconds after which an empty journal looks for what another process left behind."""


class Drain:
    """Drains one journal into one sink."""

    def __init__(
        self, journal: Journal, sink: Sink, owe: Callable[[InboundMessage], Awaitable[object]]
    ) -> None:
        """*owe* sends the verdict on a message that was committed while nobody could be told."""
        self._journal = journal
        self._sink = sink
        self._owe = owe
        self._failures = 0
        self._drained = 0
        self._problem: OSError | None = None
        """What the disk said last to a segment that could not be read or deleted."""

    async def run(self) -> None:
        """Drain until cancelled."""
        pauses = back_off(FIRST_PAUSE, LONGEST_PAUSE)
        while True:
            if not self._journal.messages:
                await wait_for(self._journal.filled, LOOK_EVERY)
            if await self.try_drain():
                pauses = back_off(FIRST_PAUSE, LONGEST_PAUSE)
            else:
                await asyncio.sleep(next(pauses))

    async def try_drain(self) -> bool:
        """Drain as far as it goes now; tell whether it went anywhere."""
        before = self._drained
        try:
            await self._journal.look_round()
            await self.drain()
        except Exception:  # a disk that cannot be read, a fault of ours: what is kept stays kept
            log.exception("journal.failed", channel=self._journal.channel)
            await asyncio.sleep(LOOK_EVERY)
        self._journal.show()
        if self._journal.messages:
            return self._drained > before
        self._journal.note_drained(self._drained)
        self._drained = 0
        return True

    async def drain(self) -> None:
        """
        Go once through everything that can be drained, in order.

        A message that the sink cannot take, while it takes others, is passed over and tried again
        the next time; several in a row mean that PostgreSQL is away. So is a segment that the disk
        does not give back or let go: OSError is raised for it in the end.
        """
        self._failures, self._problem = 0, None
        for segment in self._journal.list_sealed():
            await self.drain_segment(segment)
            if self._failures >= MOST_FAILURES:
                return
        for segment in await self._journal.list_rest():
            await self.drain_segment(segment)
        if self._problem is not None:
            raise self._problem

    async def drain_segment(self, segment: Segment) -> None:
        """Drain one segment; a fault of the disk there stops no other."""
        try:
            await self.empty(segment)
        except OSError as error:
            self._problem = error

    async def empty(self, segment: Segment) -> None:
        """Hand over what is left in a segment; delete it when nothing is."""
        messages = await asyncio.to_thread(segment.load)
        for start in range(0, len(messages), BATCH):
            await self.hand_over(segment, messages[start : start + BATCH])
            if self._failures >= MOST_FAILURES:
                return
        if not segment.ids:
            await self._journal.finish(segment)

    async def hand_over(self, segment: Segment, batch: Sequence[InboundMessage]) -> None:
        """Hand a batch over, and one by one what did not go with it."""
        done = await asyncio.gather(*(self.receive(segment, message) for message in batch))
        if all(done):
            self._failures = 0
            return
        for message in [one for one, is_done in zip(batch, done, strict=True) if not is_done]:
            self._failures = 0 if await self.receive(segment, message) else self._failures + 1
            if self._failures >= MOST_FAILURES:
                return

    async def receive(self, segment: Segment, message: InboundMessage) -> bool:
        """Hand one message over; tell whether it is committed."""
        try:
            outcome = await self._sink.receive(message)
            if outcome.again and message.reply_to is not None:
                # It was committed before without an address: the sender has heard nothing but that
                # it is being checked.
                await self._owe(message)
        except TransientError:
            return False
        segment.ids.discard(message.external_id)
        self._drained += 1
        return True
