"""The words of what partners' terminals asked for and were answered; part of the vocabulary."""

import datetime as dt

from msgspec import Struct

from ingest.model import ChannelName, Verdict


class TerminalOperation(Struct, frozen=True, kw_only=True):
    """One transaction of a partner's terminal, as it has to be known when it comes again."""

    channel: ChannelName
    kind: str
    """``pay``, ``submit`` (readings without a payment) or ``cancel``."""
    transaction_id: str
    """The partner's own; with channel and kind it makes the operation idempotent."""
    fingerprint: str
    """Of its content: the same id with another one is a conflict."""
    account: str
    amount: str
    received_at: dt.datetime
    operated_at: dt.datetime
    """The partner's clock, or ours where the partner gave no time."""
    external_id: str = ""
    """Of the message with the readings; empty where there are none."""
    cancels: int = 0
    """Our number of the operation that it cancels."""


class RecordedAnswer(Struct, frozen=True, kw_only=True):
    """What a partner was told, byte for byte, and the outcome that it tells of."""

    status: int
    content_type: str
    body: bytes
    receipt: str = ""
    verdict: Verdict | None = None
    """None where nothing was judged."""


class RecordedOperation(Struct, frozen=True):
    """An operation with our number of it, and the first final answer; None: not given yet."""

    number: int
    operation: TerminalOperation
    answer: RecordedAnswer | None = None
