"""The journal in front of a real intake: what was kept is judged, counted and answered once."""

import asyncio
import datetime as dt

import pytest
from builders import OPEN_AT, SMALL_CONFIG, a_message
from journal_desk import FREELY, ScriptedSink, a_journal
from msgspec.structs import replace

from ingest.journal.drain import Drain
from ingest.journal.sink import JournaledSink
from ingest.model import ReplyTo
from ingest.records import owe_late_reply

CUSTOMER = ReplyTo("+79031234567")
CHECKED = "Получено, проверяем."


class Desk:
    """A journal between a channel and an intake that can be cut off."""

    def __init__(self, folder, intake, store):
        self.journal = a_journal(folder, FREELY)
        self.intake = intake
        self.store = store
        self.away = ScriptedSink()
        self.away.is_away = True
        self.sink = JournaledSink(self, self.journal, reply=CHECKED, after=30)
        self.is_away = False

    async def receive(self, message):
        """Stand for the intake in the eyes of the journal."""
        return await (self.away if self.is_away else self.intake).receive(message)

    async def drain(self):
        drain = Drain(self.journal, self, lambda message: owe_late_reply(self.store, message))
        await drain.try_drain()
        assert 0 == self.journal.messages

    async def owed(self):
        """Return the replies owed, oldest first."""
        rows = await self.store.fetch("claim_replies", "sms", 100, dt.timedelta(seconds=1))
        return sorted((row["address"], row["body"]) for row in rows)

    async def standing(self):
        """Return what counts."""
        rows = await self.store.fetch("find_circumstances", [], [], ["123456789012"], [NOVEMBER])
        return [row["value"] for row in rows]


NOVEMBER = dt.date(2026, 11, 1)


@pytest.fixture
async def desk(tmp_path, a_config, open_intake, store):
    """A desk on the test's database."""
    intake = await open_intake(a_config(SMALL_CONFIG))
    made = Desk(tmp_path, intake, store)
    yield made
    await made.journal.close()


def a_text(text="123456789012*5467;", **changes):
    """Return a text whose channel answers in its response."""
    return a_message(text, **({"reply_to": None, "call_back": CUSTOMER} | changes))


async def test_the_verdict_follows_as_a_message(desk):
    """Kept while PostgreSQL was away, it is judged by its arrival, and the verdict is owed."""
    desk.is_away = True
    message = a_text()
    assert CHECKED == (await desk.sink.receive(message)).reply
    desk.is_away = False
    await desk.drain()
    again = await desk.sink.receive(message)
    assert "Принято" in again.reply
    assert [(CUSTOMER.address, again.reply)] == await desk.owed()


async def test_a_late_commit_is_answered_once(desk):
    """What was committed without an address has its reply owed, however often it is drained."""
    message = a_text()
    first = await desk.intake.receive(message)
    desk.is_away = True
    await desk.sink.receive(message)
    desk.is_away = False
    await desk.drain()
    assert not await owe_late_reply(desk.store, replace(message, reply_to=CUSTOMER))
    assert [(CUSTOMER.address, first.reply)] == await desk.owed()


async def test_a_reply_that_is_owed_already_is_left_alone(desk):
    """Where the reply left by the outbox from the first, a copy from the journal adds none."""
    message = a_text(reply_to=CUSTOMER, call_back=None)
    first = await desk.intake.receive(message)
    desk.is_away = True
    await desk.sink.receive(message)
    desk.is_away = False
    await desk.drain()
    assert [(CUSTOMER.address, first.reply)] == await desk.owed()


async def test_the_later_text_counts(desk):
    """A text that overtook an older one in the journal stands: the time of arrival decides."""
    desk.is_away = True
    await desk.sink.receive(a_text("123456789012*100;", received_at=OPEN_AT))
    desk.is_away = False
    later = a_text("123456789012*200;", received_at=OPEN_AT + dt.timedelta(minutes=5))
    await desk.sink.receive(later)
    await desk.drain()
    assert [200] == await desk.standing()
    assert 1 == len(await desk.owed())


async def test_a_table_that_is_locked_is_not_waited_for(desk):
    """PostgreSQL that hangs is answered for in time, and what it takes after all is told later."""
    message = a_text()
    hasty = JournaledSink(desk.intake, desk.journal, reply=CHECKED, after=0.05)
    async with desk.store.transaction() as transaction:
        await transaction._connection.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
        assert CHECKED == (await hasty.receive(message)).reply
    verdict = await desk.intake.receive(message)
    await desk.drain()
    assert verdict.again
    assert [(CUSTOMER.address, verdict.reply)] == await desk.owed()


async def test_many_are_committed_together(desk):
    """A journal of hundreds is drained in groups, each message once."""
    desk.is_away = True
    await asyncio.gather(*(desk.sink.receive(a_text(f"{n:012}*1;")) for n in range(300)))
    desk.is_away = False
    await desk.drain()
    rows = await desk.store.fetch("count_waiting")
    assert 300 == rows[0]["replies_due"]
