"""Fetches texts from the tables of a program that has a telephone, and what became of ours."""

import datetime as dt

from ingest.channels.gateways.gammu import read_boxed, read_fate
from ingest.channels.gateways.request import Handover
from ingest.channels.sms.polling import Fetched
from ingest.model import BoxedFate
from ingest.ports import TextBox

AT_ONCE = 500


class BoxSource:
    """A :class:`ingest.channels.sms.polling.Source` of rows; committed ones are marked there."""

    def __init__(self, box: TextBox) -> None:
        self.box = box
        self._rows: list[int] = []
        self._fates: frozenset[BoxedFate] = frozenset()
        self._told: frozenset[BoxedFate] = frozenset()
        """Fates that are committed: those of the position reached are listed again, because more
        of the same moment may follow."""

    async def fetch(self, position: int, now: dt.datetime) -> Fetched:
        """Return what is not marked, and fates that are new."""
        rows = await self.box.list_inbox(AT_ONCE)
        fates = await self.box.list_fates(position, AT_ONCE)
        self._rows = [row.id for row in rows]
        self._fates = frozenset(fates)
        handover = Handover(
            tuple(read_boxed(row) for row in rows),
            tuple(read_fate(fate) for fate in fates if fate not in self._told),
        )
        return Fetched(handover, max((fate.position for fate in fates), default=0))

    async def fetch_again(self, now: dt.datetime) -> Fetched | None:
        """Nothing is passed over: what is not marked is listed every time."""
        return None

    async def settle(self, fetched: Fetched) -> None:
        """Mark what was fetched, now that it is committed."""
        if self._rows:
            await self.box.mark_inbox(self._rows)
        self._told = self._fates

    async def aclose(self) -> None:
        """Let go of every connection."""
        await self.box.aclose()
