"""Notices to systemd."""

import socket

import pytest

from ingest.notify import READY, notify


@pytest.mark.parametrize("is_abstract", [False, True], ids=["path", "abstract"])
def test_sends_one_datagram(tmp_path, is_abstract):
    """All lines go in one datagram to the socket that systemd named."""
    name = f"@ingest-{tmp_path.name}" if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(f"\0{name[1:]}" if is_abstract else name)
        notify(READY, "STATUS=taking readings", environ={"NOTIFY_SOCKET": name})
        assert b"READY=1\nSTATUS=taking readings" == receiver.recv(4096)


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nonexistent/socket"}])
def test_nobody_listens(environ):
    """Without systemd nothing happens, and nothing fails."""
    notify(READY, environ=environ)
