"""
A folder that a stranger drops files into: what is complete, claimed, answered and put away.

Rule 1. A file is taken only when it is regular, visible and at rest; names are data, never paths.
Rule 2. Claiming is a rename into ``work/``, which only we write to. The name there begins with the
time of arrival, because a rename changes the time that the system keeps and a crash forgets ours.
Rule 3. Nothing is overwritten and nothing is deleted; a name that is taken gets a number.
Rule 4. What a stranger may read appears complete, by fsync and rename.
Rule 5. What goes with a file (a checksum, a receipt) goes with it into ``work/``, in a hidden
folder beside it, before it; a crash between the two is put right by putting it back.
"""

import fcntl
import os
import shutil
import stat
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from ingest.channels.deposits import (
    CLAIMED,
    DRAFT,
    LONGEST_NAME,
    LONGEST_SUFFIX,
    discard_drafts,
    find_free_name,
    fit,
    is_hidden,
    number_names,
    show_name,
)
from ingest.errors import PermanentError, TransientError

BESIDE = ".beside-"
"""How a folder in ``work/`` begins that holds what came with a file."""
LARGEST_READ = 1 << 22
"""Bytes that are read at a time, give or take a line."""


class Found(Struct, frozen=True):
    """A regular file in ``in/``, as it was seen."""

    name: str
    size: int
    modified_ns: int
    changed_ns: int
    """
    When the file got its content or its name, by our own kernel's clock.

    A partner can set the time of modification to anything, this one not; and it does not move
    while the daemon is down, so that an outage of ours costs nobody the window.
    """
    inode: int


class Claimed(Struct, frozen=True):
    """A file in ``work/``."""

    path: Path
    name: str
    """The name that it came with."""
    arrived_ns: int
    beside: tuple[Path, ...] = ()
    """The files that came with it, under their own names."""


class Settling:
    """Tells which files have been at rest for long enough, from look to look."""

    def __init__(self, settle: float) -> None:
        self._settle = settle
        self._since: dict[str, tuple[Found, float]] = {}

    def observe(self, found: Iterable[Found], at: float) -> list[Found]:
        """Return the files at rest for long enough, by arrival; *at* is seconds of any clock."""
        since: dict[str, tuple[Found, float]] = {}
        for one in found:
            before, begun = self._since.get(one.name, (one, at))
            since[one.name] = (one, begun if before == one else at)
        self._since = since
        rested = [one for one, begun in since.values() if at - begun >= self._settle]
        return sorted(rested, key=lambda one: (one.changed_ns, one.name))

    def wait(self, at: float) -> float | None:
        """Return the seconds until the next file may have settled; None when none is waiting."""
        waits = [begun + self._settle - at for _, begun in self._since.values()]
        return min((wait for wait in waits if wait > 0), default=None)


class Folders:
    """The folders of one partner; all on one file system."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.incoming = root / "in"
        self.work = root / "work"
        self.out = root / "out"
        self.done = root / "done"
        self.failed = root / "failed"

    def create(self) -> None:
        """Make the folders that are not there."""
        for folder in (self.incoming, self.work, self.out, self.done, self.failed):
            folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other daemons out of the folders; raises TransientError while one is in."""
        self.create()
        lock = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            take_lock(lock, self.root)
            self.discard_drafts()
            self.restore_beside()
            yield
        finally:
            os.close(lock)

    def discard_drafts(self) -> None:
        """Remove what a crash left unfinished in ``out/``; no one has seen it."""
        for path in self.out.glob(f".*{DRAFT}"):
            path.unlink()
        discard_drafts(self.root)

    def look(self) -> tuple[list[Found], list[str]]:
        """Return the visible regular files in ``in/``, and the names of what is none."""
        found: list[Found] = []
        others: list[str] = []
        with os.scandir(self.incoming) as entries:
            for entry in entries:
                if is_hidden(entry.name):
                    continue
                try:
                    state = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(state.st_mode):
                    found.append(describe(entry.name, state))
                else:
                    others.append(entry.name)
        return found, others

    def claim(
        self, found: Found, beside: Iterable[str] = (), shared: Collection[str] = ()
    ) -> Claimed | None:
        """
        Move a file to ``work/``, with *beside*; None when it is not any more what was seen.

        What is *shared* with other files stays in ``in/`` as well.
        """
        source = self.incoming / found.name
        try:
            if describe(found.name, source.lstat()) != found:
                return None
            prefix = f"{found.changed_ns:019d}."
            longest = LONGEST_NAME - LONGEST_SUFFIX
            target = find_free_name(self.work, prefix + found.name, longest)
            self.move_beside(target, beside, shared)
            source.rename(target)
        except FileNotFoundError:
            return None
        return Claimed(target, found.name, found.changed_ns, list_folder(get_beside(target)))

    def list_claimed(self) -> list[Claimed]:
        """List ``work/`` by arrival; what a person put there counts from when it was put there."""
        claimed: list[Claimed] = []
        for path in self.work.iterdir():
            if path.name.startswith(BESIDE):
                continue
            match = CLAIMED.fullmatch(path.name)
            arrived_ns = int(match["arrived_ns"]) if match else path.lstat().st_ctime_ns
            name = match["name"] if match else path.name
            claimed.append(Claimed(path, name, arrived_ns, list_folder(get_beside(path))))
        return sorted(claimed, key=lambda one: (one.arrived_ns, one.name))

    def move_beside(self, target: Path, names: Iterable[str], shared: Collection[str]) -> None:
        """Move files of ``in/`` to where they lie beside the claimed file *target*."""
        for name in names:
            folder = get_beside(target)
            folder.mkdir(exist_ok=True)
            if name in shared:
                shutil.copyfile(self.incoming / name, folder / name, follow_symlinks=False)
            else:
                (self.incoming / name).rename(folder / name)

    def clear_beside(self, claimed: Claimed) -> None:
        """Put away what came with a file that was put away."""
        empty_into(get_beside(claimed.path), self.done)

    def restore_beside(self) -> None:
        """
        Put right what a crash left: files in ``work/`` beside one that is not there.

        Either it had not been claimed yet, or it was put away before them.
        """
        for folder in self.work.glob(f"{BESIDE}*"):
            name = folder.name.removeprefix(BESIDE)
            match = CLAIMED.fullmatch(name)
            if not os.path.lexists(self.work / name):
                waits = match and os.path.lexists(self.incoming / match["name"])
                empty_into(folder, self.incoming if waits else self.done)

    def find_stem(self, name: str, suffixes: Iterable[str]) -> str:
        """Return *name*, or one like it, under which nothing was answered or put away yet."""
        taken = [
            *((folder, "") for folder in (self.done, self.failed)),
            *((self.out, suffix) for suffix in suffixes),
        ]
        return next(
            stem
            for stem in number_names(name, LONGEST_NAME - LONGEST_SUFFIX)
            if not any(os.path.lexists(folder / f"{stem}{suffix}") for folder, suffix in taken)
        )

    def set_aside(self, claimed: Claimed) -> None:
        """Move what is no regular file to ``failed/``, unopened."""
        claimed.path.rename(find_free_name(self.failed, claimed.name))


def get_beside(claimed: Path) -> Path:
    """Return the folder of what came with a file in ``work/``."""
    return claimed.with_name(fit(f"{BESIDE}{claimed.name}", "", LONGEST_NAME))


def list_folder(folder: Path) -> tuple[Path, ...]:
    """List a folder by name; empty when it is not there."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return tuple(sorted(folder.iterdir()))
    return ()


def empty_into(folder: Path, target: Path) -> None:
    """Move the files of *folder* into *target* and remove it; no harm when it is not there."""
    for path in list_folder(folder):
        path.rename(find_free_name(target, path.name))
    with suppress(FileNotFoundError):
        folder.rmdir()


def describe(name: str, state: os.stat_result) -> Found:
    """Return what identifies a file's present content."""
    return Found(name, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)


def take_lock(lock: int, root: Path) -> None:
    """Lock an open file for as long as it stays open; raises TransientError when it is locked."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TransientError(f"another daemon reads {root}") from None


def open_regular(path: Path) -> BinaryIO:
    """
    Open a file for reading, without ever waiting for a writer.

    Raises PermanentError for links, pipes, folders and devices, OSError when it cannot be opened.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        raise PermanentError(f"{show_name(path.name)} is no regular file")
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    return os.fdopen(descriptor, "rb", buffering=1 << 18)


def read_lines(file: BinaryIO, left: int, max_line: int, max_lines: int) -> list[bytes]:
    """
    Read lines from *file*: at most *max_lines*, at most *left* bytes, a few MiB in all.

    A line longer than *max_line* comes in pieces.
    """
    lines: list[bytes] = []
    stop = left - LARGEST_READ
    while left > max(stop, 0) and len(lines) < max_lines:
        line = file.readline(min(left, max_line))
        if not line:
            break
        lines.append(line)
        left -= len(line)
    return lines
