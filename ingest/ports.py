"""
The protocols between the channels and the rest: what each side may rely on.

A channel is built without touching the network, gets its sink, and is run by the daemon.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

from aiohttp import web
from msgspec import Struct

from ingest.model import (
    Acknowledgement,
    Bookmark,
    ChannelName,
    Delivery,
    DeliveryReport,
    InboundMessage,
    InboundRegistry,
    LineResult,
    Outcome,
    RegistryChunk,
    RegistryProgress,
)


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

    async def finish_registry(self, progress: RegistryProgress, problem: str = "") -> Outcome:
        """
        Close the registry for good and return the outcome of the whole.

        With a *problem* (a control count that fails) none of its readings counts. What is already
        finished is left as it is, and its first outcome returned.
        """

    def list_results(self, progress: RegistryProgress) -> AsyncIterator[Sequence[LineResult]]:
        """Yield the results of all data lines by line number, in batches."""


class ReportSink(Protocol):
    """Where a channel hands over what became of acknowledgements that were sent."""

    async def record_report(self, report: DeliveryReport) -> bool:
        """
        Keep *report* with its acknowledgement; return whether that is one of ours.

        The same report again changes nothing. Raises :exc:`TransientError` when nothing is known
        to be kept.
        """


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


class Sender(Protocol):
    """A way out for acknowledgements."""

    @property
    def is_repeatable(self) -> bool:
        """Whether an attempt that ended nobody knows how may be repeated without harm."""

    async def send(self, acknowledgement: Acknowledgement) -> Delivery:
        """Try once, within a time limit of its own; never raises for what the upstream does."""
