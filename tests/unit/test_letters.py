"""Letters: valid mails to one recipient whatever the sender put into his."""

import datetime as dt
import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.letters import (
    ADDRESS,
    MOST_REFERENCES,
    clean_line,
    is_mailable,
    render_letter,
)
from ingest.model import Acknowledgement, ChannelName, Reason, ReplyTo

NOON = dt.datetime(2026, 11, 25, 12, 0, tzinfo=dt.timezone(dt.timedelta(hours=7)))
HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Precedence",
    "X-Ingest-Receipt",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
]
NAUGHTY = [
    pytest.param("\r\nBcc: victim@example.org", id="CR LF and a header"),
    pytest.param("x\nBcc: victim@example.org\n\nbody", id="LF, a header and a body"),
    pytest.param("x\rBcc: v@example.org", id="CR"),
    pytest.param("x\x00y", id="NUL"),
    pytest.param("x\u2028Bcc: v@example.org\u2029\x85", id="Unicode line separators"),
    pytest.param("x" * 5000, id="5 kB"),
    pytest.param("ж " * 2500, id="5 kB of Cyrillic"),
    pytest.param("=?utf-8?q?hi=0D=0ABcc:_v?=", id="an encoded word with CR LF"),
    pytest.param("(" * 500, id="brackets"),
    pytest.param("a@evil, b@good <c@x>", id="several addresses"),
    pytest.param("\ud800\udfff", id="surrogates"),
    pytest.param("\u202egro.elpmaxe\u202c", id="marks of direction"),
    pytest.param("", id="nothing"),
]


def an_acknowledgement(body="Принято. Код 7K4M-2Q9X", **reply_to):
    sensible = {"address": "ivan@example.org", "subject": "Показания", "message_id": "<1@a.org>"}
    return Acknowledgement(
        id=42,
        channel=ChannelName("mail"),
        receipt="7K4M-2Q9X",
        reason=Reason.ACCEPTED,
        reply_to=ReplyTo(**(sensible | reply_to)),
        body=body,
        attempts=0,
        created_at=NOON,
    )


def render(acknowledgement):
    return render_letter(acknowledgement, "energy@krsk.example", "Приём", NOON, "krsk.example")


def read(acknowledgement):
    """Return the letter as the standard library's strict parser sees it."""
    return email.message_from_bytes(render(acknowledgement), policy=email.policy.default)


def assert_is_sound(acknowledgement):
    """Check what must hold of every letter, on the bytes and with a second parser."""
    letter = render(acknowledgement)
    lines = letter.split(b"\r\n")
    assert not {b"\r", b"\n", b"\0"} & {bytes([byte]) for line in lines for byte in line}
    assert max(map(len, lines)) <= 998
    parsed = email.message_from_bytes(letter, policy=email.policy.default)
    assert not parsed.defects
    assert set(parsed.keys()) <= set(HEADERS)
    assert len(parsed.keys()) == len(set(parsed.keys()))
    assert 1 == len(parsed["To"].addresses) == len(parsed["From"].addresses)
    return parsed


def test_a_letter_carries_what_marks_it_as_an_automatic_reply():
    """It is filed with the mail it answers, and no robot answers it."""
    letter = read(an_acknowledgement())
    assert "auto-replied" == letter["Auto-Submitted"]
    assert "All" == letter["X-Auto-Response-Suppress"]
    assert "bulk" == letter["Precedence"]
    assert "7K4M-2Q9X" == letter["X-Ingest-Receipt"]
    assert "Re: Показания" == letter["Subject"]
    assert "<1@a.org>" == letter["In-Reply-To"] == letter["References"]
    assert NOON == letter["Date"].datetime


def test_a_letter_goes_from_the_channel_to_the_sender():
    """Both are single addresses; the name beside ours may be Cyrillic."""
    letter = read(an_acknowledgement())
    assert "Приём <energy@krsk.example>" == letter["From"]
    assert "ivan@example.org" == letter["To"]


def test_the_message_id_is_the_same_at_each_attempt():
    """A relay or a reader can tell a second copy."""
    letter = read(an_acknowledgement())
    assert "<ack.7K4M-2Q9X.42@krsk.example>" == letter["Message-ID"]


@pytest.mark.parametrize(
    ("body", "subject"),
    [("Принято.", "Показания счётчика: 7K4M-2Q9X"), ("Accepted.", "Meter reading: 7K4M-2Q9X")],
    ids=["ru", "en"],
)
def test_a_mail_without_a_subject_is_answered_with_our_own(body, subject):
    """It is in the language of the text."""
    assert subject == read(an_acknowledgement(body, subject=" \r\n "))["Subject"]


def test_a_subject_that_is_a_reply_already_gets_no_second_re():
    """«Re: Re: Re:» helps nobody."""
    assert "RE: ok" == read(an_acknowledgement(subject="RE: ok"))["Subject"]


@pytest.mark.parametrize(
    ("references", "expected"),
    [
        pytest.param("", "<1@a.org>", id="a first mail"),
        pytest.param("<0@a.org>\r\n\t<0@a.org>", "<0@a.org> <1@a.org>", id="folded, twice"),
        pytest.param("<x y@z> <@> junk <0@a.org", "<1@a.org>", id="malformed ones"),
        pytest.param("<" + "x" * 500 + "@a.org>", "<1@a.org>", id="a giant"),
    ],
)
def test_only_well_formed_identifiers_are_carried_on(references, expected):
    """The thread goes on with what is an identifier beyond doubt."""
    assert expected == read(an_acknowledgement(references=references))["References"]


def test_a_long_thread_keeps_its_first_and_its_latest():
    """The number of identifiers is limited."""
    references = " ".join(f"<{number}@t.org>" for number in range(100))
    found = str(read(an_acknowledgement(references=references))["References"]).split()
    assert MOST_REFERENCES == len(found)
    assert ["<0@t.org>", "<99@t.org>", "<1@a.org>"] == [found[0], *found[-2:]]


@pytest.mark.parametrize("message_id", ["", "1@a.org", "<a b@c>", "<1@a.org>\r\nBcc: v@x.org"])
def test_a_malformed_message_id_is_not_referred_to(message_id):
    """Rather no thread than a foreign header."""
    letter = assert_is_sound(an_acknowledgement(message_id=message_id, references="<0@a.org>"))
    assert (None, None) == (letter["In-Reply-To"], letter["References"])


@pytest.mark.parametrize("field", ["address", "subject", "message_id", "references"])
@pytest.mark.parametrize("text", NAUGHTY)
def test_no_field_of_the_sender_breaks_a_letter(text, field):
    """One recipient, no header of his making, no exception."""
    assert_is_sound(an_acknowledgement(**{field: text}))


@given(st.text(), st.text(), st.text(), st.text(), st.text())
def test_no_text_whatever_breaks_a_letter(address, subject, message_id, references, body):
    """The same of any text in all fields together."""
    letter = assert_is_sound(
        an_acknowledgement(
            body,
            address=address,
            subject=subject,
            message_id=message_id,
            references=references,
        )
    )
    assert letter["To"] in (address, "unusable@invalid")


@given(st.from_regex(ADDRESS, fullmatch=True).filter(is_mailable))
def test_every_mailable_address_arrives_in_the_letter_as_it_is(address):
    """What may be mailed to survives writing and reading."""
    letter = assert_is_sound(an_acknowledgement(address=address))
    assert address == letter["To"].addresses[0].addr_spec


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "energy@krsk.example"),
        ('Energy, "24"\r\nBcc: x', '"Energy, \\"24\\" Bcc: x" <energy@krsk.example>'),
        ("Приём показаний", "Приём показаний <energy@krsk.example>"),
        ("=?utf-8?q?x?=", "=?utf-8?q?x?="),
    ],
    ids=["none", "special characters", "Cyrillic", "looks encoded"],
)
def test_the_name_of_the_sender_is_written_as_it_is(name, expected):
    """An operator may call the sender what he likes."""
    letter = render_letter(an_acknowledgement(), "energy@krsk.example", name, NOON, "krsk.example")
    found = email.message_from_bytes(letter, policy=email.policy.default)["From"]
    assert expected in (str(found), found.addresses[0].display_name)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        ("Accepted.", "7bit"),
        ("Принято.", "base64"),
        ("Accepted: 5467 kW·h for the account 123456789012", "quoted-printable"),
        ("x" * 3000, "quoted-printable"),
    ],
    ids=["ASCII", "Cyrillic", "mostly ASCII", "a long line"],
)
def test_the_body_is_encoded_so_that_any_relay_takes_it(body, encoding):
    """It is seven bits wide, its lines are short, and it reads as it was written."""
    letter = assert_is_sound(an_acknowledgement(body))
    assert encoding == letter["Content-Transfer-Encoding"]
    assert f"{body}\r\n" == letter.get_content()


def test_the_body_holds_no_control_characters():
    """Whatever got into it, a terminal or a mail program is not steered by it."""
    letter = read(an_acknowledgement("a\x1b[2Jb\x00c\r\nd\u2028e\u00a0f"))
    assert "a [2Jb c\r\nd e\u00a0f\r\n" == letter.get_content()


def test_a_domain_that_is_none_does_not_break_the_message_id():
    """A wrong configuration costs no reply."""
    letter = render_letter(an_acknowledgement(), "a@b.org", "", NOON, "not a domain\r\nX: y")
    assert b"Message-ID: <ack.7K4M-2Q9X.42@invalid>\r\n" in letter


@pytest.mark.parametrize(
    "address",
    [
        "ivan@example.org",
        "ivan.petrov+meter@mail.krsk.example.ru",
        "o'neil@example.org",
        "a@xn--e1afmkfd.xn--p1ai",
        "SRS0=x=y=z.org=ivan@forward.example.org",
        f"{'x' * 64}@example.org",
    ],
)
def test_a_plain_address_is_mailable(address):
    """Dots, tags and punycode are plain."""
    assert is_mailable(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ivan",
        "@example.org",
        "ivan@",
        "ivan@localhost",
        "ivan@192.168.0.1",
        "ivan@[192.168.0.1]",
        "ivan@example..org",
        ".ivan@example.org",
        "ivan@-example.org",
        '"ivan"@example.org',
        "ivan petrov@example.org",
        "ivan@example.org ",
        "ivan@example.org\n",
        "a@evil.org, b@good.org <c@x.org>",
        "<ivan@example.org>",
        "ivan@example.org\r\nBcc: v@x.org",
        "иван@пример.рф",
        f"{'x' * 65}@example.org",
        f"ivan@{'x' * 64}.org",
        f"ivan@{'x.' * 130}org",
        "a@b@example.org",
    ],
)
def test_what_is_not_one_plain_address_is_not_mailable(address):
    """A reply to it could go astray, or to a third person."""
    assert not is_mailable(address)


@given(st.text(), st.integers(1, 50))
def test_a_cleaned_line_is_short_and_printable(text, limit):
    """No control character, no line separator, no more than was asked for."""
    line = clean_line(text, limit)
    assert line.isprintable()
    assert len(line) <= limit
