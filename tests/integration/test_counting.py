"""Which reading counts, when readings come by several ways, late, again, or are withdrawn."""

import asyncio
import datetime as dt

import pytest
from builders import OPEN_AT, SMALL_CONFIG, a_message, a_registry

import ingest.records
from ingest.model import RegistryChunk, RegistryLine
from ingest.policy import build_policies
from ingest.replay import Replay
from ingest.replies import load_phrasebook

ACCOUNT = "123456789012"
HOUR = dt.timedelta(hours=1)
PROBLEM = "the file changed while it was read"


def a_chunk(value, *, first=1, account=ACCOUNT):
    """A chunk of one line."""
    return RegistryChunk(b"x\n", 1, (RegistryLine(first, account, (str(value),)),))


@pytest.fixture
async def sinks(open_intake, a_config):
    return await open_intake(a_config(SMALL_CONFIG))


@pytest.fixture
def replay(store, a_config):
    return Replay(store, build_policies(a_config(SMALL_CONFIG)), load_phrasebook())


async def text(sinks, value, hours=0):
    """Let a customer text a value so many hours after the beginning."""
    return await sinks.receive(a_message(f"{ACCOUNT}*{value};", received_at=OPEN_AT + hours * HOUR))


async def begin(sinks, value, hours=0, **changes):
    """Let a registry with one line begin."""
    registry = a_registry(received_at=OPEN_AT + hours * HOUR, **changes)
    progress = await sinks.open_registry(registry)
    return await sinks.receive_chunk(progress, a_chunk(value))


async def counting(store):
    """Return the values that count, with the kind of message that gave them."""
    async with store._pool.acquire() as connection:
        found = await connection.fetch(
            "SELECT value, kind FROM readings JOIN messages ON id = message_id WHERE counts"
        )
    return [tuple(row) for row in found]


async def test_a_repeat_stands_when_what_it_repeated_is_withdrawn(sinks, store):
    """A customer who was told «already accepted» is billed by that value, whatever comes after."""
    await text(sinks, 90)
    progress = await begin(sinks, 150, hours=1)
    await text(sinks, 150, hours=2)
    await sinks.finish_registry(progress, PROBLEM)
    assert [(150, "message")] == await counting(store)


async def test_a_repeat_defends_against_an_earlier_one_that_comes_late(sinks, store):
    """The last that arrived said 100, though it had said so before."""
    await text(sinks, 100)
    await text(sinks, 100, hours=2)
    await sinks.finish_registry(await begin(sinks, 150, hours=1))
    assert [(100, "message")] == await counting(store)


async def test_a_repeat_during_a_chunk(sinks, store):
    """A repeat that is judged while a chunk is uncommitted still counts, having arrived last."""
    await text(sinks, 100)
    progress = await sinks.open_registry(a_registry(received_at=OPEN_AT + HOUR))
    judged, go_on = asyncio.Event(), asyncio.Event()
    judge_chunk = sinks.registries.judge_chunk

    async def wait_then_record(*arguments):
        found = await judge_chunk(*arguments)
        judged.set()
        await go_on.wait()
        return found

    sinks.registries.judge_chunk = wait_then_record
    recording = asyncio.create_task(sinks.receive_chunk(progress, a_chunk(150)))
    await judged.wait()
    texting = asyncio.create_task(text(sinks, 100, hours=2))
    await asyncio.sleep(0.2)
    go_on.set()
    await asyncio.gather(recording, texting)
    assert [(100, "message")] == await counting(store)


async def test_replay_of_the_first_of_two_at_the_same_moment(sinks, store, replay):
    """Two texts of one request have one time; the second counts, whichever is replayed."""
    first, _ = await asyncio.gather(text(sinks, 100), text(sinks, 150))
    replayed = await replay.replay(first.receipt, is_trial=False)
    assert [(150, "message")] == await counting(store)
    assert not replayed.is_told


async def test_replay_says_nothing_of_what_was_replaced(sinks, store, replay):
    """A sender is not told «accepted» of a value that counts no longer."""
    await text(sinks, 90)
    middle = await text(sinks, 150, hours=1)
    await text(sinks, 200, hours=2)
    replayed = await replay.replay(middle.receipt, is_trial=False)
    assert not replayed.is_told
    assert [(200, "message")] == await counting(store)


async def test_a_parked_message_keeps_its_text(sinks, replay, monkeypatch):
    """What PostgreSQL refused is judged by its text once the fault is mended."""
    with monkeypatch.context() as broken:
        broken.setattr(ingest.records, "register_rows", lambda *_: iter([(1, 1, None) * 4]))
        outcome = await text(sinks, 100)
    replayed = await replay.replay(outcome.receipt, is_trial=False)
    assert ("failed", "accepted") == (replayed.before.reason, replayed.after.reason)


@pytest.mark.parametrize("ending", ["finish", "chunk"])
async def test_a_registry_that_was_finished_meanwhile(sinks, store, ending):
    """Who waited for the lock sees what was done under it: finished is finished."""
    progress = await begin(sinks, 100)
    async with store.transaction() as transaction:
        await transaction.fetch("lock_registry", progress.message_id)
        other = asyncio.create_task(
            sinks.finish_registry(progress, PROBLEM)
            if ending == "finish"
            else sinks.receive_chunk(progress, a_chunk(7, first=2, account="123456789013"))
        )
        await asyncio.sleep(0.2)
        await transaction.fetch(
            "finish_registry", progress.message_id, "accept", "accepted", "", False
        )
    await asyncio.gather(other, return_exceptions=True)
    assert [(100, "registry")] == await counting(store)


async def test_a_file_that_changed_leaves_nothing_open(sinks, store):
    """Its first version is withdrawn when the second is opened, also after a crash in between."""
    await begin(sinks, 100, claim="1.readings.csv", external_id="first")
    progress = await begin(sinks, 200, claim="1.readings.csv", external_id="second")
    await sinks.finish_registry(progress)
    assert [(200, "registry")] == await counting(store)
    async with store._pool.acquire() as connection:
        assert 0 == await connection.fetchval("SELECT count(*) FROM messages WHERE state = 'open'")


async def test_withdrawn_content_may_come_again(sinks, store):
    """The same content, complete this time, is as new."""
    first = await begin(sinks, 100, external_id="content")
    await sinks.finish_registry(first, PROBLEM)
    again = await begin(sinks, 100, external_id="content")
    await sinks.finish_registry(again)
    assert [(100, "registry")] == await counting(store)


async def test_many_corrections_at_once(sinks, store):
    """A chunk that corrects every line of another leaves exactly its own lines counting."""
    lines = tuple(RegistryLine(n, f"{n:012}", ("1",)) for n in range(1, 5001))
    corrected = tuple(RegistryLine(n, f"{n:012}", ("2",)) for n in range(1, 5001))
    for hours, chunk in enumerate((lines, corrected)):
        registry = a_registry(received_at=OPEN_AT + hours * HOUR)
        progress = await sinks.open_registry(registry)
        await sinks.receive_chunk(progress, RegistryChunk(b"x\n", 1, chunk))
    assert [(2, "registry")] * 5000 == await counting(store)
