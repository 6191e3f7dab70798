"""When a judgement made before its turn may be used: only where waiting changes nothing."""

import datetime as dt

import pytest

from ingest.foresight import Foreseen
from ingest.judgement import Standings
from ingest.lines import JudgedLine
from ingest.model import Disposition, JudgedReading, Reason, RegistryChunk, Verdict

AT = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
CHUNK = RegistryChunk(b"1;1\n", 1, ())
ACCEPTED = Verdict(Disposition.ACCEPT, Reason.ACCEPTED)
REPEATED = Verdict(Disposition.ACCEPT, Reason.REPEATED)
MALFORMED = Verdict(Disposition.REJECT, Reason.READING_MALFORMED)


def a_line(account, verdict=ACCEPTED, *, counts=True, overtaken=()):
    reading = JudgedReading(1, account, (1,), verdict, "", counts=counts, overtaken=overtaken)
    return JudgedLine(reading, AT, "7K4M-2Q9X")


CASES = [
    pytest.param(a_line("a"), a_line("b"), True, id="other accounts"),
    pytest.param(a_line("a"), a_line("a"), False, id="the same account"),
    pytest.param(a_line("", MALFORMED), a_line("", MALFORMED), True, id="nothing accepted"),
    pytest.param(a_line("a"), a_line("a", MALFORMED), False, id="the same account, rejected"),
    pytest.param(a_line("a"), a_line("b", counts=False), False, id="something later counts"),
    pytest.param(a_line("a"), a_line("b", REPEATED, counts=False), False, id="a repeat"),
    pytest.param(a_line("a"), a_line("b", overtaken=(1,)), False, id="in part overtaken"),
    pytest.param(a_line("a"), a_line("b", MALFORMED, counts=False), True, id="rejected"),
]


@pytest.mark.parametrize(("committed", "following", "expected"), CASES)
def test_recalls_what_cannot_have_changed(committed, following, expected):
    """It depends on what was committed meanwhile, and on what came of the lines."""
    foreseen, standings = Foreseen(), Standings()
    foreseen.note(7, CHUNK, [following], standings)
    foreseen.note_committed(7, [committed])
    assert (([following], standings) if expected else None) == foreseen.recall(7, CHUNK)


def test_recalls_once():
    """A second attempt, after a conflict, looks again."""
    foreseen = Foreseen()
    foreseen.note_committed(7, [])
    foreseen.note(7, CHUNK, [], Standings())
    assert (True, None) == (bool(foreseen.recall(7, CHUNK)), foreseen.recall(7, CHUNK))


def test_recalls_the_very_chunk():
    """An equal chunk read again may come after another one."""
    foreseen = Foreseen()
    foreseen.note_committed(7, [])
    foreseen.note(7, RegistryChunk(b"1;1\n", 1, ()), [], Standings())
    assert None is foreseen.recall(7, CHUNK)


@pytest.mark.parametrize("is_forgotten", [True, False], ids=["forgotten", "nothing before"])
def test_knows_nothing_of_what_came_before(is_forgotten):
    """After the registry was opened anew, somebody else may have committed to it."""
    foreseen = Foreseen()
    if is_forgotten:
        foreseen.note_committed(7, [])
        foreseen.forget(7)
    foreseen.note(7, CHUNK, [], Standings())
    assert None is foreseen.recall(7, CHUNK)
