"""The connection beneath IMAPClient: every wait has an end, and every answer a size."""

import contextlib
import imaplib
import select
import socket
import ssl
import threading
from typing import Any, Final

from imapclient import IMAPClient
from msgspec import Struct

MOST_TALK = 2_000_000
"""Bytes that the server may say in answer to a command that fetches no mail."""
LONGEST_LINE = 1_000_000
BLOCK = 65_536
LASTING = ("BYE", "READ-ONLY")
"""What the server has said once and for all."""


class Endpoint(Struct, frozen=True, kw_only=True):
    """Where a mailbox is, and how it is reached."""

    host: str
    port: int
    timeout: float
    """Seconds that the server may be silent when it is its turn."""
    security: str
    tls: ssl.SSLContext | None = None
    """None only with ``security = "none"``."""

    @property
    def tls_first(self) -> bool:
        """Whether the connection begins with TLS."""
        return self.security == "tls"

    @property
    def where(self) -> str:
        """Host and port, for people."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class OversizeError(imaplib.IMAP4.abort):
    """The server announced more than was asked for; it is not read, and the connection is over."""


class Switch:
    """Cuts a connection off, from any thread and at any moment, also while it is being made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_cut = False

    def hold(self, connected: socket.socket) -> None:
        """Take charge of a socket; raises when it is to be cut already."""
        with self._lock:
            self._socket = connected
            if self._is_cut:
                connected.close()
                raise ConnectionAbortedError("the connection was given up")

    def cut(self) -> None:
        """End the connection at once; whoever waits for it is woken."""
        with self._lock:
            self._is_cut = True
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    # Not the socket's own: that of a TLS socket pulls the rug from under a reader.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the socket; for the thread that uses it."""
        self.cut()
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None


class Wire(imaplib.IMAP4):
    """
    One connection, read by ourselves.

    The library believes what a server says about sizes, and its notion of a time-out leaves half
    lines behind. Here no more is read than the caller allowed for, and a literal that is larger
    is refused before it is read.
    """

    def __init__(self, endpoint: Endpoint, switch: Switch) -> None:
        self._endpoint: Final = endpoint
        self._switch: Final = switch
        self._unread = bytearray()
        self._left = self._largest = MOST_TALK
        self.has_news = False
        """Whether the server has said, since this was last set, that there is new mail."""
        self.epoch: object = b""
        """The UIDVALIDITY that the server mentioned last."""
        super().__init__(endpoint.host, endpoint.port, endpoint.timeout)

    def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
        """Connect, by TLS where that comes first."""
        self.host, self.port = host, port
        self.sock = socket.create_connection((host, port), timeout)
        self._switch.hold(self.sock)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._endpoint.security == "tls":
            self._secure()

    def starttls(self, ssl_context: ssl.SSLContext | None = None) -> Any:  # noqa: ANN401 -- of a reply
        """Go on by TLS; what came before it is not believed."""
        kind, data = self._simple_command("STARTTLS")
        if kind == "OK":
            if self._unread:
                raise self.abort("the server said more than was asked before TLS began")
            self._secure()
            self.untagged_responses.clear()
            self._tls_established = True
            self._get_capabilities()
        return kind, data

    def _secure(self) -> None:
        """Put TLS between us and the server."""
        if self._endpoint.tls is None:
            raise self.abort("no TLS is set up")
        self.sock = self._endpoint.tls.wrap_socket(
            self.sock, server_hostname=self.host, do_handshake_on_connect=False
        )
        self._switch.hold(self.sock)
        self.sock.do_handshake()

    def allow(self, total: int = MOST_TALK, literal: int = MOST_TALK) -> None:
        """Say how many bytes the next answers may have, and forget what was answered before."""
        self._left, self._largest = total, literal
        said = self.untagged_responses
        self.has_news |= "EXISTS" in said
        self.epoch = said.get("UIDVALIDITY", [self.epoch])[-1]
        self.untagged_responses = {key: said[key] for key in LASTING if key in said}

    def read(self, size: int) -> bytes:
        """Read a literal."""
        if size > self._largest or size > self._left + len(self._unread):
            raise OversizeError(f"the server announces {size} bytes, more than was asked for")
        data = self._unread[:size]
        del self._unread[:size]
        while len(data) < size:
            data += self._receive(min(size - len(data), BLOCK))
        return bytes(data)

    def readline(self) -> bytes:
        """Read a line."""
        known = 0
        while (end := self._unread.find(b"\n", known)) < 0:
            known = len(self._unread)
            if known > LONGEST_LINE:
                raise OversizeError(f"the server sends a line of more than {LONGEST_LINE} bytes")
            self._unread += self._receive(BLOCK)
        line = bytes(self._unread[: end + 1])
        del self._unread[: end + 1]
        return line

    def _receive(self, most: int) -> bytes:
        """Receive some bytes; raises when there will be none, or too many."""
        data = self.sock.recv(most)
        if not data:
            raise self.abort("the server closed the connection")
        self._left -= len(data)
        if self._left < 0:
            raise OversizeError("the server sends more than was asked for")
        return data

    def shutdown(self) -> None:
        """Close the connection."""
        self._switch.close()

    def begin_idle(self) -> bytes:
        """Ask to be told of new mail (RFC 2177); return the command's tag, empty when refused."""
        tag: bytes = self._command("IDLE")
        while self._get_response() is not None:
            if self.tagged_commands[tag]:
                del self.tagged_commands[tag]
                return b""
        return tag

    def end_idle(self, tag: bytes) -> None:
        """Ask to be told no more."""
        self.send(b"DONE\r\n")
        self._command_complete("IDLE", tag)

    def wait_for_word(self, seconds: float) -> None:
        """Return when the server says anything, when the connection is cut, or when time is up."""
        if self._unread or (isinstance(self.sock, ssl.SSLSocket) and self.sock.pending()):
            return
        poller = select.poll()
        poller.register(self.sock, select.POLLIN)
        poller.poll(seconds * 1000)


class Client(IMAPClient):
    """IMAPClient on a connection of ours."""

    def __init__(self, endpoint: Endpoint, switch: Switch) -> None:
        self.wire: Wire
        self._endpoint = endpoint
        self._switch = switch
        super().__init__(
            endpoint.host,
            endpoint.port,
            ssl=endpoint.security == "tls",
            ssl_context=endpoint.tls,
            timeout=endpoint.timeout,
        )
        # It would put every answer into words, mails and all, for a log that nobody reads.
        self.wire.debug = 0
        self.normalise_times = False

    def _create_IMAP4(self) -> Wire:  # noqa: N802 -- the library's name
        self.wire = Wire(self._endpoint, self._switch)
        return self.wire
