"""Real servers as ordinary programs: where they are, how they start, and how they end."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import until

PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
REQUIRED = os.environ.get("INGEST_TEST_SYSTEM") == "required"
LEFT_OUT = "left out: "
"""What the reason of a skip begins with, so that the end of the run can name it."""
END_WITHIN = 15
SURROUNDINGS = {"TZ": "UTC", "LC_ALL": "C.UTF-8"}
NOBODY = {"user": "nobody", "group": "nogroup", "extra_groups": []}


def need(package, *programs):
    """Return the paths of a Debian package's programs, or leave the test out."""
    found = [shutil.which(program, path=PATH) for program in programs]
    for program, path in zip(programs, found, strict=True):
        if path is None:
            leave_out(f"{Path(program).name} is not installed (apt-get install {package})")
    return found


def leave_out(why):
    """Skip the test, or fail it where every server has to be there (INGEST_TEST_SYSTEM)."""
    if REQUIRED:
        pytest.fail(why, pytrace=False)
    pytest.skip(LEFT_OUT + why)


def as_nobody():
    """Return how a process is started without privileges."""
    return NOBODY if os.geteuid() == 0 else {}


def hand_to_nobody(*paths):
    """Give files to whom the unprivileged programs run as."""
    if os.geteuid() == 0:
        for path in paths:
            shutil.chown(path, NOBODY["user"], NOBODY["group"])


@contextlib.contextmanager
def open_folder(name) -> Iterator[Path]:
    """Make a folder that other users can reach, unlike pytest's; remove it with the block."""
    with tempfile.TemporaryDirectory(prefix=f"ingest-{name}-") as folder:
        Path(folder).chmod(0o755)
        hand_to_nobody(folder)
        yield Path(folder)


class Program:
    """One program in the foreground, in a process group of its own."""

    def __init__(self, *command, log, privileged=False):
        self.command = command
        self.log = log
        self.options = {} if privileged else as_nobody()
        self.process = None

    async def start(self, *ports) -> None:
        """Start it; return once each of *ports* takes connections."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | SURROUNDINGS,
                start_new_session=True,
                **self.options,
            )
        for port in ports:
            await until(lambda port=port: self.is_listening(port))

    def is_listening(self, port):
        """Tell whether a port takes connections; raise with the log if the program has ended."""
        assert self.process.returncode is None, self.log.read_text(errors="replace")[-3000:]
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        return False

    def signal_all(self, number) -> None:
        """Send a signal to the program and to all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    async def stop(self) -> None:
        """End it in order, and what is left of it at once."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            async with asyncio.timeout(END_WITHIN):
                await self.process.wait()
        finally:
            self.signal_all(signal.SIGKILL)
            await self.process.wait()
            self.process = None


async def run(*command, stdin=b"", privileged=False) -> str:
    """Run a command of a server to its end; return what it said."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        **({} if privileged else as_nobody()),
    )
    output, _ = await process.communicate(stdin)
    assert 0 == process.returncode, output.decode(errors="replace")
    return output.decode()
