"""
A partner's SFTP server: its key is pinned, and every answer of it has a time limit.

Names and attributes that it tells are a stranger's: data, never paths of ours.
"""

import asyncio
import contextlib
import logging
import posixpath
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

import asyncssh
from msgspec import Struct

from ingest.channels.deposits import (
    BLOCK,
    CHECKSUMS,
    DONE,
    LONGEST_NAME,
    Incoming,
    check_name,
    number_names,
    show_name,
)
from ingest.channels.registry.folders import open_regular
from ingest.channels.registry.threads import in_thread
from ingest.config import Configuration
from ingest.errors import ConfigError, PermanentError, TransientError
from ingest.settings import SftpSettings

Result = TypeVar("Result")

MOST_ENTRIES = 100_000
"""Names of a directory that are looked at."""
MOST_NUMBERS = 100
"""Names that are tried for a file that is moved away."""
ALIVE_EVERY = 15
"""Seconds after which a silent server is asked whether it is there."""


class ServerError(TransientError):
    """The partner's server cannot be used now, or refuses."""


class RefusedError(ServerError):
    """The server refuses one thing; it may well do others."""


class Remote(Struct, frozen=True):
    """A file on the server, as it was seen."""

    name: str
    size: int
    modified: int
    """Seconds since 1970, by the server's clock."""


class Listing(Struct, frozen=True):
    """What lies in a directory of the server."""

    files: list[Remote]
    odd: list[str]
    """Names that match and cannot be fetched: no files, or no names that a file can have here."""
    sides: list[str]
    """Names that may be those of side files, whether they match or not."""


class Server:
    """An open connection."""

    def __init__(self, client: asyncssh.SFTPClient, settings: SftpSettings) -> None:
        self._client = client
        self._settings = settings

    async def ask(self, question: Awaitable[Result]) -> Result:
        """Await an answer, for as long as the server may take for it."""
        with translating():
            async with asyncio.timeout(self._settings.timeout):
                return await question

    def locate(self, name: str) -> str:
        """Return the path of a file in the directory that is looked at."""
        return posixpath.join(self._settings.directory, name)

    async def list_files(self) -> Listing:
        """List what is to be fetched."""
        return await self.ask(self._list())

    async def _list(self) -> Listing:
        """List what matches."""
        files: list[Remote] = []
        odd: list[str] = []
        sides: list[str] = []
        seen = 0
        async for entry in self._client.scandir(self._settings.directory):
            seen += 1
            name = str(entry.filename)
            if seen > MOST_ENTRIES:
                raise ServerError(f"more than {MOST_ENTRIES} names in {self._settings.directory}")
            if name.lower().endswith((DONE, *CHECKSUMS)):
                sides.append(name)
            if name.startswith(".") or not fnmatchcase(name, self._settings.pattern):
                continue
            if entry.attrs.type != asyncssh.FILEXFER_TYPE_REGULAR or check_name(name):
                odd.append(name)
            else:
                files.append(Remote(name, entry.attrs.size or 0, int(entry.attrs.mtime or 0)))
        return Listing(sorted(files, key=lambda one: (one.modified, one.name)), odd, sides)

    async def find(self, name: str) -> Remote | None:
        """Return a file as it is now; None when it is gone."""
        try:
            attrs = await self.ask(self._client.lstat(self.locate(name)))
        except RefusedError as error:
            if isinstance(error.__cause__, asyncssh.SFTPNoSuchFile):
                return None
            raise
        return Remote(name, attrs.size or 0, int(attrs.mtime or 0))

    async def fetch(self, remote: Remote, incoming: Incoming) -> AsyncGenerator[int, None]:
        """Copy a file, yielding the bytes that are there after each block."""
        file = await self.ask(self._client.open(self.locate(remote.name), "rb", encoding=None))
        try:
            while True:
                block: bytes = await self.ask(file.read(BLOCK))
                if not block:
                    break
                await in_thread(incoming.write, block)
                yield incoming.size
        finally:
            with contextlib.suppress(ServerError):
                await self.ask(file.close())

    async def remove(self, name: str) -> None:
        """Delete a file."""
        await self.ask(self._client.remove(self.locate(name)))

    async def move(self, name: str, directory: str) -> None:
        """Move a file into a directory, which is made; a name that is taken gets a number."""
        await self.ask(self._client.makedirs(directory, exist_ok=True))
        for number, candidate in enumerate(number_names(name, LONGEST_NAME), 1):
            target = posixpath.join(directory, candidate)
            if not await self.ask(self._client.lexists(target)):
                await self.ask(self._client.rename(self.locate(name), target))
                return
            if number == MOST_NUMBERS:
                break
        raise ServerError(f"{show_name(name)}: no name like it is free in {directory}")

    async def put(self, path: Path, directory: str) -> None:
        """Copy a file of ours into a directory, where it appears whole and replaces its like."""
        await self.ask(self._client.makedirs(directory, exist_ok=True))
        target = posixpath.join(directory, path.name)
        unfinished = f"{target}.part"
        file = await self.ask(self._client.open(unfinished, "wb", encoding=None))
        try:
            with await in_thread(open_regular, path) as source:
                while block := await in_thread(source.read, BLOCK):
                    await self.ask(file.write(block))
        finally:
            with contextlib.suppress(ServerError):
                await self.ask(file.close())
        if await self.ask(self._client.lexists(target)):
            await self.ask(self._client.remove(target))
        await self.ask(self._client.rename(unfinished, target))


@contextlib.asynccontextmanager
async def connect(settings: SftpSettings, config: Configuration) -> AsyncIterator[Server]:
    """Open a connection; raises ServerError, or PermanentError for what a person must change."""
    # It logs addresses, users and every channel that it opens; what matters we log ourselves.
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    options = make_options(settings, config)
    with translating():
        async with asyncio.timeout(settings.timeout):
            connection = await asyncssh.connect(settings.host, settings.port, **options)
    try:
        with translating():
            async with asyncio.timeout(settings.timeout):
                client = await connection.start_sftp_client(path_errors="surrogateescape")
        yield Server(client, settings)
    finally:
        connection.abort()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(1):
                await connection.wait_closed()


def make_options(settings: SftpSettings, config: Configuration) -> dict[str, Any]:
    """Return how to connect: by config.toml alone, not by files of the user that we run as."""
    return {
        "config": None,
        "username": settings.username,
        "password": read_secret(settings, config, "password"),
        "client_keys": read_keys(settings, config),
        "known_hosts": read_host_keys(settings, config),
        "agent_path": None,
        "gss_auth": False,
        "gss_kex": False,
        "host_based_auth": False,
        "keepalive_interval": ALIVE_EVERY,
        "connect_timeout": settings.timeout,
        "login_timeout": settings.timeout,
    }


def read_secret(settings: SftpSettings, config: Configuration, key: str) -> str | None:
    """Return one of the secrets; None where there is none."""
    kept = getattr(settings, key)
    try:
        return config.read_secret(kept) if kept else None
    except ConfigError as error:
        raise PermanentError(str(error)) from None


def read_keys(settings: SftpSettings, config: Configuration) -> list[asyncssh.SSHKey] | None:
    """Return the private keys that we may use; None where there is none."""
    text = read_secret(settings, config, "key")
    if text is None:
        return None
    try:
        # Taking off the last line end, as is done with secrets, would spoil the key.
        return [
            asyncssh.import_private_key(f"{text}\n", read_secret(settings, config, "passphrase"))
        ]
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise PermanentError(f"sftp.key cannot be used: {error}") from None


def read_host_keys(settings: SftpSettings, config: Configuration) -> Any:  # noqa: ANN401 -- asyncssh takes either
    """Return the keys by which the server is known."""
    try:
        if settings.known_hosts:
            return asyncssh.read_known_hosts(str(config.locate(settings.known_hosts)))
        return [asyncssh.import_public_key(key) for key in settings.host_keys], [], []
    except OSError as error:
        raise PermanentError(f"sftp.known_hosts cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise PermanentError(f"sftp.host_keys or known_hosts cannot be used: {error}") from None


@contextlib.contextmanager
def translating() -> Iterator[None]:
    """Raise ServerError for whatever goes wrong between us and the server."""
    try:
        yield
    except TimeoutError as error:
        raise ServerError("the server does not answer in time") from error
    except asyncssh.HostKeyNotVerifiable as error:
        raise ServerError("the server's key is none of those that are known") from error
    except asyncssh.PermissionDenied as error:
        raise ServerError("the server does not let us in: wrong user, password or key") from error
    except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection) as error:
        raise ServerError("the connection was lost") from error
    except asyncssh.SFTPError as error:
        raise RefusedError(f"the server says: {error.reason or type(error).__name__}") from error
    except asyncssh.Error as error:
        raise ServerError(f"the server says: {error.reason or type(error).__name__}") from error
    except OSError as error:
        raise ServerError(f"no connection: {error.strerror or error}") from error
