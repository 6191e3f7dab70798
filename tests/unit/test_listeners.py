"""The HTTP listeners: problem documents, limits, a way out for idle strangers."""

import asyncio

import aiohttp
import pytest
from aiohttp import web

from ingest import listeners
from ingest.addresses import Listen
from ingest.errors import PermanentError
from ingest.listeners import open_listener
from ingest.ports import Route

ANYWHERE = Listen(host="127.0.0.1", port=0)


async def echo(request):
    """Answer with what came."""
    return web.Response(body=await request.read())


async def fail(request):
    """Fail as code of ours may."""
    raise ZeroDivisionError("secret detail")


ROUTES = (Route("POST", "/channels/sms", echo), Route("GET", "/fail", fail))


@pytest.fixture
async def base():
    """The address of a listener with a small body limit."""
    async with open_listener(ANYWHERE, ROUTES, max_body=1000, read_timeout=30) as address:
        yield f"http://{address}"


@pytest.mark.parametrize(
    ("method", "path", "size", "expected"),
    [
        pytest.param("GET", "/nowhere", 0, 404, id="unknown path"),
        pytest.param("GET", "/channels/sms", 0, 405, id="wrong method"),
        pytest.param("POST", "/channels/sms", 2000, 413, id="too large"),
        pytest.param("GET", "/fail", 0, 500, id="our fault"),
    ],
)
async def test_problems(base, method, path, size, expected):
    """Whatever goes wrong is a problem document that tells nothing about our insides."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, base + path, data=b"x" * size or None) as response,
    ):
        problem = await response.json(content_type="application/problem+json")
        text = await response.text()
    assert (expected, expected) == (response.status, problem["status"])
    assert "secret" not in text
    assert "aiohttp" not in response.headers["Server"]


async def test_a_wrong_method_says_which_is_right(base):
    """405 carries Allow."""
    async with aiohttp.ClientSession() as session, session.get(f"{base}/channels/sms") as response:
        assert "POST" == response.headers["Allow"]


async def test_a_taken_port_is_told(base):
    """Two daemons on one port: the second says so and does not start."""
    taken = Listen(host="127.0.0.1", port=int(base.rpartition(":")[2]))
    with pytest.raises(PermanentError, match="another daemon"):
        async with open_listener(taken, (), max_body=1, read_timeout=1):
            pass


async def test_a_unix_socket(tmp_path):
    """A listener may stand on a unix socket, which is gone afterwards."""
    path = tmp_path / "http.sock"
    async with open_listener(Listen(socket=path), ROUTES, max_body=1000, read_timeout=30):
        connector = aiohttp.UnixConnector(str(path))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.post("http://localhost/channels/sms", data=b"x") as response,
        ):
            assert b"x" == await response.read()
    assert not path.exists()


async def test_a_silent_client_is_let_go():
    """A client that never finishes its first header is hung up on."""
    async with open_listener(ANYWHERE, ROUTES, max_body=1000, read_timeout=0.1) as address:
        reader, writer = await asyncio.open_connection(*address.split(":"))
        writer.write(b"POST /channels/sms HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        async with asyncio.timeout(10):
            assert b"" == await reader.read()
        writer.close()


async def test_a_client_that_spoke_is_kept():
    """A connection that is in use outlives the time for the first header."""
    async with (
        open_listener(ANYWHERE, ROUTES, max_body=1000, read_timeout=0.1) as address,
        aiohttp.ClientSession() as session,
    ):
        for _ in range(2):
            async with session.post(f"http://{address}/channels/sms", data=b"x") as response:
                assert b"x" == await response.read()
            await asyncio.sleep(0.2)


async def test_a_slow_answer_is_waited_for():
    """Once the header is there, the time for it is over; the handler takes as long as it takes."""

    async def slow(request):
        await asyncio.sleep(0.3)
        return web.Response(text="at last")

    routes = (Route("GET", "/slow", slow),)
    async with (
        open_listener(ANYWHERE, routes, max_body=1000, read_timeout=0.1) as address,
        aiohttp.ClientSession() as session,
        session.get(f"http://{address}/slow") as response,
    ):
        assert "at last" == await response.text()


async def test_too_many_connections_are_turned_away(monkeypatch):
    """Beyond the limit a new connection is closed at once, and those there go on."""
    monkeypatch.setattr(listeners, "MOST_CONNECTIONS", 1)
    async with open_listener(ANYWHERE, ROUTES, max_body=1000, read_timeout=30) as address:
        first = await asyncio.open_connection(*address.split(":"))
        second = await asyncio.open_connection(*address.split(":"))
        async with asyncio.timeout(10):
            assert b"" == await second[0].read()
        first[1].close()
        second[1].close()
