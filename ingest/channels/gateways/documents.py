"""JSON of gateways: strictly read, found by dotted paths, batches cut byte for byte. Pure."""

import datetime as dt
import html
import json
import re
from collections.abc import Callable
from typing import Any

import msgspec

from ingest.channels.gateways.request import Text, clean_text, make_external_id
from ingest.errors import PermanentError

JSON = "application/json"
UNWRITABLE = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\ud800-\\udfff\\ufffe\\uffff]")
"""What no XML document may hold."""


def decode_json(body: bytes) -> object:
    """Read a body of JSON; what is no UTF-8 in it shows as U+FFFD."""
    return parse_json(body.decode("utf-8", "replace").removeprefix("\ufeff"))


def parse_json(text: str) -> object:
    """Read JSON strictly; numbers stay text, so that none of their digits is lost."""
    try:
        return json.loads(
            text,
            parse_int=str,
            parse_float=str,
            parse_constant=refuse_constant,
            object_pairs_hook=join_pairs,
        )
    except (ValueError, RecursionError):
        raise PermanentError("the body is no JSON that can be read") from None


def refuse_constant(name: str) -> object:
    """Refuse NaN and Infinity, which JSON does not know."""
    raise ValueError(name)


def join_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object; a key that stands twice leaves open which of them counts."""
    joined = dict(pairs)
    if len(joined) < len(pairs):
        raise ValueError("a key stands twice")
    return joined


def find_path(document: object, path: str) -> object:
    """Follow a dotted path; a number in it counts from 0 in a list. None when it leads nowhere."""
    for key in path.split("."):
        if isinstance(document, dict):
            document = document.get(key)
        elif isinstance(document, list) and key.isascii() and key.isdigit():
            document = document[int(key)] if int(key) < len(document) else None
        else:
            return None
    return document


def find_text(document: object, path: str) -> str:
    """Return the text or number at *path*; empty when there is none."""
    found = find_path(document, path)
    return clean_text(found) if isinstance(found, str) else ""


def get_text(document: object, path: str) -> str:
    """Return the text or number at *path*, which must be there."""
    if not isinstance(find_path(document, path), str):
        raise PermanentError(f"the field {path} is missing or no text")
    return find_text(document, path)


def cut_batch(document: object, body: bytes, path: str) -> list[tuple[object, bytes]]:
    """Return the items at *path*, each with its own bytes."""
    items = list_items(document, path)
    raws = cut_items(body, path)
    if len(raws) != len(items):
        raws = [dump_item(item) for item in items]
    return list(zip(items, raws, strict=True))


def read_items(
    items: list[tuple[object, bytes]],
    read: Callable[[object, bytes], Text],
    received_at: dt.datetime,
    *,
    spared: bool = False,
) -> tuple[Text, ...]:
    """
    Read each item of a batch; one that is no text is kept as it came, for a person to see.

    A batch of nothing else is malformed, unless it is *spared* for something else in it.
    """
    found: list[Text | None] = []
    for item, raw in items:
        try:
            found.append(read(item, raw))
        except PermanentError:
            found.append(None)
    if items and not any(found) and not spared:
        raise PermanentError("not one item of the list is a text")
    pairs = zip(items, found, strict=True)
    return tuple(text or keep_item(raw, received_at) for (_, raw), text in pairs)


def list_items(document: object, path: str) -> list[object]:
    """Return the list at *path*; ``.`` is the document itself."""
    found = document if path == "." else find_path(document, path)
    if not isinstance(found, list):
        raise PermanentError(f"there is no list under {path!r}")
    return found


def cut_items(body: bytes, path: str) -> list[bytes]:
    """
    Return the items at *path* byte for byte: the whole body beside each would be too much.

    An empty list where the body is written in a way that they cannot be cut out of it.
    """
    try:
        found = msgspec.Raw(body)
        for key in () if path == "." else path.split("."):
            found = msgspec.json.decode(found, type=dict[str, msgspec.Raw])[key]
        return [bytes(one) for one in msgspec.json.decode(found, type=list[msgspec.Raw])]
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, RecursionError):
        return []


def dump_item(item: object) -> bytes:
    """Write one item of a batch down anew, where its bytes cannot be told."""
    try:
        return json.dumps(item).encode()
    except RecursionError:
        raise PermanentError("an item is nested too deep") from None


def keep_item(raw: bytes, received_at: dt.datetime) -> Text:
    """Keep an item that cannot be read as a text of its own, for a person to see."""
    text = clean_text(raw.decode("utf-8", "replace"))
    return Text(
        sender="",
        text=text,
        external_id=make_external_id("", "", text, received_at),
        recipient="",
        sent_at=None,
        raw=raw,
        media_type=JSON,
    )


def escape_xml(text: str) -> str:
    """Make *text* safe inside XML and HTML; what XML has no way to write is left out."""
    return html.escape(UNWRITABLE.sub("", text))
