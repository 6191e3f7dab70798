"""Cutting a mail into parts, within bounds that hold for all of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mail import parts
from ingest.mail.parts import Cutter, find_head, mend_line_ends

KIND = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


def cut(raw):
    """Return the contents of the parts of a mail."""
    cutter = Cutter()
    found = list(cutter.cut(cutter.open(raw)))
    return [part.source[part.start : part.end] for part in found], cutter


@pytest.mark.parametrize(
    ("raw", "head", "content"),
    [
        pytest.param(b"A: b\r\n\r\nc", b"A: b\r", b"c", id="as it should be"),
        pytest.param(b"A: b\n\nc\r\n\r\nd", b"A: b", b"c\r\n\r\nd", id="line feeds alone"),
        pytest.param(b"A: b\n c\n\nd", b"A: b\n c", b"d", id="folded"),
        pytest.param(b"\r\nA: b", b"", b"A: b", id="no headers"),
        pytest.param(b"text\n\nmore", b"", b"text\n\nmore", id="a text"),
        pytest.param(b"123456789012:5\n", b"", b"123456789012:5\n", id="an account is no header"),
        pytest.param(b"A: b", b"A: b", b"", id="headers alone"),
        pytest.param(b"A: b\nc d\ne", b"A: b", b"c d\ne", id="no empty line"),
        pytest.param(b"A: b\nc d\n\ne", b"A: b\nc d", b"e", id="a line that is no header"),
        pytest.param(
            b"A: b\n123456789012*5\n\ne", b"A: b", b"123456789012*5\n\ne", id="an account"
        ),
        pytest.param(b"From a b\nA: b\n\nc", b"From a b\nA: b", b"c", id="a mailbox file"),
        pytest.param(b"", b"", b"", id="nothing"),
    ],
)
def test_where_the_headers_end(raw, head, content):
    """The headers end at the empty line, or where no header can be."""
    end, begin = find_head(raw, 0, len(raw))
    assert (head, content) == (raw[:end], raw[begin:])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"a\rb", b"a\nb", id="carriage returns alone"),
        pytest.param(b"a\r\r\nb\r\r\n", b"a\r\nb\r\n", id="doubled"),
        pytest.param(b"a\r\nb\nc\rd", b"a\r\nb\nc\rd", id="mixed"),
    ],
)
def test_line_ends_are_mended(raw, expected):
    """Only where nothing could be read otherwise."""
    assert expected == mend_line_ends(raw)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"--b\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--", [b"1\r", b"2\r"], id="two"),
        pytest.param(b"x\n--b \t\n\n1\n--b--\n--b\n\n2", [b"1"], id="before and behind"),
        pytest.param(b"--b\n\n1", [b"1"], id="no end"),
        pytest.param(b"--b\n\n--bb\n--b-\n--b--", [b"--bb\n--b-"], id="lines like a boundary"),
        pytest.param(b"--b\n--b\n--b--", [b"", b""], id="empty parts"),
        pytest.param(b"--b\n1\n--b--", [b"1"], id="no headers and no empty line"),
        pytest.param(b"none", [], id="none"),
    ],
)
def test_parts(body, expected):
    """The parts stand between the lines of the boundary."""
    assert expected == cut(KIND + body)[0]


@pytest.mark.parametrize(
    ("body", "most"),
    [
        pytest.param(b"--b\n\n1\n" * 100_000, parts.MOST_PARTS, id="parts"),
        pytest.param(b"--bx\n" * 100_000 + b"--b\n\n1", 0, id="lines like a boundary"),
        pytest.param((b"--b\n" + b"X: y\n" * 4000 + b"\n1\n") * 100, 16, id="headers"),
    ],
)
def test_the_bounds(body, most):
    """Beyond a bound nothing is cut, and it is known that something was not seen."""
    found, cutter = cut(KIND + body)
    assert (most, True) == (len(found), cutter.is_exhausted)


def test_bytes_are_looked_through_so_often_only():
    """A mail nested deep and wide is not looked through at every depth."""
    cutter = Cutter()
    part = cutter.open(KIND + b"--b\n" + b" " * 20_000_000)
    seen = [len(list(cutter.cut(part))) for _ in range(7)]
    assert ([1, 1, 1, 1, 0, 0, 0], True) == (seen, cutter.is_exhausted)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param(b"Content-Type: a/b; name=x.txt", "x.txt", id="type"),
        pytest.param(b"Content-Disposition: inline; filename=y", "y", id="disposition"),
        pytest.param(b"Content-Type: a/b; name==?utf-8?B?0L8=?=", "п", id="encoded word"),
        pytest.param(b"Content-Type: a/b; name*=utf-8''%D0%BF", "п", id="RFC 2231"),
        pytest.param(b'Content-Type: a/b; name="a\r\n b"', "a b", id="folded"),
        pytest.param(b"Content-Disposition: attachment", "", id="none"),
    ],
)
def test_the_name_of_a_file(head, expected):
    """A name is found wherever programs put it."""
    assert expected == Cutter().open(head + b"\r\n\r\n").name


@given(st.binary(max_size=200))
def test_any_bytes_are_cut(raw):
    """It never raises, and no part reaches beyond the mail."""
    found, _ = cut(KIND + raw)
    assert sum(map(len, found)) <= len(raw)
