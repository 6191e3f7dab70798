"""Cells of a registry line to a reading."""

import pytest

from ingest.cells import read_line
from ingest.model import Flaw, Misreading, Reading, Reason, RegistryLine


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        pytest.param(("5467",), (5467,), id="plain"),
        pytest.param(("0563",), (563,), id="leading zero"),
        pytest.param(("5467,9",), (5467,), id="comma fraction"),
        pytest.param(("5467.",), (5467,), id="dot"),
        pytest.param(("5467", "1203"), (5467, 1203), id="two registers"),
        pytest.param(("5467", "", ""), (5467,), id="registers that are not there"),
        pytest.param(("0",), (0,), id="zero"),
        pytest.param((), Reason.READING_MISSING, id="no cell"),
        pytest.param(("", ""), Reason.READING_MISSING, id="empty cells"),
        pytest.param(("54a7",), Reason.READING_MALFORMED, id="letter"),
        pytest.param(("-5",), Reason.READING_MALFORMED, id="negative"),
        pytest.param(("1e5",), Reason.READING_MALFORMED, id="exponent"),
        pytest.param(("٥٤٦٧",), Reason.READING_MALFORMED, id="Arabic digits"),
        pytest.param(("5 467",), Reason.READING_MALFORMED, id="blank inside"),
        pytest.param(("1" * 19,), Reason.TOO_MANY_DIGITS, id="nineteen digits"),
        pytest.param(("0" * 19 + "7",), (7,), id="many leading zeros"),
    ],
)
def test_values(cells, expected):
    """Cells are whole kilowatt-hours, or one reason says why not."""
    item = read_line(RegistryLine(1, "123456789012", cells))
    found = item.values if isinstance(item, Reading) else item.reason
    assert expected == found


@pytest.mark.parametrize("account", ["", "12345678901", "1234567890123", "12345678901O", "１" * 12])
def test_accounts(account):
    """An account is twelve ASCII digits, nothing else."""
    item = read_line(RegistryLine(1, account, ("1",)))
    assert isinstance(item, Misreading)
    assert Reason.ACCOUNT_MALFORMED is item.reason


def test_a_line_that_could_not_be_cut_up():
    """What the dialect could not read is malformed, and says why."""
    item = read_line(RegistryLine(1, "", (), problem="no UTF-8"))
    assert Misreading(Reason.READING_MALFORMED, "", "no UTF-8") == item


@pytest.mark.parametrize(
    ("cells", "values", "registers", "flaws"),
    [
        pytest.param(
            ("5467", "x12"), (5467,), (1,), [(2, Reason.READING_MALFORMED, "x12")], id="last bad"
        ),
        pytest.param(
            ("-5", "12"), (12,), (2,), [(1, Reason.READING_MALFORMED, "-5")], id="first bad"
        ),
        pytest.param(("", "12"), (12,), (2,), [(1, Reason.ZONES_MISMATCH, "")], id="gap"),
        pytest.param(
            ("1", "9" * 19, "3", ""),
            (1, 3),
            (1, 3),
            [(2, Reason.TOO_MANY_DIGITS, "9" * 19)],
            id="too many digits in the middle",
        ),
    ],
)
def test_a_bad_cell_takes_no_good_one_with_it(cells, values, registers, flaws):
    """The registers that can be believed are a reading; each of the others is a flaw."""
    item = read_line(RegistryLine(1, "123456789012", cells))
    assert isinstance(item, Reading)
    assert (values, registers) == (item.values, item.registers)
    assert flaws == [(one.register, one.reason, one.fragment) for one in item.flaws]


def test_a_dialect_may_know_a_better_reason():
    """What the dialect found is recorded with its reason and the account."""
    line = RegistryLine(1, "123456789012", (), problem="two meters", reason=Reason.METER_AMBIGUOUS)
    assert Misreading(Reason.METER_AMBIGUOUS, "123456789012", "two meters") == read_line(line)


def test_a_register_too_wide_takes_no_other_with_it():
    """How wide registers are is a setting; what stands alone is left to the law that says so."""
    day, both = (
        RegistryLine(1, "123456789012", cells) for cells in (("120", ""), ("120", "9" * 9))
    )
    assert Reading("123456789012", (120,), "123456789012;120;", None) == read_line(day, 2)
    flaw = Flaw(2, Reason.TOO_MANY_DIGITS, "999999999")
    fragment = "123456789012;120;999999999"
    expected = Reading("123456789012", (120,), fragment, None, (1,), (flaw,))
    assert expected == read_line(both, 8)
