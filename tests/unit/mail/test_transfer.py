"""Transfer encodings, as written and as broken."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mail.transfer import decode_base64, decode_quoted, decode_transfer, decode_uu

TEXT = b"123456789012*5467;"


@pytest.mark.parametrize(
    ("data", "encoding", "expected"),
    [
        pytest.param(TEXT, "7bit", TEXT, id="none"),
        pytest.param(TEXT, "x-unknown", TEXT, id="unknown"),
        pytest.param(base64.b64encode(TEXT), "base64", TEXT, id="base64"),
        pytest.param(base64.b64encode(TEXT), "base-64", TEXT, id="base64 misspelt"),
        pytest.param(TEXT, "base64", TEXT, id="text that says it is base64"),
        pytest.param(b"MTIz\n--\nvirus: none, at all", "base64", b"MTIz\n--\n", id="no padding"),
        pytest.param(b"MTI=\nvirus: none", "base64", b"12\nvirus: none", id="a footer"),
        pytest.param(b"MTI=\r\nMzQ=\r\n", "base64", b"1234", id="two pieces"),
        pytest.param(b"5=\n467=3B", "quoted-printable", b"5467;", id="quoted-printable"),
        pytest.param(b"=D0=BF=D1=80", "", "пр".encode(), id="quoted-printable undeclared"),
        pytest.param(b"a=54=67", "", b"a=54=67", id="equals signs of a person"),
        pytest.param(b"begin 644 x\n#86)C\n`\nend\n", "x-uuencode", b"abc", id="uuencode"),
        pytest.param(b"#86)C\n", "uuencode", b"abc", id="uuencode without its first line"),
        pytest.param(b"", "base64", b"", id="nothing"),
    ],
)
def test_transfer_encodings(data, encoding, expected):
    """What was packed is unpacked; what only says so is left as it is."""
    assert decode_transfer(data, encoding).startswith(expected)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"=d0=bf", "п".encode(), id="small letters"),
        pytest.param(b"1=  \t\r\n2", b"12", id="blanks behind a soft break"),
        pytest.param(b"1=\r\n2=\n3=", b"123", id="soft breaks"),
        pytest.param(b"a=ZZ=4", b"a=ZZ=4", id="no escapes"),
    ],
)
def test_quoted_printable(data, expected):
    """Quoted-printable is read as far as it is any."""
    assert expected == decode_quoted(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"#86)C\nend\n#86)C\n", b"abc", id="up to its end"),
        pytest.param(b"#86)C\n\xd0\xbf\n", b"abc", id="up to what is none"),
        pytest.param(b"", b"", id="nothing"),
    ],
)
def test_uuencode(data, expected):
    """A uuencoded file ends where its lines do."""
    assert expected == decode_uu(data)


@given(st.binary(max_size=300), st.sampled_from(["base64", "quoted-printable", "uu", "", "x"]))
def test_any_bytes_are_unpacked(data, encoding):
    """It never raises."""
    assert isinstance(decode_transfer(data, encoding), bytes)


@given(st.binary(max_size=300))
def test_base64_is_undone(data):
    """What is encoded as it should be comes out as it was."""
    assert data == decode_base64(base64.encodebytes(data))


def test_padding_without_end_costs_little():
    """A thousand pieces are told apart, and the rest is one."""
    assert len(decode_base64(b"MTIz=" * 5000)) <= 3 * 5000
