"""HTML of a mail becomes the text that a person sees."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mail.markup import render_html


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        pytest.param("123456789012*5467;", "123456789012*5467;", id="no markup"),
        pytest.param("<p>a</p><p>b</p>", "a\n\nb", id="paragraphs"),
        pytest.param("a<br>b<BR/>c<br />d", "a\nb\nc\nd", id="breaks"),
        pytest.param("<div>a<div>b</div></div>", "a\nb", id="divisions"),
        pytest.param(
            "<table><tr><td>123456789012</td><td>5467</td></tr><tr><td>2</td></tr></table>",
            "123456789012 5467\n\n2",
            id="a row is a line and its cells stand apart",
        ),
        pytest.param("123456<b>789012</b>*54<i>67</i>", "123456789012*5467", id="inline"),
        pytest.param("a\r\n  b\tc", "a b c", id="white space"),
        pytest.param("&#1055;&#x43E;&nbsp;&lt;5&gt; &amp;amp;", "По\xa0<5> &amp;", id="entities"),
        pytest.param("5&ampx &nosuch; &", "5&x &nosuch; &", id="odd entities"),
        pytest.param("a&#99999999999;b", "a&#99999999999;b", id="a number that is none"),
        pytest.param(
            "<style>p{a:1}</style>a<script>1<2;'</p>'</script>b<title>c</title>",
            "ab",
            id="what nobody sees",
        ),
        pytest.param("a<!-- <p>1</p> -->b<!DOCTYPE x>c<?xml 1?>d", "abcd", id="comments"),
        pytest.param("a<!--[if mso]>1<![endif]-->b<![if !mso]>c<![endif]>", "abc", id="Outlook's"),
        pytest.param("<a title=\"1>2\" href='3>4'>x</a>", "x", id="a > in a value"),
        pytest.param("<p class=it's>x</p>", "x", id="a quotation mark inside a value"),
        pytest.param("1 < 2, 3 <4", "1 < 2, 3 <4", id="less than"),
        pytest.param("a<p", "a", id="a tag that does not end"),
        pytest.param("a<!-- b", "a", id="a comment that does not end"),
        pytest.param("a<style>b", "a", id="a style that does not end"),
        pytest.param(
            "a<blockquote>b<br>c<blockquote>d</blockquote></blockquote>e",
            "a\n> b\n> c\n> d\n\ne",
            id="quotations",
        ),
        pytest.param("</blockquote>a", "a", id="an end without a beginning"),
    ],
)
def test_rendering(markup, expected):
    """Blocks become lines, cells stand apart, what nobody sees is left out."""
    assert expected == render_html(markup)


@pytest.mark.parametrize(
    "unit",
    ["<", "<a", '<a b="', "<a b='x", "<!--", "<![CDATA[", "<style>", "</", "&#", "&#9", "=", "<p "],
)
def test_hostile_markup_takes_linear_time(unit):
    """Half a megabyte of the worst costs a fraction of a second."""
    begun = time.perf_counter()
    render_html(unit * (500_000 // len(unit)))
    assert time.perf_counter() - begun < 5


@given(st.text(alphabet="<>/!-=\"'&#;pbrtd xscript1\n\u0430", max_size=200))
def test_it_is_total(markup):
    """Any text is rendered."""
    assert isinstance(render_html(markup), str)
