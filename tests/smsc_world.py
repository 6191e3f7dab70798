"""A gateway that is asked for its texts, on the loopback."""

import contextlib
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

    def receive(self, number: int, text: str) -> None:
        """Have a customer send a text."""
        self.texts.append(
            {
                "id": str(number), "phone": "79031234567", "to_phone": "4981",
                "message": text, "sent": "24.11.2026 12:00:00",
            }
        )  # fmt: skip

    async def handle(self, request: web.Request) -> web.StreamResponse:
        fields = dict(request.query) | dict(await request.post())
        self.asked.append(fields)
        if self.body is not None:
            return web.Response(status=self.status, body=self.body)
        after = int(fields.get("after_id", 0))
        found = [one for one in self.texts if int(one["id"]) > after]
        return web.Response(status=self.status, text=json.dumps(found))
