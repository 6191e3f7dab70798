"""
Says what a person must see of a mail whose own words hold no reading: where one may be instead.

Nothing of this is judged. A forwarded mail holds somebody's reading, a photograph a meter: they
are named and, where they are text, shown.
"""

from collections.abc import Iterable

from msgspec import Struct

from ingest.mail.bodies import DATA, MARKUP, SIGNATURES, Aside, Body, shorten
from ingest.mail.charsets import decode_text
from ingest.mail.echoes import take_off_echoes
from ingest.mail.figures import seems_to_hold_account
from ingest.mail.headers import CONTROLS, clean_line, find_address
from ingest.mail.markup import render_html
from ingest.mail.rtf import render_rtf

MOST_ASIDES = 20
MOST_BYTES = 100_000
"""Of one that is looked into, still encoded: the text of a mail stands at its beginning."""
MOST_BYTES_OF_ALL = 300_000
MOST_LIST_BYTES = 1_000_000
"""Of a partner's list."""
LONGEST = 10_000
"""Characters of one that are shown."""
LONGEST_SUBJECT = 200
LISTS = (".txt", ".csv")
"""Files of a partner that are read as if they stood in the mail."""
READABLE = (*LISTS, ".htm", ".html", ".log", ".md", ".rtf", ".tsv", ".xml")


class Finding(Struct, frozen=True):
    """What was found in an aside."""

    label: str
    """The line above it."""
    text: str
    """Empty where it cannot be read."""


def read_lists(asides: Iterable[Aside]) -> str:
    """Return the text of the files that a partner may send in place of a text."""
    files = [one for one in asides if one.label == "attached file" and is_list(one)]
    texts = [read_file(one, MOST_LIST_BYTES) for one in files[:MOST_ASIDES]]
    return shorten("\n".join("\n".join(texts).splitlines()))


def list_files(asides: Iterable[Aside]) -> list[tuple[str, bytes]]:
    """Return name and content of the files that may be registries: no pictures, no signatures."""
    files = [one for one in asides if one.label == "attached file" and not is_ornament(one)]
    return [(one.name, unpack_whole(one)) for one in files]


def is_ornament(aside: Aside) -> bool:
    """Tell whether a file belongs to the looks of a mail, or to its proof."""
    return aside.kind.startswith(("image/", "text/calendar")) or aside.kind in SIGNATURES


def unpack_whole(aside: Aside) -> bytes:
    """Return the whole content of a file; the line end before a boundary is the boundary's."""
    part = aside.part
    if part is None:
        return aside.content
    is_crlf = part.size > 0 and part.source[part.end - 1 : part.end + 1] == b"\r\n"
    return part.unpack(part.size - is_crlf)


def is_list(aside: Aside) -> bool:
    """Tell whether a file is a plain list of readings, by its name or else by its type."""
    if aside.name:
        return aside.name.lower().endswith(LISTS)
    return aside.kind in ("text/plain", "text/csv")


def describe_asides(asides: list[Aside], *, with_names: bool) -> list[str]:
    """Return those that seem to hold an account; *with_names* those that cannot be read as well."""
    described = []
    unread = MOST_BYTES_OF_ALL
    for aside in asides[:MOST_ASIDES]:
        most = min(MOST_BYTES, unread, aside.size)
        found = look_into(aside, most)
        unread -= most
        if seems_to_hold_account(take_off_echoes(found.text)):
            described.append(f"{found.label}\n{found.text[:LONGEST].strip()}")
        elif with_names and (not found.text or aside.label == "attached mail"):
            described.append(found.label)
    return described


def look_into(aside: Aside, most: int) -> Finding:
    """Return what *aside* is and, as far as its first *most* bytes can be read, says."""
    name = clean_line(aside.name or aside.kind)
    text = aside.text
    if aside.label == "attached mail" and aside.part is not None:
        mail = Body(aside.part.unpack(most))
        subject = clean_line(mail.headers.get("subject"))[:LONGEST_SUBJECT]
        sender = find_address(mail.headers.get_plain("from"))
        name = ", ".join(filter(None, (subject or aside.name, sender and f"from {sender}")))
        text = mail.text
    elif not text:
        text = read_file(aside, most)
    label = aside.label if text else f"{aside.label}, not read"
    return Finding(f"[{label}: {name}]" if name else f"[{label}]", text)


def read_file(aside: Aside, most: int) -> str:
    """Return the text of a file as far as it is one; empty where it cannot be read."""
    if not is_readable(aside):
        return ""
    data = aside.content[:most] if aside.part is None else aside.part.unpack(most)
    label = "" if aside.part is None else aside.part.parameters.get("charset", "")
    return render_file(aside, CONTROLS.sub("", decode_text(data, label)))


def is_readable(aside: Aside) -> bool:
    """Tell whether a file is text of some kind."""
    if aside.kind.startswith("text/") or aside.kind in MARKUP | DATA:
        return True
    return aside.name.lower().endswith(READABLE)


def render_file(aside: Aside, text: str) -> str:
    """Return what a person sees of a file that is text."""
    if text.startswith("{\\rtf"):
        return render_rtf(text.encode("cp1252", "replace"))
    if aside.kind in MARKUP or aside.name.lower().endswith((".htm", ".html")):
        return render_html(text)
    return text
