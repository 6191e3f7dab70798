"""The IMAP channel on a real mailbox and the real sinks: what is taken, kept, moved, repeated."""

import asyncio
import datetime as dt
import functools

import pytest
from harness import a_mail
from imap_world import CONFIG, ENVIRON, LONG_ENOUGH, PASSWORD, POLL, Told, World
from structlog.testing import capture_logs

from ingest.bookmarks import BookmarkStore
from ingest.channels.imap.batches import CRASHES, FAILURES
from ingest.errors import TransientError

OPEN_AT = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
LATER = OPEN_AT + dt.timedelta(days=2)
VACATION = (
    b"From: ivanov@example.com\r\nAuto-Submitted: auto-replied\r\n"
    b"Message-ID: <v@example.com>\r\n\r\nI am away.\r\n"
)

BOUNCE = (
    b"Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example\r\n"
    b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: message/delivery-status\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
    b"Message-ID: <ack.7K4M-2Q9X.17@example.org>\r\n--b--\r\n"
)


def a_numbered_mail(number):
    """Return a mail with a reading of an account of its own."""
    return a_mail(f"{123456789000 + number}*5467;", message_id=f"<{number}@example.com>")


@pytest.fixture
async def make_world(a_config, open_intake):
    """Return a maker of worlds: a mailbox, a line and the real sinks, nobody who reads yet."""
    worlds = []

    async def make(more="", **options):
        """Return a world; *more* are further keys of its channel."""
        config = a_config(CONFIG.format(port=1, timeout=5), ENVIRON)
        world = World(a_config, await open_intake(config), changes={POLL: POLL + more}, **options)
        opened = world.open()
        worlds.append(opened)
        return await opened.__aenter__()

    yield make
    for opened in worlds:
        await opened.__aexit__(None, None, None)


@pytest.fixture
async def world(make_world):
    """The usual one."""
    return await make_world()


async def fetch(store, sql):
    """Return the rows of a statement as tuples."""
    async with store._pool.acquire() as connection:
        return [tuple(row) for row in await connection.fetch(sql)]


async def count_judged(store):
    """Return how many messages, readings that count, and replies there are."""
    [found] = await fetch(
        store,
        "SELECT (SELECT count(*) FROM messages), "
        "(SELECT count(*) FROM readings WHERE counts), (SELECT count(*) FROM outbox)",
    )
    return found


# One mail


async def test_a_mail_is_taken_and_put_away(world, store):
    """A mail is judged by the time at which it came into the mailbox, answered, and moved."""
    world.now = lambda: LATER
    await world.server.put(a_mail("123456789012*5467;"), at=OPEN_AT)
    world.start()
    await world.told.until(world.is_empty)
    found = await fetch(store, "SELECT disposition, received_at, sender, recipient FROM messages")
    assert [("accept", OPEN_AT, "ivanov@example.com", "energy@example.org")] == found
    assert [("ivanov@example.com",)] == await fetch(store, "SELECT address FROM outbox")
    assert 1 == len(await world.server.list("processed"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(a_mail("123456789012*5467;"), ("accept", "processed", 1), id="a reading"),
        pytest.param(a_mail("123456789012*;"), ("reject", "processed", 1), id="rejected"),
        pytest.param(a_mail("Когда включат свет?"), ("hold", "review", 1), id="held"),
        pytest.param(VACATION, ("ignore", "processed", 0), id="automatic"),
        pytest.param(b"Return-Path: <>\r\n" + VACATION, ("ignore", "processed", 0), id="a bounce"),
        pytest.param(b"\0\xff" * 50, ("hold", "review", 0), id="nonsense"),
    ],
)
async def test_where_a_mail_goes(world, store, content, expected):
    """What a person has to look at goes to one folder, everything else to the other."""
    disposition, folder, replies = expected
    await world.server.put(content)
    world.start()
    await world.told.until(world.is_empty)
    assert 1 == len(await world.server.list(folder))
    assert [(disposition,)] == await fetch(store, "SELECT disposition FROM messages")
    assert replies == (await count_judged(store))[2]


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(dt.datetime(1970, 1, 1, tzinfo=dt.UTC), id="a clock that was never set"),
        pytest.param(LATER + dt.timedelta(days=400), id="a clock that runs ahead"),
    ],
)
async def test_a_server_without_the_time(world, store, at):
    """A time of arrival that cannot be is not believed: now is when the mail came."""
    world.now = lambda: LATER
    await world.server.put(a_mail("123456789012*5467;"), at=at)
    world.start()
    await world.told.until(world.is_empty)
    assert [(LATER,)] == await fetch(store, "SELECT received_at FROM messages")


async def test_a_mail_that_is_too_large(make_world, store):
    """Of a mail over the limit only the head is fetched; it is held, and answered."""
    world = await make_world("\nmax_size = 5000")
    await world.server.put(a_mail("123456789012*5467;" + "\r\nx" * 5000))
    await world.server.put(a_numbered_mail(1))
    world.start()
    await world.told.until(world.is_empty)
    found = await fetch(store, "SELECT disposition, reason FROM messages ORDER BY id")
    assert [("hold", "too_large"), ("accept", "accepted")] == found
    assert 2 == (await count_judged(store))[2]
    asked = [line for line in world.line.said if b"BODY.PEEK[]" in line]
    assert 1 == len(asked)
    assert [1, 1] == [len(await world.server.list(one)) for one in ("review", "processed")]


async def test_mails_may_stay_where_they_are(make_world, store):
    """Without folders to move to, mails stay, and are not fetched again after a restart."""
    world = await make_world('\nprocessed = ""\nreview = ""')
    await world.server.put(a_numbered_mail(1))
    for number in (2, 3):
        running = world.start()
        await world.told.until(functools.partial(is_judged, store, number - 1))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await world.server.put(a_numbered_mail(number))
    asked = [line for line in world.line.said if b"BODY.PEEK[]" in line]
    assert (2, 3) == (len(asked), len(await world.server.list()))


async def is_judged(store, number):
    """Tell whether so many messages are recorded."""
    return number == (await count_judged(store))[0]


# Many, and again


async def test_what_waits_is_taken_in_order(world, store):
    """A backlog is taken whole, in the order in which it came."""
    for number in range(130):
        await world.server.put(a_numbered_mail(number))
    world.start()
    await world.told.until(world.is_empty)
    assert (130, 130, 130) == await count_judged(store)
    accounts = await fetch(store, "SELECT account FROM readings ORDER BY message_id")
    assert sorted(accounts) == accounts
    assert 130 == len(await world.server.list("processed"))


@pytest.mark.slow
async def test_thousands_that_wait(world, store):
    """A long backlog is taken while more comes in, and each mail once."""
    for number in range(1000):
        await world.server.put(a_numbered_mail(number))
    world.start()
    for number in range(1000, 2000):
        await world.server.put(a_numbered_mail(number))
    await world.told.until(world.is_empty, within=200)
    assert (2000, 2000, 2000) == await count_judged(store)


async def test_the_last_correction_counts(world, store):
    """Of several mails about one account the one that came last counts, in one batch too."""
    for number, value in enumerate((100, 300, 200)):
        await world.server.put(a_mail(f"123456789012*{value};", message_id=f"<{number}@x.example>"))
    world.start()
    await world.told.until(world.is_empty)
    assert [(200,)] == await fetch(store, "SELECT value FROM readings WHERE counts")


async def test_a_mail_that_comes_while_we_look(world, store):
    """A mail that arrives while others are fetched is not overlooked."""
    arriving = []

    def judge(_connection, _number, line):
        if b"BODY.PEEK[]" in line and not arriving:
            arriving.append(asyncio.ensure_future(world.server.put(a_numbered_mail(2))))
        return "pass"

    world.line.judge = judge
    await world.server.put(a_numbered_mail(1))
    world.start()
    await world.told.until(lambda: is_judged(store, 2))
    await world.told.until(world.is_empty)


async def test_put_back(world, store):
    """A mail that a person puts back is known: it is logged, and not judged or answered again."""
    await world.server.put(a_numbered_mail(1))
    world.start()
    await world.told.until(world.is_empty)
    await world.server.put_back("processed")
    with capture_logs() as logs:
        await world.told.until(world.is_empty)
    [(receipt,)] = await fetch(store, "SELECT receipt FROM messages")
    repeated = [one for one in logs if one["event"] == "message.repeated"]
    assert [("box", receipt)] == [(one["channel"], one["receipt"]) for one in repeated]
    assert (1, 1, 1) == await count_judged(store)


async def test_numbered_anew(world, store):
    """After a change of UIDVALIDITY all is gone through again, and nothing counts twice."""
    for number in range(3):
        await world.server.put(a_numbered_mail(number))
    running = world.start()
    await world.told.until(world.is_empty)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await world.server.put_back("processed")
    await world.server.renumber()
    await world.server.put(a_numbered_mail(3))
    with capture_logs() as logs:
        world.start()
        await world.told.until(world.is_empty)
    assert (4, 4, 4) == await count_judged(store)
    assert "mailbox.renumbered" in {one["event"] for one in logs}


async def test_numbers_that_begin_anew(world, store):
    """A server that begins to count anew without saying so is found out."""
    await world.server.put(a_numbered_mail(1))
    running = world.start()
    await world.told.until(world.is_empty)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await world.server.renumber()
    inbox = await world.server.mailboxes.get_mailbox("INBOX")
    inbox._uid_validity -= 1
    await world.server.put(a_numbered_mail(2))
    world.start()
    await world.told.until(world.is_empty)
    assert (2, 2, 2) == await count_judged(store)


async def test_the_same_bytes_without_a_name(world, store):
    """Mails without Message-ID and Date that are alike to the byte are one on one day only."""
    world.now = lambda: LATER
    content = b"From: meter@example.com\r\n\r\n123456789012*5467;\r\n"
    for at in (OPEN_AT, OPEN_AT, OPEN_AT + dt.timedelta(days=1)):
        await world.server.put(content, at=at)
    world.start()
    await world.told.until(world.is_empty)
    assert 2 == (await count_judged(store))[0]


# What servers can do


@pytest.mark.parametrize(
    "lacks",
    [
        pytest.param((b"MOVE",), id="no MOVE"),
        pytest.param((b"IDLE",), id="no IDLE"),
        pytest.param((b"MOVE", b"UIDPLUS"), id="neither MOVE nor UIDPLUS"),
    ],
)
async def test_a_server_that_can_do_little(world, store, lacks):
    """Without extensions it takes longer, and comes to the same."""
    world.server.offer.lacks = lacks
    for number in range(3):
        await world.server.put(a_numbered_mail(number))
    world.start()
    await world.told.until(lambda: is_judged(store, 3))
    await world.server.put(a_numbered_mail(3))
    await world.told.until(lambda: is_judged(store, 4))
    if b"UIDPLUS" not in lacks:
        await world.told.until(world.is_empty)
    assert (4, 4, 4) == await count_judged(store)
    assert 4 == len(await world.server.list("processed"))
    assert [] == [line for line in world.line.said if line.split()[1:2] == [b"EXPUNGE"]]


async def test_a_folder_that_is_deleted(world):
    """A folder that people delete is made again."""
    await world.server.put(a_numbered_mail(1))
    world.start()
    await world.told.until(world.is_empty)
    await world.server.mailboxes.delete_mailbox("processed")
    await world.server.put(a_numbered_mail(2))
    await world.told.until(world.is_empty)
    assert 1 == len(await world.server.list("processed"))


async def test_names_in_any_alphabet(make_world, store):
    """Folders may be called as their owners like."""
    world = await make_world('\nprocessed = "Показания/Принятые"\nreview = "Разобрать & ответить"')
    await world.server.put(a_numbered_mail(1))
    await world.server.put(a_mail("Когда включат свет?"))
    world.start()
    await world.told.until(world.is_empty)
    names = ("Показания/Принятые", "Разобрать & ответить")
    assert [1, 1] == [len(await world.server.list(one)) for one in names]


# Logging in


async def test_a_password_that_is_refused(world, store):
    """A refused password is told with what to do, never shown, and tried until it is right."""
    await world.server.set_password("another")
    await world.server.put(a_numbered_mail(1))
    world.start()
    await world.told.until(lambda: world.told.problems)
    problem = world.told.problems[0]
    assert "check username, password or oauth" in problem
    assert PASSWORD not in problem
    await world.server.set_password(PASSWORD)
    await world.told.until(world.is_empty)
    assert (1, 1, 1) == await count_judged(store)


# Ours is away


async def test_a_sink_that_refuses(world, store):
    """While nothing can be recorded the mail stays where it is, and nothing moves past it."""

    class Shut:
        """A sink that refuses twice."""

        refusals = 2

        async def receive(self, message):
            if self.refusals:
                self.refusals -= 1
                raise TransientError("PostgreSQL is away")
            return await world.sinks.receive(message)

    await world.server.put(a_numbered_mail(1))
    world.start(world.make(messages=Shut()))
    await world.told.until(world.is_empty)
    assert ((1, 1, 1), 1) == (await count_judged(store), world.line.connections)
    assert "PostgreSQL is away" in world.told.problems


async def test_a_database_that_is_away_at_the_start(world, store):
    """Without the database nobody connects to the mailbox; once it is there, all goes on."""

    class Away(BookmarkStore):
        """Bookmarks that cannot be reached three times."""

        refusals = 3

        async def take_lease(self, name, holder, seconds):
            if self.refusals:
                self.refusals -= 1
                raise TransientError("PostgreSQL is away")
            return await super().take_lease(name, holder, seconds)

    await world.server.put(a_numbered_mail(1))
    world.start(world.make(bookmarks=Away(store)))
    await world.told.until(world.is_empty)
    assert (["lost", "up"], 1) == (world.told.said, world.line.connections)


async def test_a_bounce_of_our_own_reply(world, store):
    """What a bounce says of our reply is recorded with it, before anything moves past it."""

    class Reports:
        """A sink for reports that refuses once."""

        def __init__(self):
            self.taken = []
            self.refusals = 1

        async def record_report(self, report):
            if self.refusals:
                self.refusals -= 1
                raise TransientError("PostgreSQL is away")
            self.taken.append(report)
            return True

    reports = Reports()
    await world.server.put(BOUNCE)
    world.start(world.make(reports=reports))
    await world.told.until(world.is_empty)
    assert [(17, "undelivered")] == [(one.reply_id, one.status) for one in reports.taken]
    assert (1, 0, 0) == await count_judged(store)


# Several daemons


class Mortal(BookmarkStore):
    """The bookmarks of a daemon that dies without a word: it never lets go of a lease."""

    async def drop_lease(self, name, holder):
        return None


async def test_one_reads_at_a_time(world, store):
    """A second daemon waits, is well, and takes over when the first is dead."""
    first = world.start(world.make(bookmarks=Mortal(store)))
    await world.server.put(a_numbered_mail(1))
    await world.told.until(world.is_empty)
    told = Told()
    with capture_logs() as logs:
        world.start(told=told)
        await told.until(lambda: told.said == ["up"])
        first.cancel()
        await world.server.put(a_numbered_mail(2))
        await told.until(world.is_empty)
    assert ["mailbox.standby", "mailbox.taken"] == [
        one["event"] for one in logs if one["event"].startswith("mailbox.")
    ]
    assert ((2, 2, 2), ["up"]) == (await count_judged(store), told.said)


async def test_a_lease_that_is_lost(world, store):
    """Whoever loses the lease stops reading, and says so; it is no outage."""

    class Fickle(BookmarkStore):
        """Bookmarks whose lease goes to somebody else."""

        is_ours = True

        async def take_lease(self, name, holder, seconds):
            return self.is_ours

    bookmarks = Fickle(store)
    with capture_logs() as logs:
        world.start(world.make(bookmarks=bookmarks))
        await world.told.until(lambda: world.told.said)
        bookmarks.is_ours = False
        await world.told.until(lambda: "mailbox.standby" in {one["event"] for one in logs})
        await world.server.put(a_numbered_mail(1))
        bookmarks.is_ours = True
        await world.told.until(world.is_empty)
    assert "lease.lost" in {one["event"] for one in logs}
    assert ["up"] == world.told.said


async def test_two_that_both_read(world, store):
    """Even two that read at the same time, as none should, judge every mail once."""

    class Free(BookmarkStore):
        """Bookmarks that give everybody the lease."""

        async def take_lease(self, name, holder, seconds):
            return True

    for number in range(120):
        await world.server.put(a_numbered_mail(number))
    for _ in range(2):
        world.start(world.make(bookmarks=Free(store)))
    await world.told.until(world.is_empty)
    assert (120, 120, 120) == await count_judged(store)


# Poison


class Crash(BaseException):
    """The end of the process."""


async def crash_on(world, poison, told):
    """Run daemons one after the other, each dying at a certain mail; return how many died."""

    class Deadly:
        """A sink that one mail is the end of, unless it comes without its content."""

        async def receive(self, message):
            if poison in message.raw:
                raise Crash
            return await world.sinks.receive(message)

    for deaths in range(20):
        running = asyncio.ensure_future(world.make(messages=Deadly()).run(told))
        watching = asyncio.ensure_future(told.until(world.is_empty))
        await asyncio.wait({running, watching}, return_when=asyncio.FIRST_COMPLETED)
        watching.cancel()
        if not running.done():
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            return deaths
        assert isinstance(running.exception(), Crash)
    raise AssertionError("it never ends")


async def test_a_mail_that_kills(world, store):
    """A mail that brings the process down each time is found, held unread, and passed."""
    for number in range(60):
        text = "deadly" if number == 30 else f"{123456789000 + number}*1;"
        await world.server.put(a_mail(text, message_id=f"<{number}@example.com>"))
    with capture_logs() as logs:
        deaths = await crash_on(world, b"deadly", world.told)
    assert CRASHES[0] + (CRASHES[1] - CRASHES[0]) >= deaths
    held = await fetch(store, "SELECT disposition, reason FROM messages WHERE disposition = 'hold'")
    assert [("hold", "failed")] == held
    assert (60, 59, 60) == await count_judged(store)
    assert [1, 59] == [len(await world.server.list(one)) for one in ("review", "processed")]
    assert 1 == sum(one["event"] == "mail.abandoned" for one in logs)


async def test_a_mail_that_cannot_be_fetched(world, store):
    """A mail at which the connection always breaks is passed in the end, by its head alone."""
    uids = [await world.server.put(a_numbered_mail(number)) for number in range(5)]

    def judge(_connection, _number, line):
        asked = line.split()
        is_deadly = b"BODY.PEEK[]" in line and str(uids[2]).encode() in asked[3].split(b",")
        return "after" if is_deadly else "pass"

    world.line.judge = judge
    world.start()
    await world.told.until(world.is_empty)
    assert (5, 4, 5) == await count_judged(store)
    assert [1, 4] == [len(await world.server.list(one)) for one in ("review", "processed")]
    assert FAILURES[1] > 2 * FAILURES[0]


# Ending


@pytest.mark.parametrize("flows", [True, False], ids=["at rest", "with a server that is silent"])
async def test_a_stop_is_prompt(world, flows):
    """Whatever the channel waits for, it ends when it is told to."""
    running = world.start()
    await world.told.until(lambda: world.told.said)
    if not flows:
        world.line.flows.clear()
    running.cancel()
    await asyncio.wait({running}, timeout=LONG_ENOUGH)
    assert running.cancelled()
