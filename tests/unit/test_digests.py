"""Digests that an upload brings along."""

import base64
import hashlib

import pytest

from ingest.channels.registry.digests import Check, find_sha256, parse_digests


def spell(algorithm: str, content: bytes = b"x") -> str:
    return base64.b64encode(hashlib.new(algorithm, content).digest()).decode()


GOOD = [
    pytest.param("Content-Digest", f"sha-256=:{spell('sha256')}:", id="RFC 9530"),
    pytest.param(
        "Repr-Digest", f"sha-512=:{spell('sha512')}:, unixsum=:AAAA:", id="one that we know not"
    ),
    pytest.param("Digest", f"SHA-256={spell('sha256')},md5={spell('md5')}", id="RFC 3230"),
    pytest.param("Content-MD5", spell("md5"), id="RFC 1864"),
    pytest.param("Content-Type", "text/csv", id="none"),
]


@pytest.mark.parametrize(("name", "value"), GOOD)
@pytest.mark.parametrize(("content", "agrees"), [(b"x", True), (b"y", False)])
def test_content_is_compared(name: str, value: str, content: bytes, agrees: bool) -> None:
    """What is another than any digest that came along does not agree."""
    wanted = parse_digests([(name, value)])
    check = Check(wanted)
    check.update(content)
    assert (agrees or not wanted) == check.agrees()


BAD = [
    pytest.param("Content-Digest", "sha-256=abc", id="not in colons"),
    pytest.param("Content-Digest", "sha-256=:AAAA:", id="too short"),
    pytest.param("Digest", "nonsense", id="no digest"),
    pytest.param("Content-MD5", "äöü", id="no base64"),
]


@pytest.mark.parametrize(("name", "value"), BAD)
def test_what_is_no_digest_is_refused(name: str, value: str) -> None:
    """A partner who sends one wants it to be checked."""
    with pytest.raises(ValueError):
        parse_digests([(name, value)])


def test_the_digest_that_signatures_cover_is_found() -> None:
    """It stands for the content, which is too large to be signed."""
    wanted = parse_digests([("Content-Digest", f"sha-256=:{spell('sha256')}:")])
    assert hashlib.sha256(b"x").hexdigest() == find_sha256(wanted)
    assert "" == find_sha256(parse_digests([("Content-MD5", spell("md5"))]))
