"""
The daemon of the demo: a real process on a throw-away folder, and nothing of it left behind.

Whatever ends the demo, the daemon is asked to end, and killed when it does not; the embedded
PostgreSQL ends with it, or is made to.
"""

import asyncio
import atexit
import contextlib
import datetime as dt
import os
import secrets
import shutil
import signal
import socket
import string
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from ingest import clock
from ingest.calendar import find_day
from ingest.config import Configuration, load_config
from ingest.demo.town import HOST
from ingest.errors import PermanentError
from ingest.notify import READY

TIMEZONE = "Asia/Krasnoyarsk"
READY_WITHIN = 60.0
STOP_WITHIN = 30.0
COMMAND_WITHIN = 60.0
LAST_LINES = 15
"""Lines of the daemon's log that are shown when something went wrong."""
FOREIGN = ("INGEST_", "PG", "NOTIFY_", "WATCHDOG_", "CREDENTIALS_")
"""How variables begin that would lead the daemon of the demo to another database or service."""


class Ports(Struct, frozen=True):
    """Where everything listens on loopback."""

    smtp: int
    http: int
    internal: int
    relay: int
    gateway: int


class Folder:
    """The throw-away folder; it is removed when the program ends, unless it is kept."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="ingest-demo-"))
        # Not before: the package with PostgreSQL opens a file there when the program ends. What
        # is registered first is called last.
        atexit.register(self.remove)

    @property
    def config_path(self) -> Path:
        """The configuration."""
        return self.path / "config.toml"

    @property
    def log_path(self) -> Path:
        """What the daemon said."""
        return self.path / "daemon.log"

    def keep(self) -> None:
        """Leave the folder for somebody to look into."""
        atexit.unregister(self.remove)

    def remove(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.path, ignore_errors=True)

    def furnish(self, ports: Ports, secret: str) -> Configuration:
        """Write configuration and secret; return the configuration as the daemon will read it."""
        (self.path / "gateway.secret").write_text(f"{secret}\n", "utf-8")
        (self.path / "gateway.secret").chmod(0o600)
        self.config_path.write_text(render_config(ports, clock.now()), "utf-8")
        return load_config(self.config_path, make_environ(os.environ))

    def read_last_lines(self) -> list[str]:
        """Return the end of the daemon's log."""
        try:
            return self.log_path.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]
        except OSError:
            return []


def render_config(ports: Ports, now: dt.datetime) -> str:
    """Return config.toml; one window is shut today, and tomorrow in case midnight is near."""
    template = resources.files("ingest.demo").joinpath("config.toml.in").read_text("utf-8")
    today = find_day(now, ZoneInfo(TIMEZONE))
    shut = [today + dt.timedelta(days=offset) for offset in (0, 1)]
    numbers = {f"{name}_port": number for name, number in msgspec.structs.asdict(ports).items()}
    return string.Template(template).substitute(
        numbers, timezone=TIMEZONE, closed_days=", ".join(map(str, shut))
    )


def make_environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the daemon: nothing may lead it away from its own folder."""
    kept = {name: value for name, value in environ.items() if not name.startswith(FOREIGN)}
    # A locale that is named and not installed would keep PostgreSQL from being set up.
    return kept | {"PYTHONUTF8": "1", "LC_ALL": "C"}


def make_command(folder: Folder, *arguments: str) -> list[str]:
    """Return a command line of this very program on the demo's configuration."""
    start = [sys.executable, "-P", "-m", "ingest", "--config", str(folder.config_path)]
    return [*start, *arguments]


def find_free_ports(count: int) -> list[int]:
    """Return ports on loopback that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


@contextlib.contextmanager
def open_notice_socket() -> Iterator[tuple[socket.socket, str]]:
    """Yield a socket for the daemon's notices, and what to call it in NOTIFY_SOCKET."""
    name = f"ingest-demo-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as receiver:
        # An abstract name: a path in a deep temporary directory may be too long for a socket.
        receiver.bind(f"\0{name}")
        receiver.setblocking(False)
        yield receiver, f"@{name}"


async def await_ready(receiver: socket.socket) -> None:
    """Return when the daemon says that it takes messages."""
    loop = asyncio.get_running_loop()
    while READY not in (await loop.sock_recv(receiver, 4096)).decode("utf-8", "replace").split():
        pass


@contextlib.asynccontextmanager
async def open_daemon(folder: Folder) -> AsyncIterator["RunningDaemon"]:
    """Run a daemon while the block runs; raises PermanentError when it does not come up."""
    with open_notice_socket() as (receiver, name), folder.log_path.open("wb") as log_file:
        process = await asyncio.create_subprocess_exec(
            *make_command(folder, "run"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            cwd=folder.path,
            env=make_environ(os.environ) | {"NOTIFY_SOCKET": name},
            start_new_session=True,  # so that Ctrl-C reaches us alone, and we end it in order
        )
        daemon = RunningDaemon(process, folder)
        try:
            await daemon.await_start(receiver)
            yield daemon
        finally:
            await daemon.stop()


class RunningDaemon:
    """The process of the daemon."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Folder) -> None:
        self._process = process
        self._folder = folder

    async def await_start(self, receiver: socket.socket) -> None:
        """Return when the daemon is ready; raises PermanentError when it ends or takes too long."""
        ready = asyncio.create_task(await_ready(receiver))
        ended = asyncio.create_task(self._process.wait())
        try:
            await asyncio.wait(
                {ready, ended}, timeout=READY_WITHIN, return_when=asyncio.FIRST_COMPLETED
            )
            if ended.done():
                raise PermanentError(f"the daemon ended at once with status {ended.result()}")
            if not ready.done():
                raise PermanentError(f"the daemon was not ready within {READY_WITHIN:.0f} seconds")
        finally:
            ready.cancel()
            ended.cancel()

    def check(self) -> None:
        """Raise PermanentError when the daemon has ended."""
        if self._process.returncode is not None:
            raise PermanentError(f"the daemon ended with status {self._process.returncode}")

    async def stop(self) -> int:
        """End the daemon as systemd does, and return its exit status; kill it when it hangs."""
        if self._process.returncode is None:
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await asyncio.to_thread(end_database, self._folder.path / "var" / "postgresql")
        return await self._process.wait()


def end_database(folder: Path) -> None:
    """End the PostgreSQL of *folder* where a killed daemon left it; its data are thrown away."""
    try:
        pid = int((folder / "postmaster.pid").read_text("ascii").split("\n", 1)[0])
        command = Path(f"/proc/{pid}/comm").read_text("utf-8").strip()
    except (OSError, ValueError):
        return
    if command == "postgres":
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGQUIT)


async def run_command(folder: Folder, *arguments: str) -> str:
    """Run a command of the command line beside the daemon; return what it wrote."""
    process = await asyncio.create_subprocess_exec(
        *make_command(folder, *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=folder.path,
        env=make_environ(os.environ),
    )
    try:
        async with asyncio.timeout(COMMAND_WITHIN):
            output, errors = await process.communicate()
    except TimeoutError:
        output, errors = b"", b"it took too long"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        words = errors.decode("utf-8", "replace").strip()
        raise PermanentError(f"ingest {' '.join(arguments)}: {words}")
    return output.decode("utf-8")
