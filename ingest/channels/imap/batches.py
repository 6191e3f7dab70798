"""Which mails come next, how many at once, and with how much caution; pure."""

import datetime as dt
from collections.abc import Iterator, Sequence
from enum import IntEnum

from msgspec import Struct

MOST_MAILS = 50
MOST_BYTES = 8 * 1024 * 1024
HEAD_BYTES = 65_536
"""Bytes that are fetched of a mail that is too large."""
SURVEYED = 250
"""Mails whose sizes are asked for at once; the command must not grow too long for the server."""
UNKNOWN_SIZE = 1
"""Of a mail of which the server does not say it."""
WIDTH = 50_000
"""Numbers that are searched at once, so that the answer stays small."""
EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
"""No mailbox of ours is older; a server that says so has lost its clock."""
CRASHES = (3, 6, 8)
FAILURES = (3, 20, 24)
"""From how many on the next degree of care holds; see ``choose_care``."""


class Waiting(Struct, frozen=True):
    """A mail in a folder, before it is fetched."""

    uid: int
    size: int
    received_at: dt.datetime


class Batch(Struct, frozen=True):
    """Mails that are fetched and committed together."""

    waiting: tuple[Waiting, ...]
    last: int
    """The number that is reached with them."""


class Care(IntEnum):
    """How carefully mails are taken, after attempts that came to no end."""

    TOGETHER = 0
    ALONE = 1
    """One by one, so that the one that is to blame stands alone."""
    HEAD = 2
    """Without its content, for a person to look at."""
    UNSEEN = 3
    """Without a look at it."""


def choose_care(crashes: int, failures: int) -> Care:
    """
    Return how carefully to go on.

    A crash of the whole process is seldom chance when it comes again at the same mail. Connections
    fail for many reasons that no mail is to blame for, so that takes more of them.
    """
    by_crashes = sum(crashes >= limit for limit in CRASHES)
    by_failures = sum(failures >= limit for limit in FAILURES)
    return Care(max(by_crashes, by_failures))


class Trials(Struct):
    """What happened to the mails behind the bookmark so far."""

    crashes: int = 0
    """Attempts of earlier processes that came to no end, as the bookmark has it."""
    failures: int = 0
    """Attempts of this process that failed at this very place."""
    place: int = 0
    """The number behind which they failed."""
    singly: int = 0
    """Mails that are still taken one by one, to see whether there is more of that kind."""
    is_proven: bool = False
    """Whether this process has brought any batch to its end."""
    oversize: set[int] = set()
    """Mails that are larger than the server says."""
    mute: set[int] = set()
    """Mails of which the server does not even say how large they are, but breaks off."""

    @property
    def care(self) -> Care:
        """How carefully the next mails are taken."""
        care = choose_care(self.crashes, self.failures)
        return max(care, Care.ALONE) if self.singly else care

    @property
    def is_risky(self) -> bool:
        """Whether the attempt has to be noted before it begins: it may be our last."""
        return not self.is_proven or self.care is not Care.TOGETHER

    def fail(self, place: int, *, times: int = 1) -> None:
        """Note that fetching what lies behind *place* failed."""
        self.failures = times if place != self.place else self.failures + times
        self.place = place

    def succeed(self) -> None:
        """Note that the mails in hand were committed."""
        care, self.is_proven, self.failures = self.care, True, 0
        self.oversize.clear()
        self.mute.clear()
        if care is Care.TOGETHER:
            self.crashes = 0
            return
        self.singly = (self.singly or MOST_MAILS) - 1
        self.crashes = CRASHES[0] if self.singly else 0


def next_range(first: int, uid_next: int, width: int) -> tuple[int, int | None]:
    """Return the numbers to search; None stands for the end of the folder."""
    last = first + width - 1
    return first, None if last >= uid_next - 1 else last


def cut_batches(
    waiting: Sequence[Waiting], last: int, *, most_mails: int, max_size: int
) -> Iterator[Batch]:
    """Yield *waiting* in batches by number and size; with the last of them *last* is reached."""
    batch: list[Waiting] = []
    size = 0
    for one in waiting:
        cost = one.size if one.size <= max_size else HEAD_BYTES
        if batch and (len(batch) >= most_mails or size + cost > MOST_BYTES):
            yield Batch(tuple(batch), batch[-1].uid)
            batch, size = [], 0
        batch.append(one)
        size += cost
    yield Batch(tuple(batch), last)


def trust_date(date: object, now: dt.datetime) -> dt.datetime:
    """Return when a mail arrived: by its server's clock, unless that can only be wrong."""
    if not isinstance(date, dt.datetime) or date.tzinfo is None:
        return now
    try:
        at = date.astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return now
    return at if EARLIEST <= at <= now else now
