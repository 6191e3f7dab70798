"""winmail.dat: text in its five forms, files, and what is broken."""

import struct

import pytest
from corpus.compose_mails import attribute, compress_rtf, properties
from hypothesis import given
from hypothesis import strategies as st

from ingest.mail.tnef import SIGNATURE, read_tnef

HEAD = SIGNATURE + b"\1\0"
BODY, PROPERTIES, PAGE = 0x0002800C, 0x00069003, 0x00069007
FILE, NAME, DATA, MORE = 0x00069002, 0x00018010, 0x0006800F, 0x00069005
FIXED = struct.pack("<IHHI", 2, 3, 0x0E07, 1)
"""Two properties follow; the first is a number."""
NAMED = struct.pack("<IHH16sII", 2, 0x1E, 0x8001, b"", 0, 7) + struct.pack("<II2sxx", 1, 2, b"no")
SPOKEN = struct.pack("<IHH16sII6sxx", 2, 2, 0x8001, b"", 1, 6, b"n\0m\0\0\0") + b"\1\0\0\0"
TEXT = properties((0x1E, 0x1000, b"text\0"))[4:]
"""A property without the number of properties in front."""


def read(*attributes):
    """Return what is read of a winmail.dat with these attributes."""
    return read_tnef(HEAD + b"".join(attributes))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        pytest.param([attribute(1, BODY, b"text\0")], "text", id="body"),
        pytest.param([attribute(1, PROPERTIES, properties((0x1E, 0x1000, b"text\0")))], "text",
                     id="property"),
        pytest.param([attribute(1, PROPERTIES, FIXED + TEXT)], "text", id="behind a number"),
        pytest.param([attribute(1, PROPERTIES, NAMED + TEXT)], "text", id="behind a numbered name"),
        pytest.param([attribute(1, PROPERTIES, SPOKEN + TEXT)], "text", id="behind a spoken name"),
        pytest.param([attribute(1, PROPERTIES, properties((0x102, 0x1013, b"<p>text")))], "text",
                     id="HTML"),
        pytest.param(
            [attribute(1, PROPERTIES, properties((0x102, 0x1009, compress_rtf(b"{\\rtf1 text}"))))],
            "text", id="rich text"),
        pytest.param([attribute(1, PAGE, b"\xe3\4\0\0"), attribute(1, BODY, b"\xcf")], "П",
                     id="code page"),
        pytest.param([attribute(1, BODY, b"text")[:-4]], "te", id="cut off"),
        pytest.param([attribute(1, PROPERTIES, struct.pack("<IHH", 9, 0x77, 1))], "", id="no type"),
        pytest.param([attribute(1, PROPERTIES, b"")], "", id="no properties"),
        pytest.param([], "", id="empty"),
    ],
)  # fmt: skip
def test_the_text_is_found(attributes, expected):
    """The text is read in whatever form it is there."""
    assert expected == read(*attributes).text


def test_files_are_named():
    """Of a file the name that Outlook shows is known, and its content."""
    long_name = properties((0x1F, 0x3707, "отчёт.txt\0".encode("utf-16-le")))
    found = read(
        attribute(2, NAME, b"lost"),
        attribute(2, FILE, b""), attribute(2, NAME, b"a.txt\0"), attribute(2, DATA, b"1"),
        attribute(2, FILE, b""), attribute(2, NAME, b"B~1.TXT\0"), attribute(2, MORE, long_name),
        attribute(2, FILE, b""),
    )  # fmt: skip
    assert [("a.txt", b"1"), ("отчёт.txt", b"")] == [(one.name, one.content) for one in found.files]


def test_files_without_end():
    """A hundred files are enough."""
    file = attribute(2, FILE, b"") + attribute(2, NAME, b"a")
    assert 100 == len(read(file * 400).files)


@pytest.mark.parametrize("data", [b"", b"x", SIGNATURE[:3]])
def test_what_is_none(data):
    """Anything else is no winmail.dat."""
    assert read_tnef(data) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from([BODY, PROPERTIES, PAGE, FILE, NAME, DATA, MORE]),
            st.binary(max_size=60),
        ),
        max_size=6,
    ),
    st.binary(max_size=30),
)
def test_any_attributes_are_read(attributes, rest):
    """It never raises."""
    packed = [attribute(1, kind, value) for kind, value in attributes]
    assert isinstance(read(*packed, rest).text, str)
