"""
The one retry policy, wrapping tenacity: a few quick tries inside one attempt.

Retries that must outlive the process are rows of the outbox, not loops.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import tenacity

from ingest.errors import TransientError

Result = TypeVar("Result")


async def wait_for(event: asyncio.Event, seconds: float) -> None:
    """
    Wait for *event*, for so many seconds at most.

    Not by ``asyncio.wait_for``: in Python 3.11 it loses a cancellation that comes together with
    the event (github.com/python/cpython/issues/86296), and its task would never end.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def retry_on(
    error: type[TransientError],
    attempt: Callable[[], Awaitable[Result]],
    *,
    attempts: int,
    first_wait: float = 0.05,
    longest_wait: float = 1.0,
) -> Result:
    """
    Await *attempt* up to *attempts* times while it raises *error*; raise the last one.

    Waits grow from *first_wait* to *longest_wait* seconds, with jitter. *attempt* must be harmless
    to repeat.
    """
    async for trial in tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(error),
        stop=tenacity.stop_after_attempt(attempts),
        wait=tenacity.wait_random_exponential(multiplier=first_wait, max=longest_wait),
        reraise=True,
    ):
        with trial:
            return await attempt()
    raise TransientError


def back_off(first: float, longest: float) -> Iterator[float]:
    """Yield waits in seconds for ever: doubling from *first*, never above *longest*."""
    wait = first
    while True:
        yield wait
        wait = min(wait * 2, longest)
