"""
Which files of ``in/`` are complete, and what goes with each: its checksum, its receipt.

What is settled and still lacks something waits there, and is told once: only a person knows whether
the rest will ever come.
"""

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from ingest.channels.deposits import BLOCK, CHECKSUMS, DONE
from ingest.channels.registry.folders import Found
from ingest.settings import RegistrySettings

LARGEST_SIDE = 65_536
"""Bytes of a file that is taken for a checksum or a receipt."""
HEX = re.compile(r"\b[0-9A-Fa-f]{32,128}\b")
ENCODINGS = ("utf-8", "cp1251")
"""Of receipts where the dialect does not say: the name of a file is rarely more than ASCII."""


ENDINGS: dict[str, tuple[str, ...]] = {
    "settled": (),
    "done-file": (DONE,),
    "checksum-file": tuple(CHECKSUMS),
}
"""How the side file ends that a channel waits for."""


class Complete(Struct, frozen=True):
    """A file that can be claimed, and the names of what goes with it."""

    found: Found
    beside: tuple[str, ...] = ()
    shared: frozenset[str] = frozenset()
    """Those of them that go with a later file as well."""


class Mismatch(Struct, frozen=True):
    """A checksum that is another than that of the content."""

    found: str
    wanted: str


class SideFiles:
    """Sorts the files at rest of one folder."""

    def __init__(self, settings: RegistrySettings, incoming: Path) -> None:
        self._incoming = incoming
        self._endings = ENDINGS[settings.complete]
        receipt = getattr(settings.dialect, "receipt", "")
        encoding = getattr(settings.dialect, "encoding", "detect")
        self._receipt = re.compile(receipt) if receipt else None
        """Of a line of a receipt."""
        self._encodings = ENCODINGS if encoding == "detect" else (encoding,)

    def sort(self, rested: Sequence[Found]) -> tuple[list[Complete], list[str]]:
        """Return the complete files in order, and the names of those that wait for another."""
        receipts = self.read_receipts(rested)
        sides = {one.name for one in rested if one.name.lower().endswith(self._endings or "\0")}
        found = [one for one in rested if one.name not in sides and one.name not in receipts]
        complete, waiting = [], []
        for one in found:
            beside = self.find_beside(one.name, sides, receipts)
            if all(beside):
                complete.append(Complete(one, beside))
            else:
                waiting.append(one.name)
        used = {name for one in complete for name in one.beside}
        return share(complete), [*waiting, *sorted((sides | receipts.keys()) - used)]

    def find_beside(
        self, name: str, sides: Iterable[str], receipts: Mapping[str, Collection[str]]
    ) -> tuple[str, ...]:
        """Return what goes with the file *name*; empty names stand for what is not there."""
        beside = []
        if self._endings:
            beside.append(find_side(name, sides, self._endings))
        if self._receipt:
            beside.append(find_receipt(name, receipts))
        return tuple(beside)

    def read_receipts(self, rested: Iterable[Found]) -> dict[str, Collection[str]]:
        """Return the receipts among the files, and of which registries each speaks."""
        if self._receipt is None:
            return {}
        small = [one.name for one in rested if one.size <= LARGEST_SIDE]
        read = {name: self.read_receipt(read_small(self._incoming / name)) for name in small}
        return {name: files for name, files in read.items() if files}

    def read_receipt(self, raw: bytes) -> Collection[str]:
        """Return the registries that a receipt names, ``""`` where it names none; else nothing."""
        texts = [line.strip() for line in self.decode(raw).lstrip("\ufeff").splitlines()]
        matches = [self._receipt.fullmatch(text) for text in texts if text and self._receipt]
        if not all(matches):
            return ()
        return {fold(one.groupdict().get("file") or "") for one in matches if one}

    def decode(self, raw: bytes) -> str:
        """Return the text of a receipt."""
        for encoding in self._encodings:
            with suppress(UnicodeDecodeError):
                return raw.decode(encoding)
        return raw.decode("latin-1")


def find_side(name: str, sides: Iterable[str], endings: Iterable[str]) -> str:
    """Return the side file of *name*: behind its whole name, or in place of its ending."""
    wanted = {f"{base}{end}".lower() for base in (name, cut_ending(name)) for end in endings}
    return min(sorted(one for one in sides if one.lower() in wanted), key=len, default="")


def find_receipt(name: str, receipts: Mapping[str, Collection[str]]) -> str:
    """Return the receipt that speaks of the file *name*; one that names none has its name."""
    for receipt, files in sorted(receipts.items()):
        if fold(name) in files:
            return receipt
        if "" in files and fold(cut_ending(name)) == fold(cut_ending(receipt)):
            return receipt
    return ""


def share(complete: Iterable[Complete]) -> list[Complete]:
    """Note for each file which of its side files are needed by later ones as well."""
    shared: list[Complete] = []
    needed: set[str] = set()
    for one in reversed(list(complete)):
        later = frozenset(one.beside) & needed
        shared.append(Complete(one.found, one.beside, later))
        needed |= set(one.beside)
    return shared[::-1]


def cut_ending(name: str) -> str:
    """Return a name without its ending."""
    return os.path.splitext(name)[0]  # noqa: PTH122 -- foreign names are no paths


def fold(name: str) -> str:
    """Return a name as names are compared."""
    return name.strip().casefold()


def read_small(path: Path) -> bytes:
    """Return the content of a small regular file; empty when it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            raw = file.read(LARGEST_SIDE + 1)
    except OSError:
        return b""
    return raw if len(raw) <= LARGEST_SIDE else b""


def find_mismatch(beside: Iterable[Path], file: BinaryIO) -> Mismatch | None:
    """Compare a file with the checksums beside it; None when they agree or there is none."""
    for path in beside:
        algorithm = CHECKSUMS.get(path.suffix.lower())
        if algorithm is None:
            continue
        size = hashlib.new(algorithm).digest_size * 2
        text = read_small(path).decode("ascii", "replace")
        wanted = [one.lower() for one in HEX.findall(text) if len(one) == size]
        found = take_digest(file, algorithm)
        if found not in wanted:
            return Mismatch(found, wanted[0] if wanted else text.strip()[:80])
    return None


def take_digest(file: BinaryIO, algorithm: str) -> str:
    """Return the digest of a file in hex; it is read from its beginning, and wound back."""
    digest = hashlib.new(algorithm)
    file.seek(0)
    while block := file.read(BLOCK):
        digest.update(block)
    file.seek(0)
    return digest.hexdigest()
