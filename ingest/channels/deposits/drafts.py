"""Files in the making: hidden until they are whole and durable."""

import fcntl
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

DRAFT = ".draft"
DRAFTS = ".drafts"
"""The folder of what is being brought; beside ``in/``, where no partner reaches it."""


class Draft:
    """A file in the making; it appears under its name when it is published."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hidden = path.with_name(f".{path.name}{DRAFT}")
        self._file: BinaryIO | None = None

    def open(self) -> BinaryIO:
        """Return the hidden file; begun anew the first time."""
        if self._file is None:
            self._file = self._hidden.open("wb")
        return self._file

    def write(self, lines: Iterable[bytes]) -> None:
        """Add to the file."""
        self.open().writelines(lines)

    def publish(self) -> None:
        """Make the file durable, then visible."""
        file = self.open()
        file.flush()
        os.fsync(file.fileno())
        file.close()
        self._hidden.rename(self.path)
        sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove the file unless it was published."""
        if self._file is not None:
            with suppress(OSError):  # a full disk refuses what is still in the buffer, again
                self._file.close()
            self._hidden.unlink(missing_ok=True)


def discard_drafts(root: Path) -> None:
    """Remove what a crash left unfinished; what somebody still writes to is locked, and stays."""
    for path in (root / DRAFTS).glob(f"*{DRAFT}"):
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make renames in *folder* durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
