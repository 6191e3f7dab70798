"""Fetched mails on their way to the sink, and what becomes of each."""

import asyncio
import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from ingest.channels.deposits import Postbox
from ingest.channels.imap.mailbox import Fetched
from ingest.correspondence import Correspondence, Desk, Envelope, take_large, take_mail
from ingest.errors import TransientError
from ingest.log import get_logger
from ingest.mail.headers import MOST_HEADER_BYTES, Headers, clean_line, find_address
from ingest.model import Disposition, Outcome, Reason, Verdict
from ingest.ports import ReportSink, Sink

GIVEN_UP = Verdict(Disposition.HOLD, Reason.FAILED)
NOBODY = "?"
"""The sender of a mail that names none; the null path would make it a bounce."""
HEAD_END = re.compile(rb"\r?\n\r?\n")

log = get_logger()


class SinkError(TransientError):
    """What takes the messages refuses for now; the mailbox itself is well."""


@contextlib.contextmanager
def refused_by_sink() -> Iterator[None]:
    """Let what goes wrong count as the sink's refusal."""
    try:
        yield
    except TransientError as error:
        raise SinkError(str(error)) from error


class Ready(Struct, frozen=True):
    """A mail that is read and can be handed over."""

    uid: int
    taken: Correspondence


class Handed(Struct, frozen=True):
    """A mail that is committed."""

    uid: int
    outcome: Outcome

    @property
    def is_held(self) -> bool:
        """Whether a person has to look at it."""
        return self.outcome.verdict.disposition is Disposition.HOLD


class Delivery:
    """Reads mails of one mailbox and hands them over."""

    def __init__(
        self,
        desk: Desk,
        recipient: str,
        messages: Sink,
        reports: ReportSink,
        postbox: Postbox,
    ) -> None:
        self._desk = desk
        self._postbox = postbox
        self._recipient = recipient
        self._messages = messages
        self._reports = reports

    async def read(self, mails: Sequence[Fetched]) -> list[Ready]:
        """Read mails; in a thread, because some take long."""
        return await asyncio.to_thread(lambda: [self._read(mail) for mail in mails])

    def _read(self, mail: Fetched) -> Ready:
        """Read one mail."""
        envelope = self._address(mail)
        if mail.is_whole:
            return Ready(mail.waiting.uid, take_mail(mail.content, envelope, self._desk))
        taken = take_large(mail.content, mail.waiting.size, envelope, self._desk)
        return Ready(mail.waiting.uid, taken)

    def give_up(self, mail: Fetched, place: str) -> Ready:
        """Return what there is of a mail that cannot be fetched, for a person to look at."""
        taken = take_large(mail.content, mail.waiting.size, self._address(mail), self._desk)
        key = hashlib.sha256(place.encode()).hexdigest()
        message = replace(taken.message, finding=GIVEN_UP)
        if not mail.content:
            message = replace(message, external_id=key)
        return Ready(mail.waiting.uid, Correspondence(message))

    async def hand_over(self, mails: Sequence[Ready]) -> list[Handed]:
        """
        Return once every mail is committed; raises SinkError when one is not.

        They are handed over together, in order, so that they share commits.
        """
        commits = (self._commit(mail.taken) for mail in mails)
        outcomes = await asyncio.gather(*commits, return_exceptions=True)
        handed = []
        for mail, outcome in zip(mails, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                raise outcome
            handed.append(Handed(mail.uid, outcome))
        return handed

    def _address(self, mail: Fetched) -> Envelope:
        """Return the envelope of a mail as far as it can still be known."""
        try:
            sender = find_sender(mail.content)
        except Exception:  # one mail that we cannot read must not stop the others
            log.exception("message.failed", channel=self._desk.channel)
            sender = NOBODY
        return Envelope(
            sender=sender, recipient=self._recipient, received_at=mail.waiting.received_at
        )

    async def _commit(self, taken: Correspondence) -> Outcome:
        """Have one mail committed, what it reports first: a repeat repeats both."""
        if taken.problem:
            log.error("message.failed", channel=self._desk.channel, exception=taken.problem)
        try:
            with refused_by_sink():
                if taken.report is not None:
                    await self._reports.record_report(taken.report)
                return await self._messages.receive(await self._postbox.take(taken))
        except SinkError:
            raise
        except Exception as error:  # a fault of ours is never final
            log.exception("message.failed", channel=self._desk.channel)
            raise SinkError("a fault of ours; it is logged") from error


def find_sender(content: bytes) -> str:
    """
    Return the envelope sender that the last mail server noted; without one, who the mail is from.

    Empty is the null path, by which bounces come. A mail that names nobody is none of those: what
    stands in the place of a sender is shown then, and is no address.
    """
    headers = Headers(HEAD_END.split(content[:MOST_HEADER_BYTES], 1)[0])
    if "return-path" in headers:
        path = headers.get_plain("return-path").strip()
        if path in ("<>", ""):
            return ""
        if address := find_address(path):
            return address
    author = find_address(headers.get_plain("from")) or clean_line(headers.get("from"))[:200]
    return author or NOBODY
