"""
The HTTP listeners: routes as data in, problem documents (RFC 9457) for whatever goes wrong.

aiohttp limits neither how long a client may take over a header nor how many may connect; both are
limited here, so that idle strangers cannot keep customers out.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Iterable

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler, Middleware

from ingest.addresses import Listen
from ingest.errors import PermanentError
from ingest.log import get_logger
from ingest.ports import Route

log = get_logger()

MOST_CONNECTIONS = 2000
BACKLOG = 1024
"""Connections that may wait to be taken; a gateway opens hundreds at once."""
KEEP_ALIVE = 75.0
"""Seconds for which a connection between two requests is kept."""
LINGER = 2.0
"""Seconds for which the rest of a refused request is still read."""
STOP_WITHIN = 10.0
"""Seconds for requests in hand once no more are taken."""

TITLES = {
    400: "The request cannot be read",
    404: "There is nothing at this address",
    405: "This address does not answer that method",
    413: "The request is too large",
    500: "A fault of ours; it is logged. Please send the same again later",
}


def make_problem(status: int, detail: str = "") -> web.Response:
    """Return a problem document; *detail* is for the person who reads it."""
    body = {"type": "about:blank", "title": TITLES.get(status, "Refused"), "status": status}
    return web.json_response(
        body | ({"detail": detail} if detail else {}),
        status=status,
        content_type="application/problem+json",
    )


@web.middleware
async def answer_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn errors into problem documents that tell nothing about our insides."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        response = make_problem(error.status)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except ConnectionError:
        raise
    except Exception:
        log.exception("request.failed", path=request.path, method=request.method)
        return make_problem(500)


async def hide_server(request: web.Request, response: web.StreamResponse) -> None:
    """Tell nobody which versions run here."""
    response.headers["Server"] = "ingest"


def quote_nothing(record: logging.LogRecord) -> bool:
    """Shorten what aiohttp logs of a request that is no HTTP: it quotes it, secrets and all."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.exc_info = None
        record.msg = f"{record.msg}: {type(error).__name__}"
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def build_app(routes: Iterable[Route], max_body: int) -> web.Application:
    """Return the application that answers *routes*."""
    app = web.Application(middlewares=[answer_problems], client_max_size=max_body)
    app.on_response_prepare.append(hide_server)
    for route in routes:
        app.router.add_route(route.method, route.path, route.handler)
    return app


@contextlib.asynccontextmanager
async def open_listener(
    listen: Listen, routes: Iterable[Route], *, max_body: int, read_timeout: float
) -> AsyncIterator[str]:
    """
    Serve *routes* at *listen* while the block runs; yield the address that was bound.

    At the end no more connections are taken, and requests in hand are finished. Raises
    PermanentError when the address cannot be had.
    """
    logging.getLogger("aiohttp.server").addFilter(quote_nothing)
    app = build_app(routes, max_body)
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=STOP_WITHIN,
        keepalive_timeout=KEEP_ALIVE,
        lingering_time=LINGER,
    )
    gatekeeper = Gatekeeper(runner, read_timeout)
    app.middlewares.insert(0, gatekeeper.let_in)
    await runner.setup()
    try:
        server = await bind(gatekeeper, listen)
        try:
            yield describe_socket(server, listen)
        finally:
            server.close()
    finally:
        await runner.cleanup()
        if listen.socket is not None:
            listen.socket.unlink(missing_ok=True)


async def bind(factory: "Gatekeeper", listen: Listen) -> asyncio.Server:
    """Start to listen; raises PermanentError that says what stands in the way."""
    loop = asyncio.get_running_loop()
    try:
        if listen.socket is not None:
            listen.socket.unlink(missing_ok=True)
            return await loop.create_unix_server(factory, str(listen.socket), backlog=BACKLOG)
        return await loop.create_server(factory, listen.host, listen.port, backlog=BACKLOG)
    except OSError as error:
        # asyncio's own words repeat the address.
        problem = os.strerror(error.errno) if error.errno and error.errno > 0 else error
        raise PermanentError(
            f"cannot listen on {listen}: {problem}; is another daemon running there?"
        ) from None


def describe_socket(server: asyncio.Server, listen: Listen) -> str:
    """Return the address with the port that the system chose."""
    if listen.socket is not None:
        return str(listen)
    host, port = server.sockets[0].getsockname()[:2]
    return str(Listen(host=host, port=port))


class Turnstile(asyncio.Protocol):
    """Closes a connection at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hang up."""
        transport.close()


class Gatekeeper:
    """
    Makes the protocol of each connection, as long as there is room.

    A connection that has not sent one whole request header in time is closed.
    """

    def __init__(self, runner: web.AppRunner, read_timeout: float) -> None:
        self._runner = runner
        self._read_timeout = read_timeout
        self._silent: dict[object, asyncio.TimerHandle] = {}

    def __call__(self) -> asyncio.Protocol:
        """Return aiohttp's protocol, or one that hangs up when too many are connected."""
        server = self._runner.server
        if server is None or len(server.connections) >= MOST_CONNECTIONS:
            log.warning("connections.exhausted", limit=MOST_CONNECTIONS)
            return Turnstile()
        protocol = server()
        self._silent[protocol] = asyncio.get_running_loop().call_later(
            self._read_timeout, self.hang_up, protocol
        )
        return protocol

    def hang_up(self, protocol: web.RequestHandler) -> None:
        """Close a connection that has been silent for too long."""
        self._silent.pop(protocol, None)
        if protocol.transport is not None:
            protocol.transport.close()

    @property
    def let_in(self) -> Middleware:
        """The middleware that notes who has sent a whole header; the body has its own limit."""

        @web.middleware
        async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
            if timer := self._silent.pop(request.protocol, None):
                timer.cancel()
            return await handler(request)

        return note
