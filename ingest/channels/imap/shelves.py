"""Where mails go once they are committed; a courtesy, and never in the way of the next mail."""

from collections.abc import Mapping, Sequence

from ingest.channels.imap.batches import MOST_MAILS
from ingest.channels.imap.delivery import Handed
from ingest.channels.imap.mailbox import Mailbox
from ingest.channels.imap.session import Opened, RefusedError
from ingest.errors import PermanentError, TransientError
from ingest.log import get_logger
from ingest.model import ChannelName
from ingest.settings import ImapSettings

MOST_UNMOVED = 10_000
"""Mails that are remembered because the server would not move them; others stay for `backfill`."""
MOST_BREAKS = 3
"""Moves in a row at which the connection may break off; then mails stay where they are."""
REST = 60
"""Looks into the folder until it is tried once more."""

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
        self._refused: set[str] = set()
        self._breaks = 0
        self._rest = 0

    async def open(self, mailbox: Mailbox, opened: Opened) -> None:
        """
        Find the folders on the server; numbers of another epoch mean nothing any more.

        Raises PermanentError where mails would be moved to where they are: for ever.
        """
        self._names = await mailbox.open_places((self._processed, self._review))
        for wanted, name in self._names.items():
            if name.lower() == opened.name.lower():
                raise PermanentError(
                    f"found {wanted!r}, which is {name!r} on the server, where mails arrive; "
                    "wanted another folder for processed and review"
                )
        if opened.epoch != self._epoch:
            self._unmoved.clear()
        self._epoch = opened.epoch

    async def put_away(self, mailbox: Mailbox, handed: Sequence[Handed]) -> None:
        """Move each mail to where it belongs."""
        for wanted, held in ((self._processed, False), (self._review, True)):
            uids = [one.uid for one in handed if one.is_held is held]
            if uids and wanted:
                await self._move(mailbox, uids, wanted)

    async def retry(self, mailbox: Mailbox) -> None:
        """Move what the server would not move before, as far as it does now."""
        self._rest = max(self._rest - 1, 0)
        for wanted, unmoved in self._unmoved.items():
            while unmoved and await self._try_to_move(mailbox, unmoved[:MOST_MAILS], wanted):
                del unmoved[:MOST_MAILS]

    async def _move(self, mailbox: Mailbox, uids: Sequence[int], wanted: str) -> None:
        """Move mails; where the server refuses they are remembered."""
        if not await self._try_to_move(mailbox, uids, wanted):
            unmoved = self._unmoved.setdefault(wanted, [])
            unmoved.extend(uids[: MOST_UNMOVED - len(unmoved)])

    async def _try_to_move(self, mailbox: Mailbox, uids: Sequence[int], wanted: str) -> bool:
        """
        Move mails; return whether the server did.

        Raises TransientError when the connection breaks off, but not for ever: where it does so
        each time it is the move that breaks it, and no mail must wait behind one.
        """
        if self._rest:
            return False
        try:
            await mailbox.move(uids, self._names.get(wanted, wanted))
        except RefusedError as error:
            self._note_refused(wanted, str(error))
            return False
        except TransientError as error:
            self._breaks += 1
            if self._breaks >= MOST_BREAKS:
                self._rest = REST
                self._note_refused(wanted, str(error))
            raise
        self._breaks = 0
        if wanted in self._refused:
            log.info("mails.moved", channel=self._channel, folder=wanted)
            self._refused.remove(wanted)
        return True

    def _note_refused(self, wanted: str, problem: str) -> None:
        """Log once that a folder does not take mails."""
        if wanted not in self._refused:
            log.warning("mails.unmoved", channel=self._channel, folder=wanted, problem=problem)
        self._refused.add(wanted)
