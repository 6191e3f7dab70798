"""
What each operation comes to: performed once, and answered the same however often it is asked.

Rule 1. A payment or submission is written down under the partner's transaction id before anything
else. Whoever comes with the same id later finds that row.

Rule 2. Its readings are handed over under an id that follows from the transaction; committed once,
they have one outcome for ever. The answer is rendered from row and outcome alone.

Rule 3. The answer is kept in the row, the first one that is final, and that one is sent: byte for
byte the same to everybody who asks at the same time or later.

Rule 4. A crash between any two of these leaves a row without an answer. The repeat goes the same
way again and comes to the same answer.

Rule 5. The same id with another account, amount or values is a conflict. It is told as such, and
its readings are held for a person.
"""

import asyncio
import datetime as dt
from collections.abc import Iterable

from msgspec.structs import replace

from ingest.cells import ACCOUNT
from ingest.channels.dialects.online.codes import name_outcome
from ingest.channels.dialects.online.request import (
    Answer,
    Cause,
    Kind,
    OnlineDialect,
    Operation,
    Paid,
    RegisterShown,
    Result,
)
from ingest.channels.terminal.messages import (
    REUSED,
    Trust,
    make_cancel,
    make_entry,
    make_message,
)
from ingest.log import get_logger
from ingest.metrics import REFUSALS, REPEATS
from ingest.model import ChannelName, Reason
from ingest.ports import Sinks
from ingest.settings import TerminalSettings
from ingest.transactions import RecordedAnswer, RecordedOperation, TerminalOperation

LONGEST_NUMBER = 18
"""Digits that a number of ours can have."""

log = get_logger()


class Desk:
    """Performs the operations of one channel."""

    def __init__(
        self,
        name: ChannelName,
        settings: TerminalSettings,
        sinks: Sinks,
        dialect: OnlineDialect,
        trust: Trust,
    ) -> None:
        self.name = name
        self.settings = settings
        self.sinks = sinks
        self.operations = sinks.operations
        self.dialect = dialect
        self.trust = trust

    async def answer(self, operation: Operation, received_at: dt.datetime) -> Answer:
        """Do what is asked; raises TransientError when nothing is known to be committed."""
        if operation.kind in (Kind.PAY, Kind.SUBMIT):
            return await self.take(operation, received_at)
        if operation.kind is Kind.CANCEL:
            return await self.cancel(operation, received_at)
        if operation.kind is Kind.REPORT:
            return await self.report(operation)
        return self.dialect.respond(operation, await self.look_up(operation))

    async def look_up(self, operation: Operation) -> Result:
        """Find out what is asked about, where nothing is to be kept of the asking."""
        match operation.kind:
            case Kind.STATUS:
                return await self.find_status(operation)
            case Kind.CHECK:
                return await self.check(operation)
            case Kind.BALANCE:
                return Result()
            case _:
                return Result(cause=Cause.REQUEST_UNKNOWN)

    async def take(self, operation: Operation, received_at: dt.datetime) -> Answer:
        """Take a payment or readings, once."""
        if not operation.transaction_id:
            return self.dialect.respond(operation, Result(cause=Cause.TRANSACTION_MALFORMED))
        entry = make_entry(self.name, operation, received_at)
        record = await self.operations.open_operation(entry)
        if record.operation.fingerprint != entry.fingerprint:
            return await self.refuse_reused(operation, entry, record)
        if record.answer is not None and not self.dialect.renders_repeats:
            REPEATS.labels(self.name).inc()
            return read_back(record.answer)
        return await self.settle(operation, record, await self.find_result(operation, record))

    async def settle(
        self, operation: Operation, record: RecordedOperation, result: Result
    ) -> Answer:
        """Render *result*, keep the answer if it is the first final one, return the one kept."""
        answer = self.dialect.respond(operation, result)
        if record.answer is not None or result.may_heal:
            return answer
        kept = await self.operations.settle_operation(
            record.number,
            RecordedAnswer(
                status=answer.status,
                content_type=answer.content_type,
                body=answer.body,
                receipt=result.receipt,
                verdict=result.verdict,
            ),
        )
        return answer if kept.answer is None else read_back(kept.answer)

    async def find_result(self, operation: Operation, record: RecordedOperation) -> Result:
        """Commit the readings, if there are any, and say what came of them."""
        result = describe(record)
        if not record.operation.external_id:
            return self.judge_payment(record, result)
        outcome = await self.sinks.messages.receive(
            make_message(operation, record.operation, self.trust)
        )
        return replace(
            result, verdict=outcome.verdict, receipt=outcome.receipt, message=outcome.reply
        )

    def judge_payment(self, record: RecordedOperation, result: Result) -> Result:
        """Say what a payment without readings is told."""
        is_wanted = record.operation.external_id or self.settings.payments == "ack"
        return result if is_wanted else replace(result, cause=Cause.PAYMENT_REFUSED)

    async def refuse_reused(
        self, operation: Operation, entry: TerminalOperation, record: RecordedOperation
    ) -> Answer:
        """Tell that the id came before with another content; hold what this one brought."""
        receipt, is_news = "", True
        if operation.readings:
            message = replace(make_message(operation, entry, self.trust), finding=REUSED)
            outcome = await self.sinks.messages.receive(message)
            receipt, is_news = outcome.receipt, not outcome.again
        REFUSALS.labels(self.name, "reused").inc()
        if is_news:
            log.warning(
                "transaction.reused", channel=self.name, number=record.number, receipt=receipt
            )
        result = replace(describe(record), cause=Cause.TRANSACTION_REUSED, receipt=receipt)
        return self.dialect.respond(operation, result)

    async def cancel(self, operation: Operation, received_at: dt.datetime) -> Answer:
        """Acknowledge or refuse a cancel as config.toml says; readings count as they did."""
        target = await self.find_target(operation)
        if target is None or operation.account not in ("", target.operation.account):
            return self.dialect.respond(operation, Result(cause=Cause.TRANSACTION_UNKNOWN))
        entry = make_cancel(self.name, operation, target.number, received_at)
        record = await self.operations.open_operation(entry)
        result = describe(record)
        if record.operation.cancels != target.number:
            REFUSALS.labels(self.name, "reused").inc()
            result = replace(result, cause=Cause.TRANSACTION_REUSED)
            return self.dialect.respond(operation, result)
        if record.answer is not None and not self.dialect.renders_repeats:
            REPEATS.labels(self.name).inc()
            return read_back(record.answer)
        if self.settings.cancels == "refuse":
            result = replace(result, cause=Cause.CANCEL_REFUSED)
        return await self.settle(operation, record, result)

    async def find_target(self, operation: Operation) -> RecordedOperation | None:
        """Return what is to be cancelled, by its transaction id or by our number of it."""
        given = operation.cancels_number
        if given:
            is_number = given.isascii() and given.isdigit() and len(given) <= LONGEST_NUMBER
            number = int(given) if is_number else 0
            return await self.operations.find_operation(self.name, "", number) if number else None
        key = replace(operation, transaction_id=operation.cancels).key
        return await self.operations.find_operation(self.name, key)

    async def find_status(self, operation: Operation) -> Result:
        """Say what became of an operation."""
        record = await self.operations.find_operation(self.name, operation.key)
        if record is None:
            return Result(cause=Cause.TRANSACTION_UNKNOWN)
        return self.recall(record)

    def recall(self, record: RecordedOperation) -> Result:
        """Say what an operation came to, by its row alone."""
        result = describe(record)
        if record.answer is None:
            return replace(result, cause=Cause.UNDER_WAY)
        result = replace(result, verdict=record.answer.verdict, receipt=record.answer.receipt)
        is_payment = record.operation.kind == Kind.PAY
        return self.judge_payment(record, result) if is_payment else result

    async def check(self, operation: Operation) -> Result:
        """
        Say whether the account can be meant, and which registers it has.

        There is no directory of accounts: known is what has been recorded of it.
        """
        if not ACCOUNT.fullmatch(operation.account):
            return Result(verdict=self.trust.judge(Reason.ACCOUNT_MALFORMED))
        values = await self.operations.list_registers(operation.account)
        shown = self.settings.show_values
        return Result(
            registers=tuple(
                RegisterShown(zone=zone, last=value if shown else None)
                for zone, value in values.items()
            )
        )

    async def report(self, operation: Operation) -> Answer:
        """List the payments of a period; in a thread, for a long one takes seconds to write."""
        if operation.period is None:
            return self.dialect.respond(operation, Result(cause=Cause.TIME_MALFORMED))
        records = await self.operations.list_payments(self.name, *operation.period)
        return await asyncio.to_thread(self.write_report, operation, records)

    def write_report(self, operation: Operation, records: Iterable[RecordedOperation]) -> Answer:
        """Render the payments that were answered OK; others are none on the partner's side."""
        payments = tuple(
            Paid(
                transaction_id=one.operation.transaction_id,
                account=one.operation.account,
                amount=one.operation.amount,
                paid_at=one.operation.operated_at,
            )
            for one in records
            if self.was_ok(one)
        )
        return self.dialect.respond(operation, Result(payments=payments))

    def was_ok(self, record: RecordedOperation) -> bool:
        """Tell whether a payment was answered OK."""
        asked = Operation(kind=Kind.PAY)
        return name_outcome(asked, self.recall(record), self.settings.dialect.refusals) is None


def describe(record: RecordedOperation) -> Result:
    """Say what is known of an operation by its row alone."""
    return Result(
        number=str(record.number),
        operated_at=record.operation.received_at,
        amount=record.operation.amount,
        again=record.answer is not None,
    )


def read_back(answer: RecordedAnswer) -> Answer:
    """Return the answer as it was given first."""
    return Answer(answer.status, answer.content_type, answer.body)
