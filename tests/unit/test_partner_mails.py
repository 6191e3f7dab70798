"""Mails of partners whose attached files are registries."""

import datetime as dt

import pytest

from ingest.correspondence import AUTOMATIC, REFUSED, Desk, Envelope, take_mail
from ingest.model import ChannelName

NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
PARTNER = "reestr@partner.example"
DESK = Desk(
    channel=ChannelName("mail"),
    own=frozenset(["energy@example.org"]),
    partners=frozenset(),
    trusted=frozenset(["mx.example.org"]),
    on_failure="judge",
    domains=frozenset(["example.org"]),
    registries={PARTNER: "citypay"},
)
PASSED = "Authentication-Results: mx.example.org; dmarc=pass header.from=partner.example\n"
FAILED = "Authentication-Results: mx.example.org; dmarc=fail header.from=partner.example\n"
FORGED = "Authentication-Results: mx.stranger.example; dmarc=pass header.from=partner.example\n"
TEXT = "--b\nContent-Type: text/plain; charset=utf-8\n\nРеестр за день\n"
CSV = (
    "--b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n"
    'Content-Disposition: attachment; filename="reestr 41.csv"\n\nMTIzOzQ1DQo=\n'
)
NAMELESS = "--b\nContent-Type: text/csv\nContent-Disposition: attachment\n\n1;2\n"
LOGO = (
    "--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n"
    'Content-Disposition: attachment; filename="logo.png"\n\niVBORw0KGgo=\n'
)


def take(*parts: str, proof: str = PASSED, sender: str = PARTNER, desk: Desk = DESK):
    """Return what a mail with these parts comes to."""
    head = (
        f"{proof}From: Partner <{sender}>\nMessage-ID: <1@partner.example>\nMIME-Version: 1.0\n"
        "Content-Type: multipart/mixed; boundary=b\n\n"
    )
    raw = f"{head}{''.join(parts)}--b--\n".encode()
    envelope = Envelope(sender=sender, recipient="energy@example.org", received_at=NOW)
    return take_mail(raw, envelope, desk)


def test_attached_files_go_to_the_channel() -> None:
    """To the byte; the mail itself is on record, and is not answered."""
    taken = take(TEXT, CSV, LOGO)
    assert ("citypay", [("reestr 41.csv", b"123;45\r\n")]) == (
        taken.registry,
        [(one.name, one.content) for one in taken.files],
    )
    assert (AUTOMATIC, None) == (taken.message.finding, taken.message.reply_to)
    assert "[citypay: reestr 41.csv, 8 bytes]" in taken.message.text


def test_a_file_without_a_name_gets_one() -> None:
    """The same each time that the mail comes."""
    first, again = take(TEXT, NAMELESS), take(TEXT, NAMELESS)
    assert first.files == again.files
    assert first.files[0].name.endswith("-1")


NOT_PROVEN = [
    pytest.param(FAILED, DESK, id="a check that failed"),
    pytest.param("", DESK, id="nobody says anything"),
    pytest.param(FORGED, DESK, id="a stranger vouches"),
    pytest.param(
        PASSED,
        Desk(
            channel=DESK.channel,
            own=DESK.own,
            partners=DESK.partners,
            trusted=frozenset(),
            on_failure="judge",
            domains=DESK.domains,
            registries=DESK.registries,
        ),
        id="nobody is trusted",
    ),
]


@pytest.mark.parametrize(("proof", "desk"), NOT_PROVEN)
def test_a_mail_that_may_be_forged_waits_for_a_person(proof: str, desk: Desk) -> None:
    """Its files go nowhere, and nobody is answered."""
    taken = take(TEXT, CSV, proof=proof, desk=desk)
    assert ("", ()) == (taken.registry, taken.files)
    assert (REFUSED["hold"], None) == (taken.message.finding, taken.message.reply_to)
    assert "reestr 41.csv" in taken.message.text


def test_a_mail_without_files_is_a_mail() -> None:
    """A partner's clerk may write, too."""
    taken = take("--b\nContent-Type: text/plain\n\n123456789012*5467;\n")
    assert ((), None) == (taken.files, taken.message.finding)


def test_a_picture_is_no_registry() -> None:
    """The mail is treated like any other."""
    taken = take(TEXT, LOGO)
    assert ((), "") == (taken.files, taken.registry)


def test_others_files_are_no_registries() -> None:
    """Only the addresses that are named may send them."""
    taken = take(TEXT, CSV, sender="ivan@partner.example")
    assert ((), "") == (taken.files, taken.registry)
