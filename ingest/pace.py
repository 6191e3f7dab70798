"""How fast replies may leave: what a channel's gateway bears, and when nobody is to be woken."""

import collections
import datetime as dt
from collections.abc import Callable, Mapping

from msgspec import Struct

from ingest import clock
from ingest.model import ChannelName
from ingest.quiet import QuietHours

MINUTE = 60.0


class Pace(Struct, frozen=True, kw_only=True):
    """How fast the replies of one channel may leave, and when not at all; None: as they come."""

    per_second: int | None = None
    per_minute: int | None = None
    quiet: QuietHours | None = None


NO_PACE = Pace()


class Throttle:
    """At most so many in any span of so many seconds."""

    def __init__(self, limit: int, monotonic: Callable[[], float], seconds: float = MINUTE) -> None:
        self._limit = limit
        self._monotonic = monotonic
        self._seconds = seconds
        self._left: collections.deque[float] = collections.deque()

    def find_room(self) -> int:
        """Return how many may leave now."""
        horizon = self._monotonic() - self._seconds
        while self._left and self._left[0] <= horizon:
            self._left.popleft()
        return self._limit - len(self._left)

    def find_wait(self) -> float:
        """Return the seconds until one may leave; 0 when one may now."""
        if self.find_room() > 0:
            return 0.0
        return self._left[0] + self._seconds - self._monotonic()

    def note(self) -> None:
        """Count one that leaves now."""
        self._left.append(self._monotonic())


class Paces:
    """The paces of all channels, and how far each has used its own up; of this process alone."""

    def __init__(
        self,
        paces: Mapping[ChannelName, Pace],
        *,
        monotonic: Callable[[], float] = clock.monotonic,
        now: Callable[[], dt.datetime] = clock.now,
    ) -> None:
        self._paces = paces
        self._now = now
        self._throttles = {name: build_throttles(pace, monotonic) for name, pace in paces.items()}

    def find_quiet_end(self, name: ChannelName) -> dt.datetime | None:
        """Return when the quiet hours of a channel end; None when there are none now."""
        quiet = self._paces.get(name, NO_PACE).quiet
        return None if quiet is None else quiet.find_end(self._now())

    def find_room(self, name: ChannelName, wanted: int) -> int:
        """Return how many of *wanted* replies the channel may send now."""
        return min([wanted, *(one.find_room() for one in self._throttles.get(name, ()))])

    def find_wait(self, name: ChannelName) -> float:
        """Return the seconds until the channel may send; 0 when it may now."""
        return max((one.find_wait() for one in self._throttles.get(name, ())), default=0.0)

    def note(self, name: ChannelName) -> None:
        """Count an attempt of the channel."""
        for throttle in self._throttles.get(name, ()):
            throttle.note()


def build_throttles(pace: Pace, monotonic: Callable[[], float]) -> list[Throttle]:
    """Return what holds a channel to its pace."""
    limits = ((pace.per_second, 1.0), (pace.per_minute, MINUTE))
    return [Throttle(limit, monotonic, seconds) for limit, seconds in limits if limit is not None]
