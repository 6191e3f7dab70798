"""A channel for terminals behind a real HTTP server, and a partner before it."""

import asyncio
import base64
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlencode

import aiohttp
from builders import OPEN_AT, Sinks

from ingest.addresses import Listen
from ingest.channels.terminal import TerminalChannel
from ingest.config import Configuration
from ingest.listeners import open_listener
from ingest.model import ChannelName
from ingest.ports import Sinks as Ports

ATM = ChannelName("atm")
ACCOUNT = "123456789012"
WINDOWS = '[windows.always]\ndays = "1..-1"\n[windows.terminals]\ndays = "23..26"\n'
OSMP = 'protocol = "osmp"\nfields = { value = "data1", value_2 = "data2" }\n'
CITYPAY = 'protocol = "citypay"\nfields = { value = "field1", value_2 = "field2" }\n'
SBERBANK = 'protocol = "sberbank"\nfields = { value = "VALUE1" }\n'
COMMAND_CALL = 'protocol = "command-call"\nfields = { value = "field1" }\n'
JSON = 'protocol = "json"\n'
LOGIN = '[channels.atm.auth]\nkind = "login"\nusername = "p"\npassword = { env = "SECRET" }\n'
SECRET = "correct-horse"


def configure(dialect: str = OSMP, lines: str = "", auth: str = "", window: str = "always") -> str:
    """Return a config.toml with one channel for terminals."""
    head = f'[channels.atm]\ntype = "terminal"\nwindow = "{window}"\n'
    http = '[http]\ntrusted_proxies = ["127.0.0.1"]\n'
    return f"{http}{WINDOWS}{head}{lines}\n[channels.atm.dialect]\n{dialect}\n{auth}"


def ask_pay(txn: int | str = 1, value: object = 5467, **changes: object) -> str:
    """Return the query of an OSMP payment with a reading; a field that is None is left out."""
    fields = {
        "command": "pay",
        "txn_id": txn,
        "txn_date": "20261124080000",
        "account": ACCOUNT,
        "sum": "10.45",
        "data1": value,
    } | changes
    return urlencode({key: text for key, text in fields.items() if text is not None})


def write_call(command: str, **elements: object) -> str:
    """Return a ``commandCall``."""
    fields = {"login": "p", "password": SECRET, "command": command, "account": ACCOUNT} | elements
    inner = "".join(f"<{name}>{text}</{name}>" for name, text in fields.items())
    return f"<commandCall>{inner}</commandCall>"


class Report:
    """What the channel told the daemon, in order; the same word again is none."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.is_up = asyncio.Event()

    def note(self, word: str) -> None:
        if self.said[-1:] != [word]:
            self.said.append(word)

    def up(self) -> None:
        self.note("up")
        self.is_up.set()

    def progressed(self) -> None:
        """Of no interest here."""

    def lost(self, problem: str) -> None:
        self.note("lost")

    def refused(self, problem: str) -> None:
        self.note("refused")


class Counter:
    """The partner's side: asks, and hears bytes."""

    def __init__(self, channel: TerminalChannel, session: aiohttp.ClientSession) -> None:
        self.channel = channel
        self.session = session
        self.report = Report()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/channels/atm"

    async def get(self, query: str, path: str = "", **headers: str) -> tuple[int, bytes]:
        address = f"{self.url}{path}?{query}"
        async with self.session.get(address, headers=spell(headers)) as answer:
            return answer.status, await answer.read()

    async def post(self, body: str | bytes, path: str = "", **headers: str) -> tuple[int, bytes]:
        async with self.session.post(self.url + path, data=body, headers=spell(headers)) as answer:
            return answer.status, await answer.read()

    async def pay(self, *given: object, **changes: object) -> str:
        """Pay by OSMP; return the answer as text."""
        status, body = await self.get(ask_pay(*given, **changes))
        assert 200 == status
        return body.decode()


def spell(headers: dict[str, str]) -> dict[str, str]:
    return {key.replace("_", "-"): value for key, value in headers.items()}


def basic(username: str, password: str) -> str:
    """Return the header of HTTP Basic."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def gather(sinks: Sinks, **changes: object) -> Ports:
    """Return the sinks as the daemon hands them to a channel."""
    given = {
        "messages": sinks,
        "registries": sinks,
        "bookmarks": sinks.bookmarks,
        "reports": sinks.reports,
        "parts": sinks.parts,
        "operations": sinks.operations,
    }
    return Ports(**(given | changes))


@contextlib.asynccontextmanager
async def serve_atm(
    config: Configuration, ports: Ports, now: Callable[[], dt.datetime] = lambda: OPEN_AT
) -> AsyncIterator[Counter]:
    """Run the channel ``atm`` of *config* while the block runs."""
    channel = TerminalChannel(ATM, config.channels["atm"], config, ports, now=now)
    listener = open_listener(
        Listen(host="127.0.0.1", port=0), channel.routes, max_body=100_000, read_timeout=30
    )
    connector = aiohttp.TCPConnector(limit=0)
    async with listener as address, aiohttp.ClientSession(connector=connector) as session:
        counter = Counter(channel, session)
        counter.port = int(address.rpartition(":")[2])
        running = asyncio.create_task(channel.run(counter.report))
        await counter.report.is_up.wait()
        try:
            yield counter
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
