"""What the outbox decides without the database: pauses, limits, what the log may repeat."""

import datetime as dt
import itertools

import pytest

from ingest.outbox import find_pause, hide_address


@pytest.mark.parametrize(
    ("text", "address", "expected"),
    [
        pytest.param(
            "550 5.1.1 <Ivanov@Example.com>: rejected",
            "ivanov@example.com",
            "550 5.1.1 <...>: rejected",
            id="mail, in other letters",
        ),
        pytest.param('{"to": "+79031234567"}', "+79031234567", '{"to": "+7..."}', id="number"),
        pytest.param("OK 89031234567", "+79031234567", "OK 8...", id="number as dialled at home"),
        pytest.param("OK 79031234567 x2", "89031234567", "OK 7... x2", id="written with an eight"),
        pytest.param(
            "250 queued as 4F1A", "a@example.com", "250 queued as 4F1A", id="nobody named"
        ),
        pytest.param("200 OK", "", "200 OK", id="no address"),
        pytest.param("a.b@example.com", "aXb@example.com", "a.b@example.com", id="no pattern"),
    ],
)
def test_hide_address(text, address, expected):
    """The log repeats a relay's words, but not whom they are about."""
    assert expected == hide_address(text, address)


def test_pauses_grow_to_an_hour():
    """A relay that is away is asked ever more rarely, and never more rarely than each hour."""
    pauses = [find_pause(attempts) for attempts in range(1, 50)]
    assert all(before <= after for before, after in itertools.pairwise(pauses))
    assert (dt.timedelta(seconds=10), dt.timedelta(hours=1)) == (pauses[0], pauses[-1])
