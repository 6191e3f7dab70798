"""The receipt that some partners send beside a registry: one line about the file as a whole."""

import re

from ingest.channels.dialects.controls import Figures, read_figures
from ingest.channels.dialects.faults import Fault, Problem, shorten
from ingest.channels.dialects.lines import LINE_ENDS
from ingest.channels.dialects.sniffing import Sniffer
from ingest.settings import TextDialect

LARGEST = 65_536
"""Bytes of a companion file; a larger one is none."""


def read_companion(raw: bytes, dialect: TextDialect, file_name: str) -> Figures | Problem:
    """
    Return the control figures for the file named *file_name* from its companion's content.

    Blank lines are no matter; there must be one line that speaks of this very file.
    """
    encoding = dialect.encoding
    if encoding == "detect":
        sniffer = Sniffer()
        sniffer.feed(raw[:LARGEST])
        encoding = sniffer.choose()
    lines = raw[:LARGEST].decode(encoding, "replace").lstrip("\ufeff").split("\n")
    texts = [text for line in lines if (text := line.strip(LINE_ENDS).strip())]
    matches = [match for text in texts if (match := re.fullmatch(dialect.receipt, text))]
    named = [one for one in matches if is_about(one, file_name)]
    if len(named) != 1:
        found = texts[0] if texts else ""
        return Problem(Fault.RECEIPT, shorten(found), f"{dialect.receipt} ({file_name})")
    return read_figures(named[0])


def is_about(match: re.Match[str], file_name: str) -> bool:
    """Tell whether a line speaks of *file_name*, or names no file at all."""
    name = match.groupdict().get("file")
    return name is None or name.strip().casefold() == file_name.casefold()
