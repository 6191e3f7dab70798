"""Which files a channel takes: those that are complete, with what goes with them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from registry_desk import CONFIG, Desk, ScriptedSink, make_config

ROWS = b"100000000001;10\n100000000002;20\n"


@pytest.fixture
def open_desk(tmp_path: Path) -> Callable[[str], Desk]:
    """Return a maker of a folder with a channel, with a line more in its table."""

    def make(line: str, dialect: str = "") -> Desk:
        text = CONFIG.replace("settle = 0.05", f"settle = 0.05\n{line}")
        text = text.replace("value = 2 } }", f"value = 2 }}{dialect} }}")
        return Desk(make_config(tmp_path, text), ScriptedSink())

    return make


async def test_a_file_is_taken_once_its_side_file_is_there(open_desk) -> None:
    """Until then it waits, and that is told once."""
    desk = open_desk('complete = "done-file"')
    with structlog.testing.capture_logs() as events:
        async with desk.running() as report:
            desk.drop("a.csv", ROWS)
            await report.until(lambda: any(one["event"] == "registry.waiting" for one in events))
            assert ["a.csv"] == desk.list("in")
            desk.drop("a.csv.done", b"")
            await report.until(desk.is_idle)
    assert ["a.csv", "a.csv.done"] == desk.list("done")
    assert 1 == len([one for one in events if one["event"] == "registry.waiting"])


async def test_a_checksum_that_agrees_lets_a_file_pass(open_desk) -> None:
    """It is put away beside the file."""
    desk = open_desk('complete = "checksum-file"')
    desk.drop("a.csv", ROWS)
    desk.drop("a.csv.sha256", hashlib.sha256(ROWS).hexdigest().encode())
    await desk.serve()
    assert ["a.csv", "a.csv.sha256"] == desk.list("done")
    assert b"100000000001;10;accept;accepted;FILE-1-1\n" in desk.read("out/a.csv.result.csv")


async def test_a_checksum_that_differs_fails_the_file(open_desk) -> None:
    """No reading of it counts; the partner learns both sums."""
    desk = open_desk('complete = "checksum-file"')
    wanted = hashlib.md5(b"other").hexdigest()
    desk.drop("a.csv", ROWS)
    desk.drop("a.csv.md5", wanted.encode())
    await desk.serve()
    found = hashlib.md5(ROWS).hexdigest()
    told = f"не сходится контрольная сумма: у файла {found}, рядом с ним {wanted}"
    assert told in desk.read("out/a.csv.summary.txt").decode()
    assert (["a.csv"], ["a.csv.md5"]) == (desk.list("failed"), desk.list("done"))
    assert [] == desk.channel._desk.sink._sink.only.lines


async def test_after_a_crash_the_side_file_is_still_there(open_desk) -> None:
    """It was claimed with the file; who comes next compares again."""
    desk = open_desk('complete = "checksum-file"')
    claimed = desk.root / "work" / "1764000000000000000.a.csv"
    claimed.write_bytes(ROWS)
    beside = desk.root / "work" / f".beside-{claimed.name}"
    beside.mkdir()
    (beside / "a.csv.md5").write_text("0" * 32)
    await desk.serve()
    assert (["a.csv"], []) == (desk.list("failed"), desk.list("work"))


RECEIPT = ', receipt = "(?P<file>[^|]+)[|](?P<count>[0-9]+)[|](?P<sum>[0-9]+)"'
RECEIPTS = [
    pytest.param(b"a.csv|2|30\r\n", "done", id="that agrees"),
    pytest.param(b"a.csv|3|30\r\n", "failed", id="with another count"),
]


@pytest.mark.parametrize(("receipt", "folder"), RECEIPTS)
async def test_a_registry_is_read_with_its_receipt(open_desk, receipt: bytes, folder: str) -> None:
    """The receipt has the control figures; without it the registry waits."""
    desk = open_desk("", RECEIPT)
    async with desk.running() as report:
        desk.drop("a.csv", ROWS)
        desk.drop("a.kvt", receipt)
        await report.until(lambda: desk.is_idle() and "a.csv" in desk.list(folder))
    assert "a.kvt" in desk.list("done")
