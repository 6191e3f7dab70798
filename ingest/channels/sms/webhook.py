"""One HTTP request of a gateway: whose it is, what it brings, what is answered."""

import datetime as dt
from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web

from ingest.addresses import parse_networks
from ingest.channels.door import (
    Refusal,
    check_address,
    find_asker,
    read_body,
    render_refusal,
)
from ingest.channels.gateways.auth import is_authentic, take_proof_out
from ingest.channels.gateways.refusals import explain_refusal
from ingest.channels.gateways.request import FORM, Answer, Gateway, GatewayRequest, Handover
from ingest.channels.sms.answers import render_answer
from ingest.channels.sms.desk import Desk
from ingest.config import Configuration
from ingest.errors import PermanentError, TransientError
from ingest.log import get_logger
from ingest.metrics import REFUSALS
from ingest.settings import BasicAuth, SmsSettings

log = get_logger()


class Webhook:
    """Answers the requests of one gateway."""

    def __init__(
        self,
        gateway: Gateway,
        desk: Desk,
        settings: SmsSettings,
        config: Configuration,
        *,
        now: Callable[[], dt.datetime],
    ) -> None:
        self.gateway = gateway
        self.desk = desk
        self.settings = settings
        self.http = config.settings.http
        self.now = now
        self.allowed = parse_networks(settings.allow_from)
        self.proxies = parse_networks(self.http.trusted_proxies)
        self.secret: str | None = None
        """What a request must prove to know; None where addresses are enough."""

    async def handle(self, request: web.Request) -> web.Response:
        """Take one request; the answer is the gateway's own, or a refusal."""
        try:
            return render_answer(await self.take(request))
        except Refusal as refusal:
            return self.refuse(refusal, request)
        except Exception:  # the last resort: a fault of ours is never final
            log.exception("request.failed", channel=self.desk.name)
            failed = Refusal(
                HTTPStatus.INTERNAL_SERVER_ERROR, "failed", "something went wrong here"
            )
            return self.refuse(failed, request)

    async def take(self, request: web.Request) -> Answer:
        """Check who asks, read what it brings and commit that; raises Refusal."""
        received_at = self.now()
        check_address(request, self.allowed, self.proxies)
        if self.desk.report is None:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "not_up", "the channel is not up")
        asked = await self.read_request(request)
        self.check_auth(asked, received_at)
        try:
            handover = self.read(asked, received_at)
        except PermanentError as error:
            raise Refusal(HTTPStatus.BAD_REQUEST, "malformed", str(error)) from None
        try:
            reply = await self.desk.take(handover, received_at)
        except TransientError:
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", "not now; try again"
            ) from None
        return self.gateway.answer(reply)

    async def read_request(self, request: web.Request) -> GatewayRequest:
        """Read the body, and put together what the gateway needs."""
        body = await read_body(request, self.http.read_timeout)
        path, _, query = request.raw_path.partition("?")
        return GatewayRequest(
            method=request.method,
            origin=self.http.public_url.rstrip("/"),
            path=path.encode("utf-8", "surrogateescape"),
            query=query.encode("utf-8", "surrogateescape"),
            headers=tuple(request.headers.items()),
            body=body,
            content_type=request.headers.get("Content-Type", ""),
        )

    def check_auth(self, asked: GatewayRequest, now: dt.datetime) -> None:
        """Turn away who does not know the secret; which part of it was wrong is not told."""
        auth = self.settings.auth
        if auth is None:
            return
        if self.secret is None or not is_authentic(auth, self.secret, asked, now):
            note = explain_refusal(auth, asked, now)
            raise Refusal(
                HTTPStatus.UNAUTHORIZED, "unauthenticated", "authentication failed", note=note
            )

    def read(self, asked: GatewayRequest, received_at: dt.datetime) -> Handover:
        """Read what *asked* brings, without what proves whose it is."""
        by_us = self.settings.gateway == "declarative"
        is_form = self.settings.body == "form" if by_us else is_labelled_form(asked)
        return self.gateway.read(
            take_proof_out(self.settings.auth, asked, is_form=is_form), received_at
        )

    def refuse(self, refusal: Refusal, request: web.Request) -> web.Response:
        """Count and log why a request is turned away; return the answer to it."""
        name = self.desk.name
        REFUSALS.labels(name, refusal.cause).inc()
        if refusal.status != HTTPStatus.SERVICE_UNAVAILABLE:  # an outage is logged once, by lost()
            log.warning(
                "message.refused",
                channel=name,
                cause=refusal.cause,
                detail=refusal.note,
                client=find_asker(request, self.proxies),
            )
        realm = name if isinstance(self.settings.auth, BasicAuth) else ""
        return render_refusal(refusal, realm, is_texted=self.gateway.answers_in_body)


def is_labelled_form(asked: GatewayRequest) -> bool:
    """Tell whether a body is a form by what the gateway calls it."""
    return asked.content_type.lower().startswith(FORM)
