"""How many answers one telephone gets in our responses within a day."""

import datetime as dt

import pytest
from builders import OPEN_AT

from ingest.channels.sms.quota import DAY, Quota
from ingest.model import Reason
from ingest.settings import Replies

SETTINGS = Replies(per_address_and_reason=2, per_address=3, per_address_accepted=4)
HELD, MALFORMED, ACCEPTED = Reason.NOT_RECOGNISED, Reason.ACCOUNT_MALFORMED, Reason.ACCEPTED
BARELY = DAY - dt.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("reasons", "after", "expected"),
    [
        pytest.param([HELD] * 2, BARELY, False, id="enough for one reason"),
        pytest.param([HELD], BARELY, True, id="not enough yet"),
        pytest.param([HELD] * 2, DAY, True, id="another day"),
        pytest.param([MALFORMED] * 2 + [HELD], BARELY, False, id="enough in all"),
        pytest.param([ACCEPTED] * 4, BARELY, True, id="accepted readings count apart"),
    ],
)
def test_a_telephone_gets_only_so_many(reasons, after, expected):
    """For one reason, in all, and apart for readings that were accepted; each day anew."""
    quota = Quota(SETTINGS)
    assert all(quota.take("+79031234567", reason, OPEN_AT) for reason in reasons)
    assert expected == quota.take("+79031234567", HELD, OPEN_AT + after)
    assert quota.take("+79037654321", HELD, OPEN_AT + after)


def test_whoever_sends_for_many_flats_hears_of_each():
    """Accepted readings have a limit too, a far higher one."""
    quota = Quota(SETTINGS)
    taken = [quota.take("+79031234567", ACCEPTED, OPEN_AT) for _ in range(5)]
    assert [True] * 4 + [False] == taken
