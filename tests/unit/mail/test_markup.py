"""HTML of a mail becomes the text that a person sees."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mail.markup import MOST_TAGS, is_beyond_reading, render_html


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        pytest.param("123456789012*5467;", "123456789012*5467;", id="no markup"),
        pytest.param("<p>a</p><p>b</p>", "a\n\nb", id="paragraphs"),
        pytest.param("a<br>b<BR/>c<br />d", "a\nb\nc\nd", id="breaks"),
        pytest.param("<div>a<div>b</div></div>", "a\nb", id="divisions"),
        pytest.param(
            "<table><tr><td>123456789012</td><td>5467</td></tr><tr><td>2</td></tr></table>",
            "123456789012 5467\n2",
            id="a row is a line and its cells stand apart",
        ),
        pytest.param(
            "<table><tr>\n<td><p>123456789012<o:p></o:p></p></td>\n<td><p>5467</p></td>"
            "<td><div>3321</div></td></tr>\n<tr><td><p>2</p><td><p>3</p></table>4",
            "123456789012 5467 3321\n2 3\n4",
            id="a row is a line also where Outlook puts paragraphs into its cells",
        ),
        pytest.param(
            "<table><tr><td>Лицевой<br>счёт<td>Показание<tr><td>1<td><p>5467</p><p>3321</p></table>",
            "Лицевой счёт Показание\n1 5467 / 3321",
            id="two figures in one cell stay apart",
        ),
        pytest.param(
            "<table><tr><td> </td><td><p>a</p><p>b</p></td></tr></table>c",
            "a\n\nb\nc",
            id="one cell that says something is a page, not a row",
        ),
        pytest.param(
            "<table><tr><td>a</td><td>1<br>2<br>3<br>4<br>5<br>6</td></tr></table>",
            "a\n1\n2\n3\n4\n5\n6",
            id="cells beside each other may be columns of text",
        ),
        pytest.param(
            "<table><tr><td>a<td><table><tr><td><p>1</p><td><p>2</p><tr><td>3</table></table>b",
            "a\n1 2\n3\nb",
            id="a table in a table",
        ),
        pytest.param(
            "<blockquote><table><tr><td><p>1</p><td><p>2</p></table></blockquote>"
            "<table><tr><td>a<td>b<blockquote>c</blockquote></table>",
            "> 1 2\n\na\nb\n> c",
            id="quotations in rows and rows in quotations",
        ),
        pytest.param("<td>1</td><td>2</td></tr></table>3", "1 2\n3", id="cells without a row"),
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
        pytest.param("<s>5467</s>5476 <del>1</del>", "5476", id="struck out"),
        pytest.param("5467<sup>3</sup>1", "5467^3 1", id="raised"),
        pytest.param("5480<small>3</small>", "5480_3", id="small print"),
        pytest.param('5480<span style="font-size:8px">3</span>', "5480_3", id="a small font"),
        pytest.param("5480<FONT color=Red>3</FONT> 4", "5480_3 4", id="a figure in red"),
        pytest.param(
            "<span style='font-size:12pt'>54</span><b><span lang=EN style='font-size:12pt'>8"
            "<span style=color:black>0</span></span></b>",
            "5480",
            id="a number in pieces that look alike",
        ),
        pytest.param(
            "<span style='font-size:9pt'>Показание:</span> <span style='color:#111'>5480</span>",
            "Показание: 5480",
            id="a whole number in another look",
        ),
        pytest.param(
            "</span><font size=1><span>5</font>4<small>8", "5_4_8", id="elements that do not close"
        ),
        pytest.param("<div>a</div><div>b</div><p>c</p><p>d</p>", "a\nb\n\nc\n\nd", id="gaps"),
        pytest.param("<div>a</div><div><br></div><div>b</div>", "a\n\nb", id="an empty line"),
    ],
)
def test_rendering(markup, expected):
    """Blocks become lines, cells stand apart, what nobody sees is left out."""
    assert expected == render_html(markup)


@pytest.mark.parametrize(
    "unit",
    ["<", "<a", '<a b="', "<a b='x", "<!--", "<![CDATA[", "<style>", "</", "&#", "&#9", "=", "<p "],
)
def test_hostile_markup_comes_to_little(unit):
    """Half a megabyte of the worst is gone through once, so much of it as is sensible."""
    markup = unit * (500_000 // len(unit))
    assert len(render_html(markup)) <= len(markup)
    assert is_beyond_reading(markup) is (markup.count("<") > MOST_TAGS)


def test_so_many_elements_are_read():
    """What stands behind them is not read, and that is known."""
    markup = "<b>" * MOST_TAGS + "1"
    assert ("", False) == (render_html(markup), is_beyond_reading(markup))
    assert is_beyond_reading("<b>" + markup)


@given(st.text(alphabet="<>/!-=\"'&#;pbrtd xscript1\n\u0430", max_size=200))
def test_it_is_total(markup):
    """Any text is rendered."""
    assert isinstance(render_html(markup), str)
