"""
The protocols between the channels and the rest: what each side may rely on.

A channel is built without touching the network, gets its sink, and is run by the daemon.
"""

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from aiohttp import web
from msgspec import Struct

from ingest.model import (
    Acknowledgement,
    Bookmark,
    BoxedFate,
    BoxedReply,
    BoxedText,
    ChannelName,
    Delivery,
    DeliveryReport,
    InboundMessage,
    InboundRegistry,
    LineResult,
    MessagePart,
    Outcome,
    PartSeries,
    RegistryChunk,
    RegistryLine,
    RegistryProgress,
    Verdict,
)
from ingest.transactions import RecordedAnswer, RecordedOperation, TerminalOperation


class Sink(Protocol):
    """Where a channel hands over what arrived."""

    async def receive(self, message: InboundMessage) -> Outcome:
        """
        Return once *message*, its readings and the reply owed are committed together.

        Only then may the channel say OK upstream. The same ``(channel, external_id)`` again gets
        the first outcome, word for word, with ``again`` set. Raises :exc:`TransientError` when
        nothing is known to be committed: the channel must refuse for now. Cancelling the caller
        does not undo a commit.
        """


class RegistrySink(Protocol):
    """Where a channel hands over registries, chunk by chunk."""

    async def open_registry(self, registry: InboundRegistry) -> RegistryProgress:
        """Return where to go on: line 0 of a new registry, later for one begun before."""

    async def receive_chunk(
        self, progress: RegistryProgress, chunk: RegistryChunk
    ) -> RegistryProgress:
        """
        Commit *chunk* with the position reached; return the new position.

        Chunks of one registry come in order. Raises :exc:`TransientError` when nothing is known
        to be committed: open the registry again to learn the position.
        """

    async def foresee_chunk(self, progress: RegistryProgress, chunk: RegistryChunk) -> None:
        """
        Look at the chunk that comes next while the one before it is being committed.

        To save time; nothing has to come of it, and nothing of it shows.
        """

    async def try_lines(
        self, progress: RegistryProgress, lines: Sequence[RegistryLine]
    ) -> Mapping[Verdict, int]:
        """Judge lines of an open registry as they would be now; count verdicts, record nothing."""

    async def await_decision(self, progress: RegistryProgress, problem: str) -> RegistryProgress:
        """Stop a registry of which nothing is committed, because of *problem*: a person decides."""

    async def find_decision(self, progress: RegistryProgress) -> RegistryProgress:
        """Return how far a registry is by now, and what was decided about it."""

    async def finish_registry(self, progress: RegistryProgress, problem: str = "") -> Outcome:
        """
        Close the registry for good and return the outcome of the whole.

        With a *problem* (a control count that fails) none of its readings counts. What is already
        finished is left as it is, and its first outcome returned.
        """

    def list_results(self, progress: RegistryProgress) -> AsyncIterator[Sequence[LineResult]]:
        """Yield the results of all data lines by line number, in batches."""

    async def count_results(self, progress: RegistryProgress) -> Mapping[str, int]:
        """Count the data lines that are committed by now, by what became of them."""

    async def owe_results(
        self, progress: RegistryProgress, addresses: Sequence[str], subject: str, body: str
    ) -> None:
        """Owe each address the results of a closed registry; asked again, nothing more is owed."""


class ReportSink(Protocol):
    """Where a channel hands over what became of acknowledgements that were sent."""

    async def record_report(self, report: DeliveryReport) -> bool:
        """
        Keep *report* with its acknowledgement; return whether that is one of ours.

        The same report again changes nothing. Raises :exc:`TransientError` when nothing is known
        to be kept.
        """

    async def record_silence(self, receipt: str, detail: str) -> None:
        """Note with a message that its answer is not given, and why; raises TransientError."""


class Bookmarks(Protocol):
    """How far each place has been read, and who reads it now; both in the database."""

    async def find_bookmark(self, channel: ChannelName, place: str) -> Bookmark | None:
        """Return where reading goes on; None where nothing was ever read."""

    async def save_bookmark(self, channel: ChannelName, bookmark: Bookmark) -> None:
        """Put *bookmark* in the place of the one before it."""

    async def take_lease(self, name: str, holder: str, seconds: float) -> bool:
        """
        Take or renew the lease *name* by the database's clock; False while another holds it.

        *holder* is unique to one run of one process.
        """

    async def drop_lease(self, name: str, holder: str) -> None:
        """Let go of a lease, so that another need not wait for its end; no harm when it is lost."""


class TextBox(Protocol):
    """The inbox and outbox of a program that has a telephone, in a database of its own."""

    async def list_inbox(self, limit: int) -> list[BoxedText]:
        """Return what was received and is not marked, oldest first."""

    async def mark_inbox(self, ids: Sequence[int]) -> None:
        """Note that these texts are committed here, so that they are not listed again."""

    async def send_text(self, text: BoxedReply) -> int:
        """Hand *text* over and return its id there; the same ``reply_id`` again sends nothing."""

    async def list_fates(self, position: int, limit: int) -> list[BoxedFate]:
        """Return what became of our texts at *position* and later, oldest first."""

    async def aclose(self) -> None:
        """Let go of every connection."""


class Parts(Protocol):
    """
    Parts of long texts, until all are there or the time for it is up.

    Which parts become one message is decided once, in the database. Handing that message over may
    be repeated: its external id follows from the parts.
    """

    async def keep_part(self, part: MessagePart) -> PartSeries:
        """
        Keep *part* and return its series; a part that is kept already changes nothing.

        Raises :exc:`TransientError` when nothing is known to be kept.
        """

    async def close_overdue(self, channel: ChannelName, before: dt.datetime) -> list[PartSeries]:
        """Let what waits since *before* become messages as it is, and return it."""

    async def list_unsettled(self, channel: ChannelName, before: dt.datetime) -> list[PartSeries]:
        """Return what became a message, its last part before *before*, and was not settled."""

    async def settle_series(self, channel: ChannelName, joined_as: str) -> None:
        """Note that the message *joined_as* is committed."""


class Operations(Protocol):
    """
    What terminals of partners asked for, and what they were answered; both in the database.

    Everything here may be repeated. Raises :exc:`TransientError` when nothing is known to be kept.
    """

    async def open_operation(self, operation: TerminalOperation) -> RecordedOperation:
        """Keep *operation*, or return what is kept under its id, whatever its content."""

    async def settle_operation(self, number: int, answer: RecordedAnswer) -> RecordedOperation:
        """Keep *answer* unless there is one already; return the operation with the one kept."""

    async def find_operation(
        self, channel: ChannelName, transaction_id: str, number: int = 0
    ) -> RecordedOperation | None:
        """Return a payment or submission by the partner's id, or by our *number*."""

    async def list_payments(
        self, channel: ChannelName, since: dt.datetime, until: dt.datetime
    ) -> list[RecordedOperation]:
        """Return the payments of a period that were answered and not cancelled since."""

    async def list_registers(self, account: str) -> dict[int, int]:
        """Return what counts for *account* in the latest period that it has, by register."""


class Sinks(Struct, frozen=True):
    """What channels hand over to, and what they ask; each takes what it needs."""

    messages: Sink
    registries: RegistrySink
    bookmarks: Bookmarks
    reports: ReportSink
    parts: Parts
    operations: Operations


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Route(Struct, frozen=True):
    """One HTTP route that a channel answers."""

    method: str
    path: str
    """Absolute, beneath ``/channels/NAME``."""
    handler: Handler


class Channel(Protocol):
    """A way in. Constructing it touches no network; ``run`` does."""

    name: ChannelName

    @property
    def routes(self) -> Sequence[Route]:
        """What the channel answers on the HTTP listener; empty for most."""

    async def run(self, report: "ChannelReport") -> None:
        """
        Serve until cancelled; then finish what was received and let go of every resource.

        Raises :exc:`TransientError` or :exc:`PermanentError` when it cannot go on; the daemon
        starts it again after a pause.
        """


class ChannelReport(Protocol):
    """How a channel tells the daemon how it fares."""

    def up(self) -> None:
        """Say that the channel can take messages, or again can."""

    def progressed(self) -> None:
        """Say that one cycle of work ended well; silence for long is an alarm."""

    def lost(self, problem: str) -> None:
        """Say that the channel cannot take messages now, and why; logged once until ``up``."""

    def refused(self, problem: str) -> None:
        """
        Say that its sink refuses; the channel itself is well.

        Logged as ``lost`` is. The daemon finds out by itself when the sink takes messages again.
        """


class Sender(Protocol):
    """A way out for acknowledgements."""

    @property
    def is_repeatable(self) -> bool:
        """Whether an attempt that ended nobody knows how may be repeated without harm."""

    async def send(self, acknowledgement: Acknowledgement) -> Delivery:
        """Try once, within a time limit of its own; never raises for what the upstream does."""
