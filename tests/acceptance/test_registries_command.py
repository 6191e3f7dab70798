"""``ingest registries``: what lies in the folders, what the database knows, what is decided."""

import asyncio
import json

import pytest
from builders import OPEN_AT, SMALL_CONFIG, a_registry
from click.testing import CliRunner

from ingest.cli import main
from ingest.commands.registries import spell_size, spell_time
from ingest.model import Decision, RegistryChunk, RegistryLine
from ingest.ports import RegistrySink

GOOD = RegistryLine(1, "123456789012", ("5467",))
BAD = RegistryLine(2, "123", ("5",))
CHUNK = RegistryChunk(b"x" * 500, 2, (GOOD, BAD))


@pytest.fixture
def config(a_config):
    return a_config(SMALL_CONFIG)


@pytest.fixture
async def sinks(config, open_intake) -> RegistrySink:
    return await open_intake(config)


@pytest.fixture
def run(config, database_url):
    """Return what runs the command and returns its output."""

    async def make(*arguments, status=0):
        environ = {"INGEST_DATABASE_URL": database_url, "INGEST_CONFIG": str(config.path)}
        result = await asyncio.to_thread(
            CliRunner().invoke, main, ["registries", *arguments], env=environ
        )
        assert status == result.exit_code, result.output
        return result

    return make


async def show(run, *arguments):
    """Return the files as the command tells them in JSON."""
    result = await run("--json", *arguments)
    return [json.loads(line) for line in result.stdout.splitlines()]


def put(config, folder, name, content=b"123456789012;1\n"):
    """Put a file into one of the partner's folders."""
    path = config.state_dir / "registries" / "partner" / folder
    path.mkdir(parents=True, exist_ok=True)
    (path / name).write_bytes(content)


async def test_at_work(run, sinks):
    """Half of a file is recorded: share, lines and outcomes so far are told."""
    progress = await sinks.open_registry(a_registry(size=1000))
    await sinks.receive_chunk(progress, CHUNK)
    [one] = await show(run)
    assert ("at work", 50, 2, {"accept": 1, "reject": 1}) == (
        one["state"],
        one["done"],
        one["lines"],
        one["outcomes"],
    )
    assert (True, True) == (one["rate"] > 0, one["left"] is not None)


async def test_done_and_failed(run, sinks):
    """A file that came to its end is done, or failed with the reason."""
    for problem in ("", "the figures differ"):
        progress = await sinks.open_registry(a_registry())
        progress = await sinks.receive_chunk(progress, CHUNK)
        await sinks.finish_registry(progress, problem)
    states = {(one["state"], one["problem"], one["left"]) for one in await show(run)}
    assert {("done", "", None), ("failed", "the figures differ", None)} == states


async def test_files_that_the_database_does_not_know(run, config):
    """What is being brought, what waits and what is looked through is told from the folders."""
    put(config, "in", "whole.csv")
    put(config, "in", "half.csv.part")
    put(config, "work", "1790000000000000000.claimed.csv")
    states = sorted((one["state"], one["size"]) for one in await show(run))
    assert [("arriving", 15), ("looked through", 15), ("waiting", 15)] == states


async def test_a_file_at_work_is_told_once(run, config, sinks):
    """By the database, which knows more than the folder."""
    claim = "1790000000000000000.claimed.csv"
    put(config, "work", claim)
    await sinks.open_registry(a_registry(claim=claim))
    assert ["at work"] == [one["state"] for one in await show(run)]


@pytest.mark.parametrize("decision", [Decision.RELEASED, Decision.REFUSED], ids=str)
async def test_decides(run, sinks, decision):
    """A file that waits is released or refused by its receipt, and by one person only."""
    progress = await sinks.open_registry(a_registry())
    await sinks.await_decision(progress, "2 of 2 lines are bad")
    assert ["waits for a decision"] == [one["state"] for one in await show(run)]
    command = "release" if decision is Decision.RELEASED else "refuse"
    assert "partner goes on with it" in (await run(command, progress.receipt)).stdout
    assert decision is (await sinks.find_decision(progress)).decision
    assert "waits for a decision" in (await run("refuse", progress.receipt, status=1)).stderr


async def test_refuses_what_is_no_receipt(run):
    """A receipt checks itself; one that was misheard is told so in the words of `ingest show`."""
    for text in ("nonsense", "ABCD-EFGH"):
        told = " ".join((await run("release", text, status=1)).stderr.split())
        assert "the last checks the others; was one misheard?" in told


async def test_the_table_and_the_channel(run, sinks):
    """For people there is a table, in local time; another channel has none of these."""
    progress = await sinks.open_registry(a_registry(file_name="evil\x1b[31m.csv", size=2_500_000))
    await sinks.receive_chunk(progress, CHUNK)
    table = (await run()).stdout
    assert ("2.5 MB" in table, "\x1b" in table) == (True, False)
    # Columns are folded: the day alone is written in one piece.
    assert f"{OPEN_AT:%d.%m.%Y}" in table
    assert [] == await show(run, "--channel", "other")


async def test_watches_until_nothing_is_under_way(run, sinks):
    """With nothing to wait for it looks once; a file that waits for a person is not under way."""
    progress = await sinks.open_registry(a_registry())
    await sinks.await_decision(progress, "2 of 2 lines are bad")
    assert ["waits for a decision"] == [one["state"] for one in await show(run, "--watch")]
    assert "waits for a" in (await run("--watch")).stdout


@pytest.mark.parametrize(
    ("size", "expected"),
    [(999, "999 B"), (1500, "1.5 kB"), (2_147_483_648, "2.1 GB"), (None, "0 B")],
)
def test_sizes(size, expected):
    """Sizes are told in thousands."""
    assert expected == spell_size(size)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(None, ""), (59, "59 s"), (61, "1 min 1 s"), (7260, "2 h 1 min")]
)
def test_times(seconds, expected):
    """Times are told in two units at most."""
    assert expected == spell_time(seconds)
