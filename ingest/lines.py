"""
The lines of a registry: what time each is judged by, and what came of its operation before. Pure.

A partner knows a line by its transaction id, or by account and time of the operation. A line whose
operation another registry of the channel had already, with the same values, gets the receipt of
that one and changes nothing, whatever has come since; with other values it is judged as a new one.
Lines of one registry are not compared with each other: a payment may have several.
"""

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from ingest.cells import read_line
from ingest.judgement import (
    Occasion,
    Standings,
    judge_flaws,
    judge_item,
    open_occasion,
    refuse_item,
    settle_readings,
)
from ingest.model import (
    Disposition,
    JudgedReading,
    Misreading,
    Reading,
    Reason,
    RegistryLine,
    Verdict,
)
from ingest.rules import SEVERITY, list_registers

CLOCKS_DIFFER_BY = dt.timedelta(minutes=10)
"""A partner's clock may be ahead of ours by as much without its operations being in the future."""
LONGEST_OPERATION = 200
"""Characters that are kept of a transaction id as they are; longer ones become a digest."""

OperationKey = tuple[str | None, str]
"""What the partner knows a line by, and its account."""


class Work(Struct, frozen=True, gc=False):
    """A line with what is known of it before it is judged."""

    line: RegistryLine
    item: Reading | Misreading
    occasion: Occasion
    operation: str | None
    """What the partner knows it by; None: nothing."""

    @property
    def key(self) -> OperationKey:
        """What an earlier line is found by."""
        return (self.operation, self.item.account)


class Earlier(Struct, frozen=True):
    """A line of the registry of the channel that had an operation last, the one at hand apart."""

    account: str
    receipt: str
    """Of the first of such lines that had the same values, one after the other."""
    registers: tuple[int, ...]
    values: tuple[int, ...]
    period: dt.date
    effective_at: dt.datetime


class JudgedLine(Struct, frozen=True, gc=False):
    """A line with its verdict and the time that its window was judged by."""

    reading: JudgedReading
    effective_at: dt.datetime
    receipt: str
    """Of the registry."""
    operation: str | None = None
    first_receipt: str | None = None
    """Of the line that it repeats; None: it has a receipt of its own."""
    paid_at: dt.datetime | None = None


def prepare_line(line: RegistryLine, whole: Occasion) -> Work:
    """Read the cells of a line and find what it is judged by."""
    item = read_line(set_clock(line, whole.received_at), whole.policy.max_digits)
    operation = name_operation(line) if isinstance(item, Reading) else None
    return Work(line, item, place_line(line, whole), operation)


def name_operation(line: RegistryLine) -> str | None:
    """Return what the partner knows a line by."""
    if line.transaction:
        name = line.transaction
        if len(name) > LONGEST_OPERATION:
            return f"#{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}"
        return name
    if line.paid_at is None:
        return None
    return f"@{line.paid_at.isoformat()}/{line.account}"


def place_line(line: RegistryLine, whole: Occasion) -> Occasion:
    """
    Return the occasion that a line is judged by.

    Where the partner's operation time decides, it is believed unless it lies after arrival;
    whether it lies too far before is a question for ``judge_line``.
    """
    if not whole.policy.judge_by_operation or line.paid_at is None:
        return whole
    at = min(line.paid_at.astimezone(dt.UTC), whole.received_at)
    return open_occasion(whole.policy, whole.receipt, whole.received_at, at)


def set_clock(line: RegistryLine, received_at: dt.datetime) -> RegistryLine:
    """Return the line with an operation time that is a little ahead of ours put back to ours."""
    if line.paid_at is None or not received_at < line.paid_at <= received_at + CLOCKS_DIFFER_BY:
        return line
    return replace(line, paid_at=received_at.astimezone(line.paid_at.tzinfo))


def judge_lines(
    work: Sequence[Work], earlier: Mapping[OperationKey, Sequence[Earlier]], standings: Standings
) -> list[JudgedLine]:
    """Judge lines in order; what is accepted takes its place in *standings*."""
    if not earlier:
        judged = [judge_line(one, standings) for one in work]
    else:
        judged = [judge_beside(one, earlier.get(one.key, ()), standings) for one in work]
    return settle_lines(judged, standings) if judged else []


def judge_line(one: Work, standings: Standings) -> JudgedLine:
    """Judge one line by itself."""
    line, item, occasion = one.line, one.item, one.occasion
    verdict = doubt_time(line, occasion) if isinstance(item, Reading) else None
    if verdict is None:
        reading = judge_item(line.number, item, occasion, standings)
    else:
        reading = refuse_item(line.number, item, verdict, occasion.policy.dispositions)
    return make_judged(one, reading)


def make_judged(one: Work, reading: JudgedReading) -> JudgedLine:
    """Return a line with its verdict, judged by the time of its own occasion."""
    occasion = one.occasion
    return JudgedLine(
        reading,
        occasion.effective_at,
        occasion.receipt,
        one.operation,
        paid_at=one.line.paid_at,
    )


def doubt_time(line: RegistryLine, occasion: Occasion) -> Verdict | None:
    """Refuse or hold operation times that nobody can believe."""
    if line.paid_at is None:
        return None
    if line.paid_at - CLOCKS_DIFFER_BY > occasion.received_at:
        disposition = occasion.policy.dispositions[Reason.DATED_IN_FUTURE]
        return Verdict(disposition, Reason.DATED_IN_FUTURE)
    if occasion.received_at - occasion.effective_at > occasion.policy.trust_operation_for:
        return Verdict(Disposition.HOLD, Reason.WINDOW_CLOSED)
    return None


def judge_beside(one: Work, earlier: Sequence[Earlier], standings: Standings) -> JudgedLine:
    """
    Judge one line in the light of those that had its operation before, the last of them first.

    A payment may have several lines: who sends them again repeats each, and the first does not win.
    """
    item = one.item
    if not earlier or isinstance(item, Misreading):
        return judge_line(one, standings)
    same = next((before for before in earlier if is_same(item, before)), None)
    if same is not None:
        return repeat_line(one, item, same)
    reason = doubt_operation(one, earlier[0])
    if reason is None:
        return judge_line(one, standings)
    occasion = one.occasion
    verdict = Verdict(Disposition.HOLD, reason)
    reading = refuse_item(one.line.number, item, verdict, occasion.policy.dispositions)
    return make_judged(one, reading)


def is_same(item: Reading, earlier: Earlier) -> bool:
    """Tell whether a line says what the one before it said."""
    return (item.account, list_registers(item), item.values) == (
        earlier.account,
        earlier.registers,
        earlier.values,
    )


def doubt_operation(one: Work, earlier: Earlier) -> Reason | None:
    """
    Return why a person must look at a line whose operation came with other values before.

    Another account may be a correction, or the second line of a payment. What was given for one
    period cannot be put right by what would count for the next.
    """
    if one.item.account != earlier.account:
        return Reason.METER_AMBIGUOUS
    if one.occasion.day.period != earlier.period:
        return Reason.WINDOW_CLOSED
    return None


def repeat_line(one: Work, item: Reading, earlier: Earlier) -> JudgedLine:
    """
    Return a line that changes nothing: what it says was recorded before, flaws apart.

    It has period and time of the one before, so that it can take its place if that is withdrawn.
    """
    disposition = one.occasion.policy.dispositions[Reason.REPEATED]
    reading = JudgedReading(
        line=one.line.number,
        account=item.account,
        values=item.values,
        verdict=Verdict(disposition, Reason.REPEATED),
        fragment=item.fragment,
        period=earlier.period if disposition is Disposition.ACCEPT else None,
        read_on=item.read_on,
        registers=item.registers,
        flaws=judge_flaws(item, one.occasion.policy.dispositions),
    )
    return replace(
        make_judged(one, reading),
        effective_at=earlier.effective_at,
        first_receipt=earlier.receipt,
    )


def settle_lines(judged: Sequence[JudgedLine], standings: Standings) -> list[JudgedLine]:
    """Return the lines after their chunk: what a later line replaced counts no longer."""
    before = tuple(one.reading for one in judged)
    settled = settle_readings(judged[0].receipt, before, standings)
    if settled is before:
        return list(judged)
    return [
        one if one.reading is reading else replace(one, reading=reading)
        for one, reading in zip(judged, settled, strict=True)
    ]


def find_gravest(reading: JudgedReading) -> Verdict:
    """Return the verdict that stands for a whole line, flaws included."""
    if not reading.flaws:
        return reading.verdict
    whole = (min(reading.registers, default=1), reading.verdict)
    parts = [whole, *((flaw.register, verdict) for flaw, verdict in reading.flaws)]
    return max(parts, key=lambda part: (SEVERITY.index(part[1].disposition), -part[0]))[1]


def count_verdicts(judged: Iterable[JudgedLine]) -> Counter[Verdict]:
    """Count lines by what became of them."""
    return Counter(find_gravest(one.reading) for one in judged)
