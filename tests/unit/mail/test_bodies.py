"""The text of a mail in parts, and what is put aside; in particular what bounds both."""

import base64

import pytest

from ingest.mail import bodies
from ingest.mail.bodies import Body, shorten

READING = b"123456789012*5467;"
PLAIN = b"Content-Type: text/plain\r\n\r\n"
HTML = b"Content-Type: text/html\r\n\r\n"


def multipart(kind, *parts, mark=b"b1"):
    """Return a mail, or a part, in parts."""
    joined = b"".join(b"--" + mark + b"\r\n" + part + b"\r\n" for part in parts)
    head = b"Content-Type: multipart/" + kind.encode() + b"; boundary=" + mark + b"\r\n\r\n"
    return head + joined + b"--" + mark + b"--\r\n"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(multipart("mixed", PLAIN + READING), READING, id="one"),
        pytest.param(multipart("odd", PLAIN + READING), READING, id="a kind that nobody knows"),
        pytest.param(
            multipart("related", HTML + READING, b"Content-ID: <1>\r\n" + PLAIN + b"1"), READING,
            id="what is related to the first part"),
        pytest.param(multipart("related", HTML + b"1", PLAIN + b"2"), b"1\n2", id="or is not"),
        pytest.param(multipart("mixed", b"Content-Type: text/calendar\r\n\r\n1"), b"", id="data"),
        pytest.param(b"Content-Type: text/enriched\r\n\r\n<bold>1</bold>", b"1", id="enriched"),
        pytest.param(b"Content-Type: text/x-new\r\n\r\n1", b"1", id="text of a new kind"),
        pytest.param(b"Content-Type: application/pgp\r\n\r\n1", b"1", id="PGP of old"),
        pytest.param(b"Content-Disposition: attachment\r\n\r\n1", b"", id="nothing but a file"),
        pytest.param(b"Content-Type: text/plain; name=a.txt\r\n\r\n1", b"1", id="a named text"),
    ],
)  # fmt: skip
def test_the_text(raw, expected):
    """What was written in the mail is its text, what was attached to it is not."""
    assert expected.decode() == Body(raw).text.strip()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param([READING, READING], False, id="the same"),
        pytest.param([READING, b"123456789012*5476;"], True, id="different"),
        pytest.param([READING, READING + b"\n> 210987654321*1;"], False, id="in a quotation"),
        pytest.param([b"hello", READING], False, id="one says nothing"),
        pytest.param([b"123456789012*%d;" % one for one in range(9)], True, id="nine"),
    ],
)
def test_alternatives_that_differ(texts, expected):
    """Alternatives that hold different readings of the sender's own are noticed."""
    body = Body(multipart("alternative", *(PLAIN + text for text in texts)))
    assert expected is bool(body.disagreement)


@pytest.mark.parametrize(
    ("part", "labels"),
    [
        pytest.param(b"Content-Type: image/png; name=a.png", ["attached file"], id="a file"),
        pytest.param(b"Content-Type: message/rfc822", ["attached mail"], id="a mail"),
        pytest.param(b"Content-Type: a/b; name=x.EML", ["attached mail"], id="a mail by name"),
        pytest.param(b"Content-Type: application/pkcs7-mime", ["encrypted"], id="encrypted"),
        pytest.param(
            multipart("encrypted", b"", mark=b"e"), ["encrypted"], id="encrypted in parts"
        ),
        pytest.param(multipart("digest", b"\r\nA: b", mark=b"d"), ["attached mail"], id="a digest"),
        pytest.param(b"Content-Type: application/ms-tnef", ["attached file"], id="no winmail.dat"),
        pytest.param(b"Content-Type: application/pgp-signature; name=x", [], id="a signature"),
        pytest.param(multipart("report", b"Content-Type: a/b", mark=b"r"), [], id="a report"),
    ],
)
def test_what_is_put_aside(part, labels):
    """Whatever is no text of the sender's own is named."""
    body = Body(multipart("mixed", PLAIN + READING, part + b"\r\n\r\n"))
    assert (READING.decode(), labels) == (body.text.strip(), [one.label for one in body.asides])


def test_a_report_is_kept_apart():
    """The parts of a report are there for who wants to read it, and its types tell what it is."""
    body = Body(multipart("report", PLAIN + READING, b"Content-Type: message/delivery-status\r\n"))
    assert ("", 2) == (body.text, len(body.reports))
    assert "message/delivery-status" in body.content_types


def test_types_within_an_attached_mail_do_not_count():
    """Who forwards a report is no robot."""
    report = multipart("report", b"Content-Type: message/delivery-status\r\n\r\n", mark=b"r")
    body = Body(multipart("mixed", b"Content-Type: message/rfc822\r\n\r\n" + report))
    assert ["multipart/mixed", "message/rfc822"] == body.content_types


ENCODED = b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(b"x" * 900) * 20_000
MANY_EMPTY = multipart("mixed", PLAIN + READING, *[PLAIN] * 300)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(PLAIN + READING + b"\n" + b"x y\n" * 400_000, id="a long text"),
        pytest.param(multipart("mixed", PLAIN + READING, ENCODED), id="24 MB of base64"),
        pytest.param(HTML + READING + b"<div>" * 100_000, id="100,000 elements"),
        pytest.param(HTML + READING + b"<!--" * 300_000, id="comments"),
        pytest.param(HTML + READING + b"<![CDATA[" + b"x" * 2_000_000, id="character data"),
        pytest.param(HTML + READING + b" &#" * 400_000, id="entities"),
        pytest.param(MANY_EMPTY, id="300 texts"),
        pytest.param(
            b"Content-Type: text/plain; format=flowed\r\n\r\n" + READING + b"\na \n" * 100_000,
            id="lines that flow"),
        pytest.param(PLAIN + READING + b"\nbegin 644 a" * 50_000, id="files that are none"),
    ],
)  # fmt: skip
def test_texts_have_bounds(raw):
    """However much there is, so much is read, and that there was more is known."""
    body = Body(raw)
    assert body.text.startswith(READING.decode())
    assert len(body.text) <= bodies.MOST_TEXT_BYTES
    assert body.parts <= 201
    assert body.is_cut


@pytest.mark.parametrize(("depth", "expected"), [(20, True), (21, False)], ids=["deep", "too deep"])
def test_depth_has_a_bound(depth, expected):
    """Beyond twenty parts inside each other nothing is read, and that is known."""
    level = "Content-Type: multipart/mixed; boundary=b{0}\r\n\r\n--b{0}\r\n"
    body = Body("".join(map(level.format, range(depth))).encode() + b"\r\n" + READING)
    assert (expected, not expected) == (bool(body.text), body.is_cut)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a\nb", "a\nb", id="short"),
        pytest.param("a\n" * 20_000, "a\n" * 9_999 + "a", id="many lines"),
        pytest.param("ab\n" + "x" * 300_000, "ab", id="a long line"),
    ],
)
def test_a_text_is_shortened_by_lines(text, expected):
    """Half a line is no line: half a number is another number."""
    assert expected == shorten(text)
