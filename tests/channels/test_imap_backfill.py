"""``ingest backfill``: going through a folder again brings in what was missed, and nothing else."""

import asyncio
import datetime as dt
import json

import pytest
from click.testing import CliRunner
from harness import a_mail
from imap_script import Script
from imap_world import CONFIG, ENVIRON, Readers, World

from ingest.cli import main

ARRIVED = dt.datetime(2026, 11, 23, 20, 0, tzinfo=dt.UTC)
"""Early on the 24th in Krasnoyarsk."""
DAY = dt.timedelta(days=1)
SINCE = ("--since", "2026-11-24")


def a_numbered_mail(number):
    """Return a mail with a reading of an account of its own."""
    return a_mail(f"{123456789000 + number}*5467;", message_id=f"<{number}@example.com>")


@pytest.fixture
async def sinks(a_config, open_intake):
    """Return the real sinks."""
    return await open_intake(a_config(CONFIG.format(port=1, timeout=5), ENVIRON))


@pytest.fixture
async def world(a_config, sinks):
    """Return a mailbox with three mails: too old, the first of the day, and later."""
    async with World(a_config, sinks).open() as opened:
        for number, at in enumerate((ARRIVED - DAY, ARRIVED, ARRIVED + DAY)):
            await opened.server.put(a_numbered_mail(number), at=at)
        yield opened


@pytest.fixture
def backfill(database_url):
    """Return what runs the command, in a thread."""

    async def backfill(readers, *arguments, status=0):
        environ = ENVIRON | {"INGEST_DATABASE_URL": database_url}
        words = ["--config", str(readers.config.path), "backfill", *arguments]
        result = await asyncio.to_thread(CliRunner().invoke, main, words, env=environ)
        assert status == result.exit_code, result.output
        return result.output if status else result.stdout

    return backfill


async def fetch(store, sql):
    """Return the first column of a statement's rows."""
    async with store._pool.acquire() as connection:
        return [row[0] for row in await connection.fetch(sql)]


async def test_what_was_missed_is_taken(world, store, backfill):
    """Mails of these days are judged by when they arrived, answered and put away; no others."""
    output = await backfill(world, "box", *SINCE)
    assert "2 mails since 2026-11-24: 2 new, 0 known before" in output
    found = await fetch(store, "SELECT received_at FROM messages ORDER BY id")
    assert [ARRIVED, ARRIVED + DAY] == found
    assert 2 == len(await fetch(store, "SELECT id FROM outbox"))
    assert [1, 2] == [len(await world.server.list(one)) for one in ("INBOX", "processed")]


async def test_again_it_changes_nothing(world, store, backfill):
    """Another run, over where the mails lie now, finds all known, and moves nothing."""
    await backfill(world, "box", *SINCE)
    before = await fetch(store, "SELECT row_to_json(one)::text FROM messages AS one ORDER BY id")
    output = await backfill(world, "box", *SINCE, "--folder", "processed", "--json")
    assert {"found": 2, "taken": 0, "again": 2, "held": 0, "unread": 0, "gone": 0} == json.loads(
        output
    )
    after = await fetch(store, "SELECT row_to_json(one)::text FROM messages AS one ORDER BY id")
    assert (before, 2) == (after, len(await world.server.list("processed")))


async def test_while_the_daemon_reads(world, store, backfill):
    """It may run beside the daemon: each mail is judged once, whoever is quicker."""
    for number in range(3, 100):
        await world.server.put(a_numbered_mail(number), at=ARRIVED)
    world.start()
    await backfill(world, "box", *SINCE)
    await world.told.until(world.is_empty)
    assert 100 == len(await fetch(store, "SELECT id FROM messages"))
    assert 100 == len(await fetch(store, "SELECT id FROM outbox"))


async def test_a_mail_that_is_kept_back(a_config, sinks, store, backfill):
    """A mail that the server does not give is counted, and the others are taken."""
    script = Script(*(a_numbered_mail(number) for number in range(3)))
    usual = script._fetch
    script._fetch = lambda command, uid: (
        b"" if (command, uid) == ("fetch", 2) else usual(command, uid)
    )
    async with script.open():
        readers = Readers(a_config, sinks, script.port)
        output = json.loads(await backfill(readers, "box", *SINCE, "--json"))
    assert (3, 2, 1) == (output["found"], output["taken"], output["unread"])
    assert 2 == len(await fetch(store, "SELECT id FROM messages"))


async def test_numbered_anew_on_the_way(a_config, sinks, store, backfill):
    """When the server numbers its mails anew meanwhile that is said: they are not those found."""
    script = Script(*(a_numbered_mail(number) for number in range(3)))
    usual = script._answer
    script._answer = lambda rest, tag: usual(rest, tag).replace(
        b"UIDVALIDITY 7", b"UIDVALIDITY %d" % (7 + script.commands.count("fetch"))
    )
    script._fetch = lambda command, uid, usual=script._fetch: (
        b"" if (command, uid) == ("fetch", 2) else usual(command, uid)
    )
    async with script.open():
        readers = Readers(a_config, sinks, script.port)
        assert "numbered its mails anew" in await backfill(readers, "box", *SINCE, status=1)


async def test_an_empty_folder(world, backfill):
    """Where there is nothing, nothing is done."""
    output = await backfill(world, "box", "--since", "2026-12-24")
    assert output.startswith("0 mails")


@pytest.mark.parametrize(
    ("arguments", "status", "expected"),
    [
        pytest.param(("mail", *SINCE), 2, "wanted one of: box", id="no such channel"),
        pytest.param(("box",), 2, "--since", id="no day"),
        pytest.param(("box", "--since", "yesterday"), 2, "yesterday", id="no date"),
        pytest.param(("box", *SINCE, "--folder", "a\r\nb"), 2, "--folder", id="a command"),
        pytest.param(("box", *SINCE, "--folder", "nowhere"), 1, "refuses", id="no such folder"),
    ],
)
async def test_what_cannot_be(world, backfill, arguments, status, expected):
    """A mistake is one clear line."""
    assert expected in await backfill(world, *arguments, status=status)


async def test_check_looks_into_the_mailbox(world, database_url):
    """``ingest check --online`` logs in to mailboxes, and says what keeps it from that."""

    async def check():
        environ = ENVIRON | {"INGEST_DATABASE_URL": database_url}
        words = ["--config", str(world.config.path), "check", "--online"]
        return await asyncio.to_thread(CliRunner().invoke, main, words, env=environ)

    good = await check()
    await world.server.set_password("another")
    bad = await check()
    assert (0, 1) == (good.exit_code, bad.exit_code)
    assert "channels.box: the mailbox opens" in good.output
    assert "channels.box: the server does not let energy in" in bad.output
