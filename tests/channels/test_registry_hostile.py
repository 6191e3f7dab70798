"""Files that are made to hurt, and a disk that has no room; see also the tests of uploads."""

import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from registry_desk import CONFIG, Desk, ScriptedSink, make_config

ROWS = b"100000000001;10\n100000000002;20\n100000000003;30\n"
MANY = b"".join(b"%d;10\n" % (100_000_000_000 + number) for number in range(8000))
ROOM = 200_000
"""Bytes that a file may have while the disk is full: more than ``MANY``, less than its answer."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    text = CONFIG.replace("chunk_lines = 2", "chunk_lines = 1000")
    return Desk(make_config(tmp_path, text), ScriptedSink())


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """Let no file grow beyond :data:`ROOM`; the system answers as it does when a quota is used."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_file_of_ten_gigabytes_of_nothing(desk: Desk) -> None:
    """It fails by its size; no more of it is read than a channel takes."""
    path = desk.drop("a.csv", b"")
    os.truncate(path, 10_000_000_000)
    await desk.serve()
    assert (["a.csv"], ["a.csv.summary.txt"]) == (desk.list("failed"), desk.list("out"))
    assert "файл слишком велик: 10000000000 байт" in desk.read("out/a.csv.summary.txt").decode()


async def test_a_file_that_is_written_over_while_it_is_read(desk: Desk) -> None:
    """What was read does not count: the file is read again, as it is then."""
    sink = desk.channel._desk.sink._sink
    path = desk.drop("a.csv", ROWS)
    other = ROWS.replace(b"30", b"31")
    with path.open("r+b") as writer:

        def write_over(call: str, _kept: object) -> None:
            if call == "chunk" and writer.tell() == 0:
                writer.write(other)
                writer.flush()

        sink.before = write_over
        await desk.serve()
    assert other == desk.read("done/a.csv")
    assert [ROWS, other] == [kept.raw for kept in sink.kept.values()]
    assert ["файл изменился, пока его читали", ""] == [one.problem for one in sink.kept.values()]


async def test_a_disk_without_room_for_the_answer(desk: Desk) -> None:
    """The file waits, nothing half-written is seen, and there is an answer once there is room."""
    with full_disk():
        async with desk.running() as report:
            desk.drop("a.csv", MANY)
            await report.until(lambda: report.problems)
            assert ([], 1) == (visible(desk), len(desk.list("work")))
            assert "a.csv: File too large" == report.problems[0]
    await desk.serve()
    assert ["a.csv.result.csv", "a.csv.summary.txt"] == visible(desk)


def visible(desk: Desk) -> list[str]:
    return [name for name in desk.list("out") if not name.startswith(".")]


async def test_a_link_in_place_of_the_side_file(tmp_path: Path) -> None:
    """It is no side file, and what it points to is not read."""
    text = CONFIG.replace("settle = 0.05", 'settle = 0.05\ncomplete = "done-file"')
    desk = Desk(make_config(tmp_path, text), ScriptedSink())
    (desk.root / "in" / "a.csv.done").symlink_to("/etc/passwd")
    desk.drop("a.csv", ROWS)
    async with desk.running() as report:
        await report.until(lambda: desk.channel._waiting)
        assert ["a.csv", "a.csv.done"] == desk.list("in")
