"""
Replies by SMS: one HTTP request to a gateway, whose answer is sorted by what may have happened.

An SMS cannot be told from its copy and costs money. So a request whose end is unknown is not sent
again, unless the gateway itself drops a second one with the same ``{id}``.
"""

import base64
import json
import re
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, quote_plus

import aiohttp

from ingest.config import Configuration
from ingest.errors import ConfigError
from ingest.log import get_logger
from ingest.model import Acknowledgement, ChannelName, Delivery, DeliveryState
from ingest.settings import SmsSend

LONGEST_BODY = 65_536
LONGEST_DETAIL = 500
PLACEHOLDER = re.compile(r"\{(\w+)\}")
PASSING = frozenset({401, 402, 407, 408, 425, 429})
"""Statuses of the 400s that pass: a key or an account that a person puts in order, or haste."""
UNKNOWN_END = frozenset({500, 502, 504})
"""A proxy gave up waiting: the gateway behind it may have sent the text."""

log = get_logger()


class SmsSender:
    """Sends texts as ``[channels.NAME.send]`` describes."""

    def __init__(self, name: ChannelName, settings: SmsSend, config: Configuration) -> None:
        self.name = name
        self.settings = settings
        self.config = config
        if settings.body == "json":
            nest(settings.fields)  # names that exclude each other show now, not at the first reply
        self.success = re.compile(settings.success)
        self.permanent = re.compile(settings.permanent) if settings.permanent else None
        self.id_pattern = re.compile(settings.id_pattern) if settings.id_pattern else None
        self._session: aiohttp.ClientSession | None = None

    @property
    def is_repeatable(self) -> bool:
        """Whether the gateway drops a second request with the same ``{id}``."""
        return self.settings.idempotent

    async def send(self, acknowledgement: Acknowledgement) -> Delivery:
        """Try once, within ``timeout``."""
        try:
            secrets = self.read_secrets()
        except ConfigError as error:
            return Delivery(DeliveryState.RETRY, str(error))
        delivery = await self.attempt(acknowledgement, secrets)
        return Delivery(
            delivery.state,
            shorten(redact(delivery.detail, secrets.values())),
            shorten(redact(delivery.upstream_id, secrets.values())),
        )

    def read_secrets(self) -> dict[str, str]:
        """Read the secrets anew each time, so that changing one needs no restart."""
        secret, basic = self.settings.secret, self.settings.basic
        return {
            "secret": "" if secret is None else self.config.read_secret(secret),
            "password": "" if basic is None else self.config.read_secret(basic.password),
        }

    async def attempt(self, acknowledgement: Acknowledgement, secrets: dict[str, str]) -> Delivery:
        """Send the request; what raises is sorted by whether the request had left."""
        trace = SimpleNamespace(left=False)
        try:
            request = self.make_request(acknowledgement, secrets)
            once = (make_once(trace),)
            session = self.open_session()
            async with session.request(
                **request, trace_request_ctx=trace, middlewares=once
            ) as response:
                body = (await read_head(response)).decode("utf-8", "replace")
                log.debug("gateway.answered", channel=self.name, status=response.status)
                return self.sort_answer(response.status, body)
        except (aiohttp.ClientError, OSError) as error:
            return self.sort_loss(error, left=trace.left)
        except ValueError as error:  # this very text fits into no request
            return Delivery(DeliveryState.FAILED, describe(error))

    def make_request(
        self, acknowledgement: Acknowledgement, secrets: dict[str, str]
    ) -> dict[str, Any]:
        """Return the request with everything put in."""
        values = {
            "address": acknowledgement.reply_to.address,
            "text": acknowledgement.body,
            "receipt": acknowledgement.receipt,
            "id": f"{acknowledgement.receipt}-{acknowledgement.id}",
            "secret": secrets["secret"],
        }
        fields = {name: fill(text, values) for name, text in self.settings.fields.items()}
        headers = {name: fill(text, values) for name, text in self.settings.headers.items()}
        if self.settings.basic is not None:
            pair = f"{self.settings.basic.username}:{secrets['password']}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        request = {
            "method": self.settings.method,
            "url": self.settings.url,
            "headers": headers,
            "allow_redirects": False,
        }
        if self.settings.method == "GET" or self.settings.body == "query":
            return request | {"params": fields}
        if self.settings.body == "json":
            headers.setdefault("Content-Type", "application/json")
            document = json.dumps(nest(fields), ensure_ascii=False)
            return request | {"data": document.encode()}
        return request | {"data": fields}

    def open_session(self) -> aiohttp.ClientSession:
        """Return the session, opened at the first attempt because it belongs to the loop."""
        if self._session is None or self._session.closed:
            # A kept connection may turn out dead, and then the end of a request is unknown.
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(force_close=True),
                timeout=aiohttp.ClientTimeout(total=self.settings.timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[make_trace()],
            )
        return self._session

    def sort_answer(self, status: int, body: str) -> Delivery:
        """Sort what the gateway said."""
        detail = f"{status} {body}"
        if self.permanent is not None and self.permanent.search(body):
            return Delivery(DeliveryState.FAILED, detail)
        if 200 <= status < 300 and self.success.search(body):  # noqa: PLR2004 -- HTTP's success
            return Delivery(DeliveryState.SENT, detail, self.find_id(body))
        if status in UNKNOWN_END and not self.settings.idempotent:
            return Delivery(DeliveryState.UNCERTAIN, detail)
        if 400 <= status < 500 and status not in PASSING:  # noqa: PLR2004 -- HTTP's client errors
            return Delivery(DeliveryState.FAILED, detail)
        return Delivery(DeliveryState.RETRY, detail)

    def sort_loss(self, error: Exception, *, left: bool) -> Delivery:
        """Sort a connection that failed: it matters whether the request had left."""
        harmless = self.settings.idempotent or not left
        state = DeliveryState.RETRY if harmless else DeliveryState.UNCERTAIN
        return Delivery(state, describe(error))

    def find_id(self, body: str) -> str:
        """Return the gateway's id of the text; empty when it gave none."""
        found = None if self.id_pattern is None else self.id_pattern.search(body)
        if found is None:
            return ""
        return (found[1] if found.re.groups else found[0]) or ""

    async def aclose(self) -> None:
        """Let go of the connections."""
        if self._session is not None:
            await self._session.close()


def make_trace() -> aiohttp.TraceConfig:
    """Note in a request's own context when its first byte leaves."""
    trace = aiohttp.TraceConfig()

    async def note(_session: aiohttp.ClientSession, context: SimpleNamespace, _: object) -> None:
        context.trace_request_ctx.left = True

    trace.on_request_headers_sent.append(note)
    return trace


def make_once(trace: SimpleNamespace) -> aiohttp.ClientMiddlewareType:
    """Keep aiohttp from repeating a GET by itself when the connection is lost (RFC 9110, 9.2.2)."""

    async def send_once(
        request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        if trace.left:
            raise aiohttp.ServerDisconnectedError
        return await handler(request)

    return send_once


async def read_head(response: aiohttp.ClientResponse) -> bytes:
    """Read the beginning of an answer; nobody needs more, and an endless one must not fill us."""
    head = b""
    while len(head) < LONGEST_BODY:
        part = await response.content.read(LONGEST_BODY - len(head))
        if not part:
            break
        head += part
    return head


def fill(text: str, values: dict[str, str]) -> str:
    """Put values in for placeholders, in one pass: what a value contains is never filled again."""
    filled = PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)
    return filled.encode("utf-8", "replace").decode()


def nest(fields: dict[str, str]) -> object:
    """Turn dotted names into nested objects; a number is a place in a list."""
    tree: dict[str, Any] = {}
    for name, value in fields.items():
        *parents, last = name.split(".")
        node = tree
        for key in parents:
            node = node.setdefault(key, {})
            if not isinstance(node, dict):
                raise ConfigError(f"fields.{name}: found a value at {key!r}, wanted none beside it")
        if last in node:
            raise ConfigError(f"fields.{name}: found more fields under it, wanted a value alone")
        node[last] = value
    return list_numbered(tree)


def list_numbered(node: object) -> object:
    """Turn objects whose keys are all numbers into lists."""
    if not isinstance(node, dict):
        return node
    if all(key.isascii() and key.isdigit() for key in node):
        return [list_numbered(node[key]) for key in sorted(node, key=int)]
    return {key: list_numbered(value) for key, value in node.items()}


def redact(text: str, secrets: Iterable[str]) -> str:
    """Take secrets out of what a gateway says back to us."""
    for secret in secrets:
        for spelling in {secret, quote(secret), quote_plus(secret)} - {""}:
            text = text.replace(spelling, "***")
    return text


def shorten(text: str) -> str:
    """Cut somebody else's words to what a person needs, on one line."""
    return " ".join(text.split())[:LONGEST_DETAIL]


def describe(error: Exception) -> str:
    """Say what went wrong; some errors have no words of their own."""
    return f"{type(error).__name__}: {error}".removesuffix(": ")
