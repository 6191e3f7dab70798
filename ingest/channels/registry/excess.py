"""Whether a file has more bad lines than its channel takes without asking. Pure."""

from collections.abc import Mapping
from decimal import Decimal

from ingest.model import Disposition, Reason, Verdict

BAD = {Disposition.REJECT, Disposition.HOLD}
PERCENT = 100


def find_excess(tally: Mapping[Verdict, int], limit: str) -> str:
    """
    Say how many lines are bad where that is more than *limit*: a count, or a share like ``5%``.

    A line that came on the wrong day is no sign that anything is wrong with the file.
    """
    total = sum(tally.values())
    bad = sum(
        lines
        for verdict, lines in tally.items()
        if verdict.disposition in BAD and verdict.reason is not Reason.WINDOW_CLOSED
    )
    most = Decimal(limit.removesuffix("%"))
    if limit.endswith("%"):
        most = most * total / PERCENT
    if bad <= most:
        return ""
    return f"{bad} of {total} lines are bad, max_bad is {limit}"
