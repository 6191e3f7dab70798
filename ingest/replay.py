"""
Judges a recorded message once more, by its own time of arrival and today's code and rules.

What arrived is a fact and stays; verdict, readings and reply are opinions and are renewed in one
transaction. A trial run does the same and rolls back, so that it cannot differ from the real one.
"""

from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from ingest.errors import NotFoundError, PermanentError
from ingest.judgement import (
    Judgement,
    Standings,
    judge_message,
    list_keys,
    open_occasion,
    read_message,
    settle_counting,
)
from ingest.model import ChannelName, InboundMessage, Reason, ReplyTo, Verdict
from ingest.policy import Policy
from ingest.records import (
    READING_COLUMNS,
    columns,
    find_circumstances,
    read_verdict,
    register_rows,
)
from ingest.replies import Phrasebook
from ingest.retry import retry_on
from ingest.rules import DISPOSITIONS
from ingest.store import ConflictError, Row, Store, Transaction, clean

ATTEMPTS = 6


class Replayed(Struct, frozen=True):
    """What a replay changes, or would change."""

    receipt: str
    before: Verdict
    after: Verdict
    readings: int
    is_told: bool
    """Whether the sender gets another reply: only when the verdict changes and there is a way."""


class Replay:
    """Replays messages of one store."""

    def __init__(
        self,
        store: Store,
        policies: Mapping[ChannelName, Policy],
        phrasebook: Phrasebook,
        *,
        call_back: Callable[[ChannelName, str], bool] = lambda _channel, _sender: False,
    ) -> None:
        # call_back tells whether a channel can send to whom it had answered on the spot.
        self._store = store
        self._call_back = call_back
        self._policies = policies
        self._phrasebook = phrasebook

    async def list_parked(self) -> list[str]:
        """Return the receipts of all parked messages, oldest first."""
        return [row["receipt"] for row in await self._store.fetch("list_parked")]

    async def replay(self, receipt: str, *, is_trial: bool) -> Replayed:
        """
        Judge the message with *receipt* anew; a trial changes nothing.

        Raises NotFoundError for an unknown receipt, PermanentError for a registry or a channel
        that config.toml no longer has.
        """
        return await retry_on(
            ConflictError, lambda: self.try_replay(receipt, is_trial=is_trial), attempts=ATTEMPTS
        )

    async def try_replay(self, receipt: str, *, is_trial: bool) -> Replayed:
        """Replay once; raises ConflictError when somebody wrote at the same time."""
        async with self._store.transaction(keep=not is_trial) as transaction:
            return await self.renew(transaction, receipt)

    async def renew(self, transaction: Transaction, receipt: str) -> Replayed:
        """Judge and record anew within *transaction*."""
        row = await lock_message(transaction, receipt)
        policy = self._policies.get(ChannelName(row["channel"]))
        if policy is None:
            raise PermanentError(f"config.toml has no channel {row['channel']} any more")
        await transaction.fetch("discount_message", row["id"])
        judgement, superseded = await self.judge(transaction, row, policy)
        await transaction.fetch("delete_readings", row["id"])
        await transaction.fetch("supersede", *columns(superseded, 2))
        await transaction.copy(
            "readings",
            ("message_id", *READING_COLUMNS),
            [
                (row["id"], *values)
                for reading in judgement.readings
                for values in register_rows(reading, row["received_at"])
            ],
        )
        return await self.record(transaction, row, judgement)

    async def judge(
        self, transaction: Transaction, row: Row, policy: Policy
    ) -> tuple[Judgement, list[tuple[int, int]]]:
        """Judge the message of *row*; its own readings do not count at this moment."""
        message = read_back(row)
        occasion = replace(
            open_occasion(policy, row["receipt"], row["received_at"]), message_id=row["id"]
        )
        submission = read_message(message)
        known = await find_circumstances(transaction, (), list_keys(submission, occasion))
        standings = Standings(known.standing)
        judgement = judge_message(message, submission, occasion, standings, self._phrasebook)
        return settle_counting(judgement, standings), sorted(standings.superseded)

    async def record(self, transaction: Transaction, row: Row, judgement: Judgement) -> Replayed:
        """Write the new opinion down; owe a reply when the verdict changed."""
        before, after = read_verdict(row), judgement.verdict
        is_told = False
        if judgement.reply and is_news(before, after, judgement):
            is_told = await self.owe(transaction, row, after.reason, judgement.reply)
        await transaction.fetch(
            "judge_message_anew",
            row["id"],
            "judged",
            after.disposition,
            after.reason,
            clean(judgement.remainder),
            judgement.reply,
            "",
        )
        detail = f"{before.disposition}/{before.reason} -> {after.disposition}/{after.reason}"
        await transaction.fetch("record_event", row["id"], "message.replayed", detail)
        return Replayed(row["receipt"], before, after, len(judgement.readings), is_told)

    async def owe(self, transaction: Transaction, row: Row, reason: Reason, reply: str) -> bool:
        """Owe another reply, or the first that is sent where one had gone out in a response."""
        if await transaction.fetch("owe_another_reply", row["id"], reason, reply):
            return True
        if not self._call_back(ChannelName(row["channel"]), row["sender"]):
            return False
        return bool(
            await transaction.fetch("owe_first_reply", row["id"], reason, reply, row["sender"])
        )


def is_news(before: Verdict, after: Verdict, judgement: Judgement) -> bool:
    """Tell whether the sender has to hear of it: not of values that others replaced meanwhile."""
    if before.disposition is not after.disposition:
        return True
    return before != after and any(reading.counts for reading in judgement.readings)


async def lock_message(transaction: Transaction, receipt: str) -> Row:
    """Return the message with *receipt*, locked until the transaction ends."""
    rows = await transaction.fetch("lock_message", receipt)
    if not rows:
        raise NotFoundError(f"no message has the receipt {receipt}")
    if rows[0]["kind"] == "registry":
        raise PermanentError(
            f"{receipt} is a registry, whose lines are judged once; what was refused is in "
            "NAME.failed.csv beside its results: correct that and put it into in/"
        )
    return rows[0]


def read_back(row: Row) -> InboundMessage:
    """Return a recorded message as its channel had handed it over."""
    return InboundMessage(
        channel=ChannelName(row["channel"]),
        external_id=row["external_id"],
        received_at=row["received_at"],
        text=row["text"],
        raw=row["raw"],
        media_type=row["media_type"],
        sender=row["sender"],
        recipient=row["recipient"],
        sent_at=row["sent_at"],
        reply_to=ReplyTo(row["sender"]),
        finding=read_finding(row),
        authentication=row["authentication"],
    )


def read_finding(row: Row) -> Verdict | None:
    """
    Return what the channel had found.

    Whether it holds a mail or refuses it stands in the verdict, unless our code had failed.
    """
    if not row["finding"]:
        return None
    reason = Reason(row["finding"])
    if row["reason"] == reason:
        return read_verdict(row)
    return Verdict(DISPOSITIONS[reason], reason)
