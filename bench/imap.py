"""A mailbox full of mails: judged, recorded and moved, against a loop that fetches and moves."""

import asyncio
import sys
import time
from pathlib import Path

import asyncpg
from imapclient import IMAPClient

from bench.dovecot import PASSWORD, fill_mailbox, find_dovecot, run_dovecot
from bench.servers import our_daemon, run_process
from ingest.embedded import EmbeddedPostgres

AT_ONCE = 50
LONGEST = 1800
"""Seconds."""

MAILBOX = """
[channels.mailbox]
type = "imap"
window = "always"
host = "127.0.0.1"
port = {port}
security = "none"
username = "ours"
addresses = ["ours@example.org"]
password = {{ file = "password" }}
"""


async def compare_mailboxes(folder: Path, mails: int) -> None:
    """Empty two mailboxes with the same mails, one after the other."""
    print(f"\nMailbox of {mails:,} mails of 4 to 30 KB")
    if not find_dovecot():
        print("  left out: Dovecot is not installed (apt-get install dovecot-imapd)")
        return
    server = folder / "dovecot"
    for user in ("bare", "ours"):
        await asyncio.to_thread(fill_mailbox, server, user, mails)
    async with run_dovecot(server) as port:
        bare = mails / await time_bare(port)
        seconds, peak = await time_ours(folder, port, mails)
    ours = mails / seconds
    print(f"  fetch and move {bare:>9,.0f} mails/s")
    print(f"  ours           {ours:>9,.0f} mails/s  peak {peak:,.0f} MB")
    print(f"  ours / bare    throughput {ours / bare:5.2f}")


async def time_bare(port: int) -> float:
    """Return the seconds of the loop, in a process of its own."""
    async with run_process("-m", "bench.imap", str(port)) as process:
        started = time.perf_counter()
        await process.wait()
        return time.perf_counter() - started


def empty_mailbox(port: int) -> None:
    """Fetch and move all mails by fifty; look at none of them."""
    with IMAPClient("127.0.0.1", port, ssl=False) as client:
        client.login("bare", PASSWORD)
        client.create_folder("processed")
        client.select_folder("INBOX")
        uids = client.search()
        for index in range(0, len(uids), AT_ONCE):
            batch = uids[index : index + AT_ONCE]
            client.fetch(batch, ["BODY.PEEK[]"])
            client.move(batch, "processed")


async def time_ours(folder: Path, port: int, mails: int) -> tuple[float, float]:
    """Return the seconds from the daemon's start to the last mail's move, and its peak in MB."""
    (folder / "password").write_text(PASSWORD)
    async with our_daemon(folder):
        pass  # makes the database
    started = time.perf_counter()
    async with our_daemon(folder, MAILBOX.format(port=port)) as daemon:
        server = EmbeddedPostgres(daemon.state)
        connection = await asyncpg.connect(await server.start())
        async with asyncio.timeout(LONGEST):
            while mails != await connection.fetchval("SELECT max(position) FROM bookmarks"):  # noqa: ASYNC110 -- another process moves it
                await asyncio.sleep(0.02)
        seconds = time.perf_counter() - started
        counted = await connection.fetchval("SELECT count(*) FROM readings WHERE counts")
        owed = await connection.fetchval("SELECT count(*) FROM outbox")
        print(f"  {counted:,} readings count, {owed:,} replies are owed")
        await connection.close()
        await server.stop()
        return seconds, daemon.read_memory("VmHWM")


if __name__ == "__main__":
    empty_mailbox(int(sys.argv[1]))
