"""How far the file at work is: noted on its way to the sink, for whoever asks meanwhile."""

from collections.abc import AsyncIterator, Mapping, Sequence

from ingest.model import (
    InboundRegistry,
    LineResult,
    Outcome,
    RegistryChunk,
    RegistryLine,
    RegistryProgress,
    Verdict,
)
from ingest.ports import RegistrySink


class WatchedSink:
    """A registry sink that remembers how far each file is, by our own name for the file."""

    def __init__(self, sink: RegistrySink) -> None:
        self._sink = sink
        self._claims: dict[int, str] = {}
        self._progress: dict[str, RegistryProgress] = {}

    def find_progress(self, claim: str) -> RegistryProgress | None:
        """Return how far a file at work is; None before it was opened."""
        return self._progress.get(claim)

    async def open_registry(self, registry: InboundRegistry) -> RegistryProgress:
        """Open a registry, and forget the one before it: there is one at a time."""
        self._claims.clear()
        self._progress.clear()
        progress = await self._sink.open_registry(registry)
        self._claims[progress.message_id] = registry.claim
        return self.note(progress)

    async def receive_chunk(
        self, progress: RegistryProgress, chunk: RegistryChunk
    ) -> RegistryProgress:
        """Hand a chunk over."""
        return self.note(await self._sink.receive_chunk(progress, chunk))

    async def foresee_chunk(self, progress: RegistryProgress, chunk: RegistryChunk) -> None:
        """Look at the chunk that comes next."""
        await self._sink.foresee_chunk(progress, chunk)

    async def try_lines(
        self, progress: RegistryProgress, lines: Sequence[RegistryLine]
    ) -> Mapping[Verdict, int]:
        """Judge lines as they would be now."""
        return await self._sink.try_lines(progress, lines)

    async def await_decision(self, progress: RegistryProgress, problem: str) -> RegistryProgress:
        """Stop a registry until a person decides."""
        return self.note(await self._sink.await_decision(progress, problem))

    async def find_decision(self, progress: RegistryProgress) -> RegistryProgress:
        """Return how far a registry is by now."""
        return await self._sink.find_decision(progress)

    async def owe_results(
        self, progress: RegistryProgress, addresses: Sequence[str], subject: str, body: str
    ) -> None:
        """Owe the results by mail."""
        await self._sink.owe_results(progress, addresses, subject, body)

    def note(self, progress: RegistryProgress) -> RegistryProgress:
        """Remember how far a registry is."""
        claim = self._claims.get(progress.message_id)
        if claim is not None:
            self._progress[claim] = progress
        return progress

    async def finish_registry(self, progress: RegistryProgress, problem: str = "") -> Outcome:
        """Close a registry."""
        return await self._sink.finish_registry(progress, problem)

    def list_results(self, progress: RegistryProgress) -> AsyncIterator[Sequence[LineResult]]:
        """Yield the results of all data lines."""
        return self._sink.list_results(progress)

    async def count_results(self, progress: RegistryProgress) -> Mapping[str, int]:
        """Count the committed readings by disposition."""
        return await self._sink.count_results(progress)
