"""A real daemon in a process of its own, the world around it, and a ledger of what was promised."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import aiosmtplib
from aiohttp import web
from aiosmtpd.smtp import SMTP

READY_WITHIN = 60
ANSWER_WITHIN = 30

CONFIG = """
[service]
state_dir = "state"
[log]
format = "json"
[http]
listen = "127.0.0.1:{http}"
internal = "127.0.0.1:{internal}"
[mail]
relay = "smtp://127.0.0.1:{relay}"
[replies]
per_address_and_reason = 1000000
per_address = 1000000
per_address_accepted = 1000000
per_minute = 100000
[windows.always]
days = "1..-1"
[channels.mail]
type = "smtp"
window = "always"
listen = "127.0.0.1:{smtp}"
recipients = ["energy@example.org"]
[channels.sms]
type = "sms"
window = "always"
fields = {{ sender = "from", text = "text", id = "id" }}
[channels.sms.send]
url = "http://127.0.0.1:{gateway}/send"
fields = {{ to = "{{address}}", text = "{{text}}", key = "{{id}}" }}
idempotent = true
[channels.kannel]
type = "sms"
window = "always"
gateway = "kannel"
[channels.partner]
type = "registry"
window = "always"
directory = "partner"
settle = 0.2
poll = 0.2
chunk_lines = {chunk_lines}
dialect = {{ columns = {{ account = 1, value = 2 }} }}
"""


def find_ports(count):
    """Return free ports of the loopback address."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Town:
    """The relay and the SMS gateway that replies leave by."""

    def __init__(self):
        self.mails = []
        self.texts = []
        self.relay, self.gateway = find_ports(2)

    async def handle_DATA(self, server, session, envelope):
        """Take a letter."""
        self.mails.append((envelope.rcpt_tos[0], envelope.content))
        return "250 taken"

    async def take_text(self, request):
        """Take a text."""
        form = await request.post()
        self.texts.append((form["to"], form["text"], form["key"]))
        return web.Response(text="OK")

    @contextlib.asynccontextmanager
    async def open(self) -> "AsyncIterator[Town]":
        """Serve while the block runs."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(self, loop=loop), "127.0.0.1", self.relay)
        app = web.Application()
        app.router.add_post("/send", self.take_text)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.gateway).start()
        try:
            yield self
        finally:
            await runner.cleanup()
            server.close()
            await server.wait_closed()


class DaemonProcess:
    """``ingest run`` on a folder; it can be killed and started again."""

    def __init__(self, folder: Path, database_url: str, town: Town, chunk_lines=500, config=CONFIG):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.database_url = database_url
        self.http, self.internal, self.smtp = find_ports(3)
        self.config = folder / "config.toml"
        self.config.write_text(
            config.format(
                http=self.http,
                internal=self.internal,
                smtp=self.smtp,
                relay=town.relay,
                gateway=town.gateway,
                chunk_lines=chunk_lines,
            )
        )
        self.log = folder / "log"
        self.process = None

    @property
    def partner(self) -> Path:
        """The partner's folder."""
        return self.folder / "state" / "partner"

    async def start(self) -> None:
        """Return once the daemon says that it is ready."""
        path = self.folder / "notify"
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
            notices.bind(str(path))
            notices.setblocking(False)
            await self.spawn({"NOTIFY_SOCKET": str(path)})
            await self.until_ready(notices)

    async def spawn(self, environ) -> None:
        """Start the process."""
        environ = os.environ | environ | {"INGEST_DATABASE_URL": self.database_url}
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "ingest", "--config", str(self.config), "run"),
                env=environ,
                stderr=log,
            )

    async def until_ready(self, notices) -> None:
        """Wait for READY=1, or for the end of the process."""
        ended = asyncio.create_task(self.process.wait())
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(READY_WITHIN):
            while True:
                notice = asyncio.create_task(loop.sock_recv(notices, 4096))
                await asyncio.wait({notice, ended}, return_when=asyncio.FIRST_COMPLETED)
                if not notice.done():
                    notice.cancel()
                    raise AssertionError(self.log.read_text()[-3000:])
                if b"READY=1" in notice.result():
                    ended.cancel()
                    return

    async def kill(self) -> None:
        """End it at once, without a chance to say goodbye."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        """End it in order; return its exit status."""
        if self.process is None or self.process.returncode is not None:
            return -1
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(ANSWER_WITHIN):
            return await self.process.wait()

    @contextlib.asynccontextmanager
    async def ended_with_the_block(self):
        """End it in order at the end of the block, or at once when the block fails."""
        try:
            yield
            await self.stop()
        finally:
            if self.process is not None and self.process.returncode is None:
                await self.kill()

    async def command(self, *arguments) -> str:
        """Run another command of the program on the same configuration; return its output."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "ingest", "--config", str(self.config), *arguments),
            env=os.environ | {"INGEST_DATABASE_URL": self.database_url},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        assert 0 == process.returncode, errors.decode()
        return output.decode()


def a_mail(text, sender="ivanov@example.com", message_id="<1@example.com>"):
    """Return a plain mail as bytes."""
    return (
        f"From: {sender}\r\nTo: energy@example.org\r\nSubject: =?utf-8?b?0L/QvtC60LDQt9Cw0L3QuNGP?="
        f"\r\nMessage-ID: {message_id}\r\nDate: Tue, 24 Nov 2026 12:00:00 +0700\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    ).encode()


async def send_mail(port, content, sender="ivanov@example.com") -> str:
    """Hand a mail over by SMTP; return the server's last words, or raise."""
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, timeout=ANSWER_WITHIN)
    async with client:
        _, answer = await client.sendmail(sender, ["energy@example.org"], content)
        return answer


async def post_text(session: aiohttp.ClientSession, port, number, text, channel="sms"):
    """Post an SMS; return status and body, or raise."""
    form = {"from": f"+7903{number % 10_000_000:07}", "text": text, "id": f"text-{number}"}
    async with session.post(f"http://127.0.0.1:{port}/channels/{channel}", data=form) as response:
        return response.status, await response.text()


async def until(condition, within=ANSWER_WITHIN):
    """Return once *condition* (a function, perhaps async) holds, asked ten times a second."""
    async with asyncio.timeout(within):
        while True:
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.1)


async def stop_at_once(data: Path) -> None:
    """Stop a PostgreSQL as a crash would, by the folder of its data, and wait for its end."""
    pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGQUIT)
    await until(lambda: not (data / "postmaster.pid").exists())
