"""Retries inside one attempt."""

import asyncio
import itertools

import pytest

from ingest.errors import TransientError
from ingest.retry import back_off, retry_on, wait_for


class FailingTimes:
    """Fails so many times, then succeeds."""

    def __init__(self, times, error):
        self.left = times
        self.error = error

    async def __call__(self):
        if self.left:
            self.left -= 1
            raise self.error
        return "done"


@pytest.mark.looptime
async def test_tries_again():
    """An attempt that fails for now is made again."""
    assert "done" == await retry_on(TransientError, FailingTimes(2, TransientError()), attempts=3)


@pytest.mark.looptime
async def test_raises_the_last_error():
    """When every attempt fails, the caller hears why."""
    with pytest.raises(TransientError, match="no"):
        await retry_on(TransientError, FailingTimes(9, TransientError("no")), attempts=3)


async def test_other_errors_are_not_retried():
    """Only the named error is worth another attempt."""
    failing = FailingTimes(1, ValueError())
    with pytest.raises(ValueError):
        await retry_on(TransientError, failing, attempts=3)


def test_back_off_doubles_up_to_its_limit():
    """Waits grow, but never above the longest."""
    assert [1, 2, 4, 5, 5] == list(itertools.islice(back_off(1, 5), 5))


async def test_a_cancellation_together_with_the_event_is_not_lost():
    """A channel that is told to end just as its folder stirs does end."""
    event = asyncio.Event()
    waiting = asyncio.create_task(wait_for(event, 10))
    await asyncio.sleep(0)
    event.set()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
