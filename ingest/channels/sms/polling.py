"""Asks a gateway that does not bring its texts by itself, again and again; one daemon at a time."""

import asyncio
import contextlib
import datetime as dt
import json
import uuid
from collections.abc import Callable
from typing import Any, Protocol

import aiohttp
from msgspec import Struct

from ingest.channels.gateways.request import (
    Handover,
    PolledGateway,
    PollRequest,
    TooManyError,
    adjust,
)
from ingest.config import Configuration
from ingest.errors import IngestError, TransientError
from ingest.faults import explain_fault
from ingest.log import get_logger
from ingest.model import Bookmark, ChannelName
from ingest.nesting import nest
from ingest.ports import Bookmarks, ChannelReport
from ingest.settings import SmsPoll

LARGEST_ANSWER = 8 * 1024 * 1024
LONGEST_PAUSE = 300.0
"""Seconds between two attempts while the gateway does not answer."""
LEASE_SPARE = 60.0
"""Seconds that a lease lasts beyond a question and the pause after it."""
INBOX = "inbox"

Take = Callable[[Handover, dt.datetime], Any]

log = get_logger()


class Fetched(Struct, frozen=True):
    """What one look brought."""

    handover: Handover
    position: int = 0
    """What is reached with it; 0: nothing new."""


class Source(Protocol):
    """Where texts are fetched from."""

    async def fetch(self, position: int, now: dt.datetime) -> Fetched:
        """
        Return what came after *position*.

        Raises TransientError for «not now», PermanentError or ConfigError for what a person must
        put in order.
        """

    async def fetch_again(self, now: dt.datetime) -> Fetched | None:
        """Return what may have shown itself late, without a position; None where none is due."""

    async def settle(self, fetched: Fetched) -> None:
        """Tell the source that all of it is committed; a repeat does no harm."""

    async def aclose(self) -> None:
        """Let go of every connection."""


class HttpSource:
    """A gateway that answers HTTP requests."""

    def __init__(self, gateway: PolledGateway, settings: SmsPoll, config: Configuration) -> None:
        self.gateway = gateway
        self.settings = settings
        self.config = config
        self._session: aiohttp.ClientSession | None = None

    async def fetch(self, position: int, now: dt.datetime) -> Fetched:
        """Ask, and for less and less at once where that is too much."""
        asked = self.gateway.ask(position, now)
        while True:
            try:
                return await self.ask(asked, now)
            except TooManyError as error:
                asked = error.narrower

    async def fetch_again(self, now: dt.datetime) -> Fetched | None:
        """Ask for what may have shown itself late; that moves nothing."""
        asked = self.gateway.ask_again(now)
        return None if asked is None else Fetched((await self.ask(asked, now)).handover)

    async def ask(self, asked: PollRequest, now: dt.datetime) -> Fetched:
        """Ask once, within ``poll.timeout``."""
        asked = adjust(asked, self.settings)
        secret = self.settings.secret
        found = "" if secret is None else self.config.read_secret(secret)
        try:
            async with self.open_session().request(**make_request(asked, found)) as response:
                body = await read_all(response)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The words of some errors hold the URL, and with it the secret.
            fault = explain_fault(error, self.settings.timeout) or type(error).__name__
            raise TransientError(f"the gateway does not answer: {fault}") from None
        handover, reached = self.gateway.read_answers(asked, response.status, body, now)
        return Fetched(handover, reached)

    async def settle(self, fetched: Fetched) -> None:
        """Nothing is to be told: the next question says what is known."""

    def open_session(self) -> aiohttp.ClientSession:
        """Return the session, opened at the first question because it belongs to the loop."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self.settings.timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def aclose(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()


class Poller:
    """Fetches from one source, commits, and only then moves the bookmark."""

    def __init__(
        self,
        name: ChannelName,
        source: Source,
        take: Take,
        bookmarks: Bookmarks,
        *,
        now: Callable[[], dt.datetime],
    ) -> None:
        self.name = name
        self.source = source
        self.take = take
        self.bookmarks = bookmarks
        self.now = now
        self.holder = uuid.uuid4().hex
        self._is_lost = False

    @property
    def lease(self) -> str:
        """The name of what only one daemon may do at a time."""
        return f"poll {self.name}"

    async def look(self, settings: SmsPoll, report: ChannelReport) -> None:
        """
        Look once, and commit what is new.

        Lost and restored are told once. Raises TransientError while it does not go well.
        """
        try:
            await self.fetch_next(settings.every + settings.timeout + LEASE_SPARE)
        except IngestError as error:
            self._is_lost = True
            report.lost(str(error))
            raise TransientError(str(error)) from None
        except Exception as error:
            log.exception("poll.failed", channel=self.name)
            self._is_lost = True
            report.lost(f"a fault of ours: {type(error).__name__}")
            raise TransientError from None
        if self._is_lost:
            self._is_lost = False
            report.up()
        report.progressed()

    async def fetch_next(self, lease: float) -> None:
        """Fetch and commit what is new; do nothing while another daemon does."""
        if not await self.bookmarks.take_lease(self.lease, self.holder, lease):
            return
        bookmark = await self.bookmarks.find_bookmark(self.name, INBOX)
        before = 0 if bookmark is None else bookmark.position
        now = self.now()
        await self.take_over(await self.source.fetch(before, now), before, now)
        late = await self.source.fetch_again(now)
        if late is not None:
            await self.take_over(late, before, now)

    async def take_over(self, fetched: Fetched, before: int, now: dt.datetime) -> None:
        """Commit what was fetched, to the end even when this is cancelled."""
        committing = asyncio.ensure_future(self.commit(fetched, before, now))
        try:
            await asyncio.shield(committing)
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                await committing
            raise

    async def commit(self, fetched: Fetched, before: int, now: dt.datetime) -> None:
        """Commit what was fetched, then tell the source, then note the position."""
        await self.take(fetched.handover, now)
        await self.source.settle(fetched)
        if fetched.position > before:
            bookmark = Bookmark(place=INBOX, position=fetched.position)
            await self.bookmarks.save_bookmark(self.name, bookmark)

    async def end(self) -> None:
        """Let another daemon go on at once."""
        with contextlib.suppress(TransientError):
            await self.bookmarks.drop_lease(self.lease, self.holder)
        await self.source.aclose()


def make_request(asked: PollRequest, secret: str) -> dict[str, Any]:
    """Return the request with the secret put in."""
    fields = {name: text.replace("{secret}", secret) for name, text in asked.fields.items()}
    headers = {name: text.replace("{secret}", secret) for name, text in asked.headers.items()}
    request = {
        "method": asked.method,
        "url": asked.url,
        "headers": headers,
        "allow_redirects": False,
    }
    if asked.method == "GET":
        return request | {"params": fields}
    if asked.body == "json":
        headers.setdefault("Content-Type", "application/json")
        return request | {"data": json.dumps(nest(fields), ensure_ascii=False).encode()}
    return request | {"data": fields}


async def read_all(response: aiohttp.ClientResponse) -> bytes:
    """Read an answer whole; raises TransientError for one that has no end."""
    body = b""
    while part := await response.content.read(LARGEST_ANSWER):
        body += part
        if len(body) > LARGEST_ANSWER:
            raise TransientError("the gateway's answer is too large")
    return body
