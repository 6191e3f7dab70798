"""Files with too many bad lines: nothing of them counts before a person decides."""

import datetime as dt
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from builders import Sinks
from registry_desk import CONFIG, PARTNER, Desk, Kept, ScriptedSink, make_config

from ingest.channels.registry.excess import find_excess
from ingest.config import Configuration
from ingest.errors import NotFoundError, TransientError
from ingest.history import list_registries
from ingest.model import Decision, Disposition, Reason, Verdict
from ingest.registries import decide_registry
from ingest.store import Store

NOW = dt.datetime(2026, 11, 24, 6, tzinfo=dt.UTC)
OPEN_NS = int(dt.datetime(2026, 11, 24, 5, tzinfo=dt.UTC).timestamp()) * 10**9
SHUT_NS = int(dt.datetime(2026, 11, 2, 5, tzinfo=dt.UTC).timestamp()) * 10**9
ROWS = b"100000000001;10\n100000000002;x\n100000000003;30\n10000000004;40\n100000000005;50\n"
ACCEPTED = Verdict(Disposition.ACCEPT, Reason.ACCEPTED)
MALFORMED = Verdict(Disposition.REJECT, Reason.READING_MALFORMED)
AMBIGUOUS = Verdict(Disposition.HOLD, Reason.METER_AMBIGUOUS)
LATE = Verdict(Disposition.REJECT, Reason.WINDOW_CLOSED)


@pytest.mark.parametrize(
    ("tally", "limit", "is_too_much"),
    [
        pytest.param({ACCEPTED: 95, MALFORMED: 5}, "5%", False, id="just as many"),
        pytest.param({ACCEPTED: 94, MALFORMED: 6}, "5%", True, id="one more"),
        pytest.param({ACCEPTED: 994, MALFORMED: 6}, "0.5%", True, id="part of a percent"),
        pytest.param({ACCEPTED: 9, MALFORMED: 2, AMBIGUOUS: 1}, "2", True, id="held ones too"),
        pytest.param({ACCEPTED: 9, MALFORMED: 2}, "2", False, id="a count"),
        pytest.param({MALFORMED: 1}, "0", True, id="none at all"),
        pytest.param({LATE: 100}, "5%", False, id="late is not bad"),
        pytest.param({}, "0%", False, id="no lines"),
    ],
)
def test_what_is_too_much(tally: dict[Verdict, int], limit: str, is_too_much: bool) -> None:
    """The limit itself is still taken."""
    assert is_too_much is bool(find_excess(tally, limit))


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    return make_config(tmp_path, CONFIG.replace("1..-1", "23..26"))


@pytest.fixture
async def sinks(
    config: Configuration, open_intake: Callable[[Configuration], Awaitable[Sinks]]
) -> Sinks:
    return await open_intake(config)


@pytest.fixture
def desk(config: Configuration, sinks: Sinks) -> Desk:
    return Desk(config, sinks, now=lambda: NOW, max_bad="1")


def put(desk: Desk, name: str, content: bytes = ROWS, arrived_ns: int = OPEN_NS) -> None:
    """Put a file where a crash would have left it, with its time of arrival."""
    (desk.root / "work" / f"{arrived_ns}.{name}").write_bytes(content)


async def stop_a_file(desk: Desk, store: Store) -> str:
    """Serve until the only file waits for a decision; return its receipt."""
    put(desk, "a.csv")
    async with desk.running() as report:
        await report.until(lambda: report.is_up)
    [row] = await list_registries(store, PARTNER, 9)
    assert Decision.AWAITED == row["decision"]
    return str(row["receipt"])


async def count(store: Store) -> list[int]:
    """Return how many readings are recorded, and how many of them count."""
    async with store._pool.acquire() as connection:
        row = await connection.fetchrow(
            "SELECT count(*), count(*) FILTER (WHERE counts) FROM readings"
        )
    return list(row or ())


async def test_nothing_counts_before_the_decision(desk: Desk, store: Store) -> None:
    """The file stays at work, without an answer; what is wrong stands beside it."""
    await stop_a_file(desk, store)
    [row] = await list_registries(store, PARTNER, 9)
    assert "2 of 5 lines are bad, max_bad is 1" == row["problem"]
    assert ([0, 0], [], 1) == (await count(store), desk.list("out"), len(desk.list("work")))


async def test_released(desk: Desk, store: Store) -> None:
    """Once released, its lines are judged like any others, by when the file came."""
    receipt = await stop_a_file(desk, store)
    assert PARTNER == await decide_registry(store, receipt, Decision.RELEASED)
    await desk.serve()
    assert [5, 3] == await count(store)
    assert b"100000000002;x;reject;reading_malformed;" in desk.read("out/a.csv.result.csv")
    assert ["a.csv"] == desk.list("done")


async def test_refused(desk: Desk, store: Store) -> None:
    """Once refused, all lines are told so, the bytes are kept, and nothing counts."""
    receipt = await stop_a_file(desk, store)
    await decide_registry(store, receipt, Decision.REFUSED)
    await desk.serve()
    assert [0, 0] == await count(store)
    assert 5 == desk.read("out/a.csv.result.csv").count(b";reject;not_recognised;")
    assert "сотрудник решил" in desk.read("out/a.csv.summary.txt").decode()
    assert ["a.csv"] == desk.list("failed")


async def test_a_decision_while_the_daemon_runs(desk: Desk, store: Store) -> None:
    """The channel sees it by itself; no restart is needed."""
    put(desk, "a.csv")
    async with desk.running() as report:
        await report.until(lambda: report.is_up)
        [row] = await list_registries(store, PARTNER, 9)
        await decide_registry(store, row["receipt"], Decision.RELEASED)
        await report.until(desk.is_idle)
    assert [5, 3] == await count(store)


async def test_later_files_pass(desk: Desk, store: Store) -> None:
    """A file that waits for a person holds nobody up."""
    put(desk, "a.csv")
    put(desk, "b.csv", b"100000000009;10\n", OPEN_NS + 1)
    async with desk.running() as report:
        await report.until(lambda: "b.csv" in desk.list("done"))
    assert [1, 1] == await count(store)


@pytest.mark.parametrize("decision", [Decision.RELEASED, Decision.REFUSED])
async def test_the_same_content_gets_the_same_answer(
    desk: Desk, store: Store, decision: Decision
) -> None:
    """Nobody is asked twice about the same content."""
    receipt = await stop_a_file(desk, store)
    await decide_registry(store, receipt, decision)
    await desk.serve()
    put(desk, "b.csv")
    await desk.serve()
    assert desk.read("out/a.csv.result.csv") == desk.read("out/b.csv.result.csv")


async def test_nobody_decides_twice(desk: Desk, store: Store) -> None:
    """What was decided stays, and what does not wait cannot be decided."""
    receipt = await stop_a_file(desk, store)
    await decide_registry(store, receipt, Decision.REFUSED)
    with pytest.raises(NotFoundError, match="waits for a decision"):
        await decide_registry(store, receipt, Decision.RELEASED)


async def test_a_late_file_is_answered_at_once(desk: Desk, store: Store) -> None:
    """Every line of it came on the wrong day; there is nothing to decide."""
    put(desk, "a.csv", b"100000000001;1\n100000000002;2\n", SHUT_NS)
    await desk.serve()
    assert 2 == desk.read("out/a.csv.result.csv").count(b";reject;window_closed;")


async def test_a_file_begun_before_goes_on(config: Configuration) -> None:
    """Half of it counts already; the limit is asked about at the beginning only."""
    sink = ScriptedSink()
    calls: list[str] = []

    def fail_behind_the_first_chunk(call: str, kept: Kept) -> None:
        calls.append(call)
        if kept.chunks:
            raise TransientError("away")

    sink.before = fail_behind_the_first_chunk
    put(first := Desk(config, sink), "a.csv")
    async with first.running() as report:
        await report.until(lambda: report.problems)
    sink.before = lambda call, _: calls.append(call)
    await Desk(config, sink, max_bad="0").serve()
    assert ("try" in calls, ROWS) == (False, sink.only.raw)


async def test_the_summary_is_mailed(config: Configuration) -> None:
    """It is owed before the file is put away, under the name of the file."""
    sink = ScriptedSink()
    addresses = ("a@example.org", "b@example.org")
    desk = Desk(config, sink, mail_results_to=addresses, mail_results_from="us@example.org")
    desk.drop("a.csv", b"100000000001;10\n")
    await desk.serve()
    summary = desk.read("out/a.csv.summary.txt").decode()
    assert [(addresses, "a.csv", summary)] == sink.owed


async def test_a_mistake_in_the_dialect_does_not_spend_a_stopped_file(
    config: Configuration, desk: Desk, sinks: Sinks, store: Store
) -> None:
    """What was withdrawn before any line was recorded is as new once the dialect is right."""
    await stop_a_file(desk, store)
    await Desk(config, sinks, now=lambda: NOW, dialect={"trailer": "=(?P<count>[0-9]+)"}).serve()
    assert ["a.csv"] == desk.list("failed")
    again = Desk(config, sinks, now=lambda: NOW)
    put(again, "b.csv")
    await again.serve()
    assert [5, 3] == await count(store)
