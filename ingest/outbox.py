"""
Sends the replies that are owed; what is due, leased and settled stands in the database.

Rule 1. A reply is claimed with SKIP LOCKED and a lease by the database's clock, renewed while the
attempt lasts, so that several daemons share the work and a killed one leaves nothing in "sending".

Rule 2. The schedule of retries stands in the row. Nothing is remembered here.

Rule 3. When a lease ran out, nobody knows whether the reply went out. It is repeated only where a
repeat does no harm (a mail's stable Message-ID, a gateway's idempotency key); otherwise it is
settled as uncertain, for a person to see.

Rule 4. Loops end here: so many replies a day to one address for one reason, so many a minute in
all, whatever the reason.
"""

import asyncio
import collections
import contextlib
import datetime as dt
import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from ingest import clock, metrics
from ingest.errors import TransientError
from ingest.log import get_logger
from ingest.model import (
    Acknowledgement,
    ChannelName,
    Delivery,
    DeliveryState,
    Reason,
    ReplyTo,
)
from ingest.ports import Sender
from ingest.retry import retry_on
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
SETTLE_ATTEMPTS = 10
MINUTE = 60.0
NATIONAL_DIGITS = 10
"""Digits of a telephone number without its country's code."""


class Claim(Struct, frozen=True):
    """A reply that is ours to send until the lease ends."""

    acknowledgement: Acknowledgement
    is_interrupted: bool
    """Whether an earlier attempt ended nobody knows how."""
    sent_lately: int
    """Replies to the same address for the same reason within a day."""


def find_pause(attempts: int) -> dt.timedelta:
    """Return how long to wait after the given number of failed attempts, from 1."""
    return PAUSES[attempts - 1] if attempts <= len(PAUSES) else LONGEST_PAUSE


class Throttle:
    """At most so many in any sixty seconds."""

    def __init__(self, per_minute: int, monotonic: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._monotonic = monotonic
        self._sent: collections.deque[float] = collections.deque()

    def find_room(self) -> int:
        """Return how many may leave now."""
        horizon = self._monotonic() - MINUTE
        while self._sent and self._sent[0] <= horizon:
            self._sent.popleft()
        return self._per_minute - len(self._sent)

    def note(self) -> None:
        """Count one that leaves now."""
        self._sent.append(self._monotonic())


class Outbox:
    """Hands replies that are due to the senders of their channels."""

    def __init__(
        self,
        store: Store,
        senders: Mapping[ChannelName, Sender],
        settings: Replies,
        *,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._store = store
        self._senders = senders
        self._settings = settings
        self._throttle = Throttle(settings.per_minute, monotonic)
        self._owed = asyncio.Event()
        self._is_storm = False

    def wake(self) -> None:
        """Say that a reply has come to be owed."""
        self._owed.set()

    async def run(self) -> None:
        """Send until cancelled; attempts under way are finished first."""
        while True:
            self._owed.clear()
            if await self.send_due() < BATCH:
                await self.wait()

    async def wait(self) -> None:
        """Return when woken, or when it is time to look anyway."""
        try:
            async with asyncio.timeout(POLL):
                await self._owed.wait()
        except TimeoutError:
            return

    async def send_due(self) -> int:
        """Send one batch of what is due; return how many were claimed. Waits out a cancellation."""
        room = self.find_room()
        if room <= 0:
            return 0
        try:
            claims = await self.claim(min(BATCH, room))
        except TransientError as error:
            log.debug("outbox.stopped", problem=str(error))
            return 0
        batch = asyncio.gather(*(self.handle(claim) for claim in claims))
        renewing = asyncio.create_task(self.renew([one.acknowledgement.id for one in claims]))
        try:
            await asyncio.shield(batch)
        except asyncio.CancelledError:
            await batch
            raise
        finally:
            renewing.cancel()
        return len(claims)

    async def renew(self, ids: list[int]) -> None:
        """Keep the leases of what is being sent, until cancelled."""
        while True:
            await asyncio.sleep(RENEW_EVERY)
            with contextlib.suppress(TransientError):
                await self._store.fetch("renew_leases", ids, LEASE)

    def find_room(self) -> int:
        """Return how many may leave now; a storm is logged once when it is stopped."""
        room = self._throttle.find_room()
        if room <= 0 and not self._is_storm:
            log.error("replies.throttled", per_minute=self._settings.per_minute)
        self._is_storm = room <= 0
        return room

    async def claim(self, count: int) -> list[Claim]:
        """Lease what is due, oldest first."""
        rows = await self._store.fetch("claim_replies", list(self._senders), count, LEASE)
        return [read_claim(row) for row in rows]

    async def handle(self, claim: Claim) -> None:
        """Send one reply, unless it must not be, and settle it."""
        acknowledgement = claim.acknowledgement
        if claim.sent_lately >= self._settings.per_address_and_reason:
            detail = f"{claim.sent_lately} replies for this reason within a day are enough"
            await self.settle(acknowledgement, "suppressed", detail)
            return
        sender = self._senders[acknowledgement.channel]
        if claim.is_interrupted and not sender.is_repeatable:
            delivery = Delivery(DeliveryState.UNCERTAIN, "the attempt before ended unknown")
        else:
            self._throttle.note()
            delivery = await attempt(sender, acknowledgement)
        await self.settle_delivery(acknowledgement, delivery)

    async def settle_delivery(self, acknowledgement: Acknowledgement, delivery: Delivery) -> None:
        """Record how an attempt ended, and when the next one is due."""
        attempts = acknowledgement.attempts + 1
        pause = find_pause(attempts)
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


async def attempt(sender: Sender, acknowledgement: Acknowledgement) -> Delivery:
    """Let *sender* try once; one that breaks its promise not to raise has not sent."""
    try:
        async with asyncio.timeout(LONGEST_ATTEMPT):
            return await sender.send(acknowledgement)
    except TimeoutError:
        state = DeliveryState.RETRY if sender.is_repeatable else DeliveryState.UNCERTAIN
        return Delivery(state, "the attempt took too long")
    except Exception as error:
        log.exception("reply.failed", receipt=acknowledgement.receipt)
        state = DeliveryState.RETRY if sender.is_repeatable else DeliveryState.UNCERTAIN
        return Delivery(state, f"a fault of ours: {error!r}")


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
        sent_lately=row["sent_lately"],
    )
