"""
Keeps channels running: each in a task of its own, started again when it fails, heard of once.

Rule 1. A channel that fails is tried again after a pause that doubles; the others never notice.

Rule 2. Lost and restored are logged once each, whoever noticed first: the channel or its end.

Rule 3. ``startup = "error"`` ends the daemon when the channel fails before it was ever up;
``"retry"`` never does.
"""

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Literal

from ingest import clock, metrics
from ingest.errors import IngestError, PermanentError
from ingest.log import get_logger
from ingest.ports import Channel
from ingest.retry import back_off

log = get_logger()

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


class ChannelStatus:
    """How one channel fares; the :class:`ingest.ports.ChannelReport` that it is given."""

    def __init__(self, name: str, now: Callable[[], dt.datetime] = clock.now) -> None:
        self.name = name
        self.state: Literal["starting", "up", "lost"] = "starting"
        self.problem = ""
        self.since = now()
        self.progressed_at: dt.datetime | None = None
        self.has_been_up = False
        self.is_refused = False
        """Whether it is lost because its sink refuses, and for nothing of its own."""
        self.settled = asyncio.Event()
        """Set once it is known whether the channel can take messages."""
        self._now = now
        metrics.CHANNEL_UP.labels(name).set(0)

    def up(self) -> None:
        """Note that the channel can take messages; logged when that is news."""
        if self.state != "up":
            event = "channel.restored" if self.state == "lost" else "channel.started"
            log.info(event, channel=self.name)
            self.state, self.problem, self.since = "up", "", self._now()
        self.has_been_up = True
        self.is_refused = False
        self.settled.set()
        metrics.CHANNEL_UP.labels(self.name).set(1)

    def progressed(self) -> None:
        """Note that a cycle of work ended well."""
        self.progressed_at = self._now()
        metrics.CHANNEL_PROGRESS.labels(self.name).set(self.progressed_at.timestamp())

    def lost(self, problem: str) -> None:
        """Note that the channel cannot take messages; logged once until it can."""
        if self.state != "lost":
            log.error("channel.lost", channel=self.name, problem=problem)
            self.since = self._now()
        self.state, self.problem, self.is_refused = "lost", problem, False
        self.settled.set()
        metrics.CHANNEL_UP.labels(self.name).set(0)

    def refused(self, problem: str) -> None:
        """Note that its sink refuses; what was lost before for a reason of its own stays so."""
        is_own = self.state == "lost" and not self.is_refused
        self.lost(problem)
        self.is_refused = not is_own

    def check_started(self) -> None:
        """Raise PermanentError when the channel is lost and never was up."""
        if self.state == "lost" and not self.has_been_up:
            raise PermanentError(f'{self.name} does not start (startup = "error"): {self.problem}')


async def run_channel(channel: Channel, status: ChannelStatus, *, must_start: bool = False) -> None:
    """
    Run *channel* until cancelled, again and again.

    Raises PermanentError when it *must_start* and cannot.
    """
    pauses = back_off(FIRST_PAUSE, LONGEST_PAUSE)
    while True:
        try:
            await channel.run(status)
            problem = "it ended without being told to"
        except IngestError as error:
            problem = str(error)
        except Exception as error:
            log.exception("channel.failed", channel=channel.name)
            problem = f"a fault of ours: {error!r}"
        if status.state == "up":
            pauses = back_off(FIRST_PAUSE, LONGEST_PAUSE)
        status.lost(problem)
        if must_start:
            status.check_started()
        await asyncio.sleep(next(pauses))
