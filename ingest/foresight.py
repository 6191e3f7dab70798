"""
Chunks of registries that were judged while the chunk before was still being committed. Pure.

It saves time and decides nothing. Such a judgement is used once, for that very chunk, and only
where waiting could not have changed it:

Rule 1. No account for which something was accepted stands in the next chunk too: what the one made
count would be news to the other.

Rule 2. Everything that was accepted counts. It is then compared with what others wrote meanwhile by
the unique key on readings that count; what does not count would be compared with nothing.
"""

from collections.abc import Sequence

from msgspec import Struct

from ingest.judgement import Standings
from ingest.lines import JudgedLine
from ingest.model import Disposition, RegistryChunk

Judged = tuple[list[JudgedLine], Standings]


class Foresight(Struct, frozen=True):
    """One chunk that was judged before its turn."""

    chunk: RegistryChunk
    judged: Judged


class Foreseen:
    """The chunks that come next, by the message id of their registry."""

    def __init__(self) -> None:
        self._next: dict[int, Foresight] = {}
        self._accounts: dict[int, frozenset[str]] = {}
        """Those for which the chunk that was committed last has something accepted."""

    def note(
        self,
        message_id: int,
        chunk: RegistryChunk,
        judged: list[JudgedLine],
        standings: Standings,
    ) -> None:
        """Remember what came of a chunk."""
        self._next[message_id] = Foresight(chunk, (judged, standings))

    def note_committed(self, message_id: int, judged: Sequence[JudgedLine]) -> None:
        """Remember for which accounts the chunk that is committed now changed anything."""
        self._accounts[message_id] = frozenset(
            [
                one.reading.account
                for one in judged
                if one.reading.verdict.disposition is Disposition.ACCEPT
            ]
        )

    def recall(self, message_id: int, chunk: RegistryChunk) -> Judged | None:
        """Return what came of *chunk*, once; None where it must be judged in its turn."""
        found = self._next.pop(message_id, None)
        before = self._accounts.get(message_id)
        if found is None or before is None or found.chunk is not chunk:
            return None
        lines, _ = found.judged
        is_apart = before.isdisjoint([one.reading.account for one in lines])
        if not is_apart or not all(map(is_sure, lines)):
            return None
        return found.judged

    def forget(self, message_id: int) -> None:
        """Drop what is known of a registry; somebody else may have gone on with it."""
        self._next.pop(message_id, None)
        self._accounts.pop(message_id, None)


def is_sure(one: JudgedLine) -> bool:
    """Tell whether a line counts if it is accepted, with all that it has."""
    reading = one.reading
    if reading.verdict.disposition is not Disposition.ACCEPT:
        return True
    return reading.counts and not reading.overtaken
