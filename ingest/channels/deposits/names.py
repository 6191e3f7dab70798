"""What files of strangers may be called: a name is data, never a path."""

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

UNFINISHED = (".part", ".tmp", ".filepart")
"""Endings under which upload programs keep what they have not finished."""
LONGEST_NAME = 255
"""Bytes of a file name on Linux."""
LONGEST_SUFFIX = 40
"""Bytes kept free for what we append, and the longest ending that is taken for one."""
DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Marks that let ``exe.csv`` be shown as something else."""


def check_name(name: str) -> str:
    """Return why a file cannot be called *name*; empty when it can."""
    if not name or name in {".", ".."} or "/" in name or "\\" in name:
        return "a file name is wanted, not a path"
    if not name.isprintable() or DIRECTIONS.search(name):
        return "the name holds characters that cannot be seen"
    if len(os.fsencode(name)) > LONGEST_NAME - LONGEST_SUFFIX:
        return f"the name is longer than {LONGEST_NAME - LONGEST_SUFFIX} bytes"
    if is_hidden(name):
        return (
            "a name with a dot at its beginning or .part, .tmp, .filepart at its end says that "
            "the file is not finished"
        )
    return ""


def clean_name(name: str, default: str) -> str:
    """Return *name* as a file can be called: without path, and without what cannot be seen."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(c for c in DIRECTIONS.sub("", last) if c.isprintable()).strip().lstrip(".")
    while kept.lower().endswith(UNFINISHED):
        kept = kept.rpartition(".")[0]
    stem, ending = os.path.splitext(kept)  # noqa: PTH122 -- foreign names are no paths
    if len(os.fsencode(ending)) > LONGEST_SUFFIX:
        stem, ending = kept, ""
    return fit(stem, ending, LONGEST_NAME - 2 * LONGEST_SUFFIX) if kept else default


def is_hidden(name: str) -> bool:
    """Tell whether a name says that it is not for us, or not yet."""
    return name.startswith(".") or name.lower().endswith(UNFINISHED)


def find_free_name(folder: Path, name: str, longest: int = LONGEST_NAME) -> Path:
    """Return a path in *folder* that nothing has, named *name* if it can be."""
    candidates = (folder / candidate for candidate in number_names(name, longest))
    return next(path for path in candidates if not os.path.lexists(path))


def number_names(name: str, longest: int) -> Iterator[str]:
    """Yield *name*, then *name* with numbers before its ending; each fits into *longest* bytes."""
    stem, ending = os.path.splitext(name)  # noqa: PTH122 -- foreign names are no paths
    if len(os.fsencode(ending)) > LONGEST_SUFFIX:
        stem, ending = name, ""
    yield fit(stem, ending, longest)
    for number in itertools.count(2):
        yield fit(stem, f".{number}{ending}", longest)


def fit(stem: str, ending: str, longest: int) -> str:
    """Join a name from its parts, the stem cut to what fits."""
    room = longest - len(os.fsencode(ending))
    raw = os.fsencode(stem)
    if len(raw) <= room:
        return stem + ending
    return raw[:room].decode("utf-8", "ignore") + ending


def show_name(name: str) -> str:
    """Return a foreign name as it may be logged, stored and shown: valid text on one line."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
