"""
One IMAP session, in blocking calls: everything that talks through IMAPClient.

Nothing here is remembered but the connection. UIDs are the only numbers that mean anything, flags
are neither read nor set, and mails are looked at without leaving a mark (``BODY.PEEK``).
"""

import datetime as dt
import imaplib
from collections.abc import Mapping, Sequence
from typing import Any

from imapclient import DELETED
from imapclient.datetime_util import parse_to_datetime
from imapclient.response_parser import parse_response
from msgspec import Struct

from ingest.channels.imap.batches import HEAD_BYTES, UNKNOWN_SIZE, Waiting, trust_date
from ingest.channels.imap.folders import find_namespace, find_place, make_folder, open_places
from ingest.channels.imap.login import Credentials, log_in
from ingest.channels.imap.wire import MOST_TALK, Client, Endpoint, OversizeError, Switch
from ingest.errors import PermanentError, TransientError

SIZE, DATE, BODY = b"RFC822.SIZE", b"INTERNALDATE", b"BODY[]"
SLACK = 1_000_000
"""Bytes by which mails together may be larger than the server said: some servers estimate."""


class RefusedError(TransientError):
    """The server said no to one command; the session goes on."""


class UnreadableError(TransientError):
    """The server does not give what it says is there."""


class LargerError(TransientError):
    """A mail is larger than the server had said; the session is over."""


class Opened(Struct, frozen=True):
    """A folder that is open."""

    name: str
    epoch: int
    """UIDVALIDITY; 0 where the server has none."""
    uid_next: int
    """The number that the next mail will get at least; 0 where the server does not say."""


class Session:
    """One connection to one mailbox, used by one thread."""

    def __init__(self, endpoint: Endpoint, switch: Switch) -> None:
        self._endpoint = endpoint
        self._switch = switch
        self._client: Client | None = None
        self._idles = True
        self._epoch: object = b""

    @property
    def _connected(self) -> Client:
        """The client; there is none before ``open``."""
        if self._client is None:
            raise TransientError("the session is not open")
        self._client.wire.allow()
        return self._client

    def open(self, credentials: Credentials) -> None:
        """Connect and log in."""
        self._client = client = Client(self._endpoint, self._switch)
        if self._endpoint.security == "starttls":
            if not client.has_capability("STARTTLS"):
                raise PermanentError(
                    'the server offers no STARTTLS; set security = "tls", or have it set up there'
                )
            client.starttls(self._endpoint.tls)
        log_in(client, credentials)
        client.wire.allow()
        self._idles = client.has_capability("IDLE")

    def select(self, folder: str) -> Opened:
        """Open a folder."""
        client = self._connected
        name = folder
        if folder.upper() != "INBOX":
            prefix, delimiter = find_namespace(client)
            name = find_place(folder, client.list_folders(), prefix, delimiter).name
        client.wire.allow()
        found = select_folder(client, name)
        client.wire.allow()
        self._epoch = client.wire.epoch
        return Opened(name, found.get(b"UIDVALIDITY", 0), found.get(b"UIDNEXT", 0))

    def open_places(self, wanted: Sequence[str]) -> dict[str, str]:
        """Return for each folder of config.toml its name on the server, where it then exists."""
        return open_places(self._connected, wanted)

    def search(self, first: int, last: int | None, since: dt.date | None = None) -> list[int]:
        """
        Return the numbers from *first* to *last* that exist, in order.

        With *since* only mails of that day and later, as the server counts days.
        """
        client = self._connected
        client.noop()
        client.wire.allow()
        if client.wire.epoch != self._epoch:
            raise TransientError("the server numbers its mails anew (UIDVALIDITY)")
        client.wire.has_news = False
        # «5:*» means the last mail too when that is 3.
        criteria: list[object] = ["UID", f"{first}:{last or '*'}"]
        found = client.search([*criteria, "SINCE", since] if since else criteria)
        return sorted({uid for uid in found if first <= uid <= (last or uid)})

    def survey(self, uids: Sequence[int], now: dt.datetime) -> list[Waiting]:
        """Return size and time of arrival of those that still exist, in order."""
        found = self._ask(uids, SIZE, DATE)
        waiting = {
            uid: Waiting(
                uid, read_size(fields.get(SIZE)), trust_date(read_date(fields.get(DATE)), now)
            )
            for uid, fields in found.items()
        }
        if missing := set(uids) - waiting.keys():
            # What the server is silent about may be there all the same.
            present = missing.intersection(self.search(min(missing), max(missing)))
            waiting |= {uid: Waiting(uid, UNKNOWN_SIZE, now) for uid in present}
        return [waiting[uid] for uid in sorted(waiting)]

    def fetch(self, waiting: Sequence[Waiting], largest: int) -> dict[int, bytes]:
        """
        Return the content of those that still exist.

        Raises UnreadableError when the server keeps one back that is there.
        """
        try:
            contents = self._try_to_fetch(waiting, largest)
            for one in waiting:
                if one.uid not in contents and self.search(one.uid, one.uid):
                    contents |= self._try_to_fetch([one], largest)
        except OversizeError as error:
            raise LargerError(str(error)) from None
        if missing := [one.uid for one in waiting if one.uid not in contents]:
            present = set(missing).intersection(self.search(min(missing), max(missing)))
            if present:
                raise UnreadableError(f"the server does not give the mail with UID {min(present)}")
        return contents

    def _try_to_fetch(self, waiting: Sequence[Waiting], largest: int) -> dict[int, bytes]:
        """Return the content of those mails that the server gives."""
        if not waiting:
            return {}
        total = 2 * sum(one.size for one in waiting) + SLACK
        if len(waiting) == 1:
            total = max(total, largest + SLACK)
        try:
            found = self._ask([one.uid for one in waiting], BODY, allowed=(total, largest))
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            # One that was deleted meanwhile is reason enough for some servers to refuse them all.
            return {}
        return {
            one.uid: content
            for one in waiting
            if isinstance(content := found.get(one.uid, {}).get(BODY), bytes)
            and (content or not one.size)
        }

    def fetch_head(self, uid: int) -> bytes:
        """
        Return the header of a mail, the beginning of it if it is long; empty when it is gone.

        Raises UnreadableError as ``fetch`` does.
        """
        found = self._ask([uid], b"BODY[HEADER]<0.%d>" % HEAD_BYTES).get(uid, {})
        for key, part in found.items():
            if key.startswith(b"BODY[") and isinstance(part, bytes) and part:
                return part
        if self.search(uid, uid):
            raise UnreadableError(f"the server does not give the head of the mail with UID {uid}")
        return b""

    def _ask(
        self,
        uids: Sequence[int],
        *items: bytes,
        allowed: tuple[int, int] = (MOST_TALK, MOST_TALK),
    ) -> dict[int, dict[bytes, Any]]:
        """
        Fetch *items* of mails; return what was answered by UID.

        Answers without a UID, or about others, are what the server likes to mention besides. The
        library takes them for answers about the mail with that sequence number.
        """
        wire = self._connected.wire
        wire.allow(*allowed)
        asked = " ".join(item.decode().replace("BODY[", "BODY.PEEK[") for item in items)
        kind, data = wire.uid("FETCH", ",".join(map(str, uids)), f"({asked})")
        if kind != "OK":
            raise wire.error(f"FETCH: {data}")
        answers = parse_response([one for one in data if one is not None])
        found: dict[int, dict[bytes, Any]] = {}
        for fields in answers[1::2]:
            pairs = zip(fields[::2], fields[1::2], strict=True)
            named = {key.upper(): value for key, value in pairs}
            found.setdefault(named.get(b"UID", 0), {}).update(named)
        return {uid: found[uid] for uid in uids if uid in found}

    def move(self, uids: Sequence[int], folder: str) -> None:
        """Move mails to another folder; raises RefusedError. Those that are gone do not matter."""
        try:
            self._try_move(uids, folder)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as error:
            if "TRYCREATE" not in str(error):
                raise
            make_folder(self._connected, folder)
            self._try_move(uids, folder)

    def _try_move(self, uids: Sequence[int], folder: str) -> None:
        """Move mails: in one step, or in the three that it used to take."""
        client = self._connected
        if client.has_capability("MOVE"):
            client.move(uids, folder)
            return
        client.copy(uids, folder)
        client.add_flags(uids, DELETED, silent=True)
        # Without UIDPLUS nothing can be taken out but all that anybody has marked.
        if client.has_capability("UIDPLUS"):
            client.uid_expunge(uids)

    def wait(self, seconds: float) -> None:
        """Return when there may be something new, or when time is up."""
        wire = self._connected.wire
        tag = wire.begin_idle() if self._idles else b""
        self._idles = bool(tag)
        wire.allow()
        if not wire.has_news:
            wire.wait_for_word(seconds)
        if tag:
            wire.end_idle(tag)

    def close(self) -> None:
        """Say goodbye."""
        self._connected.logout()


def select_folder(client: Client, name: str) -> Mapping[bytes, Any]:
    """Open a folder; one in which nothing may be changed can be read all the same."""
    found: Mapping[bytes, Any]
    try:
        found = client.select_folder(name)
    except client.ReadOnlyError:
        client.wire.allow()
        found = client.select_folder(name, readonly=True)
    return found


def read_size(value: object) -> int:
    """Read a size; what is none is not known."""
    return value if isinstance(value, int) else UNKNOWN_SIZE


def read_date(value: object) -> dt.datetime | None:
    """Read an INTERNALDATE; None when it is none."""
    try:
        date: dt.datetime = parse_to_datetime(value, normalise=False)
    except (AttributeError, ValueError, OverflowError, TypeError):
        return None
    return date
