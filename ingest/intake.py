"""
Every channel's sink: takes messages in groups, has them judged and records them.

Rule 1. ``receive`` returns only when the message, its readings and the reply owed are committed in
one transaction. Until then nothing is said upstream.

Rule 2. While one group is being recorded, whatever arrives forms the next. There is no timer and no
batch size to tune: an idle daemon answers at once, a busy one shares its commits.

Rule 3. ``(channel, external_id)`` is unique in the database, so two daemons need no agreement. A
message that was received before gets its first outcome again; within a group the second copy gets
the outcome of the first.

Rule 4. A group is judged by what the database held a moment ago. Should another process have
recorded one of its messages, or another reading of one of its accounts, since, a unique key refuses
the whole group (ConflictError): look again, judge again, record again.

Rule 5. A message that our code raises on is recorded as parked, with the traceback. A group that
PostgreSQL refuses for its data is halved until the one message at fault stands alone, and is
parked. Neighbours never notice.

Rule 6. When PostgreSQL is away, the whole group is refused with TransientError: the upstreams keep
their messages and come again. A commit whose end is unknown is treated the same way, because the
repeat will find it (Rule 3).

Rule 7. Nobody waits for what others wait for in vain. A group that is not committed in time is
refused while its commit is under way; until that has ended and PostgreSQL answers a question,
newcomers are refused at once.
"""

import asyncio
import contextlib
import traceback
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from ingest import clock, metrics
from ingest.errors import PermanentError, TransientError
from ingest.judgement import (
    Judgement,
    Occasion,
    Standings,
    judge_message,
    list_keys,
    open_occasion,
    park_message,
    read_message,
    settle_counting,
)
from ingest.log import get_logger
from ingest.model import ChannelName, InboundMessage, Outcome, Submission
from ingest.policy import Policy
from ingest.records import (
    Known,
    MessageKey,
    Recorded,
    draw_receipt,
    find_circumstances,
    find_outcomes,
    key_of,
    record_group,
)
from ingest.replies import Phrasebook
from ingest.retry import retry_on
from ingest.store import ConflictError, Store
from ingest.trial import Trial

log = get_logger()

LARGEST_GROUP = 500
LARGEST_GROUP_BYTES = 64 * 1024 * 1024
MOST_WAITING_BYTES = 512 * 1024 * 1024
"""Beyond it newcomers are refused for now: memory is finite, and upstreams can wait."""
ATTEMPTS = 6


class Waiting(Struct, frozen=True):
    """A message that waits for its group, and whoever waits for its outcome."""

    message: InboundMessage
    outcome: "asyncio.Future[Outcome]"

    @property
    def key(self) -> MessageKey:
        """What makes receiving idempotent."""
        return key_of(self.message)


class Read(Struct, frozen=True):
    """A message that is read and can be judged, once or again."""

    message: InboundMessage
    occasion: Occasion
    submission: Submission | None
    """None when our code failed on it."""
    problem: str = ""

    @property
    def key(self) -> MessageKey:
        """What makes receiving idempotent."""
        return key_of(self.message)


class PoisonError(Exception):
    """Our code failed on one message."""

    def __init__(self, key: MessageKey, problem: str) -> None:
        super().__init__(problem)
        self.key = key
        self.problem = problem


class Intake:
    """The sink of every channel."""

    def __init__(
        self,
        store: Store,
        policies: Mapping[ChannelName, Policy],
        phrasebook: Phrasebook,
        *,
        on_owed: Callable[[], None] = lambda: None,
        within: float = 10.0,
    ) -> None:
        """*within* so many seconds a group is committed, or its messages are refused for now."""
        self._store = store
        self._policies = policies
        self._phrasebook = phrasebook
        self._on_owed = on_owed
        self._waiting: list[Waiting] = []
        self._in_hand: list[Waiting] = []
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._closed = False
        self._trial = Trial(store, within)

    async def receive(self, message: InboundMessage) -> Outcome:
        """Return once *message* is committed; see :class:`ingest.ports.Sink`."""
        if self._closed:
            raise TransientError("the daemon is stopping")
        if self._trial.problem:
            raise TransientError(self._trial.problem)
        if self._waiting_bytes > MOST_WAITING_BYTES:
            raise TransientError("too much is waiting to be recorded")
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(message, outcome))
        self._waiting_bytes += len(message.raw)
        self._arrived.set()
        return await asyncio.shield(outcome)

    async def run(self) -> None:
        """Record group after group until cancelled; then refuse what still waits."""
        try:
            while True:
                await self._arrived.wait()
                self._in_hand = self.take_group()
                await self.settle_group(self._in_hand)
                self._in_hand = []
        finally:
            self._closed = True
            refuse(self.take_all(), TransientError("the daemon is stopping"))
            await self._trial.end()

    async def drain(self) -> None:
        """Take no more, and return when all that waited is recorded; ``run`` goes on meanwhile."""
        self._closed = True
        outcomes = [one.outcome for one in (*self._in_hand, *self._waiting)]
        await asyncio.gather(*outcomes, return_exceptions=True)

    def take_group(self) -> list[Waiting]:
        """Return the next group in the order of arrival; at least one message, if any waits."""
        count = size = 0
        for one in self._waiting[:LARGEST_GROUP]:
            size += len(one.message.raw)
            if count and size > LARGEST_GROUP_BYTES:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        self._waiting_bytes = sum(len(one.message.raw) for one in self._waiting)
        metrics.WAITING.set(len(self._waiting))
        if not self._waiting:
            self._arrived.clear()
        return group

    def take_all(self) -> list[Waiting]:
        """Return everything that waits."""
        group, self._waiting = self._waiting, []
        self._waiting_bytes = 0
        self._arrived.clear()
        metrics.WAITING.set(0)
        return group

    async def settle_group(self, group: Sequence[Waiting]) -> None:
        """Record a group and hand out its outcomes; whatever happens, everybody gets an answer."""
        started = clock.monotonic()
        try:
            outcomes = await self._trial.attempt(self.record([one.message for one in group]))
        except TransientError as error:
            refuse(group, error)
            metrics.DATABASE_UP.set(0)
            await self._trial.until_back(str(error), self.turn_away)
            return
        except Exception:
            log.exception("group.failed", messages=len(group))
            refuse(group, TransientError("a fault of ours; it is logged"))
            return
        except asyncio.CancelledError:
            refuse(group, TransientError("the daemon is stopping"))
            raise
        metrics.DATABASE_UP.set(1)
        metrics.GROUPS.observe(len(group))
        metrics.COMMIT_SECONDS.observe(clock.monotonic() - started)
        answer(group, outcomes)

    def turn_away(self) -> None:
        """Refuse for now whatever waits."""
        refuse(self.take_all(), TransientError(self._trial.problem))

    async def record(self, messages: Sequence[InboundMessage]) -> dict[MessageKey, Outcome]:
        """Judge and record *messages*, the first copy of each; return their outcomes."""
        first: dict[MessageKey, InboundMessage] = {}
        for message in messages:
            first.setdefault(key_of(message), message)
        return await self.record_read([self.read(message) for message in first.values()])

    def read(self, message: InboundMessage) -> Read:
        """Read a message; what our code fails on is to be parked."""
        policy = self._policies[message.channel]
        occasion = open_occasion(policy, "", message.received_at)
        try:
            return Read(message, occasion, read_message(message))
        except Exception:  # noqa: BLE001 -- whatever it is, the message is kept
            return Read(message, occasion, None, traceback.format_exc())

    async def record_read(self, group: Sequence[Read]) -> dict[MessageKey, Outcome]:
        """Record *group*, again after a conflict; halve it when its data are refused."""
        try:
            return await retry_on(ConflictError, lambda: self.try_record(group), attempts=ATTEMPTS)
        except PermanentError as error:
            if len(group) == 1:
                [one] = group
                return await self.park(one, f"PostgreSQL refuses it: {error}")
        middle = len(group) // 2
        first = await self.record_read(group[:middle])
        return first | await self.record_read(group[middle:])

    async def try_record(self, group: Sequence[Read]) -> dict[MessageKey, Outcome]:
        """
        Look, judge and record once; raises ConflictError when somebody was quicker.

        Receipts are drawn each time: one that was given before is a conflict too.
        """
        keys = [one.key for one in group]
        wanted = [
            key
            for one in group
            if one.submission
            for key in list_keys(one.submission, one.occasion)
        ]
        known = await find_circumstances(self._store, keys, wanted)
        fresh = [give_receipt(one) for one in group if one.key not in known.received]
        outcomes: dict[MessageKey, Outcome] = {}
        if fresh:
            judged, superseded = self.judge_group(fresh, known)
            await record_group(self._store, judged, superseded)
            self.note(judged)
            outcomes = {
                one.key: make_outcome(recorded.judgement)
                for one, recorded in zip(fresh, judged, strict=True)
            }
        if known.received:
            again = await find_outcomes(self._store, list(known.received.values()))
            outcomes |= {key: again[message_id] for key, message_id in known.received.items()}
        return outcomes

    def judge_group(
        self, group: Sequence[Read], known: Known
    ) -> tuple[list[Recorded], list[tuple[int, int]]]:
        """
        Judge a group in order; return it with the recorded readings that cease to count.

        When our code fails on a message, everything is judged once more without it: what it had
        accepted until then must leave no trace.
        """
        problems: dict[MessageKey, str] = {}
        while True:
            standings = Standings(known.standing)
            try:
                judged = [(one, self.judge(one, standings, problems)) for one in group]
            except PoisonError as error:
                problems[error.key] = error.problem
                continue
            recorded = [
                Recorded(one.message, settle_counting(judgement, standings))
                for one, judgement in judged
            ]
            return recorded, sorted(standings.superseded)

    def judge(
        self, one: Read, standings: Standings, problems: Mapping[MessageKey, str]
    ) -> Judgement:
        """Judge one message; raises PoisonError when our code fails on it for the first time."""
        problem = one.problem or problems.get(one.key, "")
        if one.submission is None or problem:
            return park_message(one.message, one.occasion, problem, self._phrasebook)
        try:
            return judge_message(
                one.message, one.submission, one.occasion, standings, self._phrasebook
            )
        except Exception as error:
            raise PoisonError(one.key, traceback.format_exc()) from error

    async def park(self, one: Read, problem: str) -> dict[MessageKey, Outcome]:
        """Record a message that PostgreSQL refuses; without its text where that is to blame."""
        whole = Read(one.message, one.occasion, None, problem)
        try:
            return await self.record_parked(whole)
        except PermanentError:
            return await self.record_parked(strip(one, problem))

    async def record_parked(self, one: Read) -> dict[MessageKey, Outcome]:
        """Record a parked message; raises PermanentError when PostgreSQL refuses that too."""
        return await retry_on(ConflictError, lambda: self.try_record([one]), attempts=ATTEMPTS)

    def note(self, recorded: Sequence[Recorded]) -> None:
        """Count and log what was committed; wake the outbox when a reply is owed."""
        for one in recorded:
            note_message(one)
        if any(one.judgement.is_owed for one in recorded):
            self._on_owed()


def strip(one: Read, problem: str) -> Read:
    """Return a message with little but its raw bytes."""
    message = one.message
    bare = InboundMessage(
        channel=message.channel,
        external_id=message.external_id,
        received_at=message.received_at,
        text="",
        raw=message.raw,
        media_type=message.media_type,
        sender=message.sender[:200],
        reply_to=message.reply_to,
        finding=message.finding,
    )
    return Read(bare, one.occasion, None, problem)


def give_receipt(one: Read) -> Read:
    """Return *one* with a receipt of its own."""
    return replace(one, occasion=replace(one.occasion, receipt=draw_receipt()))


def note_message(one: Recorded) -> None:
    """Count and log one message: one line tells the whole story."""
    judgement, channel = one.judgement, one.message.channel
    verdict = judgement.verdict
    metrics.MESSAGES.labels(channel, verdict.disposition, verdict.reason).inc()
    for reading in judgement.readings:
        found = reading.verdict
        metrics.READINGS.labels(channel, found.disposition, found.reason).inc()
    if judgement.problem:
        log.error(
            "message.parked",
            channel=channel,
            receipt=judgement.receipt,
            exception=judgement.problem,
        )
    log.info(
        "message.judged",
        channel=channel,
        receipt=judgement.receipt,
        disposition=verdict.disposition.value,
        reason=verdict.reason.value,
        readings=len(judgement.readings),
        bytes=len(one.message.raw),
    )


def make_outcome(judgement: Judgement) -> Outcome:
    """Return what the channel is told."""
    return Outcome(
        receipt=judgement.receipt,
        verdict=judgement.verdict,
        reply=judgement.reply,
        readings=judgement.readings,
        is_owed=judgement.is_owed,
    )


def answer(group: Sequence[Waiting], outcomes: Mapping[MessageKey, Outcome]) -> None:
    """Hand each waiting caller its outcome; the second copy of a message is told ``again``."""
    answered: set[MessageKey] = set()
    for one in group:
        outcome = outcomes[one.key]
        if one.key in answered and not outcome.again:
            outcome = replace(outcome, again=True)
        if outcome.again:
            metrics.REPEATS.labels(one.message.channel).inc()
        answered.add(one.key)
        if not one.outcome.done():
            one.outcome.set_result(outcome)


def refuse(group: Sequence[Waiting], error: TransientError) -> None:
    """Tell every waiting caller to come again."""
    for one in group:
        with contextlib.suppress(asyncio.InvalidStateError):
            one.outcome.set_exception(error)
