"""
A message and its circumstances to what is recorded and answered; pure, one message at a time.

Messages of one group are judged in the order in which they arrived, each in the light of those
before it: ``Standings`` starts as what the database holds and takes in what is accepted on the way.
"""

import datetime as dt
import operator
from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from ingest.calendar import find_day
from ingest.model import (
    Disposition,
    Flaw,
    InboundMessage,
    JudgedReading,
    Misreading,
    Reading,
    Reason,
    Submission,
    Verdict,
)
from ingest.parser import parse
from ingest.policy import Day, Policy, find_local_day
from ingest.replies import Facts, Phrasebook
from ingest.rules import (
    DISPOSITIONS,
    Circumstances,
    Standing,
    find_affected,
    find_reason,
    list_parts,
    list_registers,
    summarise,
)

StandingKey = tuple[str, dt.date]
"""Account and first day of the billing period."""


class Standings:
    """What counts per account and period, while the messages of one group are judged."""

    def __init__(self, found: Iterable[tuple[StandingKey, Standing]] = ()) -> None:
        self._standing = dict(found)
        self.superseded: list[tuple[int, int]] = []
        """Recorded readings that cease to count: message id and line."""
        self.superseded_registers: list[tuple[int, int, int]] = []
        """The same for single registers of a reading whose others still count."""
        self.overtaken: set[tuple[str, int]] = set()
        """Readings of this group that another of this group replaced: receipt and line."""
        self.overtaken_registers: dict[tuple[str, int], set[int]] = {}
        """The same for single registers."""

    def find(self, account: str, period: dt.date) -> Standing | None:
        """Return what counts for *account* in *period*, or None."""
        return self._standing.get((account, period))

    def replace(self, account: str, period: dt.date, standing: Standing) -> None:
        """Let *standing* count from now on, in the place of what did."""
        before = self._standing.get((account, period))
        if standing.registers:
            parts = (self.cut_back(part, standing.registers) for part in list_parts(before))
            kept = tuple(part for part in parts if part is not None)
            standing = replace(standing, others=kept)
        else:
            for part in list_parts(before):
                self.discard(part)
        self._standing[account, period] = standing

    def discard(self, part: Standing) -> None:
        """Note that a reading does not count any longer."""
        if part.receipt:
            self.overtaken.add((part.receipt, part.line))
        else:
            self.superseded.append((part.message_id, part.line))

    def cut_back(self, part: Standing, registers: tuple[int, ...]) -> Standing | None:
        """Note that *registers* of a reading do not count any longer; return what still does."""
        values = dict(zip(list_registers(part), part.values, strict=True))
        for register in values.keys() & set(registers):
            del values[register]
            if part.receipt:
                key = (part.receipt, part.line)
                self.overtaken_registers.setdefault(key, set()).add(register)
            else:
                self.superseded_registers.append((part.message_id, part.line, register))
        if not values:
            return None
        return replace(part, values=tuple(values.values()), registers=tuple(values))


class Judgement(Struct, frozen=True, kw_only=True):
    """What we made of one message."""

    receipt: str
    verdict: Verdict
    readings: tuple[JudgedReading, ...]
    remainder: str
    reply: str
    is_owed: bool
    """Whether the reply leaves through the outbox."""
    problem: str = ""


class Occasion(Struct, frozen=True):
    """What is the same for every reading that is judged by one moment of one channel."""

    policy: Policy
    receipt: str
    received_at: dt.datetime
    received_on: dt.date
    """The local day of arrival."""
    effective_at: dt.datetime
    day: Day
    message_id: int = 0
    """Of a message that is judged anew."""


def open_occasion(
    policy: Policy, receipt: str, received_at: dt.datetime, effective_at: dt.datetime | None = None
) -> Occasion:
    """Return the occasion of a message; without *effective_at* arrival decides."""
    at = received_at if effective_at is None else effective_at
    return Occasion(
        policy=policy,
        receipt=receipt,
        received_at=received_at,
        received_on=find_day(received_at, policy.window.zone),
        effective_at=at,
        day=find_local_day(policy, at),
    )


def list_keys(submission: Submission, occasion: Occasion) -> list[StandingKey]:
    """Return what has to be known before the readings of *submission* can be judged."""
    period = occasion.day.period
    return [(item.account, period) for item in submission.items if isinstance(item, Reading)]


def judge_message(
    message: InboundMessage,
    submission: Submission,
    occasion: Occasion,
    standings: Standings,
    phrasebook: Phrasebook,
) -> Judgement:
    """Judge every reading of *message*, take what is accepted into *standings*, write the reply."""
    verdict = find_verdict(message, submission, occasion.policy)
    if verdict is None:
        readings = judge_items(submission, occasion, standings)
        verdict = summarise([reading.verdict for reading in readings])
    else:
        readings = tuple(
            refuse_item(line, item, verdict) for line, item in enumerate(submission.items, start=1)
        )
    told = () if is_held_back(message) else readings
    reply = render_reply(verdict, told, occasion, phrasebook)
    return Judgement(
        receipt=occasion.receipt,
        verdict=verdict,
        readings=readings,
        remainder=submission.remainder,
        reply=reply,
        is_owed=bool(reply) and message.reply_to is not None,
    )


def is_held_back(message: InboundMessage) -> bool:
    """Tell whether what is read in *message* need not be the sender's words, but quoted ones."""
    return message.finding is not None and message.finding.reason is Reason.NOT_RECOGNISED


def find_verdict(message: InboundMessage, submission: Submission, policy: Policy) -> Verdict | None:
    """
    Return the verdict of the whole where it does not depend on the readings.

    Automatic mail is ignored, but a reading in it waits for a person: robots forward real mail.
    """
    if message.finding is not None:
        if message.finding.disposition is Disposition.IGNORE and submission.items:
            return Verdict(Disposition.HOLD, message.finding.reason)
        return message.finding
    if not submission.items:
        return Verdict(policy.dispositions[Reason.NOT_RECOGNISED], Reason.NOT_RECOGNISED)
    return None


def judge_items(
    submission: Submission, occasion: Occasion, standings: Standings
) -> tuple[JudgedReading, ...]:
    """
    Judge the items of a message in the order written.

    Different values for one account may be two meters, or a slip: nobody can tell which counts.
    """
    torn = list_torn(submission)
    held = Verdict(occasion.policy.dispositions[Reason.METER_AMBIGUOUS], Reason.METER_AMBIGUOUS)
    return tuple(
        refuse_item(line, item, held)
        if item.account in torn and isinstance(item, Reading)
        else judge_item(line, item, occasion, standings)
        for line, item in enumerate(submission.items, start=1)
    )


def list_torn(submission: Submission) -> set[str]:
    """Return the accounts for which one message has different values."""
    if len(submission.items) == 1:
        return set()
    values: dict[str, set[tuple[int, ...]]] = {}
    for item in submission.items:
        if isinstance(item, Reading):
            values.setdefault(item.account, set()).add(item.values)
    return {account for account, found in values.items() if len(found) > 1}


def judge_item(
    line: int, item: Reading | Misreading, occasion: Occasion, standings: Standings
) -> JudgedReading:
    """Judge one item; an accepted reading takes its place in *standings*."""
    dispositions = occasion.policy.dispositions
    if isinstance(item, Misreading):
        return refuse_item(line, item, Verdict(dispositions[item.reason], item.reason))
    period = occasion.day.period
    standing = find_affected(standings.find(item.account, period), item)
    known = Circumstances(
        received_on=occasion.received_on,
        effective_at=occasion.effective_at,
        is_open=occasion.day.is_open or occasion.policy.window.late == "next-period",
        max_digits=occasion.policy.max_digits,
        standing=standing,
        message_id=occasion.message_id,
    )
    reason = find_reason(item, known)
    verdict = Verdict(dispositions[reason], reason)
    if verdict.disposition is not Disposition.ACCEPT:
        return refuse_item(line, item, verdict, dispositions)
    counts = take(line, item, known, occasion, standings)
    return JudgedReading(
        line=line,
        account=item.account,
        values=item.values,
        verdict=verdict,
        fragment=item.fragment,
        period=period,
        read_on=item.read_on,
        previous=find_previous(item, standing) if reason is Reason.CORRECTED else (),
        counts=counts,
        registers=item.registers,
        flaws=judge_flaws(item, dispositions),
    )


def find_previous(item: Reading, standing: Standing | None) -> tuple[int, ...]:
    """Return what an accepted reading replaces, register by register; nothing where it differs."""
    if standing is None or (item.registers and standing.registers != item.registers):
        return ()
    return standing.values


def judge_flaws(
    item: Reading, dispositions: Mapping[Reason, Disposition]
) -> tuple[tuple[Flaw, Verdict], ...]:
    """Return the registers that cannot be believed, each with a verdict of its own."""
    if not item.flaws:
        return ()
    return tuple((flaw, Verdict(dispositions[flaw.reason], flaw.reason)) for flaw in item.flaws)


def take(
    line: int, item: Reading, known: Circumstances, occasion: Occasion, standings: Standings
) -> bool:
    """
    Let an accepted reading count unless a later one does; tell whether it does.

    A repeat takes the place of what it repeats: should that be withdrawn, the value still stands.
    """
    if known.stands_later:
        return False
    standing = Standing(
        item.values,
        known.effective_at,
        receipt=occasion.receipt,
        line=line,
        registers=item.registers,
    )
    standings.replace(item.account, occasion.day.period, standing)
    return True


def refuse_item(
    line: int,
    item: Reading | Misreading,
    verdict: Verdict,
    dispositions: Mapping[Reason, Disposition] = DISPOSITIONS,
) -> JudgedReading:
    """Return an item with a verdict that lets it count for nothing."""
    if isinstance(item, Reading) and item.registers:
        return JudgedReading(
            line=line,
            account=item.account,
            values=item.values,
            verdict=verdict,
            fragment=item.fragment,
            read_on=item.read_on,
            registers=item.registers,
            flaws=judge_flaws(item, dispositions),
        )
    return JudgedReading(
        line=line,
        account=item.account,
        values=item.values,
        verdict=verdict,
        fragment=item.fragment,
        read_on=item.read_on,
    )


def render_reply(
    verdict: Verdict,
    readings: tuple[JudgedReading, ...],
    occasion: Occasion,
    phrasebook: Phrasebook,
) -> str:
    """Write the acknowledgement in the channel's language and form; empty where none is due."""
    if verdict.reason is Reason.AUTOMATIC_MAIL or verdict.disposition is Disposition.IGNORE:
        return ""
    policy = occasion.policy
    facts = Facts(
        verdict=verdict,
        receipt=occasion.receipt,
        readings=readings,
        received_on=occasion.received_on,
        closes_at=occasion.day.closes_at,
        next_opening=occasion.day.next_opening,
        contact=policy.contact,
    )
    return phrasebook.render(facts, policy.language, policy.form)


def park_message(
    message: InboundMessage, occasion: Occasion, problem: str, phrasebook: Phrasebook
) -> Judgement:
    """Return what is recorded of a message that our code fails on: it is kept for a person."""
    verdict = Verdict(Disposition.HOLD, Reason.FAILED)
    is_automatic = message.finding is not None
    reply = "" if is_automatic else render_reply(verdict, (), occasion, phrasebook)
    return Judgement(
        receipt=occasion.receipt,
        verdict=verdict,
        readings=(),
        remainder="",
        reply=reply,
        is_owed=bool(reply) and message.reply_to is not None,
        problem=problem,
    )


def read_message(message: InboundMessage) -> Submission:
    """Parse what the sender wrote."""
    return parse(message.text)


def settle_counting(judgement: Judgement, standings: Standings) -> Judgement:
    """Return *judgement* after its group: what a later message replaced counts no longer."""
    readings = settle_readings(judgement.receipt, judgement.readings, standings)
    return judgement if readings is judgement.readings else replace(judgement, readings=readings)


def settle_readings(
    receipt: str, readings: tuple[JudgedReading, ...], standings: Standings
) -> tuple[JudgedReading, ...]:
    """Return *readings* of one receipt with those that were overtaken no longer counting."""
    if not (standings.overtaken or standings.overtaken_registers):
        return readings
    settled = tuple(settle_reading(receipt, one, standings) for one in readings)
    return readings if all(map(operator.is_, settled, readings)) else settled


def settle_reading(receipt: str, reading: JudgedReading, standings: Standings) -> JudgedReading:
    """Return *reading* without what a later line of its group took the place of."""
    key = (receipt, reading.line)
    if key in standings.overtaken:
        return replace(reading, counts=False)
    if registers := standings.overtaken_registers.get(key):
        return replace(reading, overtaken=tuple(sorted(registers)))
    return reading
