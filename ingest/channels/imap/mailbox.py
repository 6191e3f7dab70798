"""One mailbox, for the event loop: connecting, looking, fetching, putting away."""

import contextlib
import datetime as dt
import ssl
from collections.abc import AsyncGenerator, Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeVar

from msgspec import Struct

from ingest.channels.imap.batches import HEAD_BYTES, WIDTH, Batch, Waiting, next_range
from ingest.channels.imap.link import Link
from ingest.channels.imap.login import Credentials, LoginFailedError, LoginRefusedError
from ingest.channels.imap.session import Opened, Session
from ingest.channels.imap.tokens import Tokens
from ingest.channels.imap.wire import Endpoint, Switch
from ingest.config import Configuration
from ingest.errors import PermanentError, TransientError
from ingest.model import ChannelName
from ingest.settings import ImapSettings

Result = TypeVar("Result")

PORTS = {"tls": 993, "starttls": 143, "none": 143}
PATIENCE = 2.0
"""How often the time-out of one answer a call may take: it may be several commands."""
SLOWEST = 10_000
"""Bytes a second; a server that is slower is given up, however steadily it drips."""


class Fetched(Struct, frozen=True):
    """A mail as it was fetched."""

    waiting: Waiting
    content: bytes
    is_whole: bool
    """False when it is too large, and only its head was fetched."""


class Mailbox:
    """A connection to a mailbox; every call ends in time, or the connection does."""

    def __init__(
        self,
        name: ChannelName,
        settings: ImapSettings,
        config: Configuration,
        tokens: Tokens | None,
    ) -> None:
        self._name = name
        self._settings = settings
        self._config = config
        self._tokens = tokens
        self.max_size = settings.max_size
        self._session: Session
        self._link: Link | None = None

    async def open(self) -> None:
        """Connect and log in; a token that is refused is fetched anew, once."""
        endpoint = make_endpoint(self._settings, self._config)
        try:
            await self._open(endpoint)
        except LoginRefusedError:
            if self._tokens is None:
                raise
            self._tokens.forget()
            await self.close()
            await self._open(endpoint)
        except LoginFailedError:
            if self._tokens is not None:
                self._tokens.forget()
            raise

    async def _open(self, endpoint: Endpoint) -> None:
        """Connect and log in."""
        credentials = await self._find_credentials()
        switch = Switch()
        session = Session(endpoint, switch)
        self._session = session
        self._link = Link(f"{self._name} mailbox", switch, endpoint)
        await self._call(lambda: session.open(credentials))

    async def _find_credentials(self) -> Credentials:
        """Return who we are, with the password or a token that is good now."""
        settings = self._settings
        if self._tokens is not None and settings.oauth is not None:
            secret = await self._tokens.get()
            mechanism = settings.oauth.mechanism
            return Credentials(username=settings.username, secret=secret, mechanism=mechanism)
        if settings.password is None:
            raise PermanentError("neither password nor oauth is set")
        secret = self._config.read_secret(settings.password)
        return Credentials(username=settings.username, secret=secret)

    async def close(self) -> None:
        """Hang up, from whatever was going on."""
        if self._link is not None:
            await self._link.close()

    async def say_goodbye(self) -> None:
        """Log out; a server that does not answer to that is none of our concern any more."""
        with contextlib.suppress(TransientError):
            await self._call(self._session.close)

    async def _call(self, work: Callable[[], Result], *, extra: float = 0.0) -> Result:
        """Have something done in the session's thread, with *extra* seconds for it."""
        if self._link is None:
            raise PermanentError("the mailbox is not open")
        return await self._link.call(work, within=PATIENCE * self._settings.timeout + extra)

    async def select(self, folder: str) -> Opened:
        """Open a folder."""
        return await self._call(lambda: self._session.select(folder))

    async def open_places(self, wanted: Sequence[str]) -> dict[str, str]:
        """Return for each folder of config.toml its name on the server, where it then exists."""
        return await self._call(lambda: self._session.open_places(wanted))

    async def search(self, first: int, last: int | None, since: dt.date | None = None) -> list[int]:
        """Return the numbers that exist, in order; see :meth:`Session.search`."""
        return await self._call(lambda: self._session.search(first, last, since))

    async def list_numbers(
        self, first: int, uid_next: int, since: dt.date | None = None
    ) -> AsyncGenerator[list[int], None]:
        """Yield the numbers from *first* on, in order and by the thousands, until there is none."""
        width = WIDTH
        while True:
            low, high = next_range(first, uid_next, width)
            uids = await self.search(low, high, since)
            if uids:
                yield uids
            elif high is None:
                return
            width = WIDTH if uids else 2 * width
            first = (uids[-1] if high is None else high) + 1

    async def survey(self, uids: Sequence[int], now: dt.datetime) -> list[Waiting]:
        """Return size and time of arrival of mails, in order."""
        return await self._call(lambda: self._session.survey(uids, now))

    async def fetch(self, batch: Batch, oversize: AbstractSet[int] = frozenset()) -> list[Fetched]:
        """
        Fetch mails in order; those that are missing then are gone.

        Of those that are too large only the head is fetched. *oversize* names others of which that
        is known, though the server says otherwise.
        """
        whole = [one for one in batch.waiting if one.size <= self.max_size]
        whole = [one for one in whole if one.uid not in oversize]
        announced = sum(one.size for one in whole)
        contents = await self._call(
            lambda: self._session.fetch(whole, self.max_size), extra=announced / SLOWEST
        )
        fetched = []
        for one in batch.waiting:
            if one.uid in contents:
                fetched.append(Fetched(one, contents[one.uid], is_whole=True))
            elif one not in whole and (head := await self.fetch_head(one.uid)):
                fetched.append(Fetched(one, head, is_whole=False))
        return fetched

    async def fetch_head(self, uid: int) -> bytes:
        """Return the header of a mail, the beginning of it if it is long; empty when it is gone."""
        return await self._call(lambda: self._session.fetch_head(uid), extra=HEAD_BYTES / SLOWEST)

    async def move(self, uids: Sequence[int], folder: str) -> None:
        """Move mails to a folder of the server; raises RefusedError when it will not have them."""
        await self._call(lambda: self._session.move(uids, folder))

    async def wait(self, seconds: float) -> None:
        """Return when there may be something new, or when time is up."""
        await self._call(lambda: self._session.wait(seconds), extra=seconds)


def make_endpoint(settings: ImapSettings, config: Configuration) -> Endpoint:
    """Return where the mailbox is; raises PermanentError when its authority cannot be read."""
    tls = None
    if settings.security != "none":
        authority = str(config.locate(settings.ca_file)) if settings.ca_file else None
        try:
            tls = ssl.create_default_context(cafile=authority)
        except ssl.SSLError:
            raise PermanentError(
                f"ca_file: found no certificates in {settings.ca_file}, wanted PEM"
            ) from None
        except OSError as error:
            raise PermanentError(
                f"ca_file: {settings.ca_file} cannot be read: {error.strerror}"
            ) from None
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
    return Endpoint(
        host=settings.host,
        port=settings.port or PORTS[settings.security],
        timeout=settings.timeout,
        security=settings.security,
        tls=tls,
    )
