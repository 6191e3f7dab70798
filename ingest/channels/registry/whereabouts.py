"""
Where each file of a partner is: on its way, waiting, at work, answered.

Told from the folders alone, so that the command line can ask beside a running daemon.
"""

import datetime as dt
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from heapq import nlargest
from pathlib import Path

from msgspec import Struct

from ingest.channels.deposits import ANSWERS, BEING_BROUGHT, CLAIMED, DRAFTS, is_hidden
from ingest.channels.registry.folders import BESIDE

RESULT, FAILED, SUMMARY = ANSWERS


class Where(StrEnum):
    """How far a file got."""

    ARRIVING = "arriving"
    """It is being brought."""
    WAITING = "waiting"
    """It lies in ``in/``, until it has rested and all that goes with it is there."""
    AT_WORK = "at work"
    ANSWERED = "answered"
    FAILED = "failed"
    """Answered: it was refused as a whole."""


class Whereabouts(Struct, frozen=True):
    """One file, as its folders show it."""

    name: str
    """Under which it is answered, once that is known; before, under which it came."""
    where: Where
    size: int
    """Bytes; of an answered file that was cleared away 0."""
    since: dt.datetime
    path: Path

    @property
    def is_answered(self) -> bool:
        """Whether its answer lies in ``out/``."""
        return self.where in {Where.ANSWERED, Where.FAILED}


def list_under_way(root: Path) -> list[Whereabouts]:
    """List the files that are not answered yet, oldest first."""
    return sorted(iterate_under_way(root), key=lambda one: (one.since, one.name))


def iterate_under_way(root: Path) -> Iterator[Whereabouts]:
    """Yield the files that are not answered yet."""
    for path, state in iterate_folder(root / DRAFTS):
        match = BEING_BROUGHT.fullmatch(path.name)
        yield describe(match["name"] if match else path.name, Where.ARRIVING, path, state)
    for path, state in iterate_folder(root / "in"):
        where = Where.ARRIVING if is_hidden(path.name) else Where.WAITING
        yield describe(path.name, where, path, state)
    for path, state in iterate_folder(root / "work"):
        if not path.name.startswith(BESIDE):
            match = CLAIMED.fullmatch(path.name)
            yield describe(match["name"] if match else path.name, Where.AT_WORK, path, state)


def list_answered(root: Path, most: int) -> list[Whereabouts]:
    """List the files that were answered last, newest first."""
    answered = (
        find_answered(root, path.name.removesuffix(SUMMARY), state)
        for path, state in iterate_folder(root / "out")
        if path.name.endswith(SUMMARY) and not path.name.startswith(".")
    )
    return nlargest(most, answered, key=lambda one: (one.since, one.name))


def find_file(root: Path, name: str) -> Whereabouts | None:
    """
    Return where the file called *name* is; an answered one before another under way.

    A stranger asks: what is a path, or no name of a file, names nothing here.
    """
    if "/" in name or "\0" in name:
        return None
    with suppress(OSError):
        state = (root / "out" / f"{name}{SUMMARY}").lstat()
        if stat.S_ISREG(state.st_mode):
            return find_answered(root, name, state)
    found = [one for one in list_under_way(root) if one.name == name]
    return found[-1] if found else None


def find_answered(root: Path, name: str, summary: os.stat_result) -> Whereabouts:
    """Return where a file is of which the *summary* is there."""
    where = Where.FAILED if os.path.lexists(root / "failed" / name) else Where.ANSWERED
    path = root / ("failed" if where is Where.FAILED else "done") / name
    size = 0
    with suppress(OSError):
        size = path.lstat().st_size
    return Whereabouts(name, where, size, read_time(summary), path)


def find_answer(root: Path, name: str, suffix: str) -> Path | None:
    """Return a file of the answer to *name*; None when there is none."""
    path = root / "out" / f"{name}{suffix}"
    with suppress(OSError):
        if stat.S_ISREG(path.lstat().st_mode):
            return path
    return None


def iterate_folder(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield the regular files of a folder; what vanishes meanwhile is passed over."""
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                state = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(state.st_mode):
                    yield folder / entry.name, state


def describe(name: str, where: Where, path: Path, state: os.stat_result) -> Whereabouts:
    """Return where a file is."""
    return Whereabouts(name, where, state.st_size, read_time(state), path)


def read_time(state: os.stat_result) -> dt.datetime:
    """Return when a file got where it is, by our own kernel's clock."""
    return dt.datetime.fromtimestamp(state.st_ctime_ns / 1e9, dt.UTC)
