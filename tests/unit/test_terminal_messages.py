"""An operation to the message with its readings: strictly read, canonically written."""

import datetime as dt

import pytest
from builders import OPEN_AT
from hypothesis import given
from hypothesis import strategies as st
from terminal_bench import ACCOUNT, ATM

from ingest.channels.dialects.online.request import Kind, Operation, RegisterValue
from ingest.channels.terminal.messages import (
    Trust,
    make_entry,
    make_fingerprint,
    make_message,
    place,
    write_text,
)
from ingest.model import Disposition, Reading, Reason
from ingest.parser import parse

HOUR = dt.timedelta(hours=1)
TRUST = Trust(by_operation=True, for_so_long=48 * HOUR, dispositions={})


def a_payment(*values, account=ACCOUNT, **changes):
    """Return a payment with a value for each zone of one meter; None leaves the zone out."""
    readings = tuple(
        RegisterValue(text, zone) for zone, text in enumerate(values, start=1) if text is not None
    )
    given_ = {"kind": Kind.PAY, "transaction_id": "1", "account": account, "amount": "10.45"}
    return Operation(**(given_ | {"readings": readings} | changes))


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        pytest.param(a_payment("5467"), (f"{ACCOUNT}*5467;", None), id="one"),
        pytest.param(a_payment("005467", "2310,9"), (f"{ACCOUNT}*5467*2310;", None), id="two"),
        pytest.param(
            a_payment(None, "5"), (f"{ACCOUNT}**5;", Reason.ZONES_MISMATCH), id="night alone"
        ),
        pytest.param(
            a_payment("5", account="12"), ("12*5;", Reason.ACCOUNT_MALFORMED), id="account"
        ),
        pytest.param(a_payment(), (f"{ACCOUNT};", Reason.READING_MISSING), id="none"),
        pytest.param(
            a_payment(
                readings=(RegisterValue("5", 1, "A"), RegisterValue("7", 1, "B")),
            ),
            (f"{ACCOUNT}*5;\n{ACCOUNT}*7;", Reason.METER_AMBIGUOUS),
            id="two meters",
        ),
        pytest.param(
            a_payment(readings=(RegisterValue("5"), RegisterValue("7"))),
            (f"{ACCOUNT}*5;\n{ACCOUNT}*7;", Reason.METER_AMBIGUOUS),
            id="two meters without a name",
        ),
        pytest.param(
            a_payment(readings=(RegisterValue("5"), RegisterValue("7", 2), RegisterValue("5"))),
            (f"{ACCOUNT}*5*7;", None),
            id="the same twice",
        ),
    ],
)
def test_write_text(operation, expected):
    """Readings are written as everybody writes them, one meter a line."""
    assert expected == write_text(operation)


@given(account=st.text(max_size=30), cells=st.lists(st.text(max_size=12), min_size=1, max_size=3))
def test_whatever_is_believed_is_read_back(account, cells):
    """What is not refused here is exactly what the parser makes of it."""
    text, problem = write_text(a_payment(*cells, account=account))
    if problem is None:
        [item] = parse(text).items
        assert isinstance(item, Reading)
        assert (account, "") == (item.account, parse(text).remainder)


@given(st.integers(0, 10**18), st.integers(0, 10**18))
def test_numbers_go_through_unchanged(day, night):
    """A number is judged as it came, or refused where it could be taken for an account."""
    text, problem = write_text(a_payment(str(day), str(night)))
    if max(day, night) >= 10**11:
        assert Reason.TOO_MANY_DIGITS is problem
    else:
        [item] = parse(text).items
        assert (None, (day, night)) == (problem, item.values)


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        pytest.param(a_payment("5"), True, id="the same"),
        pytest.param(a_payment("5", paid_at=OPEN_AT), True, id="another time"),
        pytest.param(a_payment("5", amount="10,45"), True, id="decimal comma"),
        pytest.param(a_payment("5", amount="10.46"), False, id="another sum"),
        pytest.param(a_payment("6"), False, id="another value"),
        pytest.param(a_payment(None, "5"), False, id="another zone"),
        pytest.param(a_payment("5", account="123456789013"), False, id="another account"),
        pytest.param(a_payment(), False, id="no reading"),
        pytest.param(a_payment(readings=(RegisterValue("5", 1, "A"),)), False, id="a meter"),
    ],
)
def test_fingerprint(other, is_same):
    """Account, sum and values make an operation what it is; when and where do not."""
    assert is_same is (make_fingerprint(a_payment("5")) == make_fingerprint(other))


def test_meters_in_any_order():
    """A partner whose program lists the meters of one operation otherwise has not changed it."""
    meters = (RegisterValue("5", 1, "A"), RegisterValue("7", 1, "B"))
    first, second = (a_payment(readings=readings) for readings in (meters, meters[::-1]))
    assert make_fingerprint(first) == make_fingerprint(second)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param(2 * HOUR, (OPEN_AT - 2 * HOUR, None), id="believed"),
        pytest.param(48 * HOUR, (OPEN_AT - 48 * HOUR, None), id="just believed"),
        pytest.param(49 * HOUR, (OPEN_AT, (Disposition.HOLD, Reason.WINDOW_CLOSED)), id="too old"),
        pytest.param(-HOUR / 12, (OPEN_AT, None), id="a clock a little ahead"),
        pytest.param(-HOUR, (OPEN_AT, (Disposition.REJECT, Reason.DATED_IN_FUTURE)), id="ahead"),
    ],
)
def test_place(before, expected):
    """The partner's time decides within limits, and never one that lies ahead of ours."""
    at, finding = place(OPEN_AT - before, OPEN_AT, TRUST)
    assert expected == (at, finding and (finding.disposition, finding.reason))


@pytest.mark.parametrize("disposition", [Disposition.REJECT, Disposition.HOLD])
def test_dispositions_of_the_channel_hold(disposition):
    """What cannot be read leads to what config.toml says about it."""
    trust = Trust(
        by_operation=False,
        for_so_long=HOUR,
        dispositions={Reason.READING_MALFORMED: disposition},
    )
    operation = a_payment("12a", paid_at=OPEN_AT - HOUR)
    message = make_message(operation, make_entry(ATM, operation, OPEN_AT), trust)
    assert (disposition, OPEN_AT) == (message.finding.disposition, message.received_at)


def test_an_id_of_any_length_fits_an_index():
    """The external id is bounded by what dialects let pass as a transaction id."""
    operation = a_payment("5", system="S" * 60, transaction_id="9" * 64)
    entry = make_entry(ATM, operation, OPEN_AT)
    assert entry.external_id.startswith("pay:SSSS")
    assert len(entry.external_id) < 200
