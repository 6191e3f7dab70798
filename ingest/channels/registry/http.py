"""
A partner's files by HTTP: uploaded with PUT, their answers fetched with GET.

A file is streamed to the disk, never held in memory; it appears in ``in/`` once all of it is there,
durable, and agrees with every digest that came along. Only then the partner is told so.
"""

import asyncio
import datetime as dt
import errno
from collections.abc import Callable, Sequence
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from aiohttp import ClientError, StreamReader, web

from ingest import clock
from ingest.addresses import parse_networks
from ingest.channels.deposits import (
    Deposit,
    Incoming,
    Letterbox,
    NoRoomError,
    TooLargeError,
    check_name,
    show_name,
)
from ingest.channels.door import (
    Refusal,
    check_address,
    comes_by_proxy,
    find_asker,
    render_refusal,
)
from ingest.channels.gateways.request import GatewayRequest
from ingest.channels.registry.digests import Check, Digest, find_sha256, parse_digests
from ingest.channels.registry.progress import WatchedSink
from ingest.channels.registry.proof import explain_unproven, find_kept, is_proven
from ingest.channels.registry.shelf import Shelf
from ingest.channels.registry.threads import in_thread
from ingest.config import Configuration
from ingest.errors import ConfigError, PermanentError
from ingest.log import get_logger
from ingest.metrics import REFUSALS
from ingest.model import ChannelName
from ingest.ports import Route
from ingest.settings import BasicAuth, HmacAuth, RegistrySettings, UploadSettings

SLOWEST = 4096
"""Bytes a second; a slower upload is given up, so that a few of them cannot hold all places."""
BLOCK = 1 << 18
"""Bytes that are gathered before they go to the disk."""
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

log = get_logger()


class Uploads:
    """Answers the requests of one partner."""

    def __init__(
        self,
        name: ChannelName,
        settings: UploadSettings,
        config: Configuration,
        letterbox: Letterbox,
        shelf: Shelf,
    ) -> None:
        self.name = name
        self.settings = settings
        self.config = config
        self.http = config.settings.http
        self.letterbox = letterbox
        self.shelf = shelf
        self.allowed = parse_networks(settings.allow_from)
        self.proxies = parse_networks(self.http.trusted_proxies)
        self.prefix = f"/channels/{name}/files"
        self.now: Callable[[], dt.datetime] = clock.now
        self.on_arrival: Callable[[], None] = lambda: None
        """Called when a file has appeared in ``in/``."""
        self.is_up = False
        self._secret = ""
        self._under_way = 0

    @property
    def routes(self) -> Sequence[Route]:
        """What is answered below the channel's address."""
        one = f"{self.prefix}/{{file:[^/]+}}"
        return [
            Route("GET", self.prefix, self.handle),
            Route("PUT", one, self.handle),
            Route("GET", f"{one}/receipt", self.handle),
        ]

    def open(self) -> None:
        """Let requests in; raises PermanentError without the secret that they must know."""
        kept = find_kept(self.settings.auth)
        try:
            self._secret = self.config.read_secret(kept) if kept else ""
        except ConfigError as error:
            raise PermanentError(str(error)) from None
        self.is_up = True

    def close(self) -> None:
        """Tell whoever comes to come later."""
        self.is_up = False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Take one request; whoever is not the partner learns nothing."""
        try:
            self.check_door(request)
            digests = read_digests(request)
            self.check_proof(request, digests)
            return await self.answer(request, digests)
        except Refusal as refusal:
            return self.refuse(refusal, request)
        except ConnectionError:
            raise
        except Exception:  # the last resort: a fault of ours is never final
            log.exception("request.failed", channel=self.name)
            failed = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "failed", "something went wrong here")
            return self.refuse(failed, request)

    def check_door(self, request: web.Request) -> None:
        """Turn away who comes from elsewhere, or too early."""
        check_address(request, self.allowed, self.proxies)
        if not self.is_up:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "not_up", "the channel is not up")

    def check_proof(self, request: web.Request, digests: Sequence[Digest]) -> None:
        """Turn away who cannot prove to be the partner; which part of it was wrong is not told."""
        auth = self.settings.auth
        if auth is None:
            return
        announced = find_sha256(digests) if request.method == "PUT" else ""
        if isinstance(auth, HmacAuth) and request.method == "PUT" and not announced:
            raise Refusal(
                HTTPStatus.UNAUTHORIZED,
                "unauthenticated",
                "a Content-Digest with sha-256 is wanted",
            )
        asked = GatewayRequest(
            method=request.method,
            origin=self.http.public_url.rstrip("/"),
            path=request.rel_url.raw_path.encode("utf-8", "surrogateescape"),
            query=request.rel_url.raw_query_string.encode("utf-8", "surrogateescape"),
            headers=tuple(request.headers.items()),
            body=announced.encode(),
        )
        by_proxy = comes_by_proxy(request, self.proxies)
        now = self.now()
        if not is_proven(auth, self._secret, asked, now, by_proxy=by_proxy):
            note = explain_unproven(auth, asked, now, by_proxy=by_proxy)
            raise Refusal(
                HTTPStatus.UNAUTHORIZED, "unauthenticated", "authentication failed", note=note
            )

    async def answer(self, request: web.Request, digests: Sequence[Digest]) -> web.StreamResponse:
        """Do what the partner asks for."""
        if "file" not in request.match_info:
            return await self.shelf.list_files()
        name = read_name(request.rel_url.raw_path.removeprefix(f"{self.prefix}/").split("/")[0])
        if request.method == "PUT":
            deposit = await self.take_file(request, name, digests)
            return self.shelf.acknowledge(deposit)
        part = request.query.get("part", "")
        return await self.shelf.show_receipt(name, part, request.headers.get("Accept", ""))

    async def take_file(
        self, request: web.Request, name: str, digests: Sequence[Digest]
    ) -> Deposit:
        """Take an upload to its end; what is interrupted leaves nothing behind."""
        check_headers(request)
        if problem := check_name(name):
            raise Refusal(HTTPStatus.BAD_REQUEST, "malformed", problem)
        if self._under_way >= self.settings.at_once:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "connections", "too many uploads")
        self._under_way += 1
        try:
            deposit = await self.store(request, name, digests)
        except TooLargeError as error:
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", str(error)) from None
        except NoRoomError as error:
            raise Refusal(HTTPStatus.INSUFFICIENT_STORAGE, "no_room", str(error)) from None
        finally:
            self._under_way -= 1
        log.info(
            "registry.deposited",
            channel=self.name,
            file=show_name(deposit.name),
            way="http",
            size=deposit.size,
            again=not deposit.is_new,
        )
        self.on_arrival()
        return deposit

    async def store(self, request: web.Request, name: str, digests: Sequence[Digest]) -> Deposit:
        """Write an upload to the disk; raises Refusal, TooLargeError or NoRoomError."""
        check = Check(digests)
        try:
            incoming = await in_thread(self.letterbox.open, name, request.content_length or 0)
            try:
                await self.receive(request, incoming, check)
                return await in_thread(incoming.finish)
            finally:
                await in_thread(incoming.discard)
        except OSError as error:
            if isinstance(error, ConnectionError):
                raise
            if error.errno in FULL:
                raise NoRoomError("the disk is too full for another file") from None
            log.warning("registry.undeposited", channel=self.name, problem=error.strerror)
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "not now; try again"
            ) from None

    async def receive(self, request: web.Request, incoming: Incoming, check: Check) -> None:
        """Take the content as it comes, no slower than at :data:`SLOWEST`."""
        begun = clock.monotonic()

        def write(block: bytes) -> None:
            incoming.write(block)
            check.update(block)

        while True:
            spent = clock.monotonic() - begun
            left = self.http.read_timeout + incoming.size / SLOWEST - spent
            block = await read_block(request.content, max(left, 0.001))
            if not block:
                break
            await in_thread(write, block)
        if request.content_length not in {None, incoming.size}:
            raise Refusal(HTTPStatus.BAD_REQUEST, "malformed", "the file was cut off")
        if not check.agrees():
            raise Refusal(
                HTTPStatus.BAD_REQUEST,
                "malformed",
                "the content is not that of the digest; send it again",
            )

    def refuse(self, refusal: Refusal, request: web.Request) -> web.Response:
        """Count and log why a request is turned away; return the answer to it."""
        if refusal.status != HTTPStatus.NOT_FOUND:
            REFUSALS.labels(self.name, refusal.cause).inc()
        if refusal.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE}:
            log.warning(
                "message.refused",
                channel=self.name,
                cause=refusal.cause,
                detail=refusal.note,
                client=find_asker(request, self.proxies),
            )
        return render_refusal(
            refusal, self.name if isinstance(self.settings.auth, BasicAuth) else ""
        )


def build_uploads(
    name: ChannelName,
    settings: RegistrySettings,
    config: Configuration,
    letterbox: Letterbox,
    sink: WatchedSink,
) -> Uploads | None:
    """Return what answers a channel's partner by HTTP; None where nothing does."""
    if settings.upload is None:
        return None
    url = f"{config.settings.http.public_url.rstrip('/')}/channels/{name}/files"
    encoding = str(getattr(settings.dialect, "encoding", "detect"))
    shelf = Shelf(letterbox.root, url, "" if encoding == "detect" else encoding, sink)
    return Uploads(name, settings.upload, config, letterbox, shelf)


def read_digests(request: web.Request) -> list[Digest]:
    """Return the digests that came along with a request."""
    try:
        return parse_digests(request.headers.items())
    except ValueError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, "malformed", str(error)) from None


def read_name(raw: str) -> str:
    """Return the name of a file as the path spells it."""
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise Refusal(
            HTTPStatus.BAD_REQUEST, "malformed", "the name is not percent-encoded UTF-8"
        ) from None


def check_headers(request: web.Request) -> None:
    """Turn away an upload that is not the plain whole file."""
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding != "identity":
        raise Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "malformed", "send the file without Content-Encoding"
        )
    if "Content-Range" in request.headers:
        raise Refusal(HTTPStatus.BAD_REQUEST, "malformed", "send the file whole")


async def read_block(content: StreamReader, within: float) -> bytes:
    """Gather what comes next, for *within* seconds at most; empty at the end."""
    block = bytearray()
    try:
        async with asyncio.timeout(within):
            while len(block) < BLOCK and (piece := await content.read(BLOCK)):
                block += piece
    except TimeoutError:
        if not block:
            raise Refusal(HTTPStatus.REQUEST_TIMEOUT, "slow", "the upload is too slow") from None
    except (web.RequestPayloadError, ClientError, ConnectionError):
        raise Refusal(HTTPStatus.BAD_REQUEST, "malformed", "the upload was cut off") from None
    return bytes(block)
