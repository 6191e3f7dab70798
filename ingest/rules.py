"""
The laws by which a reading is judged, each with the one reason that it gives.

A law looks at the reading and its circumstances and names its reason, or is content. What a
reason leads to (accept, hold, reject) is a table that config.toml can change, per channel too.
"""

import datetime as dt
from collections.abc import Callable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from ingest.model import Disposition, Reading, Reason, Verdict


class Standing(Struct, frozen=True):
    """The reading that counts for an account and a billing period until another takes its place."""

    values: tuple[int, ...]
    effective_at: dt.datetime
    message_id: int = 0
    """Where it is recorded; 0 while it waits in the same group."""
    receipt: str = ""
    """The receipt of its message while it waits in the same group."""
    line: int = 0
    registers: tuple[int, ...] = ()
    """Which registers the values are of; empty: all from 1 on."""
    others: tuple["Standing", ...] = ()
    """What else counts for the account and period: registers of other lines, none twice."""


def list_registers(one: Reading | Standing) -> tuple[int, ...]:
    """Return which registers the values are of."""
    return one.registers or tuple(range(1, len(one.values) + 1))


def list_parts(standing: Standing | None) -> tuple[Standing, ...]:
    """Return what counts line by line."""
    if standing is None:
        return ()
    return (replace(standing, others=()), *standing.others) if standing.others else (standing,)


def find_affected(standing: Standing | None, reading: Reading) -> Standing | None:
    """
    Return of what counts those registers that *reading* would take the place of; None: none.

    A reading of a whole line takes the place of everything, one of single registers that of those.
    """
    if standing is None or not (reading.registers or standing.others):
        return standing
    wanted = set(reading.registers)
    found = {
        register: (value, part)
        for part in list_parts(standing)
        for register, value in zip(list_registers(part), part.values, strict=True)
        if not wanted or register in wanted
    }
    if not found:
        return None
    latest = max((part for _, part in found.values()), key=lambda one: (
        one.effective_at, one.message_id, one.line
    ))  # fmt: skip
    registers = tuple(sorted(found))
    is_whole = not wanted and registers == tuple(range(1, len(registers) + 1))
    return replace(
        latest,
        values=tuple(found[register][0] for register in registers),
        registers=() if is_whole else registers,
        others=(),
    )


class Circumstances(Struct, frozen=True, kw_only=True):
    """Everything a law may know besides the reading."""

    received_on: dt.date
    """The day it reached us, in the channel's time zone."""
    effective_at: dt.datetime
    """The time its window is judged by: arrival, or the operation time of a trusted partner."""
    is_open: bool
    """Whether the channel's window was open then, or lets late readings pass."""
    max_digits: int
    standing: Standing | None = None
    """What counts for the same account, period and registers now."""
    message_id: int = 0
    """Of a message that is judged anew; 0 for one that comes for the first time."""

    @property
    def stands_later(self) -> Standing | None:
        """What counts now, if it came after the reading; of equal times the one recorded last."""
        if self.standing is None:
            return None
        is_later = (
            self.standing.effective_at == self.effective_at
            and 0 < self.message_id < self.standing.message_id
        )
        return self.standing if self.standing.effective_at > self.effective_at or is_later else None


Rule = Callable[[Reading, Circumstances], Reason | None]


def window_closed(reading: Reading, known: Circumstances) -> Reason | None:
    """Readings that arrive while the channel's window is shut are not taken."""
    return None if known.is_open else Reason.WINDOW_CLOSED


def dated_in_future(reading: Reading, known: Circumstances) -> Reason | None:
    """A meter cannot have been read on a day that has not come yet."""
    if reading.read_on is None or reading.read_on <= known.received_on:
        return None
    return Reason.DATED_IN_FUTURE


def too_many_digits(reading: Reading, known: Circumstances) -> Reason | None:
    """No register has more digits than the widest that is installed."""
    if max(reading.values, default=0) < 10**known.max_digits:
        return None
    return Reason.TOO_MANY_DIGITS


def repeated(reading: Reading, known: Circumstances) -> Reason | None:
    """The value that already counts for the period changes nothing when it comes again."""
    if known.standing is None or known.stands_later:
        return None
    is_same = (known.standing.values, known.standing.registers) == (
        reading.values,
        reading.registers,
    )
    return Reason.REPEATED if is_same else None


def corrected(reading: Reading, known: Circumstances) -> Reason | None:
    """Of several readings for one period the one that arrived last counts."""
    if known.standing is None or known.stands_later:
        return None
    return Reason.CORRECTED


RULES: tuple[Rule, ...] = (
    window_closed,
    dated_in_future,
    too_many_digits,
    # The laws of the directory stand here: account, registers, plausibility. What they have to
    # know joins Circumstances, and is fetched with the rest in one query.
    repeated,
    corrected,
)

DISPOSITIONS: Mapping[Reason, Disposition] = {
    Reason.ACCEPTED: Disposition.ACCEPT,
    Reason.CORRECTED: Disposition.ACCEPT,
    Reason.REPEATED: Disposition.ACCEPT,
    Reason.WINDOW_CLOSED: Disposition.REJECT,
    Reason.ACCOUNT_MALFORMED: Disposition.REJECT,
    Reason.ACCOUNT_UNKNOWN: Disposition.REJECT,
    Reason.ACCOUNT_CLOSED: Disposition.REJECT,
    Reason.READING_MALFORMED: Disposition.REJECT,
    Reason.READING_MISSING: Disposition.REJECT,
    Reason.TOO_MANY_DIGITS: Disposition.REJECT,
    Reason.BELOW_PREVIOUS: Disposition.HOLD,
    Reason.IMPLAUSIBLE: Disposition.HOLD,
    Reason.ZONES_MISMATCH: Disposition.REJECT,
    Reason.METER_AMBIGUOUS: Disposition.HOLD,
    Reason.DATED_IN_FUTURE: Disposition.REJECT,
    Reason.NOT_RECOGNISED: Disposition.HOLD,
    Reason.AUTOMATIC_MAIL: Disposition.IGNORE,
    Reason.SENDER_REFUSED: Disposition.REJECT,
    Reason.TOO_LARGE: Disposition.REJECT,
    Reason.INCOMPLETE: Disposition.HOLD,
    Reason.FAILED: Disposition.HOLD,
}
"""What each reason leads to unless config.toml says otherwise."""


def find_reason(reading: Reading, known: Circumstances) -> Reason:
    """Return the first law's reason, or ``accepted`` when every law is content."""
    for rule in RULES:
        if reason := rule(reading, known):
            return reason
    return Reason.ACCEPTED


SEVERITY = (Disposition.IGNORE, Disposition.ACCEPT, Disposition.HOLD, Disposition.REJECT)


def summarise(verdicts: list[Verdict]) -> Verdict:
    """Return the verdict of a whole message: the gravest of its readings, the first such."""
    return max(verdicts, key=lambda verdict: SEVERITY.index(verdict.disposition))
