"""
The sink of batch files: chunk after chunk, each committed with the position reached.

The row of the registry is locked while a chunk is recorded, and the chunk must begin where the
last one ended; two daemons on one file, or a crash between two chunks, can therefore neither skip
nor repeat a line.
"""

import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

from ingest import metrics
from ingest.errors import NotFoundError, TransientError
from ingest.foresight import Foreseen
from ingest.judgement import Standings, open_occasion
from ingest.lines import (
    Earlier,
    JudgedLine,
    OperationKey,
    Work,
    count_verdicts,
    judge_lines,
    prepare_line,
)
from ingest.log import get_logger
from ingest.model import (
    ChannelName,
    Decision,
    Disposition,
    InboundRegistry,
    LineResult,
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
    Source,
    columns,
    draw_receipt,
    find_circumstances,
    read_verdict,
    register_rows,
    spell_verdict,
)
from ingest.retry import retry_on
from ingest.rules import summarise
from ingest.store import ConflictError, Row, Store, Transaction, clean

log = get_logger()

ATTEMPTS = 6
RESULT_BATCH = 5000
WITHDRAW_WITHIN = 3600.0
"""Seconds; a registry of any size must be able to come to its end."""


class RegistryIntake:
    """The sink of every registry channel; see :class:`ingest.ports.RegistrySink`."""

    def __init__(self, store: Store, policies: Mapping[ChannelName, Policy]) -> None:
        self._store = store
        self._policies = policies
        self._opened: set[int] = set()
        """Registries of which nothing was recorded since they were opened."""
        self._foreseen = Foreseen()

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

        progress = await retry_on(ConflictError, attempt, attempts=ATTEMPTS)
        self._opened.add(progress.message_id)
        self._foreseen.forget(progress.message_id)
        return progress

    async def withdraw_superseded(self, registry: InboundRegistry) -> None:
        """Close what is open of the same file under another content; none of it counts."""
        for row in await self._store.fetch(
            "list_superseded_registries",
            registry.channel,
            registry.external_id,
            clean(registry.claim),
        ):
            progress = read_progress(row)
            is_refused = progress.decision is Decision.REFUSED
            problem = "the file changed while it was read"
            await self.close(progress, problem, is_as_new=not is_refused)

    async def receive_chunk(
        self, progress: RegistryProgress, chunk: RegistryChunk
    ) -> RegistryProgress:
        """Judge the lines of *chunk* and commit them with its bytes and the position after it."""
        return await retry_on(
            ConflictError, lambda: self.try_chunk(progress, chunk), attempts=ATTEMPTS
        )

    async def try_chunk(self, progress: RegistryProgress, chunk: RegistryChunk) -> RegistryProgress:
        """Look, judge and record a chunk once; raises ConflictError when somebody was quicker."""
        message_id = progress.message_id
        async with self._store.transaction() as transaction:
            [row] = await transaction.fetch("lock_registry", message_id)
            check_position(row, progress)
            judged, standings = self._foreseen.recall(message_id, chunk) or await self.judge_chunk(
                transaction, row, message_id, chunk.lines
            )
            tally = count_verdicts(judged)
            if lines := sorted(standings.superseded):
                await transaction.fetch("supersede", *columns(lines, 2))
            if registers := sorted(standings.superseded_registers):
                await transaction.fetch("supersede_registers", *columns(registers, 3))
            await copy_readings(transaction, message_id, judged)
            [after] = await transaction.fetch(
                "advance_registry",
                message_id,
                chunk.line_count,
                len(chunk.raw),
                chunk.raw,
                write_tally(read_tally(row["tally"]) + tally),
                message_id in self._opened,
            )
        self._opened.discard(message_id)
        self._foreseen.note_committed(message_id, judged)
        note_lines(ChannelName(row["channel"]), tally)
        return RegistryProgress(
            message_id=message_id,
            receipt=progress.receipt,
            lines=after["lines"],
            offset=after["read_bytes"],
            finished=False,
            decision=progress.decision,
        )

    async def judge_chunk(
        self, source: Source, row: Row, message_id: int, lines: Sequence[RegistryLine]
    ) -> tuple[list[JudgedLine], Standings]:
        """Judge lines in order; return them and what counts once they are recorded."""
        policy = self._policies[ChannelName(row["channel"])]
        whole = open_occasion(policy, row["receipt"], row["received_at"])
        work = [prepare_line(line, whole) for line in lines]
        known = await find_circumstances(
            source,
            (),
            ((one.item.account, one.occasion.day.period) for one in work
             if isinstance(one.item, Reading)),
        )  # fmt: skip
        earlier = await find_earlier(source, ChannelName(row["channel"]), message_id, work)
        standings = Standings(known.standing)
        return judge_lines(work, earlier, standings), standings

    async def foresee_chunk(self, progress: RegistryProgress, chunk: RegistryChunk) -> None:
        """Judge the chunk that comes next while the one before it is being committed."""
        message_id = progress.message_id
        try:
            [row] = await self._store.fetch("get_occasion", message_id)
            judged, standings = await self.judge_chunk(self._store, row, message_id, chunk.lines)
        except TransientError:
            return
        self._foreseen.note(message_id, chunk, judged, standings)

    async def try_lines(
        self, progress: RegistryProgress, lines: Sequence[RegistryLine]
    ) -> Mapping[Verdict, int]:
        """Judge lines as they would be judged now, and record nothing."""
        [row] = await self._store.fetch("get_occasion", progress.message_id)
        judged, _ = await self.judge_chunk(self._store, row, progress.message_id, lines)
        return count_verdicts(judged)

    async def await_decision(self, progress: RegistryProgress, problem: str) -> RegistryProgress:
        """Stop a registry of which nothing is recorded yet, until a person decides."""
        if await self._store.fetch("await_decision", progress.message_id, clean(problem)):
            log.warning("registry.stopped", receipt=progress.receipt, problem=problem)
        return await self.find_decision(progress)

    async def find_decision(self, progress: RegistryProgress) -> RegistryProgress:
        """Return how far a registry is by now, and what was decided about it."""
        [row] = await self._store.fetch("find_progress", progress.message_id)
        return read_progress(row)

    async def finish_registry(self, progress: RegistryProgress, problem: str = "") -> Outcome:
        """Close the registry; with a *problem* none of its readings counts."""
        await self.close(progress, problem)
        [row] = await self._store.fetch("get_registry", progress.message_id)
        return Outcome(
            receipt=row["receipt"],
            verdict=read_verdict(row),
            reply=row["reply"],
            again=progress.finished,
        )

    async def close(
        self, progress: RegistryProgress, problem: str, *, is_as_new: bool = False
    ) -> None:
        """Close the registry; *is_as_new*: its content is new when it comes again."""
        async with self._store.transaction(time_limit=WITHDRAW_WITHIN) as transaction:
            [row] = await transaction.fetch("lock_registry", progress.message_id)
            if row["state"] == "open":
                verdict = summarise_registry(read_tally(row["tally"]), problem)
                if problem:
                    await transaction.fetch("discount_message", progress.message_id)
                await transaction.fetch(
                    "finish_registry",
                    progress.message_id,
                    verdict.disposition,
                    verdict.reason,
                    clean(problem),
                    is_as_new,
                )
                note_finished(row, verdict, problem)
        self._opened.discard(progress.message_id)
        self._foreseen.forget(progress.message_id)

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
                    receipt=row["first_receipt"] or line_receipt(progress.receipt, row["line"]),
                )
                for row in rows
                for verdict in [read_verdict(row)]
            ]
            after = rows[-1]["line"]

    async def count_results(self, progress: RegistryProgress) -> Mapping[str, int]:
        """Count the data lines that are committed by now, by what became of them."""
        counts: Counter[str] = Counter()
        for row in await self._store.fetch("get_tally", progress.message_id):
            for verdict, lines in read_tally(row["tally"]).items():
                counts[verdict.disposition] += lines
        return counts

    async def owe_results(
        self, progress: RegistryProgress, addresses: Sequence[str], subject: str, body: str
    ) -> None:
        """Owe each address the results of a registry that is closed, once for ever."""
        await self._store.fetch(
            "owe_results", progress.message_id, list(addresses), clean(subject), clean(body)
        )


def read_progress(row: Row) -> RegistryProgress:
    """Return how far a registry is committed."""
    return RegistryProgress(
        message_id=row["message_id"],
        receipt=row["receipt"],
        lines=row["lines"],
        offset=row["read_bytes"],
        finished=row["state"] != "open",
        decision=Decision(row["decision"]),
    )


def check_position(row: Row, progress: RegistryProgress) -> None:
    """Raise TransientError unless the registry stands where the caller believes it to."""
    if row["state"] != "open" or row["lines"] != progress.lines:
        raise TransientError(
            f"the registry {progress.receipt} stands at line {row['lines']}, not at "
            f"{progress.lines}: somebody else reads it; open it again"
        )


async def find_earlier(
    source: Source, channel: ChannelName, message_id: int, work: Sequence[Work]
) -> Mapping[OperationKey, Sequence[Earlier]]:
    """Return the lines of other registries that had the operations of these, the last first."""
    keys = sorted({one.key for one in work if one.operation is not None})
    if not keys:
        return {}
    operations = [(clean(operation or ""), account) for operation, account in keys]
    rows = await source.fetch("find_operations", channel, *columns(operations, 2), message_id)
    earlier: dict[OperationKey, list[Earlier]] = {}
    for row in rows:
        one = Earlier(
            account=row["account"],
            receipt=row["receipt"],
            registers=tuple(row["registers"]),
            values=tuple(row["values"]),
            period=row["period"],
            effective_at=row["effective_at"],
        )
        earlier.setdefault(keys[row["ord"] - 1], []).append(one)
    return earlier


def read_tally(text: str) -> Counter[Verdict]:
    """Return how many data lines came to what, as it is recorded."""
    tally: Counter[Verdict] = Counter()
    for key, lines in json.loads(text).items():
        tally[spell_verdict(*key.split(" "))] = lines
    return tally


def write_tally(tally: Mapping[Verdict, int]) -> str:
    """Return a tally as it is recorded."""
    return json.dumps({f"{one.disposition} {one.reason}": lines for one, lines in tally.items()})


async def copy_readings(
    transaction: Transaction, message_id: int, judged: Sequence[JudgedLine]
) -> None:
    """Append the readings of a chunk, sorted by account: the index likes it better."""
    in_order = sorted(judged, key=lambda one: one.reading.account)
    await transaction.copy(
        "readings",
        ("message_id", *READING_COLUMNS, "operation", "first_receipt", "paid_at"),
        itertools.chain.from_iterable(line_rows(message_id, one) for one in in_order),
    )


def line_rows(message_id: int, one: JudgedLine) -> Iterable[tuple[object, ...]]:
    """Return a line as rows of ``readings``, one a register."""
    operation = None if one.operation is None else clean(one.operation)
    return [
        (message_id, *row, operation, one.first_receipt, one.paid_at)
        for row in register_rows(one.reading, one.effective_at)
    ]


def summarise_registry(tally: Mapping[Verdict, int], problem: str) -> Verdict:
    """Return the verdict of the whole: the gravest of its lines, or that it cannot be believed."""
    if problem:
        return Verdict(Disposition.REJECT, Reason.NOT_RECOGNISED)
    if not tally:
        return Verdict(Disposition.HOLD, Reason.NOT_RECOGNISED)
    return summarise(sorted(tally, key=lambda one: (one.disposition, one.reason)))


async def decide_registry(store: Store, receipt: str, decision: Decision) -> ChannelName:
    """
    Let a stopped registry be recorded, or refuse it; return its channel, which goes on with it.

    Raises NotFoundError for what does not wait for a decision.
    """
    rows = await store.fetch("decide_registry", receipt, decision)
    if not rows:
        raise NotFoundError(f"no registry with the receipt {receipt} waits for a decision")
    return ChannelName(rows[0]["channel"])


def note_lines(channel: ChannelName, tally: Mapping[Verdict, int]) -> None:
    """Count what was committed."""
    metrics.REGISTRY_LINES.labels(channel).inc(sum(tally.values()))
    for verdict, lines in tally.items():
        metrics.READINGS.labels(channel, verdict.disposition, verdict.reason).inc(lines)


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
