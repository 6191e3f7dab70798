"""
One file of a journal: records are appended, fsynced, read once, and the file is deleted.

Everything here blocks and belongs into a thread. A segment is held by a lock (``flock``) for as
long as a process uses it; the lock is there before the file has its name.
"""

import contextlib
import datetime as dt
import fcntl
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ingest.journal.lines import Piece, decode_record, split_records
from ingest.log import get_logger
from ingest.model import InboundMessage

log = get_logger()

SEGMENT = ".journal"
NEW = ".new"
"""Of a segment before it is locked."""
TORN = ".torn"
"""Of a drained segment whose end was only half written."""
BAD = ".bad"
"""Of a drained segment with damage in it."""
FILE_MODE = 0o600
"""Texts of customers are in it."""

Sync = Callable[[int], None]


class Segment:
    """A segment that this process holds."""

    def __init__(self, path: Path, handle: int, sync: Sync) -> None:
        self.path = path
        self.size = os.fstat(handle).st_size
        """Bytes that are acknowledged; what may stand behind them never was."""
        self.ids: set[str] = set()
        """External ids of messages that are not committed yet."""
        self.oldest_at: dt.datetime | None = None
        self._handle = handle
        self._sync = sync
        self._damaged = 0
        self._suffix = ""
        """What the file is called in the end, instead of being deleted."""

    @classmethod
    def create(cls, folder: Path, name: str, sync: Sync) -> "Segment":
        """Make an empty segment, locked before anybody can see it; raises OSError."""
        path, new = folder / f"{name}{SEGMENT}", folder / f"{name}{NEW}"
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        handle = os.open(new, flags, FILE_MODE)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.hardlink_to(new)  # never in the place of another, as a rename would be
        except OSError:
            os.close(handle)
            raise
        finally:
            new.unlink(missing_ok=True)
        try:
            # Until the folder is on disk as well, a power cut takes the file with all its records.
            sync_folder(folder, sync)
        except OSError:
            path.unlink(missing_ok=True)
            os.close(handle)
            raise
        return cls(path, handle, sync)

    @classmethod
    def adopt(cls, path: Path, sync: Sync) -> "Segment | None":
        """Take over what a process that ended left behind; None where one still holds it."""
        handle = lock(path)
        if handle is None:
            return None
        segment = cls(path, handle, sync)
        try:
            segment.recover()
        except OSError:
            os.close(handle)
            raise
        return segment

    def recover(self) -> None:
        """Learn what is to be drained; what breaks off at the end was never acknowledged."""
        pieces = self.read()
        if pieces and pieces[-1].is_torn:
            torn = pieces.pop()
            self.size = torn.offset
            self._suffix = TORN
            log.warning("journal.torn", file=str(self.path), at=torn.offset, bytes=len(torn.data))
        for message in self.sift(pieces):
            self.note(message)

    def append(self, data: bytes) -> None:
        """
        Write *data* through to the disk; raises OSError, and then nothing of it is there.

        After that the segment takes no more: of a file whose fsync failed once, the system may
        have forgotten what it could not write.
        """
        try:
            write_all(self._handle, data)
            self._sync(self._handle)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, self.size)
            raise
        self.size += len(data)

    def note(self, message: InboundMessage) -> None:
        """Remember a message that is to be drained."""
        self.ids.add(message.external_id)
        if self.oldest_at is None:
            self.oldest_at = message.received_at

    def load(self) -> list[InboundMessage]:
        """Return the messages that are not committed yet, in order."""
        messages = self.sift(self.read())
        self.ids.intersection_update(message.external_id for message in messages)
        return [message for message in messages if message.external_id in self.ids]

    def sift(self, pieces: Sequence[Piece]) -> list[InboundMessage]:
        """Return the messages among *pieces*; what is none is left for a person."""
        messages, damaged = [], []
        for piece in pieces:
            try:
                messages.append(decode_record(piece))
            except ValueError as error:
                damaged.append((piece, str(error)))
        if len(damaged) > self._damaged:
            self._damaged = len(damaged)
            self._suffix = BAD
            piece, problem = damaged[0]
            log.error("journal.damaged", file=str(self.path), pieces=len(damaged),
                      at=piece.offset, bytes=len(piece.data), problem=problem)  # fmt: skip
        return messages

    def read(self) -> list[Piece]:
        """Return what is in the segment, as far as it was acknowledged."""
        return list(split_records(read_all(self._handle, self.size)))

    def finish(self) -> None:
        """
        Delete the segment: every message in it is committed.

        With a flaw in it, it is only renamed, and a person sees what there was.
        """
        if self._suffix:
            self.path.rename(self.path.with_suffix(self._suffix))
        else:
            self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the segment, so that another process can take it over."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def lock(path: Path) -> int | None:
    """Open and lock a file; None when another process holds it or it is gone."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever held it until now may have deleted it between the two calls.
        if os.fstat(handle).st_nlink:
            return handle
    except BlockingIOError:
        pass
    os.close(handle)
    return None


def read_all(handle: int, size: int) -> bytes:
    """Return the first *size* bytes of an open file, or as many as there are."""
    parts = []
    offset = 0
    while offset < size and (part := os.pread(handle, size - offset, offset)):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def write_all(handle: int, data: bytes) -> None:
    """Write all of *data*; raises OSError with a part of it written."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def sync_folder(folder: Path, sync: Sync) -> None:
    """Write the names in *folder* through to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(handle)
    finally:
        os.close(handle)
