"""A mail becomes a message, and it is decided who is answered; whole mails are in the corpus."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ingest import correspondence
from ingest.config import load_config
from ingest.correspondence import (
    AUTOMATIC,
    FAILED,
    HELD_BACK,
    TOO_LARGE,
    Desk,
    Envelope,
    build_desk,
    take_large,
    take_mail,
)
from ingest.model import ChannelName, Disposition, Reason, ReportStatus, Verdict
from ingest.parser import parse

NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
MAIL = ChannelName("mail")
OWN = "energy@example.org"
ENVELOPE = Envelope(sender="ivan@ivan.example", recipient=OWN, received_at=NOW)
DESK = Desk(
    channel=MAIL,
    own=frozenset([OWN]),
    partners=frozenset(),
    trusted=frozenset(),
    on_failure="judge",
    domains=frozenset(["example.org"]),
)
HEAD = b"From: ivan@ivan.example\r\nMessage-ID: <1@ivan.example>\r\nSubject: Hi\r\n"
ACK = b"<ack.7K4M-2Q9X.17@example.org>"
READING = b"123456789012*5467;\r\n"
CONFIG = """
[mail]
username = "Relay@example.org"
[windows.w]
days = "6..-2"
[channels.mail]
type = "smtp"
window = "w"
recipients = ["energy@example.org"]
reply_from = "Answers@answers.example"
partners = ["List@Partner.example"]
[channels.mail.authentication]
trusted = ["MX.example.org"]
on_failure = "hold"
[channels.box]
type = "imap"
window = "w"
host = "imap.example.net"
username = "box@example.net"
password = { env = "X" }
"""


def take(content, *, envelope=ENVELOPE, **desk):
    """Return what a mail comes to at a desk with some changes."""
    return take_mail(content, envelope, replace(DESK, **desk))


def a_report(own_id=ACK, sender=b"MAILER-DAEMON@mx.example"):
    """Return a report that an answer could not be delivered."""
    return (
        b"From: " + sender + b"\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\n\r\nx\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Action: failed\r\nStatus: 5.1.1\r\n"
        b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: " + own_id + b"\r\n--b--\r\n"
    )


def test_a_desk_is_built(tmp_path):
    """What config.toml says of a channel, with the addresses of all channels, in lower case."""
    (tmp_path / "config.toml").write_text(CONFIG, "utf-8")
    config = load_config(tmp_path / "config.toml", {"X": "y"}).settings
    desk = build_desk(MAIL, config.channels["mail"], config)
    assert (
        Desk(
            channel=MAIL,
            own=frozenset(
                [
                    "energy@example.org",
                    "answers@answers.example",
                    "relay@example.org",
                    "box@example.net",
                ]
            ),
            partners=frozenset(["list@partner.example"]),
            trusted=frozenset(["mx.example.org"]),
            on_failure="hold",
            domains=frozenset(["example.org", "answers.example", "example.net"]),
        )
        == desk
    )
    assert "judge" == build_desk(ChannelName("box"), config.channels["box"], config).on_failure


def test_a_message():
    """The mail is kept whole; what its sender wrote is the text."""
    message = take(HEAD + b"\r\n" + READING).message
    assert (MAIL, NOW, "ivan@ivan.example", OWN) == (
        message.channel, message.received_at, message.sender, message.recipient,
    )  # fmt: skip
    assert ("123456789012*5467;", HEAD + b"\r\n" + READING) == (message.text, message.raw)
    assert ("ivan@ivan.example", None, "") == (
        message.reply_to.address, message.finding, message.authentication,
    )  # fmt: skip


def test_a_repeat_is_known_by_its_bytes():
    """The same mail is the same message, whenever and from wherever it comes again."""
    later = Envelope(sender="x@y.example", recipient="", received_at=NOW + dt.timedelta(days=40))
    first, again = (take(HEAD + b"\r\n1", envelope=one).message for one in (ENVELOPE, later))
    assert first.external_id == again.external_id


@pytest.mark.parametrize(
    ("trace", "same"),
    [
        pytest.param(b"Received: from a by b;\r\n Tue, 24 Nov 2026\r\n", True, id="another hop"),
        pytest.param(b"Return-Path: <a@b.example>\r\nX-Spam: 3\r\n", True, id="a filter"),
        pytest.param(b"ARC-Seal: i=1;\n\tcv=none\nDKIM-Signature: v=1\n", True, id="signatures"),
        pytest.param(b"Received: x\r\nDate: Tue, 24 Nov 2026 1:2:3 +0700\r\n", False, id="a date"),
        pytest.param(b"To: energy@example.org\r\n", False, id="a field of the sender's own"),
        pytest.param(b"Received: x\r\n\r\n", False, id="the end of the head"),
    ],
)
def test_the_trace_of_servers_makes_no_other_mail(trace, same):
    """A server that asks another one again adds to the top; what the sender wrote is the mail."""
    first, again = (take(above + HEAD + b"\r\n1").message for above in (b"Received: y\r\n", trace))
    assert same is (first.external_id == again.external_id)


def test_a_mail_that_is_all_trace_is_known():
    """Nothing but trace, without an end: known by what there is, and by day and sender."""
    first, again = (take(b"Received: a\r\n").message for _ in "ab")
    assert first.external_id == again.external_id


@pytest.mark.parametrize(
    ("policy", "finding"),
    [
        ("no-reply", None),
        ("judge", None),
        ("hold", Verdict(Disposition.HOLD, Reason.SENDER_REFUSED)),
        ("reject", Verdict(Disposition.REJECT, Reason.SENDER_REFUSED)),
    ],
)
def test_a_forged_sender(policy, finding):
    """The channel's policy decides what a failed check leads to; only ``judge`` answers."""
    trace = b"Authentication-Results: mx.example.org; dmarc=fail\r\n"
    message = take(
        trace + HEAD + b"\r\n" + READING, trusted=frozenset(["mx.example.org"]), on_failure=policy
    ).message
    assert (finding, policy == "judge") == (message.finding, message.reply_to is not None)
    assert "spf=none dkim=none dmarc=fail" == message.authentication


def test_lists_of_a_partner():
    """The files of a partner are read; those of anybody else make the mail wait."""
    content = (
        b"From: list@partner.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\n\r\nsee file\r\n--b\r\nContent-Type: text/plain; name=a.txt\r\n"
        b"Content-Disposition: attachment; filename=a.txt\r\n\r\n123456789012*5467;\r\n--b--\r\n"
    )
    assert HELD_BACK == take(content).message.finding
    message = take(content, partners=frozenset(["list@partner.example"])).message
    assert (None, 1) == (message.finding, len(parse(message.text).items))


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        pytest.param("list.XLSX", Disposition.HOLD, id="a table"),
        pytest.param("picture.png", Disposition.IGNORE, id="a picture"),
    ],
)
def test_a_file_in_an_automatic_mail(name, disposition):
    """Programs send lists of readings as tables: a person looks, and sees why."""
    content = (
        b"From: 1c@uk.example\r\nPrecedence: bulk\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nDear all\r\n--b\r\n"
        b"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="
        + name.encode()
        + b"\r\n\r\nPK\r\n--b--\r\n"
    )
    message = take(content).message
    assert (Verdict(disposition, Reason.AUTOMATIC_MAIL), None) == (
        message.finding, message.reply_to,
    )  # fmt: skip
    assert (disposition is Disposition.HOLD) is (
        f"[attached file, not read: {name}]" in message.text
    )


@pytest.mark.parametrize(
    ("count", "finding", "files"),
    [
        pytest.param(60, Reason.AUTOMATIC_MAIL, 60, id="many"),
        pytest.param(101, Reason.TOO_LARGE, 0, id="too many"),
        pytest.param(500, Reason.TOO_LARGE, 0, id="more than are looked at"),
    ],
)
def test_no_file_of_a_partner_is_left_out(count, finding, files):
    """All of them are registries, or a person looks."""
    part = (
        b"--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=%d.csv\r\n"
        b"\r\n123456789012;1\r\n"
    )
    content = (
        b"Authentication-Results: mx; dmarc=pass\r\nFrom: list@partner.example\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"".join(part % number for number in range(count))
        + b"--b--\r\n"
    )
    registries = {"list@partner.example": "partner"}
    taken = take(content, registries=registries, trusted=frozenset(["mx"]))
    assert (finding, files) == (taken.message.finding.reason, len(taken.files))


def test_a_list_of_a_forged_partner():
    """Who only says that he is a partner is nobody."""
    content = (
        b"Authentication-Results: mx; dmarc=fail\r\nFrom: list@partner.example\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n"
        b"Content-Disposition: attachment; filename=a.txt\r\n\r\n123456789012*5467;\r\n--b--\r\n"
    )
    partners, trusted = frozenset(["list@partner.example"]), frozenset(["mx"])
    taken = take(content, partners=partners, trusted=trusted, on_failure="no-reply")
    assert HELD_BACK == taken.message.finding


def test_what_was_held_back_is_shown():
    """A forwarded reading stands in the text, marked, and the mail is held."""
    content = HEAD + b"\r\nBegin forwarded message:\r\n\r\n" + READING
    message = take(content).message
    assert HELD_BACK == message.finding
    assert message.text.startswith("Hi\n\n[quoted]\n")
    assert "123456789012*5467;" in message.text


@pytest.mark.parametrize(
    ("content", "is_answered"),
    [
        pytest.param(b"Thank you!\r\n", False, id="thanks"),
        pytest.param(READING, True, id="a reading"),
        pytest.param(b"12345678901*5467;\r\n", True, id="a slip"),
        pytest.param(b"Sorry, 5476 is right.\r\n", True, id="a value alone"),
        pytest.param(b"Ticket #4711 of 25.11.2026\r\n", False, id="other numbers"),
    ],
)
def test_an_answer_to_our_answer(content, is_answered):
    """It is answered only when there may be a reading in it: a robot may have sent it."""
    head = HEAD + b"In-Reply-To: " + ACK + b"\r\n\r\n"
    assert is_answered is (take(head + content).message.reply_to is not None)
    assert take(head + content, domains=frozenset()).message.reply_to is not None


def test_a_thread_is_known_by_either_header():
    """Some programs name what they answer in one header, some in the other."""
    head = HEAD + b"In-Reply-To: " + ACK + b"\r\nReferences: <0@ivan.example>\r\n\r\n"
    taken = take(head + b"5476\r\n").message
    assert f"<0@ivan.example> {ACK.decode()}" == taken.reply_to.references


def test_our_words_without_the_thread():
    """A value below our own words alone gets no answer: no rule could end a loop with a robot."""
    ours = "Показание 5400 кВт·ч по лицевому счёту 240013579024 принято за ноябрь 2026 года."
    end = "Код вашего обращения: 7K4M-2Q9X."
    content = f"5476\r\n\r\n> Здравствуйте!\r\n> {ours}\r\n> {end}\r\n".encode()
    message = take(HEAD + b"\r\n" + content).message
    assert (None, "5476") == (message.reply_to, message.text)


def test_our_words_in_somebody_elses():
    """Where the receipt of our answer stands among the sender's words, a person looks."""
    head = HEAD + b"In-Reply-To: " + ACK + b"\r\n\r\n"
    assert HELD_BACK == take(head + b"No. 7K4M-2Q9X:\r\n" + READING).message.finding


def test_a_bounce_is_reported():
    """A report names the acknowledgement, how it fared and why; the mail itself is ignored."""
    taken = take(a_report())
    report = taken.report
    assert (MAIL, 17, ReportStatus.UNDELIVERED, "5.1.1") == (
        report.channel, report.reply_id, report.status, report.detail,
    )  # fmt: skip
    assert (AUTOMATIC, None, "") == (
        taken.message.finding, taken.message.reply_to, taken.message.text,
    )  # fmt: skip


def test_a_bounce_of_others():
    """A report of a letter that was never ours is no report to us."""
    assert take(a_report(b"<ack.7K4M-2Q9X.17@elsewhere.example>")).report is None


def test_a_large_mail():
    """Of a mail over the limit the head is read: it is held, answered, and known by its size."""
    taken = take_large(HEAD + b"\r\n", 30_000_000, ENVELOPE, DESK)
    other = take_large(HEAD + b"\r\n", 30_000_001, ENVELOPE, DESK)
    assert (TOO_LARGE, "ivan@ivan.example") == (
        taken.message.finding, taken.message.reply_to.address,
    )  # fmt: skip
    assert taken.message.external_id != other.message.external_id
    told = "[not read: of 30000000 bytes only the head was fetched; the whole lies in the mailbox]"
    assert f"Hi\n\n{told}" == taken.message.text


def test_a_mail_that_cannot_be_fetched():
    """Where not even its head is there, the text says so."""
    told = "[not read: of 563 bytes nothing was fetched; the whole lies in the mailbox]"
    assert told == take_large(b"", 563, ENVELOPE, DESK).message.text


def test_a_large_automatic_mail():
    """It is held, because nobody saw what is in it, and never answered."""
    taken = take_large(b"Auto-Submitted: auto-replied\r\n" + HEAD, 30_000_000, ENVELOPE, DESK)
    assert (TOO_LARGE, None) == (taken.message.finding, taken.message.reply_to)


def test_what_our_code_fails_on(monkeypatch):
    """The mail is kept whole and held, with the traceback for the log."""

    def fail(raw, **_options):
        raise RecursionError("too deep")

    monkeypatch.setattr(correspondence, "read_mail", fail)
    taken = take(HEAD + b"\r\n" + READING)
    assert (FAILED, None, "") == (
        taken.message.finding, taken.message.reply_to, taken.message.text,
    )  # fmt: skip
    assert HEAD + b"\r\n" + READING == taken.message.raw
    assert "RecursionError: too deep" in taken.problem


@given(st.binary(max_size=500), st.text(max_size=40))
def test_any_bytes(content, sender):
    """Whatever comes, a message comes of it, and its bytes are kept."""
    envelope = Envelope(sender=sender, recipient=OWN, received_at=NOW)
    taken = take_mail(content, envelope, replace(DESK, trusted=frozenset(["mx"])))
    assert (content, "") == (taken.message.raw, taken.problem)


def test_an_address_in_a_domain_beyond_ascii_is_answered():
    """The answer goes to the form of the domain that a relay takes."""
    envelope = replace(ENVELOPE, sender="ivan@почта.рф")
    taken = take(HEAD + b"\r\n" + READING, envelope=envelope)
    assert "ivan@xn--80a1acny.xn--p1ai" == taken.message.reply_to.address
