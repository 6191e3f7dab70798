"""What terminals of partners asked for, and what they were answered."""

import datetime as dt

from ingest.errors import PermanentError
from ingest.model import (
    ChannelName,
    Disposition,
    Reason,
    Verdict,
)
from ingest.retry import retry_on
from ingest.store import ConflictError, Row, Store, clean
from ingest.transactions import RecordedAnswer, RecordedOperation, TerminalOperation

ATTEMPTS = 6
MOST_PAYMENTS = 100_000
"""In one report; a partner has some hundreds a day."""


class OperationStore:
    """The :class:`ingest.ports.Operations` of all channels."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def open_operation(self, operation: TerminalOperation) -> RecordedOperation:
        """Keep *operation*, or return what is kept under its id, whatever its content."""

        async def attempt() -> RecordedOperation:
            rows = await self._store.fetch(
                "open_operation",
                operation.channel,
                operation.kind,
                clean(operation.transaction_id),
                operation.fingerprint,
                clean(operation.account),
                clean(operation.amount),
                operation.received_at,
                operation.operated_at,
                clean(operation.external_id),
                operation.cancels or None,
            )
            if not rows:
                raise ConflictError("another wrote the same operation at this moment")
            return read_operation(rows[0])

        return await retry_on(ConflictError, attempt, attempts=ATTEMPTS, first_wait=0.01)

    async def settle_operation(self, number: int, answer: RecordedAnswer) -> RecordedOperation:
        """Keep *answer* unless there is one already; return the operation with the one kept."""
        verdict = answer.verdict
        rows = await self._store.fetch(
            "settle_operation",
            number,
            answer.receipt,
            None if verdict is None else verdict.disposition,
            None if verdict is None else verdict.reason,
            answer.status,
            answer.content_type,
            answer.body,
        )
        if not rows:
            raise PermanentError(f"there is no operation {number}")
        return read_operation(rows[0])

    async def find_operation(
        self, channel: ChannelName, transaction_id: str, number: int = 0
    ) -> RecordedOperation | None:
        """Return a payment or submission by the partner's id, or by our *number*."""
        rows = await self._store.fetch("find_operation", channel, clean(transaction_id), number)
        return read_operation(rows[0]) if rows else None

    async def list_payments(
        self, channel: ChannelName, since: dt.datetime, until: dt.datetime
    ) -> list[RecordedOperation]:
        """Return the payments of a period that were answered and not cancelled since."""
        rows = await self._store.fetch("list_payments", channel, since, until, MOST_PAYMENTS)
        return [read_operation(row) for row in rows]

    async def list_registers(self, account: str) -> dict[int, int]:
        """Return what counts for *account* in the latest period that it has, by register."""
        rows = await self._store.fetch("list_registers", clean(account))
        return {row["register"]: row["value"] for row in rows}


def read_operation(row: Row) -> RecordedOperation:
    """Return an operation of its row."""
    operation = TerminalOperation(
        channel=ChannelName(row["channel"]),
        kind=row["kind"],
        transaction_id=row["transaction_id"],
        fingerprint=row["fingerprint"],
        account=row["account"],
        amount=row["amount"],
        received_at=row["received_at"],
        operated_at=row["operated_at"],
        external_id=row["external_id"],
        cancels=row["cancels"] or 0,
    )
    return RecordedOperation(row["number"], operation, read_answer(row))


def read_answer(row: Row) -> RecordedAnswer | None:
    """Return the answer that was given; None where there was none yet."""
    if row["response"] is None:
        return None
    is_judged = row["disposition"] is not None
    return RecordedAnswer(
        status=row["status"],
        content_type=row["content_type"],
        body=row["response"],
        receipt=row["receipt"],
        verdict=Verdict(Disposition(row["disposition"]), Reason(row["reason"]))
        if is_judged
        else None,
    )
