"""Lines with cells that cannot be believed: their other registers count, on a real database."""

import pytest
from builders import SMALL_CONFIG, a_registry

from ingest.model import Disposition, Reason, RegistryChunk, RegistryLine

ACCOUNT = "123456789012"


@pytest.fixture
async def sinks(open_intake, a_config):
    return await open_intake(a_config(SMALL_CONFIG))


def a_chunk(lines, first=1):
    """Return a chunk whose lines are the cells of one account."""
    cut = tuple(
        RegistryLine(number, ACCOUNT, tuple(cells.split(";")))
        for number, cells in enumerate(lines, start=first)
    )
    return RegistryChunk(b"x\n" * len(lines), len(lines), cut)


async def take_file(sinks, name, *chunks):
    """Hand over a whole file of some chunks; return its position."""
    progress = await sinks.open_registry(a_registry(external_id=name))
    for chunk in chunks:
        progress = await sinks.receive_chunk(progress, a_chunk(chunk, progress.lines + 1))
    return progress


async def find_counting(store):
    """Return what will be billed, by register."""
    async with store._pool.acquire() as connection:
        found = await connection.fetch("SELECT register, value FROM readings WHERE counts")
    return {row["register"]: row["value"] for row in found}


FILES = [
    pytest.param([[["10;x"]]], {1: 10}, id="the good one counts"),
    pytest.param([[["x;20"]]], {2: 20}, id="also behind a bad one"),
    pytest.param([[[";20"]]], {2: 20}, id="and behind a gap"),
    pytest.param([[["10;20"]], [["11;x"]]], {1: 11, 2: 20}, id="the other stands as it was"),
    pytest.param([[["10;20"], ["11;x"]]], {1: 11, 2: 20}, id="so in the next chunk"),
    pytest.param([[["10;20", "11;x"]]], {1: 11, 2: 20}, id="and in the same"),
    pytest.param([[["10;20", "11;x", "x;21"]]], {1: 11, 2: 21}, id="one after the other"),
    pytest.param([[["10;20"]], [["11;x"]], [["x;21"]]], {1: 11, 2: 21}, id="in three files"),
    pytest.param([[["11;x"]], [["10;20"]]], {1: 10, 2: 20}, id="a whole line takes all"),
    pytest.param([[["10;20"]], [["11;x"]], [["12"]]], {1: 12}, id="even with fewer registers"),
    pytest.param([[["10;20", "11;x", "12;22"]]], {1: 12, 2: 22}, id="within a chunk as well"),
    pytest.param([[["x;y"]]], {}, id="nothing is good"),
]


@pytest.mark.parametrize(("files", "expected"), FILES)
async def test_good_registers_count(sinks, store, files, expected):
    """Each register is billed by the last good cell there was for it."""
    for number, chunks in enumerate(files):
        await take_file(sinks, f"file-{number}", *chunks)
    assert expected == await find_counting(store)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(["10;20", "11;x"], {1: 10, 2: 20}, id="the line before stands again"),
        pytest.param(["11;x", "10;20"], {1: 11}, id="a single register stands again"),
        pytest.param(["10;20", "12;x", "11;x"], {1: 12, 2: 20}, id="the last single one"),
        pytest.param(["10;20", "12"], {1: 10, 2: 20}, id="a whole line as ever"),
    ],
)
async def test_what_was_withdrawn_gives_way_to_what_it_replaced(sinks, store, lines, expected):
    """A file that changed while it was read counts for nothing; what was before counts again."""
    *before, last = lines
    for number, line in enumerate(before):
        await take_file(sinks, f"file-{number}", [line])
    progress = await take_file(sinks, "last", [last])
    await sinks.finish_registry(progress, "the file changed")
    assert expected == await find_counting(store)


NAMED = [
    pytest.param({"zones": 2}, {1: 110, 2: 50}, id="a zone that is missing"),
    pytest.param({"named": 2}, {1: 110, 2: 50}, id="a zone that was not read"),
    pytest.param({}, {1: 110}, id="a meter of one zone"),
]


@pytest.mark.parametrize(("known", "expected"), NAMED)
async def test_nothing_ceases_to_count_for_a_zone_without_a_reading(sinks, store, known, expected):
    """The night that was sent before is billed, whatever the line lacks."""
    await take_file(sinks, "before", ["100;50"])
    progress = await sinks.open_registry(a_registry(external_id="file"))
    line = RegistryLine(1, ACCOUNT, ("110", ""), **known)
    await sinks.receive_chunk(progress, RegistryChunk(b"x\n", 1, (line,)))
    assert expected == await find_counting(store)


async def test_a_line_is_as_bad_as_its_worst_cell(sinks):
    """The partner is told what has to be corrected, and sent again."""
    progress = await take_file(sinks, "file", ["10;x", "x;20", "30;40"])
    found = [one async for batch in sinks.list_results(progress) for one in batch]
    malformed = (Disposition.REJECT, Reason.READING_MALFORMED)
    assert [malformed, malformed, (Disposition.ACCEPT, Reason.CORRECTED)] == [
        (one.disposition, one.reason) for one in found
    ]
    outcome = await sinks.finish_registry(progress)
    assert malformed == (outcome.verdict.disposition, outcome.verdict.reason)


async def test_a_line_sent_again_adds_what_was_missing(sinks, store):
    """Corrected, the line counts as a whole."""
    await take_file(sinks, "file", ["10;x"])
    progress = await take_file(sinks, "again", ["10;20"])
    [[result]] = [batch async for batch in sinks.list_results(progress)]
    assert (Reason.CORRECTED, {1: 10, 2: 20}) == (result.reason, await find_counting(store))
