"""The IMAP channel over years: restarts, servers with habits of their own, folders that change."""

import asyncio
import contextlib
import functools
import re

import pytest
from harness import a_mail
from imap_script import CAPABILITY, CLOSE, STALL, Script
from imap_world import CONFIG, ENVIRON, POLL, Readers, Told
from structlog.testing import capture_logs

from ingest.channels.imap.batches import CRASHES
from ingest.channels.imap.channel import Pace
from ingest.channels.imap.shelves import MOST_BREAKS
from ingest.errors import TransientError

ONE = a_mail("123456789012*5467;", message_id="<1@example.com>")
OTHER = a_mail("123456789013*77;", message_id="<2@example.com>")
THIRD = a_mail("123456789014*8;", message_id="<3@example.com>")
LARGE = (
    b"From: ivanov@example.com\r\nMessage-ID: <5@example.com>\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n123456789012*5467;\r\n"
    b"--b\r\nContent-Type: image/png\r\n\r\n" + b"x\r\n" * 700_000 + b"--b--\r\n"
)
QUESTION = a_mail("Когда включат свет?", message_id="<4@example.com>")


@pytest.fixture
async def sinks(a_config, open_intake):
    """Return the real sinks."""
    return await open_intake(a_config(CONFIG.format(port=1, timeout=5), ENVIRON))


@pytest.fixture
async def open_readers(a_config, sinks):
    """Return what serves a scripted mailbox and yields its readers, none of which reads yet."""

    @contextlib.asynccontextmanager
    async def open_readers(script, **options):
        readers = Readers(a_config, sinks, script.port, **options)
        async with script.open():
            try:
                yield readers
            finally:
                await readers.stop()

    return open_readers


async def fetch(store, sql):
    """Return the rows of a statement as tuples."""
    async with store._pool.acquire() as connection:
        return [tuple(row) for row in await connection.fetch(sql)]


async def list_verdicts(store):
    """Return what the messages came to, in order."""
    return [one for [one] in await fetch(store, "SELECT reason FROM messages ORDER BY id")]


def override(script, command, answer):
    """Let *answer* take the place of whatever the server would do at a command: it is not done."""
    usual = script._answer
    pattern = re.compile(command)

    def say(rest, tag):
        return answer.replace(b"TAG", tag) if pattern.search(rest) else usual(rest, tag)

    script._answer = say
    return lambda: setattr(script, "_answer", usual)


async def stop_when(readers, holds, **ports):
    """Run a daemon of its own until *holds*, then end it in order, as a deployment does."""
    told = Told()
    running = asyncio.create_task(readers.make(**ports).run(told))
    try:
        await told.until(holds)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def stir_at(script, told, command):
    """Wake whoever waits for *told* when the server hears a command; return whether it has."""
    script.commands.clear()
    script.on_command = lambda _command: told._stirred.set()
    return lambda: command in script.commands


# Restarts


async def restart_often(readers, script, command):
    """Start and end daemons, each in the middle of a command that gets no answer."""
    for _ in range(2 * CRASHES[1]):
        script.commands.clear()
        running = asyncio.create_task(readers.make().run(Told()))
        heard = asyncio.Event()
        script.on_command = lambda said, heard=heard: heard.set() if said == command else None
        async with asyncio.timeout(10):
            await heard.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_restarts_are_no_crashes(open_readers, store):
    """However often a daemon is ended in order in its first batch, no mail is blamed for it."""
    script = Script(ONE, OTHER)
    back = override(script, rb"BODY.PEEK\[\]", STALL)
    async with open_readers(script) as readers:
        await restart_often(readers, script, "fetch")
        assert [(0,)] == await fetch(store, "SELECT attempts FROM bookmarks")
        back()
        readers.start()
        await readers.told.until(lambda: not script.inbox)
    assert ["accepted", "accepted"] == await list_verdicts(store)


async def test_a_server_that_fails_is_no_crash(open_readers, store):
    """What a server or a database that is away interrupts is no attempt that a mail has ended."""
    script = Script(ONE)
    back = override(script, rb"BODY.PEEK\[\]", CLOSE)
    async with open_readers(script) as readers:
        for _ in range(2 * CRASHES[1]):
            with pytest.raises(TransientError):
                await readers.make().run(Told())
        assert [(0,)] == await fetch(store, "SELECT attempts FROM bookmarks")
        back()
        readers.start()
        await readers.told.until(lambda: not script.inbox)
    assert ["accepted"] == await list_verdicts(store)


# One that is in the way of others


async def test_a_mail_that_cannot_even_be_asked_about(open_readers, store):
    """A mail at whose size the server breaks off is passed unread, and the others are judged."""
    script = Script(ONE, OTHER, THIRD)
    override(script, rb"FETCH (\S+,)?2(,\S+)? .*RFC822.SIZE", CLOSE)
    async with open_readers(script) as readers:
        readers.start()
        await readers.told.until(lambda: not script.inbox)
    assert [(1, "processed"), (2, "review"), (3, "processed")] == script.moved
    assert ["accepted", "failed", "accepted"] == await list_verdicts(store)


@pytest.mark.parametrize("answer", [CLOSE, STALL], ids=["breaks off", "is silent"])
async def test_a_move_that_breaks_the_connection(open_readers, store, answer):
    """A server that breaks off at each move does not keep the mails behind from being judged."""
    mails = [
        a_mail(f"{123456789000 + number}*1;", message_id=f"<{number}@x.example>")
        for number in range(250)
    ]
    script = Script(*mails)
    override(script, rb"MOVE", answer)
    with capture_logs() as logs:
        async with open_readers(script, timeout=0.3) as readers:
            readers.start()
            await readers.told.until(functools.partial(has_reached, store, len(mails)))
    assert ["accepted"] * len(mails) == await list_verdicts(store)
    assert 1 == sum(one["event"] == "mails.unmoved" for one in logs)
    assert MOST_BREAKS == script.commands.count("move")


async def has_reached(store, number):
    """Tell whether the bookmark is at a number."""
    return [(number,)] == await fetch(store, "SELECT position FROM bookmarks")


async def test_one_folder_of_two_refuses(open_readers):
    """A folder that takes no mails is mentioned once, though the other one takes them."""
    script = Script(*(ONE, QUESTION) * 100)
    override(script, rb'MOVE .*"?review', b"TAG NO over quota\r\n")
    with capture_logs() as logs:
        async with open_readers(script) as readers:
            readers.start()
            await readers.told.until(lambda: 100 == len(script.moved))
            script.inbox[201] = ONE
            await readers.told.until(lambda: 101 == len(script.moved))
    events = [one["event"] for one in logs if one["event"].startswith("mails.")]
    assert ["mails.unmoved"] == events


# Servers with habits


async def test_news_all_the_time(open_readers, store):
    """A server that announces mail at every IDLE, and has none, is not asked without a pause."""
    script = Script()
    script.answers = {"idle": b"+ idling\r\n* 3 EXISTS\r\n"}
    pace = Pace(breath=3600)
    async with open_readers(script) as readers:
        readers.start(readers.make(pace=pace))
        await readers.told.until(stir_at(script, readers.told, "idle"))
        await readers.told.until(lambda: script.commands[-1:] == ["search"])
        for _ in range(100):
            await fetch(store, "SELECT 1")
        assert 1 == script.commands.count("idle")


async def test_a_folder_that_may_only_be_read(open_readers, store):
    """Where nothing may be changed mails are judged all the same; they stay, which is told."""
    script = Script(ONE, OTHER)
    opened = script._answer(b"SELECT", b"TAG").replace(b"WRITE", b"ONLY")
    override(script, rb"SELECT|EXAMINE", opened.replace(b"TAG OK", b"TAG OK [READ-ONLY]"))
    override(script, rb"MOVE", b"TAG NO read-only\r\n")
    with capture_logs() as logs:
        async with open_readers(script) as readers:
            readers.start()
            await readers.told.until(functools.partial(has_reached, store, 2))
    assert (["up"], ["accepted"] * 2) == (readers.told.said, await list_verdicts(store))
    assert "mails.unmoved" in {one["event"] for one in logs}


async def test_numbered_anew_while_we_read(open_readers, store):
    """A server that changes UIDVALIDITY under an open session is noticed at the next look."""
    script = Script(ONE, OTHER)
    async with open_readers(script) as readers:
        readers.start()
        await readers.told.until(lambda: not script.inbox)
        usual = script._answer
        script._answer = functools.partial(number_anew, usual)
        script.inbox[1] = THIRD
        await readers.told.until(lambda: not script.inbox)
    assert ["accepted"] * 3 == await list_verdicts(store)


def number_anew(usual, rest, tag):
    """Answer as before, but with another UIDVALIDITY, which is mentioned at every look."""
    news = b"* OK [UIDVALIDITY 8] anew\r\n" if b"NOOP" in rest else b""
    return news + usual(rest, tag).replace(b"UIDVALIDITY 7", b"UIDVALIDITY 8")


async def test_a_large_mail_without_a_size(open_readers, store):
    """A mail whose size the server does not say may be as large as any; its time is kept."""
    script = Script(LARGE)
    usual = script._fetch
    script._fetch = lambda command, uid: re.sub(rb"RFC822.SIZE \d+ ", b"", usual(command, uid))
    async with open_readers(script) as readers:
        readers.start()
        await readers.told.until(lambda: not script.inbox)
    found = await fetch(store, "SELECT reason, received_at < now() - interval '1h' FROM messages")
    assert [("accepted", True)] == found


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"TAG NO not now\r\n", id="NO"),
        pytest.param(b"TAG BAD what?\r\n", id="BAD"),
        pytest.param(b"TAG OK done\r\n", id="nothing"),
        pytest.param(b"* NAMESPACE NIL NIL NIL\r\nTAG OK done\r\n", id="none"),
    ],
)
async def test_a_server_that_has_no_word_for_namespaces(open_readers, answer):
    """A server that offers namespaces and then knows none is asked for folders as others are."""
    script = Script(ONE, capability=CAPABILITY + b" NAMESPACE")
    script.answers = {"namespace": answer}
    async with open_readers(script) as readers:
        readers.start()
        await readers.told.until(lambda: not script.inbox)
    assert ["up"] == readers.told.said


# Folders


async def test_mails_are_not_moved_to_where_they_are(open_readers):
    """A folder that turns out to be that of arrival is an error; mails would go round for ever."""
    script = Script(ONE, capability=CAPABILITY + b" NAMESPACE")
    script.answers = {
        "namespace": b'* NAMESPACE (("INBOX." ".")) NIL NIL\r\nTAG OK done\r\n',
        "list": b'* LIST () "." INBOX\r\n* LIST () "." INBOX.Readings\r\nTAG OK done\r\n',
    }
    changes = {POLL: f'{POLL}\nfolder = "Readings"\nprocessed = "INBOX/readings"'}
    async with open_readers(script, changes=changes) as readers:
        readers.start()
        await readers.told.until(lambda: readers.told.problems)
    assert "wanted another folder" in readers.told.problems[0]
    assert "move" not in script.commands


async def test_another_mailbox_in_its_place(open_readers, store):
    """A mailbox that is read instead of another one is read from its start."""
    async with open_readers(Script(ONE)) as readers:
        await stop_when(readers, functools.partial(has_reached, store, 1))
    script = Script(OTHER, THIRD)
    changes = {'username = "energy"': 'username = "others"'}
    async with open_readers(script, changes=changes) as readers:
        readers.start()
        await readers.told.until(lambda: not script.inbox)
    assert ["accepted"] * 3 == await list_verdicts(store)
