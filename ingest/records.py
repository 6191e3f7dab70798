"""What is recorded of messages and readings: written in groups, found again by key."""

import datetime as dt
import itertools
import secrets
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from ingest.judgement import Judgement, StandingKey
from ingest.model import (
    ChannelName,
    Disposition,
    InboundMessage,
    JudgedReading,
    Outcome,
    Reason,
    ReplyTo,
    Verdict,
)
from ingest.receipts import CAPACITY, render_receipt
from ingest.rules import Standing
from ingest.store import Row, Store, clean

MessageKey = tuple[ChannelName, str]
"""Channel and external id."""


def key_of(message: InboundMessage) -> MessageKey:
    """Return what makes receiving *message* idempotent."""
    return (message.channel, message.external_id)


def draw_receipt() -> str:
    """Return a receipt that nobody can guess; should it be given already, a unique key objects."""
    return render_receipt(secrets.randbelow(CAPACITY))


class Recorded(Struct, frozen=True):
    """A message with what we made of it, ready to be written."""

    message: InboundMessage
    judgement: Judgement


class Known(Struct, frozen=True):
    """What the database knew about the messages of a group, at one moment."""

    received: dict[MessageKey, int]
    """Messages that are recorded already, with their ids."""
    standing: list[tuple[StandingKey, Standing]]
    """Readings that count."""


class Source(Protocol):
    """A store, or a transaction of one."""

    async def fetch(self, name: str, *arguments: object) -> list[Row]:
        """Run a named statement and return its rows."""


READING_COLUMNS = (
    "line", "register", "account", "value", "previous", "disposition", "reason", "counts",
    "period", "read_on", "effective_at", "fragment",
)  # fmt: skip


async def find_circumstances(
    source: Source, keys: Sequence[MessageKey], wanted: Iterable[StandingKey]
) -> Known:
    """Return which of *keys* were received before, and what counts for the *wanted* accounts."""
    channels, external_ids = columns(
        ((channel, clean(external_id)) for channel, external_id in keys), 2
    )
    accounts, periods = columns(sorted(set(wanted)), 2)
    rows = await source.fetch("find_circumstances", channels, external_ids, accounts, periods)
    received = {keys[row["ord"] - 1]: row["message_id"] for row in rows if row["ord"]}
    return Known(received, list(read_standing(row for row in rows if not row["ord"])))


def read_standing(rows: Iterable[Row]) -> Iterator[tuple[StandingKey, Standing]]:
    """Put the registers of each account and period together; rows come in that order."""
    for key, group in itertools.groupby(rows, key=lambda row: (row["account"], row["period"])):
        parts: dict[tuple[int, int], list[Row]] = {}
        for row in group:
            parts.setdefault((row["message_id"], row["line"]), []).append(row)
        first, *others = map(read_part, parts.values())
        yield key, replace(first, others=tuple(others)) if others else first


def read_part(rows: Sequence[Row]) -> Standing:
    """Return what counts of one line; rows come by register."""
    registers = tuple(row["register"] for row in rows)
    return Standing(
        values=tuple(row["value"] for row in rows),
        effective_at=rows[0]["effective_at"],
        message_id=rows[0]["message_id"],
        line=rows[0]["line"],
        registers=() if registers == tuple(range(1, len(rows) + 1)) else registers,
    )


async def record_group(
    store: Store, group: Sequence[Recorded], superseded: Sequence[tuple[int, int]]
) -> None:
    """
    Write messages, readings and the replies owed in one transaction.

    Readings named in *superseded* (message id, line) cease to count in it. Raises ConflictError
    when one of the messages is recorded by now, or another reading has come to count.
    """
    await store.fetch(
        "record_group",
        *columns(superseded, 2),
        *columns(map(message_row, group), 18),
        *columns(itertools.chain.from_iterable(map(reading_rows, group)), 13),
        *columns((reply_row(one) for one in group if one.judgement.is_owed), 8),
    )


def columns(rows: Iterable[Sequence[object]], width: int) -> list[list[object]]:
    """Turn rows into *width* columns, also when there are none."""
    turned = [list(column) for column in zip(*rows, strict=True)]
    return turned or [[] for _ in range(width)]


def message_row(one: Recorded) -> tuple[object, ...]:
    """Return a message as a row of ``messages``, in the order of ``record_group``."""
    message, judgement = one.message, one.judgement
    return (
        message.channel,
        clean(message.external_id),
        judgement.receipt,
        "parked" if judgement.problem else "judged",
        message.received_at,
        message.sent_at,
        clean(message.sender),
        clean(message.recipient),
        clean(message.media_type),
        message.raw,
        clean(message.text),
        clean(judgement.remainder),
        "" if message.finding is None else message.finding.reason,
        judgement.verdict.disposition,
        judgement.verdict.reason,
        judgement.reply,
        clean(judgement.problem),
        clean(message.authentication),
    )


def reading_rows(one: Recorded) -> Iterator[tuple[object, ...]]:
    """Yield the readings of a message, its receipt first."""
    for reading in one.judgement.readings:
        for row in register_rows(reading, one.message.received_at):
            yield (one.judgement.receipt, *row)


def register_rows(
    reading: JudgedReading, effective_at: dt.datetime
) -> Iterator[tuple[object, ...]]:
    """Yield one row per register in the order of READING_COLUMNS; one even when none was read."""
    yield from flaw_rows(reading, effective_at)
    values: tuple[int | None, ...] = reading.values or (None,)
    registers = reading.registers or range(1, len(values) + 1)
    for place, (register, value) in enumerate(zip(registers, values, strict=True)):
        previous = reading.previous[place] if place < len(reading.previous) else None
        yield (
            reading.line,
            register,
            clean(reading.account),
            value,
            previous,
            reading.verdict.disposition,
            reading.verdict.reason,
            reading.counts and register not in reading.overtaken,
            reading.period,
            reading.read_on,
            effective_at,
            clean(reading.fragment),
        )


def flaw_rows(reading: JudgedReading, effective_at: dt.datetime) -> Iterator[tuple[object, ...]]:
    """Yield the registers that something was written for that cannot be believed."""
    for flaw, verdict in reading.flaws:
        yield (
            reading.line,
            flaw.register,
            clean(reading.account),
            None,
            None,
            verdict.disposition,
            verdict.reason,
            False,
            None,
            reading.read_on,
            effective_at,
            clean(flaw.fragment),
        )


def reply_row(one: Recorded) -> tuple[object, ...]:
    """Return the reply owed as a row of ``outbox``, in the order of ``record_group``."""
    judgement = one.judgement
    reply_to = one.message.reply_to or ReplyTo("")
    return (
        judgement.receipt,
        one.message.channel,
        judgement.verdict.reason,
        clean(reply_to.address),
        clean(reply_to.subject),
        clean(reply_to.message_id),
        clean(reply_to.references),
        judgement.reply,
    )


async def owe_late_reply(source: Source, message: InboundMessage) -> bool:
    """
    Owe the recorded reply to *message* at the address that it has now; tell whether that is news.

    For what was committed when the answer could no longer be given on the spot. Nothing is owed a
    second time.
    """
    if message.reply_to is None:
        return False
    rows = await source.fetch(
        "owe_late_reply",
        message.channel,
        clean(message.external_id),
        clean(message.reply_to.address),
        clean(message.reply_to.subject),
        clean(message.reply_to.message_id),
        clean(message.reply_to.references),
    )
    return bool(rows)


async def find_outcomes(store: Store, message_ids: Sequence[int]) -> dict[int, Outcome]:
    """Return what was answered to messages recorded before, by their ids, as it was answered."""
    messages = await store.fetch("list_outcomes", list(message_ids))
    rows = await store.fetch("list_readings", list(message_ids))
    readings: dict[int, tuple[JudgedReading, ...]] = {
        message_id: tuple(read_readings(group))
        for message_id, group in itertools.groupby(rows, key=lambda row: row["message_id"])
    }
    return {
        row["id"]: Outcome(
            receipt=row["receipt"],
            verdict=read_verdict(row),
            reply=row["reply"],
            readings=readings.get(row["id"], ()),
            again=True,
            is_owed=row["is_owed"],
        )
        for row in messages
    }


def read_verdict(row: Row) -> Verdict:
    """Return the verdict of a row; a registry that is still open counts as held."""
    if row["disposition"] is None:
        return Verdict(Disposition.HOLD, Reason.ACCEPTED)
    return spell_verdict(row["disposition"], row["reason"])


@lru_cache
def spell_verdict(disposition: str, reason: str) -> Verdict:
    """Return the verdict of these words; a registry has few, a million times."""
    return Verdict(Disposition(disposition), Reason(reason))


def read_readings(rows: Iterable[Row]) -> Iterator[JudgedReading]:
    """Put the registers of each line together; rows come in the order of line and register."""
    for line, group in itertools.groupby(rows, key=lambda row: row["line"]):
        registers = list(group)
        first = registers[0]
        yield JudgedReading(
            line=line,
            account=first["account"],
            values=tuple(row["value"] for row in registers if row["value"] is not None),
            verdict=read_verdict(first),
            fragment=first["fragment"],
            period=first["period"],
            read_on=first["read_on"],
            previous=tuple(row["previous"] for row in registers if row["previous"] is not None),
            counts=first["counts"],
        )
