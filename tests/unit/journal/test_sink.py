"""What a channel hears while PostgreSQL is away, and what becomes of it afterwards."""

import asyncio

import pytest
from builders import a_message
from journal_desk import FREELY, Debts, ScriptedSink, a_journal, drain
from msgspec.structs import replace
from structlog.testing import capture_logs

from ingest.errors import TransientError
from ingest.journal.sink import NOT_YET, JournaledSink
from ingest.model import ReplyTo
from ingest.settings import JournalSettings

CHECKED = "Получено, проверяем."
CUSTOMER = ReplyTo("+79031234567")


class Desk:
    """A journal between a channel and a scripted sink."""

    def __init__(self, folder, settings=FREELY, after=30.0):
        self.journal = a_journal(folder, settings)
        self.behind = ScriptedSink()
        self.debts = Debts()
        self.sink = JournaledSink(self.behind, self.journal, reply=CHECKED, after=after)

    async def drain(self):
        await drain(self.journal, self.behind, self.debts)


@pytest.fixture
async def desk(tmp_path):
    """A desk; its journal is closed with the test."""
    made = Desk(tmp_path)
    yield made
    await made.journal.close()


@pytest.fixture
async def hasty(tmp_path):
    """A desk that waits no time at all for the sink."""
    made = Desk(tmp_path, after=0.001)
    yield made
    await made.journal.close()


def a_text(**changes):
    """Return a text that is answered in the response, or later by a message."""
    return a_message(**({"reply_to": None, "call_back": CUSTOMER} | changes))


async def test_nothing_is_kept_while_all_is_well(desk):
    """The outcome is the intake's own, and no byte is written."""
    message = a_text()
    outcome = await desk.sink.receive(message)
    assert ("Принято", [message], 0) == (outcome.reply, desk.behind.taken, desk.journal.size)


async def test_an_outage_is_answered_with_being_checked(desk):
    """The text is safe on disk, its sender is told so, and there is no receipt yet."""
    desk.behind.is_away = True
    with capture_logs() as logs:
        outcomes = [await desk.sink.receive(a_text()) for _ in range(3)]
    assert [(CHECKED, "", NOT_YET)] * 3 == [
        (one.reply, one.receipt, one.verdict) for one in outcomes
    ]
    assert 3 == desk.journal.messages
    assert [("journal.opened", "PostgreSQL is away")] == [
        (one["event"], one["problem"]) for one in logs
    ]


async def test_the_verdict_is_sent_later(desk):
    """Drained, the message asks for an answer where its sender can be reached."""
    desk.behind.is_away = True
    message = a_text()
    await desk.sink.receive(message)
    desk.behind.is_away = False
    await desk.drain()
    assert [replace(message, reply_to=CUSTOMER)] == desk.behind.taken
    assert [] == desk.debts.messages


async def test_a_way_back_that_is_there_stays(desk):
    """Where replies leave by a request of ours anyway, the address stays as the channel gave it."""
    desk.behind.is_away = True
    message = a_text(reply_to=ReplyTo("8 903 1234567"), call_back=None)
    await desk.sink.receive(message)
    desk.behind.is_away = False
    await desk.drain()
    assert [message] == desk.behind.taken


async def test_a_robot_is_not_called_back(desk):
    """A message without any way back is judged, and nobody is written to."""
    desk.behind.is_away = True
    message = a_text(call_back=None)
    await desk.sink.receive(message)
    desk.behind.is_away = False
    await desk.drain()
    assert ([message], []) == (desk.behind.taken, desk.debts.messages)


async def test_a_sink_that_hangs_is_not_waited_for(hasty):
    """PostgreSQL that does not answer must not make the gateway hang up."""
    hasty.behind.gate.clear()
    with capture_logs() as logs:
        outcome = await hasty.sink.receive(a_text())
    assert CHECKED == outcome.reply
    assert "PostgreSQL did not take it within 0.001 s" == logs[0]["problem"]


async def test_what_was_committed_after_all_is_answered_late(hasty):
    """A commit that came too late for the response has its verdict sent by a message."""
    message = a_text()
    hasty.behind.taken.append(message)
    hasty.behind.gate.clear()
    await hasty.sink.receive(message)
    hasty.behind.gate.set()
    await hasty.drain()
    assert [replace(message, reply_to=CUSTOMER)] == hasty.debts.messages
    assert [message] == hasty.behind.taken


async def test_only_one_message_at_a_time_tries(desk):
    """While PostgreSQL hangs, one customer waits for it, and the others are answered at once."""
    desk.behind.is_away = True
    await desk.sink.receive(a_text())
    desk.behind.gate.clear()
    trying = asyncio.create_task(desk.sink.receive(a_text()))
    await asyncio.sleep(0)
    tries = desk.behind.tries
    outcomes = [await desk.sink.receive(a_text()) for _ in range(5)]
    assert ({CHECKED}, tries) == ({one.reply for one in outcomes}, desk.behind.tries)
    desk.behind.is_away = False
    desk.behind.gate.set()
    assert "Принято" == (await trying).reply
    assert "Принято" == (await desk.sink.receive(a_text())).reply


async def test_newcomers_do_not_wait_for_the_journal(desk):
    """With PostgreSQL back a text is judged at once, also before older ones are drained."""
    desk.behind.is_away = True
    old = a_text()
    await desk.sink.receive(old)
    desk.behind.is_away = False
    new = a_text()
    assert "Принято" == (await desk.sink.receive(new)).reply
    await desk.drain()
    assert [new, replace(old, reply_to=CUSTOMER)] == desk.behind.taken


async def test_a_retry_gets_the_same_answer(desk):
    """As long as a message is in the journal, its copies are told the same and kept once."""
    desk.behind.is_away = True
    message = a_text()
    first = await desk.sink.receive(message)
    copies = await asyncio.gather(*(desk.sink.receive(message) for _ in range(10)))
    desk.behind.is_away = False
    copies.append(await desk.sink.receive(message))
    assert [first] * 11 == copies
    assert (1, []) == (desk.journal.messages, desk.behind.taken)


async def test_a_retry_after_the_outage_gets_the_verdict(desk):
    """Once it is judged there is something better to say than that it is being checked."""
    desk.behind.is_away = True
    message = a_text()
    await desk.sink.receive(message)
    desk.behind.is_away = False
    await desk.drain()
    outcome = await desk.sink.receive(message)
    assert ("Принято", True) == (outcome.reply, outcome.again)


async def test_neither_taken_nor_kept_is_refused(tmp_path):
    """With the journal full too, the channel hears both reasons and refuses for now."""
    desk = Desk(tmp_path, JournalSettings(min_free=1, max_size=10))
    desk.behind.is_away = True
    with pytest.raises(TransientError, match="PostgreSQL is away; the journal is full"):
        await desk.sink.receive(a_text())
    desk.behind.is_away = False
    assert "Принято" == (await desk.sink.receive(a_text())).reply
    await desk.journal.close()
