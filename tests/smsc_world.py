"""A gateway that is asked for its texts, on the loopback."""

import contextlib
import datetime as dt
import json
from collections.abc import AsyncIterator

from aiohttp import web
from harness import find_ports


class Smsc:
    """A gateway that lists what it received after an id, as SMSC.ru does."""

    def __init__(self) -> None:
        self.texts: list[dict[str, str]] = []
        self.asked: list[dict[str, str]] = []
        self.status = 200
        self.body: bytes | None = None
        self.now: dt.datetime | None = None
        """Its clock; None: hours that are asked for go back to the beginning."""
        [self.port] = find_ports(1)

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Answer while the block runs."""
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self.port).start()
            yield
        finally:
            await runner.cleanup()

    def receive(self, number: int, text: str, sent: str = "24.11.2026 12:00:00") -> None:
        """Have a customer send a text."""
        self.texts.append(
            {
                "id": str(number), "phone": "79031234567", "to_phone": "4981",
                "message": text, "sent": sent,
            }
        )  # fmt: skip

    def lists(self, text: dict[str, str], fields: dict[str, str]) -> bool:
        """Tell whether *text* is what a question asks for; its clock is that of UTC+7."""
        if "after_id" in fields:
            return int(text["id"]) > int(fields["after_id"])
        if self.now is None:
            return True
        zone = dt.timezone(dt.timedelta(hours=7))
        sent = dt.datetime.strptime(text["sent"], "%d.%m.%Y %H:%M:%S").replace(tzinfo=zone)
        return sent > self.now - dt.timedelta(hours=int(fields["hour"]))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        fields = dict(request.query) | dict(await request.post())
        self.asked.append(fields)
        if self.body is not None:
            return web.Response(status=self.status, body=self.body)
        found = [one for one in self.texts if self.lists(one, fields)]
        return web.Response(status=self.status, text=json.dumps(found))
