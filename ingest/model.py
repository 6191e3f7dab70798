"""
The vocabulary: the values that every other module takes and returns.

A word of ``docs/glossary.md`` is a class here, a column in the database and a key in the log,
spelled the same three times. Values are frozen. Every ``_at`` is an aware datetime, every
``_on`` a date in the service's time zone.
"""

import datetime as dt
from enum import StrEnum
from typing import NewType

from msgspec import Struct

Account = NewType("Account", str)
"""Who is billed: twelve ASCII digits, kept as text because leading zeros count."""

ChannelName = NewType("ChannelName", str)
"""The name of the channel's table in config.toml; the same everywhere."""


class Disposition(StrEnum):
    """What becomes of a reading or a message."""

    ACCEPT = "accept"
    HOLD = "hold"
    """A person decides; the sender is told so."""
    REJECT = "reject"
    """The sender is told why, and what to do."""
    IGNORE = "ignore"
    """Automatic mail; nothing is sent."""


class Reason(StrEnum):
    """The public outcome code: template name, metric label and partner result."""

    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    REPEATED = "repeated"
    WINDOW_CLOSED = "window_closed"
    ACCOUNT_MALFORMED = "account_malformed"
    ACCOUNT_UNKNOWN = "account_unknown"
    ACCOUNT_CLOSED = "account_closed"
    READING_MALFORMED = "reading_malformed"
    READING_MISSING = "reading_missing"
    TOO_MANY_DIGITS = "too_many_digits"
    BELOW_PREVIOUS = "below_previous"
    IMPLAUSIBLE = "implausible"
    ZONES_MISMATCH = "zones_mismatch"
    METER_AMBIGUOUS = "meter_ambiguous"
    DATED_IN_FUTURE = "dated_in_future"
    NOT_RECOGNISED = "not_recognised"
    AUTOMATIC_MAIL = "automatic_mail"
    SENDER_REFUSED = "sender_refused"
    TOO_LARGE = "too_large"
    INCOMPLETE = "incomplete"
    FAILED = "failed"


class Form(StrEnum):
    """How long an acknowledgement may be."""

    LONG = "long"
    """A mail: as many lines as it takes."""
    SHORT = "short"
    """One SMS: at most 70 UCS-2 characters."""


class Verdict(Struct, frozen=True):
    """A disposition and why."""

    disposition: Disposition
    reason: Reason


ACCEPTED = Verdict(Disposition.ACCEPT, Reason.ACCEPTED)
TAKEN = frozenset({Reason.ACCEPTED, Reason.CORRECTED})
"""Reasons for which one address gets many replies a day, and no loop makes them."""


class ReplyTo(Struct, frozen=True):
    """Where the acknowledgement of a message goes, and what it must carry to be filed with it."""

    address: str
    """A mail address or a telephone number, as it came."""
    subject: str = ""
    """The subject of the mail that is answered; foreign text, never copied unchecked."""
    message_id: str = ""
    """Its Message-ID with the angle brackets, or empty."""
    references: str = ""
    """Its References header, or empty."""


class InboundMessage(Struct, frozen=True, kw_only=True):
    """One message as its channel handed it over, uninterpreted."""

    channel: ChannelName
    external_id: str
    """The upstream's own id; with the channel's name it makes receiving idempotent."""
    received_at: dt.datetime
    """When it reached us, or the trusted server in front of us; windows are judged by it."""
    text: str
    """What the sender wrote, decoded; quotations and signatures of mail already taken off."""
    raw: bytes
    """What came in, byte for byte."""
    media_type: str
    """Of ``raw``."""
    sender: str = ""
    recipient: str = ""
    sent_at: dt.datetime | None = None
    """The sender's own clock: shown, never judged by."""
    reply_to: ReplyTo | None = None
    """None where nothing may be sent, or where the channel answers on the spot."""
    call_back: ReplyTo | None = None
    """Where an answer goes that can no longer be given on the spot: the channel answers in its
    response, but the verdict comes later (a journal, a replay)."""
    finding: Verdict | None = None
    """What the channel itself found (too large, automatic, refused); it settles the message
    unless a reading in an automatic mail has to be held."""
    authentication: str = ""
    """What a mail server that we trust found out about the sender: ``spf=pass dmarc=fail``."""


class Reading(Struct, frozen=True):
    """What the registers of one account showed, as the sender wrote it."""

    account: Account
    values: tuple[int, ...]
    """Whole kilowatt-hours; one per register, in the order that the sender gave them."""
    fragment: str
    """The characters it was read from."""
    read_on: dt.date | None = None
    """The day it was read, when the sender said so."""
    registers: tuple[int, ...] = ()
    """Which registers the values are of; empty: all of them, from 1 on."""
    flaws: tuple["Flaw", ...] = ()
    """Further registers of the same line that something was written for, and cannot be believed."""


class Flaw(Struct, frozen=True):
    """A register whose cell cannot be believed, on a line whose others can."""

    register: int
    reason: Reason
    fragment: str


class Misreading(Struct, frozen=True):
    """Something that was meant as a reading and cannot be believed."""

    reason: Reason
    """One of the codes that advise the sender: account_malformed, reading_malformed, ..."""
    account: str
    """As much of an account as could be seen; may be empty."""
    fragment: str
    values: tuple[int, ...] = ()
    read_on: dt.date | None = None


class Submission(Struct, frozen=True):
    """What was understood of one message: zero or more readings, in the order written."""

    items: tuple[Reading | Misreading, ...]
    remainder: str = ""
    """The text that belongs to no item: greetings, names, addresses. Empty when all was read."""


class JudgedReading(Struct, frozen=True):
    """One item of a submission with its verdict."""

    line: int
    """Its number within the message, from 1; in a registry the line of the file."""
    account: str
    values: tuple[int, ...]
    verdict: Verdict
    fragment: str
    period: dt.date | None = None
    """First day of the billing period it was given for; None when it was not accepted."""
    read_on: dt.date | None = None
    previous: tuple[int, ...] = ()
    """What it replaces, when it corrects an earlier reading of the same period."""
    counts: bool = False
    """Whether it is what will be billed for its period, as far as is known by now."""
    registers: tuple[int, ...] = ()
    """As in Reading."""
    flaws: tuple[tuple[Flaw, Verdict], ...] = ()
    """As in Reading; none of them counts."""
    overtaken: tuple[int, ...] = ()
    """Registers that do not count even though the reading does: a later line has them anew."""


class Outcome(Struct, frozen=True):
    """What a channel tells its upstream once the message is committed."""

    receipt: str
    verdict: Verdict
    reply: str
    """The acknowledgement in the channel's language and form; empty when nothing is said."""
    readings: tuple[JudgedReading, ...] = ()
    again: bool = False
    """True when the message had been received before and this is the first answer, repeated."""
    is_owed: bool = False
    """Whether the acknowledgement leaves by a message of its own."""


class Acknowledgement(Struct, frozen=True, kw_only=True):
    """A reply that is owed: one row of the outbox."""

    id: int
    channel: ChannelName
    receipt: str
    reason: Reason
    reply_to: ReplyTo
    body: str
    attempts: int
    """How often it has been tried before this time."""
    created_at: dt.datetime


class DeliveryState(StrEnum):
    """What became of one attempt to send an acknowledgement."""

    SENT = "sent"
    RETRY = "retry"
    """Nothing went out; try again later."""
    FAILED = "failed"
    """Trying again will not help."""
    UNCERTAIN = "uncertain"
    """It may have gone out, and sending again would reach the person twice."""


class Delivery(Struct, frozen=True):
    """One attempt to send an acknowledgement, and how it ended."""

    state: DeliveryState
    detail: str = ""
    """The relay's or gateway's own words, for the operator."""
    upstream_id: str = ""
    """The id that the relay or gateway gave it; delivery reports refer to it."""
    retry_after: float = 0.0
    """Seconds for which the relay or gateway asked to be left alone; 0: it did not."""


class ReportStatus(StrEnum):
    """How far an acknowledgement got after it was sent."""

    UNDER_WAY = "under_way"
    """Taken by the next one on its way, and not yet there."""
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    """It will not arrive: a bounce, a number that is not in service."""


class DeliveryReport(Struct, frozen=True, kw_only=True):
    """What the upstream later says became of an acknowledgement that was sent."""

    channel: ChannelName
    status: ReportStatus
    detail: str
    """The upstream's own words or code, for the operator."""
    upstream_id: str = ""
    """The id that the upstream gave the acknowledgement when it took it."""
    reply_id: int = 0
    """Our own number of the acknowledgement, where the upstream repeats that; 0: it does not."""
    reported_at: dt.datetime | None = None
    """The upstream's own clock."""


class Bookmark(Struct, frozen=True, kw_only=True):
    """How far a place that a channel fetches from has been read and committed."""

    place: str
    """A folder of a mailbox, an inbox of a gateway."""
    epoch: int = 0
    """Of the numbering: UIDVALIDITY of a folder; positions of another epoch mean nothing."""
    position: int = 0
    """The last number that is committed; reading goes on behind it."""
    attempts: int = 0
    """How often reading behind it was begun without an end: what comes next may be killing us."""


class MessagePart(Struct, frozen=True, kw_only=True):
    """One part of a text that an upstream hands over in several."""

    channel: ChannelName
    external_id: str
    """The upstream's own id of this part, or a hash where it has none."""
    series: str
    """What the parts of one text share: sender, reference and total."""
    number: int
    """From 1."""
    total: int
    received_at: dt.datetime
    text: str
    """By it a part is recognised that comes again under another id."""
    content: bytes
    """The part as its channel can read it back."""


class PartSeries(Struct, frozen=True):
    """Parts of one text: those that are there by now, or those that have become a message."""

    parts: tuple[MessagePart, ...]
    """By number, none twice."""
    joined_as: str = ""
    """The external id of the message that they became; empty: more are awaited."""
    is_last: bool = False
    """Whether the part at hand was the one that completed the text."""


class BoxedText(Struct, frozen=True, kw_only=True):
    """A text, or a part of one, as it lies in the inbox of a program that has a telephone."""

    id: int
    sender: str
    recipient: str
    """What the program calls the telephone."""
    text: str
    raw: str
    """The text's bytes in hexadecimal digits."""
    header: str
    """What stood before the text and numbers its part; hexadecimal digits."""
    coding: str
    received_at: dt.datetime


class BoxedReply(Struct, frozen=True, kw_only=True):
    """A text that such a program is to send."""

    reply_id: str
    """Ours; the same again is the same text."""
    address: str
    parts: tuple[str, ...]
    headers: tuple[str, ...]
    """One a part, as in BoxedText; empty where there is only one."""
    is_unicode: bool
    """Whether GSM's own alphabet does not do."""


class BoxedFate(Struct, frozen=True, kw_only=True):
    """How far a text got that was handed to such a program."""

    id: int
    reply_id: str
    """Ours."""
    status: str
    error: int
    part: int
    position: int
    """When this became so; grows."""
    delivered_at: dt.datetime | None


class RegistryLine(Struct, frozen=True):
    """One line of a registry as its dialect cut it up; cells are still text."""

    number: int
    """From 1, counting every line of the file."""
    account: str
    values: tuple[str, ...]
    """One cell per register; empty cells are those without a reading."""
    paid_at: dt.datetime | None = None
    """The partner's own time of the operation."""
    problem: str = ""
    """Why the dialect could not cut it up; then there are no values."""
    reason: Reason = Reason.READING_MALFORMED
    """What the problem amounts to."""
    transaction: str = ""
    """The partner's own id of the operation; empty where the dialect has no column for it."""
    zones: int = 0
    """Registers that the meter has, where the line says so: one without a reading is a flaw."""
    named: int = 0
    """The last register that the line names: without a reading, what counted for it still does."""


class InboundRegistry(Struct, frozen=True, kw_only=True):
    """A partner's batch file as it arrived, before its lines are read."""

    channel: ChannelName
    external_id: str
    """SHA-256 of the content in hex: the same content under any name is a repeat."""
    received_at: dt.datetime
    file_name: str
    size: int
    """Bytes."""
    claim: str = ""
    """The channel's own name for this very file, whatever its content becomes; unique for ever."""
    media_type: str = "text/csv"


class Decision(StrEnum):
    """What a person decided about a registry with too many bad lines."""

    NONE = ""
    """Nobody was asked."""
    AWAITED = "awaited"
    """Nothing of it is recorded before somebody decides."""
    RELEASED = "released"
    """Its lines are judged like all others."""
    REFUSED = "refused"
    """Nothing of it counts."""


class RegistryProgress(Struct, frozen=True):
    """How far a registry has been committed."""

    message_id: int
    receipt: str
    lines: int
    """Lines of the file that are committed; reading resumes at the next one."""
    offset: int
    """Bytes of the file that are committed."""
    finished: bool
    decision: Decision = Decision.NONE


class RegistryChunk(Struct, frozen=True):
    """Consecutive lines of a registry, committed together."""

    raw: bytes
    """The bytes of exactly these lines, line ends included."""
    line_count: int
    """Lines in ``raw``, header, trailer and comments included."""
    lines: tuple[RegistryLine, ...]
    """Those that carry data."""


class LineResult(Struct, frozen=True):
    """What became of one line of a registry."""

    number: int
    disposition: Disposition
    reason: Reason
    receipt: str
