"""A folder that a stranger drops files into."""

import os
import stat
from pathlib import Path

import pytest

from ingest.channels.deposits import Draft, find_free_name, show_name
from ingest.channels.registry.folders import (
    Folders,
    Found,
    Settling,
    open_regular,
    read_lines,
)
from ingest.errors import PermanentError, TransientError


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(tmp_path / "partner")
    made.create()
    return made


def found(name: str = "a.csv", size: int = 1, modified: int = 1, changed: int = 1) -> Found:
    return Found(name, size, modified, changed, 7)


# Complete files only

LOOKS = [
    pytest.param([(found(), 0.0), (found(), 2.0)], ["a.csv"], id="at rest"),
    pytest.param([(found(), 0.0), (found(), 1.9)], [], id="not for long enough"),
    pytest.param([(found(), 0.0)], [], id="seen once"),
    pytest.param([(found(), 0.0), (found(size=2), 2.0)], [], id="growing"),
    pytest.param([(found(), 0.0), (found(modified=0), 2.0)], [], id="time set back"),
    pytest.param(
        [(found(), 0.0), (found("b.csv"), 2.0), (found("b.csv"), 3.0)],
        [],
        id="moved in under a name",
    ),
    pytest.param(
        [(found(), 0.0), (found(size=2), 2.0), (found(size=2), 4.0)],
        ["a.csv"],
        id="grown, then at rest",
    ),
]


@pytest.mark.parametrize(("looks", "expected"), LOOKS)
def test_a_file_is_complete_once_it_has_rested(
    looks: list[tuple[Found, float]], expected: list[str]
) -> None:
    """Size and times are the same in consecutive looks for as long as is wanted."""
    settling = Settling(2.0)
    rested = [settling.observe([one], at) for one, at in looks][-1]
    assert expected == [one.name for one in rested]


def test_files_are_taken_in_order_of_arrival() -> None:
    """Names say nothing about who came first."""
    settling = Settling(0.0)
    files = [found("a", changed=3), found("b", changed=1), found("c", changed=2)]
    assert ["b", "c", "a"] == [one.name for one in settling.observe(files, 0.0)]


def test_the_next_look_is_due_when_the_first_file_may_have_settled() -> None:
    """Nobody waits a whole poll for a file that rests."""
    settling = Settling(2.0)
    assert settling.wait(0.0) is None
    settling.observe([found()], 10.0)
    settling.observe([found(), found("b.csv")], 11.5)
    assert 0.5 == settling.wait(11.5)


def test_only_visible_regular_files_are_found(folders: Folders) -> None:
    """Links, pipes and folders are named as such, hidden and unfinished names are not even that."""
    for name in ("a.csv", ".hidden", "b.part", "c.TMP", "d.csv.filepart"):
        (folders.incoming / name).write_bytes(b"x")
    (folders.incoming / "link").symlink_to("/etc/passwd")
    (folders.incoming / "folder").mkdir()
    os.mkfifo(folders.incoming / "pipe")
    files, others = folders.look()
    assert ["a.csv"] == [one.name for one in files]
    assert ["folder", "link", "pipe"] == sorted(others)


# Claiming


def test_a_claimed_file_remembers_its_name_and_arrival(folders: Folders) -> None:
    """After a crash nothing but the name in work/ is left to tell."""
    name = "1234567890123456789.a\nб.csv"
    (folders.incoming / name).write_bytes(b"x")
    [seen], _ = folders.look()
    claimed = folders.claim(seen)
    assert claimed is not None
    assert [claimed] == folders.list_claimed()
    assert (name, seen.changed_ns) == (claimed.name, claimed.arrived_ns)
    assert not list(folders.incoming.iterdir())


def test_the_senders_clock_does_not_move_the_arrival(folders: Folders) -> None:
    """A partner can set the time of modification; the arrival is our kernel's."""
    path = folders.incoming / "a.csv"
    path.write_bytes(b"x")
    os.utime(path, ns=(1, 1))
    [seen], _ = folders.look()
    assert (1, path.lstat().st_ctime_ns) == (seen.modified_ns, seen.changed_ns)


def test_a_file_that_changed_or_went_is_not_claimed(folders: Folders) -> None:
    """What was looked at is what is taken, or nothing is."""
    path = folders.incoming / "a.csv"
    path.write_bytes(b"x")
    [seen], _ = folders.look()
    path.write_bytes(b"xy")
    assert folders.claim(seen) is None
    path.unlink()
    assert folders.claim(seen) is None


def test_a_file_put_into_work_by_hand_counts_from_then(folders: Folders) -> None:
    """An operator may drop a file there."""
    path = folders.work / "a.csv"
    path.write_bytes(b"x")
    [claimed] = folders.list_claimed()
    assert ("a.csv", path.lstat().st_ctime_ns) == (claimed.name, claimed.arrived_ns)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_only_regular_files_are_opened(folders: Folders, kind: str) -> None:
    """Opening never waits for a writer and never follows a link."""
    path = folders.work / kind
    make = {"link": lambda: path.symlink_to("/etc/passwd"), "pipe": lambda: os.mkfifo(path)}
    make |= {"folder": path.mkdir}
    make[kind]()
    with pytest.raises(PermanentError, match="is no regular file"):
        open_regular(path)


def test_what_is_no_file_is_set_aside_unopened(folders: Folders) -> None:
    """It goes to failed/ as it is, whatever lies there under its name."""
    (folders.failed / "a.csv").write_bytes(b"x")
    (folders.work / "a.csv").symlink_to("/etc/passwd")
    [claimed] = folders.list_claimed()
    folders.set_aside(claimed)
    assert (folders.failed / "a.2.csv").is_symlink()


def test_two_daemons_do_not_share_a_folder(folders: Folders) -> None:
    """The second one is told, and comes in when the first has left."""
    with folders.exclusive(), pytest.raises(TransientError, match="another daemon reads"):
        folders.exclusive().__enter__()
    with folders.exclusive():
        assert stat.S_ISREG((folders.root / ".lock").stat().st_mode)


# Reading


def test_lines_are_read_within_limits(tmp_path: Path) -> None:
    """Not more lines, not more bytes, and long lines in pieces."""
    path = tmp_path / "a"
    path.write_bytes(b"1\n22\n333\n4")
    with open_regular(path) as file:
        assert [b"1\n", b"22\n"] == read_lines(file, 10, 100, 2)
        assert [b"33", b"3"] == read_lines(file, 3, 2, 9)
        assert [b"\n", b"4"] == read_lines(file, 99, 100, 9)


def test_a_read_stops_between_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded, and no line is torn for it."""
    monkeypatch.setattr("ingest.channels.registry.folders.LARGEST_READ", 4)
    path = tmp_path / "a"
    path.write_bytes(b"1\n22\n333\n4\n")
    with open_regular(path) as file:
        assert [b"1\n", b"22\n"] == read_lines(file, 11, 100, 9)
        assert [b"333\n"] == read_lines(file, 6, 100, 9)


# Writing


def test_a_draft_appears_when_it_is_published(tmp_path: Path) -> None:
    """Before that nobody sees it."""
    draft = Draft(tmp_path / "a.csv")
    draft.write([b"x"])
    assert not (tmp_path / "a.csv").exists()
    draft.publish()
    draft.discard()
    assert [tmp_path / "a.csv"] == list(tmp_path.iterdir())


def test_drafts_are_discarded_at_the_end_or_at_the_next_start(folders: Folders) -> None:
    """Nothing half written stays."""
    kept, lost = Draft(folders.out / "a"), Draft(folders.out / "b")
    kept.write([b"x"])
    lost.write([b"x"])
    lost.discard()
    with folders.exclusive():
        assert not list(folders.out.iterdir())
    kept.discard()


# Names

TAKEN = [
    pytest.param("done", "a.csv", id="put away"),
    pytest.param("failed", "a.csv", id="failed"),
    pytest.param("out", "a.csv.result.csv", id="answered"),
]


@pytest.mark.parametrize(("folder", "name"), TAKEN)
def test_nothing_is_overwritten(folders: Folders, folder: str, name: str) -> None:
    """A name that is taken anywhere gets a number before its ending."""
    (folders.root / folder / name).write_bytes(b"x")
    assert "a.2.csv" == folders.find_stem("a.csv", [".result.csv"])


def test_long_names_are_cut_to_what_the_system_takes(folders: Folders) -> None:
    """There is room for what is appended, and characters are cut whole."""
    stem = folders.find_stem("я" * 127 + ".csv", [".result.csv"])
    (folders.out / f"{stem}.result.csv").write_bytes(b"x")
    assert stem.endswith("я.csv")
    assert find_free_name(folders.work, "я" * 200).name == "я" * 127


SHOWN = [
    pytest.param(b"a b.csv", "a b.csv", id="plain"),
    pytest.param("реестр.csv".encode(), "реестр.csv", id="Russian"),
    pytest.param(b"a\nb\x1b[0m", "a\\nb\\x1b[0m", id="line end and escape"),
    pytest.param(b"\xf0\xe5", "\\xf0\\xe5", id="no UTF-8"),
    pytest.param("a\u202egpj".encode(), "a\\u202egpj", id="right to left"),
]


@pytest.mark.parametrize(("raw", "expected"), SHOWN)
def test_names_are_shown_on_one_line(raw: bytes, expected: str) -> None:
    """A name can hold anything; logs and tables get valid text."""
    assert expected == show_name(os.fsdecode(raw))
