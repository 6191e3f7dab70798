"""What is wrong with single values: networks, patterns, zones, URLs."""

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from ingest.addresses import parse_listen, parse_networks

HOST = re.compile(r"(?=.{1,253}\Z)(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}")


def check_networks(where: str, texts: tuple[str, ...]) -> Iterator[str]:
    """Yield what is wrong with an allow-list."""
    try:
        parse_networks(texts)
    except ValueError as error:
        yield f"{where}: {error}"


def check_pattern(where: str, pattern: str) -> Iterator[str]:
    """Yield what is wrong with a regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        yield f"{where}: found {pattern!r}, wanted a regular expression ({error})"


def has_group(pattern: str) -> bool:
    """Tell whether a regular expression has a group; a malformed one is told elsewhere."""
    try:
        return re.compile(pattern).groups > 0
    except re.error:
        return True


def check_zone(where: str, name: str) -> Iterator[str]:
    """Yield what is wrong with the name of a time zone; empty means the service's."""
    if name and find_zone(name) is None:
        yield f"{where}: found {name!r}, wanted an IANA name like Asia/Krasnoyarsk"


def find_zone(name: str) -> ZoneInfo | None:
    """Return the time zone of that name, or None."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return None


def is_local(listen: str, state_dir: Path) -> bool:
    """Tell whether only this machine can reach the listener; a malformed one is told elsewhere."""
    try:
        return parse_listen(listen, state_dir).is_local
    except ValueError:
        return True


def split_url(url: str) -> SplitResult | None:
    """Take a URL apart; None when it is malformed, in its port too."""
    try:
        split = urlsplit(url)
        is_sound = split.port != 0
    except ValueError:
        return None
    return split if is_sound else None


def hide_url(url: str) -> str:
    """Show of a URL only its scheme, or a plain word: a password may stand in anything else."""
    scheme, mark, rest = url.partition(":")
    if mark and SCHEME.fullmatch(scheme):
        return f"'{scheme}://...'" if rest.startswith("//") else f"'{scheme}:...'"
    return repr(url) if re.fullmatch(r"[a-z]{0,20}", url) else "something else"


def check_host(where: str, host: str) -> Iterator[str]:
    """Yield what is wrong with the name or the address of a server, which has a port elsewhere."""
    if HOST.fullmatch(host) or is_address(host):
        return
    shown = hide_url(host) if "@" in host or "://" in host else repr(host)
    yield (
        f"{where}: found {shown}, wanted a bare host name like server.example.org; "
        "the port goes into port"
    )


def is_address(text: str) -> bool:
    """Tell whether *text* is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def find_placeholders(text: str) -> list[str]:
    """Find the names that stand in braces."""
    return re.findall(r"\{(\w+)\}", text)
