"""
Sends the replies that are owed; what is due, leased and settled stands in the database.

Rule 1. A reply is claimed with SKIP LOCKED and a lease by the database's clock, renewed while the
attempt lasts, so that several daemons share the work and a killed one leaves nothing in "sending".

Rule 2. The schedule of retries stands in the row. Nothing is remembered here.

Rule 3. When a lease ran out after the attempt had begun, nobody knows whether the reply went out.
It is repeated only where a repeat does no harm (a mail's stable Message-ID, a gateway's idempotency
key); otherwise it is settled as uncertain, for a person to see. Where a repeat would do harm, the
row says before the attempt that it begins.

Rule 4. Each channel has a loop of its own: a gateway that hangs delays nobody else's replies.

Rule 5. Loops end here: so many replies a day to one address for one reason and in all, so many a
minute to everybody. In a thread with an answer of ours, one a day says that nothing was read: a
person has been told, and a robot that hides what it is would answer each.

Rule 6. A channel has its own pace: so many a second or a minute, because its gateway takes no more,
and none in its quiet hours. What would leave then gets the end of those hours as its time.
"""

import asyncio
import collections
import contextlib
import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from ingest import clock, metrics
from ingest.errors import TransientError
from ingest.log import get_logger
from ingest.mail.bounces import find_own_ids
from ingest.model import (
    TAKEN,
    Acknowledgement,
    ChannelName,
    Delivery,
    DeliveryState,
    Reason,
    ReplyTo,
)
from ingest.pace import MINUTE, Paces, Throttle
from ingest.ports import Sender
from ingest.retry import retry_on, wait_for
from ingest.settings import Replies
from ingest.store import Row, Store, clean

log = get_logger()

LEASE = dt.timedelta(seconds=30)
"""How long after a daemon was killed its replies are left to it."""
RENEW_EVERY = 10.0
"""Seconds; an attempt under way keeps its lease for as long as it takes."""
LONGEST_ATTEMPT = 120.0
"""Seconds."""
BATCH = 20
POLL = 5.0
"""Seconds between looks, beside being woken: another daemon or a command may owe a reply."""
PAUSES = tuple(dt.timedelta(seconds=s) for s in (10, 30, 60, 120, 300, 600, 1200, 1800))
LONGEST_PAUSE = dt.timedelta(hours=1)
"""Between two attempts; a gateway that asks for more time is not given it either."""
SETTLE_ATTEMPTS = 10
NATIONAL_DIGITS = 10
"""Digits of a telephone number without its country's code."""


class Claim(Struct, frozen=True):
    """A reply that is ours to send until the lease ends."""

    acknowledgement: Acknowledgement
    is_interrupted: bool
    """Whether an earlier attempt ended nobody knows how."""
    sent_for_reason: int
    """Replies to the same address for the same reason within a day, sent or perhaps sent."""
    sent_in_all: int
    """Replies to the same address within a day: those for accepted readings, or all others."""


def find_pause(attempts: int) -> dt.timedelta:
    """Return how long to wait after the given number of failed attempts, from 1."""
    return PAUSES[attempts - 1] if attempts <= len(PAUSES) else LONGEST_PAUSE


class Outbox:
    """Hands replies that are due to the senders of their channels."""

    def __init__(
        self,
        store: Store,
        senders: Mapping[ChannelName, Sender],
        settings: Replies,
        *,
        paces: Paces | None = None,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._store = store
        self._senders = senders
        self._settings = settings
        self._throttle = Throttle(settings.per_minute, monotonic)
        self._paces = paces or Paces({})
        self._owed = {name: asyncio.Event() for name in senders}
        self._is_storm = False

    def wake(self) -> None:
        """Say that a reply has come to be owed."""
        for owed in self._owed.values():
            owed.set()

    async def run(self) -> None:
        """Send until cancelled; attempts under way are finished first."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self.give_up(), name="outbox")
            for name in self._senders:
                loops.create_task(self.run_channel(name), name=f"outbox {name}")

    async def run_channel(self, name: ChannelName) -> None:
        """Send the replies of one channel until cancelled."""
        while True:
            self._owed[name].clear()
            if await self.send_due([name]) < BATCH:
                await wait_for(self._owed[name], self.find_wait(name))

    def find_wait(self, name: ChannelName) -> float:
        """Return the seconds until the next look: sooner where only the pace holds replies up."""
        return min(self._paces.find_wait(name), POLL) or POLL

    async def give_up(self) -> None:
        """Settle what nobody will ever send: replies of channels that have no way out any more."""
        deadline = dt.timedelta(seconds=self._settings.give_up_after)
        while True:
            with contextlib.suppress(TransientError):
                for row in await self._store.fetch(
                    "give_up_replies", list(self._senders), deadline
                ):
                    log.warning("reply.unsent", channel=row["channel"], receipt=row["receipt"],
                                state="failed", detail="its channel has no way out")  # fmt: skip
            await asyncio.sleep(MINUTE)

    async def send_due(self, channels: Sequence[ChannelName] | None = None) -> int:
        """
        Send one batch of what is due, of all channels or of some; return how many were claimed.

        Waits out a cancellation.
        """
        claims: list[Claim] = []
        try:
            for name in channels or list(self._senders):
                claims += await self.claim(name, self.find_room() - len(claims))
        except TransientError as error:
            log.debug("outbox.stopped", problem=str(error))
        claims = count_earlier(claims)
        if not claims:
            return 0
        batch = asyncio.gather(*(self.handle(claim) for claim in claims))
        renewing = asyncio.create_task(self.renew([one.acknowledgement for one in claims]))
        try:
            await asyncio.shield(batch)
        except asyncio.CancelledError:
            await batch
            raise
        finally:
            renewing.cancel()
        return len(claims)

    async def renew(self, sending: Sequence[Acknowledgement]) -> None:
        """Keep the leases of what is being sent, until cancelled; not those that others took."""
        ids = [one.id for one in sending]
        attempts = [one.attempts + 1 for one in sending]
        while True:
            await asyncio.sleep(RENEW_EVERY)
            with contextlib.suppress(TransientError):
                await self._store.fetch("renew_leases", ids, attempts, LEASE)

    def find_room(self) -> int:
        """Return how many may leave now; a storm is logged once when it is stopped."""
        room = self._throttle.find_room()
        if room <= 0 and not self._is_storm:
            log.error("replies.throttled", per_minute=self._settings.per_minute)
        self._is_storm = room <= 0
        return room

    async def claim(self, name: ChannelName, room: int) -> list[Claim]:
        """Lease what is due in one channel, oldest first, as much as there is room for."""
        end = self._paces.find_quiet_end(name)
        if end is not None:
            await self._store.fetch("postpone_replies", name, end)
            return []
        count = self._paces.find_room(name, min(BATCH, room))
        if count <= 0:
            return []
        rows = await self._store.fetch("claim_replies", name, count, LEASE)
        return [read_claim(row) for row in rows]

    async def handle(self, claim: Claim) -> None:
        """Send one reply, unless it must not be, and settle it."""
        acknowledgement = claim.acknowledgement
        if enough := self.find_surfeit(claim):
            await self.settle(acknowledgement, "suppressed", enough)
            return
        sender = self._senders[acknowledgement.channel]
        if claim.is_interrupted and not sender.is_repeatable:
            delivery = Delivery(DeliveryState.UNCERTAIN, "the attempt before ended unknown")
        else:
            begun = await self.begin(sender, acknowledgement)
            if begun is None:
                return
            delivery = begun
        await self.settle_delivery(acknowledgement, delivery)

    def find_surfeit(self, claim: Claim) -> str:
        """Say why this address has had enough; empty when it has not."""
        most = self._settings.per_address
        if claim.acknowledgement.reason in TAKEN:
            most = self._settings.per_address_accepted
        elif claim.sent_for_reason and is_unread_answer(claim.acknowledgement):
            return "one such reply within a day is enough for answers to an answer of ours"
        elif claim.sent_for_reason >= self._settings.per_address_and_reason:
            return f"{claim.sent_for_reason} replies for this reason within a day are enough"
        if claim.sent_in_all >= most:
            return f"{claim.sent_in_all} replies within a day are enough"
        return ""

    async def begin(self, sender: Sender, acknowledgement: Acknowledgement) -> Delivery | None:
        """
        Try once; where a repeat would do harm, write first that the attempt begins.

        None: the lease ran out before that, and another daemon has the reply now.
        """
        if not sender.is_repeatable:
            attempts = acknowledgement.attempts + 1
            try:
                if not await self._store.fetch("begin_reply", acknowledgement.id, attempts, LEASE):
                    return None
            except TransientError as error:
                return Delivery(DeliveryState.RETRY, f"not begun: {error}")
        self._paces.note(acknowledgement.channel)
        delivery = await attempt(sender, acknowledgement)
        if delivery.state is not DeliveryState.RETRY:
            self._throttle.note()
        return delivery

    async def settle_delivery(self, acknowledgement: Acknowledgement, delivery: Delivery) -> None:
        """Record how an attempt ended, and when the next one is due."""
        attempts = acknowledgement.attempts + 1
        wished = dt.timedelta(seconds=min(delivery.retry_after, LONGEST_PAUSE.total_seconds()))
        pause = max(find_pause(attempts), wished)
        state: str = delivery.state
        if delivery.state is DeliveryState.RETRY:
            deadline = dt.timedelta(seconds=self._settings.give_up_after)
            age = clock.now() - acknowledgement.created_at
            state = "failed" if age > deadline else "due"
        await self.settle(
            acknowledgement, state, delivery.detail, pause=pause, upstream_id=delivery.upstream_id
        )

    async def settle(
        self,
        acknowledgement: Acknowledgement,
        state: str,
        detail: str,
        *,
        pause: dt.timedelta = dt.timedelta(0),
        upstream_id: str = "",
    ) -> None:
        """Write down how an attempt ended; should PostgreSQL stay away, the lease will run out."""

        async def write() -> None:
            await self._store.fetch(
                "settle_reply",
                acknowledgement.id,
                acknowledgement.attempts + 1,
                state,
                pause,
                clean(detail),
                clean(upstream_id),
            )

        try:
            await retry_on(TransientError, write, attempts=SETTLE_ATTEMPTS, longest_wait=3.0)
        except TransientError as error:
            log.warning("reply.unsettled", receipt=acknowledgement.receipt, problem=str(error))
        note_reply(acknowledgement, state, detail)


def is_unread_answer(acknowledgement: Acknowledgement) -> bool:
    """Tell whether it says that nothing was read in what answers an answer of ours."""
    is_unread = acknowledgement.reason is Reason.NOT_RECOGNISED
    return is_unread and bool(find_own_ids(acknowledgement.reply_to.references))


def count_earlier(claims: Sequence[Claim]) -> list[Claim]:
    """Add to what was sent lately what stands earlier in the same batch."""
    for_reason: collections.Counter[tuple[str, Reason]] = collections.Counter()
    in_all: collections.Counter[tuple[str, bool]] = collections.Counter()
    counted = []
    for claim in claims:
        address, reason = claim.acknowledgement.reply_to.address, claim.acknowledgement.reason
        kind = (address, reason in TAKEN)
        counted.append(
            replace(
                claim,
                sent_for_reason=claim.sent_for_reason + for_reason[address, reason],
                sent_in_all=claim.sent_in_all + in_all[kind],
            )
        )
        for_reason[address, reason] += 1
        in_all[kind] += 1
    return counted


async def attempt(sender: Sender, acknowledgement: Acknowledgement) -> Delivery:
    """Let *sender* try once; of an attempt that did not end well nobody knows how it ended."""
    unknown = DeliveryState.RETRY if sender.is_repeatable else DeliveryState.UNCERTAIN
    try:
        async with asyncio.timeout(LONGEST_ATTEMPT):
            return await sender.send(acknowledgement)
    except TimeoutError:
        return Delivery(unknown, "the attempt took too long")
    except Exception as error:
        log.exception("reply.failed", receipt=acknowledgement.receipt)
        return Delivery(unknown, f"a fault of ours: {error!r}")


def note_reply(acknowledgement: Acknowledgement, state: str, detail: str) -> None:
    """Count and log one attempt."""
    metrics.REPLIES.labels(acknowledgement.channel, "retry" if state == "due" else state).inc()
    write = log.info if state == "sent" else log.warning
    write(
        "reply.sent" if state == "sent" else "reply.unsent",
        channel=acknowledgement.channel,
        receipt=acknowledgement.receipt,
        state=state,
        attempts=acknowledgement.attempts + 1,
        detail=hide_address(detail, acknowledgement.reply_to.address),
    )


def hide_address(text: str, address: str) -> str:
    """
    Take the person out of what a relay or gateway said, for the log; they like to repeat whom.

    Of a telephone number the last ten digits are enough, with whatever code they are written.
    """
    person = address if "@" in address else address[-NATIONAL_DIGITS:]
    return re.sub(re.escape(person), "...", text, flags=re.IGNORECASE) if person else text


def read_claim(row: Row) -> Claim:
    """Return a claimed row as a claim."""
    reply_to = ReplyTo(
        address=row["address"],
        subject=row["subject"],
        message_id=row["in_reply_to"],
        references=row["reply_references"],
    )
    return Claim(
        acknowledgement=Acknowledgement(
            id=row["id"],
            channel=ChannelName(row["channel"]),
            receipt=row["receipt"],
            reason=Reason(row["reason"]),
            reply_to=reply_to,
            body=row["body"],
            attempts=row["attempts"] - 1,
            created_at=row["created_at"],
        ),
        is_interrupted=row["is_interrupted"],
        sent_for_reason=row["sent_for_reason"],
        sent_in_all=row["sent_in_all"],
    )
