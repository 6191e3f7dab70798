"""One HTTP request of a partner: whose it is, what it asks, and an answer within the deadline."""

import asyncio
import datetime as dt
from collections.abc import Callable, Hashable
from http import HTTPStatus

from aiohttp import web

from ingest.addresses import parse_networks
from ingest.channels.dialects.online.request import (
    Answer,
    Cause,
    Kind,
    OnlineDialect,
    OnlineError,
    Operation,
    Result,
    TerminalRequest,
)
from ingest.channels.door import (
    Refusal,
    check_address,
    comes_by_proxy,
    find_asker,
    read_body,
    render_refusal,
)
from ingest.channels.terminal.desk import Desk
from ingest.channels.terminal.messages import make_fingerprint
from ingest.channels.terminal.proof import explain_unproven, is_logged_in, is_proven
from ingest.config import Configuration
from ingest.errors import TransientError
from ingest.log import get_logger
from ingest.metrics import REFUSALS
from ingest.ports import ChannelReport
from ingest.settings import BasicAuth, LoginAuth, TerminalSettings

MOST_IN_HAND = 1000
"""Operations under way; beyond it partners are told to ask again, because memory is finite."""
MOST_REMEMBERED = 100_000
"""Operations that were refused for now, and of which is known when they were asked for first."""

log = get_logger()


class Webhook:
    """Answers the requests of one partner."""

    def __init__(
        self,
        dialect: OnlineDialect,
        desk: Desk,
        settings: TerminalSettings,
        config: Configuration,
        *,
        now: Callable[[], dt.datetime],
    ) -> None:
        self.dialect = dialect
        self.desk = desk
        self.settings = settings
        self.now = now
        self.read_timeout = config.settings.http.read_timeout
        self.allowed = parse_networks(settings.allow_from)
        self.proxies = parse_networks(config.settings.http.trusted_proxies)
        self.prefix = f"/channels/{desk.name}"
        self.secret = ""
        self.report: ChannelReport | None = None
        """Set while the channel runs."""
        self._lost = False
        self._in_hand: dict[Hashable, asyncio.Task[Answer]] = {}
        self._asked_at: dict[Hashable, dt.datetime] = {}
        """Of what is not written down because PostgreSQL is away: nobody is late by that."""

    async def handle(self, request: web.Request) -> web.Response:
        """Take one request; the answer is the protocol's own, but for who has no business here."""
        received_at = self.now()
        try:
            check_address(request, self.allowed, self.proxies)
            asked = await self.read_request(request)
            self.check_proof(asked, by_proxy=comes_by_proxy(request, self.proxies))
        except Refusal as refusal:
            self.count_refusal(refusal.cause, refusal.note, find_asker(request, self.proxies))
            realm = self.desk.name if isinstance(self.settings.auth, BasicAuth) else ""
            return render_refusal(refusal, realm)
        client = find_asker(request, self.proxies)
        return render_answer(await self.answer(asked, received_at, client))

    async def read_request(self, request: web.Request) -> TerminalRequest:
        """Read the body and put together what the protocol needs."""
        body = await read_body(request, self.read_timeout)
        return TerminalRequest(
            method=request.method,
            path=request.path.removeprefix(self.prefix),
            query=request.raw_path.partition("?")[2].encode("utf-8", "surrogateescape"),
            headers=tuple(request.headers.items()),
            body=body,
            content_type=request.headers.get("Content-Type", ""),
        )

    def check_proof(self, asked: TerminalRequest, *, by_proxy: bool) -> None:
        """Turn away who cannot prove to be the partner; which part of it was wrong is not told."""
        auth = self.settings.auth
        if auth is None or self.report is None:
            return  # not up: without its secret the channel tells everybody to ask again
        if not is_proven(auth, self.secret, asked, by_proxy=by_proxy):
            note = explain_unproven(auth, asked, by_proxy=by_proxy)
            raise Refusal(
                HTTPStatus.UNAUTHORIZED, "unauthenticated", "authentication failed", note=note
            )

    async def answer(self, asked: TerminalRequest, received_at: dt.datetime, client: str) -> Answer:
        """Say what the protocol says to *asked*; a fault of ours is never final."""
        operation = Operation()
        try:
            operation = self.dialect.read(asked)
        except OnlineError as error:
            self.count_refusal("malformed", str(error.result.cause), client)
            return self.dialect.respond(error.operation, error.result)
        except Exception:  # the last resort: a fault of ours is never final
            log.exception("request.failed", channel=self.desk.name)
            return self.refuse(operation, Cause.FAILED)
        if self.report is None:
            return self.refuse(operation, Cause.UNAVAILABLE, "not_up")
        auth = self.settings.auth
        if isinstance(auth, LoginAuth) and not is_logged_in(auth, self.secret, operation):
            self.count_refusal("unauthenticated", "wrong login or password", client)
            return self.dialect.respond(operation, Result(cause=Cause.DENIED))
        return await self.answer_in_time(operation, received_at)

    async def answer_in_time(self, operation: Operation, received_at: dt.datetime) -> Answer:
        """
        Perform *operation*, and answer by the deadline in any case.

        What is not finished by then goes on, and the repeat finds its end. It is not cancelled:
        a connection that waits for a hanging PostgreSQL would take its time over that as well.
        """
        if operation.kind is Kind.STATUS and self.is_under_way(operation):
            return self.refuse(operation, Cause.UNDER_WAY)
        performing = self.perform(operation, received_at)
        if performing is not None:
            done, _ = await asyncio.wait({performing}, timeout=self.settings.deadline)
            if done:
                return performing.result()
            self.tell_refused(f"no answer within {self.settings.deadline:g} seconds")
        return self.refuse(operation, Cause.UNAVAILABLE)

    def is_under_way(self, operation: Operation) -> bool:
        """Tell whether a transaction is in hand, though perhaps not written down yet."""
        return any(isinstance(key, tuple) and key[1] == operation.key for key in self._in_hand)

    def perform(
        self, operation: Operation, received_at: dt.datetime
    ) -> "asyncio.Task[Answer] | None":
        """Begin *operation*, or join it where the same is under way; None: too much is."""
        key: Hashable = None
        if operation.kind in (Kind.PAY, Kind.SUBMIT):
            key = (operation.kind, operation.key, make_fingerprint(operation))
            received_at = self._asked_at.get(key, received_at)
        if (running := self._in_hand.get(key)) is not None:
            return running
        if len(self._in_hand) >= MOST_IN_HAND:
            self.remember(key, received_at)
            self.tell_refused("too much is under way")
            return None
        task = asyncio.create_task(self.carry_out(operation, key, received_at))
        place = task if key is None else key
        self._in_hand[place] = task
        task.add_done_callback(lambda _: self._in_hand.pop(place))
        return task

    async def carry_out(
        self, operation: Operation, key: Hashable, received_at: dt.datetime
    ) -> Answer:
        """Return the answer to *operation*, whatever happens."""
        try:
            answer = await self.desk.answer(operation, received_at)
        except TransientError as error:
            self.remember(key, received_at)
            self.tell_refused(str(error))
            return self.refuse(operation, Cause.UNAVAILABLE)
        except Exception:  # the last resort: a fault of ours is never final
            self.remember(key, received_at)
            log.exception("request.failed", channel=self.desk.name)
            return self.refuse(operation, Cause.FAILED)
        self._asked_at.pop(key, None)
        self.tell_progress()
        return answer

    def remember(self, key: Hashable, received_at: dt.datetime) -> None:
        """Keep when an operation was asked for first; of too many the oldest are forgotten."""
        if key is None:
            return
        self._asked_at.setdefault(key, received_at)
        if len(self._asked_at) > MOST_REMEMBERED:
            del self._asked_at[next(iter(self._asked_at))]

    def refuse(self, operation: Operation, cause: Cause, label: str = "") -> Answer:
        """Tell the partner to ask again, and count that."""
        REFUSALS.labels(self.desk.name, label or cause.value).inc()
        return self.dialect.respond(operation, Result(cause=cause))

    def count_refusal(self, cause: str, detail: str, client: str) -> None:
        """Count and log what the partner has to put right."""
        REFUSALS.labels(self.desk.name, cause).inc()
        log.warning(
            "message.refused",
            channel=self.desk.name,
            cause=cause,
            detail=detail,
            client=client,
        )

    def tell_refused(self, problem: str) -> None:
        """Report that nothing can be committed now."""
        self._lost = True
        if self.report is not None:
            self.report.refused(problem)

    def tell_progress(self) -> None:
        """Report that operations are performed (again)."""
        if self.report is None:
            return
        if self._lost:
            self._lost = False
            self.report.up()
        self.report.progressed()

    async def until_settled(self) -> None:
        """Wait for everything that is under way."""
        await asyncio.gather(*self._in_hand.values(), return_exceptions=True)


def render_answer(answer: Answer) -> web.Response:
    """Turn an answer into a response."""
    headers = {"Content-Type": answer.content_type}
    return web.Response(status=answer.status, body=answer.body, headers=headers)
