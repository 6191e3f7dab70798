"""A mailbox in Dovecot that the daemon reads, whatever happens to server, network and mailbox."""

import asyncio
import datetime as dt

import pytest
from harness import a_mail, find_ports, send_mail, stop_at_once, until
from ledger import fetch
from system.dovecot import PASSWORD, Dovecot
from system.mailbox import CUSTOMER, OURS, PROCESSED, REVIEW, Mailbox
from system.postfix import Postfix

from ingest.embedded import open_server as start_again

READABLE = "123456789012*5467;"
TAKEN_OVER_WITHIN = 60


@pytest.fixture
async def postfix(postfix_is_here, open_server, dovecot):
    """The Postfix by which mails come into Dovecot's mailboxes, ours and the customer's."""
    [port] = find_ports(1)
    routes = {"example.org": dovecot.lmtp_port, "example.com": dovecot.lmtp_port}
    return await open_server(Postfix, port, routes)


@pytest.fixture
def mailbox(dovecot, database_url, town):
    """The mailbox."""
    dovecot.add_user(OURS)
    return Mailbox(dovecot, database_url, town)


@pytest.fixture
def make_reader(make_daemon):
    """Return a maker of daemons that read a mailbox, not running yet."""

    def make(mailbox, *, security="none", name="daemon", relay=None):
        port = relay or mailbox.town.relay
        daemon = make_daemon(mailbox.url, port, mailbox.configure(security), name)
        (daemon.folder / "password").write_text(PASSWORD)
        return daemon

    return make


@pytest.fixture
async def reader(make_reader, mailbox):
    """A daemon that reads the mailbox."""
    daemon = make_reader(mailbox)
    await daemon.start()
    return daemon


def count_events(daemon, event):
    """Return how often the daemon has logged an event."""
    return daemon.log.read_text().count(f'"event": "{event}"')


# The whole road


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
async def test_the_customer_reads_our_reply(make_reader, mailbox, postfix, security):
    """A mail through Postfix into the mailbox is judged, answered by Postfix, and moved away."""
    daemon = make_reader(mailbox, security=security, relay=postfix.port)
    await daemon.start()
    content = a_mail(READABLE, f"{CUSTOMER}@example.com", "<one@example.com>")
    await send_mail(postfix.port, content, f"{CUSTOMER}@example.com")
    [reply] = await until(lambda: mailbox.read(CUSTOMER))
    assert ("<>", "<one@example.com>") == (reply["Return-Path"], reply["In-Reply-To"])
    assert "5467 кВт·ч по лицевому счёту 123456789012 принято" in reply.get_content()
    [moved] = await until(lambda: mailbox.read(OURS, PROCESSED))
    assert ("<one@example.com>", []) == (moved["Message-ID"], await mailbox.read(OURS))
    assert 0 == await daemon.stop()


async def test_a_mail_for_a_person(reader, mailbox):
    """A mail without a reading lies in the folder that a person looks into, and is answered."""
    await mailbox.dovecot.deliver(OURS, a_mail("Здравствуйте! Когда включат свет?"))
    [held] = await until(lambda: mailbox.read(OURS, REVIEW))
    [reply] = await until(lambda: mailbox.replies)
    assert held["Message-ID"] == reply["In-Reply-To"]
    assert [] == await mailbox.read(OURS)


async def test_when_a_mail_reached_the_mailbox(make_reader, mailbox):
    """What counts is when the server got the mail, not when an outage of ours was over."""
    at = dt.datetime(2025, 11, 24, 5, 0, tzinfo=dt.UTC)
    with mailbox.dovecot.open_client(OURS) as client:
        client.append("INBOX", a_mail(READABLE), msg_time=at)
    daemon = make_reader(mailbox)
    await daemon.start()
    [row] = await until(lambda: fetch(mailbox.url, "SELECT received_at FROM messages"))
    assert at == row["received_at"]


# The server goes away, and comes back


async def test_a_server_that_is_restarted(reader, mailbox):
    """Dovecot restarts while mails come in: the daemon finds back by itself, and says so once."""
    await mailbox.write(20)
    await mailbox.dovecot.restart()
    await mailbox.write(20)
    await mailbox.check()


async def test_sessions_that_are_killed(reader, mailbox):
    """
    The daemon's connection is cut again and again while it works: judged once, moved once.

    It is let come up in between: who is cut off before that waits longer and longer.
    """
    for cuts in range(1, 6):
        await mailbox.write(20)
        await until(mailbox.dovecot.kill_sessions)
        await until(lambda cuts=cuts: cuts == count_events(reader, "channel.restored"))
    await mailbox.check()


async def test_a_server_that_stands_still(reader, mailbox):
    """A server that answers nothing any more is noticed, logged once, and found again."""
    await mailbox.write()
    await mailbox.until_done()
    mailbox.dovecot.freeze()
    await until(lambda: count_events(reader, "channel.lost"))
    mailbox.dovecot.thaw()
    await until(lambda: count_events(reader, "channel.restored"))
    await mailbox.write()
    await mailbox.check()
    assert (1, 1) == tuple(count_events(reader, f"channel.{one}") for one in ("lost", "restored"))


async def test_a_password_that_is_wrong(make_reader, mailbox):
    """A refused password is logged, and tried again until it is right; the mails wait."""
    mailbox.dovecot.add_user(OURS, "wrong-horse")
    daemon = make_reader(mailbox)
    await daemon.start()
    await mailbox.write(3)
    await until(lambda: count_events(daemon, "channel.lost"))
    mailbox.dovecot.add_user(OURS, PASSWORD)
    await mailbox.check()
    assert PASSWORD not in daemon.log.read_text()


# The mailbox changes under our hands


async def test_a_mailbox_that_is_numbered_anew(reader, mailbox):
    """After a change of UIDVALIDITY everything is gone through again, and nothing counts twice."""
    await mailbox.write(5)
    await mailbox.until_done()
    await reader.stop()
    await mailbox.write(5)
    await mailbox.administer("move", "INBOX", "mailbox", PROCESSED, "all")
    await mailbox.administer("mailbox update --uid-validity 42", "INBOX")
    await reader.start()
    await mailbox.check()


async def test_other_readers_of_the_mailbox(make_reader, mailbox):
    """What a person has read or marked is judged all the same; what he took away is his."""
    await mailbox.write(6)
    await mailbox.administer(r"flags add \Seen", "mailbox", "INBOX", "1:3")
    await mailbox.administer(r"flags add \Flagged", "mailbox", "INBOX", "4")
    await mailbox.administer("mailbox create", "taken")
    await mailbox.administer("move", "taken", "mailbox", "INBOX", "6")
    mailbox.written.remove("<6@example.com>")
    daemon = make_reader(mailbox)
    await daemon.start()
    await mailbox.check()


async def test_a_mail_that_is_put_back(reader, mailbox):
    """A mail that a person puts back is moved away again, and neither judged nor answered twice."""
    await mailbox.write(3)
    await mailbox.until_done()
    await mailbox.administer("move", "INBOX", "mailbox", PROCESSED, "all")
    await mailbox.check()


async def test_a_server_without_move(open_server, make_reader, town, database_url):
    """Where the server knows neither MOVE nor UIDPLUS mails are judged once all the same."""
    dovecot = await open_server(Dovecot, "imap_capability = IMAP4rev1 IDLE")
    dovecot.add_user(OURS)
    mailbox = Mailbox(dovecot, database_url, town)
    await make_reader(mailbox).start()
    await mailbox.write(5)
    sql = "SELECT 1 FROM readings WHERE counts"
    await until(lambda: has_rows(database_url, sql, 5))
    await until(lambda: has_moved(mailbox, 5))
    assert await has_rows(database_url, "SELECT 1 FROM outbox", 5)


async def has_rows(url, sql, count):
    """Tell whether a query has so many rows."""
    return count == len(await fetch(url, sql))


async def has_moved(mailbox, count):
    """Tell whether so many mails have been put away."""
    return count == len(await mailbox.read(OURS, PROCESSED))


# We go away, and come back


@pytest.mark.slow
async def test_a_daemon_that_is_killed(make_reader, mailbox):
    """
    Killed in the middle of its work, it is followed by the one that stood by; no mail counts twice.

    A letter that was being handed over goes out again: nobody knows whether it had gone.
    """
    reader, waiting = (make_reader(mailbox, name=name) for name in ("reader", "waiting"))
    await reader.start()
    await mailbox.write()
    await mailbox.until_done()
    await waiting.start()
    await until(lambda: count_events(waiting, "mailbox.standby"))
    await mailbox.write(100)
    await until(lambda: has_judged(mailbox, 10))
    await reader.kill()
    await mailbox.until_done(TAKEN_OVER_WITHIN)
    await mailbox.check(copies=True)


async def has_judged(mailbox, count):
    """Tell whether at least so many mails are judged."""
    return count <= len(await fetch(mailbox.url, "SELECT 1 FROM messages"))


async def test_a_database_that_is_away(make_reader, dovecot, town, own_server):
    """While PostgreSQL is away mails stay in the mailbox; then each is judged once."""
    url, data = own_server
    dovecot.add_user(OURS)
    mailbox = Mailbox(dovecot, url, town)
    daemon = make_reader(mailbox)
    await daemon.start()
    await stop_at_once(data)
    await mailbox.write(20)
    await until(lambda: count_events(daemon, "database.lost"))
    assert 20 == len(await mailbox.read(OURS))
    await asyncio.to_thread(start_again, data)
    await mailbox.check()
