"""An SMS channel behind a real HTTP server, and a client before it."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable

import aiohttp
from aiohttp import web
from builders import OPEN_AT, SMS, NoParts

from ingest.channels.sms import SmsChannel
from ingest.config import Configuration
from ingest.ports import Sink, Sinks


class RecordedReport:
    """What the channel told the daemon, in order."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.is_up = asyncio.Event()

    def up(self) -> None:
        self.said.append("up")
        self.is_up.set()

    def progressed(self) -> None:
        self.said.append("progressed")

    def lost(self, problem: str) -> None:
        self.said.append(f"lost: {problem}")

    def refused(self, problem: str) -> None:
        self.lost(problem)


class Bench:
    """A channel that runs behind a real HTTP server, and a client before it."""

    def __init__(self, channel: SmsChannel, sink: Sink, session: aiohttp.ClientSession) -> None:
        self.channel = channel
        self.sink = sink
        self.session = session
        self.report = RecordedReport()
        self.task: asyncio.Task[None] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/channels/sms"

    async def serve(self, max_body: int) -> web.AppRunner:
        app = web.Application(client_max_size=max_body)
        for route in self.channel.routes:
            app.router.add_route(route.method, route.path, route.handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = runner.addresses[0][1]
        return runner

    async def start(self) -> None:
        self.task = asyncio.create_task(self.channel.run(self.report))
        await self.report.is_up.wait()

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.task

    async def stop_with_open_gate(self) -> None:
        """Let the sink go on only when the channel has been told to stop."""
        asyncio.get_running_loop().call_soon(self.sink.gate.set)
        await self.stop()

    async def get(self, query: str, **headers: str) -> tuple[int, str]:
        async with self.session.get(f"{self.url}?{query}", headers=name(headers)) as answer:
            return answer.status, await answer.text()

    async def post(self, body: bytes | str, **headers: str) -> tuple[int, str]:
        async with self.session.post(self.url, data=body, headers=name(headers)) as answer:
            return answer.status, await answer.text()


def name(headers: dict[str, str]) -> dict[str, str]:
    return {key.replace("_", "-"): value for key, value in headers.items()}


NOTHING = NoParts()


def gather_sinks(sink: Sink) -> Sinks:
    """Return what a channel is given when only messages matter."""
    names = ("bookmarks", "reports", "parts", "operations")
    return Sinks(sink, sink, *(getattr(sink, name, NOTHING) for name in names))


@contextlib.asynccontextmanager
async def serve_sms(
    config: Configuration,
    sink: Sink,
    sinks: Sinks | None = None,
    now: Callable[[], dt.datetime] = lambda: OPEN_AT,
) -> AsyncIterator[Bench]:
    """Serve the channel ``sms`` of *config*; it does not run until ``start``."""
    sinks = sinks or gather_sinks(sink)
    channel = SmsChannel(SMS, config.channels["sms"], config, sinks, now=now)
    async with aiohttp.ClientSession() as session:
        bench = Bench(channel, sink, session)
        runner = await bench.serve(config.settings.http.max_body)
        try:
            yield bench
        finally:
            await bench.stop()
            await runner.cleanup()
