"""
Which code an answer carries. Pure.

One rule for all protocols: OK, unless there is a cause; a fault of ours is what the partner asks
again about; a refused reading costs no payment, unless the partner wants it so.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from ingest.channels.dialects.online.request import Cause, Kind, Operation, Result
from ingest.model import Reason
from ingest.settings.online import CodedCause

Coded: TypeAlias = Cause | Reason
"""``account_malformed`` and ``failed`` are both, and one key: they are texts, and mean the same."""
Codes: TypeAlias = Mapping[Coded, str]
OK = "0"

NO_SUCH_ACCOUNT = frozenset({Reason.ACCOUNT_UNKNOWN, Reason.ACCOUNT_CLOSED})
"""What a check must tell before somebody pays."""
FINE = frozenset({Reason.ACCEPTED, Reason.CORRECTED, Reason.REPEATED})


def name_outcome(
    operation: Operation, result: Result, refusals: Literal["ack", "code"]
) -> Coded | None:
    """
    Return what the code of an answer has to say; None is OK.

    A reading that is accepted, or held for a person to decide, is OK. One that comes without a
    payment is refused by its code: there is nothing that it could cost.
    """
    if result.cause is not None:
        return result.cause
    verdict = result.verdict
    if verdict is None:
        return None
    if verdict.reason is Reason.FAILED:
        return Cause.FAILED
    if not result.is_refused or verdict.reason in FINE:
        return None
    always = verdict.reason is Reason.ACCOUNT_MALFORMED or operation.kind is Kind.SUBMIT
    told = operation.kind is Kind.CHECK and verdict.reason in NO_SUCH_ACCOUNT
    return verdict.reason if always or told or refusals == "code" else None


def make_codes(codes: Mapping[Coded, str], other: str, changes: Mapping[CodedCause, str]) -> Codes:
    """Return a code for every cause and reason: of *changes*, else of *codes*, else *other*."""
    names: list[Coded] = [*Cause, *Reason]
    changed: dict[str, str] = {str(name): code for name, code in changes.items()}
    return {name: changed.get(name, codes.get(name, other)) for name in names}


def find_code(codes: Codes, outcome: Coded | None) -> str:
    """Return the code of an outcome."""
    return OK if outcome is None else codes[outcome]
