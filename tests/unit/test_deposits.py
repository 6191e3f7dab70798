"""Whole files for the folder of a partner, whoever brings them."""

import errno
import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry_desk import CONFIG, PARTNER, make_config

from ingest.channels.deposits import (
    Draft,
    Letterbox,
    NoRoomError,
    TooLargeError,
    check_name,
    clean_name,
    discard_drafts,
)
from ingest.channels.deposits.letterbox import deposit_blocking

ROWS = b"100000000001;10\n"
OTHER = b"100000000001;11\n"


@pytest.fixture
def make_letterbox(tmp_path: Path):
    def make(more: str = "") -> Letterbox:
        text = CONFIG.replace("settle = 0.05", f"settle = 0.05\n{more}")
        settings = make_config(tmp_path, text).channels[PARTNER]
        return Letterbox(tmp_path / "partner", settings)

    return make


@pytest.fixture
def letterbox(make_letterbox) -> Letterbox:
    return make_letterbox()


def list_visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


# Names are data


NAMES = [
    pytest.param("reestr-41.csv", "", id="plain"),
    pytest.param("Реестр №41.csv", "", id="Cyrillic and blanks"),
    pytest.param("CON", "", id="a device elsewhere"),
    pytest.param("..csv", "dot", id="hidden"),
    pytest.param("", "path", id="empty"),
    pytest.param(".", "path", id="here"),
    pytest.param("..", "path", id="above"),
    pytest.param("../../etc/passwd", "path", id="climbing"),
    pytest.param("a/b", "path", id="in a folder"),
    pytest.param("a\\b", "path", id="in a folder of another system"),
    pytest.param("a\0.csv", "cannot be seen", id="NUL"),
    pytest.param("a\n.csv", "cannot be seen", id="line end"),
    pytest.param("a\u202evsc.exe", "cannot be seen", id="turned round"),
    pytest.param("a\u200f.csv", "cannot be seen", id="right to left"),
    pytest.param("\udcff.csv", "cannot be seen", id="no text"),
    pytest.param("ы" * 108, "longer than", id="too long in bytes"),
    pytest.param("a.csv.part", "not finished", id="unfinished"),
]


@pytest.mark.parametrize(("name", "problem"), NAMES)
def test_a_name_is_taken_or_refused_with_a_reason(name: str, problem: str) -> None:
    """A name that would lead elsewhere, or be shown as something else, is refused."""
    found = check_name(name)
    assert (bool(problem), True) == (bool(found), problem in found)


FOREIGN = [
    pytest.param("reestr.csv", "reestr.csv", id="plain"),
    pytest.param("C:\\Отчёты\\реестр.csv", "реестр.csv", id="a path of another system"),
    pytest.param("../../x.csv", "x.csv", id="climbing"),
    pytest.param("..hidden.csv", "hidden.csv", id="hidden"),
    pytest.param("a\u202e\0b.csv", "ab.csv", id="invisible"),
    pytest.param("x.csv.part.tmp", "x.csv", id="unfinished"),
    pytest.param("...", "default", id="nothing left"),
]


@pytest.mark.parametrize(("name", "expected"), FOREIGN)
def test_a_name_out_of_a_mail_is_made_usable(name: str, expected: str) -> None:
    """A mail cannot be asked for another name."""
    assert expected == clean_name(name, "default")


@given(st.text(max_size=400))
def test_a_cleaned_name_is_always_one(name: str) -> None:
    """Whatever a mail calls its file, it can lie in the folder and be numbered."""
    assert "" == check_name(clean_name(name, "default"))


# Appearing whole


def test_a_file_appears_with_its_digest(letterbox: Letterbox) -> None:
    """What is told of it is what lies there."""
    done = deposit_blocking(letterbox, "a.csv", ROWS)
    assert ROWS == (letterbox.incoming / "a.csv").read_bytes()
    assert ("a.csv", len(ROWS), hashlib.sha256(ROWS).hexdigest(), True) == (
        done.name,
        done.size,
        done.sha256,
        done.is_new,
    )
    assert ["a.csv"] == list_visible(letterbox.root)


def test_nothing_is_seen_before_the_end(letterbox: Letterbox) -> None:
    """A file that is being brought lies where no partner looks."""
    incoming = letterbox.open("a.csv")
    incoming.write(ROWS)
    assert [] == list_visible(letterbox.incoming)
    incoming.discard()
    assert [] == list_visible(letterbox.root)


@pytest.mark.parametrize("folder", ["in", "work", "done"])
def test_the_same_content_is_a_repeat(letterbox: Letterbox, folder: str) -> None:
    """Wherever the file is by now, it is not brought a second time."""
    (letterbox.root / folder).mkdir(parents=True)
    name = "1234567890123456789.a.csv" if folder == "work" else "a.csv"
    (letterbox.root / folder / name).write_bytes(ROWS)
    done = deposit_blocking(letterbox, "a.csv", ROWS)
    assert ("a.csv", False) == (done.name, done.is_new)
    assert [name] == list_visible(letterbox.root)


@pytest.mark.parametrize("taken", ["in/a.csv", "done/a.csv", "out/a.csv.summary.txt"])
def test_another_content_gets_a_name_of_its_own(letterbox: Letterbox, taken: str) -> None:
    """Its answer must not be taken for that of the first."""
    path = letterbox.root / taken
    path.parent.mkdir(parents=True)
    path.write_bytes(OTHER)
    done = deposit_blocking(letterbox, "a.csv", ROWS)
    assert ("a.2.csv", True) == (done.name, done.is_new)
    assert OTHER == path.read_bytes()
    assert not deposit_blocking(letterbox, "a.csv", ROWS).is_new


def test_what_was_refused_as_a_whole_may_come_again(letterbox: Letterbox) -> None:
    """The dialect in config.toml may have been put right meanwhile."""
    (letterbox.root / "failed").mkdir(parents=True)
    (letterbox.root / "failed" / "a.csv").write_bytes(ROWS)
    done = deposit_blocking(letterbox, "a.csv", ROWS)
    assert ("a.2.csv", True) == (done.name, done.is_new)


def test_a_link_under_the_name_is_not_followed(letterbox: Letterbox, tmp_path: Path) -> None:
    """Whatever it points to stays as it is, and is not taken for the same file."""
    target = tmp_path / "target"
    target.write_bytes(ROWS)
    letterbox.incoming.mkdir(parents=True)
    (letterbox.incoming / "a.csv").symlink_to(target)
    assert "a.2.csv" == deposit_blocking(letterbox, "a.csv", ROWS).name


# What is too much


def test_a_file_that_is_too_large_is_refused_before_it_comes(letterbox: Letterbox) -> None:
    """Where the size is announced nothing need be written."""
    with pytest.raises(TooLargeError, match="at most 200000 bytes"):
        letterbox.open("a.csv", 200_001)
    assert [] == list_visible(letterbox.root)


def test_a_file_that_grows_too_large_is_refused(letterbox: Letterbox) -> None:
    """Where it is not, the limit holds all the same."""
    with pytest.raises(TooLargeError):
        deposit_blocking(letterbox, "a.csv", b"x" * 200_001)
    assert [] == list_visible(letterbox.root)


def test_room_is_left_on_the_disk(make_letterbox) -> None:
    """PostgreSQL may be on the same one."""
    with pytest.raises(NoRoomError):
        deposit_blocking(make_letterbox("min_free = 1_000_000_000_000"), "a.csv", ROWS)


def test_a_disk_that_is_full_leaves_nothing_behind(letterbox: Letterbox) -> None:
    """The error of the system reaches whoever brings the file, the draft is gone."""
    incoming = letterbox.open("a.csv")
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, incoming._file.fileno())
    os.close(full)
    with pytest.raises(OSError) as caught:
        incoming.write(ROWS)
    incoming.discard()
    assert (errno.ENOSPC, []) == (caught.value.errno, list_visible(letterbox.root))


# Side files


def test_what_came_whole_needs_no_side_file_of_the_partner(make_letterbox) -> None:
    """The channel waits for one, and finds ours."""
    letterbox = make_letterbox('complete = "done-file"')
    deposit_blocking(letterbox, "a.csv", ROWS)
    assert ["a.csv", "a.csv.done"] == list_visible(letterbox.root)


def test_a_checksum_is_written_where_one_is_awaited(make_letterbox) -> None:
    """It is that of what arrived."""
    letterbox = make_letterbox('complete = "checksum-file"')
    deposit_blocking(letterbox, "a.csv", ROWS)
    expected = hashlib.sha256(ROWS).hexdigest()
    assert expected == (letterbox.incoming / "a.csv.sha256").read_text().strip()


# After a crash


def test_drafts_of_a_crash_are_removed(letterbox: Letterbox) -> None:
    """Those that somebody still writes to are not."""
    alive, dead = letterbox.open("a.csv"), letterbox.open("b.csv")
    dead._file.close()
    discard_drafts(letterbox.root)
    assert (True, False) == (alive.path.exists(), dead.path.exists())
    alive.write(ROWS)
    assert alive.finish().is_new
    alive.discard()


def test_a_draft_is_published_or_gone(tmp_path: Path) -> None:
    """What was published is not discarded any more."""
    draft = Draft(tmp_path / "a")
    draft.write([b"x"])
    draft.publish()
    draft.discard()
    assert ["a"] == list_visible(tmp_path)
