"""
HTML of a mail to the text that a person sees; one pass, any input, linear time.

A scanner of our own: the library's parser is quadratic on some inputs, and a mail needs no tree.
Text inside ``<blockquote>`` comes out as lines that begin with ``>``, as plain mail quotes.
"""

import html
import re
from collections.abc import Iterator

SEPARATING = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "body",
        "br",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "li",
        "main",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
    ]
)
"""Elements that begin a new line."""
CELLS = frozenset(("td", "th"))
"""Elements that stand apart on the same line."""
UNSEEN = frozenset(("script", "style", "title", "template"))
TAG = re.compile(r"<(?:(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9]*)|(?P<other>[!?/]))")
DELIMITER = re.compile(r""">|=[ \t\r\n\f]*(["'])""")
"""What ends a tag, or begins a quoted value in which ``>`` ends nothing."""
ENTITY = re.compile(
    r"&(?:#[0-9]{1,7}(?![0-9])|#[xX][0-9A-Fa-f]{1,6}(?![0-9A-Fa-f])|[A-Za-z][A-Za-z0-9]{1,31});?"
)
"""Bounded, because Python refuses to read numbers of more than 4300 digits."""
SPACE = re.compile(r"[ \t\r\n\f]+")
EMPTY_LINES = re.compile(r"\n{3,}")


def render_html(markup: str) -> str:
    """Return the text of *markup* with a line for each block and row."""
    page = Page()
    for kind, value in scan(markup):
        if kind == "text":
            page.add(value)
        elif value in SEPARATING:
            page.break_line(kind, value)
        elif value in CELLS:
            page.add(" ")
    page.break_line("", "")
    return EMPTY_LINES.sub("\n\n", "\n".join(page.lines)).strip()


class Page:
    """Lines that grow, and how deep in quotations they are."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._line: list[str] = []
        self._quoted = 0

    def add(self, text: str) -> None:
        """Put *text* on the line that is being written."""
        self._line.append(text)

    def break_line(self, kind: str, name: str) -> None:
        """End the line, and go into or out of a quotation."""
        text = SPACE.sub(" ", "".join(self._line)).strip()
        self.lines.append(f"> {text}" if self._quoted and text else text)
        self._line.clear()
        if name == "blockquote":
            self._quoted = max(0, self._quoted + (1 if kind == "start" else -1))


def scan(markup: str) -> Iterator[tuple[str, str]]:
    """Yield ``text``, and the ``start`` and ``end`` of elements by name."""
    position = 0
    while tag := TAG.search(markup, position):
        yield "text", decode_entities(markup[position : tag.start()])
        name = (tag["name"] or "").lower()
        position = skip_tag(markup, tag)
        if name in UNSEEN and not tag["end"]:
            position = skip_unseen(markup, name, position)
        if name:
            yield ("end" if tag["end"] else "start"), name
    yield "text", decode_entities(markup[position:])


def skip_tag(markup: str, tag: re.Match[str]) -> int:
    """Return where the text goes on after a tag, comment or declaration."""
    if markup.startswith("<!--", tag.start()):
        end = markup.find("-->", tag.end())
        return len(markup) if end < 0 else end + 3
    if tag["other"]:
        end = markup.find(">", tag.end())
        return len(markup) if end < 0 else end + 1
    position = tag.end()
    while delimiter := DELIMITER.search(markup, position):
        position = delimiter.end()
        if not delimiter[1]:
            return position
        closing = markup.find(delimiter[1], position)
        if closing < 0:
            break
        position = closing + 1
    return len(markup)


def skip_unseen(markup: str, name: str, position: int) -> int:
    """Return where the element *name*, whose content nobody sees, ends."""
    end = re.compile(f"</{name}", re.IGNORECASE).search(markup, position)
    return len(markup) if end is None else end.start()


def decode_entities(text: str) -> str:
    """Replace ``&nbsp;`` and its like."""
    return ENTITY.sub(lambda entity: html.unescape(entity[0]), text) if "&" in text else text
