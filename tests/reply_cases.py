"""Typical messages and what an acknowledgement of them states; the texts are in the corpus."""

import datetime as dt

from ingest.model import Disposition, JudgedReading, Reason, Verdict
from ingest.replies import Facts
from ingest.rules import DISPOSITIONS

RECEIPT = "7K4M-2Q9X"
ACCOUNT = "123456789012"
NOVEMBER = dt.date(2026, 11, 1)
DECEMBER = dt.date(2026, 12, 1)
CLOSING = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
OPENING = dt.datetime(2026, 12, 6, tzinfo=dt.UTC)


def a_judged_reading(reason=Reason.ACCEPTED, *values, **changes):
    """Return a reading with the verdict that *reason* leads to by default."""
    disposition = changes.pop("disposition", DISPOSITIONS[reason])
    accepted = disposition is Disposition.ACCEPT
    values = values or (5467,)
    sensible = {
        "line": 1,
        "account": ACCOUNT,
        "values": values,
        "verdict": Verdict(disposition, reason),
        "fragment": f"{ACCOUNT}*{'*'.join(map(str, values))};",
        "period": NOVEMBER if accepted else None,
    }
    return JudgedReading(**(sensible | changes))


def the_facts(*readings, **changes):
    """Return the facts of a message with *readings*, received on 25 November, window open."""
    sensible = {
        "verdict": readings[0].verdict if readings else Verdict(Disposition.HOLD, Reason.FAILED),
        "receipt": RECEIPT,
        "received_on": dt.date(2026, 11, 25),
        "readings": readings,
        "closes_at": CLOSING,
        "contact": "8 800 700-24-57",
    }
    return Facts(**(sensible | changes))


def of_whole(reason, disposition=None):
    """Return the facts of a message of which nothing but a verdict is known."""
    return the_facts(verdict=Verdict(disposition or DISPOSITIONS[reason], reason))


SHUT = {"closes_at": None, "next_opening": OPENING}
MISREAD = a_judged_reading(
    Reason.ACCOUNT_MALFORMED, 77, line=2, account="12345678901", fragment="12345678901*77"
)

CASES = {
    "accepted": the_facts(a_judged_reading()),
    "accepted-day-and-night": the_facts(a_judged_reading(Reason.ACCEPTED, 5467, 1203)),
    "accepted-for-next-month": the_facts(a_judged_reading(period=DECEMBER), **SHUT),
    "corrected": the_facts(a_judged_reading(Reason.CORRECTED, 5467, previous=(5400,))),
    "repeated": the_facts(a_judged_reading(Reason.REPEATED)),
    "window-closed": the_facts(a_judged_reading(Reason.WINDOW_CLOSED), **SHUT),
    "account-malformed": the_facts(MISREAD),
    "account-unknown": the_facts(a_judged_reading(Reason.ACCOUNT_UNKNOWN)),
    "reading-malformed": the_facts(
        a_judged_reading(Reason.READING_MALFORMED, values=(), fragment=f"{ACCOUNT}*54б7")
    ),
    "reading-missing": the_facts(
        a_judged_reading(Reason.READING_MISSING, values=(), fragment=f"{ACCOUNT}*"), **SHUT
    ),
    "below-previous": the_facts(a_judged_reading(Reason.BELOW_PREVIOUS, 51)),
    "zones-mismatch": the_facts(a_judged_reading(Reason.ZONES_MISMATCH)),
    "too-many-digits": the_facts(a_judged_reading(Reason.TOO_MANY_DIGITS, 5467123456)),
    "not-recognised": of_whole(Reason.NOT_RECOGNISED),
    "failed": of_whole(Reason.FAILED),
    "too-large": of_whole(Reason.TOO_LARGE),
    "incomplete": of_whole(Reason.INCOMPLETE),
    "question": the_facts(
        a_judged_reading(
            Reason.NOT_RECOGNISED, 3500, fragment=f"Почему начислили 3500 рублей? ЛС {ACCOUNT}"
        )
    ),
    "several-while-shut": the_facts(
        a_judged_reading(Reason.WINDOW_CLOSED),
        a_judged_reading(Reason.WINDOW_CLOSED, 1203, line=2, account="000000000017"),
        **SHUT,
    ),
    "several-accepted": the_facts(
        a_judged_reading(), a_judged_reading(Reason.ACCEPTED, 1203, line=2, account="000000000017")
    ),
    "several-mixed": the_facts(
        a_judged_reading(),
        MISREAD,
        a_judged_reading(
            Reason.ACCOUNT_MALFORMED, 78, line=3, account="1234567890", fragment="1234567890*78"
        ),
        a_judged_reading(Reason.BELOW_PREVIOUS, 3, line=4, account="000000000017"),
    ),
}
