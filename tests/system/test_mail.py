"""Mail on its whole road: the customer's server, Postfix, the daemon, Postfix, his mailbox."""

import asyncio
import email
import email.policy

from harness import a_mail, find_ports, send_mail, stop_at_once, until
from ledger import fetch
from system.links import Forgetful
from system.postfix import Postfix

from ingest.embedded import open_server as start_again

CUSTOMER = "ivanov"


async def write(postfix, text, number=1):
    """Send a mail as the customer does."""
    content = a_mail(text, f"{CUSTOMER}@example.com", f"<{number}@example.com>")
    return await send_mail(postfix.port, content, f"{CUSTOMER}@example.com")


async def read_replies(dovecot, count):
    """Wait until the customer finds so many mails; return them parsed."""

    async def list_enough():
        mails = await dovecot.list_mails(CUSTOMER)
        return mails if len(mails) >= count else None

    mails = await until(list_enough)
    return [email.message_from_bytes(one, policy=email.policy.default) for one in mails]


async def list_readings(url):
    """Return what counts."""
    rows = await fetch(url, "SELECT account, value FROM readings WHERE counts ORDER BY account")
    return [(row["account"], row["value"]) for row in rows]


async def test_the_customer_reads_our_reply(open_road, dovecot, database_url):
    """A mail through Postfix is committed once; the reply lies in the customer's own mailbox."""
    postfix, daemon = await open_road(database_url)
    await daemon.start()
    await write(postfix, "123456789012*5467;")
    [reply] = await read_replies(dovecot, 1)
    assert ("<>", "<1@example.com>") == (reply["Return-Path"], reply["In-Reply-To"])
    assert "5467 кВт·ч по лицевому счёту 123456789012 принято" in reply.get_content()
    assert [("123456789012", 5467)] == await list_readings(database_url)
    assert 0 == await daemon.stop()
    assert [] == await postfix.list_queue()


async def test_an_answer_that_is_lost(make_daemon, open_server, dovecot, database_url):
    """Postfix brings a mail again whose 250 it never saw: judged once, answered once."""
    [relay] = find_ports(1)
    daemon = make_daemon(database_url, relay)
    await daemon.start()
    async with Forgetful(daemon.smtp, b" received as ").open() as link:
        routes = {"energy@example.org": link.port, "example.com": dovecot.lmtp_port}
        postfix = await open_server(Postfix, relay, routes)
        await write(postfix, "123456789012*5467;")
        await until(lambda: link.has_cut and is_empty(postfix))
    assert ["<1@example.com>"] == [one["In-Reply-To"] for one in await read_replies(dovecot, 1)]
    [row] = await fetch(database_url, "SELECT count(*) AS messages FROM messages")
    assert 1 == row["messages"]


async def is_empty(postfix):
    """Tell whether nothing waits in the queue."""
    return not await postfix.list_queue()


async def has_waiting(postfix, why):
    """Tell whether a mail waits in the queue for this reason."""
    return any(why in reason for reason in await postfix.list_queue())


async def test_a_daemon_that_is_down(open_road, dovecot, database_url):
    """Postfix keeps the mail while the daemon is down and brings it when it is back."""
    postfix, daemon = await open_road(database_url)
    await write(postfix, "123456789012*5467;")
    await until(lambda: has_waiting(postfix, "Connection refused"))
    await daemon.start()
    [reply] = await read_replies(dovecot, 1)
    assert "<1@example.com>" == reply["In-Reply-To"]
    await until(lambda: is_empty(postfix))
    assert [("123456789012", 5467)] == await list_readings(database_url)


async def test_a_database_that_is_away(open_road, dovecot, own_server):
    """While PostgreSQL is away Postfix hears 451 and keeps the mail: late is not lost."""
    url, data = own_server
    postfix, daemon = await open_road(url)
    await daemon.start()
    await stop_at_once(data)
    await write(postfix, "123456789012*5467;")
    await until(lambda: has_waiting(postfix, "451"))
    await asyncio.to_thread(start_again, data)
    [reply] = await read_replies(dovecot, 1)
    assert "<1@example.com>" == reply["In-Reply-To"]
    await until(lambda: is_empty(postfix))
    assert [("123456789012", 5467)] == await list_readings(url)


async def test_a_customer_whom_nobody_reaches(open_road, database_url):
    """A reply that Postfix refuses is settled as failed, and what was judged stands."""
    postfix, daemon = await open_road(database_url)
    await daemon.start()
    content = a_mail("123456789012*5467;", "petrov@nowhere.example")
    await send_mail(postfix.port, content, "petrov@nowhere.example")
    sql = "SELECT state FROM outbox WHERE settled_at IS NOT NULL"
    [row] = await until(lambda: fetch(database_url, sql))
    assert "failed" == row["state"]
    assert [("123456789012", 5467)] == await list_readings(database_url)
    await until(lambda: is_empty(postfix))
