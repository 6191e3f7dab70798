"""Batch files on a real PostgreSQL: chunks, resuming, repeats, files that cannot be believed."""

import asyncio
import datetime as dt

import pytest
from builders import OPEN_AT, SHUT_AT, SMALL_CONFIG, a_message, a_registry

from ingest.errors import TransientError
from ingest.model import Disposition, Reason, RegistryChunk, RegistryLine, Verdict

MOSCOW = dt.timezone(dt.timedelta(hours=3))


def a_chunk(*lines, first=1):
    """A chunk of lines given as (account, value, ...)."""
    raw = "".join(f"{';'.join(cells)}\n" for cells in lines).encode()
    cut = tuple(
        RegistryLine(number, cells[0], tuple(cells[1:]))
        for number, cells in enumerate(lines, start=first)
    )
    return RegistryChunk(raw, len(lines), cut)


@pytest.fixture
async def sinks(open_intake, a_config):
    return await open_intake(a_config(SMALL_CONFIG))


async def results(sinks, progress):
    return [
        (one.number, one.disposition, one.reason)
        async for batch in sinks.list_results(progress)
        for one in batch
    ]


async def rows(store, sql):
    async with store._pool.acquire() as connection:
        return await connection.fetch(sql)


async def test_judges_every_line(sinks, store):
    """Each line has its own verdict, found again by its number."""
    progress = await sinks.open_registry(a_registry())
    lines = [("123456789012", "5467"), ("12345678901", "1"), ("123456789013", "12a")]
    progress = await sinks.receive_chunk(progress, a_chunk(*lines))
    outcome = await sinks.finish_registry(progress)
    assert [
        (1, Disposition.ACCEPT, Reason.ACCEPTED),
        (2, Disposition.REJECT, Reason.ACCOUNT_MALFORMED),
        (3, Disposition.REJECT, Reason.READING_MALFORMED),
    ] == await results(sinks, progress)
    assert Verdict(Disposition.REJECT, Reason.ACCOUNT_MALFORMED) == outcome.verdict
    assert 1 == len(await rows(store, "SELECT 1 FROM readings WHERE counts"))


async def test_counts_what_is_committed(sinks):
    """Whoever waits for a large file is told what became of it so far."""
    progress = await sinks.open_registry(a_registry())
    assert {} == await sinks.registries.count_results(progress)
    lines = [("123456789012", "5467"), ("12345678901", "1"), ("123456789013", "12a")]
    progress = await sinks.receive_chunk(progress, a_chunk(*lines))
    counts = await sinks.registries.count_results(progress)
    assert {Disposition.ACCEPT: 1, Disposition.REJECT: 2} == counts


async def test_resumes_at_the_line_reached(sinks):
    """Opening a registry again tells how far it is committed."""
    registry = a_registry()
    progress = await sinks.open_registry(registry)
    await sinks.receive_chunk(progress, a_chunk(("123456789012", "1"), ("123456789013", "2")))
    resumed = await sinks.open_registry(registry)
    assert (2, len(b"123456789012;1\n") * 2, False) == (
        resumed.lines,
        resumed.offset,
        resumed.finished,
    )


async def test_no_line_twice(sinks, store):
    """A chunk that was committed already is refused for now, however often it comes."""
    progress = await sinks.open_registry(a_registry())
    chunk = a_chunk(("123456789012", "1"))
    await sinks.receive_chunk(progress, chunk)
    with pytest.raises(TransientError, match="stands at line 1"):
        await sinks.receive_chunk(progress, chunk)
    assert 1 == len(await rows(store, "SELECT 1 FROM readings"))


async def test_two_daemons_on_one_registry(sinks, store):
    """Of two that send the same chunk at once exactly one is let in."""
    progress = await sinks.open_registry(a_registry())
    chunk = a_chunk(*((f"{n:012}", "1") for n in range(500)))
    ended = await asyncio.gather(
        *(sinks.receive_chunk(progress, chunk) for _ in range(2)), return_exceptions=True
    )
    assert 1 == sum(isinstance(one, TransientError) for one in ended)
    assert 500 == len(await rows(store, "SELECT 1 FROM readings"))


async def test_same_content_is_a_repeat(sinks):
    """A finished registry is left as it is, and its first outcome returned."""
    registry = a_registry()
    progress = await sinks.open_registry(registry)
    progress = await sinks.receive_chunk(progress, a_chunk(("123456789012", "1")))
    first = await sinks.finish_registry(progress)
    again = await sinks.open_registry(registry)
    second = await sinks.finish_registry(again, problem="ignored")
    assert (True, first.receipt, first.verdict, True) == (
        again.finished,
        second.receipt,
        second.verdict,
        second.again,
    )


async def test_with_a_problem_nothing_counts(sinks, store):
    """A file that cannot be believed counts for nothing, and what it had replaced counts again."""
    await sinks.receive(a_message("123456789012*5000;"))
    progress = await sinks.open_registry(a_registry())
    chunk = a_chunk(("123456789012", "5467"), ("123456789013", "7"))
    progress = await sinks.receive_chunk(progress, chunk)
    outcome = await sinks.finish_registry(progress, problem="wrong count")
    assert Disposition.REJECT is outcome.verdict.disposition
    counting = await rows(store, "SELECT value FROM readings WHERE counts")
    assert [5000] == [row["value"] for row in counting]


async def test_keeps_the_bytes(sinks, store):
    """The chunks in their order are the file."""
    progress = await sinks.open_registry(a_registry())
    chunks = [a_chunk(("123456789012", "1")), a_chunk(("123456789013", "2"), first=2)]
    for chunk in chunks:
        progress = await sinks.receive_chunk(progress, chunk)
    kept = await rows(store, "SELECT raw FROM registry_chunks ORDER BY first_line")
    assert b"123456789012;1\n123456789013;2\n" == b"".join(row["raw"] for row in kept)


@pytest.mark.parametrize(
    ("paid_at", "expected"),
    [
        pytest.param(
            dt.datetime(2026, 11, 26, 19, 59, tzinfo=MOSCOW), Reason.ACCEPTED, id="last minute"
        ),
        pytest.param(
            dt.datetime(2026, 11, 26, 20, 0, tzinfo=MOSCOW), Reason.WINDOW_CLOSED, id="too late"
        ),
        pytest.param(
            dt.datetime(2026, 11, 28, 12, 0, tzinfo=MOSCOW), Reason.DATED_IN_FUTURE, id="future"
        ),
        pytest.param(
            dt.datetime(2026, 11, 1, 12, 0, tzinfo=MOSCOW), Reason.WINDOW_CLOSED, id="not believed"
        ),
    ],
)
async def test_judges_by_the_operation(open_intake, a_config, paid_at, expected):
    """With ``judge_by = "operation"`` the line's own time decides about the window."""
    text = SMALL_CONFIG.replace("cells = 3", "cells = 4").replace(
        "value_2 = 3 } }", 'value_2 = 3, paid_at = 4 } }\njudge_by = "operation"'
    )
    sinks = await open_intake(a_config(text))
    arrived = dt.datetime(2026, 11, 27, 3, tzinfo=dt.UTC)
    progress = await sinks.open_registry(a_registry(received_at=arrived))
    line = RegistryLine(1, "123456789012", ("5467",), paid_at)
    progress = await sinks.receive_chunk(progress, RegistryChunk(b"x\n", 1, (line,)))
    [(_, _, reason)] = await results(sinks, progress)
    assert expected is reason


async def test_judges_by_arrival(sinks):
    """Otherwise every line is judged by the arrival of the file."""
    progress = await sinks.open_registry(a_registry(received_at=SHUT_AT))
    line = RegistryLine(1, "123456789012", ("5467",), OPEN_AT - dt.timedelta(days=30))
    progress = await sinks.receive_chunk(progress, RegistryChunk(b"x\n", 1, (line,)))
    [(_, _, reason)] = await results(sinks, progress)
    assert Reason.WINDOW_CLOSED is reason
