"""Where mails go once they are committed; a courtesy, and never in the way of the next mail."""

from collections.abc import Mapping, Sequence

from ingest.channels.imap.batches import MOST_MAILS
from ingest.channels.imap.delivery import Handed
from ingest.channels.imap.mailbox import Mailbox
from ingest.channels.imap.session import RefusedError
from ingest.log import get_logger
from ingest.model import ChannelName
from ingest.settings import ImapSettings

MOST_UNMOVED = 10_000
"""Mails that are remembered because the server would not move them; others stay for `backfill`."""

log = get_logger()


class Shelves:
    """The folders that mails are put into."""

    def __init__(self, channel: ChannelName, settings: ImapSettings) -> None:
        self._channel = channel
        self._processed = settings.processed
        self._review = settings.review or settings.processed
        self._names: Mapping[str, str] = {}
        self._epoch = 0
        self._unmoved: dict[str, list[int]] = {}
        self._is_refused = False

    async def open(self, mailbox: Mailbox, epoch: int) -> None:
        """Find the folders on the server; numbers of another epoch mean nothing any more."""
        self._names = await mailbox.open_places((self._processed, self._review))
        if epoch != self._epoch:
            self._unmoved.clear()
        self._epoch = epoch

    async def put_away(self, mailbox: Mailbox, handed: Sequence[Handed]) -> None:
        """Move each mail to where it belongs."""
        for wanted, held in ((self._processed, False), (self._review, True)):
            uids = [one.uid for one in handed if one.is_held is held]
            if uids and wanted:
                await self._move(mailbox, uids, wanted)

    async def retry(self, mailbox: Mailbox) -> None:
        """Move what the server would not move before, as far as it does now."""
        for wanted, unmoved in self._unmoved.items():
            while unmoved and await self._try_to_move(mailbox, unmoved[:MOST_MAILS], wanted):
                del unmoved[:MOST_MAILS]

    async def _move(self, mailbox: Mailbox, uids: Sequence[int], wanted: str) -> None:
        """Move mails; where the server refuses they are remembered."""
        if not await self._try_to_move(mailbox, uids, wanted):
            unmoved = self._unmoved.setdefault(wanted, [])
            unmoved.extend(uids[: MOST_UNMOVED - len(unmoved)])

    async def _try_to_move(self, mailbox: Mailbox, uids: Sequence[int], wanted: str) -> bool:
        """Move mails; return whether the server did."""
        try:
            await mailbox.move(uids, self._names.get(wanted, wanted))
        except RefusedError as error:
            if not self._is_refused:
                log.warning(
                    "mails.unmoved", channel=self._channel, folder=wanted, problem=str(error)
                )
            self._is_refused = True
            return False
        if self._is_refused:
            log.info("mails.moved", channel=self._channel, folder=wanted)
        self._is_refused = False
        return True
