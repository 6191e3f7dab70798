"""
Says how the daemon fares: /healthz, /readyz, /metrics, and the watchdog of systemd.

Live and ready are two questions. Live: the loop turns and every root task runs; otherwise restart
it. Ready: PostgreSQL answers, so that what is sent here will be taken; otherwise send it later.
"""

import asyncio
import contextlib
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ingest import clock, metrics
from ingest.errors import IngestError, TransientError
from ingest.journal import Journals
from ingest.log import get_logger
from ingest.notify import WATCHDOG, notify
from ingest.ports import Route
from ingest.store import Store
from ingest.supervisor import ChannelStatus

log = get_logger()

LOOK_EVERY = 5.0
"""Seconds between two looks at PostgreSQL."""
PROBE = "probe"
"""The lease that is written to see whether writing is possible; nobody holds it."""
PATIENCE = 15.0
"""Seconds that a look may take before PostgreSQL counts as away."""


class Health:
    """What is known of the daemon's parts."""

    def __init__(self) -> None:
        self.phase = "starting"
        """Then ``receiving`` while journals alone take messages, ``running``, ``stopping``."""
        self.database_problem = "it was not reached yet"
        self.channels: list[ChannelStatus] = []
        self.journals: Journals | None = None
        self.looked_at = clock.now()

    @property
    def is_ready(self) -> bool:
        """Whether what is sent here now will be taken, and be it by a journal."""
        is_kept = self.journals is not None and self.journals.is_kept
        is_up = self.phase == "running" and not self.database_problem
        return is_up or (is_kept and self.phase in {"receiving", "running"})

    @property
    def is_degraded(self) -> bool:
        """Whether something is taken that cannot be committed and answered at once."""
        waiting = self.journals.describe().values() if self.journals is not None else ()
        return self.is_ready and (
            bool(self.database_problem) or any(one.messages for one in waiting)
        )

    @property
    def routes(self) -> Sequence[Route]:
        """What the internal listener answers."""
        return (
            Route("GET", "/healthz", self.answer_live),
            Route("GET", "/readyz", self.answer_ready),
            Route("GET", "/metrics", answer_metrics),
        )

    async def answer_live(self, request: web.Request) -> web.Response:
        """Answer 200 while the loop turns; the answer itself is the proof."""
        return web.json_response(
            {"phase": self.phase, "looked_at": self.looked_at.isoformat(timespec="seconds")}
        )

    async def answer_ready(self, request: web.Request) -> web.Response:
        """Answer 200 when messages are taken, else 503; both say how each part fares."""
        body = msgspec.json.encode(self.describe())
        status = 200 if self.is_ready else 503
        return web.Response(status=status, body=body, content_type="application/json")

    def describe(self) -> dict[str, object]:
        """Return every part with its state."""
        return {
            "phase": self.phase,
            "degraded": self.is_degraded,
            "database": self.database_problem or "up",
            "channels": {
                channel.name: {
                    "state": channel.state,
                    "since": channel.since,
                    "problem": channel.problem,
                    "progressed_at": channel.progressed_at,
                }
                for channel in self.channels
            },
            "journals": self.journals.describe() if self.journals is not None else {},
        }

    async def watch(
        self, store: Store, revive: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        """
        Look at PostgreSQL again and again until cancelled; feed gauges and watchdog.

        *revive* starts a server that is ours once it does not answer.
        """
        while True:
            await self.look(store)
            await self.restore_channels(store)
            if self.database_problem and revive is not None:
                with contextlib.suppress(IngestError):
                    await revive()
            notify(WATCHDOG)
            await asyncio.sleep(LOOK_EVERY)

    async def restore_channels(self, store: Store) -> None:
        """
        Say for channels whose sink had refused that it takes messages again.

        A channel that waits for its upstream cannot know before the next message. Something is
        written for it: a full disk, for one, lets itself be read.
        """
        waiting = [channel for channel in self.channels if channel.is_refused]
        if not waiting or self.database_problem:
            return
        with contextlib.suppress(TransientError):
            await store.fetch("take_lease", PROBE, PROBE, dt.timedelta(0))
            for channel in waiting:
                channel.up()

    async def look(self, store: Store) -> None:
        """Look at PostgreSQL once; lost and restored are logged once."""
        try:
            async with asyncio.timeout(PATIENCE):
                await store.ping()
                await update_gauges(store)
            problem = ""
        except (TransientError, TimeoutError) as error:
            problem = str(error) or "it does not answer in time"
        if problem and not self.database_problem:
            log.error("database.lost", problem=problem)
        if self.database_problem and not problem:
            log.info("database.restored")
        self.database_problem = problem
        self.looked_at = clock.now()
        metrics.DATABASE_UP.set(0 if problem else 1)


async def update_gauges(store: Store) -> None:
    """Count in the database what only the database knows."""
    [row] = await store.fetch("count_waiting")
    metrics.REPLIES_DUE.set(row["replies_due"])
    metrics.OLDEST_REPLY_SECONDS.set(find_age(row["oldest_reply_at"]))
    metrics.HELD.set(row["held"])


def find_age(since: dt.datetime | None) -> float:
    """Return seconds since *since*; 0 for None."""
    return 0.0 if since is None else max((clock.now() - since).total_seconds(), 0.0)


async def answer_metrics(request: web.Request) -> web.Response:
    """Answer with every figure in Prometheus' text format."""
    response = web.Response(body=generate_latest())
    response.headers["Content-Type"] = CONTENT_TYPE_LATEST
    return response
