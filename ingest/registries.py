"""
The sink of batch files: chunk after chunk, each committed with the position reached.

The row of the registry is locked while a chunk is recorded, and the chunk must begin where the
last one ended; two daemons on one file, or a crash between two chunks, can therefore neither skip
nor repeat a line.
"""

import datetime as dt
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from msgspec.structs import replace

from ingest import metrics
from ingest.cells import read_line
from ingest.errors import TransientError
from ingest.judgement import (
    Occasion,
    Standings,
    judge_item,
    open_occasion,
    refuse_item,
    settle_readings,
)
from ingest.log import get_logger
from ingest.model import (
    ChannelName,
    Disposition,
    InboundRegistry,
    JudgedReading,
    LineResult,
    Misreading,
    Outcome,
    Reading,
    Reason,
    RegistryChunk,
    RegistryLine,
    RegistryProgress,
    Verdict,
)
from ingest.policy import Policy
from ingest.receipts import line_receipt
from ingest.records import (
    READING_COLUMNS,
    columns,
    draw_receipt,
    find_circumstances,
    read_verdict,
    register_rows,
)
from ingest.retry import retry_on
from ingest.rules import summarise
from ingest.store import ConflictError, Row, Store, Transaction, clean

log = get_logger()

ATTEMPTS = 6
RESULT_BATCH = 5000
WITHDRAW_WITHIN = 3600.0
"""Seconds; a registry of any size must be able to come to its end."""
CLOCKS_DIFFER_BY = dt.timedelta(minutes=10)
"""A partner's clock may be ahead of ours by as much without its operations being in the future."""

JudgedLine = tuple[JudgedReading, dt.datetime]
"""A line with its verdict and the time that its window was judged by."""


class RegistryIntake:
    """The sink of every registry channel; see :class:`ingest.ports.RegistrySink`."""

    def __init__(self, store: Store, policies: Mapping[ChannelName, Policy]) -> None:
        self._store = store
        self._policies = policies

    async def open_registry(self, registry: InboundRegistry) -> RegistryProgress:
        """
        Record that *registry* has begun, or find how far it got before.

        Another content of the same file that is still open is withdrawn first: the file changed.
        """
        if registry.claim:
            await self.withdraw_superseded(registry)

        async def attempt() -> RegistryProgress:
            receipt = draw_receipt()
            await self._store.fetch(
                "open_registry",
                registry.channel,
                registry.external_id,
                receipt,
                registry.received_at,
                registry.media_type,
                clean(registry.file_name),
                registry.size,
                clean(registry.claim),
            )
            [row] = await self._store.fetch("find_registry", registry.channel, registry.external_id)
            return read_progress(row)

        return await retry_on(ConflictError, attempt, attempts=ATTEMPTS)

    async def withdraw_superseded(self, registry: InboundRegistry) -> None:
        """Close what is open of the same file under another content; none of it counts."""
        for row in await self._store.fetch(
            "list_superseded_registries",
            registry.channel,
            registry.external_id,
            clean(registry.claim),
        ):
            await self.finish_registry(read_progress(row), "the file changed while it was read")

    async def receive_chunk(
        self, progress: RegistryProgress, chunk: RegistryChunk
    ) -> RegistryProgress:
        """Judge the lines of *chunk* and commit them with its bytes and the position after it."""
        return await retry_on(
            ConflictError, lambda: self.try_chunk(progress, chunk), attempts=ATTEMPTS
        )

    async def try_chunk(self, progress: RegistryProgress, chunk: RegistryChunk) -> RegistryProgress:
        """Look, judge and record a chunk once; raises ConflictError when somebody was quicker."""
        async with self._store.transaction() as transaction:
            [row] = await transaction.fetch("lock_registry", progress.message_id)
            check_position(row, progress)
            judged, superseded = await self.judge_chunk(transaction, row, chunk)
            await transaction.fetch("supersede", *columns(superseded, 2))
            await copy_readings(transaction, progress.message_id, judged)
            [after] = await transaction.fetch(
                "advance_registry",
                progress.message_id,
                chunk.line_count,
                len(chunk.raw),
                chunk.raw,
            )
        self.note(ChannelName(row["channel"]), judged)
        return RegistryProgress(
            message_id=progress.message_id,
            receipt=progress.receipt,
            lines=after["lines"],
            offset=after["read_bytes"],
            finished=False,
        )

    async def judge_chunk(
        self, transaction: Transaction, row: Row, chunk: RegistryChunk
    ) -> tuple[list[JudgedLine], list[tuple[int, int]]]:
        """Judge lines in order; return them and the recorded readings that cease to count."""
        policy = self._policies[ChannelName(row["channel"])]
        whole = open_occasion(policy, row["receipt"], row["received_at"])
        work = [
            (line, read_line(set_clock(line, row["received_at"])), place_line(line, whole))
            for line in chunk.lines
        ]
        known = await find_circumstances(
            transaction,
            (),
            ((item.account, occasion.day.period) for _, item, occasion in work
             if isinstance(item, Reading)),
        )  # fmt: skip
        standings = Standings(known.standing)
        judged = [
            (judge_line(line, item, occasion, standings), occasion.effective_at)
            for line, item, occasion in work
        ]
        return list(settle_lines(judged, whole.receipt, standings)), sorted(standings.superseded)

    async def finish_registry(self, progress: RegistryProgress, problem: str = "") -> Outcome:
        """Close the registry; with a *problem* none of its readings counts."""
        async with self._store.transaction(time_limit=WITHDRAW_WITHIN) as transaction:
            [row] = await transaction.fetch("lock_registry", progress.message_id)
            if row["state"] == "open":
                verdict = await summarise_registry(transaction, progress.message_id, problem)
                if problem:
                    await transaction.fetch("discount_message", progress.message_id)
                await transaction.fetch(
                    "finish_registry",
                    progress.message_id,
                    verdict.disposition,
                    verdict.reason,
                    clean(problem),
                )
                note_finished(row, verdict, problem)
        [row] = await self._store.fetch("get_registry", progress.message_id)
        return Outcome(
            receipt=row["receipt"],
            verdict=read_verdict(row),
            reply=row["reply"],
            again=progress.finished,
        )

    async def list_results(self, progress: RegistryProgress) -> AsyncIterator[Sequence[LineResult]]:
        """Yield the results of all data lines by line number, in batches."""
        after = 0
        while rows := await self._store.fetch(
            "list_line_results", progress.message_id, after, RESULT_BATCH
        ):
            yield [
                LineResult(
                    number=row["line"],
                    disposition=verdict.disposition,
                    reason=verdict.reason,
                    receipt=line_receipt(progress.receipt, row["line"]),
                )
                for row in rows
                for verdict in [read_verdict(row)]
            ]
            after = rows[-1]["line"]

    def note(self, channel: ChannelName, judged: Sequence[JudgedLine]) -> None:
        """Count what was committed."""
        metrics.REGISTRY_LINES.labels(channel).inc(len(judged))
        for (disposition, reason), count in Counter(
            (reading.verdict.disposition, reading.verdict.reason) for reading, _ in judged
        ).items():
            metrics.READINGS.labels(channel, disposition, reason).inc(count)


def read_progress(row: Row) -> RegistryProgress:
    """Return how far a registry is committed."""
    return RegistryProgress(
        message_id=row["message_id"],
        receipt=row["receipt"],
        lines=row["lines"],
        offset=row["read_bytes"],
        finished=row["state"] != "open",
    )


def check_position(row: Row, progress: RegistryProgress) -> None:
    """Raise TransientError unless the registry stands where the caller believes it to."""
    if row["state"] != "open" or row["lines"] != progress.lines:
        raise TransientError(
            f"the registry {progress.receipt} stands at line {row['lines']}, not at "
            f"{progress.lines}: somebody else reads it; open it again"
        )


def place_line(line: RegistryLine, whole: Occasion) -> Occasion:
    """
    Return the occasion that a line is judged by.

    Where the partner's operation time decides, it is believed unless it lies after arrival;
    whether it lies too far before is a question for ``judge_line``.
    """
    if not whole.policy.judge_by_operation or line.paid_at is None:
        return whole
    at = min(line.paid_at.astimezone(dt.UTC), whole.received_at)
    return open_occasion(whole.policy, whole.receipt, whole.received_at, at)


def set_clock(line: RegistryLine, received_at: dt.datetime) -> RegistryLine:
    """Return the line with an operation time that is a little ahead of ours put back to ours."""
    if line.paid_at is None or not received_at < line.paid_at <= received_at + CLOCKS_DIFFER_BY:
        return line
    return replace(line, paid_at=received_at.astimezone(line.paid_at.tzinfo))


def judge_line(
    line: RegistryLine, item: Reading | Misreading, occasion: Occasion, standings: Standings
) -> JudgedReading:
    """Judge one line; operation times that nobody can believe are refused or held."""
    if line.paid_at is not None and isinstance(item, Reading):
        if line.paid_at - CLOCKS_DIFFER_BY > occasion.received_at:
            verdict = Verdict(
                occasion.policy.dispositions[Reason.DATED_IN_FUTURE], Reason.DATED_IN_FUTURE
            )
            return refuse_item(line.number, item, verdict)
        if occasion.received_at - occasion.effective_at > occasion.policy.trust_operation_for:
            return refuse_item(line.number, item, Verdict(Disposition.HOLD, Reason.WINDOW_CLOSED))
    return judge_item(line.number, item, occasion, standings)


def settle_lines(
    judged: Iterable[JudgedLine], receipt: str, standings: Standings
) -> Iterable[JudgedLine]:
    """Return the lines after their chunk: what a later line replaced counts no longer."""
    lines = list(judged)
    readings = settle_readings(receipt, tuple(reading for reading, _ in lines), standings)
    return zip(readings, (at for _, at in lines), strict=True)


async def copy_readings(
    transaction: Transaction, message_id: int, judged: Sequence[JudgedLine]
) -> None:
    """Append the readings of a chunk, sorted by account: the index likes it better."""
    in_order = sorted(judged, key=lambda line: line[0].account)
    await transaction.copy(
        "readings",
        ("message_id", *READING_COLUMNS),
        [(message_id, *row) for reading, at in in_order for row in register_rows(reading, at)],
    )


async def summarise_registry(transaction: Transaction, message_id: int, problem: str) -> Verdict:
    """Return the verdict of the whole: the gravest of its lines, or that it cannot be believed."""
    if problem:
        return Verdict(Disposition.REJECT, Reason.NOT_RECOGNISED)
    rows = await transaction.fetch("count_verdicts", message_id)
    if not rows:
        return Verdict(Disposition.HOLD, Reason.NOT_RECOGNISED)
    return summarise([read_verdict(row) for row in rows])


def note_finished(row: Row, verdict: Verdict, problem: str) -> None:
    """Count and log a registry that came to its end."""
    metrics.MESSAGES.labels(row["channel"], verdict.disposition, verdict.reason).inc()
    log.info(
        "registry.finished",
        channel=row["channel"],
        receipt=row["receipt"],
        disposition=verdict.disposition.value,
        reason=verdict.reason.value,
        lines=row["lines"],
        problem=problem,
    )
