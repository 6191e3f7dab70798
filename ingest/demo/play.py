"""Play the morning: start everything, carry message after message, compare, and clear away."""

import asyncio
import contextlib
import json
import secrets
import signal
import statistics
from collections.abc import Callable, Sequence
from typing import Protocol

import aiohttp

from ingest import clock
from ingest.building import open_database
from ingest.calendar import find_period, render_period
from ingest.config import Configuration
from ingest.demo.comparison import compare, compare_billed, compare_one, compare_silence
from ingest.demo.couriers import Town, carry
from ingest.demo.scenes import BILLED, MORNING
from ingest.demo.script import Billed, Check, Played, Scene, Seen, Tally
from ingest.demo.stage import (
    Folder,
    Ports,
    RunningDaemon,
    find_free_ports,
    open_daemon,
    run_command,
)
from ingest.demo.town import HOST, Inbox, open_gateway, open_relay
from ingest.errors import PermanentError
from ingest.history import MessageFilter, Story, get_story, list_messages, summarise
from ingest.model import Disposition
from ingest.records import read_readings, read_verdict
from ingest.retry import back_off
from ingest.store import Store

SCENE_WITHIN = 15.0
"""Seconds for a message and its answer."""
CALM_WITHIN = 30.0
"""Seconds for channels to come up, and for the outbox to be emptied."""
MOST_MESSAGES = 1000
UNSENT = frozenset({"due", "sending"})
"""States of replies that are still to leave."""


class Show(Protocol):
    """Whoever watches."""

    def begin(self, scenes: int) -> None:
        """Show that the daemon is being started."""

    def show_scene(self, number: int, played: Played) -> None:
        """Show one scene that was played."""

    def show_check(self, check: Check) -> None:
        """Show what holds at the end."""

    def end(self, tally: Tally) -> None:
        """Show the whole in figures."""

    def fail(self, problem: str) -> None:
        """Show why the play broke off."""


def play(show: Show, folder: Folder) -> bool:
    """
    Play the morning in *folder*; tell whether everything went as wanted.

    Raises asyncio.CancelledError when it was asked to end by a signal; even then nothing is left
    running.
    """
    return asyncio.run(play_guarded(show, folder))


async def play_guarded(show: Show, folder: Folder) -> bool:
    """Play, and clear away also when we are asked to end."""
    playing = asyncio.ensure_future(perform(show, folder))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, make_end(playing))
    return await playing


def make_end(playing: "asyncio.Future[bool]") -> Callable[[], None]:
    """Return what ends the play, once: clearing away must not be cancelled too."""
    is_ending = False

    def end() -> None:
        nonlocal is_ending
        if not is_ending:
            playing.cancel()
        is_ending = True

    return end


async def perform(show: Show, folder: Folder) -> bool:
    """Start everything, play all scenes, check the whole; the daemon ends in any case."""
    begun = clock.monotonic()
    show.begin(len(MORNING))
    async with contextlib.AsyncExitStack() as stack:
        town, config = await build_town(stack, folder)
        daemon = await stack.enter_async_context(open_daemon(folder))
        async with open_database(config) as store:
            await until_up(town)
            morning = Morning(town, daemon, store, show)
            await morning.play(MORNING)
            checks = [await morning.check_silence(), await check_billed(folder, config)]
        checks.append(Check(
            "stopped", "On SIGTERM the daemon ends in order",
            compare_one("exit status", await daemon.stop(), 0),
        ))  # fmt: skip
    for check in checks:
        show.show_check(check)
    tally = morning.count(checks, clock.monotonic() - begun)
    show.end(tally)
    return not tally.unmet


async def build_town(
    stack: contextlib.AsyncExitStack, folder: Folder
) -> tuple[Town, Configuration]:
    """Open relay and gateway, choose the daemon's ports, write its configuration."""
    secret, inbox = secrets.token_hex(16), Inbox()
    relay = await stack.enter_async_context(open_relay(inbox))
    gateway = await stack.enter_async_context(open_gateway(inbox, secret))
    smtp, http, internal = find_free_ports(3)
    ports = Ports(smtp=smtp, http=http, internal=internal, relay=relay, gateway=gateway)
    config = folder.furnish(ports, secret)
    client = await stack.enter_async_context(aiohttp.ClientSession())
    partner = config.state_dir / "registries" / "citypay"
    return Town(ports, inbox, client, secret, partner), config


async def until_up(town: Town) -> None:
    """Return when every channel takes messages; a channel may need a moment after READY=1."""
    states: dict[str, str] = {}
    try:
        async with asyncio.timeout(CALM_WITHIN):
            for pause in back_off(0.02, 0.5):
                states = await ask_states(town)
                if set(states.values()) == {"up"}:
                    return
                await asyncio.sleep(pause)
    except TimeoutError:
        raise PermanentError(f"not all channels came up: {states}") from None
    except aiohttp.ClientError as error:
        raise PermanentError(f"the daemon does not say how it fares: {error}") from error


async def ask_states(town: Town) -> dict[str, str]:
    """Ask the daemon how its channels fare."""
    async with town.http.get(f"http://{HOST}:{town.ports.internal}/readyz") as response:
        answer = json.loads(await response.text())
    return {name: channel["state"] for name, channel in answer["channels"].items()}


class Morning:
    """The scenes as they are played, one after the other."""

    def __init__(self, town: Town, daemon: RunningDaemon, store: Store, show: Show) -> None:
        self._town = town
        self._daemon = daemon
        self._store = store
        self._show = show
        self._begun_at = clock.now()
        self._known: set[str] = set()
        """Receipts of messages that earlier scenes led to."""
        self._played: list[Played] = []

    async def play(self, scenes: Sequence[Scene]) -> None:
        """Play *scenes* in order; raises PermanentError when the daemon does not last so long."""
        for number, scene in enumerate(scenes, start=1):
            self._daemon.check()
            seen = await self._see(scene)
            earlier = {one.scene.key: one.seen for one in self._played}
            played = Played(scene, seen, compare(scene.wanted, seen, earlier))
            self._played.append(played)
            self._show.show_scene(number, played)

    async def _see(self, scene: Scene) -> Seen:
        """Play one scene and return what was seen of it, inside and outside of the daemon."""
        begun = clock.monotonic()
        try:
            async with asyncio.timeout(SCENE_WITHIN):
                seen = await carry(self._town, scene, clock.now())
        except TimeoutError:
            seen = Seen(trouble=f"there was no answer within {SCENE_WITHIN:.0f} seconds")
        except (OSError, aiohttp.ClientError) as error:
            seen = Seen(trouble=f"{type(error).__name__}: {error}")
        milliseconds = (clock.monotonic() - begun) * 1000
        return add_stories(seen, await self._find_new(), milliseconds)

    async def _find_new(self) -> list[Story]:
        """Return what is recorded of messages that are new since the scene before."""
        rows = await list_messages(self._store, MessageFilter(limit=MOST_MESSAGES))
        new = [row["receipt"] for row in rows if row["receipt"] not in self._known]
        self._known.update(new)
        return [await get_story(self._store, receipt) for receipt in new]

    async def check_silence(self) -> Check:
        """Wait until nothing is left to send; then nobody may have got what nobody wanted."""
        states: set[str] = set()
        try:
            async with asyncio.timeout(CALM_WITHIN):
                for pause in back_off(0.02, 0.5):
                    summary = await summarise(self._store, self._begun_at)
                    states = {row["state"] for row in summary.replies}
                    if states.isdisjoint(UNSENT):
                        break
                    await asyncio.sleep(pause)
        except TimeoutError:
            pass
        outbox = compare_one("outbox", ", ".join(sorted(states)), "sent")
        silence = compare_silence(self._town.inbox.list_left())
        title = "Every answer that is owed was sent, and nobody else was written to"
        return Check("silence", title, (*outbox, *silence))

    def count(self, checks: Sequence[Check], seconds: float) -> Tally:
        """Return the morning in figures."""
        seen = [one.seen for one in self._played]
        messages = [one.verdict.disposition for one in seen if one.verdict]
        readings = [reading.verdict.disposition for one in seen for reading in one.readings]
        unmet = [bool(one.mismatches) for one in self._played]
        unmet += [bool(one.mismatches) for one in checks]
        answered = [one.milliseconds for one in seen if one.answers]
        return Tally(
            scenes=len(self._played),
            checks=len(checks),
            unmet=sum(unmet),
            messages={one: messages.count(one) for one in Disposition},
            readings={one: readings.count(one) for one in Disposition},
            answers=sum(len(one.answers) for one in seen),
            seconds=seconds,
            median_ms=statistics.median(answered) if answered else 0.0,
        )


def add_stories(seen: Seen, stories: Sequence[Story], milliseconds: float) -> Seen:
    """Return *seen* with what the daemon recorded; one message makes one story, or none."""
    trouble = seen.trouble
    if len(stories) > 1:
        receipts = ", ".join(story.message["receipt"] for story in stories)
        trouble = f"several messages were recorded: {receipts}"
    story = stories[0] if stories else None
    return Seen(
        status=seen.status,
        words=seen.words,
        receipt=story.message["receipt"] if story else "",
        verdict=read_verdict(story.message) if story else None,
        readings=tuple(read_readings(story.readings)) if story else (),
        answers=seen.answers,
        milliseconds=milliseconds,
        trouble=trouble,
    )


async def check_billed(folder: Folder, config: Configuration) -> Check:
    """Compare what ``ingest export`` would bill with what the morning should come to."""
    period = render_period(find_period(clock.now(), config.zone))
    output = await run_command(folder, "export", "--period", period, "--format", "jsonl")
    rows = [json.loads(line) for line in output.splitlines()]
    found = [Billed(row["account"], row["register"], row["value"]) for row in rows]
    return Check(
        "billed",
        f"`ingest export --period {period}` has each register once",
        compare_billed(found, BILLED),
    )
