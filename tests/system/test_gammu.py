"""A text on its whole road: gammu-smsd's telephone, the daemon, and the telephone again."""

import asyncio
import datetime as dt
import sys
import uuid

import asyncpg
import pytest
from harness import stop_at_once, until
from ledger import fetch
from system.configs import GAMMU_CALLS, GAMMU_TABLES, HEAD
from system.gammu import Gammu, create_tables, files_service, tables_service
from system.programs import open_folder

from ingest.embedded import open_server as start_again

NUMBER = "+79031234567"
SENT_AT = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
READING = "Показания 123456789012*5467;"
LONG = "Добрый день! " * 5 + READING
SENT = 'SELECT "DestinationNumber" AS number, "TextDecoded" AS text FROM sentitems'
HOOK = """#!/bin/sh
exec {python} -P -m ingest --config {config} sms --within 2 "$@"
"""


@pytest.fixture
def gammu_is_here():
    """gammu-smsd can be started; else the test is left out."""
    Gammu.find_programs()


async def make_tables(server):
    """Return a database with gammu's tables, beside ours on one server: the names would clash."""
    name = f"smsd_{uuid.uuid4().hex[:16]}"
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    await connection.close()
    url = server.replace("/postgres?", f"/{name}?")
    await create_tables(url)
    return url


def read_tables(url):
    """Return the configuration of a daemon that reads these tables."""
    return HEAD + GAMMU_TABLES.replace("TABLES", url)


async def list_readings(url):
    """Return what counts."""
    rows = await fetch(url, "SELECT account, value FROM readings WHERE counts")
    return [(row["account"], row["value"]) for row in rows]


async def read_sent(url):
    """Wait until the telephone has sent something; return it."""
    rows = await until(lambda: fetch(url, SENT))
    return [(row["number"], row["text"].partition(" Код")[0]) for row in rows]


# Tables


@pytest.fixture
async def tables(gammu_is_here, postgres_url):
    """The tables of a gammu-smsd."""
    return await make_tables(postgres_url)


@pytest.mark.parametrize("text", [READING, LONG], ids=["one part", "two parts"])
async def test_a_text_and_its_reply(make_daemon, open_server, tables, database_url, text):
    """What the telephone receives is judged as one message, and it sends the reply."""
    await make_daemon(database_url, config=read_tables(tables)).start()
    gammu = await open_server(Gammu, tables_service(tables))
    gammu.receive(NUMBER, text, SENT_AT)
    assert [(NUMBER, "Принято 123456789012: 5467 кВт·ч.")] == await read_sent(tables)
    [row] = await fetch(database_url, "SELECT text, sent_at FROM messages")
    assert (text, SENT_AT) == tuple(row)
    assert [("123456789012", 5467)] == await list_readings(database_url)


async def test_a_daemon_that_is_down(make_daemon, open_server, tables, database_url):
    """Texts wait in the inbox while the daemon is down; then each is answered once."""
    gammu = await open_server(Gammu, tables_service(tables))
    for number in (1, 2, 3):
        gammu.receive(f"+7903000000{number}", f"{number:012}*1;", SENT_AT)
    await until(lambda: has_rows(tables, "SELECT 1 FROM inbox", 3))
    daemon = make_daemon(database_url, config=read_tables(tables))
    for _ in range(2):
        await daemon.start()
        await until(lambda: has_rows(tables, SENT, 3))
        await daemon.stop()
    assert 3 == len({number for number, _ in await read_sent(tables)})
    assert [] == await fetch(tables, 'SELECT 1 FROM inbox WHERE NOT "Processed"')


async def has_rows(url, sql, count):
    """Tell whether a query has so many rows."""
    return count == len(await fetch(url, sql))


async def test_a_database_that_is_away(gammu_is_here, make_daemon, open_server, own_server):
    """
    Texts stay in the telephone while PostgreSQL is away, and come in when it is back.

    gammu-smsd 1.42 does not survive that: with a text in hand it dies of it, and whoever started
    it (systemd, here the test) has to start it again. The text is in the telephone still.
    """
    url, data = own_server
    tables = await make_tables(url)
    await make_daemon(url, config=read_tables(tables)).start()
    gammu = await open_server(Gammu, tables_service(tables))
    await stop_at_once(data)
    gammu.receive(NUMBER, READING, SENT_AT)
    await until(lambda: "SQL failed" in gammu.log.read_text(errors="replace"))
    await gammu.stop()
    await asyncio.to_thread(start_again, data)
    await gammu.start()
    assert [(NUMBER, "Принято 123456789012: 5467 кВт·ч.")] == await read_sent(tables)
    assert [("123456789012", 5467)] == await list_readings(url)


# A program that gammu-smsd calls


@pytest.fixture
def open_caller(gammu_is_here, stack, open_server):
    """Return an async opener of a gammu-smsd that calls ``ingest sms`` for each text."""

    async def open_it(daemon):
        folder = stack.enter_context(open_folder("hook"))
        hook = folder / "hook"
        hook.write_text(HOOK.format(python=sys.executable, config=daemon.config))
        hook.chmod(0o755)
        gammu = await open_server(Gammu, files_service(folder, hook))
        return gammu, folder / "in"

    return open_it


@pytest.mark.parametrize("text", [READING, LONG], ids=["one part", "two parts"])
async def test_a_call_for_each_text(make_daemon, open_caller, database_url, town, text):
    """The text is committed when the program that smsd calls has ended."""
    daemon = make_daemon(database_url, config=HEAD + GAMMU_CALLS, gateway=town.gateway)
    await daemon.start()
    gammu, _ = await open_caller(daemon)
    gammu.receive(NUMBER, text, SENT_AT)
    [(number, reply, _)] = await until(lambda: town.texts)
    assert (NUMBER, "Принято 123456789012: 5467 кВт·ч.") == (number, reply.partition(" Код")[0])
    [row] = await fetch(database_url, "SELECT text FROM messages")
    assert text == row["text"]


async def test_a_call_in_vain(make_daemon, open_caller, database_url, town):
    """What no call could hand over lies in the inbox, and is brought in from there, once."""
    daemon = make_daemon(database_url, config=HEAD + GAMMU_CALLS, gateway=town.gateway)
    gammu, inbox = await open_caller(daemon)
    gammu.receive(NUMBER, LONG, SENT_AT)
    await until(lambda: "Process failed" in gammu.log.read_text(errors="replace"))
    await daemon.start()
    await daemon.command("sms", "--inbox", str(inbox))
    assert [] == [*inbox.glob("IN*.txt")]
    [(number, _, _)] = await until(lambda: town.texts)
    assert (NUMBER, [("123456789012", 5467)]) == (number, await list_readings(database_url))
