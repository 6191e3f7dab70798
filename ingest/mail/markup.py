"""
HTML of a mail to the text that a person sees; one pass, any input, linear time.

A scanner of our own: the library's parser is quadratic on some inputs, and a mail needs no tree.
Text inside ``<blockquote>`` comes out as lines that begin with ``>``, as plain mail quotes.
"""

import functools
import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

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
APART = frozenset(("blockquote", "br", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p"))
"""Those that may leave an empty line, where the others stand close to each other."""
CELLS = frozenset(("td", "th"))
"""Elements that stand apart on the same line."""
RAISED = {"sup": "^", "sub": "_"}
"""What a person sees apart from the figures beside it, so that 5467 and a tenth is not 54671."""
STYLED = frozenset(("small", "big", "span", "font"))
"""Elements that may look unlike the text around them: a tenth is written small, or in red."""
APART_IN_LOOK = "_"
"""Put between two figures that look unlike each other."""
LOOK = re.compile(
    r"(?<![a-z-])(font-size|vertical-align|color|size)[ ]?[:=][ ]?[\"']?[ ]?([a-z0-9#.%-]{1,30})",
    re.IGNORECASE,
)
PLAIN_LOOKS = frozenset(("black", "windowtext", "#000000", "#000", "baseline"))
LONGEST_LOOK = 400
"""Characters of a tag in which its look is searched for."""
MOST_COMPARED = 500
"""Numbers in pieces whose look is compared: beyond, pieces are taken to look unlike each other."""
DEEPEST_LOOK = 10
"""Levels of elements whose look is told apart."""
UNSEEN = frozenset(("script", "style", "title", "template", "s", "strike", "del"))
"""Elements whose content nobody sees, or sees struck out."""
MOST_CELL_LINES = 5
"""Of a cell that stands in a row; one with more is a column of a page."""
MOST_TAGS = 50_000
"""What follows is not read: no person writes so, and each costs time."""
TAG = re.compile(
    r"""<(?:(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9]*)"""
    r"""(?P<rest>(?:[^>=]++|=[ \t\r\n\f]*+(?:"[^"]*+"|'[^']*+'|(?!["'])))*+>)?"""
    r"""|(?P<other>[!?/]))"""
)
"""A tag to its end, which is no ``>`` in a quoted value; without ``rest`` it has none."""
ENTITY = re.compile(
    r"&(?:#[0-9]{1,7}(?![0-9])|#[xX][0-9A-Fa-f]{1,6}(?![0-9A-Fa-f])|[A-Za-z][A-Za-z0-9]{1,31});?"
)
"""Bounded, because Python refuses to read numbers of more than 4300 digits."""
SPACE = re.compile(r"[ \t\r\n\f]+")
EMPTY_LINES = re.compile(r"\n{3,}")


def render_html(markup: str) -> str:
    """Return the text of *markup* with a line for each block and row."""
    page = Page()
    for kind, value, attributes in scan(markup):
        if kind == "text":
            page.add_text(value)
        elif value in STYLED:
            page.turn_look(kind, value, attributes)
        elif value in SEPARATING:
            page.break_line(kind, value)
        elif value in CELLS:
            page.begin_cell(kind)
        elif value in RAISED:
            page.add(RAISED[value] if kind == "start" else " ")
    page.break_line("end", "table")
    return EMPTY_LINES.sub("\n\n", "\n".join(page.lines)).strip()


class Row(Struct):
    """A row of a table that has not ended: Outlook puts paragraphs into its cells."""

    start: int
    """The first of its lines."""
    cells: list[int]
    """The first line of each cell but the first."""
    is_page: bool = False
    """Whether a table or a quotation stands in it, so that it lays out a page."""


class Look(NamedTuple):
    """An element that may look unlike its surroundings, within others of the kind."""

    name: str
    attributes: str
    outer: "Look | None"


class Page:
    """Lines that grow, and how deep in quotations they are."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._line: list[str] = []
        self._quoted = 0
        self._rows: list[Row | None] = []
        """The row that each table has come to, the innermost last."""
        self._look: Look | None = None
        self._last_look: Look | None = None
        """Of the text that was added last."""
        self._compared = 0

    def add(self, text: str) -> None:
        """Put *text* on the line that is being written."""
        self._line.append(text)

    def add_text(self, text: str) -> None:
        """Put *text* on the line, apart from a figure before it that looks unlike it."""
        is_figure = text[:1].isdigit() and bool(self._line) and self._line[-1][-1:].isdigit()
        if is_figure and self._look is not self._last_look and self._looks_apart():
            self.add(APART_IN_LOOK)
        self._last_look = self._look
        self.add(text)

    def _looks_apart(self) -> bool:
        """Tell whether the text to come looks unlike the last; of endless cases nobody looks."""
        self._compared += 1
        if self._compared > MOST_COMPARED:
            return True
        return describe_look(self._look) != describe_look(self._last_look)

    def turn_look(self, kind: str, name: str, attributes: str) -> None:
        """Begin or end an element with a look of its own; an end ends what it encloses, too."""
        if kind == "start":
            self._look = Look(name, attributes, self._look)
            return
        for look in list_looks(self._look):
            if look.name == name:
                self._look = look.outer
                return

    def break_line(self, kind: str, name: str) -> None:
        """End the line, and go into or out of a quotation, a table or a row."""
        text = SPACE.sub(" ", "".join(self._line)).strip() if self._line else ""
        if text or name in APART:
            self.lines.append(f"> {text}" if self._quoted and text else text)
        self._line.clear()
        if name == "blockquote":
            self._note_page()
            self._quoted = max(0, self._quoted + (1 if kind == "start" else -1))
        elif name in ("table", "tr"):
            self._turn(kind, name)

    def begin_cell(self, kind: str) -> None:
        """Begin a cell, on a line of its own until the row ends."""
        row = self._rows[-1] if self._rows else None
        if row is None or kind == "end":
            self.add(" ")
            return
        self.break_line("", "")
        row.cells.append(len(self.lines))

    def _turn(self, kind: str, name: str) -> None:
        """Begin or end a table or a row; either ends the row before it in the same table."""
        if name == "table" and kind == "start":
            self._note_page()
            self._rows.append(None)
        elif self._rows:
            self._end_row(self._rows.pop())
            if name == "tr":
                self._rows.append(Row(len(self.lines), []) if kind == "start" else None)

    def _note_page(self) -> None:
        """Note that the cell that is being written is no figure among others."""
        if self._rows and (row := self._rows[-1]) is not None:
            row.is_page = True

    def _end_row(self, row: Row | None) -> None:
        """Put the cells of a row on one line, unless it only lays out a page."""
        if row is None or row.is_page:
            return
        mark = "> " if self._quoted else ""
        lines = [line.removeprefix(mark) for line in self.lines[row.start :]]
        begins = [0, *(cell - row.start for cell in row.cells)]
        cells = [
            [line for line in lines[begin:end] if line]
            for begin, end in zip(begins, [*begins[1:], len(lines)], strict=True)
        ]
        told = [cell for cell in cells if cell]
        if len(told) > 1 and max(map(len, told)) <= MOST_CELL_LINES:
            self.lines[row.start :] = [mark + " ".join(map(join_cell, told))]


def list_looks(look: Look | None) -> Iterator[Look]:
    """Yield *look* and what encloses it, from within, as far as looks are told apart."""
    for _ in range(DEEPEST_LOOK):
        if look is None:
            return
        yield look
        look = look.outer


def describe_look(look: Look | None) -> dict[str, str]:
    """Return what a person sees of the elements that text stands in: size, place and colour."""
    seen: dict[str, str] = {}
    for one in list_looks(look):
        if one.name in {"small", "big"}:
            seen.setdefault("font-size", one.name)
        for key, value in LOOK.findall(one.attributes):
            seen.setdefault(key.lower(), value.lower())
    return {key: value for key, value in seen.items() if value not in PLAIN_LOOKS}


def join_cell(lines: list[str]) -> str:
    """Return a cell as one line, in which figures that stand below each other stay apart."""
    return "".join(
        line if not place else f" / {line}" if line[0].isdigit() else f" {line}"
        for place, line in enumerate(lines)
    )


def scan(markup: str) -> Iterator[tuple[str, str, str]]:
    """Yield ``text``, and the ``start`` and ``end`` of elements by name, with attributes."""
    position = 0
    for _ in range(MOST_TAGS):
        tag = TAG.search(markup, position)
        if tag is None:
            yield "text", decode_entities(markup[position:]), ""
            return
        begin, end = tag.span()
        if begin > position:
            yield "text", decode_entities(markup[position:begin]), ""
        slash, name, rest, _ = tag.groups()
        if not name:
            position = skip_declaration(markup, begin, end)
            continue
        name = name.lower()
        named = tag.end("name")
        position = end if rest else len(markup)
        if name in UNSEEN and not slash:
            position = skip_unseen(markup, name, position)
        yield (
            ("end" if slash else "start"),
            name,
            markup[named : min(position, named + LONGEST_LOOK)],
        )


def is_beyond_reading(markup: str) -> bool:
    """Tell whether some of *markup* may be left unread."""
    return markup.count("<") > MOST_TAGS


def skip_declaration(markup: str, begin: int, end: int) -> int:
    """Return where the text goes on after a comment or declaration."""
    mark = "-->" if markup.startswith("<!--", begin) else ">"
    found = markup.find(mark, end)
    return len(markup) if found < 0 else found + len(mark)


def skip_unseen(markup: str, name: str, position: int) -> int:
    """Return where the element *name*, whose content nobody sees, ends."""
    end = re.compile(rf"</{name}\b", re.IGNORECASE).search(markup, position)
    return len(markup) if end is None else end.start()


def decode_entities(text: str) -> str:
    """Replace ``&nbsp;`` and its like."""
    return ENTITY.sub(decode_entity, text) if "&" in text else text


def decode_entity(entity: re.Match[str]) -> str:
    """Return what an entity stands for; mails are full of the same few."""
    return unescape(entity[0])


unescape = functools.lru_cache(maxsize=256)(html.unescape)
