"""Where each file of a partner is."""

from pathlib import Path

import pytest
from registry_desk import PARTNER, make_config

from ingest.channels.deposits import Letterbox
from ingest.channels.registry.whereabouts import (
    find_answer,
    find_file,
    list_answered,
    list_under_way,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("in", "work", "out", "done", "failed"):
        (tmp_path / name).mkdir()
    return tmp_path


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).write_bytes(b"12345")


def test_files_under_way_are_listed(root: Path) -> None:
    """Those that are uploaded, those that wait, and the one at work; by when they got there."""
    put(root, "in/.up.csv", "in/b.csv.part", "in/c.csv", "work/1234567890123456789.d.csv")
    (root / "work" / ".beside-1234567890123456789.d.csv").mkdir()
    (root / "in" / "link").symlink_to("c.csv")
    expected = [
        (".up.csv", "arriving"),
        ("b.csv.part", "arriving"),
        ("c.csv", "waiting"),
        ("d.csv", "at work"),
    ]
    found = list_under_way(root)
    assert expected == sorted((one.name, one.where.value) for one in found)
    assert {5} == {one.size for one in found}


def test_an_upload_is_seen_under_its_name(root: Path) -> None:
    """While it comes in, a partner and an operator see how much of it is there."""
    settings = make_config(root).channels[PARTNER]
    incoming = Letterbox(root, settings).open("a.csv")
    incoming.write(b"123")
    [found] = list_under_way(root)
    incoming.discard()
    assert ("a.csv", "arriving", 3) == (found.name, found.where.value, found.size)


def test_answered_files_are_listed(root: Path) -> None:
    """The newest first, with what became of them."""
    put(root, "done/a.csv", "out/a.csv.summary.txt", "out/a.csv.result.csv")
    put(root, "failed/b.csv", "out/b.csv.summary.txt", "out/.c.csv.summary.txt.draft")
    found = sorted((one.name, one.where.value, one.size) for one in list_answered(root, 10))
    assert [("a.csv", "answered", 5), ("b.csv", "failed", 5)] == found
    assert 1 == len(list_answered(root, 1))


def test_a_file_is_found_by_its_name(root: Path) -> None:
    """What is cleared away is known by its summary; what never came is not known."""
    put(root, "out/a.csv.summary.txt", "in/b.csv", "work/1234567890123456789.c.csv")
    found = {name: find_file(root, name) for name in ("a.csv", "b.csv", "c.csv", "d.csv")}
    states = {name: one and one.where.value for name, one in found.items()}
    assert {"a.csv": "answered", "b.csv": "waiting", "c.csv": "at work", "d.csv": None} == states


def test_an_answer_is_a_regular_file(root: Path) -> None:
    """A link in its place is not followed."""
    put(root, "out/a.csv.result.csv")
    (root / "out" / "b.csv.result.csv").symlink_to("/etc/passwd")
    assert find_answer(root, "a.csv", ".result.csv") is not None
    assert find_answer(root, "b.csv", ".result.csv") is None


def test_a_channel_that_never_ran_has_nothing(tmp_path: Path) -> None:
    """Folders that are not there are no error."""
    assert ([], [], None) == (
        list_under_way(tmp_path),
        list_answered(tmp_path, 1),
        find_file(tmp_path, "a"),
    )
