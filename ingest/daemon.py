"""
The composition root: builds every part, starts them in order, unwinds in reverse.

Order of starting: internal listener, journals, database, schema, outbox, intake, channels, public
listener; before the database, a porch takes what would otherwise be lost.
Only then is the daemon ready. Stopping goes the other way within ``service.stop_within`` seconds:
what was received is finished, what was not is left to the upstream. A part whose end is not to be
had in time is left behind and named in the log; being killed is safe at any moment.
"""

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from pathlib import Path

from ingest import clock
from ingest.addresses import parse_listen
from ingest.bookmarks import BookmarkStore
from ingest.building import (
    EMBEDDED,
    build_channel,
    build_paces,
    build_way_out,
    find_templates,
    open_database,
)
from ingest.config import Configuration
from ingest.embedded import EmbeddedPostgres
from ingest.errors import ConfigError, PermanentError, TransientError
from ingest.health import Health
from ingest.intake import Intake
from ingest.journal import Journals
from ingest.listeners import open_listener
from ingest.log import get_logger
from ingest.model import ChannelName, InboundMessage
from ingest.notify import READY, STOPPING, notify
from ingest.operations import OperationStore
from ingest.outbox import Outbox
from ingest.parts import PartStore
from ingest.policy import Policy, build_policies
from ingest.porch import open_porch
from ingest.ports import Channel, Route, Sinks
from ingest.records import owe_late_reply
from ingest.registries import RegistryIntake
from ingest.replies import Phrasebook, load_phrasebook
from ingest.reports import ReportStore
from ingest.retry import back_off
from ingest.senders import ClosableSender
from ingest.store import Store
from ingest.supervisor import ChannelStatus, run_channel

log = get_logger()

SETTLE_WITHIN = 10.0
"""Seconds that the channels have to come up before the daemon says that it is ready."""
LAST_SECONDS = 5.0
"""For closing the database once the time for stopping is up."""


class Daemon:
    """One running daemon."""

    def __init__(self, config: Configuration) -> None:
        self.config = config
        self.health = Health()
        self.stopping = asyncio.Event()
        self.addresses: dict[str, str] = {}
        """Where the listeners stand, once they do."""
        self.abandoned: list[str] = []
        """Parts that did not end in time."""
        self._server = EmbeddedPostgres(config.state_dir)
        self._roots: dict[str, asyncio.Task[None]] = {}
        self._deadline: float | None = None
        self._hurry = asyncio.Event()

    def stop(self) -> None:
        """Ask the daemon to end; asked again, it leaves behind what is not finished by now."""
        if self.stopping.is_set():
            self._deadline = clock.monotonic()
            self._hurry.set()
        self.stopping.set()

    async def run(self) -> None:
        """Serve until stopped; raises what made it impossible to go on."""
        async with contextlib.AsyncExitStack() as stack:
            try:
                await self.until_stopped(self.start(stack))
                if not self.stopping.is_set():
                    self.announce()
                    await self.watch_roots()
            finally:
                self.health.phase = "stopping"
                notify(STOPPING)
                log.info("daemon.stopping")
                if self._deadline is None:
                    within = self.config.settings.service.stop_within
                    self._deadline = clock.monotonic() + within
        log.info("daemon.stopped")

    async def until_stopped(self, work: Coroutine[None, None, None]) -> None:
        """Await *work*, but no longer than until the daemon is asked to end."""
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self.stopping.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not working.done():
            working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working

    async def start(self, stack: contextlib.AsyncExitStack) -> None:
        """Start every part in order; each registers its own end."""
        http = self.config.settings.http
        make_folder(self.config.state_dir)
        phrasebook = load_phrasebook(find_templates(self.config))
        senders = self.build_senders(stack)
        await self.listen(stack, "internal", http.internal, self.health.routes)
        journals = await self.open_journals(stack)
        policies = build_policies(self.config)
        porch = self.make_porch(stack)
        await porch.enter_async_context(self.receive(journals, policies, phrasebook))
        store = await self.reach_database(stack)
        outbox = Outbox(
            store, senders, self.config.settings.replies, paces=build_paces(self.config)
        )
        within = self.config.settings.database.receive_within
        intake = Intake(store, policies, phrasebook, on_owed=outbox.wake, within=within)
        registries = RegistryIntake(store, policies)
        await self.health.look(store)
        self.start_root(stack, "outbox", outbox.run())
        self.start_root(stack, "health", self.health.watch(store, self.find_reviver()))
        self.start_root(stack, "intake", intake.run(), before_end=intake.drain)

        async def owe(message: InboundMessage) -> None:
            if await owe_late_reply(store, message):
                outbox.wake()

        self.start_root(stack, "journals", journals.run(intake, owe))
        sinks = Sinks(
            intake,
            registries,
            BookmarkStore(store),
            ReportStore(store),
            PartStore(store),
            OperationStore(store),
        )
        channels = [
            build_channel(
                ChannelName(name),
                settings,
                self.config,
                journals.wrap(policies[ChannelName(name)], sinks, phrasebook),
            )
            for name, settings in self.config.channels.items()
        ]
        self.start_channels(stack, channels)
        routes = [route for channel in channels for route in channel.routes]
        await porch.aclose()
        await self.listen(stack, "listen", http.listen, routes)
        await self.until_settled()

    async def until_settled(self) -> None:
        """
        Wait until each channel has said how it fares; one that hangs is not waited for long.

        Raises PermanentError when one that must start cannot, also where it tries again by itself.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_WITHIN):
                for channel in self.health.channels:
                    await channel.settled.wait()
        for channel in self.health.channels:
            if self.config.channels[channel.name].startup == "error":
                channel.check_started()

    async def open_journals(self, stack: contextlib.AsyncExitStack) -> Journals:
        """Open what is kept on disk while PostgreSQL is away; it ends after all who use it."""
        journals = Journals(self.config)
        await journals.open()
        self.on_stop(stack, "journals closed", journals.close)
        self.health.journals = journals
        return journals

    def make_porch(self, stack: contextlib.AsyncExitStack) -> contextlib.AsyncExitStack:
        """Return what the porch is to be entered into; it is left at a stop, if not before."""
        porch = contextlib.AsyncExitStack()
        self.on_stop(stack, "porch", porch.aclose)
        return porch

    @contextlib.asynccontextmanager
    async def receive(
        self, journals: Journals, policies: Mapping[ChannelName, Policy], phrasebook: Phrasebook
    ) -> AsyncIterator[None]:
        """Let journals take messages until the block ends, and say that they do."""
        async with open_porch(self.config, journals, policies, phrasebook):
            self.health.phase = "receiving"
            try:
                yield
            finally:
                if self.health.phase == "receiving":
                    self.health.phase = "starting"

    def build_senders(
        self, stack: contextlib.AsyncExitStack
    ) -> Mapping[ChannelName, ClosableSender]:
        """Return the ways out, those of disabled channels too: what is owed is still sent."""
        senders: dict[ChannelName, ClosableSender] = {}
        for name, settings in self.config.settings.channels.items():
            try:
                sender = build_way_out(ChannelName(name), settings, self.config)
            except ConfigError as error:
                if settings.enabled:
                    raise
                log.warning("sender.unusable", channel=name, problem=str(error))
                continue
            if sender is not None:
                senders[ChannelName(name)] = sender
                self.on_stop(stack, f"sender {name}", sender.aclose)
        return senders

    async def reach_database(self, stack: contextlib.AsyncExitStack) -> Store:
        """Connect and bring the schema up to date, waiting for as long as PostgreSQL is away."""
        for pause in back_off(0.5, 15.0):
            attempt = contextlib.AsyncExitStack()
            try:
                store = await attempt.enter_async_context(open_database(self.config, self._server))
                applied = await store.migrate()
            except TransientError as error:
                await attempt.aclose()
                self.note_database_away(str(error))
                await asyncio.sleep(pause)
                continue
            except BaseException:
                await attempt.aclose()
                raise
            self.on_stop(stack, "database", attempt.aclose, grace=LAST_SECONDS)
            self.health.database_problem = ""
            log.info("database.opened", migrations=applied)
            return store
        raise TransientError

    def find_reviver(self) -> Callable[[], Awaitable[object]] | None:
        """Return what starts the database again, where it is ours to start."""
        return self._server.start if self.config.settings.database.url == EMBEDDED else None

    def note_database_away(self, problem: str) -> None:
        """Log once that PostgreSQL is awaited, and again when the cause is another."""
        if problem != self.health.database_problem:
            log.warning("database.awaited", problem=problem)
        self.health.database_problem = problem

    async def listen(
        self, stack: contextlib.AsyncExitStack, key: str, where: str, routes: Iterable[Route]
    ) -> None:
        """Open one of the HTTP listeners."""
        http = self.config.settings.http
        listener = open_listener(
            parse_listen(where, self.config.state_dir),
            routes,
            max_body=http.max_body,
            read_timeout=http.read_timeout,
        )
        try:
            self.addresses[key] = await listener.__aenter__()
        except PermanentError as error:
            raise PermanentError(f"http.{key}: {error}") from None

        async def close() -> None:
            await listener.__aexit__(None, None, None)

        self.on_stop(stack, f"listener {key}", close)

    def start_root(
        self,
        stack: contextlib.AsyncExitStack,
        name: str,
        work: Coroutine[None, None, None],
        before_end: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Start a task whose end ends the daemon; it is cancelled when its turn comes."""
        task = asyncio.create_task(work, name=name)
        self._roots[name] = task

        async def end() -> None:
            if before_end is not None:
                await before_end()
            await cancel([task])

        self.on_stop(stack, name, end)

    def start_channels(self, stack: contextlib.AsyncExitStack, channels: Iterable[Channel]) -> None:
        """Start every channel in a task of its own; they end side by side."""
        tasks = []
        for channel in channels:
            status = ChannelStatus(channel.name)
            self.health.channels.append(status)
            must_start = self.config.channels[channel.name].startup == "error"
            work = run_channel(channel, status, must_start=must_start)
            task = asyncio.create_task(work, name=f"channel {channel.name}")
            self._roots[task.get_name()] = task
            tasks.append(task)

        async def end() -> None:
            await cancel(tasks)

        self.on_stop(stack, "channels", end)

    def on_stop(
        self,
        stack: contextlib.AsyncExitStack,
        name: str,
        end: Callable[[], Awaitable[None]],
        grace: float = 0.0,
    ) -> None:
        """Register the end of a part; one that takes longer than there is time is left behind."""

        async def bounded() -> None:
            # A task that is left behind cannot hold the others up, whatever it waits for.
            ending = asyncio.ensure_future(end())
            hurry = asyncio.ensure_future(self._hurry.wait())
            deadline = (self._deadline or clock.monotonic()) + grace
            left = max(deadline - clock.monotonic(), 0.1)
            if not self._hurry.is_set():
                await asyncio.wait(
                    {ending, hurry}, timeout=left, return_when=asyncio.FIRST_COMPLETED
                )
            hurry.cancel()
            if not ending.done():
                await asyncio.wait({ending}, timeout=max(grace, 0.1))
            if ending.done():
                ending.result()
            else:
                ending.cancel()
                self.abandoned.append(name)
                log.error("part.abandoned", part=name)

        stack.push_async_callback(bounded)

    def announce(self) -> None:
        """Say that messages are taken."""
        self.health.phase = "running"
        settle_memory()
        log.info("daemon.started", channels=list(self.config.channels), **self.addresses)
        notify(READY, "STATUS=taking readings")

    async def watch_roots(self) -> None:
        """Return when asked to end; raise when a task ended that never should."""
        stopping = asyncio.create_task(self.stopping.wait(), name="stopping")
        done, _ = await asyncio.wait(
            {stopping, *self._roots.values()}, return_when=asyncio.FIRST_COMPLETED
        )
        stopping.cancel()
        for name, task in self._roots.items():
            if task in done and not self.stopping.is_set():
                log.error("part.ended", part=name)
                task.result()
                raise PermanentError(f"the part {name} ended, which it never should")


def make_folder(path: Path) -> None:
    """Create the state directory; raises ConfigError where that is not to be had."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"service.state_dir: {path}: {error.strerror}") from None


def settle_memory() -> None:
    """Keep the collector from searching what was built for good, and from searching too often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def cancel(tasks: Iterable["asyncio.Task[None]"]) -> None:
    """Cancel tasks and wait until each has ended in its own way."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def run_daemon(config: Configuration) -> None:
    """Run a daemon until SIGTERM or SIGINT; a second one ends it at once, SIGHUP is ignored."""
    daemon = Daemon(config)
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if daemon.stopping.is_set():
            log.warning("daemon.interrupted")
        daemon.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    loop.add_signal_handler(
        signal.SIGHUP, lambda: log.warning("signal.ignored", advice="restart to read config.toml")
    )
    await daemon.run()
    if daemon.abandoned:
        # A thread that waits for what does not answer would keep the process; what is committed
        # is committed, and the rest the upstreams still have.
        os._exit(1)
