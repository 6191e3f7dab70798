"""What a channel with ``journal = true`` hands its messages to."""

import asyncio

from msgspec.structs import replace

from ingest.errors import TransientError
from ingest.journal.journal import Journal
from ingest.model import Disposition, InboundMessage, Outcome, Reason, Verdict
from ingest.ports import Sink

NOT_YET = Verdict(Disposition.HOLD, Reason.ACCEPTED)
"""Of what is kept and not judged, as of a registry that is still being read."""


class JournaledSink:
    """
    A :class:`ingest.ports.Sink` that keeps on disk what the one behind it cannot take now.

    While that fails, one message at a time is tried on it, and the others are kept at once: no
    customer waits for what the one before waited for in vain.
    """

    def __init__(self, sink: Sink, journal: Journal, *, reply: str, after: float) -> None:
        self._sink = sink
        self._journal = journal
        self._answer = Outcome(receipt="", verdict=NOT_YET, reply=reply)
        self._after = after
        self._is_away = False
        self._trying = 0
        """How many messages are being tried on the sink."""

    async def receive(self, message: InboundMessage) -> Outcome:
        """
        Return once *message* is committed, or is safe in the journal.

        A copy of what is in the journal gets the answer that the first one got. Raises
        TransientError when neither is to be had.
        """
        if self._journal.holds(message.external_id):
            return await self.keep(message, "")
        if self._is_away and self._trying:
            return await self.keep(message, "PostgreSQL is away")
        self._trying += 1
        try:
            async with asyncio.timeout(self._after):
                outcome = await self._sink.receive(message)
        except TransientError as error:
            problem = str(error)
        except TimeoutError:
            # It may still be committed. When the journal is drained, that will be found.
            problem = f"PostgreSQL did not take it within {self._after:g} s"
        else:
            self._is_away = False
            return outcome
        finally:
            self._trying -= 1
        self._is_away = True
        return await self.keep(message, problem)

    async def keep(self, message: InboundMessage, problem: str) -> Outcome:
        """Write *message* into the journal, to be answered by a message of its own later."""
        later = replace(message, reply_to=message.reply_to or message.call_back)
        try:
            await self._journal.append(later)
        except TransientError as error:
            raise TransientError(f"{problem}; {error}" if problem else str(error)) from None
        self._journal.note_opened(problem)
        return self._answer
