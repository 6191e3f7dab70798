"""A load of HTTP requests: so many connections, each sending its next request after an answer."""

import asyncio
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

RequestMaker = Callable[[int], bytes]


@dataclass(frozen=True)
class Load:
    """What one round came to."""

    per_second: float
    p50_ms: float
    p99_ms: float
    refused: int
    """Answers other than 200."""


class Connection(asyncio.Protocol):
    """One keep-alive connection; answers must carry a Content-Length."""

    def __init__(self, requests: Iterator[bytes], until: float) -> None:
        self.requests = requests
        self.until = until
        self.times: list[float] = []
        self.refused = 0
        self.done = asyncio.get_running_loop().create_future()
        self.buffer = b""
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = transport
        self.send()

    def send(self) -> None:
        """Send the next request, or hang up when time is over."""
        self.sent_at = time.perf_counter()
        if self.sent_at >= self.until:
            self.transport.close()
            return
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        """Note an answer once it is whole."""
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if len(body) < length:
            return
        self.buffer = body[length:]
        self.times.append(time.perf_counter() - self.sent_at)
        self.refused += not head.startswith(b"HTTP/1.1 200")
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if not self.done.done():
            self.done.set_result(None)


async def put_load(
    host: str, port: int, connections: int, seconds: float, make: RequestMaker
) -> Load:
    """Send for so many seconds over so many connections."""
    numbers = itertools.count()
    requests = (make(number) for number in numbers)
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    clients = [Connection(requests, started + seconds) for _ in range(connections)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, host, port)
    await asyncio.gather(*(client.done for client in clients))
    elapsed = time.perf_counter() - started
    times = sorted(itertools.chain.from_iterable(client.times for client in clients))
    return Load(
        per_second=len(times) / elapsed,
        p50_ms=statistics.median(times) * 1000,
        p99_ms=times[int(len(times) * 0.99)] * 1000,
        refused=sum(client.refused for client in clients),
    )


def make_post(path: str, body: bytes, content_type: str) -> bytes:
    """Return a whole POST request."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
