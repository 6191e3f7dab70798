"""Network addresses as config.toml writes them: listeners and allow-lists."""

import ipaddress
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Listen(Struct, frozen=True):
    """Where a listener stands: a TCP host and port, or a unix socket."""

    host: str = ""
    port: int = 0
    socket: Path | None = None

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine can reach it."""
        if self.socket is not None or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        if self.socket is not None:
            return f"unix:{self.socket}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen(text: str, state_dir: Path) -> Listen:
    """
    Read ``host:port``, ``[v6]:port`` or ``unix:PATH``; a relative path lies in *state_dir*.

    Port 0 lets the system choose. Raises ValueError that says what was found and wanted.
    """
    if text.startswith("unix:") and len(text) > len("unix:"):
        return Listen(socket=state_dir / text.removeprefix("unix:"))
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit() and int(port) < 65536):  # noqa: PLR2004 -- TCP's
        raise ValueError(f"found {text!r}, wanted host:port or unix:PATH")
    return Listen(host=host, port=int(port))


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Read networks such as ``10.0.0.0/8`` or single addresses; raises ValueError."""
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as error:
        raise ValueError(f"found {error}, wanted an address or a network like 10.0.0.0/8") from None


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Tell whether *address* lies in one of *networks*; IPv6-mapped IPv4 counts as IPv4."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in network for network in networks)


def find_client(peer: str, forwarded_for: str, proxies: Sequence[Network]) -> str:
    """
    Return the address a request came from.

    ``X-Forwarded-For`` is believed from the right, and only as far as its writers are trusted
    proxies; a client can put anything to its left.
    """
    client = peer
    for hop in reversed([hop.strip() for hop in forwarded_for.split(",") if hop.strip()]):
        if not is_within(client, proxies):
            break
        client = hop
    return client
