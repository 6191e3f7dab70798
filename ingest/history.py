"""What is recorded, read for people and for billing; nothing here changes anything."""

import datetime as dt
from collections.abc import AsyncGenerator, Sequence

from msgspec import Struct

from ingest.calendar import render_period
from ingest.errors import NotFoundError
from ingest.store import Row, Store


class MessageFilter(Struct, frozen=True, kw_only=True):
    """Which messages to list; None means any."""

    channel: str | None = None
    disposition: str | None = None
    reason: str | None = None
    state: str | None = None
    account: str | None = None
    reply: str | None = None
    since: dt.datetime | None = None
    limit: int = 20


class Story(Struct, frozen=True):
    """Everything recorded of one message."""

    message: Row
    verdicts: Sequence[Row]
    """How many readings were judged how."""
    readings: Sequence[Row]
    """Of a registry the first ones, or the line that was asked for."""
    replies: Sequence[Row]
    deliveries: Sequence[Row]
    reports: Sequence[Row]
    """What upstreams later said became of the replies."""
    events: Sequence[Row]


class Summary(Struct, frozen=True):
    """How much came, how it was judged, and what waits."""

    messages: Sequence[Row]
    waiting: Sequence[Row]
    replies: Sequence[Row]
    registries: Sequence[Row]


async def list_messages(store: Store, wanted: MessageFilter) -> list[Row]:
    """Return messages, the latest first."""
    return await store.fetch(
        "list_messages",
        wanted.channel,
        wanted.disposition,
        wanted.reason,
        wanted.state,
        wanted.account,
        wanted.since,
        wanted.limit,
        wanted.reply,
    )


async def get_story(
    store: Store, receipt: str, line: int | None = None, most_readings: int = 100
) -> Story:
    """Return everything about the message with *receipt*; raises NotFoundError."""
    found = await store.fetch("find_message", receipt)
    if not found:
        raise NotFoundError(f"no message has the receipt {receipt}")
    message_id = found[0]["id"]
    readings = await store.fetch("list_message_readings", message_id, line, most_readings)
    if line is not None and not readings:
        raise NotFoundError(f"{receipt} has no data line {line}")
    return Story(
        message=found[0],
        verdicts=await store.fetch("count_verdicts", message_id),
        readings=readings,
        replies=await store.fetch("list_replies", message_id),
        deliveries=await store.fetch("list_deliveries", message_id),
        reports=await store.fetch("list_reports", message_id),
        events=await store.fetch("list_events", message_id),
    )


async def stream_raw(store: Store, story: Story) -> AsyncGenerator[bytes, None]:
    """Yield the bytes that arrived, in order."""
    yield story.message["raw"]
    async for row in store.stream("list_chunks", story.message["id"], batch=10):
        yield row["raw"]


async def stream_export(store: Store, period: dt.date) -> AsyncGenerator[dict[str, object], None]:
    """
    Yield what is to be billed for *period*, by account and register.

    ``read_on`` is empty where the sender gave no date; ``received_at`` is in UTC.
    """
    async for row in store.stream("export_period", period):
        yield {
            **row,
            "received_at": row["received_at"].isoformat(timespec="seconds"),
            "period": render_period(row["period"]),
        }


async def list_registries(store: Store, channel: str | None, limit: int) -> list[Row]:
    """Return the registries that are not at their end, and the last *limit* ones, latest first."""
    return await store.fetch("list_registries", channel, limit)


async def summarise(store: Store, since: dt.datetime) -> Summary:
    """Count messages and sent replies *since* a moment, and all that waits."""
    return Summary(
        messages=await store.fetch("count_messages", since),
        waiting=await store.fetch("count_waiting_messages"),
        replies=await store.fetch("count_outbox", since),
        registries=await store.fetch("list_open_registries"),
    )
