"""The IMAP channel and what servers and networks do to it: every cut, every lie, every silence."""

import asyncio
import contextlib
import threading

import pytest
from harness import a_mail
from imap_script import CLOSE, STALL, Script
from imap_world import CONFIG, ENVIRON, POLL, Readers, Told, World
from structlog.testing import capture_logs

from ingest.channels.imap.wire import LONGEST_LINE

ONE = a_mail("123456789012*5467;", message_id="<1@example.com>")
OTHER = a_mail("123456789013*77;", message_id="<2@example.com>")
LINES = 24
"""Lines that a client says until it has come to rest, and then some."""


@pytest.fixture
async def sinks(a_config, open_intake):
    """Return the real sinks."""
    return await open_intake(a_config(CONFIG.format(port=1, timeout=5), ENVIRON))


@pytest.fixture
async def read(a_config, sinks):
    """Return what has a scripted mailbox read, until the block ends."""

    @contextlib.asynccontextmanager
    async def read(script, **options):
        readers = Readers(a_config, sinks, script.port, **options)
        async with script.open():
            readers.start()
            try:
                yield readers.told
            finally:
                await readers.stop()

    return read


async def count(store, table):
    """Return how many rows a table has."""
    async with store._pool.acquire() as connection:
        return await connection.fetchval(f"SELECT count(*) FROM {table}")


# The line is cut


async def run_until_cut(world, channel, told):
    """Run a channel until its connection is cut; return False when it came to rest instead."""
    running = asyncio.ensure_future(channel.run(told))
    resting = asyncio.ensure_future(told.until(world.is_empty))
    await asyncio.wait({running, resting}, return_when=asyncio.FIRST_COMPLETED)
    if resting.done():
        await asyncio.wait({running}, timeout=1)
    is_cut = running.done()
    for task in (running, resting):
        task.cancel()
    await asyncio.gather(running, resting, return_exceptions=True)
    return is_cut


@pytest.mark.parametrize("how", ["before", "after"])
@pytest.mark.parametrize("lacks", [(), (b"MOVE", b"IDLE")], ids=["usual", "no MOVE, no IDLE"])
async def test_cut_at_every_command(a_config, sinks, store, how, lacks):
    """
    Whichever command the connection breaks at, every mail is judged once, and none is left behind.

    The n-th connection is cut at its n-th line, before the server hears it or in the middle of what
    it answers; a mail is waiting each time.
    """
    async with World(a_config, sinks).open() as world:
        world.server.offer.lacks = lacks
        world.line.judge = lambda connection, number, _: how if number == connection else "pass"
        channel, told = world.make(), Told()
        for number in range(LINES):
            text, name = f"{123456789000 + number}*1;", f"<{number}@example.com>"
            await world.server.put(a_mail(text, message_id=name))
            assert await run_until_cut(world, channel, told)
        world.line.judge = lambda *_: "pass"
        world.start(channel, told)
        await told.until(world.is_empty)
        tables = ("messages", "readings", "outbox")
        assert [LINES] * 3 == [await count(store, table) for table in tables]
        names = {
            content.partition(b"Message-ID: ")[2][:16]
            for content in await world.server.list("processed")
        }
        assert LINES == len(names)
        assert {b"FETCH", b"MOVE" if not lacks else b"COPY", b"SELECT"} <= {
            line.split()[2 if line.split()[1] == b"UID" else 1]
            for line in world.line.said
            if len(line.split()) > 2
        }


async def test_a_server_that_is_silent(a_config, sinks, store):
    """A server that does not answer any more is noticed, told once, and found again."""
    async with World(a_config, sinks, timeout=0.3).open() as world:
        world.start()
        await world.told.until(lambda: world.told.said)
        world.line.flows.clear()
        await world.told.until(lambda: "lost" in world.told.said)
        await world.server.put(ONE)
        world.line.flows.set()
        await world.told.until(world.is_empty)
        assert ["up", "lost", "up"] == world.told.said
        assert 1 == await count(store, "messages")


async def test_a_server_that_is_restarted(a_config, sinks, store):
    """A server that ends and comes back is found again."""
    async with World(a_config, sinks).open() as world:
        world.start()
        await world.told.until(lambda: world.told.said)
        await world.server.stop()
        await world.told.until(lambda: "lost" in world.told.said)
        await world.server.start()
        await world.server.put(ONE)
        await world.told.until(world.is_empty)
        assert (["up", "lost", "up"], 1) == (world.told.said, await count(store, "messages"))


# The server says no


REFUSALS = ("select", "search", "survey", "noop", "capability", "list")


@pytest.mark.parametrize("answer", [b"TAG NO not now\r\n", b"TAG BAD what?\r\n"], ids=["NO", "BAD"])
@pytest.mark.parametrize("command", REFUSALS)
async def test_no_at_a_command(read, store, command, answer):
    """What a server refuses for once is tried again from the start, and nothing is lost."""
    script = Script(ONE, OTHER)
    script.answers, script.times = {command: answer}, 1
    async with read(script) as told:
        await told.until(lambda: not script.inbox)
        await told.until(lambda: told.said[-1:] == ["up"])
    assert ("lost", 2) == (told.said[0], await count(store, "messages"))


@pytest.mark.parametrize("answer", [b"TAG NO not now\r\n", b"TAG BAD what?\r\n"], ids=["NO", "BAD"])
@pytest.mark.parametrize("command", ["create", "subscribe", "namespace", "idle"])
async def test_no_at_a_courtesy(read, store, command, answer):
    """A server may refuse what only makes things nicer."""
    script = Script(ONE, OTHER)
    script.answers = {command: answer}
    async with read(script) as told:
        await told.until(lambda: not script.inbox)
    assert (["up"], 2) == (told.said, await count(store, "messages"))


async def test_mails_that_cannot_be_moved(read, store):
    """Mails that the server will not move are judged, mentioned once, and moved later."""
    script = Script(ONE, OTHER)
    script.answers, script.times = {"move": b"TAG NO over quota\r\n"}, 3
    with capture_logs() as logs:
        async with read(script) as told:
            await told.until(lambda: "mails.moved" in {one["event"] for one in logs})
    assert (["up"], 2, {}) == (told.said, await count(store, "messages"), script.inbox)
    assert 1 == sum(one["event"] == "mails.unmoved" for one in logs)


async def test_a_mail_that_is_gone(read, store):
    """A mail that somebody deletes before it is fetched is passed, whatever the server says."""
    script = Script(ONE, OTHER)
    script.on_command = lambda command: script.inbox.pop(1, None) if command == "fetch" else None
    script.answers, script.times = {"fetch": b"TAG NO some are gone\r\n"}, 1
    async with read(script) as told:
        await told.until(lambda: not script.inbox)
    assert (["up"], 1) == (told.said, await count(store, "messages"))


async def test_a_mail_that_is_kept_back(read, store):
    """A mail that is there and is never given is held unread in the end, and others are taken."""
    script = Script(ONE, OTHER)
    usual = script._fetch
    script._fetch = lambda command, uid: (
        b"" if (command, uid) == ("fetch", 1) else usual(command, uid)
    )
    async with read(script) as told:
        await told.until(lambda: not script.inbox)
    assert [(1, "review"), (2, "processed")] == script.moved
    assert 2 == await count(store, "messages")


async def test_a_mail_larger_than_the_server_says(read, store):
    """A mail whose true size is over the limit is treated as such, when that comes to light."""
    large = a_mail("123456789012*1;" + "\r\nx" * 5000, message_id="<large@example.com>")
    script = Script(large, OTHER)
    usual = script._fetch

    def understate(command, uid):
        said = usual(command, uid)
        return said.replace(b"SIZE %d" % len(large), b"SIZE 100") if command == "survey" else said

    script._fetch = understate
    async with read(script, changes={POLL: POLL + "\nmax_size = 4000"}) as told:
        await told.until(lambda: not script.inbox)
    assert [(1, "review"), (2, "processed")] == script.moved


# The server lies


LIES = {
    "no greeting": ("greeting", CLOSE),
    "goodbye as a greeting": ("greeting", b"* BYE too many connections\r\n" + CLOSE),
    "a greeting of another kind": ("greeting", b"220 mail.example.com ESMTP\r\n"),
    "an endless line": ("greeting", b"* OK " + b"x" * (2 * LONGEST_LINE)),
    "nothing at all": ("greeting", STALL),
    "not IMAP4": ("capability", b"* CAPABILITY IMAP2\r\nTAG OK done\r\n"),
    "no capability": ("capability", b"TAG OK done\r\n"),
    "capabilities in Russian": (
        "capability",
        "* CAPABILITY IMAP4rev1 ПОИСК\r\nTAG OK done\r\n".encode(),
    ),
    "goodbye at the login": ("login", b"* BYE maintenance\r\n" + CLOSE),
    "half a line": ("login", b"TAG OK do" + CLOSE),
    "another's tag": ("select", b"Z999 OK done\r\n"),
    "folders that are none": ("list", b"* LIST ((((\r\nTAG OK done\r\n"),
    "flags that are no text": ("select", b"* FLAGS (\xff\xfe\r\n* 1 EXISTS\r\n\r\nTAG OK done\r\n"),
    "a number that is none": ("search", b"* SEARCH one two\r\nTAG OK done\r\n"),
    "parentheses without end": ("survey", b"* 1 FETCH " + b"(" * 5000 + b"\r\nTAG OK done\r\n"),
    "two gigabytes": ("fetch", b"* 1 FETCH (UID 1 BODY[] {2147483647}\r\n"),
    "two gigabytes in a size": ("survey", b"* 1 FETCH (UID {2147483647}\r\n"),
    "a literal that ends early": ("fetch", b"* 1 FETCH (UID 1 BODY[] {100}\r\nshort" + CLOSE),
    "a mail with half a field": ("fetch", b"* 1 FETCH (UID 1 BODY[])\r\nTAG OK done\r\n"),
    "a continuation nobody asked for": ("search", b"+ go on\r\n" + CLOSE),
    "goodbye in the middle": ("fetch", b"* BYE shutting down\r\n" + CLOSE),
    "bytes without meaning": ("fetch", bytes(range(256)) * 40),
    "BAD without a tag": ("noop", b"* BAD you are too slow\r\n" + CLOSE),
    "silence": ("search", STALL),
    "silence in a mail": ("fetch", b"* 1 FETCH (UID 1 BODY[] {100}\r\nshor" + STALL),
}


SLIPS = {
    "a size that is none": ("survey", b"* 1 FETCH (UID 1 RFC822.SIZE big)\r\nTAG OK done\r\n"),
    "a date that is none": (
        "survey",
        b"* 1 FETCH (UID 1 RFC822.SIZE 300 INTERNALDATE 7)\r\nTAG OK done\r\n",
    ),
    "nothing": ("survey", b"TAG OK done\r\n"),
    "a mail without a number": ("fetch", b"* 1 FETCH (BODY[] {5}\r\nshort)\r\nTAG OK done\r\n"),
    "a mail that is nothing": ("fetch", b"* 1 FETCH (UID 1 BODY[] NIL)\r\nTAG OK done\r\n"),
    "another mail": ("fetch", b"* 9 FETCH (UID 9 BODY[] {5}\r\nshort)\r\nTAG OK done\r\n"),
    "flags besides": ("fetch", b"* 1 FETCH (FLAGS (\\Seen))\r\n* 1 EXPUNGE\r\nTAG OK done\r\n"),
    "news": ("search", b"* 3 EXISTS\r\n* SEARCH 1 2\r\nTAG OK done\r\n"),
}


@pytest.mark.parametrize(("command", "answer"), SLIPS.values(), ids=SLIPS)
async def test_what_is_overlooked(read, store, command, answer):
    """What is missing in an answer, or too much in it, is asked for again, or passed over."""
    script = Script(ONE, OTHER)
    script.answers, script.times = {command: answer}, 1
    async with read(script) as told:
        await told.until(lambda: not script.inbox)
    assert (["up"], 2) == (told.said, await count(store, "messages"))
    assert [(1, "processed"), (2, "processed")] == script.moved


@pytest.mark.parametrize(("command", "answer"), LIES.values(), ids=LIES)
async def test_what_servers_say(read, store, command, answer):
    """Nonsense ends the connection and nothing else: once the server is well, all is taken."""
    script = Script(ONE, OTHER)
    script.answers, script.times = {command: answer}, 1
    async with read(script, timeout=0.3) as told:
        await told.until(lambda: not script.inbox)
        await told.until(lambda: told.said[-1:] == ["up"])
    assert ("lost", 2) == (told.said[0], await count(store, "messages"))


async def test_no_thread_is_left(read):
    """Threads end with their connections, however those end."""
    script = Script(ONE)
    script.answers, script.times = {"search": b"nonsense\r\n"}, 20
    before = threading.active_count()
    async with read(script) as told:
        await told.until(lambda: not script.inbox)
        assert before + 8 > threading.active_count()


async def test_a_long_mail_is_no_trouble(read, store):
    """A mail of some megabytes comes whole."""
    script = Script(a_mail("123456789012*5467;" + "\r\n" + "x" * 70 + "\r\n" * 60_000))
    async with read(script) as told:
        await told.until(lambda: not script.inbox)
    assert ([(1, "processed")], 1) == (script.moved, await count(store, "messages"))
