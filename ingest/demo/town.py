"""
The world around the daemon: a mail relay, an SMS gateway, and a partner who looks into its folder.

They run in the loop of the demo; what the daemon delivers lies in an inbox, and whoever expects
something there is woken when it comes.
"""

import asyncio
import collections
import contextlib
import email
import email.policy
import hmac
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web
from aiosmtpd.smtp import SMTP, Envelope, Session
from watchfiles import awatch

from ingest.demo.script import Answer

HOST = "127.0.0.1"
LOOK_AGAIN = 500
"""Milliseconds after which a folder is looked into even when no notice came."""


class Inbox:
    """What the daemon delivered, by address; each delivery can be taken once."""

    def __init__(self) -> None:
        self._delivered: dict[str, collections.deque[Answer]] = collections.defaultdict(
            collections.deque
        )
        self._changed = asyncio.Condition()

    async def put(self, address: str, answer: Answer) -> None:
        """Lay down an answer, and wake whoever waits for it."""
        async with self._changed:
            self._delivered[address].append(answer)
            self._changed.notify_all()

    async def take(self, address: str) -> Answer:
        """Return the next answer to *address*, as soon as there is one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._delivered[address])
            return self._delivered[address].popleft()

    def list_left(self) -> list[str]:
        """Return the addresses of answers that nobody took."""
        return [address for address, answers in self._delivered.items() for _ in answers]


class Postman:
    """Takes the letters of a relay to the inbox."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def handle_DATA(  # noqa: N802 -- aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Read a letter as its recipient would; one whose bounce would come back is refused."""
        if (envelope.mail_from or "").strip("<>"):
            return "550 5.7.1 An automatic reply has no envelope sender"
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        answer = read_letter(content)
        for address in envelope.rcpt_tos:
            await self._inbox.put(address, answer)
        return "250 2.0.0 delivered"


def read_letter(content: bytes) -> Answer:
    """Return a letter as its recipient reads it."""
    letter = email.message_from_bytes(content, policy=email.policy.default)
    body = letter.get_body(("plain",))
    text = "" if body is None else str(body.get_content())
    return Answer(
        label=f"mail «{letter['Subject']}»",
        text="\n".join(text.splitlines()).strip(),
        answers_to=str(letter["In-Reply-To"]),
    )


@contextlib.asynccontextmanager
async def open_relay(inbox: Inbox) -> AsyncIterator[int]:
    """Take letters while the block runs; yield the port."""
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Postman(inbox), hostname="relay.example", enable_SMTPUTF8=True, loop=loop),
        HOST,
        0,
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Gateway:
    """An SMS gateway: takes JSON requests of those who know the secret, and texts."""

    def __init__(self, inbox: Inbox, secret: str) -> None:
        self._inbox = inbox
        self._secret = secret

    async def send(self, request: web.Request) -> web.Response:
        """Text what one request asks for."""
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._secret}".encode()):
            return web.json_response({"error": "unknown token"}, status=401)
        order = json.loads(await request.text())
        await self._inbox.put(order["to"], Answer("SMS", order["text"]))
        return web.json_response({"id": order["reference"]})


@contextlib.asynccontextmanager
async def open_gateway(inbox: Inbox, secret: str) -> AsyncIterator[int]:
    """Take orders to text while the block runs; yield the port."""
    app = web.Application()
    app.router.add_post("/messages", Gateway(inbox, secret).send)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, 0)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def await_registry(root: Path, file_name: str) -> str:
    """Return the folder, ``done`` or ``failed``, once a registry was put away there."""
    folders = [root / name for name in ("done", "failed")]
    changes = awatch(
        *folders,
        watch_filter=None,
        step=20,
        rust_timeout=LOOK_AGAIN,
        yield_on_timeout=True,
        recursive=False,
    )
    async with contextlib.aclosing(changes):
        async for _ in changes:
            for folder in folders:
                if (folder / file_name).exists():
                    return folder.name
    raise TimeoutError
