"""Takes SMS that a gateway posts or GETs, and says OK once each of them is committed."""

import asyncio
import datetime as dt
import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from zoneinfo import ZoneInfo

from aiohttp import web

from ingest import clock
from ingest.addresses import find_client, is_within, parse_networks
from ingest.channels.gateways.auth import is_authentic
from ingest.channels.gateways.declarative import DeclarativeGateway
from ingest.channels.gateways.kannel import KannelGateway
from ingest.channels.gateways.request import (
    Answer,
    Gateway,
    GatewayRequest,
    Text,
    drop_field,
)
from ingest.config import Configuration
from ingest.errors import ConfigError, PermanentError, TransientError
from ingest.log import get_logger
from ingest.metrics import REFUSALS
from ingest.model import ChannelName, InboundMessage, Outcome, ReplyTo
from ingest.phones import is_person, normalise
from ingest.ports import ChannelReport, Route, Sink
from ingest.settings import BasicAuth, HmacAuth, SecretAuth, SmsSettings

GATEWAYS: dict[str, Callable[[SmsSettings, dt.tzinfo], Gateway]] = {
    "declarative": DeclarativeGateway,
    "kannel": KannelGateway,
}
RETRY_AFTER = 10
"""Seconds after which a gateway may try again what we could not commit."""

log = get_logger()


class Refusal(Exception):  # noqa: N818 -- it is an answer, not a fault
    """The request is turned away, with a status, a cause for the metrics and a plain reason."""

    def __init__(self, status: HTTPStatus, cause: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.cause = cause
        self.detail = detail


class SmsChannel:
    """The texts of one gateway; what they look like is the business of its ``gateway``."""

    def __init__(
        self,
        name: ChannelName,
        settings: SmsSettings,
        config: Configuration,
        sink: Sink,
        *,
        now: Callable[[], dt.datetime] = clock.now,
    ) -> None:
        self.name = name
        self.settings = settings
        self.config = config
        self.sink = sink
        self.now = now
        self.gateway = build_gateway(settings, config)
        self.allowed = parse_networks(settings.allow_from)
        self.proxies = parse_networks(config.settings.http.trusted_proxies)
        self._secret: str | None = None
        self._report: ChannelReport | None = None
        self._lost = False
        self._in_hand: set[asyncio.Event] = set()

    @property
    def routes(self) -> Sequence[Route]:
        """What the channel answers on the HTTP listener."""
        path = f"/channels/{self.name}"
        return (Route("GET", path, self.handle), Route("POST", path, self.handle))

    async def run(self, report: ChannelReport) -> None:
        """Answer requests until cancelled, then finish those whose commit is under way."""
        try:
            self._secret = read_secret(self.settings, self.config)
        except ConfigError as error:
            raise PermanentError(str(error)) from None
        self._report = report
        report.up()
        try:
            await asyncio.Event().wait()
        finally:
            self._report = None
            await asyncio.gather(*(settled.wait() for settled in self._in_hand))

    async def handle(self, request: web.Request) -> web.Response:
        """Take one request; the answer is the gateway's own, or a refusal."""
        try:
            return render_answer(await self.take(request))
        except Refusal as refusal:
            return self.refuse(refusal)
        except Exception:  # the last resort: a fault of ours is never final
            log.exception("request.failed", channel=self.name)
            return self.refuse(
                Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "failed", "something went wrong here")
            )

    async def take(self, request: web.Request) -> Answer:
        """Check who asks, read the texts and commit them; raises Refusal."""
        received_at = self.now()
        self.check_address(request)
        if self._report is None:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "not_up", "the channel is not up")
        asked = await self.read_request(request)
        self.check_auth(asked, received_at)
        try:
            texts = self.gateway.read(self.take_secret_out(asked), received_at).texts
        except PermanentError as error:
            raise Refusal(HTTPStatus.BAD_REQUEST, "malformed", str(error)) from None
        outcomes = await self.commit([self.make_message(text, received_at) for text in texts])
        return self.gateway.answer(self.choose_reply(texts, outcomes))

    def check_address(self, request: web.Request) -> None:
        """Turn away who is not in ``allow_from``; behind a unix socket sits this machine."""
        if not self.allowed:
            return
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", ()))
        client = find_client(request.remote or "127.0.0.1", forwarded, self.proxies)
        if not is_within(client, self.allowed):
            raise Refusal(HTTPStatus.FORBIDDEN, "address", "this address is not allowed here")

    async def read_request(self, request: web.Request) -> GatewayRequest:
        """Read the body within the time limit; the HTTP server itself has none."""
        try:
            async with asyncio.timeout(self.find_time_left(request)):
                body = await request.read()
        except TimeoutError:
            raise Refusal(HTTPStatus.REQUEST_TIMEOUT, "slow", "the body took too long") from None
        except web.HTTPRequestEntityTooLarge:
            raise Refusal(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", "the body is too large"
            ) from None
        except (web.RequestPayloadError, OSError):
            raise Refusal(HTTPStatus.BAD_REQUEST, "malformed", "the body is broken") from None
        return GatewayRequest(
            method=request.method,
            query=request.raw_path.partition("?")[2].encode("utf-8", "surrogateescape"),
            headers=tuple(request.headers.items()),
            body=body,
            content_type=request.headers.get("Content-Type", ""),
        )

    def find_time_left(self, request: web.Request) -> float | None:
        """Return the seconds in which the body must have come; no clock for one that is here."""
        return None if request.content.is_eof() else self.config.settings.http.read_timeout

    def check_auth(self, asked: GatewayRequest, now: dt.datetime) -> None:
        """Turn away who does not know the secret; which part of it was wrong is not told."""
        auth = self.settings.auth
        if auth is None:
            return
        if self._secret is None or not is_authentic(auth, self._secret, asked, now):
            raise Refusal(HTTPStatus.UNAUTHORIZED, "unauthenticated", "authentication failed")

    def take_secret_out(self, asked: GatewayRequest) -> GatewayRequest:
        """Remove what must not be kept (the secret) or believed (a query beside a signed body)."""
        auth = self.settings.auth
        if isinstance(auth, HmacAuth):
            query, body = b"", asked.body
        elif isinstance(auth, SecretAuth) and auth.field:
            query = drop_field(asked.query, auth.field)
            is_form = self.settings.body == "form" and self.settings.gateway == "declarative"
            body = drop_field(asked.body, auth.field) if is_form else asked.body
        else:
            return asked
        return GatewayRequest(
            method=asked.method,
            query=query,
            headers=asked.headers,
            body=body,
            content_type=asked.content_type,
        )

    def make_message(self, text: Text, received_at: dt.datetime) -> InboundMessage:
        """Turn a text into a message; only a person is ever sent a reply."""
        replies = self.settings.send is not None and self.is_person(text)
        return InboundMessage(
            channel=self.name,
            external_id=text.external_id,
            received_at=received_at,
            text=text.text,
            raw=text.raw,
            media_type=text.media_type,
            sender=normalise(text.sender, self.settings.region),
            recipient=text.recipient,
            sent_at=text.sent_at,
            reply_to=ReplyTo(address=text.sender) if replies else None,
        )

    def is_person(self, text: Text) -> bool:
        """Tell whether a person's telephone sent the text: no operator's robot, no short code."""
        return is_person(text.sender, self.settings.region)

    async def commit(self, messages: list[InboundMessage]) -> list[Outcome]:
        """Hand the messages over, all at once; the sink goes on when this is cancelled."""
        settled = asyncio.Event()
        self._in_hand.add(settled)
        try:
            outcomes = await self.receive_all(messages)
        except TransientError as error:
            self.tell_lost(str(error))
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "not now; try again"
            ) from None
        finally:
            self._in_hand.discard(settled)
            settled.set()
        self.tell_progress()
        return outcomes

    async def receive_all(self, messages: list[InboundMessage]) -> list[Outcome]:
        """Wait for every message, so that nothing is under way once the request is answered."""
        if len(messages) == 1:
            return [await self.sink.receive(messages[0])]
        results = await asyncio.gather(
            *(self.sink.receive(message) for message in messages), return_exceptions=True
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return [result for result in results if isinstance(result, Outcome)]

    def choose_reply(self, texts: Sequence[Text], outcomes: Sequence[Outcome]) -> str:
        """Return what the gateway is to text back; replies that leave by ``send`` are not here."""
        if not self.gateway.answers_in_body or self.settings.send is not None:
            return ""
        replies = [
            outcome.reply
            for text, outcome in zip(texts, outcomes, strict=True)
            if self.is_person(text)
        ]
        return "\n".join(replies)

    def tell_lost(self, problem: str) -> None:
        """Report that texts cannot be committed now."""
        self._lost = True
        if self._report is not None:
            self._report.lost(problem)

    def tell_progress(self) -> None:
        """Report that texts are committed (again)."""
        if self._report is None:
            return
        if self._lost:
            self._lost = False
            self._report.up()
        self._report.progressed()

    def refuse(self, refusal: Refusal) -> web.Response:
        """Answer with a problem document, or with nothing where a body would reach the customer."""
        REFUSALS.labels(self.name, refusal.cause).inc()
        if refusal.status != HTTPStatus.SERVICE_UNAVAILABLE:  # an outage is logged once, by lost()
            log.warning(
                "message.refused", channel=self.name, cause=refusal.cause, detail=refusal.detail
            )
        headers = {}
        if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers["Retry-After"] = str(RETRY_AFTER)
        if refusal.status == HTTPStatus.UNAUTHORIZED and isinstance(self.settings.auth, BasicAuth):
            headers["WWW-Authenticate"] = f'Basic realm="{self.name}"'
        if self.gateway.answers_in_body:
            return web.Response(status=refusal.status, headers=headers, content_type="text/plain")
        return web.Response(
            status=refusal.status,
            headers=headers,
            body=render_problem(refusal),
            content_type="application/problem+json",
        )


def build_gateway(settings: SmsSettings, config: Configuration) -> Gateway:
    """Return the gateway that the settings describe."""
    zone = ZoneInfo(settings.time_zone) if settings.time_zone else config.zone
    return GATEWAYS[settings.gateway](settings, zone)


def read_secret(settings: SmsSettings, config: Configuration) -> str | None:
    """Return what a request must prove to know; None where addresses are enough."""
    auth = settings.auth
    if auth is None:
        return None
    if isinstance(auth, SecretAuth):
        kept = auth.value
    else:
        kept = auth.password if isinstance(auth, BasicAuth) else auth.key
    secret = config.read_secret(kept)
    if not secret:
        raise ConfigError("a secret is empty: everybody would know it")
    return secret


def render_answer(answer: Answer) -> web.Response:
    """Turn a gateway's answer into a response."""
    content_type = answer.content_type
    if content_type.startswith("text/") and "charset" not in content_type:
        content_type += "; charset=utf-8"
    headers = {"Content-Type": content_type, **dict(answer.headers)}
    return web.Response(status=answer.status, body=answer.body, headers=headers)


def render_problem(refusal: Refusal) -> bytes:
    """Write an RFC 9457 problem document."""
    document = {
        "type": "about:blank",
        "title": refusal.status.phrase,
        "status": refusal.status.value,
        "detail": refusal.detail,
    }
    return json.dumps(document, ensure_ascii=False).encode()
