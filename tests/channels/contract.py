"""
What the shared contract test drives channels with: one driver per kind, and a stand to run it on.

A driver plays the upstream over the real protocol, and says in one of three words what it heard:
``taken`` (final, good), ``refused`` (final, bad), ``not now`` (the upstream keeps it). Adding a
channel means adding one driver to ``DRIVERS``; everything else here and in ``test_contract.py``
stays as it is.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import aiosmtplib
from aiohttp import encode_basic_auth
from builders import Sinks
from harness import a_mail, find_ports, send_mail
from imap_world import HASTY, USER, Server
from msgspec import Struct
from smsc_world import Smsc

from ingest import building
from ingest.addresses import Listen
from ingest.channels.imap import ImapChannel
from ingest.channels.registry import RegistryChannel
from ingest.channels.sms import SmsChannel
from ingest.config import Configuration
from ingest.listeners import open_listener
from ingest.model import (
    ChannelName,
    InboundMessage,
    Outcome,
    RegistryChunk,
    RegistryProgress,
)
from ingest.ports import Channel
from ingest.ports import Sinks as Ports

NAME = ChannelName("tested")
SECRET, WRONG_SECRET = "correct-horse", "wrong-horse"
PHONE = "79031234567"
SENDER = "ivanov@example.com"
ENVIRON = {"SECRET": SECRET}
LONG_ENOUGH = 20
CONFIG = """
[windows.always]
days = "1..-1"
[channels.tested]
window = "always"
"""


class Delivery(Struct, frozen=True):
    """What an upstream hands over; the same delivery twice is a repeat."""

    account: str = "123456789012"
    value: int = 5467

    @property
    def text(self) -> str:
        """What the customer wrote."""
        return f"{self.account}*{self.value};"


class Heard(Struct, frozen=True):
    """What the upstream was told."""

    word: str
    answer: str = ""
    """The answer itself, as far as a repeat must get the same."""


class Report:
    """What the channel told the daemon; wakes whoever waits for a change."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.is_up = False
        self._stirred = asyncio.Event()

    def up(self) -> None:
        self.note("up")
        self.is_up = True

    def progressed(self) -> None:
        self._stirred.set()

    def lost(self, problem: str) -> None:
        self.note("lost")
        self.is_up = False

    def refused(self, problem: str) -> None:
        self.lost(problem)

    def note(self, word: str) -> None:
        """Remember a change of state; the same word again is none."""
        if self.said[-1:] != [word]:
            self.said.append(word)
        self._stirred.set()

    async def stirred(self) -> None:
        """Wait until the channel tells something."""
        self._stirred.clear()
        await self._stirred.wait()

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until *holds* is true; it is asked again whenever the channel tells something."""
        async with asyncio.timeout(LONG_ENOUGH):
            while not holds():
                await self.stirred()


class Gate(Sinks):
    """The real sinks behind a gate that a test can shut, and trouble that it can order."""

    def __init__(self, sinks: Sinks) -> None:
        super().__init__(sinks.intake, sinks.registries)
        self.bookmarks, self.reports, self.parts = sinks.bookmarks, sinks.reports, sinks.parts
        self.operations = sinks.operations
        self.troubles: list[Exception] = []
        """Raised one by one in the place of a commit."""
        self.opened = asyncio.Event()
        self.opened.set()
        self.reached = asyncio.Event()

    async def pass_through(self) -> None:
        self.reached.set()
        await self.opened.wait()
        if self.troubles:
            raise self.troubles.pop(0)

    async def receive(self, message: InboundMessage) -> Outcome:
        await self.pass_through()
        return await super().receive(message)

    async def receive_chunk(
        self, progress: RegistryProgress, chunk: RegistryChunk
    ) -> RegistryProgress:
        await self.pass_through()
        return await super().receive_chunk(progress, chunk)


class Driver:
    """One kind of channel and the upstream before it."""

    table: str
    """The channel's own keys in config.toml."""
    malformed: tuple[bytes, ...]
    """What a stranger or a broken upstream may send."""
    holds_the_line = True
    """Whether the upstream waits for its answer on an open connection."""

    def serve(self) -> contextlib.AbstractAsyncContextManager[object]:
        """Open what the channel connects to, where it is the channel that does."""
        return contextlib.nullcontext()

    def build(self, config: Configuration, gate: Gate) -> Channel:
        """Return the channel, as the daemon builds it."""
        sinks = Ports(gate, gate, gate.bookmarks, gate.reports, gate.parts, gate.operations)
        return building.build_channel(NAME, config.channels[NAME], config, sinks)

    async def deliver(self, stand: "Stand", delivery: Delivery) -> Heard:
        """Hand one message over; return what was heard."""
        raise NotImplementedError

    async def deliver_again(self, stand: "Stand", delivery: Delivery) -> Heard:
        """Do what the upstream does after ``not now``."""
        return await self.deliver(stand, delivery)

    async def offer(self, stand: "Stand", content: bytes) -> None:
        """Send *content*, and wait until the channel is done with it."""
        raise NotImplementedError


class SmtpDriver(Driver):
    """A mail server."""

    def __init__(self) -> None:
        [self.port] = find_ports(1)
        self.table = (
            f'type = "smtp"\nlisten = "127.0.0.1:{self.port}"\nrecipients = ["energy@example.org"]'
        )

    envelope = (
        b"EHLO x\r\nMAIL FROM:<ivanov@example.com>\r\nRCPT TO:<energy@example.org>\r\nDATA\r\n"
    )
    malformed = (
        b"",
        b"\0\xff\r\n" * 30,
        b"X" * 100_000,
        b"GET / HTTP/1.1\r\n\r\n",
        b"EHLO x\r\nMAIL FROM:<" + b"(" * 5000 + b">\r\n",
        b"EHLO x\r\nMAIL FROM:<ivanov@example.com>\r\nRCPT TO:<ivanov@example.com>\r\nDATA\r\n",
        envelope + b"123456789012*1;\r\n",
        envelope
        + b"Subject: \xff\xfe\0=?utf-8?b?////?=\r\nContent-Type: multipart/a\r\n\r\n\0\r\n.\r\n",
        envelope + b"Content-Type: text/html; charset=no-such\r\n\r\n<<<&#99999999;\r\n.\r\n",
        envelope + b"\r\n.\r\n",
    )

    async def deliver(self, stand: "Stand", delivery: Delivery) -> Heard:
        content = a_mail(delivery.text, SENDER, f"<{delivery.account}@example.com>")
        try:
            return Heard("taken", await send_mail(self.port, content, SENDER))
        except aiosmtplib.SMTPResponseException as error:
            return Heard("refused" if error.code >= 500 else "not now", str(error))
        except (aiosmtplib.SMTPException, OSError) as error:
            return Heard("not now", str(error))

    async def offer(self, stand: "Stand", content: bytes) -> None:
        await converse(self.port, content)


class HttpDriver(Driver):
    """An SMS gateway."""

    async def ask(self, stand: "Stand", delivery: Delivery) -> tuple[int, str]:
        """Make the gateway's request; return status and body."""
        raise NotImplementedError

    async def deliver(self, stand: "Stand", delivery: Delivery) -> Heard:
        status, body = await self.ask(stand, delivery)
        if status == 200:
            return Heard("taken", body)
        return Heard("refused" if status < 500 else "not now", f"{status} {body}")

    async def offer(self, stand: "Stand", content: bytes) -> None:
        await converse(stand.port, content, hang_up=False)


class DeclarativeDriver(HttpDriver):
    """A gateway that posts forms, as described in config.toml."""

    table = (
        'type = "sms"\nfields = { sender = "from", text = "text", id = "id" }\n'
        'ack = { body = "{reply}" }\n'
        'auth = { kind = "secret", header = "X-Secret", value = { env = "SECRET" } }'
    )
    head = (
        b"POST /channels/tested HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n"
    )
    known = head + b"X-Secret: correct-horse\r\n"
    malformed = (
        head + b"Content-Length: 7\r\n\r\ntext=%31",
        head + b"X-Secret: wrong-horse\r\nContent-Length: 7\r\n\r\ntext=%31",
        known + b"Content-Length: 0\r\n\r\n",
        known + b"Content-Length: 20\r\n\r\nfrom=%2B79031234567%",
        known + b"Content-Length: 33\r\n\r\nfrom=%2B79031234567&text=%ZZ%00%FF",
        known + b"Content-Length: 2000000\r\n\r\n" + b"x" * 2_000_000,
        known + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"\0\xff\r\n\r\n",
    )

    async def ask(self, stand: "Stand", delivery: Delivery) -> tuple[int, str]:
        form = {"from": f"+{PHONE}", "text": delivery.text, "id": delivery.account}
        headers = {"X-Secret": SECRET}
        async with stand.session.post(stand.url, data=form, headers=headers) as response:
            return response.status, await response.text()


class KannelDriver(HttpDriver):
    """Kannel's ``get-url``, with a secret in the query."""

    table = (
        'type = "sms"\ngateway = "kannel"\n'
        'auth = { kind = "secret", field = "key", value = { env = "SECRET" } }'
    )
    tail = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    known = b"GET /channels/tested?key=correct-horse&"
    malformed = (
        b"GET /channels/tested" + tail,
        b"GET /channels/tested?key=wrong-horse&from=%2B79031234567&text=1" + tail,
        known + b"from=%2B79031234567" + tail,
        known + b"from=%2B79031234567&text=%D0%00%ZZ&charset=no-such&time=soon" + tail,
        known + b"from=&text=&id=&coding=2" + tail,
        known + b"from=%2B79031234567&text=" + b"%00" * 2000 + tail,
        b"PUT /channels/tested?key=correct-horse" + tail,
    )

    async def ask(self, stand: "Stand", delivery: Delivery) -> tuple[int, str]:
        query = urlencode(
            {
                "from": f"+{PHONE}",
                "text": delivery.text,
                "id": delivery.account,
                "charset": "UTF-8",
                "key": SECRET,
            }
        )
        async with stand.session.get(f"{stand.url}?{query}") as response:
            return response.status, await response.text()


class TerminalDriver(HttpDriver):
    """Terminals that ask by OSMP; status 200 whatever happens, and the code says the rest."""

    table = (
        'type = "terminal"\nallow_from = ["127.0.0.1"]\n'
        'auth = { kind = "basic", username = "atm", password = { env = "SECRET" } }\n'
        'dialect = { protocol = "osmp", fields = { value = "data1" } }'
    )
    tail = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    known = tail + f"Authorization: {encode_basic_auth('atm', SECRET)}\r\n".encode()
    wrong = tail + f"Authorization: {encode_basic_auth('atm', WRONG_SECRET)}\r\n".encode()
    ask_pay = b"GET /channels/tested?command=pay&txn_id=1&account="
    malformed = (
        ask_pay + b"123456789012&data1=5" + tail + b"\r\n",
        ask_pay + b"123456789012&data1=5" + wrong + b"\r\n",
        ask_pay + b"&data1=5" + known + b"\r\n",
        ask_pay + b"%00%FF&data1=%ED%A0%80&txn_date=soon&sum=%D0" + known + b"\r\n",
        b"GET /channels/tested/../x?command=&&&==&%" + known + b"\r\n",
        b"POST /channels/tested" + known + b"Content-Length: 9\r\n\r\n<!DOCTYPE",
        b"PUT /channels/tested" + known + b"\r\n",
        b"\0\xff\r\n\r\n",
    )

    async def ask(self, stand: "Stand", delivery: Delivery) -> tuple[int, str]:
        query = urlencode(
            {
                "command": "pay",
                "txn_id": delivery.account,
                "account": delivery.account,
                "sum": "10.45",
                "data1": delivery.value,
            }
        )
        headers = {"Authorization": encode_basic_auth("atm", SECRET)}
        async with stand.session.get(f"{stand.url}?{query}", headers=headers) as response:
            return response.status, await response.text()

    async def deliver(self, stand: "Stand", delivery: Delivery) -> Heard:
        heard = await super().deliver(stand, delivery)
        return Heard("not now") if "<result>1</result>" in heard.answer else heard


class RegistryDriver(Driver):
    """A partner who drops files and looks for their results."""

    table = (
        'type = "registry"\ndirectory = "partner"\nsettle = 0.05\npoll = 0.05\nmax_line = 1000\n'
        "dialect = { columns = { account = 1, value = 2 } }"
    )
    holds_the_line = False
    malformed = (
        b"",
        b"\n\n\n",
        b"\0\xff\xfe" * 300,
        b"x" * 5000,
        b"123456789012;1\r\n12345;;;;\n;\n\xd0;\xd0",
        b'"123456789012;1\n',
    )

    def __init__(self) -> None:
        self.files = itertools.count(1)
        self.last = ""

    def build(self, config: Configuration, gate: Gate) -> Channel:
        channel = super().build(config, gate)
        assert isinstance(channel, RegistryChannel)
        channel.set_longest_pause(0.02)
        return channel

    async def deliver(self, stand: "Stand", delivery: Delivery) -> Heard:
        self.drop(stand, f"{delivery.account};{delivery.value}\n".encode())
        return await self.look(stand)

    async def deliver_again(self, stand: "Stand", delivery: Delivery) -> Heard:
        """Wait: the file lies there, and the channel comes back to it."""
        return await self.look(stand)

    async def offer(self, stand: "Stand", content: bytes) -> None:
        self.drop(stand, content)
        await self.look(stand)

    def drop(self, stand: "Stand", content: bytes) -> None:
        """Put a file into ``in/`` as upload programs do."""
        root = self.find_root(stand)
        self.last = f"{next(self.files)}.csv"
        (root / self.last).write_bytes(content)
        (root / self.last).rename(root / "in" / self.last)

    async def look(self, stand: "Stand") -> Heard:
        """Wait for the answer, or for the word that there is none for now."""
        before = len(stand.report.said)
        root = self.find_root(stand)
        ends = {"taken": root / "done" / self.last, "refused": root / "failed" / self.last}

        def find_end() -> str:
            if "lost" in stand.report.said[before:]:
                return "not now"
            return next((word for word, path in ends.items() if path.exists()), "")

        await stand.report.until(find_end)
        result = root / "out" / f"{self.last}.result.csv"
        return Heard(find_end(), result.read_text("utf-8", "replace") if result.exists() else "")

    def find_root(self, stand: "Stand") -> Path:
        return stand.config.state_dir / "partner"


class ImapDriver(Driver):
    """A mailbox, and those who write to it."""

    holds_the_line = False
    malformed = (
        b"\0\xff\xfe" * 300,
        b"\r\n\r\n",
        b"X" * 100_000,
        b"Subject: \xff\xfe\0=?utf-8?b?////?=\r\nContent-Type: multipart/a\r\n\r\n\0\r\n",
        b"Content-Type: text/html; charset=no-such\r\n\r\n<<<&#99999999;\r\n",
        b"Return-Path: <<<\r\nFrom: \r\nTo: (((\r\n\r\n1\r\n",
    )

    def __init__(self) -> None:
        self.server = Server()
        self.table = (
            f'type = "imap"\nhost = "127.0.0.1"\nport = {self.server.port}\nsecurity = "none"\n'
            f'username = "{USER}"\npassword = {{ env = "SECRET" }}\npoll = 0.2\n'
            'addresses = ["energy@example.org"]'
        )

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[object]:
        await self.server.start()
        try:
            yield
        finally:
            await self.server.stop()

    def build(self, config: Configuration, gate: Gate) -> Channel:
        channel = super().build(config, gate)
        assert isinstance(channel, ImapChannel)
        channel.set_pace(HASTY)
        return channel

    async def deliver(self, stand: "Stand", delivery: Delivery) -> Heard:
        content = a_mail(delivery.text, SENDER, f"<{delivery.account}@example.com>")
        await self.server.put(content)
        return await self.look(stand)

    async def deliver_again(self, stand: "Stand", delivery: Delivery) -> Heard:
        """Wait: the mail lies there, and the channel comes back to it."""
        return await self.look(stand)

    async def offer(self, stand: "Stand", content: bytes) -> None:
        await self.server.put(content)
        await self.look(stand)

    async def look(self, stand: "Stand") -> Heard:
        """Wait until the mail is put away, or for the word that it cannot be taken for now."""
        before = len(stand.report.said)
        while await self.server.list():
            if "lost" in stand.report.said[before:]:
                return Heard("not now")
            await stand.report.stirred()
        return Heard("taken")


class NoLease:
    """Bookmarks of a place that another daemon reads."""

    async def take_lease(self, name: str, holder: str, seconds: float) -> bool:
        return False

    async def drop_lease(self, name: str, holder: str) -> None:
        """Nobody has it."""


class PolledDriver(Driver):
    """A gateway that is asked for its texts, and customers who write to it."""

    holds_the_line = False
    malformed = (b"", b"\0\xff", b"<html>", b"{}", b'{"error": "no"}', b"[1, null, {}]", b"[[[[")

    def __init__(self) -> None:
        self.gateway = Smsc()
        self.table = (
            'type = "sms"\ngateway = "smsc"\ntime_zone = "Asia/Krasnoyarsk"\n'
            'send = { secret = { env = "SECRET" } }\n'
            f'poll = {{ url = "http://127.0.0.1:{self.gateway.port}/get.php", every = 0.02, '
            'secret = { env = "SECRET" } }'
        )

    def serve(self) -> contextlib.AbstractAsyncContextManager[object]:
        return self.gateway.serve()

    def build(self, config: Configuration, gate: Gate) -> Channel:
        gate.bookmarks = gate.bookmarks or NoLease()
        channel = super().build(config, gate)
        assert isinstance(channel, SmsChannel)
        channel.longest_pause = 0.02
        return channel

    async def deliver(self, stand: "Stand", delivery: Delivery) -> Heard:
        self.gateway.receive(int(delivery.account), delivery.text)
        return await self.look(stand)

    async def deliver_again(self, stand: "Stand", delivery: Delivery) -> Heard:
        """Wait: the text is listed until it is behind the position."""
        return await self.look(stand)

    async def offer(self, stand: "Stand", content: bytes) -> None:
        self.gateway.body = content
        await self.look(stand)
        self.gateway.body = None

    async def look(self, stand: "Stand") -> Heard:
        """Wait until questions begun from now on have ended; tell what the daemon heard."""
        before, asked = len(stand.report.said), len(self.gateway.asked)
        while len(self.gateway.asked) < asked + 3:
            await stand.report.stirred()
            if "lost" in stand.report.said[before:]:
                return Heard("not now")
        return Heard("taken" if stand.report.is_up else "not now")


DRIVERS: dict[str, Callable[[], Driver]] = {
    "smtp": SmtpDriver,
    "sms, declarative": DeclarativeDriver,
    "sms, Kannel": KannelDriver,
    "sms, polled": PolledDriver,
    "terminal": TerminalDriver,
    "registry": RegistryDriver,
    "imap": ImapDriver,
}


class Stand:
    """A channel that runs on the real intake, with its upstream before it."""

    def __init__(self, driver: Driver, config: Configuration, gate: Gate) -> None:
        self.driver = driver
        self.config = config
        self.gate = gate
        self.channel = driver.build(config, gate)
        self.report = Report()
        self.port = 0
        self.session: aiohttp.ClientSession
        self._running: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where the channel answers on the HTTP listener."""
        return f"http://127.0.0.1:{self.port}/channels/{NAME}"

    @property
    def is_running(self) -> bool:
        """Whether ``run`` neither ended nor raised."""
        return self._running is not None and not self._running.done()

    async def start(self) -> None:
        """Run the channel; return once it says that it is up."""
        self.report.is_up = False
        self._running = asyncio.create_task(self.channel.run(self.report))
        await self.report.until(lambda: self.report.is_up)

    def ask_to_stop(self) -> "asyncio.Task[None]":
        """Cancel ``run``, which may take its time; return it."""
        assert self._running is not None
        self._running.cancel()
        return self._running

    async def stop(self) -> None:
        """Cancel ``run`` and wait for its end."""
        async with asyncio.timeout(LONG_ENOUGH):
            await asyncio.gather(self.ask_to_stop(), return_exceptions=True)

    async def deliver(self, delivery: Delivery) -> Heard:
        async with asyncio.timeout(LONG_ENOUGH):
            return await self.driver.deliver(self, delivery)

    async def deliver_again(self, delivery: Delivery) -> Heard:
        async with asyncio.timeout(LONG_ENOUGH):
            return await self.driver.deliver_again(self, delivery)

    async def offer(self, content: bytes) -> None:
        async with asyncio.timeout(LONG_ENOUGH):
            await self.driver.offer(self, content)


@contextlib.asynccontextmanager
async def open_stand(driver: Driver, config: Configuration, sinks: Sinks) -> AsyncIterator[Stand]:
    """Run a channel as the daemon does, its routes on a listener, while the block runs."""
    stand = Stand(driver, config, Gate(sinks))
    listener = open_listener(
        Listen(host="127.0.0.1", port=0), stand.channel.routes, max_body=1_000_000, read_timeout=30
    )
    async with (
        driver.serve(),
        listener as address,
        aiohttp.ClientSession() as stand.session,
    ):
        stand.port = int(address.rpartition(":")[2])
        await stand.start()
        try:
            yield stand
        finally:
            stand.gate.opened.set()
            await stand.stop()


async def converse(port: int, content: bytes, *, hang_up: bool = True) -> bytes:
    """Send *content* as it is and return all that is said until the other side hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(content)
        if hang_up:
            writer.write_eof()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
