"""The registry channel between a real folder and a scripted sink."""

import asyncio
import contextlib
import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from registry_desk import Desk, Kept, ScriptedSink, do_nothing, make_config

from ingest.channels.dialects.survey import Fault
from ingest.channels.registry.channel import PATIENCE
from ingest.config import Configuration
from ingest.errors import TransientError

ROWS = b"100000000001;10\n100000000002;20\n900000000003;30\n\n100000000004;40\n"
CHECKED = {"dialect": {"trailer": "=(?P<count>[0-9]+);(?P<sum>[0-9]+)"}}


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    return make_config(tmp_path)


@pytest.fixture
def sink() -> ScriptedSink:
    return ScriptedSink()


@pytest.fixture
def desk(config: Configuration, sink: ScriptedSink) -> Desk:
    return Desk(config, sink)


@pytest.fixture
def events() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as captured:
        yield captured


# What is handed over, and what comes back


async def test_a_file_is_answered_line_by_line(desk: Desk) -> None:
    """Every line comes back as it was, with outcome, reason and receipt behind it."""
    desk.drop("a.csv", ROWS)
    await desk.serve()
    assert desk.read("out/a.csv.result.csv") == (
        b"100000000001;10;accept;accepted;FILE-1-1\n"
        b"100000000002;20;accept;accepted;FILE-1-2\n"
        b"900000000003;30;reject;account_unknown;FILE-1-3\n"
        b"\n"
        b"100000000004;40;accept;accepted;FILE-1-5\n"
    )
    assert ROWS == desk.read("done/a.csv")


async def test_lines_that_failed_come_back_to_be_sent_again(desk: Desk) -> None:
    """They are in the partner's own format; blank lines stay where they were."""
    desk.drop("a.csv", ROWS)
    await desk.serve()
    assert b"900000000003;30\n\n" == desk.read("out/a.csv.failed.csv")


async def test_without_failed_lines_there_is_no_such_file(desk: Desk) -> None:
    """An empty file would be one more thing to look into."""
    desk.drop("a.csv", b"100000000001;10\n")
    await desk.serve()
    assert ["a.csv.result.csv", "a.csv.summary.txt"] == desk.list("out")


async def test_the_summary_tells_the_whole(desk: Desk) -> None:
    """It is for people: the receipt, and how many lines came to what."""
    desk.drop("a.csv", ROWS)
    await desk.serve()
    text = desk.read("out/a.csv.summary.txt").decode()
    assert "Квитанция: FILE-1\n" in text
    assert "Строк в файле: 5\nСтрок с показаниями: 4\nПринято: 3\nОтклонено: 1\n" in text


async def test_chunks_hold_every_byte_in_order(desk: Desk, sink: ScriptedSink) -> None:
    """Lines without data are part of the chunk that they stand in."""
    desk.drop("a.csv", ROWS)
    await desk.serve()
    assert ROWS == sink.only.raw
    assert [2, 2, 1] == [chunk.line_count for chunk in sink.only.chunks]
    assert [1, 2, 3, 5] == [line.number for line in sink.only.lines]


async def test_old_encodings_and_stray_quotation_marks(config: Configuration) -> None:
    """A mark that is never closed swallows nothing, and bytes go back as they came."""
    sink = ScriptedSink()
    columns = {"account": 2, "value": 3}
    desk = Desk(config, sink, dialect={"encoding": "cp1251", "columns": columns})
    rows = 'ООО "Ромашка;100000000001;10\r\nЗАО "Лютик;100000000002;20\r\n'.encode("cp1251")
    desk.drop("a.csv", rows)
    await desk.serve()
    assert [("10",), ("20",)] == [line.values for line in sink.only.lines]
    assert desk.read("out/a.csv.result.csv").startswith(
        'ООО "Ромашка;100000000001;10;accept;accepted;FILE-1-1\r\n'.encode("cp1251")
    )


async def test_nul_is_a_problem_of_its_line_alone(desk: Desk, sink: ScriptedSink) -> None:
    """The database takes no NUL; the lines beside are not touched."""
    desk.drop("a.csv", b"1\x00;10\n\x00\n100000000001;10\n")
    await desk.serve()
    assert ["a NUL character", "a NUL character", ""] == [one.problem for one in sink.only.lines]
    assert b"1\x00;10;reject;reading_malformed;FILE-1-1\n" in desk.read("out/a.csv.result.csv")


async def test_the_answer_speaks_the_channels_language(config: Configuration) -> None:
    """A partner abroad gets English."""
    desk = Desk(config, ScriptedSink(), language="en")
    desk.drop("a.csv", ROWS)
    await desk.serve()
    assert b"\nAccepted: 3\n" in desk.read("out/a.csv.summary.txt")


# Files that fail as a whole


async def test_control_figures_that_differ_fail_the_file(config: Configuration) -> None:
    """No reading of it counts; its bytes are kept, its lines all say so."""
    sink = ScriptedSink()
    desk = Desk(config, sink, **CHECKED)
    desk.drop("a.csv", b"100000000001;10\n=2;10\n")
    await desk.serve()
    assert (b"100000000001;10\n=2;10\n", []) == (sink.only.raw, sink.only.lines)
    assert b"100000000001;10;reject;not_recognised;FILE-1\n=2;10\n" == desk.read(
        "out/a.csv.result.csv"
    )
    assert ["a.csv"] == desk.list("failed")


async def test_the_summary_says_what_was_found_and_wanted(config: Configuration) -> None:
    """Whoever has to correct the file learns both figures."""
    sink = ScriptedSink()
    desk = Desk(config, sink, **CHECKED)
    desk.drop("a.csv", b"100000000001;10\n=2;10\n")
    await desk.serve()
    problem = "не сходится число строк: в файле 1, по контрольным числам 2"
    assert problem == sink.only.problem
    assert f"Файл не принят: {problem}\n" in desk.read("out/a.csv.summary.txt").decode()


UNUSABLE = [
    pytest.param(b"", {}, Fault.EMPTY, id="zero bytes"),
    pytest.param(b"1;1\n" + b"9" * 101, {}, Fault.LINE_TOO_LONG, id="long line"),
    pytest.param(b"PK\x03\x04" + b"x" * 500, {}, Fault.NO_TEXT, id="workbook"),
    pytest.param(b"1;1\n" * 6, {"max_size": 10}, Fault.TOO_LARGE, id="too large"),
]


@pytest.mark.parametrize(("content", "changes", "fault"), UNUSABLE)
async def test_unusable_files_fail_with_a_summary_alone(
    config: Configuration, content: bytes, changes: dict[str, Any], fault: Fault
) -> None:
    """Of a file that cannot be cut into lines nothing is said line by line."""
    sink = ScriptedSink()
    desk = Desk(config, sink, **changes)
    desk.drop("a.csv", content)
    await desk.serve()
    assert sink.only.registry.external_id.endswith(f":{fault}")
    assert (["a.csv.summary.txt"], ["a.csv"]) == (desk.list("out"), desk.list("failed"))
    assert (b"" if fault is Fault.TOO_LARGE else content) == sink.only.raw
    assert [] == sink.only.lines


async def test_a_file_refused_for_our_own_dialect_is_new_once_that_is_put_right(
    config: Configuration, sink: ScriptedSink
) -> None:
    """A fault of ours is never final; without a change the file is refused again."""
    for changes in (CHECKED, CHECKED, {}):
        desk = Desk(config, sink, **changes)
        desk.drop("a.csv", b"100000000001;10\n")
        await desk.serve()
    assert (["a.2.csv", "a.csv"], ["a.3.csv"]) == (desk.list("failed"), desk.list("done"))
    assert 2 == len(sink.kept)


# Repeats


async def test_the_same_content_under_another_name_gets_the_same_answer(
    desk: Desk, sink: ScriptedSink
) -> None:
    """It changes nothing, and says so."""
    desk.drop("a.csv", ROWS)
    await desk.serve()
    desk.drop("b.csv", ROWS)
    await desk.serve()
    assert desk.read("out/a.csv.result.csv") == desk.read("out/b.csv.result.csv")
    assert "Повтор: " in desk.read("out/b.csv.summary.txt").decode()
    assert (1, ["a.csv", "b.csv"]) == (len(sink.kept), desk.list("done"))


async def test_other_content_under_the_same_name_overwrites_nothing(desk: Desk) -> None:
    """The second file and its answers get a number."""
    for content in (ROWS, b"100000000009;90\n"):
        desk.drop("a.csv", content)
        await desk.serve()
    assert ["a.2.csv", "a.csv"] == desk.list("done")
    assert b"100000000009;90;accept;accepted;FILE-2-1\n" == desk.read("out/a.2.csv.result.csv")


# Faults on the way


async def test_a_registry_is_resumed_where_the_sink_got_to(desk: Desk, sink: ScriptedSink) -> None:
    """The sink is away after the first chunk; each line is handed over once."""
    trouble = iter([None, TransientError("the database is away"), TransientError("still away")])

    def fail(call: str, kept: Kept) -> None:
        if call == "chunk" and (error := next(trouble, None)):
            raise error

    sink.before = fail
    desk.drop("a.csv", ROWS)
    await desk.serve()
    assert (ROWS, [1, 2, 3, 5]) == (sink.only.raw, [one.number for one in sink.only.lines])
    assert ["the database is away", "still away"] == desk.report.problems


@pytest.mark.parametrize("call", ["open", "chunk", "finish", "results"])
async def test_a_crash_anywhere_is_put_right_at_the_next_start(
    config: Configuration, sink: ScriptedSink, call: str
) -> None:
    """A second daemon takes the file from work/ and ends with the same answer."""
    sink.before = functools.partial(fail_at, call)
    crashed = Desk(config, sink)
    crashed.drop("a.csv", ROWS)
    async with crashed.running() as report:
        await report.until(lambda: report.problems)
    sink.before = do_nothing
    desk = Desk(config, sink)
    await desk.serve()
    assert (1, ["a.csv"], 3) == (len(sink.kept), desk.list("done"), len(desk.list("out")))


def fail_at(wanted: str, call: str, _kept: Kept) -> None:
    """Raise what no one foresaw, in one call."""
    if call == wanted:
        raise RuntimeError("crash")


async def test_what_is_at_work_goes_first_and_keeps_its_arrival(
    desk: Desk, sink: ScriptedSink
) -> None:
    """The time of arrival survives a crash in the name; an outage costs nobody the window."""
    (desk.root / "work" / "1790000000123456789.b.csv").write_bytes(b"100000000001;10\n")
    desk.drop("a.csv", ROWS)
    await desk.serve()
    first, _ = sink.kept.values()
    assert ("b.csv", "2026-09-21T14:13:20.123456+00:00") == (
        first.registry.file_name,
        first.registry.received_at.isoformat(),
    )


async def test_arrival_is_when_the_file_came_not_when_it_was_taken(
    desk: Desk, sink: ScriptedSink
) -> None:
    """Our kernel knows; the time of modification is the partner's to set."""
    path = desk.drop("a.csv", ROWS)
    os.utime(path, (0, 0))
    arrived_ns = path.lstat().st_ctime_ns
    await desk.serve()
    assert arrived_ns // 1000 == round(sink.only.registry.received_at.timestamp() * 1_000_000)


async def test_one_bad_file_does_not_stop_the_others(desk: Desk, sink: ScriptedSink) -> None:
    """What our code trips over is reported and tried again; later files pass."""

    def fail(call: str, kept: Kept) -> None:
        if kept.registry.file_name == "a.csv":
            raise RuntimeError("poison")

    sink.before = fail
    desk.drop("a.csv", ROWS)
    desk.drop("b.csv", b"100000000001;10\n")
    async with desk.running() as report:
        await report.until(lambda: desk.list("done") == ["b.csv"] and report.problems)
    assert "a.csv: poison" == desk.report.problems[-1]


async def test_a_file_that_the_sink_always_puts_off_lets_others_pass(
    desk: Desk, sink: ScriptedSink
) -> None:
    """Order is kept for a while, not for ever."""
    attempts: list[str] = []

    def fail(call: str, kept: Kept) -> None:
        attempts.append(kept.registry.file_name)
        if kept.registry.file_name == "a.csv":
            raise TransientError("put off")

    sink.before = fail
    desk.drop("a.csv", ROWS)
    desk.drop("b.csv", b"100000000001;10\n")
    async with desk.running() as report:
        await report.until(lambda: desk.list("done") == ["b.csv"])
    assert ["a.csv"] * PATIENCE + ["b.csv"] == attempts[: PATIENCE + 1]


async def test_results_that_cannot_be_written_are_written_later(desk: Desk) -> None:
    """The file stays in work/ until its answer lies in out/, and the answer is given once."""
    obstacle = desk.root / "out" / ".a.csv.result.csv.draft"
    async with desk.running() as report:
        await report.until(lambda: report.is_up)
        obstacle.mkdir()
        desk.drop("a.csv", ROWS)
        await report.until(lambda: len(report.problems) > 2)
        obstacle.rmdir()
        await report.until(desk.is_idle)
    assert "a.csv: Is a directory" == report.problems[0]
    assert 3 == len(desk.list("out"))


async def test_a_file_that_grows_under_our_hands_is_taken_anew(
    desk: Desk, sink: ScriptedSink
) -> None:
    """The sender kept it open: what was read first does not count, all of it does later."""

    def grow(call: str, kept: Kept) -> None:
        if call == "chunk" and len(sink.kept) == 1 and not kept.chunks:
            [path] = (desk.root / "work").iterdir()
            with path.open("ab") as file:
                file.write(b"100000000005;50\n")

    sink.before = grow
    desk.drop("a.csv", ROWS)
    await desk.serve()
    cut, whole = sink.kept.values()
    assert ("файл изменился, пока его читали", "") == (cut.problem, whole.problem)
    assert ROWS + b"100000000005;50\n" == whole.raw


async def test_a_new_time_of_modification_alone_changes_nothing(
    desk: Desk, sink: ScriptedSink
) -> None:
    """Upload programs set it when they are done."""

    def touch(call: str, kept: Kept) -> None:
        if call == "chunk":
            [path] = (desk.root / "work").iterdir()
            os.utime(path, (0, 0))

    sink.before = touch
    desk.drop("a.csv", ROWS)
    await desk.serve()
    assert "" == sink.only.problem


# What is taken


async def test_a_growing_file_is_left_until_it_rests(desk: Desk, sink: ScriptedSink) -> None:
    """It is written to between any two looks, then no more."""
    path = desk.drop("a.csv", b"")
    rows = [b"100000000001;%d\n" % number for number in range(8)]
    pending = iter(rows)

    def grow() -> None:
        if (row := next(pending, None)) is not None:
            assert path.exists()
            with path.open("ab") as file:
                file.write(row)

    desk.report.on_progress = grow
    await desk.serve()
    assert b"".join(rows) == sink.only.raw


async def test_links_pipes_and_folders_are_passed_over(
    desk: Desk, sink: ScriptedSink, events: list[Any]
) -> None:
    """They hang nobody, are told once, and lie where they were put."""
    incoming = desk.root / "in"
    (incoming / "link").symlink_to("/etc/passwd")
    os.mkfifo(incoming / "pipe")
    (incoming / "folder").mkdir()
    (incoming / "late.part").write_bytes(ROWS)
    desk.drop("a.csv", ROWS)
    async with desk.running() as report:
        await report.until(lambda: desk.list("done"))
    assert ["folder", "late.part", "link", "pipe"] == desk.list("in")
    skipped = [one["file"] for one in events if one["event"] == "registry.skipped"]
    assert ["folder", "link", "pipe"] == sorted(skipped)


async def test_a_link_that_was_slipped_in_is_never_followed(desk: Desk, sink: ScriptedSink) -> None:
    """Between look and rename a file can be swapped for a link; it goes to failed/ as it is."""
    (desk.root / "work" / "1790000000123456789.a.csv").symlink_to("/etc/passwd")
    await desk.serve()
    assert (desk.root / "failed" / "a.csv").is_symlink()
    assert {} == sink.kept


NAMES = [
    pytest.param("реестр за ноябрь.csv".encode(), id="Russian with spaces"),
    pytest.param(b"a\nb;c.csv", id="line end and delimiter"),
    pytest.param(b"-rf *", id="option"),
    pytest.param(b"\xf0\xe5\xe5\xf1\xf2\xf0", id="no UTF-8"),
    pytest.param(b"x" * 255, id="as long as can be"),
    pytest.param(b"%s{0}$(id)`id`", id="formats and shells"),
    pytest.param(b"=cmd|' !A0", id="formula"),
    pytest.param(b"1790000000123456789.a", id="like a claimed one"),
]


@pytest.mark.parametrize("raw", NAMES)
async def test_names_are_data(desk: Desk, sink: ScriptedSink, raw: bytes) -> None:
    """Any name that the system allows is answered under itself, and recorded as one line."""
    desk.drop(os.fsdecode(raw), ROWS)
    await desk.serve()
    assert sink.only.registry.file_name.isprintable()
    assert 3 == len(desk.list("out"))
    assert os.fsencode(desk.list("done")[0]) in {raw, raw[:215]}


# Starting and stopping


async def test_a_second_daemon_waits_until_the_first_has_left(
    config: Configuration, sink: ScriptedSink
) -> None:
    """One reads the folder at a time; the other says why it does not."""
    first, second = Desk(config, sink), Desk(config, sink)
    async with second.running() as report:
        async with first.running():
            await first.report.until(lambda: first.report.is_up or second.report.is_up)
            loser = second if first.report.is_up else first
            await loser.report.until(lambda: loser.report.problems)
        await report.until(lambda: report.is_up)
    assert [f"another daemon reads {first.root}"] == [*set(loser.report.problems)]


async def test_the_chunk_in_hand_is_finished_when_the_channel_stops(
    desk: Desk, sink: ScriptedSink
) -> None:
    """Stopping waits for the commit and for nothing behind it."""
    sink.gate.clear()
    desk.drop("a.csv", ROWS)
    task = asyncio.create_task(desk.channel.run(desk.report))
    async with asyncio.timeout(10):
        await sink.at_gate.wait()
        task.cancel()
        await asyncio.wait([task], timeout=0.05)
        assert not task.done()
        sink.gate.set()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert (1, 2) == (len(sink.only.chunks), sink.only.progress.lines)


async def test_a_folder_that_cannot_be_made_is_reported(
    config: Configuration, sink: ScriptedSink
) -> None:
    """The channel goes on trying."""
    desk = Desk(config, sink)
    for name in ("in", "work", "out", "done", "failed"):
        (desk.root / name).rmdir()
    desk.root.rmdir()
    desk.root.write_bytes(b"")
    async with desk.running() as report:
        await report.until(lambda: report.problems)
        desk.root.unlink()
        await report.until(lambda: report.is_up)
    assert "Not a directory" in report.problems[0]


async def test_building_a_channel_touches_nothing(config: Configuration, tmp_path: Path) -> None:
    """Folders are made when it runs."""
    Desk(config, ScriptedSink())
    assert () == Desk(config, ScriptedSink()).channel.routes
