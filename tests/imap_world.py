"""A mailbox in pymap, a line to it that can be disturbed, and channels that read it."""

import argparse
import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable, Mapping
from types import SimpleNamespace

from builders import Sinks
from harness import find_ports
from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import Config as PymapConfig
from pymap.backend.dict import Login
from pymap.backend.dict.filter import FilterSet
from pymap.backend.dict.mailbox import MailboxSet
from pymap.imap import IMAPServer
from pymap.parsing.message import AppendMessage
from pymap.user import Passwords, UserMetadata
from pysasl.hashing import BuiltinHash

from ingest import clock
from ingest.channels.imap import ImapChannel
from ingest.channels.imap.channel import Pace
from ingest.config import Configuration
from ingest.errors import IngestError
from ingest.model import ChannelName

USER, PASSWORD = "energy", "correct-horse"
BOX = ChannelName("box")
LONG_ENOUGH = 30
CONFIG = """
[windows.always]
days = "1..-1"
[channels.box]
type = "imap"
window = "always"
host = "127.0.0.1"
port = {port}
security = "none"
username = "energy"
addresses = ["energy@example.org"]
password = {{ env = "PASSWORD" }}
poll = 0.2
timeout = {timeout}
"""
POLL = "poll = 0.2"
"""The line that others can be put behind."""
ENVIRON = {"PASSWORD": PASSWORD}
HASTY = Pace(
    lease=1.0,
    renewal=0.1,
    breath=0.02,
    first_pause=0.02,
    longest_pause=0.02,
    first_login_pause=0.02,
    longest_login_pause=0.02,
)
ARGUMENTS = argparse.Namespace(passlib_cfg=None, proxy_protocol="noop")


class Offer(PymapConfig):
    """What the server can do; tests take some of it away."""

    def __init__(self) -> None:
        super().__init__(
            ARGUMENTS,
            host=None,
            port=0,
            demo_data=False,
            demo_user=USER,
            demo_password=PASSWORD,
            hash_context=BuiltinHash(rounds=1),
        )
        self.lacks: tuple[bytes, ...] = ()

    @property
    def greeting(self) -> bytes:
        return b"ready"

    @property
    def login_capability(self) -> list[bytes]:
        return [one for one in super().login_capability if one not in self.lacks]


class Server:
    """pymap, in this process; its mails outlive its restarts."""

    def __init__(self) -> None:
        [self.port] = find_ports(1)
        self.offer = Offer()
        self.offer.apply_context()
        self.login = Login(self.offer)
        self.mailboxes = MailboxSet()
        self.offer.set_cache[USER] = (self.mailboxes, FilterSet())
        self._server: asyncio.Server
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Serve."""
        await self.set_password(PASSWORD)
        serve = IMAPServer(self.login, self.offer)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._writers.add(writer)
            info = SocketInfo.get(writer, None, unique_id=b"one", dnsbl=None)
            with contextlib.suppress(ConnectionError):
                await serve(reader, writer, info)
            self._writers.discard(writer)

        self._server = await asyncio.start_server(answer, "127.0.0.1", self.port, limit=1 << 24)

    async def set_password(self, password: str) -> None:
        """Let the user log in with *password* alone."""
        hashed = await Passwords(self.offer).hash_password(password)
        self.login.users_dict[USER] = UserMetadata(self.offer, USER, password=hashed)

    async def stop(self) -> None:
        """End, and with it every connection."""
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def put(
        self, content: bytes, folder: str = "INBOX", at: dt.datetime | None = None
    ) -> int:
        """Put a mail into a folder, as a mail server does; return its number."""
        when = at or clock.now()
        mailbox = await self.mailboxes.get_mailbox(folder)
        return (await mailbox.append(AppendMessage(content, when, frozenset()))).uid

    async def list(self, folder: str = "INBOX") -> list[bytes]:
        """Return the mails of a folder; none, if there is no such folder."""
        try:
            mailbox = await self.mailboxes.get_mailbox(folder)
        except KeyError:
            return []
        return [bytes(one._content) async for one in mailbox.messages()]

    async def put_back(self, folder: str) -> None:
        """Move every mail of a folder back to where it arrived, as people do."""
        mailbox = await self.mailboxes.get_mailbox(folder)
        inbox = await self.mailboxes.get_mailbox("INBOX")
        for uid in list(mailbox._messages):
            await mailbox.move(uid, inbox)

    async def renumber(self) -> None:
        """Number the mails of the folder where they arrive anew, from 1."""
        inbox = await self.mailboxes.get_mailbox("INBOX")
        messages = list(inbox._messages.values())
        inbox._messages.clear()
        inbox._uid_validity += 1
        inbox._max_uid = 0
        for one in messages:
            await inbox.append(AppendMessage(bytes(one._content), one.internal_date, frozenset()))


Judge = Callable[[int, int, bytes], str]
"""Told connection, number and text of a line that the client sends, what becomes of it."""


class Line:
    """What lies between client and server: lines can be cut, halved, held and forged."""

    def __init__(self, server_port: int) -> None:
        [self.port] = find_ports(1)
        self.server_port = server_port
        self.connections = 0
        self.said: list[bytes] = []
        """All that clients said, line by line."""
        self.flows = asyncio.Event()
        self.flows.set()
        self.judge: Judge = lambda _connection, _number, _line: "pass"
        self._server: asyncio.Server
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """End, and with it every connection."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect a client with the server until one of them, or the judge, has enough."""
        task = asyncio.current_task()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        cut = asyncio.Event()
        streams = [writer]
        try:
            server_reader, server_writer = await asyncio.open_connection(
                "127.0.0.1", self.server_port
            )
            streams.append(server_writer)
            up = asyncio.create_task(self._pass_up(self.connections, reader, server_writer, cut))
            down = asyncio.create_task(self._pass_down(server_reader, writer, cut))
            try:
                await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                up.cancel()
                down.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
        except OSError:
            return
        finally:
            for stream in streams:
                stream.transport.abort()

    async def _pass_up(self, connection, reader, writer, cut) -> None:
        """Pass on what the client says."""
        number = 0
        while line := await reader.readline():
            number += 1
            self.said.append(line)
            verdict = self.judge(connection, number, line)
            if verdict == "before":
                return
            if verdict == "after":
                cut.set()
            await self.flows.wait()
            writer.write(line)

    async def _pass_down(self, reader, writer, cut) -> None:
        """Pass on what the server says; of the answer that is cut only a half."""
        while data := await reader.read(65_536):
            await self.flows.wait()
            if cut.is_set():
                writer.write(data[: len(data) // 2])
                await writer.drain()
                return
            writer.write(data)
            await writer.drain()


class Told:
    """What a channel told the daemon; wakes whoever waits for a change."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.problems: list[str] = []
        self._stirred = asyncio.Event()

    def up(self) -> None:
        self.note("up")

    def progressed(self) -> None:
        self._stirred.set()

    def lost(self, problem: str) -> None:
        self.problems.append(problem)
        self.note("lost")

    refused = lost

    def note(self, word: str) -> None:
        """Remember a change of state; the same word again is none."""
        if self.said[-1:] != [word]:
            self.said.append(word)
        self._stirred.set()

    async def until(self, holds, within=LONG_ENOUGH) -> None:
        """Wait until *holds*, a function that may be async; asked whenever the channel stirs."""
        try:
            async with asyncio.timeout(within):
                while not await answer(holds):
                    self._stirred.clear()
                    await self._stirred.wait()
        except TimeoutError:
            raise AssertionError(f"in vain; told: {self.said} {self.problems[-5:]}") from None


async def answer(holds):
    """Return what a function says, be it async or not."""
    found = holds()
    return await found if asyncio.iscoroutine(found) else found


class Readers:
    """Channels that read one mailbox, on the real sinks; they come and go."""

    def __init__(
        self, a_config, sinks: Sinks, port: int, *, timeout=5, changes: Mapping[str, str] = {}
    ) -> None:
        text = CONFIG.format(port=port, timeout=timeout)
        for usual, other in changes.items():
            assert usual in text
            text = text.replace(usual, other)
        self.config: Configuration = a_config(text, ENVIRON)
        self.sinks = sinks
        self.told = Told()
        self.now: Callable[[], dt.datetime] = clock.now
        self._running: list[asyncio.Task[None]] = []

    def make(self, pace: Pace = HASTY, **ports) -> ImapChannel:
        """Return a channel that reads the mailbox."""
        usual = {
            "messages": self.sinks,
            "bookmarks": self.sinks.bookmarks,
            "reports": self.sinks.reports,
        }
        given = SimpleNamespace(**(usual | ports))
        channel = ImapChannel(BOX, self.config.channels[BOX], self.config, given, now=self.now)
        channel.set_pace(pace)
        return channel

    def start(self, channel: ImapChannel | None = None, told: Told | None = None) -> asyncio.Task:
        """Run a channel, again whenever it fails, as the daemon does but without a pause."""
        running = asyncio.create_task(supervise(channel or self.make(), told or self.told))
        self._running.append(running)
        return running

    async def stop(self) -> None:
        """End every channel."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._running.clear()


class World(Readers):
    """A mailbox, the line to it, and those who read it."""

    def __init__(self, a_config, sinks: Sinks, **options) -> None:
        self.server = Server()
        self.line = Line(self.server.port)
        super().__init__(a_config, sinks, self.line.port, **options)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["World"]:
        """Serve while the block runs."""
        await self.server.start()
        await self.line.start()
        try:
            yield self
        finally:
            await self.stop()
            await self.line.stop()
            await self.server.stop()

    async def is_empty(self) -> bool:
        """Tell whether nothing lies where mails arrive."""
        return not await self.server.list()


async def supervise(channel: ImapChannel, told: Told) -> None:
    """Run a channel for ever."""
    while True:
        try:
            await channel.run(told)
        except IngestError as error:
            told.lost(str(error))
        await asyncio.sleep(0)
