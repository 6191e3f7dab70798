"""
Tells systemd how the daemon fares, over the socket that it names.

A datagram of ``KEY=VALUE`` lines; see sd_notify(3). Nothing happens where no socket is named. The
folder ``systemd/`` beside the package would answer to ``import systemd``, hence no such import.
"""

import contextlib
import os
import socket
from collections.abc import Mapping

READY = "READY=1"
STOPPING = "STOPPING=1"
WATCHDOG = "WATCHDOG=1"


def notify(*lines: str, environ: Mapping[str, str] | None = None) -> None:
    """Send *lines*; a notice that cannot be sent is not worth stopping for."""
    path = (os.environ if environ is None else environ).get("NOTIFY_SOCKET", "")
    if not path:
        return
    address = f"\0{path[1:]}" if path.startswith("@") else path
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
    ):
        sender.setblocking(False)  # nobody reads: the event loop must not wait for it
        sender.sendto("\n".join(lines).encode(), address)
