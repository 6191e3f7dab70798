"""Starts the servers that a benchmark compares, each in a process of its own."""

import asyncio
import contextlib
import socket
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

CONFIG = """
[service]
state_dir = "state"
[log]
level = "info"
[http]
listen = "127.0.0.1:{http}"
internal = "127.0.0.1:{internal}"
[replies]
per_address_and_reason = 1000000
per_minute = 1
[windows.always]
days = "1..-1"
[channels.sms]
type = "sms"
window = "always"
auth = {{ kind = "secret", field = "secret", value = {{ env = "BENCH_SECRET" }} }}
fields = {{ sender = "from", text = "text", id = "id" }}
[channels.sms.send]
url = "http://127.0.0.1:9/never"
fields = {{ to = "{{address}}", text = "{{text}}" }}
[channels.partner]
type = "registry"
window = "always"
directory = "partner"
settle = 0.1
poll = 0.1
dialect = {{ columns = {{ account = 1, value = 2 }} }}
"""


@dataclass(frozen=True)
class Ours:
    """A daemon that is ready."""

    port: int
    state: Path
    pid: int
    started_in: float
    """Seconds from its start until it was ready."""

    def read_memory(self, figure: str) -> float:
        """Return a figure of the process in MB: ``VmRSS`` is now, ``VmHWM`` the most ever."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition(f"{figure}:")[2].split()[0]) / 1024


def find_ports(count: int) -> list[int]:
    """Return free ports of the loopback address."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@contextlib.asynccontextmanager
async def run_process(
    *arguments: str, **options: object
) -> AsyncIterator["asyncio.subprocess.Process"]:
    """Run this Python with *arguments*; end it with the block."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-P", *arguments, **options)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@contextlib.asynccontextmanager
async def bare_server(database_url: str = "") -> AsyncIterator[int]:
    """Yield the port of a floor."""
    [port] = find_ports(1)
    async with run_process(
        "-m", "bench.bare", str(port), database_url, stdout=asyncio.subprocess.PIPE
    ) as process:
        await process.stdout.readline()
        yield port


@contextlib.asynccontextmanager
async def our_daemon(folder: Path, more: str = "") -> AsyncIterator[Ours]:
    """
    Yield a daemon with an embedded database in *folder*; one that is there is used again.

    *more* is put at the end of its configuration.
    """
    http, internal = find_ports(2)
    config = folder / "config.toml"
    config.write_text(CONFIG.format(http=http, internal=internal) + more)
    (folder / "notify").unlink(missing_ok=True)
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notices.bind(str(folder / "notify"))
    notices.setblocking(False)
    environ = {
        "NOTIFY_SOCKET": str(folder / "notify"),
        "BENCH_SECRET": "s",
        "PATH": "/usr/bin:/bin",
    }
    started = time.perf_counter()
    with (folder / "log").open("ab") as log:
        async with run_process(
            "-m", "ingest", "--config", str(config), "run", env=environ, stderr=log
        ) as process:
            async with asyncio.timeout(60):
                while b"READY" not in await asyncio.get_running_loop().sock_recv(notices, 4096):
                    pass
            # Nobody reads on: in a full queue the notices of the watchdog would hold the daemon up.
            notices.close()
            yield Ours(http, folder / "state", process.pid, time.perf_counter() - started)
