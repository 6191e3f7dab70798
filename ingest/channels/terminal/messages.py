"""An operation to what is recorded of it: its entry, and the message with its readings. Pure."""

import datetime as dt
import hashlib
from collections.abc import Mapping

from msgspec import Struct

from ingest.cells import read_line
from ingest.channels.dialects.online.request import Kind, Operation
from ingest.model import (
    ChannelName,
    Disposition,
    InboundMessage,
    Misreading,
    Reading,
    Reason,
    RegistryLine,
    Verdict,
)
from ingest.transactions import TerminalOperation

CLOCKS_DIFFER_BY = dt.timedelta(minutes=10)
"""A partner's clock may be ahead of ours by as much without its operations being in the future."""
MARK = 16
"""Characters of the fingerprint that tell one content from another under the same id."""
WIDER_THAN_ANY = 10**11
"""From here on a value could be taken for an account."""
REUSED = Verdict(Disposition.HOLD, Reason.METER_AMBIGUOUS)
"""Of readings under an id that came before with others: nobody can tell which of them are true."""


class Trust(Struct, frozen=True, kw_only=True):
    """What config.toml says about the times of one channel, and about what cannot be read."""

    by_operation: bool
    """Whether the window is judged by the partner's own time."""
    for_so_long: dt.timedelta
    dispositions: Mapping[Reason, Disposition]
    """Where they differ from refusing."""

    def judge(self, reason: Reason) -> Verdict:
        """Return what *reason* leads to."""
        usual = Disposition.HOLD if reason is Reason.METER_AMBIGUOUS else Disposition.REJECT
        return Verdict(self.dispositions.get(reason, usual), reason)


def make_entry(
    channel: ChannelName, operation: Operation, received_at: dt.datetime
) -> TerminalOperation:
    """Return what is kept of a payment or a submission, so that a repeat is known."""
    fingerprint = make_fingerprint(operation)
    has_message = operation.readings or operation.kind is Kind.SUBMIT
    external_id = f"{operation.kind}:{operation.key}#{fingerprint[:MARK]}" if has_message else ""
    return TerminalOperation(
        channel=channel,
        kind=operation.kind,
        transaction_id=operation.key,
        fingerprint=fingerprint,
        account=operation.account,
        amount=operation.amount,
        received_at=received_at,
        operated_at=operation.paid_at or received_at,
        external_id=external_id,
    )


def make_cancel(
    channel: ChannelName, operation: Operation, number: int, received_at: dt.datetime
) -> TerminalOperation:
    """Return what is kept of a cancel of our *number*; some have no transaction id of their own."""
    return TerminalOperation(
        channel=channel,
        kind=operation.kind,
        transaction_id=operation.key or f"#{number}",
        fingerprint=str(number),
        account=operation.account,
        amount=operation.amount,
        received_at=received_at,
        operated_at=operation.paid_at or received_at,
        cancels=number,
    )


def make_fingerprint(operation: Operation) -> str:
    """
    Return a digest of account, amount and values.

    Not of times and terminals: a partner that repeats a request writes them anew, and its meters
    in any order.
    """
    digest = hashlib.sha256()
    parts = [operation.account, operation.amount.replace(",", ".")]
    for one in sorted(operation.readings, key=lambda one: (one.meter, one.zone, one.text)):
        parts += [one.meter, str(one.zone), one.text]
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:%s" % (len(data), data))
    return digest.hexdigest()


def make_message(operation: Operation, entry: TerminalOperation, trust: Trust) -> InboundMessage:
    """
    Return the readings of *operation* as a message that is judged like any other.

    It counts as received when the operation came for the first time: a partner that repeats it
    after our outage, past the end of the window, has not been late.
    """
    text, problem = write_text(operation)
    received_at, finding = entry.received_at, None
    if trust.by_operation and operation.paid_at is not None:
        received_at, finding = place(operation.paid_at, entry.received_at, trust)
    if problem is not None:
        finding = trust.judge(problem)
    return InboundMessage(
        channel=entry.channel,
        external_id=entry.external_id,
        received_at=received_at,
        text=text,
        raw=operation.raw,
        media_type=operation.media_type,
        sender=operation.system,
        sent_at=operation.paid_at,
        finding=finding,
    )


def write_text(operation: Operation) -> tuple[str, Reason | None]:
    """
    Write the readings as everybody does, ``account*day*night;``, one meter each.

    What programs write is read strictly, and only then put into that form: the parser, which
    forgives people, must not find anything in it that the partner did not mean. The second is why
    it cannot be believed; the text then shows what came.
    """
    written = []
    meters = operation.list_meters()
    problem = None if operation.readings else Reason.READING_MISSING
    if len(meters) > 1:
        # Nobody knows which of them is billed; the second must not correct the first.
        problem = Reason.METER_AMBIGUOUS
    for values in meters.values() or [()]:
        item = read_line(RegistryLine(1, operation.account, values))
        flaw = find_flaw(item)
        problem = problem or flaw
        shown = values if flaw or isinstance(item, Misreading) else map(str, item.values)
        written.append("*".join((operation.account, *shown)) + ";")
    return "\n".join(written), problem


def find_flaw(item: Reading | Misreading) -> Reason | None:
    """
    Return why the values of a meter cannot be written as a reading; None: they can.

    The form has no way to leave a register out: one that cannot be believed spoils the others,
    as it does in a mail. Otherwise night would be billed as day.
    """
    if isinstance(item, Misreading):
        return item.reason
    if item.flaws:
        return item.flaws[0].reason
    return Reason.TOO_MANY_DIGITS if max(item.values) >= WIDER_THAN_ANY else None


def place(
    paid_at: dt.datetime, received_at: dt.datetime, trust: Trust
) -> tuple[dt.datetime, Verdict | None]:
    """
    Return the time that the window is judged by, and a verdict on times that nobody can believe.

    A time that is a little ahead of ours is ours.
    """
    if paid_at > received_at + CLOCKS_DIFFER_BY:
        return received_at, trust.judge(Reason.DATED_IN_FUTURE)
    if received_at - paid_at > trust.for_so_long:
        return received_at, Verdict(Disposition.HOLD, Reason.WINDOW_CLOSED)
    return min(paid_at, received_at), None
