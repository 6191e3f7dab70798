"""The outbox on a real PostgreSQL: leases, retries, what must not be repeated or leave."""

import asyncio
import collections
import datetime as dt

import pytest
from builders import MAIL, SMALL_CONFIG, SMS, a_message

from ingest.model import Delivery, DeliveryState
from ingest.outbox import LONGEST_PAUSE, Outbox, Throttle, find_pause
from ingest.settings import Replies


class ScriptedSender:
    """A way out that ends each attempt as it was told to, and remembers what it was given."""

    def __init__(self, *states, is_repeatable=True):
        self.states = list(states)
        self.is_repeatable = is_repeatable
        self.sent = []

    async def send(self, acknowledgement):
        self.sent.append(acknowledgement)
        state = self.states.pop(0) if self.states else DeliveryState.SENT
        if isinstance(state, Exception):
            raise state
        return Delivery(state, "told so", "up-1")


@pytest.fixture
async def owe(open_intake, a_config):
    """Return a function that lets the intake owe one reply."""
    sinks = await open_intake(a_config(SMALL_CONFIG))

    async def make(text="123456789012*5467;"):
        return await sinks.receive(a_message(text))

    return make


async def states(store):
    async with store._pool.acquire() as connection:
        found = await connection.fetch("SELECT state, attempts FROM outbox ORDER BY id")
    return [tuple(row) for row in found]


async def execute(store, sql):
    async with store._pool.acquire() as connection:
        await connection.execute(sql)


async def test_sends_what_is_owed(store, owe):
    """A reply leaves once, to the sender, with the text that was promised."""
    outcome = await owe()
    sender = ScriptedSender()
    outbox = Outbox(store, {SMS: sender}, Replies())
    assert [1, 0] == [await outbox.send_due(), await outbox.send_due()]
    [sent] = sender.sent
    assert (outcome.reply, "+79031234567", 0) == (sent.body, sent.reply_to.address, sent.attempts)
    assert [("sent", 1)] == await states(store)


async def test_tries_again_when_it_is_time(store, owe):
    """After a failed attempt the row says when the next one is due; not before."""
    await owe()
    sender = ScriptedSender(DeliveryState.RETRY)
    outbox = Outbox(store, {SMS: sender}, Replies())
    assert [1, 0] == [await outbox.send_due(), await outbox.send_due()]
    assert [("due", 1)] == await states(store)
    await execute(store, "UPDATE outbox SET next_attempt_at = now()")
    await outbox.send_due()
    assert [("sent", 2)] == await states(store)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(DeliveryState.FAILED, "failed", id="refused for good"),
        pytest.param(DeliveryState.UNCERTAIN, "uncertain", id="nobody knows"),
        pytest.param(RuntimeError("boom"), "due", id="our fault, harmless to repeat"),
    ],
)
async def test_settles_as_the_attempt_ended(store, owe, state, expected):
    """What cannot or must not be tried again is not."""
    await owe()
    await Outbox(store, {SMS: ScriptedSender(state)}, Replies()).send_due()
    assert [(expected, 1)] == await states(store)


@pytest.mark.parametrize(
    ("is_repeatable", "expected", "sendings"),
    [
        pytest.param(True, "sent", 1, id="a repeat does no harm"),
        pytest.param(False, "uncertain", 0, id="a repeat would reach the person twice"),
    ],
)
async def test_a_lease_that_ran_out(store, owe, is_repeatable, expected, sendings):
    """After a crash in the middle of an attempt only harmless replies are repeated."""
    await owe()
    await execute(
        store,
        "UPDATE outbox SET state = 'sending', attempts = 1, has_begun = TRUE, leased_until = now()",
    )
    sender = ScriptedSender(is_repeatable=is_repeatable)
    await Outbox(store, {SMS: sender}, Replies()).send_due()
    assert ([(expected, 2)], sendings) == (await states(store), len(sender.sent))


async def test_an_attempt_that_never_began(store, owe):
    """After a crash between claim and attempt every reply is sent, whatever its way out."""
    await owe()
    await execute(store, "UPDATE outbox SET state = 'sending', attempts = 1, leased_until = now()")
    await Outbox(store, {SMS: ScriptedSender(is_repeatable=False)}, Replies()).send_due()
    assert [("sent", 2)] == await states(store)


async def test_an_attempt_that_may_do_harm_says_that_it_begins(store, owe):
    """While such an attempt is under way, the row says so."""
    await owe()
    begun = []

    class Watching(ScriptedSender):
        async def send(self, acknowledgement):
            async with store._pool.acquire() as connection:
                begun.append(await connection.fetchval("SELECT has_begun FROM outbox"))
            return await super().send(acknowledgement)

    for is_repeatable in (False, True):
        await Outbox(store, {SMS: Watching(is_repeatable=is_repeatable)}, Replies()).send_due()
        await execute(store, "UPDATE outbox SET state = 'due', next_attempt_at = now()")
    assert [True, False] == begun


class Waiting(ScriptedSender):
    """A way out that takes until it is released, and says when it is asked."""

    def __init__(self):
        super().__init__()
        self.asked, self.released = asyncio.Event(), asyncio.Event()

    async def send(self, acknowledgement):
        self.asked.set()
        await self.released.wait()
        return await super().send(acknowledgement)


async def test_a_channel_that_hangs_delays_nobody_else(store, owe):
    """A gateway that does not answer holds up its own replies, not those by mail."""
    await owe()
    await owe()
    await execute(store, "UPDATE outbox SET channel = 'mail' WHERE id = 2")
    hanging, prompt = Waiting(), Waiting()
    running = asyncio.create_task(Outbox(store, {SMS: hanging, MAIL: prompt}, Replies()).run())
    async with asyncio.timeout(10):
        await hanging.asked.wait()
        await prompt.asked.wait()
    hanging.released.set()
    prompt.released.set()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert {"sent"} == {state for state, _ in await states(store)}


async def test_a_loop_within_one_batch_ends_too(store, owe):
    """Replies that are claimed together count each other."""
    for number in range(4):
        await owe(f"no reading {number}")
    await Outbox(store, {SMS: ScriptedSender()}, Replies(per_address_and_reason=2)).send_due()
    assert {"sent": 2, "suppressed": 2} == dict(
        collections.Counter(state for state, _ in await states(store))
    )


async def test_a_channel_without_a_way_out(store, owe):
    """What nobody can send any more is failed in the end, and told in the log."""
    await owe()
    await execute(store, "UPDATE outbox SET created_at = now() - interval '3 days'")
    await store.fetch("give_up_replies", ["mail"], dt.timedelta(days=2))
    assert [("failed", 0)] == await states(store)


async def test_a_lease_that_holds(store, owe):
    """What another daemon is sending is left to it."""
    await owe()
    await execute(store, "UPDATE outbox SET state = 'sending', leased_until = now() + '1 minute'")
    sender = ScriptedSender()
    assert 0 == await Outbox(store, {SMS: sender}, Replies()).send_due()


async def test_a_lease_that_was_lost_before_the_attempt(store, owe):
    """Whoever was held up between claim and attempt sends nothing that another has by now."""
    await owe()
    sender = ScriptedSender(is_repeatable=False)
    slow, quick = (Outbox(store, {SMS: sender}, Replies()) for _ in "ab")
    [claim] = await slow.claim(SMS, 1)
    await execute(store, "UPDATE outbox SET leased_until = now()")
    await quick.send_due()
    await slow.handle(claim)
    assert ([("sent", 2)], 1) == (await states(store), len(sender.sent))


async def test_two_daemons_share_the_work(store, owe):
    """Two outboxes at once send every reply exactly once."""
    for number in range(30):
        await owe(f"12345678{number:04}*1;")
    sender = ScriptedSender()
    outboxes = [Outbox(store, {SMS: sender}, Replies(per_address_and_reason=99)) for _ in "ab"]
    while sum(await asyncio.gather(*(one.send_due() for one in outboxes))):
        pass
    assert 30 == len({one.id for one in sender.sent}) == len(sender.sent)


async def test_a_loop_ends(store, owe):
    """To one address, for one reason, only so many replies leave within a day."""
    outbox = Outbox(store, {SMS: ScriptedSender()}, Replies(per_address_and_reason=2))
    for number in range(4):
        await owe(f"no reading {number}")
        await outbox.send_due()
    assert ["sent", "sent", "suppressed", "suppressed"] == [one for one, _ in await states(store)]


async def test_gives_up_in_the_end(store, owe):
    """A reply that could not be sent for two days is failed, not forgotten."""
    await owe()
    await execute(store, "UPDATE outbox SET created_at = now() - interval '3 days'")
    await Outbox(store, {SMS: ScriptedSender(DeliveryState.RETRY)}, Replies()).send_due()
    assert [("failed", 1)] == await states(store)


async def test_waits_while_the_database_is_away(store):
    """Without PostgreSQL nothing is sent, and nothing is raised."""
    await store.close()
    assert 0 == await Outbox(store, {SMS: ScriptedSender()}, Replies()).send_due()


def test_pauses_grow():
    """The pause between attempts grows to an hour and stays there."""
    pauses = [find_pause(attempts) for attempts in range(1, 20)]
    assert sorted(pauses) == pauses
    assert (dt.timedelta(seconds=10), LONGEST_PAUSE) == (pauses[0], pauses[-1])


def test_a_storm_is_stopped():
    """In any sixty seconds only so many replies leave."""
    seconds = [0.0]
    throttle = Throttle(2, lambda: seconds[0])
    throttle.note()
    seconds[0] = 30.0
    throttle.note()
    full = throttle.find_room()
    seconds[0] = 60.0
    assert (0, 1) == (full, throttle.find_room())
