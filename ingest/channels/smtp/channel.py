"""
Mail that a mail server or a client hands over by SMTP or LMTP.

The answer to a mail is 250 only after the sink has committed it; whenever we are not sure it is
451, and the client keeps the mail and comes again. A client that goes away meanwhile stops
nothing: what has been received whole is committed, and the mail's repeat gets the same answer.
"""

import asyncio
import datetime as dt
import errno
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ingest import clock
from ingest.addresses import Listen, is_within, parse_listen, parse_networks
from ingest.channels.deposits import Postbox
from ingest.channels.smtp.conversation import (
    TRIED_AGAIN,
    Conversation,
    LmtpConversation,
    Manners,
)
from ingest.config import Configuration
from ingest.correspondence import Correspondence, Envelope, build_desk, take_mail
from ingest.errors import PermanentError, TransientError
from ingest.log import get_logger
from ingest.metrics import REFUSALS
from ingest.model import ChannelName, Outcome
from ingest.ports import ChannelReport, Route, Sinks
from ingest.settings import SmtpSettings, TlsFiles

LARGE = 100_000
"""Bytes from which on a mail is read in a thread, so that other clients need not wait for it."""
BACKLOG = 1024
"""Clients that may wait to be let in; those beyond would wait for seconds without a word."""
SOCKET_MODE = 0o660

log = get_logger()


class SmtpChannel:
    """One listener for mail."""

    routes: Final[Sequence[Route]] = ()

    def __init__(
        self,
        name: ChannelName,
        settings: SmtpSettings,
        config: Configuration,
        sinks: Sinks,
        *,
        now: Callable[[], dt.datetime] = clock.now,
    ) -> None:
        self.name = name
        self.address = ""
        """Where it listens, once it does: ``host:port`` or ``unix:PATH``."""
        self._settings = settings
        self._config = config
        self._sink = sinks.messages
        self._reports = sinks.reports
        self._now = now
        self._networks = parse_networks(settings.allow_from)
        self._desk = build_desk(name, settings, config.settings)
        self._postbox = Postbox(name, config)
        self._manners: Manners | None = None
        self._report: ChannelReport | None = None
        self._conversations: set[Conversation] = set()
        self._admitted: set[Conversation] = set()
        self._receiving: set[asyncio.Task[Outcome]] = set()
        self._stopping = False
        self._lost = False

    async def run(self, report: ChannelReport) -> None:
        """Serve until cancelled; then let the mails that are under way be finished."""
        # It logs every address and line that it sees; what matters we log ourselves.
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)
        self._report, self._stopping, self._lost = report, False, False
        self._manners = make_manners(self._settings, self._config)
        server = await self._listen()
        report.up()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await self._stop(server)

    async def _listen(self) -> asyncio.Server:
        """Open the listener."""
        loop = asyncio.get_running_loop()
        kind = LmtpConversation if self._settings.protocol == "lmtp" else Conversation
        listen = parse_listen(self._settings.listen, self._config.state_dir)

        def converse() -> Conversation:
            return kind(self, loop)

        try:
            if listen.socket is not None:
                listener = bind_unix(listen.socket)
                self.address = str(listen)
                return await loop.create_unix_server(converse, sock=listener, backlog=BACKLOG)
            server = await loop.create_server(converse, listen.host, listen.port, backlog=BACKLOG)
        except OSError as error:
            raise explain_listening(listen, error) from error
        host, port = server.sockets[0].getsockname()[:2]
        self.address = str(Listen(host=host, port=port))
        return server

    async def _stop(self, server: asyncio.Server) -> None:
        """Stop listening and see the clients off; a second cancellation cuts them off."""
        self._stopping = True
        server.close()
        remove_socket(self.address)
        for conversation in tuple(self._conversations):
            conversation.finish()
        try:
            while pending := self._list_pending():
                await asyncio.wait(pending)
        finally:
            for conversation in tuple(self._conversations):
                conversation.abort()

    def _list_pending(self) -> list[asyncio.Task[Outcome] | asyncio.Future[None]]:
        """Return what has to end first: mails that are committed, and clients that are here."""
        mails = [task for task in self._receiving if not task.done()]
        return [*mails, *(one.gone for one in self._conversations if not one.gone.done())]

    @property
    def manners(self) -> Manners:
        """What holds for all conversations; there are none before ``run``."""
        if self._manners is None:
            raise TransientError("the channel is not running")
        return self._manners

    def enter(self, conversation: Conversation) -> None:
        """Note that a client has connected."""
        self._conversations.add(conversation)

    def admit(self, conversation: Conversation) -> str:
        """Count the client in; or return the line that turns it away."""
        if self._stopping:
            return "421 4.3.2 Service is stopping, try again later"
        peer = conversation.peer
        if self._networks and peer and not is_within(peer, self._networks):
            self.refuse("network", peer)
            return "554 5.7.1 Not from here"
        if len(self._admitted) >= self._settings.max_connections:
            self.refuse("connections", peer)
            return "421 4.7.0 Too many connections, try again later"
        self._admitted.add(conversation)
        return ""

    def leave(self, conversation: Conversation) -> None:
        """Note that a client is gone."""
        self._conversations.discard(conversation)
        self._admitted.discard(conversation)

    def refuse(self, cause: str, client: str, detail: str = "") -> None:
        """Record that something was turned away; never with a whole mail address."""
        REFUSALS.labels(self.name, cause).inc()
        log.info(
            "client.refused", channel=self.name, cause=cause, client=client, detail=detail[:200]
        )

    def fail(self, error: Exception) -> None:
        """Record a fault of ours in a conversation."""
        log.error("client.failed", channel=self.name, exc_info=error)

    async def take(self, sender: str, recipients: list[str], content: bytes) -> str:
        """Take one mail; return the answer, which is 250 only when it is committed."""
        try:
            taken = await self._read(sender, recipients[0], content)
            # The commit must not depend on a client that may hang up and cancel us.
            task = asyncio.create_task(self._hand_over(taken))
            self._receiving.add(task)
            task.add_done_callback(self._forget)
            outcome = await asyncio.shield(task)
        except TransientError:
            REFUSALS.labels(self.name, "not_now").inc()
            return TRIED_AGAIN
        except Exception:  # a fault of ours is never final
            log.exception("message.failed", channel=self.name)
            return TRIED_AGAIN
        return f"250 2.0.0 received as {outcome.receipt}"

    def _forget(self, task: asyncio.Task[Outcome]) -> None:
        """Drop a task that has ended; its error is looked at, though nobody may wait for it."""
        self._receiving.discard(task)
        if not task.cancelled():
            task.exception()

    async def _read(self, sender: str, recipient: str, content: bytes) -> Correspondence:
        """Make a message of a mail."""
        envelope = Envelope(sender=sender, recipient=recipient, received_at=self._now())
        if len(content) < LARGE:
            taken = take_mail(content, envelope, self._desk)
        else:
            taken = await asyncio.to_thread(take_mail, content, envelope, self._desk)
        if taken.problem:
            log.error("message.failed", channel=self.name, exception=taken.problem)
        return taken

    async def _hand_over(self, taken: Correspondence) -> Outcome:
        """Have a mail committed, with what it reports, and tell the daemon how that goes."""
        try:
            outcome = await self._commit(taken)
        except TransientError as error:
            self._lost = True
            if self._report is not None:
                self._report.refused(str(error))
            raise
        if self._report is not None:
            if self._lost:
                self._report.up()
            self._report.progressed()
        self._lost = False
        return outcome

    async def _commit(self, taken: Correspondence) -> Outcome:
        """Record the report first: the mail that comes again after a failure repeats both."""
        if taken.report is not None:
            await self._reports.record_report(taken.report)
        outcome = await self._sink.receive(await self._postbox.take(taken))
        if outcome.again:
            log.info("message.repeated", channel=self.name, receipt=outcome.receipt)
        return outcome


def make_manners(settings: SmtpSettings, config: Configuration) -> Manners:
    """Return what holds for all conversations; raises PermanentError without a certificate."""
    return Manners(
        hostname=socket.gethostname(),
        recipients=frozenset(address.lower() for address in settings.recipients),
        max_size=settings.max_size,
        timeout=settings.timeout,
        tls=None if settings.tls is None else load_tls(settings.tls, config.path.parent),
        require_tls=settings.require_tls,
    )


def load_tls(files: TlsFiles, folder: Path) -> ssl.SSLContext:
    """Read certificate and key; relative paths begin in the folder of config.toml."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(folder / files.certificate, folder / files.key)
    except (OSError, ValueError) as error:
        raise PermanentError(
            f"tls: the certificate {files.certificate} with the key {files.key} cannot be used: "
            f"{getattr(error, 'strerror', '') or error}"
        ) from None
    return context


def bind_unix(path: Path) -> socket.socket:
    """Return a socket bound to *path*; what a killed daemon left there is removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(SOCKET_MODE)  # nobody can connect before it listens
    except BaseException:
        listener.close()
        raise
    return listener


def remove_stale(path: Path) -> None:
    """Remove a socket file on which nobody listens; any other file is left, and stops us."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except OSError:
            return


def remove_socket(address: str) -> None:
    """Remove the socket file of a listener that has one."""
    if address.startswith("unix:"):
        Path(address.removeprefix("unix:")).unlink(missing_ok=True)


def explain_listening(listen: Listen, error: OSError) -> TransientError | PermanentError:
    """Say why nothing can listen there, and whether waiting may help."""
    if error.errno == errno.EADDRINUSE:
        return TransientError(f"{listen}: address in use")
    reason = f"{listen}: cannot listen: {error.strerror or error}"
    if error.errno in (errno.EACCES, errno.EPERM, None):
        return PermanentError(reason)
    return TransientError(reason)
