"""
Mails and texts that nobody wrote: whatever comes, it is read within bounds, and never raises.

One strategy builds mails by their grammar and then damages them, the other damages the corpus.
``make fuzz`` tries a hundred times as many; what it finds becomes a test of its own.
"""

import base64
import os
import quopri
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.mail.bodies import LONGEST_TEXT
from ingest.mail.headers import MESSAGE_ID, is_plain_address
from ingest.mime import LONGEST_HELD_BACK, LONGEST_SUBJECT, read_mail
from ingest.model import Reading
from ingest.parser import MOST_ITEMS, parse

CORPUS = sorted((Path(__file__).parents[1] / "corpus" / "mails").rglob("*.eml"))
UNWANTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")
LINE_END = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")

fuzzed = settings(
    max_examples=int(os.environ.get("INGEST_FUZZ_EXAMPLES", "150")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def check_mail(raw):
    """Assert what holds for every mail, however it came about."""
    mail = read_mail(raw)
    assert mail == read_mail(raw)
    assert not UNWANTED.search(mail.text + mail.held_back)
    assert len(mail.text) <= LONGEST_TEXT + LONGEST_SUBJECT + 1
    assert len(mail.held_back) <= LONGEST_HELD_BACK
    for line in (mail.subject, *mail.attachments):
        assert not UNWANTED.search(line)
        assert not LINE_END.search(line)
        assert len(line) <= LONGEST_SUBJECT
    assert all(
        MESSAGE_ID.fullmatch(one) for one in [*mail.references.split(), mail.message_id] if one
    )
    assert all(is_plain_address(one) for one in (mail.from_address, mail.reply_to) if one)
    assert mail.date is None or mail.date.tzinfo is not None
    check_text(mail.text)
    check_text(read_mail(raw, read_attachments=True).text)


def check_text(text):
    """Assert what holds for every text that is parsed."""
    submission = parse(text)
    assert len(submission.items) <= MOST_ITEMS + 2
    for item in submission.items:
        assert all(value >= 0 for value in item.values)
        if isinstance(item, Reading):
            assert re.fullmatch("[0-9]{12}", item.account)
            assert item.values


def choose(table):
    """Return one of the lines of *table*."""
    return st.sampled_from([line for line in table.strip().splitlines() if line])


WORDS = choose("""
123456789012*5467;
210987654321 день 5467 ночь 3321
л/с 123456789012 показания 5467
> 123456789012*1111;
--
С уважением, Иван
24.11.2026 10:00, Energy <energy@example.org> пишет:
-----Original Message-----
-----BEGIN PGP SIGNED MESSAGE-----
-----BEGIN PGP MESSAGE-----
-----END PGP MESSAGE-----
begin 644 a.txt
#86)C
end
=ybegin line=1 name=x
<p>123456789012<s>5467</s>*5476<sup>1</sup>
<blockquote>1<!-- 2
&#55;&nbsp;&#x2028;&#0;
\u2028\x85\x00\x1b\ufeff１２３
""")  # fmt: skip
KINDS = choose("""
text/plain
text/plain; format=flowed
text/plain; format=flowed; delsp=yes
text/html
text/csv; name=a.csv
text/calendar
image/jpeg; name="=?utf-8?B?0L8=?="
message/rfc822
message/delivery-status
application/ms-tnef; name=winmail.dat
application/pkcs7-mime; smime-type=signed-data
application/octet-stream; name*0*=utf-8''%D0; name*1=x.eml
nonsense
""")
CHARSETS = st.sampled_from(
    ["utf-8", "koi8-r", "cp1251", "cp866", "utf-16", "utf-16-le", "utf-7", "iso2022_jp"]
)
LABELS = st.one_of(CHARSETS, choose("us-ascii\nx-unknown\n''\nzip\nunicode\ncp-1251"))
MULTIPARTS = choose("mixed\nalternative\nrelated\nsigned\nreport\ndigest\nencrypted\nodd")
HEADERS = choose("""
Subject: =?koi8-r?B?8M/L?= =?utf-8?q?=D0?= =?utf-8?q?=BF_1?=
Subject: 123456789012*5467;
Subject: Re: 123456789012*5467
Subject: =?utf-8?q?a=0D=0Ab=E2=80=A8?=
From: "a@b.c" <d@example.org>
From: a@example.org, b@example.org
From: (((((((
Reply-To: <x@example.org>
Message-ID: <1@example.org>
Message-ID: <1@example.org> <2@example.org>
References: <a@b> junk <c@d>
Date: Tue, 24 Nov 2026 05:00:00 -0000
Date: 99 Nov 99999
Auto-Submitted: auto-replied
List-Id: <x>
Authentication-Results: mx; spf=pass; dkim=fail
Received: from a by b
Content-Disposition: attachment; filename=a.txt
Content-Type: text/html
""")


@st.composite
def contents(draw):
    """Draw a text as bytes, in some alphabet, and how it is packed."""
    lines = draw(st.lists(st.one_of(WORDS, st.text(max_size=20)), max_size=6))
    data = (
        draw(st.sampled_from(["\n", "\r\n", "\r", " \n"]))
        .join(lines)
        .encode(draw(CHARSETS), "replace")
    )
    data = draw(st.one_of(st.just(data), st.binary(max_size=60)))
    packing = draw(st.sampled_from(["", "8bit", "base64", "quoted-printable", "x-uuencode"]))
    if packing == "base64":
        data = base64.encodebytes(data)
    elif packing == "quoted-printable":
        data = quopri.encodestring(data)
    return data, packing


@st.composite
def leaves(draw):
    """Draw a part that has none in it."""
    data, packing = draw(contents())
    head = f"Content-Type: {draw(KINDS)}; charset={draw(LABELS)}\n"
    if packing:
        head += f"Content-Transfer-Encoding: {packing}\n"
    if draw(st.booleans()):
        head += draw(HEADERS) + "\n"
    return head.encode("utf-8", "replace") + draw(st.sampled_from([b"\n", b"\r\n", b""])) + data


@st.composite
def multiparts(draw, parts):
    """Draw a part in parts; boundaries may be wrong or missing."""
    mark = draw(st.sampled_from([b"b", b"bb", b"=_1"]))
    written = draw(st.sampled_from([mark, mark, mark, b"b"]))
    head = b"Content-Type: multipart/" + draw(MULTIPARTS).encode() + b"; boundary=" + written
    inner = b"".join(b"\n--" + mark + b"\n" + part for part in draw(st.lists(parts, max_size=4)))
    return head + b"\n\n" + inner + draw(st.sampled_from([b"\n--" + mark + b"--\n", b""]))


PARTS = st.recursive(leaves(), multiparts, max_leaves=8)
DAMAGE = st.one_of(
    st.tuples(st.just("cut"), st.integers(0, 40)),
    st.tuples(st.just("put"), st.binary(max_size=6)),
    st.tuples(st.just("repeat"), st.integers(1, 40)),
)


def damage(raw, blows):
    """Return *raw* after each blow has hit it somewhere."""
    for place, (kind, what) in blows:
        at = place % (len(raw) + 1)
        if kind == "cut":
            raw = raw[:at] + raw[at + what :]
        elif kind == "put":
            raw = raw[:at] + what + raw[at:]
        else:
            raw = raw[:at] + raw[at : at + what] * 3 + raw[at + what :]
    return raw


BLOWS = st.lists(st.tuples(st.integers(0, 100_000), DAMAGE), max_size=6)


@st.composite
def mails(draw):
    """Draw a mail: headers, parts, and some damage."""
    headers = draw(st.lists(HEADERS, max_size=6))
    head = "".join(f"{header}\n" for header in headers).encode()
    raw = head + draw(PARTS)
    ends = draw(st.sampled_from([b"\n", b"\r\n", b"\r\r\n", b"\r"]))
    return damage(raw.replace(b"\n", ends), draw(BLOWS))


@fuzzed
@given(mails())
def test_mails_by_their_grammar(raw):
    """Any headers around any parts in any packing, damaged, are read within bounds."""
    check_mail(raw)


@fuzzed
@given(st.sampled_from(CORPUS), BLOWS)
def test_mails_of_the_corpus_damaged(path, blows):
    """A mail that lost, gained or repeated some bytes on its way is read within bounds."""
    check_mail(damage(path.read_bytes(), blows))


@fuzzed
@given(st.binary(max_size=2000))
def test_any_bytes(raw):
    """Bytes that are no mail at all are read within bounds."""
    check_mail(raw)


@fuzzed
@given(st.lists(st.one_of(WORDS, st.text(max_size=40)), max_size=12).map("\n".join))
def test_any_text(text):
    """Words of customers in any order, and any characters between them, are parsed."""
    check_text(text)


@pytest.mark.parametrize("path", CORPUS[::10], ids=lambda path: path.stem)
def test_every_beginning_of_a_mail(path):
    """A mail may be cut off anywhere."""
    raw = path.read_bytes()
    for end in range(0, len(raw), max(1, len(raw) // 40)):
        check_mail(raw[:end])
