"""
What PostgreSQL is asked on behalf of those who wait: one thing at a time, and not for ever.

What does not come back in time goes on, because it may be committed yet. Until it has ended, and
PostgreSQL answers a question, nothing else is tried.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from ingest.errors import TransientError
from ingest.log import get_logger
from ingest.retry import back_off
from ingest.store import Store

log = get_logger()

Result = TypeVar("Result")

A_MOMENT = 1.0
"""Seconds that newcomers wait while PostgreSQL is asked whether it is there."""
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 1.0
"""Seconds between two such questions."""


class Trial:
    """Work that is tried on PostgreSQL, and whether that is known to be away."""

    def __init__(self, store: Store, within: float) -> None:
        self.problem = ""
        """Why nothing is tried now; empty while PostgreSQL is there as far as is known."""
        self._store = store
        self._within = within
        self._task: asyncio.Task[Any] | None = None

    async def attempt(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return what comes of *work*; raises TransientError when its time is up."""
        self._task = working = asyncio.create_task(work)
        await asyncio.wait({working}, timeout=self._within)
        if not working.done():
            raise TransientError(f"PostgreSQL did not take it within {self._within:g} s")
        return working.result()

    async def until_back(self, problem: str, turn_away: Callable[[], None]) -> None:
        """Return when what failed has ended and PostgreSQL answers; *turn_away* who waits."""
        if self._task is not None and not self._task.done():
            self.close(problem, turn_away)
            await asyncio.wait({self._task})
            error = self._task.exception()
            if error is not None and not isinstance(error, TransientError):
                log.error("group.failed", exc_info=error)
        for pause in back_off(FIRST_PAUSE, LONGEST_PAUSE):
            if await self.is_back(problem, turn_away):
                break
            await asyncio.sleep(pause)
        self.problem = ""

    async def is_back(self, problem: str, turn_away: Callable[[], None]) -> bool:
        """Tell whether PostgreSQL answers; who waits is turned away unless it does in a moment."""
        self._task = ping = asyncio.create_task(self._store.ping())
        await asyncio.wait({ping}, timeout=A_MOMENT)
        if not ping.done() or ping.exception() is not None:
            self.close(problem, turn_away)
            await asyncio.wait({ping})
        return ping.exception() is None

    def close(self, problem: str, turn_away: Callable[[], None]) -> None:
        """Let nothing be tried from now on."""
        self.problem = problem or "PostgreSQL is away"
        turn_away()

    async def end(self) -> None:
        """Give up what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
