"""
What all channels with a route have in common: who may come in, and why others are turned away.

It stands beside the channels, none of which knows another.
"""

import asyncio
import json
from collections.abc import Sequence
from http import HTTPStatus

from aiohttp import web

from ingest.addresses import Network, find_client, is_within

RETRY_AFTER = 10
"""Seconds after which an upstream may try again what we could not commit."""
LOCAL = "127.0.0.1"
"""Whoever comes through a unix socket sits on this machine."""


class Refusal(Exception):  # noqa: N818 -- it is an answer, not a fault
    """The request is turned away, with a status, a cause for the metrics and a plain reason."""

    def __init__(self, status: HTTPStatus, cause: str, detail: str, *, note: str = "") -> None:
        # note is for our log alone, and says more than whoever asks should learn.
        super().__init__(detail)
        self.note = note or detail
        self.status = status
        self.cause = cause
        self.detail = detail


def check_address(
    request: web.Request, allowed: Sequence[Network], proxies: Sequence[Network]
) -> None:
    """Turn away who is in none of the *allowed* networks; without any, everybody may come."""
    if allowed and not is_within(find_asker(request, proxies), allowed):
        raise Refusal(HTTPStatus.FORBIDDEN, "address", "this address is not allowed here")


def find_asker(request: web.Request, proxies: Sequence[Network]) -> str:
    """Return the address that a request came from."""
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", ()))
    return find_client(request.remote or LOCAL, forwarded, proxies)


def comes_by_proxy(request: web.Request, proxies: Sequence[Network]) -> bool:
    """Tell whether a trusted proxy handed the request on, so that its headers can be believed."""
    return is_within(request.remote or LOCAL, proxies)


async def read_body(request: web.Request, within: float) -> bytes:
    """Read the body, for *within* seconds at most; the HTTP server itself has no limit."""
    try:
        # No clock for a body that is here already: it would be half of what a request costs.
        async with asyncio.timeout(None if request.content.is_eof() else within):
            return await request.read()
    except TimeoutError:
        raise Refusal(HTTPStatus.REQUEST_TIMEOUT, "slow", "the body took too long") from None
    except web.HTTPRequestEntityTooLarge:
        raise Refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", "the body is too large"
        ) from None
    except (web.RequestPayloadError, OSError):
        raise Refusal(HTTPStatus.BAD_REQUEST, "malformed", "the body is broken") from None


def render_refusal(refusal: Refusal, realm: str = "", *, is_texted: bool = False) -> web.Response:
    """
    Answer with a problem document, or with nothing where a body would reach the customer.

    *realm* is for those who have to name a user; empty where nobody has to.
    """
    headers = {}
    if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER)
    if refusal.status == HTTPStatus.UNAUTHORIZED and realm:
        headers["WWW-Authenticate"] = f'Basic realm="{realm}"'
    if is_texted:
        return web.Response(status=refusal.status, headers=headers, content_type="text/plain")
    return web.Response(
        status=refusal.status,
        headers=headers,
        body=render_problem(refusal),
        content_type="application/problem+json",
    )


def render_problem(refusal: Refusal) -> bytes:
    """Write an RFC 9457 problem document."""
    document = {
        "type": "about:blank",
        "title": refusal.status.phrase,
        "status": refusal.status.value,
        "detail": refusal.detail,
    }
    return json.dumps(document, ensure_ascii=False).encode()
