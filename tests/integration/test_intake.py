"""The intake on a real PostgreSQL: groups, repeats, poison, conflicts, outages."""

import asyncio
import contextlib
import datetime as dt

import asyncpg
import pytest
from builders import MAIL, OPEN_AT, SHUT_AT, SMALL_CONFIG, SMS, a_message
from harness import until

from ingest import judgement
from ingest.errors import TransientError
from ingest.intake import Intake
from ingest.model import Disposition, Reason, ReplyTo, Verdict
from ingest.policy import build_policies
from ingest.replies import load_phrasebook
from ingest.store import Store

HOUR = dt.timedelta(hours=1)


@pytest.fixture
async def sinks(open_intake, a_config):
    return await open_intake(a_config(SMALL_CONFIG))


async def rows(store, sql):
    async with store._pool.acquire() as connection:
        return await connection.fetch(sql)


async def test_records_message_reading_and_reply_together(sinks, store):
    """What is answered is committed: the message, its reading and the reply owed."""
    outcome = await sinks.receive(a_message("123456789012*5467;"))
    [message] = await rows(store, "SELECT * FROM messages")
    [reading] = await rows(store, "SELECT * FROM readings")
    [reply] = await rows(store, "SELECT * FROM outbox")
    assert (Disposition.ACCEPT, Reason.ACCEPTED) == (
        outcome.verdict.disposition,
        outcome.verdict.reason,
    )
    assert (outcome.receipt, b"123456789012*5467;") == (message["receipt"], message["raw"])
    assert ("123456789012", 5467, True) == (reading["account"], reading["value"], reading["counts"])
    assert (outcome.reply, "+79031234567") == (reply["body"], reply["address"])


async def test_repeats_the_first_outcome(sinks, store):
    """The same external id again gets the first outcome, word for word, and changes nothing."""
    message = a_message("123456789012*5467;")
    first = await sinks.receive(message)
    again = await sinks.receive(message)
    assert (first.receipt, first.reply, first.readings, True) == (
        again.receipt,
        again.reply,
        again.readings,
        again.again,
    )
    assert 1 == len(await rows(store, "SELECT * FROM outbox"))


async def test_repeats_within_one_group(sinks, store):
    """Fifty copies at once are one message with one reply, and fifty equal answers."""
    message = a_message("123456789012*5467;")
    outcomes = await asyncio.gather(*(sinks.receive(message) for _ in range(50)))
    assert 1 == len({(one.receipt, one.reply) for one in outcomes})
    assert 1 == sum(not one.again for one in outcomes)
    assert 1 == len(await rows(store, "SELECT * FROM messages"))


async def test_repeats_across_two_daemons(open_intake, a_config, store, database_url):
    """Two daemons that get the same messages at once record each of them once."""
    other = await Store.open(database_url)
    config = a_config(SMALL_CONFIG)
    both = [await open_intake(config), await open_intake(config, other)]
    messages = [a_message(f"12345678{number:04}*5467;") for number in range(40)]
    outcomes = await asyncio.gather(
        *(sinks.receive(one) for one in messages for sinks in both), return_exceptions=False
    )
    await other.close()
    assert [outcomes[i].reply for i in range(0, 80, 2)] == [
        outcomes[i].reply for i in range(1, 80, 2)
    ]
    assert 40 == len(await rows(store, "SELECT * FROM messages"))
    assert 40 == len(await rows(store, "SELECT * FROM outbox"))


async def test_two_daemons_let_one_reading_count(open_intake, a_config, store, database_url):
    """Different readings of one account, to two daemons at once: exactly one counts."""
    other = await Store.open(database_url)
    config = a_config(SMALL_CONFIG)
    both = [await open_intake(config), await open_intake(config, other)]
    await asyncio.gather(
        *(both[n % 2].receive(a_message(f"123456789012*{5000 + n};")) for n in range(30))
    )
    await other.close()
    counting = await rows(store, "SELECT value FROM readings WHERE counts")
    assert 1 == len(counting)
    assert 30 == len(await rows(store, "SELECT * FROM readings"))


async def test_last_reading_of_the_period_counts(sinks, store):
    """A later value replaces the earlier one and says so; the same value again is repeated."""
    texts = ["123456789012*5467;", "123456789012*5470;", "123456789012*5470;"]
    outcomes = [await sinks.receive(a_message(text)) for text in texts]
    assert [Reason.ACCEPTED, Reason.CORRECTED, Reason.REPEATED] == [
        one.verdict.reason for one in outcomes
    ]
    [counting] = await rows(store, "SELECT value, reason FROM readings WHERE counts")
    assert (5470, "repeated") == tuple(counting)


async def test_earlier_arrival_does_not_replace_a_later_one(sinks, store):
    """A message that waited in a queue does not overrule what arrived after it."""
    await sinks.receive(a_message("123456789012*5470;", received_at=OPEN_AT))
    await sinks.receive(a_message("123456789012*5467;", received_at=OPEN_AT - HOUR))
    [counting] = await rows(store, "SELECT value FROM readings WHERE counts")
    assert 5470 == counting["value"]


async def test_holds_two_values_in_one_message(sinks, store):
    """Two values for one account in one message: a person decides, and nothing counts."""
    outcome = await sinks.receive(a_message("123456789012*5467;123456789012*5468;"))
    assert Verdict(Disposition.HOLD, Reason.METER_AMBIGUOUS) == outcome.verdict
    assert [] == await rows(store, "SELECT value FROM readings WHERE counts")


async def test_fewer_registers_replace_more(sinks, store):
    """A single-tariff reading that corrects day and night leaves neither of them counting."""
    await sinks.receive(a_message("123456789012*5467*1203;"))
    await sinks.receive(a_message("123456789012*6670;"))
    counting = await rows(store, "SELECT register, value FROM readings WHERE counts")
    assert [(1, 6670)] == [tuple(row) for row in counting]


async def test_judges_by_the_time_of_arrival(sinks):
    """A message that came while the window was shut is refused, whenever it is recorded."""
    outcome = await sinks.receive(a_message("123456789012*5467;", received_at=SHUT_AT))
    assert Verdict(Disposition.REJECT, Reason.WINDOW_CLOSED) == outcome.verdict


async def test_automatic_mail_is_never_answered(sinks, store):
    """Automatic mail is ignored, or held when it has a reading; neither is answered."""
    finding = Verdict(Disposition.IGNORE, Reason.AUTOMATIC_MAIL)
    empty = await sinks.receive(a_message("Меня нет", channel=MAIL, finding=finding))
    full = await sinks.receive(a_message("123456789012*5467;", channel=MAIL, finding=finding))
    assert (Disposition.IGNORE, Disposition.HOLD) == (
        empty.verdict.disposition,
        full.verdict.disposition,
    )
    assert ("", "", 0) == (empty.reply, full.reply, len(await rows(store, "SELECT 1 FROM outbox")))


async def test_parks_what_our_code_fails_on(sinks, store, monkeypatch):
    """A message that makes our code raise is kept with its traceback; its neighbours are judged."""
    real = judgement.judge_item

    def failing(line, item, occasion, standings):
        if item.account == "666666666666":
            raise ZeroDivisionError
        return real(line, item, occasion, standings)

    monkeypatch.setattr(judgement, "judge_item", failing)
    texts = ["123456789012*1;", "123456789012*2;666666666666*1;", "123456789012*3;"]
    outcomes = await asyncio.gather(*(sinks.receive(a_message(text)) for text in texts))
    assert [Reason.ACCEPTED, Reason.FAILED, Reason.CORRECTED] == [
        one.verdict.reason for one in outcomes
    ]
    [parked] = await rows(store, "SELECT problem FROM messages WHERE state = 'parked'")
    assert "ZeroDivisionError" in parked["problem"]
    [counting] = await rows(store, "SELECT value, previous FROM readings WHERE counts")
    assert (3, 1) == tuple(counting)


async def test_parks_what_postgresql_refuses(sinks, store, monkeypatch):
    """A message whose data PostgreSQL refuses is parked alone; its neighbours are recorded."""
    poison = a_message("x", sent_at=dt.datetime(1, 1, 1, tzinfo=dt.timezone(HOUR * 14)))
    messages = [a_message(f"12345678901{n}*5;") for n in range(3)]
    outcomes = await asyncio.gather(*(sinks.receive(one) for one in [*messages, poison]))
    assert [Reason.ACCEPTED] * 3 + [Reason.FAILED] == [one.verdict.reason for one in outcomes]
    [parked] = await rows(store, "SELECT raw FROM messages WHERE state = 'parked'")
    assert b"x" == parked["raw"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("123456789012*5467;\0", id="NUL"),
        pytest.param("123456789012*5467; \ud83d", id="lone surrogate"),
        pytest.param("\u202e123456789012*5467;\U0001f4a1", id="right-to-left and emoji"),
    ],
)
async def test_takes_any_text(sinks, text):
    """Text that PostgreSQL could not hold is cleaned, and the message recorded."""
    outcome = await sinks.receive(a_message(text, sender=text, external_id=text))
    again = await sinks.receive(a_message(text, sender=text, external_id=text))
    assert (outcome.receipt, True) == (again.receipt, again.again)


async def test_refuses_for_now_without_database(store, a_config):
    """While PostgreSQL is away every waiting caller is told to come again."""
    intake = Intake(store, build_policies(a_config(SMALL_CONFIG)), load_phrasebook())
    await store.close()
    running = asyncio.create_task(intake.run())
    results = await asyncio.gather(
        *(intake.receive(a_message()) for _ in range(3)), return_exceptions=True
    )
    running.cancel()
    assert [TransientError] * 3 == [type(one) for one in results]


@contextlib.asynccontextmanager
async def a_hanging_database(url):
    """Let nothing be recorded while the block runs, although PostgreSQL answers."""
    blocker = await asyncpg.connect(url)
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
    try:
        yield
    finally:
        await transaction.rollback()
        await blocker.close()


@pytest.fixture
async def hasty(store, a_config):
    """An intake that gives PostgreSQL a moment for a group, and runs."""
    policies = build_policies(a_config(SMALL_CONFIG))
    intake = Intake(store, policies, load_phrasebook(), within=0.2)
    running = asyncio.create_task(intake.run())
    yield intake
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def is_taken(intake, message):
    """Hand *message* over; return its outcome, or None where it is refused for now."""
    try:
        return await intake.receive(message)
    except TransientError:
        return None


async def test_a_group_that_hangs_is_refused_in_time(hasty, store, database_url):
    """What is under way may still be committed: the repeat finds it, and it is there once."""
    message = a_message()
    async with a_hanging_database(database_url):
        with pytest.raises(TransientError, match=r"did not take it within 0\.2 s"):
            await hasty.receive(message)
    outcome = await until(lambda: is_taken(hasty, message))
    assert (Reason.ACCEPTED, True) == (outcome.verdict.reason, outcome.again)
    assert 1 == len(await rows(store, "SELECT * FROM messages"))
    assert 1 == len(await rows(store, "SELECT * FROM outbox"))


async def test_while_a_group_hangs_newcomers_are_refused_at_once(hasty, store, database_url):
    """Nobody waits for what others wait for in vain, and nothing of theirs is tried."""
    async with a_hanging_database(database_url):
        await asyncio.gather(*(is_taken(hasty, a_message()) for _ in range(3)))
        late = asyncio.create_task(is_taken(hasty, a_message("123456789019*1;")))
        await asyncio.sleep(0)
        assert (True, None) == (late.done(), late.result())
    assert await until(lambda: is_taken(hasty, a_message("123456789018*2;")))
    found = await rows(store, "SELECT account FROM readings WHERE account LIKE '12345678901_'")
    assert "123456789019" not in {row["account"] for row in found}


async def test_an_intake_ends_while_a_group_hangs(store, a_config, database_url):
    """A stop waits for no lock; what was not committed is not."""
    policies = build_policies(a_config(SMALL_CONFIG))
    intake = Intake(store, policies, load_phrasebook(), within=0.2)
    running = asyncio.create_task(intake.run())
    async with a_hanging_database(database_url):
        assert await is_taken(intake, a_message()) is None
        await intake.drain()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert [] == await rows(store, "SELECT * FROM messages")


async def test_a_lost_connection_is_not_the_end_of_the_next_group(sinks, store, database_url):
    """PostgreSQL that answers a question at once is not away: only one group is refused."""
    await sinks.receive(a_message())
    blocker = await asyncpg.connect(database_url)
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ingest'"
    await blocker.fetch(end)
    await blocker.close()
    outcomes = [await is_taken(sinks, a_message()) for _ in range(2)]
    assert outcomes[-1] is not None


async def test_a_caller_that_leaves_undoes_nothing(sinks, store):
    """A client that hangs up finds its message recorded when it comes again."""
    message = a_message()
    call = asyncio.create_task(sinks.receive(message))
    await asyncio.sleep(0)
    call.cancel()
    again = await sinks.receive(message)
    assert Reason.ACCEPTED is again.verdict.reason
    assert 1 == len(await rows(store, "SELECT * FROM messages"))


async def test_channel_decides_what_a_reason_leads_to(open_intake, a_config):
    """config.toml may hold what would be rejected, per channel."""
    text = SMALL_CONFIG.replace(
        'gateway = "kannel"', 'gateway = "kannel"\ndispositions = { account_malformed = "hold" }'
    )
    sinks = await open_intake(a_config(text))
    outcome = await sinks.receive(a_message("12345678901*5467;", channel=SMS))
    assert Verdict(Disposition.HOLD, Reason.ACCOUNT_MALFORMED) == outcome.verdict


async def test_channel_decides_about_messages_without_a_reading(open_intake, a_config):
    """What is no reading at all waits for a person, unless config.toml says otherwise."""
    text = SMALL_CONFIG.replace(
        'gateway = "kannel"', 'gateway = "kannel"\ndispositions = { not_recognised = "reject" }'
    )
    sinks = await open_intake(a_config(text))
    outcomes = [await sinks.receive(a_message("Добрый день!", channel=one)) for one in (MAIL, SMS)]
    assert [Disposition.HOLD, Disposition.REJECT] == [one.verdict.disposition for one in outcomes]


async def test_late_readings_may_count_for_the_next_period(open_intake, a_config, store):
    """With ``late = "next-period"`` a reading of the 30th is for December."""
    sinks = await open_intake(
        a_config(SMALL_CONFIG.replace('days = "6..-2"', 'days = "6..-2"\nlate = "next-period"'))
    )
    last_day = dt.datetime(2026, 11, 30, 5, tzinfo=dt.UTC)
    await sinks.receive(a_message(received_at=last_day, reply_to=ReplyTo("+79031234567")))
    [reading] = await rows(store, "SELECT period, counts FROM readings")
    assert (dt.date(2026, 12, 1), True) == tuple(reading)
