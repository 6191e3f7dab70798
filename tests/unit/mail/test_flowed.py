"""format=flowed: paragraphs that are cut into lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mail.flowed import join_flowed


@pytest.mark.parametrize(
    ("text", "delsp", "expected"),
    [
        pytest.param("a \nb\nc", False, "a b\nc", id="a soft break and a hard one"),
        pytest.param("12 \n34", True, "1234", id="the blank goes too"),
        pytest.param("a \r\nb", False, "a b", id="line ends of mail"),
        pytest.param("> a \n> b\n>> c", False, "> a b\n>> c", id="quoted"),
        pytest.param("> a \nb", False, "> a \nb", id="a quotation ends"),
        pytest.param("a \n-- \nIvan", False, "a \n-- \nIvan", id="a signature"),
        pytest.param(" a\n b", False, "a\nb", id="a blank that was put before"),
        pytest.param(">a\n >b", False, "> a\n>b", id="a mark that is none"),
        pytest.param("", False, "", id="nothing"),
    ],
)
def test_soft_line_breaks(text, delsp, expected):
    """Soft line breaks are undone, hard ones stay."""
    assert expected == join_flowed(text, delsp=delsp)


@given(st.text("a >\n-", max_size=60), st.booleans())
def test_no_character_is_lost(text, delsp):
    """But for blanks and the marks of a paragraph that is one now."""
    assert text.count("a") == join_flowed(text, delsp=delsp).count("a")
