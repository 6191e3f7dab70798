"""Terminals while PostgreSQL stops, hangs or the daemon is killed: never final, never twice."""

import asyncio
import contextlib
import os
import random
import re
import signal
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from harness import DaemonProcess, Town, stop_at_once, until
from terminal_bench import OSMP, WINDOWS, ask_pay, configure, gather, serve_atm

from ingest.embedded import open_server
from ingest.store import Store

DAEMON = """
[service]
state_dir = "state"
[http]
listen = "127.0.0.1:{http}"
internal = "127.0.0.1:{internal}"
"""
GATE = """
CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN new; END $$;
CREATE TRIGGER gate BEFORE UPDATE ON terminal_operations
FOR EACH ROW EXECUTE FUNCTION wait_at_gate();
"""
KILLS = 5
BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


def read_code(answer):
    """Return the result code of an OSMP answer."""
    return re.search("<result>(.*?)</result>", answer)[1]


@contextlib.asynccontextmanager
async def open_counter(url, a_config, open_intake, lines):
    """Serve a channel on a server that will be treated badly."""
    store = await Store.open(url)
    await store.migrate()
    config = a_config(configure(OSMP, lines))
    sinks = await open_intake(config, store)
    async with serve_atm(config, gather(sinks)) as counter:
        yield counter
    await store.close()


@contextlib.asynccontextmanager
async def connected(url):
    """A connection of the test's own; it may be lost meanwhile."""
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        connection.terminate()


async def is_blocked(connection):
    """Tell whether a statement waits for a lock."""
    return await connection.fetchval(BLOCKED) > 0


async def test_postgresql_stops_in_the_middle_of_a_payment(own_server, a_config, open_intake):
    """The partner hears the code that says «ask again», and then the reading is there once."""
    url, data = own_server
    async with open_counter(url, a_config, open_intake, "deadline = 60") as counter:
        async with connected(url) as other:
            await other.execute("BEGIN; LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
            paying = asyncio.create_task(counter.pay())
            await until(lambda: is_blocked(other))
            await stop_at_once(data)
            assert "1" == read_code(await paying)
        await asyncio.to_thread(open_server, data)
        answer = await until_paid(counter)
        assert answer == await counter.pay()
        async with connected(url) as other:
            assert [1, 1] == [
                await other.fetchval(f"SELECT count(*) FROM {table}")
                for table in ("messages", "terminal_operations")
            ]


async def until_paid(counter):
    """Ask again, as a terminal does, until the answer is final; return it."""
    last = []

    async def is_paid():
        last[:] = [await counter.pay()]
        return "0" == read_code(last[0])

    await until(is_paid)
    return last[0]


def list_processes(data: Path):
    """List the server's processes: the one named in its folder, and its children."""
    parent = int((data / "postmaster.pid").read_text().splitlines()[0])
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [parent, *map(int, children)]


async def test_postgresql_hangs(own_server, a_config, open_intake):
    """It neither answers nor hangs up: the partner has its answer by the deadline all the same."""
    url, data = own_server
    async with open_counter(url, a_config, open_intake, "deadline = 0.5") as counter:
        await counter.pay(1)
        stopped = list_processes(data)
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        try:
            codes = [read_code(await counter.pay(number)) for number in (1, 2, 2)]
        finally:
            for process in stopped:
                os.kill(process, signal.SIGCONT)
        assert ["1", "1", "1"] == codes
        await until_paid(counter)
        assert "0" == read_code(await counter.pay(2))


def make_daemon(folder, url):
    """Return a daemon with nothing but the channel."""
    channel = (
        f'[channels.atm]\ntype = "terminal"\nwindow = "always"\n[channels.atm.dialect]\n{OSMP}'
    )
    text = DAEMON + "".join(WINDOWS + channel).replace("{", "{{").replace("}", "}}")
    return DaemonProcess(folder, url, Town(), config=text)


async def test_killed_between_commit_and_answer(tmp_path, database_url):
    """The reading is committed and nobody was told: the repeat is told of that very reading."""
    daemon = make_daemon(tmp_path, database_url)
    async with connected(database_url) as other, daemon.ended_with_the_block():
        await daemon.start()
        await other.execute(GATE)
        await other.execute("SELECT pg_advisory_lock(4711)")
        paying = asyncio.create_task(pay(daemon.http))
        await until(lambda: is_blocked(other))
        await daemon.kill()
        assert isinstance((await asyncio.gather(paying, return_exceptions=True))[0], Exception)
        receipt = await other.fetchval("SELECT receipt FROM messages")
        await other.execute("SELECT pg_advisory_unlock(4711)")
        await daemon.start()
        answers = {await pay(daemon.http) for _ in range(2)}
        count = await other.fetchval("SELECT count(*) FROM readings WHERE counts")
    [answer] = answers
    assert ("0", True, 1) == (read_code(answer), receipt in answer, count)


class Terminal:
    """Pays again and again, each time until it hears a final code, and once more after that."""

    def __init__(self, daemon, number):
        self.daemon = daemon
        self.number = number
        self.answers = {}
        self.is_ending = False

    async def run(self):
        """Pay one transaction after another."""
        async with aiohttp.ClientSession() as session:
            while not self.is_ending:
                transaction = 10_000 * self.number + len(self.answers)
                heard = self.answers.setdefault(transaction, [])
                while len(heard) < 2:
                    with contextlib.suppress(aiohttp.ClientError):
                        answer = await pay(self.daemon.http, transaction, session)
                        if read_code(answer) == "0":
                            heard.append(answer)
                            continue
                    await asyncio.sleep(0.02)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_killed_at_random_under_load(tmp_path, database_url):
    """Whatever a terminal was told, it is told again, and its reading is there exactly once."""
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    daemon = make_daemon(tmp_path, database_url)
    terminals = [Terminal(daemon, number) for number in range(1, 9)]
    async with connected(database_url) as other, daemon.ended_with_the_block():
        running = [asyncio.create_task(one.run()) for one in terminals]
        for _ in range(KILLS):
            await daemon.start()
            await asyncio.sleep(chance.uniform(0.05, 0.8))
            await daemon.kill()
        await daemon.start()
        for one in terminals:
            one.is_ending = True
        await asyncio.gather(*running)
        counts = await other.fetch("SELECT account, count(*) AS n FROM readings GROUP BY account")
    answers = {number: heard for one in terminals for number, heard in one.answers.items()}
    assert len(answers) > KILLS
    assert {1} == {len(set(heard)) for heard in answers.values()}
    assert {f"{number:012}": 1 for number in answers} == {
        row["account"]: row["n"] for row in counts
    }


async def pay(port, transaction=1, session=None):
    """Pay at a daemon; return the answer, or raise where there was none."""
    query = ask_pay(transaction, account=f"{transaction:012}")
    async with contextlib.AsyncExitStack() as stack:
        session = session or await stack.enter_async_context(aiohttp.ClientSession())
        async with session.get(f"http://127.0.0.1:{port}/channels/atm?{query}") as answer:
            return await answer.text()
