"""How a journal is emptied: in order, past what cannot be taken, and again after a fault."""

import asyncio
import errno
import os

import pytest
from builders import a_message
from harness import until
from journal_desk import Debts, ScriptedSink, a_journal, drain, list_files
from structlog.testing import capture_logs

from ingest.journal import drain as drain_module
from ingest.journal import journal as journal_module
from ingest.journal.drain import Drain


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    """No test waits for a pause."""
    monkeypatch.setattr(drain_module, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(drain_module, "LONGEST_PAUSE", 0.0)
    monkeypatch.setattr(drain_module, "LOOK_EVERY", 0.0)


async def fill(journal, count):
    """Append messages; return them."""
    messages = [a_message() for _ in range(count)]
    await asyncio.gather(*(journal.append(message) for message in messages))
    return messages


async def test_drains_in_batches_and_in_order(tmp_path):
    """Hundreds of messages arrive as they were kept, and nothing is left on disk."""
    journal = a_journal(tmp_path)
    messages = await fill(journal, 450)
    sink = ScriptedSink()
    with capture_logs() as logs:
        journal.note_opened("PostgreSQL is away")
        await drain(journal, sink)
    assert messages == sink.taken
    assert [] == list_files(tmp_path)
    assert {
        "event": "journal.drained",
        "log_level": "info",
        "channel": "sms",
        "messages": 450,
    } in logs
    await journal.close()


async def test_an_outage_costs_few_tries(tmp_path):
    """While PostgreSQL is away, one batch and three single messages find that out."""
    journal = a_journal(tmp_path)
    await fill(journal, 500)
    sink = ScriptedSink()
    sink.is_away = True
    await Drain(journal, sink, Debts().owe).try_drain()
    assert drain_module.BATCH + drain_module.MOST_FAILURES == sink.tries
    assert 500 == journal.messages
    await journal.close()


@pytest.mark.parametrize("place", [0, 4, 9])
async def test_one_message_stops_no_other(tmp_path, monkeypatch, place):
    """What our code fails on stays; everything before and behind it goes."""
    monkeypatch.setattr(journal_module, "LARGEST_SEGMENT", 1500)
    journal = a_journal(tmp_path)
    messages = [a_message() for _ in range(10)]
    for message in messages:
        await journal.append(message)
    sink = ScriptedSink()
    sink.poison = {messages[place].external_id}
    for _ in range(5):
        await Drain(journal, sink, Debts().owe).try_drain()
    assert 1 == journal.messages == len(list_files(tmp_path))
    assert [one for one in messages if one is not messages[place]] == sink.taken
    sink.poison = set()
    await drain(journal, sink)
    assert 10 == len(sink.taken)
    await journal.close()


async def test_runs_until_cancelled(tmp_path):
    """What is kept is drained by itself, now and after the next outage."""
    journal = a_journal(tmp_path)
    sink = ScriptedSink()
    task = asyncio.create_task(Drain(journal, sink, Debts().owe).run())
    for count in (3, 8):
        sink.is_away = True
        await fill(journal, 1 if count == 8 else 3)
        tries = sink.tries
        await until(lambda tries=tries: sink.tries > tries + 5)
        await fill(journal, 4 if count == 8 else 0)
        sink.is_away = False
        await until(lambda: not journal.messages)
        assert count == len(sink.taken)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await journal.close()


async def test_a_fault_is_logged_and_survived(tmp_path, monkeypatch):
    """A disk that cannot be read keeps what it has, and the daemon runs on."""
    journal = a_journal(tmp_path)
    await fill(journal, 1)

    async def fail():
        raise OSError("no such luck")

    monkeypatch.setattr(journal, "look_round", fail)
    with capture_logs() as logs:
        await Drain(journal, ScriptedSink(), Debts().owe).try_drain()
    assert (["journal.failed"], 1) == ([one["event"] for one in logs], journal.messages)
    await journal.close()


@pytest.mark.parametrize(
    ("step", "problem", "kept"),
    [
        pytest.param("read", errno.EIO, 1, id="cannot be read"),
        pytest.param("finish", errno.EROFS, 0, id="cannot be deleted"),
    ],
)
async def test_a_file_that_fails_stops_no_other(tmp_path, monkeypatch, step, problem, kept):
    """What the disk does not give back or let go now is kept; what lies behind it goes."""
    monkeypatch.setattr(journal_module, "LARGEST_SEGMENT", 1)
    journal = a_journal(tmp_path)
    messages = [a_message() for _ in range(3)]
    for message in messages:
        await journal.append(message)
    monkeypatch.setattr(journal.segments[0], step, lambda: fail(problem))
    sink = ScriptedSink()
    with capture_logs() as logs:
        await Drain(journal, sink, Debts().owe).try_drain()
    assert (messages[kept:], kept) == (sink.taken, journal.messages)
    assert "journal.failed" in {one["event"] for one in logs}
    await journal.close()


def fail(problem):
    """Do as a disk does that has gone bad."""
    raise OSError(problem, os.strerror(problem))


async def test_killed_before_the_end_it_hands_over_again(tmp_path):
    """A segment goes as a whole: what was handed over before is told to be known."""
    first = a_journal(tmp_path)
    messages = await fill(first, 3)
    [path] = list_files(tmp_path)
    content = path.read_bytes()
    sink, debts = ScriptedSink(), Debts()
    await drain(first, sink, debts)
    path.write_bytes(content)
    second = a_journal(tmp_path)
    await drain(second, sink, debts)
    assert (messages, messages) == (sink.taken, debts.messages)
    await second.close()
