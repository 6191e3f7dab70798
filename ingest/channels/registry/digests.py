"""Digests that an upload brings along, so that what arrived is known to be what was sent. Pure."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable

from msgspec import Struct

ALGORITHMS = {
    "sha-256": "sha256",
    "sha-512": "sha512",
    "sha": "sha1",
    "md5": "md5",
}
"""As RFC 9530 and RFC 3230 call them; others are passed over."""
BY_CONTENT = re.compile(r"\s*([a-z0-9*_.-]+)\s*=\s*:([^:]*):(?:;.*)?\s*", re.IGNORECASE)
BY_INSTANCE = re.compile(r"\s*([a-z0-9-]+)\s*=\s*(\S+?)\s*", re.IGNORECASE)


class Digest(Struct, frozen=True):
    """What a file should come to."""

    algorithm: str
    """As hashlib calls it."""
    value: bytes


def parse_digests(headers: Iterable[tuple[str, str]]) -> list[Digest]:
    """Return the digests of ``Content-Digest``, ``Repr-Digest``, ``Digest`` and ``Content-MD5``."""
    found = []
    for name, value in headers:
        if (kind := name.lower()) in {"content-digest", "repr-digest"}:
            found += parse_list(value, BY_CONTENT)
        elif kind == "digest":
            found += parse_list(value, BY_INSTANCE)
        elif kind == "content-md5":
            found.append(make_digest("md5", value))
    return found


def parse_list(value: str, form: re.Pattern[str]) -> list[Digest]:
    """Read a list of digests; raises ValueError for one that is none."""
    found = []
    for item in value.split(","):
        match = form.fullmatch(item)
        if match is None:
            raise ValueError(f"this is no digest: {item.strip()[:80]}")
        if algorithm := ALGORITHMS.get(match[1].lower()):
            found.append(make_digest(algorithm, match[2]))
    return found


def make_digest(algorithm: str, text: str) -> Digest:
    """Return a digest in base64; raises ValueError when it cannot be one."""
    try:
        value = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        value = b""
    if len(value) != hashlib.new(algorithm).digest_size:
        raise ValueError(f"this is no {algorithm} in base64: {text.strip()[:80]}")
    return Digest(algorithm, value)


class Check:
    """Takes the digests of a file as it comes."""

    def __init__(self, wanted: Iterable[Digest]) -> None:
        self._wanted = tuple(wanted)
        self._hashes = {one.algorithm: hashlib.new(one.algorithm) for one in self._wanted}

    def update(self, block: bytes) -> None:
        """Take the next bytes."""
        for one in self._hashes.values():
            one.update(block)

    def agrees(self) -> bool:
        """Tell whether everything that was wanted came out."""
        return all(
            hmac.compare_digest(self._hashes[one.algorithm].digest(), one.value)
            for one in self._wanted
        )


def find_sha256(wanted: Iterable[Digest]) -> str:
    """Return the announced SHA-256 in hex; empty when none is."""
    return next((one.value.hex() for one in wanted if one.algorithm == "sha256"), "")
