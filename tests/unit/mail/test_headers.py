"""Header fields of a mail become values."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mail.headers import (
    Headers,
    clean_line,
    decode_header,
    encode_domain,
    find_address,
    is_plain_address,
    parse_date,
    parse_parameters,
)
from ingest.mail.transfer import decode_base64


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(b"plain", "plain", id="ASCII"),
        pytest.param("Показания".encode("koi8-r"), "Показания", id="bare koi8-r"),
        pytest.param("Показания".encode(), "Показания", id="bare UTF-8"),
        pytest.param(b"=?windows-1251?Q?=CF=EE=EA?= x", "Пок x", id="quoted-printable"),
        pytest.param(b"=?KOI8-R?B?8M/LwdrBzsnR?=", "Показания", id="base64"),
        pytest.param(b"=?utf-8?q?a_b?=", "a b", id="underscore"),
        pytest.param(b"=?utf-8?B?0J/Q?=\n =?utf-8?B?vtC6?=", "Пок", id="a character cut in two"),
        pytest.param(b"=?utf-8*ru?q?=D0=BA?=", "к", id="with a language"),
        pytest.param(b"=?utf-8?b?0J/QvtC6!?=", "Пок", id="broken base64"),
        pytest.param(b"=?x-none?q?5467?=", "5467", id="an unknown charset"),
        pytest.param(b"=?utf-8?q?5467", "=?utf-8?q?5467", id="an encoded word that does not end"),
        pytest.param(b"a =?us-ascii?q?b?= c", "a b c", id="between words"),
    ],
)
def test_decode_header(value, expected):
    """Encoded words and bare bytes are decoded."""
    assert expected == decode_header(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Ivan <ivan@example.org>", "ivan@example.org"),
        ("ivan@example.org", "ivan@example.org"),
        ("ivan@example.org (Ivan)", "ivan@example.org"),
        ('"a@bank.example" <b@evil.example>', "b@evil.example"),
        ('"Ivan \\"<a@x.org>" <b@x.org>', "b@x.org"),
        ("a@evil.example, b@good.example <c@x.example>", "c@x.example"),
        ("почта@пример.рф", "почта@пример.рф"),
        ("a@x.org, b@x.org", ""),
        ("<a@x.org> <b@x.org>", ""),
        ("undisclosed-recipients:;", ""),
        ("=?utf-8?q?a=40x.org?=", ""),
        ("<@relay.org:a@x.org>", ""),
        ("<a b@x.org>", ""),
        ("<a@[127.0.0.1]>", ""),
        ("(" * 500, ""),
        ("a@x.org, " * 4000, ""),
        ("", ""),
    ],
)
def test_find_address(value, expected):
    """Exactly one plain address is believed."""
    assert expected == find_address(value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("ivan@example.org", True),
        ("ivan.petrov+meter@sub.example.org", True),
        ("ivan@mailhost", True),
        ("", False),
        ("ivan", False),
        ("a@b@c", False),
        ("a..b@x.org", False),
        ("a@-x.org", False),
        ("a@x..org", False),
        ("a%b@x.org", False),
        ('"a b"@x.org', False),
        ("a@x.org\r\nRCPT TO:<b@x.org>", False),
        ("a@x.org\n", False),
        ("x" * 65 + "@x.org", False),
        ("a@" + "x." * 130 + "org", False),
    ],
)
def test_is_plain_address(address, expected):
    """Only a plain address gets a reply."""
    assert expected is is_plain_address(address)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Tue, 24 Nov 2026 12:00:00 +0700", dt.datetime(2026, 11, 24, 5, tzinfo=dt.UTC)),
        ("Tue, 24 Nov 2026 05:00:00 -0000", dt.datetime(2026, 11, 24, 5, tzinfo=dt.UTC)),
        ("24 Nov 2026 05:00", dt.datetime(2026, 11, 24, 5, tzinfo=dt.UTC)),
        ("Tue, 24 Nov 99999 05:00:00 +0000", None),
        ("Tue, 31 Nov 2026 05:00:00 +0000", None),
        ("1 Jan 1970 00:00:00 +0000", None),
        ("Tue, 24 Nov 2026 05:00:00 +9999999999999", None),
        ("вчера", None),
        ("", None),
    ],
)
def test_parse_date(value, expected):
    """A date is aware, or is none."""
    assert expected == parse_date(value)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"NTQ2Nw==", b"5467", id="whole"),
        pytest.param(b"NT\r\nQ2 Nw", b"5467", id="broken lines, no padding"),
        pytest.param(b"NTQ2Nw==NTQ2Nw==", b"54675467", id="two in a row"),
        pytest.param(b"NTQ2N", b"546", id="cut"),
        pytest.param(b"", b"", id="nothing"),
    ],
)
def test_decode_base64(data, expected):
    """Base64 is decoded as far as it goes."""
    assert expected == decode_base64(data)


def test_parameters():
    """Quoted, bare, continued and extended parameters are read."""
    headers = Headers(
        b'Content-Type: text/plain; Charset = "koi8-r";\r\n name*0=a; name*1=b;'
        b' x*=utf-8\'ru\'c; y="\\"d;"'
    )
    expected = {"charset": "koi8-r", "name": "ab", "x": "c", "y": '"d;'}
    assert expected == headers.get_parameters("content-type")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("a; x*1=c; x*0=b", "bc", id="out of order"),
        pytest.param("a; x*0*=koi8-r''%D0; x*1=.txt", "п.txt", id="escaped and not"),
        pytest.param("a; x=1; x*=utf-8''%D0%BF", "п", id="both ways"),
        pytest.param("a; x=1; x=2", "1", id="twice"),
        pytest.param("a; x*=%D0%BF", "п", id="no charset"),
        pytest.param("a; x*99999999999999=b", "b", id="a number that is none"),
        pytest.param('a; x="b', "b", id="an open quotation"),
    ],
)
def test_long_parameters(value, expected):
    """Numbered and escaped pieces make one value (RFC 2231)."""
    assert {"x": expected} == parse_parameters(value)


def test_a_thousand_headers_are_read():
    """The rest is not: no program writes as many."""
    assert 1000 == len(Headers(b"A: b\r\n" * 5000).fields)


def test_the_first_of_two_counts():
    """A header that stands there twice is read once."""
    headers = Headers(b"From: a@x.org\r\nnonsense\r\n b\r\nFROM: b@x.org\r\n: c\r\n")
    assert "a@x.org" == headers.get_plain("from")
    assert ["from", "from"] == [name for name, _ in headers.fields]


def test_a_line_stays_one_line():
    """No line end gets through, in whatever disguise."""
    assert "hi Bcc: v a b c" == clean_line(
        decode_header(b"=?utf-8?q?hi=0D=0ABcc:_v?=") + "\x85a\u2028b\0 \tc"
    )


@given(st.binary(max_size=300))
def test_it_is_total(block):
    """Any bytes are read as headers."""
    headers = Headers(b"From:" + block)
    assert isinstance(find_address(headers.get("from")), str)
    assert isinstance(headers.get_parameters("from"), dict)
    assert "\n" not in clean_line(headers.get("from"))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("Ivan@Example.org", "Ivan@Example.org"),
        ("ivan@почта.рф", "ivan@xn--80a1acny.xn--p1ai"),
        ("иван@почта.рф", "иван@xn--80a1acny.xn--p1ai"),
        ("ivan@xn--80a1acny.xn--p1ai", "ivan@xn--80a1acny.xn--p1ai"),
        ("ivan@" + "ы" * 64 + ".рф", "ivan@" + "ы" * 64 + ".рф"),
        ("ivan@.рф", "ivan@.рф"),
    ],
)
def test_domains_beyond_ascii(address, expected):
    """A relay gets the form of a domain that every relay takes; what has none stays."""
    assert expected == encode_domain(address)
