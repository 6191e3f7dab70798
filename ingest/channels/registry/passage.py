"""One file on its way from ``work/`` to its answer."""

import datetime as dt
import os
from collections import Counter
from collections.abc import Callable
from typing import BinaryIO

from ingest.channels.dialects.csv_lines import CsvLines
from ingest.channels.dialects.results import ResultLines
from ingest.channels.dialects.summary import Summary, describe_problem, render_summary
from ingest.channels.dialects.survey import Fault, Findings, Problem, Survey
from ingest.channels.registry.answer import FAILED, SUFFIXES, SUMMARY, Answer
from ingest.channels.registry.folders import Claimed, Draft, Folders, read_lines, show_name
from ingest.channels.registry.threads import complete, in_thread
from ingest.config import Configuration
from ingest.errors import PermanentError
from ingest.log import get_logger
from ingest.model import (
    ChannelName,
    Disposition,
    InboundRegistry,
    Outcome,
    Reason,
    RegistryChunk,
    RegistryProgress,
    Verdict,
)
from ingest.ports import ChannelReport, RegistrySink
from ingest.settings import RegistrySettings

REFUSED = Verdict(Disposition.REJECT, Reason.NOT_RECOGNISED)
"""What the sink says of a registry that failed as a whole; no line can come to it."""
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
BLOCK = 1 << 20
BLOCKS_AT_ONCE = 8
"""A thread works on so many blocks before the event loop is asked again."""

log = get_logger()


class Desk:
    """What every file of a channel is processed with."""

    def __init__(
        self,
        name: ChannelName,
        settings: RegistrySettings,
        config: Configuration,
        sink: RegistrySink,
        now: Callable[[], dt.datetime],
    ) -> None:
        self.name = name
        self.settings = settings
        self.sink = sink
        self.now = now
        self.zone = config.zone
        self.language = settings.language or config.settings.service.language
        self.folders = Folders(config.state_dir / settings.directory)
        self._stems: dict[str, str] = {}
        self._mentioned: set[str] = set()

    def choose_stem(self, claimed: Claimed) -> str:
        """
        Return the name for the answers to a file, the same however often it is tried.

        Otherwise a file that cannot be put away would leave another set of answers each time.
        """
        key = claimed.path.name
        if key not in self._stems:
            self._stems[key] = self.folders.find_stem(claimed.name, SUFFIXES)
        return self._stems[key]

    def is_news(self, claimed: Claimed) -> bool:
        """Tell whether this is the first time that a file is asked about."""
        fresh = claimed.path.name not in self._mentioned
        self._mentioned.add(claimed.path.name)
        return fresh

    def forget(self, claimed: Claimed) -> None:
        """Drop what is remembered of a file that was put away."""
        self._stems.pop(claimed.path.name, None)
        self._mentioned.discard(claimed.path.name)


class Passage:
    """One file on its way from ``work/`` to its answer."""

    def __init__(self, desk: Desk, claimed: Claimed, file: BinaryIO, report: ChannelReport) -> None:
        self._desk = desk
        self._settings = desk.settings
        self._sink = desk.sink
        self._claimed = claimed
        self._file = file
        self._report = report
        self._state = os.fstat(file.fileno())
        self._begun_at = desk.now()
        arrived_at = EPOCH + dt.timedelta(microseconds=claimed.arrived_ns // 1000)
        self._received_at = min(arrived_at, self._begun_at)

    async def run(self) -> None:
        """Survey the file, hand it over, close it and answer."""
        findings = await self.survey()
        registry = self.describe(findings)
        progress = await complete(self._sink.open_registry(registry))
        self.mention(registry, progress)
        problem = findings.problem
        if not progress.finished:
            progress = await self.hand_over(progress, findings)
            if await self.has_changed(findings):
                problem = Problem(Fault.CHANGED)
        outcome = await complete(self._sink.finish_registry(progress, self.explain(problem)))
        if problem is not None and problem.fault is Fault.CHANGED:
            raise PermanentError(self.explain(problem))
        if problem is None and outcome.verdict == REFUSED:
            problem = Problem(Fault.CHANGED)
        await self.answer(progress, outcome, problem)

    def mention(self, registry: InboundRegistry, progress: RegistryProgress) -> None:
        """Log that a file came; only once however often it is tried."""
        if self._desk.is_news(self._claimed):
            log.info(
                "registry.received",
                channel=registry.channel,
                file=registry.file_name,
                size=registry.size,
                receipt=progress.receipt,
                lines_before=progress.lines,
                again=progress.finished,
            )

    async def survey(self) -> Findings:
        """Read the whole file once."""
        lines = CsvLines(self._settings.dialect, self._desk.zone)
        survey = Survey(lines, self._settings)
        size = self._state.st_size
        if size > self._settings.max_size:
            survey.refuse(Fault.TOO_LARGE, str(size), str(self._settings.max_size))
        left = min(size, self._settings.max_size)
        while left > 0:
            left = await in_thread(self.feed, survey, left)
            self._report.progressed()
        return survey.close()

    def feed(self, survey: Survey, left: int) -> int:
        """Feed the survey some blocks; return the bytes that are left."""
        for _ in range(BLOCKS_AT_ONCE):
            block = self._file.read(min(BLOCK, left))
            survey.feed(block)
            left -= len(block)
            if left and not block:
                raise PermanentError(self.explain(Problem(Fault.CHANGED)))
        return left

    def describe(self, findings: Findings) -> InboundRegistry:
        """Return what is recorded of the file."""
        fault = f":{findings.problem.fault}" if findings.problem else ""
        return InboundRegistry(
            channel=self._desk.name,
            # A file refused for a fault of the dialect in config.toml must be as new once that is
            # put right; while it is not, the same file is a repeat and refused again.
            external_id=findings.digest + fault,
            received_at=self._received_at,
            file_name=show_name(self._claimed.name),
            size=self._state.st_size,
            claim=show_name(self._claimed.path.name),
        )

    def explain(self, problem: Problem | None) -> str:
        """Return a problem in the channel's language; empty when there is none."""
        return describe_problem(problem, self._desk.language) if problem else ""

    async def hand_over(self, progress: RegistryProgress, findings: Findings) -> RegistryProgress:
        """Hand over what the sink has not got; return the position at the end."""
        dialect = self._settings.dialect
        lines = CsvLines(dialect, self._desk.zone, layout=findings.layout, lines=progress.lines)
        size = findings.size
        if findings.problem is not None and findings.problem.fault is Fault.TOO_LARGE:
            size = 0
        await in_thread(self._file.seek, progress.offset)
        while progress.offset < size:
            chunk = await in_thread(self.read_chunk, lines, findings, progress.offset)
            if not chunk.raw:
                break
            progress = await complete(self._sink.receive_chunk(progress, chunk))
            self._report.progressed()
        return progress

    def read_chunk(self, lines: CsvLines, findings: Findings, offset: int) -> RegistryChunk:
        """Read the next lines; those of a file with a problem are kept, and mean nothing."""
        raws = read_lines(
            self._file,
            findings.size - offset,
            self._settings.max_line,
            self._settings.chunk_lines,
        )
        cut = () if findings.problem else tuple(filter(None, map(lines.read, raws)))
        return RegistryChunk(b"".join(raws), len(raws), cut)

    async def has_changed(self, findings: Findings) -> bool:
        """
        Tell whether what was handed over may be something else than what was surveyed.

        The sender may still have the file open: it is not ours alone before that ends. A new time
        of modification alone means nothing, upload programs set it when they are done.
        """
        state = await in_thread(os.fstat, self._file.fileno())
        if state.st_size != self._state.st_size:
            return True
        if state.st_mtime_ns == self._state.st_mtime_ns:
            return False
        await in_thread(self._file.seek, 0)
        return (await self.survey()).digest != findings.digest

    async def answer(
        self, progress: RegistryProgress, outcome: Outcome, problem: Problem | None
    ) -> None:
        """Write the results into ``out/``, then put the file away."""
        stem = await in_thread(self._desk.choose_stem, self._claimed)
        answer: Answer | None = None
        if problem is None or problem.by_line:
            answer = await self.write_lines(stem, progress, outcome, problem)
        summary = Summary(
            file_name=show_name(self._claimed.name),
            receipt=outcome.receipt,
            received_at=self._received_at.astimezone(self._desk.zone),
            begun_at=self._begun_at.astimezone(self._desk.zone),
            ended_at=self._desk.now().astimezone(self._desk.zone),
            again=outcome.again,
            lines=answer.lines if answer else 0,
            tally=answer.tally if answer else Counter(),
            problem=self.explain(problem),
            failed_lines=show_name(stem + FAILED) if answer and answer.has_failed else "",
        )
        await in_thread(self.put_away, stem, summary)
        log.info(
            "registry.answered",
            channel=self._desk.name,
            file=summary.file_name,
            receipt=outcome.receipt,
            problem=summary.problem,
            lines=summary.tally.total(),
        )

    async def write_lines(
        self, stem: str, progress: RegistryProgress, outcome: Outcome, problem: Problem | None
    ) -> Answer:
        """Write the file of results and that of the lines to send again."""
        answer = await in_thread(self.open_answer, stem, None if problem is None else outcome)
        try:
            if problem is None:
                async for results in self._sink.list_results(progress):
                    await in_thread(answer.add, results)
                    self._report.progressed()
            while await in_thread(answer.add_more):
                self._report.progressed()
            await in_thread(answer.publish)
        finally:
            await in_thread(answer.discard)
        return answer

    def open_answer(self, stem: str, refused: Outcome | None) -> Answer:
        """Begin the result files; with *refused* every line gets that outcome."""
        lines = CsvLines(self._settings.dialect, self._desk.zone)
        self._file.seek(0)
        return Answer(
            self._file,
            self._settings,
            ResultLines(lines, self._settings.dialect, refused),
            self._desk.folders.out / stem,
        )

    def put_away(self, stem: str, summary: Summary) -> None:
        """Publish the summary, and move the file to where it stays."""
        folders = self._desk.folders
        draft = Draft(folders.out / (stem + SUMMARY))
        try:
            text = render_summary(summary, self._desk.language)
            draft.write([text.encode(self._settings.dialect.encoding, "replace")])
            draft.publish()
        finally:
            draft.discard()
        folder = folders.failed if summary.problem else folders.done
        self._claimed.path.rename(folder / stem)
