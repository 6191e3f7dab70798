"""
Parts of long texts, kept until all are there or the time for it is up.

Rule 1. Which parts become one message is decided once, under a lock on their series, and written
down as ``joined_as`` before that message is handed over. A part that comes later, or a daemon that
was killed in between, finds the decision and cannot make another.

Rule 2. The message's external id follows from its parts, so that handing it over again is a repeat.

Rule 3. References are counted up to 255 and begin anew. A part whose place is taken by another
text belongs to a newer text: what waits becomes a message as it is, and the newcomer waits.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence

from ingest.model import ChannelName, MessagePart, PartSeries
from ingest.store import Row, Store, Transaction, clean


class PartStore:
    """The :class:`ingest.ports.Parts` of all channels."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def keep_part(self, part: MessagePart) -> PartSeries:
        """Keep *part* and return its series; a part that is kept already changes nothing."""
        async with self._store.transaction() as transaction:
            await transaction.fetch("lock_series", part.channel, part.series)
            known = await find_known(transaction, part)
            part_id = known["id"] if known is not None else await insert(transaction, part)
            if known is not None and known["joined_as"]:
                rows = await transaction.fetch(
                    "list_joined_parts", part.channel, known["joined_as"]
                )
                return read_series(rows, part_id)
            rows = await transaction.fetch("list_waiting_parts", part.channel, part.series)
            if len(rows) == part.total:
                return await join(transaction, rows, part_id)
            return PartSeries(tuple(map(read_part, rows)))

    async def close_overdue(self, channel: ChannelName, before: dt.datetime) -> list[PartSeries]:
        """Let what waits since *before* become messages as it is, and return it."""
        closed = []
        for row in await self._store.fetch("list_overdue_series", channel, before):
            async with self._store.transaction() as transaction:
                await transaction.fetch("lock_series", channel, row["series"])
                rows = await transaction.fetch("list_waiting_parts", channel, row["series"])
                if rows and min(one["received_at"] for one in rows) < before:
                    closed.append(await join(transaction, rows))
        return closed

    async def list_unsettled(self, channel: ChannelName, before: dt.datetime) -> list[PartSeries]:
        """Return what became a message, its last part before *before*, and was not settled."""
        return [
            read_series(await self._store.fetch("list_joined_parts", channel, row["joined_as"]))
            for row in await self._store.fetch("list_unsettled_messages", channel, before)
        ]

    async def settle_series(self, channel: ChannelName, joined_as: str) -> None:
        """Note that the message *joined_as* is committed."""
        await self._store.fetch("settle_series", channel, joined_as)


async def find_known(transaction: Transaction, part: MessagePart) -> Row | None:
    """
    Return the copy of *part* that is kept already: by its id, or by place and text.

    Another text that waits at its place is let go of first.
    """
    found = await transaction.fetch("find_part", part.channel, clean(part.external_id))
    if found:
        return found[0]
    copies = await transaction.fetch(
        "list_copies", part.channel, part.series, part.number, part.received_at
    )
    same = [row for row in copies if row["text"] == clean(part.text)]
    if same:
        return same[0]
    if any(row["joined_as"] is None for row in copies):
        waiting = await transaction.fetch("list_waiting_parts", part.channel, part.series)
        await join(transaction, waiting)
    return None


async def insert(transaction: Transaction, part: MessagePart) -> int:
    """Write *part* down; return its number, which grows with the order of arrival."""
    [row] = await transaction.fetch(
        "insert_part",
        part.channel,
        clean(part.external_id),
        part.series,
        part.number,
        part.total,
        part.received_at,
        clean(part.text),
        part.content,
    )
    part_id: int = row["id"]
    return part_id


async def join(transaction: Transaction, rows: Sequence[Row], part_id: int = 0) -> PartSeries:
    """Write down that the parts in *rows* are one message."""
    joined_as = make_joined_id([row["external_id"] for row in rows])
    await transaction.fetch("join_parts", [row["id"] for row in rows], joined_as)
    parts = tuple(map(read_part, rows))
    return PartSeries(parts, joined_as, is_last=is_completed_by(rows, part_id))


def make_joined_id(external_ids: Sequence[str]) -> str:
    """Return the external id of the message that these parts make."""
    digest = hashlib.sha256("\0".join(sorted(external_ids)).encode()).hexdigest()
    return f"parts#{digest}"


def is_completed_by(rows: Sequence[Row], part_id: int) -> bool:
    """Tell whether the part *part_id* came last of a text that is complete."""
    is_complete: bool = len(rows) == rows[0]["total"]
    return is_complete and part_id == max(row["id"] for row in rows)


def read_series(rows: Sequence[Row], part_id: int = 0) -> PartSeries:
    """Return parts that have become a message."""
    is_last = is_completed_by(rows, part_id)
    return PartSeries(tuple(map(read_part, rows)), rows[0]["joined_as"], is_last=is_last)


def read_part(row: Row) -> MessagePart:
    """Return a row as a part."""
    return MessagePart(
        channel=ChannelName(row["channel"]),
        external_id=row["external_id"],
        series=row["series"],
        number=row["number"],
        total=row["total"],
        received_at=row["received_at"],
        text=row["text"],
        content=row["content"],
    )
