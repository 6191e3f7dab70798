"""What mail servers report of our answers; whole reports are in the corpus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.letters import render_message_id
from ingest.mail.bounces import OwnId, find_own_ids, read_bounce, read_group, read_letter
from ingest.model import ReportStatus

OWN = "<ack.7K4M-2Q9X.17@example.org>"


@pytest.mark.parametrize("receipt", ["7K4M-2Q9X", "7K4M-2Q9X/12"])
def test_our_message_ids(receipt):
    """What the letters carry is found again, with the number of the acknowledgement."""
    message_id = render_message_id(receipt, 17, "Example.org")
    assert (OwnId("7K4M-2Q9X", 17, "example.org"),) == find_own_ids(f"x {message_id} {message_id}")


@pytest.mark.parametrize(
    "text",
    ["", "<ack@example.org>", "<ack.x.17@example.org>", "ack.7K4M-2Q9X.17@example.org",
     "<ack.7K4M-2Q9X.@example.org>", "<ack.7K4M-2Q9X.1234567890123456789@example.org>"],
)  # fmt: skip
def test_other_message_ids(text):
    """What only resembles one is none; nor a number that PostgreSQL could not hold."""
    assert () == find_own_ids(text)


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ("Action: failed\nStatus: 5.1.1", (ReportStatus.UNDELIVERED, "5.1.1")),
        ("action:FAILED\nstatus:4.4.7 (x)", (ReportStatus.UNDELIVERED, "4.4.7")),
        ("Action: delayed\nStatus: 4.2.2", (ReportStatus.UNDER_WAY, "4.2.2")),
        ("Action: relayed\nStatus: 2.0.0", (ReportStatus.UNDER_WAY, "2.0.0")),
        ("Action: delivered", (ReportStatus.DELIVERED, "")),
        ("Status: 2.1.5", (ReportStatus.DELIVERED, "2.1.5")),
        ("Status: 5.0.0\nDiagnostic-Code: x;\n 5", (ReportStatus.UNDELIVERED, "5.0.0 x; 5")),
        ("Action: confused", None),
        ("Reporting-MTA: dns; x", None),
        ("", None),
    ],
)  # fmt: skip
def test_fields(group, expected):
    """The action decides, else the class of the status."""
    assert expected == read_group(group)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("User unknown", ReportStatus.UNDELIVERED),
        ("550 5.1.1 no", ReportStatus.UNDELIVERED),
        ("не может быть\nдоставлено", ReportStatus.UNDELIVERED),
        ("Ваше письмо не доставлено: ящик переполнен", ReportStatus.UNDELIVERED),
        ("452 4.2.2 full; delivery will be retried", ReportStatus.UNDER_WAY),
        ("Доставка задерживается", ReportStatus.UNDER_WAY),
    ],
)
def test_letters(text, expected):
    """A letter for people says it in words or by a code."""
    told = read_letter(text)
    assert told is not None
    assert expected is told[0]


@pytest.mark.parametrize("text", ["", "Я в отпуске до 5.12.2026", "Ваше письмо получено"])
def test_what_reports_nothing(text):
    """Automatic answers are no bounces."""
    assert read_letter(text) is None


def test_only_a_postmaster_reports_in_words():
    """A person who writes of an unknown user, and quotes our answer, reports nothing."""
    text = f"User unknown {OWN}"
    assert read_bounce(text.encode(), (), text, is_from_postmaster=False) is None
    assert read_bounce(text.encode(), (), text, is_from_postmaster=True) is not None


def test_the_letter_itself_is_meant():
    """Of several answers of ours in one thread the one that is returned counts."""
    raw = f"References: <ack.7K4M-2Q9X.16@example.org>\r\n\r\nMessage-ID:\r\n {OWN}\r\n".encode()
    found = read_bounce(raw, (), "User unknown", is_from_postmaster=True)
    assert found is not None
    assert 17 == found.own_id.number


@given(st.binary(max_size=300), st.text(max_size=300))
def test_it_is_total(raw, text):
    """Any bytes and any text come to a report or to none."""
    found = read_bounce(raw + OWN.encode(), (), text, is_from_postmaster=True)
    assert found is None or 17 == found.own_id.number
