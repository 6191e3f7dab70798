"""
Replies by SMS: one HTTP request to a gateway, whose answer is sorted by what may have happened.

An SMS cannot be told from its copy and costs money. So a request whose end is unknown is not sent
again, unless the gateway itself drops a second one with the same ``{id}``.
"""

import base64
import datetime as dt
import json
import re
from collections.abc import Callable, Iterable
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, quote_plus

import aiohttp
from msgspec.structs import replace

from ingest import clock
from ingest.config import Configuration
from ingest.errors import ConfigError
from ingest.faults import explain_fault
from ingest.log import get_logger
from ingest.metrics import REPLY_SEGMENTS
from ingest.model import Acknowledgement, ChannelName, Delivery, DeliveryState
from ingest.nesting import nest
from ingest.phones import is_person
from ingest.segments import clean_sms, count_segments, transliterate
from ingest.senders.plan import SendPlan, fill

LONGEST_BODY = 65_536
LONGEST_DETAIL = 500
PASSING = frozenset({401, 402, 403, 404, 405, 407, 408, 425, 429})
"""Statuses of the 400s that pass: a key, an account or an address that a person puts in order, or
haste. None of them says anything about this one text."""
UNTOUCHED = frozenset({501, 503, 505})
"""Statuses of the 500s after which nothing was done. After all others a proxy may have given up
waiting for a gateway that has sent the text."""

log = get_logger()


class SmsSender:
    """Sends texts as ``[channels.NAME.send]`` describes."""

    def __init__(
        self,
        name: ChannelName,
        plan: SendPlan,
        config: Configuration,
        region: str,
        *,
        now: Callable[[], dt.datetime] = clock.now,
    ) -> None:
        self.name = name
        self.plan = plan
        self.config = config
        self.region = region
        self.now = now
        self.success = re.compile(plan.success)
        self.permanent = re.compile(plan.permanent) if plan.permanent else None
        self.later = re.compile(plan.retry) if plan.retry else None
        self.id_pattern = re.compile(plan.id_pattern) if plan.id_pattern else None
        self._session: aiohttp.ClientSession | None = None

    @property
    def is_repeatable(self) -> bool:
        """Whether the gateway drops a second request with the same ``{id}``."""
        return self.plan.idempotent

    async def send(self, acknowledgement: Acknowledgement) -> Delivery:
        """Try once, within ``timeout``; nothing goes to whom no person can be behind."""
        if not is_person(acknowledgement.reply_to.address, self.region):
            return Delivery(DeliveryState.FAILED, "a robot may stand behind this address")
        try:
            secrets = self.read_secrets()
        except ConfigError as error:
            return Delivery(DeliveryState.RETRY, str(error))
        text = self.write(acknowledgement)
        delivery = await self.attempt(self.list_values(acknowledgement, text, secrets), secrets)
        hidden = [*secrets.values(), self.plan.values["report_url"]]
        if delivery.state is DeliveryState.SENT:
            REPLY_SEGMENTS.labels(self.name).inc(count_segments(text))
        return replace(
            delivery,
            detail=shorten(redact(delivery.detail, hidden)),
            upstream_id=shorten(redact(delivery.upstream_id, hidden)),
        )

    def write(self, acknowledgement: Acknowledgement) -> str:
        """Return the text as it leaves."""
        text = clean_sms(acknowledgement.body)
        return transliterate(text) if self.plan.transliterate else text

    def read_secrets(self) -> dict[str, str]:
        """Read the secrets anew each time, so that changing one needs no restart."""
        secret, basic = self.plan.secret, self.plan.basic
        return {
            "secret": "" if secret is None else self.config.read_secret(secret),
            "password": "" if basic is None else self.config.read_secret(basic.password),
        }

    def list_values(
        self, acknowledgement: Acknowledgement, text: str, secrets: dict[str, str]
    ) -> dict[str, str]:
        """Return what the placeholders stand for; of a text that no coding holds, a likeness."""
        address = acknowledgement.reply_to.address
        return self.plan.values | {
            "address": address,
            "digits": re.sub("[^0-9]", "", address),
            "text": text,
            "text_hex": text.encode("utf-16-be", "replace").hex(),
            "receipt": acknowledgement.receipt,
            "id": f"{acknowledgement.receipt}-{acknowledgement.id}",
            "secret": secrets["secret"],
        }

    async def attempt(self, values: dict[str, str], secrets: dict[str, str]) -> Delivery:
        """Send the request; what raises is sorted by whether the request had left."""
        trace = SimpleNamespace(left=False)
        try:
            request = self.make_request(values, secrets)
            once = (make_once(trace),)
            session = self.open_session()
            async with session.request(
                **request, trace_request_ctx=trace, middlewares=once
            ) as response:
                body = (await read_head(response)).decode("utf-8", "replace")
                log.debug("gateway.answered", channel=self.name, status=response.status)
                wait = read_wait(response.headers.get("Retry-After", ""), self.now())
                return replace(self.sort_answer(response.status, body), retry_after=wait)
        except (aiohttp.ClientError, OSError) as error:
            return self.sort_loss(error, left=trace.left)
        except ValueError as error:  # this very text fits into no request
            return Delivery(DeliveryState.FAILED, describe(error))

    def make_request(self, values: dict[str, str], secrets: dict[str, str]) -> dict[str, Any]:
        """Return the request with everything put in."""
        plan = self.plan
        fields = fill_all(plan.fields, values)
        headers = fill_all(plan.headers, values)
        if plan.basic is not None:
            pair = f"{fill(plan.basic.username, values)}:{secrets['password']}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        quoted = {name: quote(value, safe=":") for name, value in values.items()}
        request = {
            "method": plan.method,
            "url": fill(plan.url, quoted),
            "headers": headers,
            "allow_redirects": False,
        }
        if plan.method == "GET" or plan.body == "query":
            return request | {"params": fields}
        if plan.body == "json":
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
                timeout=aiohttp.ClientTimeout(total=self.plan.timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                trace_configs=[make_trace()],
            )
        return self._session

    def sort_answer(self, status: int, body: str) -> Delivery:
        """Sort what the gateway said."""
        detail = f"{status} {body}"
        if self.permanent is not None and self.permanent.search(body):
            return Delivery(DeliveryState.FAILED, detail)
        if self.later is not None and self.later.search(body):
            return Delivery(DeliveryState.RETRY, detail)
        if self.is_taken(status, body):
            return Delivery(DeliveryState.SENT, detail, self.find_id(body))
        if may_be_taken(status) and not self.plan.idempotent:
            return Delivery(DeliveryState.UNCERTAIN, detail)
        if 400 <= status < 500 and status not in PASSING:  # noqa: PLR2004 -- HTTP's client errors
            return Delivery(DeliveryState.FAILED, detail)
        return Delivery(DeliveryState.RETRY, detail)

    def is_taken(self, status: int, body: str) -> bool:
        """Tell whether the gateway has the text, since now or since an attempt before."""
        if status == HTTPStatus.CONFLICT:
            return self.plan.idempotent
        return 200 <= status < 300 and self.success.search(body) is not None  # noqa: PLR2004 -- HTTP's success

    def sort_loss(self, error: Exception, *, left: bool) -> Delivery:
        """Sort a connection that failed: it matters whether the request had left."""
        harmless = self.plan.idempotent or not left
        state = DeliveryState.RETRY if harmless else DeliveryState.UNCERTAIN
        fault = explain_fault(error, self.plan.timeout)
        return Delivery(state, f"the gateway: {fault}" if fault else describe(error))

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


def may_be_taken(status: int) -> bool:
    """Tell whether a gateway that says neither yes nor no may have sent the text all the same."""
    is_fine = 200 <= status < 300  # noqa: PLR2004 -- HTTP's success, and words that are not known
    return is_fine or (status >= 500 and status not in UNTOUCHED)  # noqa: PLR2004 -- HTTP's server errors


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


def read_wait(text: str, now: dt.datetime) -> float:
    """Return for how many seconds a ``Retry-After`` asks to wait: a number or a date."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max((parsedate_to_datetime(text) - now).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):  # none, or a date without a zone
        return 0.0


def fill_all(templates: dict[str, str], values: dict[str, str]) -> dict[str, str]:
    """Fill fields or headers; those that stay empty are left out."""
    filled = {name: fill(text, values) for name, text in templates.items()}
    return {name: text for name, text in filled.items() if text}


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
