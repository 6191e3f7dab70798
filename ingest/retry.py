"""
The one retry policy, wrapping tenacity: a few quick tries inside one attempt.

Retries that must outlive the process are rows of the outbox, not loops.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import tenacity

from ingest.errors import TransientError

Result = TypeVar("Result")


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
