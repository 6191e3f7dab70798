"""
How whole files come into a partner's folder, whoever brings them: an upload, a mail, a fetch.

Rule 1. A file appears in ``in/`` complete and durable, or not at all. Rule 2. It takes the place of
no other: a name that is in use gets a number, unless the content is the same, which is a repeat.
"""

import asyncio
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from msgspec import Struct

from ingest.channels.deposits.drafts import DRAFT, DRAFTS, Draft, sync_folder
from ingest.channels.deposits.names import (
    LONGEST_NAME,
    LONGEST_SUFFIX,
    fit,
    number_names,
    show_name,
)
from ingest.errors import PermanentError, TransientError
from ingest.settings import RegistrySettings

DONE = ".done"
CHECKSUMS = {".sha256": "sha256", ".sha512": "sha512", ".sha1": "sha1", ".md5": "md5"}
"""Endings of side files, and what stands in them."""
CLAIMED = re.compile(r"(?P<arrived_ns>[0-9]{19})\.(?P<name>.+)", re.DOTALL)
"""How a file is called in ``work/``: its time of arrival before its name."""
BEING_BROUGHT = re.compile(r"[0-9a-f]{16}\.(?P<name>.+)\.draft", re.DOTALL)
ANSWERS = (".result.csv", ".failed.csv", ".summary.txt")
"""What is put behind a file's name in ``out/``."""
BLOCK = 1 << 20
STAGES = 3
"""Folders through which a file goes, perhaps while it is looked for."""


class NoRoomError(TransientError):
    """The disk is too full for another file."""


class TooLargeError(PermanentError):
    """The file is larger than the channel takes."""


class Deposit(Struct, frozen=True):
    """A file that was brought."""

    name: str
    """Under which it lies in ``in/`` and is answered."""
    size: int
    sha256: str
    is_new: bool
    """Whether it was put there now; False when the same file was there before."""


class Letterbox:
    """Takes files into the folder of one partner."""

    def __init__(self, root: Path, settings: RegistrySettings) -> None:
        self.root = root
        self.incoming = root / "in"
        self.max_size = settings.max_size
        self._min_free = settings.min_free
        self._complete = settings.complete

    def open(self, name: str, expected: int = 0, *, vouched: bool = True) -> "Incoming":
        """
        Begin a file of which *expected* bytes are announced; raises what :meth:`admit` does.

        *vouched*: whoever brings it knows that it has come whole, so that no side file is awaited.
        """
        self.incoming.mkdir(parents=True, exist_ok=True)
        (self.root / DRAFTS).mkdir(mode=0o700, exist_ok=True)
        self.admit(0, expected)
        return Incoming(self, name, vouched=vouched)

    def admit(self, size: int, more: int) -> None:
        """Raise TooLargeError or NoRoomError for *more* bytes of a file that has *size*."""
        if size + more > self.max_size:
            raise TooLargeError(f"the file is too large; at most {self.max_size} bytes are taken")
        if shutil.disk_usage(self.root).free < self._min_free + more:
            raise NoRoomError("the disk is too full for another file")

    def publish(self, incoming: "Incoming") -> Deposit:
        """Let a file appear in ``in/``, under its name or one like it."""
        with locked(self.root / DRAFTS):
            for stem in number_names(incoming.name, LONGEST_NAME - LONGEST_SUFFIX):
                is_known = self.knows(stem, incoming)
                if not is_known:
                    if self.is_taken(stem):
                        continue
                    try:
                        os.link(incoming.path, self.incoming / stem)  # it replaces nothing
                    except FileExistsError:
                        continue
                if incoming.is_vouched:
                    self.vouch(stem, incoming.sha256)
                sync_folder(self.incoming)
                return Deposit(stem, incoming.size, incoming.sha256, is_new=not is_known)
        raise PermanentError(f"{show_name(incoming.name)}: no name like it is free")

    def knows(self, stem: str, incoming: "Incoming") -> bool:
        """Tell whether this very file is here already, and was not refused."""
        for _ in range(STAGES):
            has_moved = False
            for path in self.list_places(stem):
                if is_same(path, incoming.size, incoming.sha256):
                    return True
                has_moved |= not os.path.lexists(path)
            if not has_moved:
                break
        return False

    def list_places(self, stem: str) -> Iterator[Path]:
        """Yield where a file called *stem* lies, in the order in which files move on."""
        if os.path.lexists(path := self.incoming / stem):
            yield path
        yield from self.list_at_work(stem)
        if os.path.lexists(path := self.root / "done" / stem):
            yield path

    def list_at_work(self, stem: str) -> list[Path]:
        """List the files in ``work/`` that came as *stem*."""
        work = self.root / "work"
        with suppress(FileNotFoundError):
            found = [(path, CLAIMED.fullmatch(path.name)) for path in work.iterdir()]
            return [path for path, match in found if match and match["name"] == stem]
        return []

    def is_taken(self, stem: str) -> bool:
        """Tell whether anything is called *stem* here."""
        others = [self.root / "failed" / stem]
        others += [self.root / "out" / f"{stem}{suffix}" for suffix in ANSWERS]
        return any(self.list_places(stem)) or any(map(os.path.lexists, others))

    def vouch(self, stem: str, sha256: str) -> None:
        """Write the side file that the channel waits for; no harm when the file is not there."""
        if stem.lower().endswith((DONE, *CHECKSUMS)) or not os.path.lexists(self.incoming / stem):
            return
        if self._complete == "done-file":
            (self.incoming / f"{stem}{DONE}").touch()
        elif self._complete == "checksum-file":
            side = Draft(self.incoming / f"{stem}.sha256")
            side.write([f"{sha256}\n".encode()])
            side.publish()


class Incoming:
    """A file on its way, in a hidden draft that nobody else removes while it is open."""

    def __init__(self, letterbox: Letterbox, name: str, *, vouched: bool) -> None:
        self._letterbox = letterbox
        self.is_vouched = vouched
        self.name = fit(name, "", LONGEST_NAME - LONGEST_SUFFIX)
        self.path = letterbox.root / DRAFTS / f"{secrets.token_hex(8)}.{self.name}{DRAFT}"
        self._file = self.path.open("xb", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._digest = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """The digest of what came so far, in hex."""
        return self._digest.hexdigest()

    def write(self, block: bytes) -> None:
        """Add to the file; raises TooLargeError, NoRoomError, or OSError."""
        self._letterbox.admit(self.size, len(block))
        self._digest.update(block)
        self.size += len(block)
        left = memoryview(block)
        while left:
            left = left[self._file.write(left) :]

    def finish(self) -> Deposit:
        """Make the file durable and let it appear; the draft is discarded all the same."""
        os.fsync(self._file.fileno())
        return self._letterbox.publish(self)

    def discard(self) -> None:
        """Remove the draft; what appeared stays."""
        self.path.unlink(missing_ok=True)
        self._file.close()


async def deposit(letterbox: Letterbox, name: str, content: bytes) -> Deposit:
    """Put *content* into the folder as a whole; raises what :class:`Incoming` raises."""
    return await asyncio.to_thread(deposit_blocking, letterbox, name, content)


def deposit_blocking(letterbox: Letterbox, name: str, content: bytes) -> Deposit:
    """Put *content* into the folder as a whole."""
    incoming = letterbox.open(name, len(content))
    try:
        incoming.write(content)
        return incoming.finish()
    finally:
        incoming.discard()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one at a time put files under their names, in whatever process."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_same(path: Path, size: int, sha256: str) -> bool:
    """Tell whether a regular file has this content; one that vanishes meanwhile has not."""
    try:
        state = path.lstat()
        if not stat.S_ISREG(state.st_mode) or state.st_size != size:
            return False
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False
