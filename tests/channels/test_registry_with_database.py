"""The registry channel with the real sink on PostgreSQL: what is counted, what is answered."""

import datetime as dt
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from builders import Sinks
from registry_desk import CONFIG, Desk, make_config

from ingest.config import Configuration
from ingest.errors import TransientError
from ingest.model import (
    InboundRegistry,
    LineResult,
    Outcome,
    RegistryChunk,
    RegistryLine,
    RegistryProgress,
    Verdict,
)

NOW = dt.datetime(2026, 11, 27, 5, tzinfo=dt.UTC)
OPEN_NS = int(dt.datetime(2026, 11, 24, 5, tzinfo=dt.UTC).timestamp()) * 10**9
SHUT_NS = int(dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC).timestamp()) * 10**9
SEEN_AT = dt.datetime(2026, 11, 24, 6, 0, 3, tzinfo=dt.UTC)
SEEN_NS = (int(SEEN_AT.timestamp()) - 3) * 10**9
ROWS = b"".join(b"%012d;%d\n" % (100_000_000_000 + number, number) for number in range(1, 1001))
CHECKED = {"trailer": "=(?P<count>[0-9]+)"}
TIMED = {"columns": {"account": 1, "value": 2, "paid_at": 3}, "time_zone": "Europe/Moscow"}


class Shaky:
    """A sink whose database goes away in the middle: once before a commit, once behind one."""

    def __init__(self, sinks: Sinks) -> None:
        self._sinks = sinks
        self._chunks = 0

    async def open_registry(self, registry: InboundRegistry) -> RegistryProgress:
        return await self._sinks.open_registry(registry)

    async def receive_chunk(
        self, progress: RegistryProgress, chunk: RegistryChunk
    ) -> RegistryProgress:
        self._chunks += 1
        if self._chunks == 2:
            raise TransientError("away before the commit")
        after = await self._sinks.receive_chunk(progress, chunk)
        if self._chunks == 4:
            raise TransientError("away before the answer to the commit")
        return after

    async def finish_registry(self, progress: RegistryProgress, problem: str = "") -> Outcome:
        return await self._sinks.finish_registry(progress, problem)

    def list_results(self, progress: RegistryProgress) -> AsyncIterator[Sequence[LineResult]]:
        return self._sinks.list_results(progress)

    async def foresee_chunk(self, progress: RegistryProgress, chunk: RegistryChunk) -> None:
        await self._sinks.foresee_chunk(progress, chunk)

    async def try_lines(
        self, progress: RegistryProgress, lines: Sequence[RegistryLine]
    ) -> Mapping[Verdict, int]:
        return await self._sinks.try_lines(progress, lines)

    async def await_decision(self, progress: RegistryProgress, problem: str) -> RegistryProgress:
        return await self._sinks.await_decision(progress, problem)

    async def find_decision(self, progress: RegistryProgress) -> RegistryProgress:
        return await self._sinks.find_decision(progress)

    async def count_results(self, progress: RegistryProgress) -> Mapping[str, int]:
        return await self._sinks.count_results(progress)

    async def owe_results(
        self, progress: RegistryProgress, addresses: Sequence[str], subject: str, body: str
    ) -> None:
        await self._sinks.owe_results(progress, addresses, subject, body)


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    return make_config(tmp_path, CONFIG.replace("1..-1", "23..26"))


@pytest.fixture
async def sinks(
    config: Configuration, open_intake: Callable[[Configuration], Awaitable[Sinks]]
) -> Sinks:
    return await open_intake(config)


@pytest.fixture
def make_desk(config: Configuration, sinks: Sinks) -> Callable[..., Desk]:
    def make(sink: Any = sinks, **dialect: Any) -> Desk:
        return Desk(config, sink, now=lambda: NOW, chunk_lines=300, dialect=dialect)

    return make


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()


def put(desk: Desk, name: str, content: bytes, arrived_ns: int = OPEN_NS) -> None:
    """Put a file where a crash would have left it, with its time of arrival."""
    (desk.root / "work" / f"{arrived_ns}.{name}").write_bytes(content)


async def ask(database_url: str, query: str) -> Any:
    """Return the one value that *query* finds."""
    connection = await asyncpg.connect(database_url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def count(database_url: str) -> int:
    """Count the readings that will be billed."""
    return int(await ask(database_url, "SELECT count(*) FROM readings WHERE counts"))


def list_codes(desk: Desk, name: str) -> list[bytes]:
    """List outcome and reason of each line of a result file."""
    lines = desk.read(f"out/{name}.result.csv").splitlines()
    return [b";".join(line.split(b";")[-3:-1]) for line in lines]


async def test_a_thousand_lines_are_counted_and_answered(desk: Desk, database_url: str) -> None:
    """Every line is accepted once, and every receipt is another."""
    put(desk, "a.csv", ROWS)
    await desk.serve()
    assert 1000 == await count(database_url)
    assert [b"accept;accepted"] * 1000 == list_codes(desk, "a.csv")
    receipts = {line.rsplit(b";", 1)[1] for line in desk.read("out/a.csv.result.csv").splitlines()}
    assert 1000 == len(receipts)


async def test_the_bytes_are_kept_as_they_came(desk: Desk, database_url: str) -> None:
    """The chunks in order are the file."""
    put(desk, "a.csv", ROWS)
    await desk.serve()
    query = "SELECT string_agg(raw, ''::bytea ORDER BY first_line) FROM registry_chunks"
    assert ROWS == await ask(database_url, query)


async def test_an_outage_in_the_middle_neither_loses_nor_repeats(
    make_desk: Callable[..., Desk], sinks: Sinks, database_url: str
) -> None:
    """Not even when the answer to a commit is lost."""
    desk = make_desk(Shaky(sinks))
    put(desk, "a.csv", ROWS)
    await desk.serve()
    assert 2 == len(desk.report.problems)
    assert 1000 == await count(database_url)
    assert [b"accept;accepted"] * 1000 == list_codes(desk, "a.csv")


async def test_the_same_content_again_changes_nothing(desk: Desk, database_url: str) -> None:
    """Another name, another day: the answer of the first time, receipts included."""
    put(desk, "a.csv", ROWS)
    await desk.serve()
    put(desk, "b.csv", ROWS, SHUT_NS)
    await desk.serve()
    assert desk.read("out/a.csv.result.csv") == desk.read("out/b.csv.result.csv")
    assert 1000 == await ask(database_url, "SELECT count(*) FROM readings")


async def test_overlapping_files_count_each_reading_once(desk: Desk, database_url: str) -> None:
    """What was sent before is told as repeated, the rest is accepted."""
    rows = ROWS.splitlines(keepends=True)
    put(desk, "a.csv", b"".join(rows[:600]))
    put(desk, "b.csv", b"".join(rows[400:]), OPEN_NS + 1)
    await desk.serve()
    codes = list_codes(desk, "b.csv")
    assert (200, 400) == (codes.count(b"accept;repeated"), codes.count(b"accept;accepted"))
    assert 1000 == await count(database_url)


async def test_a_wrong_control_count_counts_nothing(
    make_desk: Callable[..., Desk], database_url: str
) -> None:
    """The file is kept and refused as a whole; corrected, it is taken."""
    desk = make_desk(**CHECKED)
    put(desk, "a.csv", ROWS + b"=999\n")
    await desk.serve()
    assert (0, ["a.csv"]) == (await count(database_url), desk.list("failed"))
    put(desk, "a.csv", ROWS + b"=1000\n")
    await desk.serve()
    assert (1000, ["a.2.csv"]) == (await count(database_url), desk.list("done"))


async def test_a_refused_file_is_refused_again(make_desk: Callable[..., Desk]) -> None:
    """The same receipt, and still nothing counts."""
    desk = make_desk(**CHECKED)
    for name in ("a.csv", "b.csv"):
        put(desk, name, ROWS + b"=999\n")
        await desk.serve()
    assert desk.read("out/a.csv.result.csv") == desk.read("out/b.csv.result.csv")
    assert ["a.csv", "b.csv"] == desk.list("failed")


async def test_arrival_decides_the_window(desk: Desk, database_url: str) -> None:
    """A file that came while the window was open is accepted after it has shut."""
    put(desk, "late.csv", b"100000000001;10\n", SHUT_NS)
    put(desk, "in-time.csv", b"100000000002;10\n", OPEN_NS)
    await desk.serve()
    assert [b"reject;window_closed"] == list_codes(desk, "late.csv")
    assert [b"accept;accepted"] == list_codes(desk, "in-time.csv")


ODD = [
    pytest.param(b"100000000001;54\x0067", {}, b"reject;reading_malformed", id="NUL in a value"),
    pytest.param(b"\x00;5", {}, b"reject;reading_malformed", id="NUL in an account"),
    pytest.param(b"100000000001", {}, b"reject;reading_malformed", id="one column"),
    pytest.param(b"10000000001;5", {}, b"reject;account_malformed", id="eleven digits"),
    pytest.param("100000000001;НЕТ".encode(), {}, b"reject;reading_missing", id="no reading"),
    pytest.param(b"100000000001;5467,9", {}, b"accept;accepted", id="fraction is cut off"),
    pytest.param(b"100000000001;-5", {}, b"reject;reading_malformed", id="minus"),
    pytest.param(b"100000000001;1e5", {}, b"reject;reading_malformed", id="exponent"),
    pytest.param(b"100000000001;1" + b"0" * 70, {}, b"reject;too_many_digits", id="many digits"),
    pytest.param(b"100000000001;\xff", {}, b"reject;reading_malformed", id="no UTF-8"),
    pytest.param(
        'ООО "Ромашка;100000000001;5'.encode("cp1251"),
        {"encoding": "cp1251", "columns": {"account": 2, "value": 3}},
        b"accept;accepted",
        id="stray quotation mark",
    ),
    pytest.param(
        b"100000000001;5;24.11.2026 08:00:00", TIMED, b"accept;accepted", id="with a time"
    ),
    pytest.param(
        b"100000000001;5;24.11.2026 25:00:00",
        TIMED,
        b"accept;accepted",
        id="no time, but arrival decides",
    ),
]


@pytest.mark.parametrize(("row", "dialect", "expected"), ODD)
async def test_each_line_is_judged_alone(
    make_desk: Callable[..., Desk], row: bytes, dialect: dict[str, Any], expected: bytes
) -> None:
    """Whatever stands in a line, it is accepted or rejected for a reason, never an exception."""
    desk = make_desk(**dialect)
    put(desk, "a.csv", row + b"\n")
    await desk.serve()
    assert [expected] == list_codes(desk, "a.csv")


NAMES = [
    pytest.param(b"a\nb\x1b[0m.csv", id="control characters"),
    pytest.param(b"\xf0\xe5\xe5\xf1\xf2\xf0", id="no UTF-8"),
    pytest.param(b"x" * 235, id="long"),
]


@pytest.mark.parametrize("raw", NAMES)
async def test_hostile_names_are_recorded(desk: Desk, database_url: str, raw: bytes) -> None:
    """A name is stored as text on one line, and the file is counted like any other."""
    put(desk, os.fsdecode(raw), b"100000000001;10\n")
    await desk.serve()
    assert (await ask(database_url, "SELECT file_name FROM registries")).isprintable()
    assert 1 == await count(database_url)


async def test_an_empty_file_is_refused(desk: Desk, database_url: str) -> None:
    """It is recorded like every other that fails."""
    put(desk, "a.csv", b"")
    await desk.serve()
    query = "SELECT state || ' ' || disposition || ' ' || problem FROM messages"
    assert "judged reject файл пуст" == await ask(database_url, query)


DOCUMENT = Path(__file__).parents[2] / "docs" / "channels" / "registry.md"


async def test_the_documented_example_is_true(
    tmp_path: Path, open_intake: Callable[[Configuration], Awaitable[Sinks]]
) -> None:
    """What the page shows is what comes out, but for the receipt."""
    page = DOCUMENT.read_text("utf-8")
    [dialect] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    rows, result, failed = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    [summary] = re.findall(r"```\n(Файл: .*?)```", page, re.DOTALL)
    text = CONFIG.replace("1..-1", "23..26").replace("dialect =", "# dialect =") + dialect
    config = make_config(tmp_path, text)
    desk = Desk(config, await open_intake(config), now=lambda: SEEN_AT)
    put(desk, "reestr-41.csv", rows.encode("cp1251"), SEEN_NS)
    await desk.serve()
    assert [failed, result, summary] == [show_answer(desk, name) for name in desk.list("out")]


def show_answer(desk: Desk, name: str) -> str:
    """Return an answer as the page shows it."""
    text = desk.read(f"out/{name}").decode("cp1251")
    return re.sub(r"[0-9A-Z]{4}-[0-9A-Z]{4}", "T97R-F2DM", text)
