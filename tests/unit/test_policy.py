"""What config.toml says about judging becomes one policy per channel."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from builders import OPEN_AT, SHUT_AT, SMALL_CONFIG

from ingest.model import ChannelName, Disposition, Form, Reason
from ingest.policy import build_policies, describe_day, find_local_day
from ingest.rules import DISPOSITIONS

ZONE = ZoneInfo("Asia/Krasnoyarsk")
NOVEMBER, DECEMBER = dt.date(2026, 11, 1), dt.date(2026, 12, 1)
LAYERS = """
[windows.w]
days = "6..-2"
late = "{late}"
[rules]
max_digits = 5
[rules.dispositions]
dated_in_future = "hold"
implausible = "accept"
[channels.mail]
type = "smtp"
window = "w"
recipients = ["energy@example.org"]
[channels.sms]
type = "sms"
window = "w"
gateway = "kannel"
enabled = false
language = "en"
[channels.sms.dispositions]
implausible = "reject"
window_closed = "hold"
"""
PARTNERS = """
[windows.w]
days = "1..-1"
[channels.arrival]
type = "registry"
window = "w"
directory = "a"
dialect.columns = { account = 1, value = 2 }
[channels.operation]
type = "registry"
window = "w"
directory = "b"
judge_by = "operation"
trust_operation_for = 60
dialect.columns = { account = 1, value = 2, paid_at = 3 }
"""


@pytest.fixture
def policy_of(a_config):
    """Return a channel's policy in a config.toml whose window treats the late in some way."""

    def find(name, text=LAYERS, late="reject"):
        return build_policies(a_config(text.replace("{late}", late)))[ChannelName(name)]

    return find


@pytest.mark.parametrize(
    ("channel", "reason", "expected"),
    [
        pytest.param("mail", Reason.TOO_MANY_DIGITS, Disposition.REJECT, id="as shipped"),
        pytest.param("mail", Reason.DATED_IN_FUTURE, Disposition.HOLD, id="for all channels"),
        pytest.param("mail", Reason.IMPLAUSIBLE, Disposition.ACCEPT, id="the other channel"),
        pytest.param("sms", Reason.IMPLAUSIBLE, Disposition.REJECT, id="for one channel"),
        pytest.param("sms", Reason.DATED_IN_FUTURE, Disposition.HOLD, id="inherited"),
        pytest.param("sms", Reason.WINDOW_CLOSED, Disposition.HOLD, id="over the window's"),
    ],
)
def test_the_nearest_disposition_holds(policy_of, channel, reason, expected):
    """A channel's own word comes before the window's, before the general one, before ours."""
    assert expected is policy_of(channel).dispositions[reason]


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        pytest.param("reject", Disposition.REJECT, id="refused"),
        pytest.param("hold", Disposition.HOLD, id="for a person"),
        pytest.param("next-period", Disposition.ACCEPT, id="for the next period"),
    ],
)
def test_the_window_says_what_becomes_of_the_late(policy_of, late, expected):
    """``late`` is what ``window_closed`` leads to."""
    assert expected is policy_of("mail", late=late).dispositions[Reason.WINDOW_CLOSED]


def test_every_reason_has_a_disposition(policy_of):
    """No reason is left without a consequence by what a channel changes."""
    assert set(DISPOSITIONS) == set(policy_of("sms").dispositions)


def test_form_and_language(policy_of):
    """An SMS is short, everything else long; a channel may speak another language."""
    mail, sms = policy_of("mail"), policy_of("sms")
    assert (Form.LONG, "ru", 5) == (mail.form, mail.language, mail.max_digits)
    assert (Form.SHORT, "en", 5) == (sms.form, sms.language, sms.max_digits)


def test_registries_may_be_judged_by_operation(policy_of):
    """Only where it is asked for does a partner's own time decide, and only for so long."""
    arrival, operation = policy_of("arrival", PARTNERS), policy_of("operation", PARTNERS)
    assert (False, True) == (arrival.judge_by_operation, operation.judge_by_operation)
    assert dt.timedelta(seconds=60) == operation.trust_operation_for


def test_disabled_channels_have_a_policy_too(a_config):
    """What came by a channel that is switched off by now can still be judged again."""
    text = SMALL_CONFIG.replace('gateway = "kannel"', 'gateway = "kannel"\nenabled = false')
    assert ["mail", "sms", "partner"] == list(build_policies(a_config(text)))


def local(day, month=11, hour=0):
    return dt.datetime(2026, month, day, hour, tzinfo=ZONE)


@pytest.mark.parametrize(
    ("late", "day", "expected"),
    [
        pytest.param("reject", 5, (False, None, local(6), NOVEMBER), id="before it opens"),
        pytest.param("reject", 6, (True, local(30), None, NOVEMBER), id="first open day"),
        pytest.param("reject", 29, (True, local(30), None, NOVEMBER), id="last open day"),
        pytest.param("reject", 30, (False, None, local(6, 12), NOVEMBER), id="shut again"),
        pytest.param("hold", 30, (False, None, local(6, 12), NOVEMBER), id="held late"),
        pytest.param("next-period", 5, (False, None, local(6), NOVEMBER), id="early, same month"),
        pytest.param("next-period", 30, (False, None, local(6, 12), DECEMBER), id="next period"),
        pytest.param("next-period", 29, (True, local(30), None, NOVEMBER), id="in time"),
    ],
)
def test_describe_day(policy_of, late, day, expected):
    """A local day is open or shut as a whole, and its readings are for one period."""
    found = describe_day(policy_of("mail", late=late).window, dt.date(2026, 11, day))
    assert expected == (found.is_open, found.closes_at, found.next_opening, found.period)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        pytest.param(OPEN_AT, True, id="open"),
        pytest.param(SHUT_AT, False, id="shut"),
        pytest.param(dt.datetime(2026, 11, 5, 16, 59, tzinfo=dt.UTC), False, id="23:59 of the 5th"),
        pytest.param(dt.datetime(2026, 11, 5, 17, 0, tzinfo=dt.UTC), True, id="midnight"),
        pytest.param(dt.datetime(2026, 11, 29, 16, 59, tzinfo=dt.UTC), True, id="last minute"),
        pytest.param(dt.datetime(2026, 11, 29, 17, 0, tzinfo=dt.UTC), False, id="one later"),
    ],
)
def test_days_begin_at_local_midnight(policy_of, at, expected):
    """It is the day of the service's time zone that counts, not the server's or the sender's."""
    assert expected is find_local_day(policy_of("mail"), at).is_open
