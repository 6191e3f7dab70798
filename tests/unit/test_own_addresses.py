"""In whose name a mailbox answers."""

import pytest

from ingest.senders import build_sender, find_from_address
from ingest.settings import ImapSettings

MAIL = """
[windows.all-month]
days = "6..-2"
[channels.box]
type = "imap"
window = "all-month"
host = "imap.example.org"
username = "energy@example.org"
password = { env = "PASSWORD" }
"""


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param({"username": "energy@example.org"}, "energy@example.org", id="who logs in"),
        pytest.param(
            {"username": "energy", "addresses": ("a@example.org", "b@example.org")},
            "a@example.org",
            id="the first address",
        ),
        pytest.param(
            {"username": "energy@example.org", "reply_from": "office@example.org"},
            "office@example.org",
            id="as told",
        ),
    ],
)
def test_where_replies_come_from(keys, expected):
    """A mailbox answers from the address that config.toml names, or from its own."""
    assert expected == find_from_address(ImapSettings(window="all-month", **keys))


async def test_a_mailbox_answers_by_mail(a_config):
    """Replies to what lay in a mailbox leave by the relay, as those to any mail."""
    config = a_config(MAIL)
    sender = build_sender("box", config.channels["box"], config)
    assert sender is not None
    await sender.aclose()


def test_results_have_a_way_out(a_config):
    """A registry mails its summaries from the address of its own that config.toml names."""
    text = """
    [windows.all-month]
    days = "6..-2"
    [channels.partner]
    type = "registry"
    window = "all-month"
    directory = "partner"
    dialect = { columns = { account = 1, value = 2 } }
    mail_results_to = ["partner@example.org"]
    mail_results_from = "energy@example.org"
    """
    config = a_config(text)
    sender = build_sender("partner", config.settings.channels["partner"], config)
    assert "energy@example.org" == sender.stationery.address
