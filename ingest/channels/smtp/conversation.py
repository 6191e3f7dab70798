"""
One SMTP or LMTP conversation: aiosmtpd's grammar, with the limits and answers that we promise.

Of a mail's content we read the bytes ourselves. So lines may be as long as HTML mails have them,
a slow mail is not cut off while it flows, LMTP gets one answer a recipient, and the content is
not copied line by line. Only <CR><LF>.<CR><LF> ends it; no other form that looks like it does.
"""

import asyncio
import collections
import re
import ssl
from contextlib import suppress
from typing import Protocol

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session
from msgspec import Struct

MOST_RECIPIENTS = 100
MOST_ERRORS = 20
"""Refusals in one conversation; a client that earns more guesses addresses."""
MOST_COMMANDS = 10_000
"""Of one kind in one conversation; a mail server keeps one open for many mails."""
MOST_SILENCES = 10
"""A whole mail may take so many times as long as a client may be silent."""
TRIED_AGAIN = "451 4.3.0 Not taken for now, try again later"
END = b".\r\n"

PATH = re.compile(r'\s*(?:<((?:"(?:[^"\\]|\\.)*"|[^"<>\s])*)>|([^<>\s"]+))(.*)', re.DOTALL)
"""An address in a command with or without angle brackets, and what follows it."""
ENHANCED = {
    "250 OK": "250 2.0.0 OK",
    "221 Bye": "221 2.0.0 Bye",
    "220 Ready to start TLS": "220 2.0.0 Ready to start TLS",
}
CODES = {
    "454": "4.7.0",
    "500": "5.5.2",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
    "552": "5.3.4",
    "555": "5.5.4",
}
"""The enhanced status codes (RFC 3463) that aiosmtpd leaves out; LMTP demands them."""


class Manners(Struct, frozen=True, kw_only=True):
    """What holds for all conversations of a channel."""

    hostname: str
    recipients: frozenset[str]
    """In lower case."""
    max_size: int
    timeout: float
    tls: ssl.SSLContext | None
    require_tls: bool


class Host(Protocol):
    """The channel that a conversation belongs to."""

    @property
    def manners(self) -> Manners:
        """What holds for all its conversations."""

    def enter(self, conversation: "Conversation") -> None:
        """Note that a client has connected."""

    def admit(self, conversation: "Conversation") -> str:
        """Count the client in; or return the line that turns it away."""

    def leave(self, conversation: "Conversation") -> None:
        """Note that a client is gone."""

    def refuse(self, cause: str, client: str, detail: str = "") -> None:
        """Record that something was turned away."""

    def fail(self, error: Exception) -> None:
        """Record a fault of ours."""

    async def take(self, sender: str, recipients: list[str], content: bytes) -> str:
        """Take one mail; return the answer, which is 250 only when it is committed."""


class Hooks:
    """What aiosmtpd asks us during a conversation."""

    def __init__(self, host: Host, conversation: "Conversation") -> None:
        self._host = host
        self._conversation = conversation

    async def handle_EHLO(  # noqa: N802 -- aiosmtpd's name and arguments
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Offer what we can; AUTH is not among it."""
        session.host_name = hostname
        kept = [line for line in responses if not line.startswith(("250-AUTH", "250 HELP"))]
        return [*kept, "250-PIPELINING", "250 ENHANCEDSTATUSCODES"]

    async def handle_MAIL(  # noqa: N802 -- as above
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Begin a mail, inside TLS where that is demanded."""
        if self._host.manners.require_tls and session.ssl is None:
            self._conversation.refuse("no_tls")
            return "530 5.7.0 Must issue a STARTTLS command first"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802 -- as above
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Take mail for our own addresses and for nobody else."""
        if address.lower() not in self._host.manners.recipients:
            self._conversation.refuse("recipient", address.rpartition("@")[2])
            return "550 5.1.1 No such recipient here"
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address.lower())
        return "250 2.1.5 OK"

    async def handle_exception(self, error: Exception) -> str:
        """Refuse for now: a fault of ours is never final."""
        self._host.fail(error)
        return TRIED_AGAIN


class Conversation(SMTP):
    """One client of an SMTP listener."""

    command_size_limit = 2048
    line_length_limit = 65_536
    """Also how much is read ahead; a content may have longer lines."""

    def __init__(self, host: Host, loop: asyncio.AbstractEventLoop) -> None:
        manners = host.manners
        super().__init__(
            Hooks(host, self),
            data_size_limit=manners.max_size,
            enable_SMTPUTF8=True,
            hostname=manners.hostname,
            ident="ESMTP",
            tls_context=manners.tls,
            timeout=manners.timeout,
            command_call_limit=MOST_COMMANDS,
            loop=loop,
        )
        # aiosmtpd keeps these in one table for all conversations, and resets it with each new one.
        self.command_size_limits = collections.defaultdict(lambda: self.command_size_limit)
        self._smtp_methods.pop("AUTH")
        self.gone: asyncio.Future[None] = loop.create_future()
        """Done once the connection is closed."""
        self._host = host
        self._errors = 0
        self._receiving = False
        self._leaving = False

    @property
    def peer(self) -> str:
        """The network address of the client; empty on a unix socket."""
        found = None if self.transport is None else self.transport.get_extra_info("peername")
        return str(found[0]) if isinstance(found, tuple) else ""

    def refuse(self, cause: str, detail: str = "") -> None:
        """Record that something was turned away."""
        self._host.refuse(cause, self.peer, detail)

    def finish(self) -> None:
        """Say goodbye: now, or once the mail that is under way is answered."""
        self._leaving = True
        if not self._receiving:
            self.say_goodbye("421 4.3.2 Service is stopping, try again later")

    def abort(self) -> None:
        """Cut the connection."""
        if self.transport is None:
            return
        self._writer.transport.abort()
        if self._is_shaking_hands():
            # asyncio does not tell of a connection that we end before TLS has begun.
            self.connection_lost(None)

    def say_goodbye(self, line: str) -> None:
        """End the conversation with *line*; without it where the client does not even read."""
        if self.transport is None or self._writer.is_closing():
            return
        if self._is_shaking_hands() or self._writer.transport.get_write_buffer_size():
            self.abort()
            return
        self._writer.write(f"{line}\r\n".encode())
        self._writer.close()

    def _is_shaking_hands(self) -> bool:
        return self._tls_protocol is not None and (self.session is None or self.session.ssl is None)

    async def _handle_client(self) -> None:
        """Serve the client, unless the host turns it away."""
        refusal = self._host.admit(self)
        if refusal:
            self.say_goodbye(refusal)
            return
        with suppress(ConnectionError):
            await super()._handle_client()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; it is called once more when TLS has begun."""
        super().connection_made(transport)
        self._host.enter(self)

    def connection_lost(self, error: Exception | None) -> None:
        """End; it may be called twice when TLS does not begin."""
        self._host.leave(self)
        super().connection_lost(error)
        if not self.gone.done():
            self.gone.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Let a content take its time as long as it flows; commands must come as a whole."""
        super().data_received(data)
        if self._receiving and self._timeout_handle is not None:
            self._reset_timeout()

    def _timeout_cb(self) -> None:
        """End a conversation whose client has fallen silent."""
        self.refuse("silent")
        self.say_goodbye("421 4.4.2 Silent for too long")

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Read an address; aiosmtpd asks a parser that deep brackets can bring down."""
        found = PATH.fullmatch(arg)
        address = "@" if found is None else found[2] or found[1] or "<>"
        if found is None or address.startswith("@") or not is_text(address):
            return None, None
        return (address, found[3]) if found[3].isascii() else (None, None)

    async def push(self, status: str | bytes) -> None:
        """Send a reply with its enhanced status code; too many refusals end the conversation."""
        line = status.decode("utf-8", "replace") if isinstance(status, bytes) else status
        await super().push(enhance(line))
        self._errors += line.startswith("5")
        if self._errors > MOST_ERRORS:
            self.refuse("errors")
            self.say_goodbye("421 4.7.0 Too many errors")

    async def smtp_VRFY(self, arg: str) -> None:  # noqa: N802 -- aiosmtpd's name
        """Tell nothing."""
        await self.push("252 2.5.0 Send it, and see")

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 -- aiosmtpd's name
        """Read one mail, have it committed, and only then say so."""
        if await self.check_helo_needed():
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        if self.envelope is None or not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        self._receiving = True
        try:
            await self._receive(self.envelope)
        finally:
            self._receiving = False
        if self._leaving:
            self.finish()

    async def _receive(self, envelope: Envelope) -> None:
        """Carry one mail from 354 to its answer."""
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        try:
            async with asyncio.timeout(MOST_SILENCES * self._timeout_duration):
                content = await self._read_content()
        except TimeoutError:
            self.refuse("slow")
            self.say_goodbye("421 4.4.2 Too slow")
            return
        if self._timeout_handle is not None:
            self._timeout_handle.cancel()  # from here on it is not the client who is silent
        for line in await self._answer(envelope, content):
            await self.push(line)
        self.envelope = self._create_envelope()
        self._reset_timeout()

    async def _answer(self, envelope: Envelope, content: bytes | None) -> list[str]:
        """Return the answers to one mail."""
        if content is None:
            self.refuse("too_large")
            return self._spread("552 5.3.4 The mail is too large", envelope)
        sender = (envelope.mail_from or "").removeprefix("<>")
        return self._spread(await self._host.take(sender, envelope.rcpt_tos, content), envelope)

    def _spread(self, line: str, envelope: Envelope) -> list[str]:
        """Return the answers of which *line* is one: SMTP has one for all recipients."""
        return [line]

    async def _read_content(self) -> bytes | None:
        """Return a content without its dots, or None when it is larger than it may be."""
        content = bytearray()
        too_large = False
        while True:
            content += await self._read_piece()
            if content.endswith(b"\r\n" + END) or content == END:
                break
            if too_large or len(content) > self._max_content:
                too_large = True
                del content[: -len(END) - 2]
        if too_large or len(content) > self._max_content:
            return None
        del content[-len(END) :]
        return bytes(content.removeprefix(b".").replace(b"\r\n.", b"\r\n"))

    @property
    def _max_content(self) -> int:
        return self._host.manners.max_size + len(END)

    async def _read_piece(self) -> bytes:
        """Return bytes up to what may be the end of a content, or as many as are read ahead."""
        try:
            return await self._reader.readuntil(END)
        except asyncio.LimitOverrunError as overrun:
            return await self._reader.read(overrun.consumed)


class LmtpConversation(Conversation, LMTP):
    """One client of an LMTP listener: LHLO, and an answer for every recipient (RFC 2033)."""

    def _spread(self, line: str, envelope: Envelope) -> list[str]:
        """Return *line* once for each recipient."""
        return [line] * len(envelope.rcpt_tos)


def enhance(line: str) -> str:
    """Add the enhanced status code to a reply of aiosmtpd's."""
    code, space, rest = line.partition(" ")
    if code in CODES and space and not re.match(r"[0-9]\.[0-9]", rest):
        return f"{code} {CODES[code]} {rest}"
    return ENHANCED.get(line, line)


def is_text(value: str) -> bool:
    """Tell whether *value* came as proper UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
