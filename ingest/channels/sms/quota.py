"""
How many answers one telephone gets in our responses within a day.

What leaves by the outbox is counted there, in the database. A response that is texted is no row of
it; without a count of its own, a telephone that answers each of our answers would do so for ever.
"""

import collections
import datetime as dt

from ingest.model import TAKEN, Reason
from ingest.settings import Replies

DAY = dt.timedelta(days=1)


class Quota:
    """Counts the answers of one channel and of this process alone, a day at a time."""

    def __init__(self, settings: Replies) -> None:
        self._settings = settings
        self._begun_at: dt.datetime | None = None
        self._for_reason: collections.Counter[tuple[str, Reason]] = collections.Counter()
        self._in_all: collections.Counter[tuple[str, bool]] = collections.Counter()

    def take(self, sender: str, reason: Reason, now: dt.datetime) -> bool:
        """Count an answer that is to be given; False where this telephone has had enough."""
        if self._begun_at is None or now - self._begun_at >= DAY:
            self._begun_at = now
            self._for_reason.clear()
            self._in_all.clear()
        is_taken = reason in TAKEN
        if self._in_all[sender, is_taken] >= self.find_limit(is_taken=is_taken):
            return False
        if (
            not is_taken
            and self._for_reason[sender, reason] >= self._settings.per_address_and_reason
        ):
            return False
        self._in_all[sender, is_taken] += 1
        self._for_reason[sender, reason] += 1
        return True

    def find_limit(self, *, is_taken: bool) -> int:
        """Return how many answers of one kind a telephone gets, whatever for."""
        return self._settings.per_address_accepted if is_taken else self._settings.per_address
