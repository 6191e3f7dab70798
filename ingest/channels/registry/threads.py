"""Work that is finished even when its caller is cancelled meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from ingest.log import get_logger

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")

log = get_logger()


async def in_thread(
    work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """Run *work* in a thread, to its end."""
    return await complete(asyncio.to_thread(work, *args, **kwargs))


async def complete(work: Awaitable[Result]) -> Result:
    """
    Await *work* to its end, even when cancelled meanwhile; then pass the cancellation on.

    What is being committed must not be torn, nor a file be closed under a thread that reads it.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("registry.interrupted", problem=str(error))
        raise
