"""
The XML of online protocols: written by hand, read by expat with everything refused but elements.

Python has no reader of XML that is safe as it comes. Expat's handlers let us refuse a DOCTYPE
before anything in it is looked at, and with it every entity of a document's own; what is left can
be bounded in size and depth. That is all that a reader made for the purpose would add.
"""

from collections.abc import Iterable
from typing import Literal, TypeAlias
from xml.parsers import expat

from msgspec import Struct

from ingest.channels.dialects.online.words import clean
from ingest.channels.gateways.documents import escape_xml

Encoding: TypeAlias = Literal["utf-8", "cp1251"]
Element: TypeAlias = tuple[str, "str | list[Element]"]
"""A name, and a text or what stands within. Attributes are written behind the name."""

NAMES: dict[Encoding, str] = {"utf-8": "UTF-8", "cp1251": "windows-1251"}
LARGEST = 65_536
"""Bytes of a document that is read; the largest of a real partner has one kilobyte."""
DEEPEST = 8
MOST_ELEMENTS = 500


class Document(Struct, frozen=True):
    """What was read of a document: its texts, and where secrets stand in it."""

    root: str
    texts: dict[str, str]
    """By the name of the element in small letters; of an empty name there is none."""
    secrets: tuple[tuple[int, int], ...] = ()
    """Of each, from the beginning of its start tag up to its end tag, in bytes."""


class UnreadableError(Exception):
    """It is no document of the kind that is read here."""


class ElementReader:
    """Collects the texts of elements, whatever they are nested in."""

    def __init__(self, secret: str) -> None:
        self.root = ""
        self.texts: dict[str, str] = {}
        self.spans: list[tuple[int, int]] = []
        self._secret = secret
        self._begun = 0
        self._count = 0
        self._open: list[tuple[str, list[str]]] = []

    def read(self, body: bytes, encoding: str | None) -> None:
        """Read all of *body*; with an *encoding* whatever the document says of its own."""
        parser = expat.ParserCreate(encoding)
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self.refuse
        parser.EntityDeclHandler = self.refuse
        parser.ProcessingInstructionHandler = self.refuse
        parser.StartElementHandler = lambda name, _: self.begin(name, parser.CurrentByteIndex)
        parser.EndElementHandler = lambda _: self.end(parser.CurrentByteIndex)
        parser.CharacterDataHandler = self.add
        parser.Parse(body, True)

    def refuse(self, *_: object) -> None:
        """Refuse what no request has any need of."""
        raise UnreadableError("a DOCTYPE or a processing instruction")

    def begin(self, name: str, position: int) -> None:
        """Note the start of an element."""
        self._count += 1
        if len(self._open) >= DEEPEST or self._count > MOST_ELEMENTS:
            raise UnreadableError("too many elements")
        name = name.lower()
        self.root = self.root or name
        if name == self._secret:
            self._begun = position
        self._open.append((name, []))

    def add(self, text: str) -> None:
        """Take a piece of text."""
        self._open[-1][1].append(text)

    def end(self, position: int) -> None:
        """Keep the text of an element; what one name says twice must be the same."""
        name, pieces = self._open.pop()
        text = "".join(pieces).strip()
        if self.texts.setdefault(name, text) != text:
            raise UnreadableError(f"{name} stands twice")
        if name == self._secret and text:
            self.spans.append((self._begun, position))


def read_elements(body: bytes, encoding: Encoding, secret: str) -> Document:
    """
    Read a document as it says that it is written, or else in *encoding*.

    Raises :exc:`UnreadableError` for all that is malformed, too large or more than elements.
    """
    if len(body) > LARGEST:
        raise UnreadableError(f"more than {LARGEST} bytes")
    for name in (None, NAMES[encoding]):
        reader = ElementReader(secret)
        try:
            reader.read(body, name)
        except (expat.ExpatError, ValueError, LookupError):
            continue
        return Document(reader.root, reader.texts, tuple(reader.spans))
    raise UnreadableError("no XML")


def take_secrets_out(body: bytes, document: Document, name: str) -> bytes:
    """Return *body* without what stands in the elements with secrets."""
    for start, end in reversed(document.secrets):
        body = body[:start] + f"<{name}>".encode("ascii") + body[end:]
    return body


def render_xml(root: str, elements: Iterable[Element], encoding: Encoding) -> bytes:
    """Write a document; characters that its encoding lacks become references."""
    head = f'<?xml version="1.0" encoding="{NAMES[encoding]}"?>\n'
    text = head + render_element((root, list(elements)))
    return text.encode(encoding, "xmlcharrefreplace") + b"\n"


def render_element(element: Element) -> str:
    """Write one element and what stands within."""
    head, content = element
    name = head.partition(" ")[0]
    inner = (
        escape_xml(clean(content))
        if isinstance(content, str)
        else "".join(map(render_element, content))
    )
    return f"<{head}>{inner}</{name}>"


def name_media_type(media_type: str, encoding: Encoding) -> str:
    """Return a Content-Type with its charset."""
    return f"{media_type}; charset={NAMES[encoding].lower()}"
