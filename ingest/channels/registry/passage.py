"""One file on its way from ``work/`` to its answer."""

import asyncio
import datetime as dt
import os
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import BinaryIO

from msgspec.structs import replace

from ingest.channels.deposits import Draft, show_name
from ingest.channels.dialects.catalogue import find_text_dialect, make_shape, open_lines
from ingest.channels.dialects.companion import read_companion
from ingest.channels.dialects.controls import Figures
from ingest.channels.dialects.faults import Fault, Problem
from ingest.channels.dialects.lines import Lines, Shape
from ingest.channels.dialects.results import ResultLines
from ingest.channels.dialects.summary import Summary, describe_problem, render_summary
from ingest.channels.dialects.survey import Findings, Survey
from ingest.channels.registry.answer import FAILED, SUMMARY, Answer
from ingest.channels.registry.desk import Desk
from ingest.channels.registry.excess import find_excess
from ingest.channels.registry.folders import Claimed, read_lines
from ingest.channels.registry.side_files import find_mismatch, read_small
from ingest.channels.registry.text import Text, open_text
from ingest.channels.registry.threads import complete, in_thread
from ingest.errors import PermanentError
from ingest.log import get_logger
from ingest.model import (
    Decision,
    Disposition,
    InboundRegistry,
    Outcome,
    Reason,
    RegistryChunk,
    RegistryProgress,
    Verdict,
)
from ingest.ports import ChannelReport

REFUSED = Verdict(Disposition.REJECT, Reason.NOT_RECOGNISED)
"""What the sink says of a registry that failed as a whole; no line can come to it."""
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
BLOCK = 1 << 20
BLOCKS_AT_ONCE = 8
"""A thread works on so many blocks before the event loop is asked again."""

log = get_logger()


class Passage:
    """One file on its way from ``work/`` to its answer."""

    def __init__(self, desk: Desk, claimed: Claimed, file: BinaryIO, report: ChannelReport) -> None:
        self._desk = desk
        self._settings = desk.settings
        self._sink = desk.sink
        self._claimed = claimed
        self._text = Text(file)
        self._shape = make_shape(desk.settings)
        """What is known of the file; a survey adds to it."""
        self._report = report
        self._state = os.fstat(file.fileno())
        self._begun_at = desk.now()
        arrived_at = EPOCH + dt.timedelta(microseconds=claimed.arrived_ns // 1000)
        self._received_at = min(arrived_at, self._begun_at)

    async def run(self) -> bool:
        """
        Make text of the file, survey it, hand it over, close it and answer.

        False: a person must decide first.
        """
        self._text = await open_text(
            self._file, self._settings, self._desk.folders.work, self._report.progressed
        )
        self._shape = make_shape(self._settings, self._text.encoding)
        try:
            return await self.pass_on()
        finally:
            self._text.close()

    @property
    def _file(self) -> BinaryIO:
        """What is read line by line."""
        return self._text.file

    async def pass_on(self) -> bool:
        """Survey the text, hand it over, close the registry and answer; False: not yet."""
        findings = await self.survey()
        self._shape = findings.shape
        registry = self.describe(findings)
        progress = await complete(self._sink.open_registry(registry))
        self.mention(registry, progress)
        problem = findings.problem
        if not progress.finished:
            progress = await self.look_over(progress, findings)
            if progress.decision is Decision.AWAITED:
                self._desk.put_off(self._claimed, progress)
                return False
        if progress.decision is Decision.REFUSED and problem is None:
            problem = Problem(Fault.STOPPED)
            findings = replace(findings, problem=problem)
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
        return True

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
        lines = open_lines(self._settings, self._desk.zone, self.blank_shape())
        figures = await in_thread(self.read_figures)
        survey = Survey(
            lines, self._settings.max_line, figures if isinstance(figures, Figures) else None
        )
        if isinstance(figures, Problem):
            survey.refuse(figures.fault, figures.found, figures.wanted)
        if (problem := self._text.problem) is not None:
            survey.refuse(problem.fault, problem.found, problem.wanted)
        mismatch = await in_thread(find_mismatch, self._claimed.beside, self._text.original)
        if mismatch is not None:
            survey.refuse(Fault.CHECKSUM, mismatch.found, mismatch.wanted)
        await in_thread(self._file.seek, 0)
        size = self._text.size
        if size > self._settings.max_size:
            survey.refuse(Fault.TOO_LARGE, str(size), str(self._settings.max_size))
        left = min(size, self._settings.max_size)
        while left > 0:
            left = await in_thread(self.feed, survey, left)
            self._report.progressed()
        return survey.close()

    def read_figures(self) -> Figures | Problem | None:
        """Return the control figures of the companion file; None where the dialect has none."""
        dialect = find_text_dialect(self._settings)
        if not dialect.receipt:
            return None
        found: Figures | Problem | None = None
        for path in self._claimed.beside:
            found = read_companion(read_small(path), dialect, self._claimed.name)
            if isinstance(found, Figures):
                break
        return found

    def blank_shape(self) -> Shape:
        """Return what is known of the file for those who read it from its first line."""
        return Shape(self._shape.encoding)

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
            size=self._text.size,
            claim=show_name(self._claimed.path.name),
        )

    def explain(self, problem: Problem | None) -> str:
        """Return a problem in the channel's language; empty when there is none."""
        return describe_problem(problem, self._desk.language) if problem else ""

    async def look_over(self, progress: RegistryProgress, findings: Findings) -> RegistryProgress:
        """Let a person decide about a file with too many bad lines, before any of it counts."""
        limit = self._settings.max_bad
        is_begun = progress.lines > 0 or progress.decision is not Decision.NONE
        if not limit or is_begun or findings.problem is not None:
            return progress
        tally: Counter[Verdict] = Counter()
        async with aclosing(self.read_chunks(progress, findings)) as chunks:
            async for chunk in chunks:
                tally.update(await complete(self._sink.try_lines(progress, chunk.lines)))
                self._report.progressed()
        problem = find_excess(tally, limit)
        if not problem:
            return progress
        return await complete(self._sink.await_decision(progress, problem))

    async def hand_over(self, progress: RegistryProgress, findings: Findings) -> RegistryProgress:
        """Hand over what the sink has not got; return the position at the end."""
        committing: asyncio.Task[RegistryProgress] | None = None
        async with aclosing(self.read_chunks(progress, findings)) as chunks:
            try:
                async for chunk in chunks:
                    if committing is not None:
                        await self._sink.foresee_chunk(progress, chunk)
                        progress = await committing
                        self._report.progressed()
                    committing = asyncio.create_task(
                        complete(self._sink.receive_chunk(progress, chunk))
                    )
            finally:
                if committing is not None:
                    await complete(asyncio.wait([committing]))
        return progress if committing is None else committing.result()

    async def read_chunks(
        self, progress: RegistryProgress, findings: Findings
    ) -> AsyncGenerator[RegistryChunk, None]:
        """Yield the lines behind *progress*; while some are worked on, the next are read."""
        lines = open_lines(self._settings, self._desk.zone, findings.shape, lines=progress.lines)
        size = findings.size
        if findings.problem is not None and findings.problem.fault is Fault.TOO_LARGE:
            size = 0
        await in_thread(self._file.seek, progress.offset)
        offset = progress.offset
        ahead = self.read_ahead(lines, findings, offset)
        try:
            while offset < size and (chunk := await ahead).raw:
                offset += len(chunk.raw)
                ahead = self.read_ahead(lines, findings, offset)
                yield chunk
        finally:
            # The file must not be closed under a thread that reads it.
            await complete(asyncio.wait([ahead]))
            if not ahead.cancelled():
                ahead.exception()  # nobody asks for it any more

    def read_ahead(
        self, lines: Lines, findings: Findings, offset: int
    ) -> "asyncio.Task[RegistryChunk]":
        """Begin to read the next lines."""
        return asyncio.create_task(in_thread(self.read_chunk, lines, findings, offset))

    def read_chunk(self, lines: Lines, findings: Findings, offset: int) -> RegistryChunk:
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
        state = await in_thread(os.fstat, self._text.original.fileno())
        if state.st_size != self._state.st_size:
            return True
        if state.st_mtime_ns == self._state.st_mtime_ns:
            return False
        if not self._text.is_original:
            return True
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
            sums=answer.sums if answer else {},
            problem=self.explain(problem),
            failed_lines=show_name(stem + FAILED) if answer and answer.has_failed else "",
        )
        text = render_summary(summary, self._desk.language)
        if self._settings.mail_results_to:
            await complete(
                self._sink.owe_results(
                    progress, self._settings.mail_results_to, summary.file_name, text
                )
            )
        await in_thread(self.put_away, stem, summary, text)
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
        lines = open_lines(self._settings, self._desk.zone, self.blank_shape())
        self._file.seek(0)
        return Answer(
            self._file,
            self._settings,
            ResultLines(lines, refused),
            self._desk.folders.out / stem,
        )

    def put_away(self, stem: str, summary: Summary, text: str) -> None:
        """Publish the summary, and move the file to where it stays."""
        folders = self._desk.folders
        draft = Draft(folders.out / (stem + SUMMARY))
        try:
            draft.write([text.encode(self._shape.encoding, "replace")])
            draft.publish()
        finally:
            draft.discard()
        folder = folders.failed if summary.problem else folders.done
        self._claimed.path.rename(folder / stem)
