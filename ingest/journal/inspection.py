"""Looks into journals from outside, also while a daemon writes them; changes nothing."""

import fcntl
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from ingest.journal.lines import Piece, decode_record, split_records
from ingest.journal.segment import BAD, SEGMENT, TORN
from ingest.model import InboundMessage


class SegmentReport(Struct, frozen=True):
    """What is in one file of a journal."""

    channel: str
    path: Path
    size: int
    messages: tuple[InboundMessage, ...]
    damaged: tuple[tuple[Piece, str], ...]
    """Pieces that are no message, and why."""
    torn: Piece | None
    """What breaks off at the end; a daemon may be writing it at this moment."""
    is_held: bool
    """Whether a process is using the file."""

    @property
    def is_drained(self) -> bool:
        """Whether every message in it is committed: only its flaws were a reason to keep it."""
        return self.path.suffix != SEGMENT


def inspect_journals(folder: Path) -> Iterator[SegmentReport]:
    """Yield every file of the journals beneath *folder*, by channel, oldest first."""
    files = (path for path in folder.glob("*/*") if path.suffix in {SEGMENT, BAD, TORN})
    for path in sorted(files, key=lambda path: (path.parent.name, path.name)):
        try:
            yield inspect_segment(path)
        except FileNotFoundError:
            continue


def inspect_segment(path: Path) -> SegmentReport:
    """Read one file; raises OSError."""
    with path.open("rb") as file:
        is_held = is_locked(file.fileno())
        data = file.read()
    pieces = list(split_records(data))
    torn = pieces.pop() if pieces and pieces[-1].is_torn else None
    messages, damaged = [], []
    for piece in pieces:
        try:
            messages.append(decode_record(piece))
        except ValueError as error:
            damaged.append((piece, str(error)))
    return SegmentReport(
        channel=path.parent.name,
        path=path,
        size=len(data),
        messages=tuple(messages),
        damaged=tuple(damaged),
        torn=torn,
        is_held=is_held,
    )


def is_locked(handle: int) -> bool:
    """Tell whether a process holds an open file."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(handle, fcntl.LOCK_UN)
    return False
