"""What the tests of the registry channel share: a scripted sink, a report, a running channel."""

import asyncio
import collections
import contextlib
import datetime as dt
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ingest import clock
from ingest.channels.registry import RegistryChannel
from ingest.config import Configuration, load_config
from ingest.model import (
    ACCEPTED,
    ChannelName,
    Decision,
    Disposition,
    InboundRegistry,
    LineResult,
    Outcome,
    Reason,
    RegistryChunk,
    RegistryLine,
    RegistryProgress,
    Verdict,
)
from ingest.ports import RegistrySink
from ingest.settings import RegistrySettings

PARTNER = ChannelName("partner")
CONFIG = """
[windows.all-month]
days = "1..-1"
[channels.partner]
type = "registry"
window = "all-month"
directory = "partner"
settle = 0.05
poll = 0.05
chunk_lines = 2
max_line = 100
max_size = 200_000
dialect = { columns = { account = 1, value = 2 } }
"""
LONG_ENOUGH = 20


def make_config(tmp_path: Path, text: str = CONFIG) -> Configuration:
    path = tmp_path / "config.toml"
    path.write_text(text, "utf-8")
    return load_config(path, {})


def change_settings(config: Configuration, **changes: Any) -> RegistrySettings:
    settings = config.settings.channels[PARTNER]
    assert isinstance(settings, RegistrySettings)
    dialect = msgspec.structs.replace(settings.dialect, **changes.pop("dialect", {}))
    return msgspec.structs.replace(settings, dialect=dialect, **changes)


class Kept(msgspec.Struct):
    """A registry as the scripted sink has it."""

    registry: InboundRegistry
    progress: RegistryProgress
    chunks: list[RegistryChunk]
    outcome: Outcome | None = None
    problem: str = ""

    @property
    def raw(self) -> bytes:
        return b"".join(chunk.raw for chunk in self.chunks)

    @property
    def lines(self) -> list[RegistryLine]:
        return [line for chunk in self.chunks for line in chunk.lines]


def do_nothing(_call: str, _kept: Kept) -> None:
    """Let a call go on."""


class ScriptedSink:
    """Takes registries as the port says; accounts that begin with 9 are unknown to it."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self.before: Callable[[str, Kept], None] = do_nothing
        """Called first in every call; what it raises, the call raises."""
        self.gate = asyncio.Event()
        self.gate.set()
        self.at_gate = asyncio.Event()
        self.owed: list[tuple[tuple[str, ...], str, str]] = []

    @property
    def only(self) -> Kept:
        [kept] = self.kept.values()
        return kept

    def get(self, progress: RegistryProgress) -> Kept:
        return next(
            one for one in self.kept.values() if one.progress.message_id == progress.message_id
        )

    async def open_registry(self, registry: InboundRegistry) -> RegistryProgress:
        number = len(self.kept) + 1
        fresh = Kept(registry, RegistryProgress(number, f"FILE-{number}", 0, 0, False), [])
        kept = self.kept.get(registry.external_id, fresh)
        self.before("open", kept)
        self.kept[registry.external_id] = kept
        return kept.progress

    async def receive_chunk(
        self, progress: RegistryProgress, chunk: RegistryChunk
    ) -> RegistryProgress:
        kept = self.get(progress)
        assert kept.progress == progress
        self.before("chunk", kept)
        self.at_gate.set()
        await self.gate.wait()
        kept.chunks.append(chunk)
        kept.progress = msgspec.structs.replace(
            progress, lines=progress.lines + chunk.line_count, offset=len(kept.raw)
        )
        return kept.progress

    async def foresee_chunk(self, progress: RegistryProgress, chunk: RegistryChunk) -> None:
        self.before("foresee", self.get(progress))

    async def try_lines(
        self, progress: RegistryProgress, lines: Sequence[RegistryLine]
    ) -> Mapping[Verdict, int]:
        self.before("try", self.get(progress))
        results = [self.judge(line, progress.receipt) for line in lines]
        return Counter(Verdict(one.disposition, one.reason) for one in results)

    async def await_decision(self, progress: RegistryProgress, problem: str) -> RegistryProgress:
        kept = self.get(progress)
        kept.problem = problem
        return self.decide(Decision.AWAITED)

    async def find_decision(self, progress: RegistryProgress) -> RegistryProgress:
        return self.get(progress).progress

    def decide(self, decision: Decision) -> RegistryProgress:
        """Decide about the only registry."""
        kept = self.only
        kept.progress = msgspec.structs.replace(kept.progress, decision=decision)
        return kept.progress

    async def owe_results(
        self, progress: RegistryProgress, addresses: Sequence[str], subject: str, body: str
    ) -> None:
        self.before("owe", self.get(progress))
        self.owed.append((tuple(addresses), subject, body))

    async def finish_registry(self, progress: RegistryProgress, problem: str = "") -> Outcome:
        kept = self.get(progress)
        self.before("finish", kept)
        if kept.outcome is None:
            refused = Verdict(Disposition.REJECT, Reason.NOT_RECOGNISED)
            kept.outcome = Outcome(progress.receipt, refused if problem else ACCEPTED, "")
            kept.problem = problem
            kept.progress = msgspec.structs.replace(kept.progress, finished=True)
        return msgspec.structs.replace(kept.outcome, again=progress.finished)

    async def list_results(self, progress: RegistryProgress) -> AsyncIterator[Sequence[LineResult]]:
        kept = self.get(progress)
        self.before("results", kept)
        for chunk in kept.chunks:
            if chunk.lines:
                yield [self.judge(line, progress.receipt) for line in chunk.lines]

    async def count_results(self, progress: RegistryProgress) -> dict[str, int]:
        lines = [self.judge(line, "") for line in self.get(progress).lines]
        return dict(collections.Counter(one.disposition.value for one in lines))

    def judge(self, line: RegistryLine, receipt: str) -> LineResult:
        receipt = f"{receipt}-{line.number}"
        if line.problem:
            return LineResult(line.number, Disposition.REJECT, Reason.READING_MALFORMED, receipt)
        if line.account.startswith("9"):
            return LineResult(line.number, Disposition.REJECT, Reason.ACCOUNT_UNKNOWN, receipt)
        return LineResult(line.number, Disposition.ACCEPT, Reason.ACCEPTED, receipt)


class Report:
    """What the channel told the daemon; wakes whoever waits for a change."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.is_up = False
        self.on_progress: Callable[[], None] = lambda: None
        self._stirred = asyncio.Event()

    def up(self) -> None:
        self.is_up = True
        self._stirred.set()

    def progressed(self) -> None:
        self.on_progress()
        self._stirred.set()

    def lost(self, problem: str) -> None:
        self.is_up = False
        self.problems.append(problem)
        self._stirred.set()

    def refused(self, problem: str) -> None:
        self.lost(problem)

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until *holds* is true; it is asked again whenever the channel tells something."""
        async with asyncio.timeout(LONG_ENOUGH):
            while not holds():
                self._stirred.clear()
                await self._stirred.wait()


class Desk:
    """A partner's folder with a channel that serves it."""

    def __init__(
        self,
        config: Configuration,
        sink: RegistrySink,
        *,
        now: Callable[[], dt.datetime] = clock.now,
        **changes: Any,
    ) -> None:
        self.root = config.state_dir / "partner"
        self.report = Report()
        self.channel = RegistryChannel(
            PARTNER, change_settings(config, **changes), config, sink, now=now
        )
        self.channel.set_longest_pause(0.02)
        for name in ("in", "work", "out", "done", "failed"):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    def drop(self, name: str, content: bytes) -> Path:
        """Put a file into ``in/`` at once, as a rename does."""
        path = self.root / name
        path.write_bytes(content)
        return path.rename(self.root / "in" / name)

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def list(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.root / folder).iterdir())

    def is_idle(self) -> bool:
        """Whether all that came was answered."""
        return self.report.is_up and not self.list("in") and not self.list("work")

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Report]:
        task = asyncio.create_task(self.channel.run(self.report))
        try:
            yield self.report
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def serve(self) -> None:
        """Run the channel until all that came was answered."""
        async with self.running() as report:
            await report.until(self.is_idle)
