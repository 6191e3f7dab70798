"""Where texts, parts and delivery reports are committed, whoever brought them."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import Coroutine, Iterator, Sequence

from msgspec.structs import replace

from ingest.channels.gateways.request import Handover, Report, Text
from ingest.channels.sms.joining import INCOMPLETE, join, make_part
from ingest.channels.sms.quota import Quota
from ingest.errors import TransientError
from ingest.log import get_logger
from ingest.metrics import DELIVERY_REPORTS, REPLIES, REPLY_SEGMENTS
from ingest.model import (
    ChannelName,
    DeliveryReport,
    InboundMessage,
    Outcome,
    PartSeries,
    ReplyTo,
)
from ingest.phones import is_person, normalise
from ingest.ports import ChannelReport, Sinks
from ingest.segments import clean_sms, count_segments, transliterate
from ingest.settings import SmsSettings

GRACE = dt.timedelta(minutes=1)
"""How long the request that completed a text is left to finish it."""
LONGEST_ID = len(str(2**63 - 1))
ENOUGH = "this telephone has had enough answers within a day"

log = get_logger()


class Desk:
    """Commits what a gateway brought, and says what is to be answered on the spot."""

    def __init__(
        self,
        name: ChannelName,
        settings: SmsSettings,
        sinks: Sinks,
        *,
        in_body: bool,
        quota: Quota,
    ) -> None:
        self.name = name
        self.settings = settings
        self.sinks = sinks
        self.in_body = in_body
        """Whether a reply is texted from the body of our response."""
        self.quota = quota
        self.report: ChannelReport | None = None
        """Set while the channel runs."""
        self._failed: set[str] = set()
        """Texts that could not be put together, by what their parts are joined as."""
        self._lost = False
        self._in_hand: set[asyncio.Event] = set()

    async def take(self, handover: Handover, received_at: dt.datetime) -> str:
        """
        Commit all of *handover*; return what the body is to text back.

        The sink goes on when this is cancelled. Raises TransientError when something is not known
        to be committed: all of it must come again.
        """
        with self.holding():
            try:
                replies = await gather_all(
                    [self.take_text(text, received_at) for text in handover.texts]
                )
                for report in handover.reports:
                    await self.take_report(report)
            except TransientError as error:
                self.tell_refused(str(error))
                raise
        self.tell_progress()
        return "\n".join(filter(None, replies))

    async def take_text(self, text: Text, received_at: dt.datetime) -> str:
        """Commit one text, or keep the part that it is; return what the body is to say to it."""
        part = make_part(self.name, text, received_at)
        if part is None:
            message = self.make_message(text, received_at, is_awaited=True)
            outcome = await self.receive(message)
            return await self.choose_reply(text, outcome, received_at)
        series = await self.sinks.parts.keep_part(part)
        if not series.joined_as:
            return ""
        outcome = await self.finish(series, is_awaited=True)
        return await self.choose_reply(text, outcome, received_at) if series.is_last else ""

    async def finish(self, series: PartSeries, *, is_awaited: bool) -> Outcome:
        """Commit the message that *series* makes; doing so again gets the first outcome."""
        joined = join(series)
        is_awaited = is_awaited and joined.is_complete
        message = self.make_message(joined.text, joined.received_at, is_awaited=is_awaited)
        if not joined.is_complete:
            message = replace(message, finding=INCOMPLETE)
        outcome = await self.receive(message)
        if not joined.is_complete and not outcome.again:
            log.warning(
                "parts.missed",
                channel=self.name,
                receipt=outcome.receipt,
                present=joined.present,
                total=joined.total,
            )
        await self.sinks.parts.settle_series(self.name, series.joined_as)
        return outcome

    async def sweep(self, now: dt.datetime) -> None:
        """Finish what waited for its parts long enough, and what a crash left unfinished."""
        wait = dt.timedelta(seconds=self.settings.parts_wait)
        with self.holding():
            overdue = await self.sinks.parts.close_overdue(self.name, now - wait)
            unsettled = await self.sinks.parts.list_unsettled(self.name, now - GRACE)
            for series in {one.joined_as: one for one in (*unsettled, *overdue)}.values():
                await self.try_finish(series)

    async def try_finish(self, series: PartSeries) -> None:
        """Finish one text; that our code fails on it is said once, and stops no other."""
        try:
            await self.finish(series, is_awaited=False)
        except TransientError:
            raise
        except Exception:
            if series.joined_as not in self._failed:
                log.exception("parts.failed", channel=self.name, joined_as=series.joined_as)
            self._failed.add(series.joined_as)

    async def receive(self, message: InboundMessage) -> Outcome:
        """Hand one message over."""
        outcome = await self.sinks.messages.receive(message)
        if outcome.again:
            log.debug("message.repeated", channel=self.name, receipt=outcome.receipt)
        return outcome

    def make_message(
        self, text: Text, received_at: dt.datetime, *, is_awaited: bool
    ) -> InboundMessage:
        """
        Turn a text into a message; only a person is ever sent a reply.

        *is_awaited* says that a request waits for the answer.
        """
        has_way = self.settings.send is not None or self.settings.database is not None
        replies = has_way and self.is_person(text)
        way_back = ReplyTo(address=text.sender) if replies else None
        return InboundMessage(
            channel=self.name,
            external_id=text.external_id,
            received_at=self.find_arrival(text, received_at),
            text=text.text,
            raw=text.raw,
            media_type=text.media_type,
            sender=normalise(text.sender, self.settings.region),
            recipient=text.recipient,
            sent_at=text.sent_at,
            reply_to=None if self.in_body and is_awaited else way_back,
            call_back=way_back,
        )

    def find_arrival(self, text: Text, received_at: dt.datetime) -> dt.datetime:
        """
        Return the moment to judge a text by: when the gateway took it, if that can be believed.

        A queue or an outage costs nobody the window; a clock that is ahead, or far behind, counts
        for nothing.
        """
        at = text.arrived_at
        trusted = dt.timedelta(seconds=self.settings.trust_arrival_for)
        return received_at if at is None or not received_at - trusted <= at <= received_at else at

    def is_person(self, text: Text) -> bool:
        """Tell whether a person's telephone sent the text: no operator's robot, no short code."""
        return is_person(text.sender, self.settings.region)

    async def choose_reply(self, text: Text, outcome: Outcome, now: dt.datetime) -> str:
        """Return what the gateway is to text back; replies that leave by ``send`` are not here."""
        if not self.in_body or outcome.is_owed or not outcome.reply or not self.is_person(text):
            return ""
        reply = self.write(outcome.reply)
        if not outcome.again:
            sender = normalise(text.sender, self.settings.region)
            if not self.quota.take(sender, outcome.verdict.reason, now):
                await self.tell_suppressed(outcome)
                return ""
            REPLY_SEGMENTS.labels(self.name).inc(count_segments(reply))
        return reply

    def write(self, reply: str) -> str:
        """Return a reply as it is texted back: written as those are that ``send`` takes."""
        send = self.settings.send
        text = clean_sms(reply)
        return transliterate(text) if send is not None and send.transliterate else text

    async def tell_suppressed(self, outcome: Outcome) -> None:
        """Count, log and note an answer that is not given, as the outbox does with its own."""
        REPLIES.labels(self.name, "suppressed").inc()
        with contextlib.suppress(TransientError):  # the log has it at least
            await self.sinks.reports.record_silence(outcome.receipt, ENOUGH)
        log.warning(
            "reply.unsent",
            channel=self.name,
            receipt=outcome.receipt,
            state="suppressed",
            detail=ENOUGH,
        )

    async def take_report(self, report: Report) -> None:
        """Keep what became of a reply; of what is none of ours it is only known that it came."""
        is_ours = await self.sinks.reports.record_report(
            DeliveryReport(
                channel=self.name,
                status=report.status,
                detail=report.detail,
                upstream_id=report.upstream_id,
                reply_id=read_reply_id(report.reply_id),
                reported_at=report.reported_at,
            )
        )
        DELIVERY_REPORTS.labels(self.name, report.status if is_ours else "unknown").inc()

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Make a stop wait for the end of the block."""
        settled = asyncio.Event()
        self._in_hand.add(settled)
        try:
            yield
        finally:
            self._in_hand.discard(settled)
            settled.set()

    async def until_settled(self) -> None:
        """Wait for everything whose commit is under way."""
        await asyncio.gather(*(settled.wait() for settled in self._in_hand))

    def tell_refused(self, problem: str) -> None:
        """Report that texts cannot be committed now."""
        self._lost = True
        if self.report is not None:
            self.report.refused(problem)

    def tell_progress(self) -> None:
        """Report that texts are committed (again)."""
        if self.report is None:
            return
        if self._lost:
            self._lost = False
            self.report.up()
        self.report.progressed()


async def gather_all(work: Sequence[Coroutine[None, None, str]]) -> list[str]:
    """Await every one, so that nothing is under way once the request is answered; then raise."""
    if len(work) == 1:
        return [await work[0]]
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if isinstance(result, str)]


def read_reply_id(text: str) -> int:
    """Return the number of a reply in our ``{id}``, ``7K4M-2Q9X-17``; 0 when it is none of ours."""
    number = text.rpartition("-")[2]
    if not (number.isascii() and number.isdigit()) or len(number) >= LONGEST_ID:
        return 0
    return int(number)
