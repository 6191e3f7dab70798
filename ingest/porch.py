"""
Takes messages into the journals while PostgreSQL is awaited at the start.

The channels of a daemon come up once the database is there. After a power cut that may take a
while, and a gateway that does not send again would meet a closed door for so long. The others are
put off at the same door: to some of them «nothing here» would be final.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import NoReturn

from aiohttp import web

from ingest.addresses import parse_listen
from ingest.bookmarks import BookmarkStore
from ingest.building import build_channel
from ingest.channels.door import RETRY_AFTER
from ingest.config import Configuration
from ingest.errors import PermanentError, TransientError
from ingest.journal import Journals
from ingest.listeners import open_listener
from ingest.log import get_logger
from ingest.model import ChannelName, InboundMessage, Outcome
from ingest.operations import OperationStore
from ingest.parts import PartStore
from ingest.policy import Policy
from ingest.ports import Route, Sinks
from ingest.registries import RegistryIntake
from ingest.replies import Phrasebook
from ingest.reports import ReportStore
from ingest.store import Row, Store

log = get_logger()

NOT_REACHED = "PostgreSQL was not reached yet"


class AbsentStore(Store):
    """A PostgreSQL that was not reached yet."""

    def __init__(self) -> None:
        """Connect to nothing."""

    async def fetch(self, name: str, *arguments: object) -> list[Row]:
        """Refuse for now."""
        raise TransientError(NOT_REACHED)

    def transaction(self, *, keep: bool = True, time_limit: float | None = None) -> NoReturn:
        """Refuse for now."""
        raise TransientError(NOT_REACHED)


class AbsentSink:
    """An intake that has no PostgreSQL yet."""

    async def receive(self, message: InboundMessage) -> Outcome:
        """Refuse for now."""
        raise TransientError(NOT_REACHED)


class QuietReport:
    """Hears how a channel fares, and leaves it to the channel proper to say so."""

    def up(self) -> None:
        """Say nothing."""

    def progressed(self) -> None:
        """Say nothing."""

    def lost(self, problem: str) -> None:
        """Say nothing."""

    def refused(self, problem: str) -> None:
        """Say nothing."""


@contextlib.asynccontextmanager
async def open_porch(
    config: Configuration,
    journals: Journals,
    policies: Mapping[ChannelName, Policy],
    phrasebook: Phrasebook,
) -> AsyncIterator[None]:
    """Serve the channels that keep a journal until the block ends; the others are put off."""
    store = AbsentStore()
    sinks = Sinks(
        AbsentSink(),
        RegistryIntake(store, policies),
        BookmarkStore(store),
        ReportStore(store),
        PartStore(store),
        OperationStore(store),
    )
    channels = [
        build_channel(name, channel, config, journals.wrap(policies[name], sinks, phrasebook))
        for name, channel in ((ChannelName(name), one) for name, one in config.channels.items())
        if channel.journal
    ]
    http = config.settings.http
    listener = open_listener(
        parse_listen(http.listen, config.state_dir),
        [*(route for channel in channels for route in channel.routes), ELSEWHERE],
        max_body=http.max_body,
        read_timeout=http.read_timeout,
    )
    async with contextlib.AsyncExitStack() as stack:
        if channels:
            tasks = [asyncio.create_task(one.run(QuietReport())) for one in channels]
            stack.push_async_callback(end, tasks)
            try:
                await stack.enter_async_context(listener)
            except PermanentError as error:
                raise PermanentError(f"http.listen: {error}") from None
        yield


async def put_off(request: web.Request) -> web.Response:
    """Refuse for now, without a word: what some gateways are answered is texted to the customer."""
    headers = {"Retry-After": str(RETRY_AFTER)}
    return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)


ELSEWHERE = Route("*", "/channels/{rest:.*}", put_off)
"""Whatever belongs to a channel that is not up yet."""


async def end(tasks: "list[asyncio.Task[None]]") -> None:
    """Cancel the channels; what one of them had to complain of, its successor will say."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
