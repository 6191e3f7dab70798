"""What programs pack into a text: PGP's frames, uuencoded files, yEnc."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mail.armour import is_packed, take_off_armour

SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{}\n-----BEGIN PGP SIGNATURE-----\n{}"
SIGNATURE = "\niQ1\n=ab\n-----END PGP SIGNATURE-----\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(SIGNED.format("1", SIGNATURE), "1\n", id="signed"),
        pytest.param(SIGNED.format("- -- \n- -1", SIGNATURE), "-- \n-1\n", id="dashes"),
        pytest.param(SIGNED.format("1", "cut off"), "1", id="a signature without end"),
        pytest.param(SIGNED.format("Hash: 1\n2", ""), "Hash: 1\n2", id="a text like a header"),
        pytest.param("-----BEGIN PGP SIGNED MESSAGE-----\n1", "1", id="no headers"),
        pytest.param("a\n" + SIGNED.format("1", SIGNATURE) + "b", "a\n1\nb", id="text around"),
        pytest.param("-----BEGIN PGP MESSAGE-----\n\nx", "", id="encrypted"),
        pytest.param("a\nbegin 644 x.gif\n#86)C\n`\nend\nb", "a\nb", id="a uuencoded file"),
        pytest.param("begin 644 x\nsome text", "begin 644 x\nsome text", id="a sentence"),
        pytest.param("begin 644 x", "begin 644 x", id="the last line"),
        pytest.param("a\n=ybegin line=1 name=x\n1\n=yend\nb", "a\nb", id="yEnc"),
    ],
)
def test_what_is_left(text, expected):
    """Frames and files are taken off, and the text stays."""
    assert is_packed(text)
    assert expected == take_off_armour(text).text


def test_files_are_kept():
    """Of a uuencoded file name and content are known, of yEnc the name."""
    text = "begin 644 a b.txt\n#86)C\n\nend\n=ybegin line=1 size=2 name=p.jpg\nx"
    files = take_off_armour(text).files
    assert [("a b.txt", b"abc"), ("p.jpg", b"")] == [(file.name, file.content) for file in files]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("MESSAGE", True), ("SIGNED MESSAGE", False), ("PUBLIC KEY BLOCK", False)],
)
def test_encryption_is_noticed(kind, expected):
    """Only what is encrypted cannot be read."""
    assert expected is take_off_armour(f"-----BEGIN PGP {kind}-----\n\nx").is_encrypted


PIECES = ("-----BEGIN PGP MESSAGE-----", "-----BEGIN PGP SIGNED MESSAGE-----", "Hash: x", "")
MORE = ("-----END PGP MESSAGE-----", "begin 644 x", "#86)C", "end", "=ybegin name=x", "=yend", "1")


@given(st.lists(st.sampled_from(PIECES + MORE), max_size=30))
def test_any_lines_are_read(lines):
    """It never raises, and adds nothing."""
    text = "\n".join(lines)
    assert len(take_off_armour(text).text) <= len(text)
