"""The floors: an aiohttp handler that reads a form and does nothing; one that does one INSERT."""

import asyncio
import sys

import asyncpg
import uvloop
from aiohttp import web

POOL = 32


async def answer(request: web.Request) -> web.Response:
    """Read the form, say OK."""
    form = await request.post()
    return web.Response(text=f"OK {form['id']}")


def make_inserting(pool: "asyncpg.Pool") -> "web.RequestHandler":
    """Return a handler that inserts one row a request and says OK after its commit."""

    async def insert(request: web.Request) -> web.Response:
        form = await request.post()
        await pool.execute(
            "INSERT INTO bare (id, sender, text) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            form["id"],
            form["from"],
            form["text"],
        )
        return web.Response(text=f"OK {form['id']}")

    return insert


async def serve(port: int, database_url: str) -> None:
    """Serve until killed; with a database URL, one INSERT a request."""
    app = web.Application()
    handler = answer
    if database_url:
        pool = await asyncpg.create_pool(database_url, min_size=4, max_size=POOL)
        await pool.execute(
            "CREATE TABLE IF NOT EXISTS bare (id text PRIMARY KEY, sender text, text text)"
        )
        handler = make_inserting(pool)
    app.router.add_post("/channels/sms", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), "".join(sys.argv[2:])))
