"""A link to a server that breaks once, just before an answer is through."""

import asyncio
import contextlib


class Forgetful:
    """Carries connections to a port, and cuts the first one in which the server says *words*."""

    def __init__(self, server, words):
        self.server = server
        self.words = words
        self.port = None
        self.has_cut = False

    @contextlib.asynccontextmanager
    async def open(self):
        """Serve while the block runs."""
        server = await asyncio.start_server(self.connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def connect(self, reader, writer):
        """Carry one connection until either end hangs up."""
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self.server)
        except OSError:
            writer.close()
            return
        there = asyncio.create_task(carry(reader, to_server))
        with contextlib.suppress(OSError):
            await self.carry_back(from_server, writer)
        there.cancel()
        to_server.close()
        writer.close()

    async def carry_back(self, reader, writer):
        """Carry what the server says, but for what is to be lost."""
        while data := await reader.read(65_536):
            if self.words in data and not self.has_cut:
                self.has_cut = True
                return
            writer.write(data)


async def carry(reader, writer):
    """Carry bytes one way until they end."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
    writer.close()
