"""Killed at random moments under load: what was promised is there, exactly once."""

import asyncio
import collections
import contextlib
import random

import aiohttp
import aiosmtplib
import asyncpg
import pytest
from harness import DaemonProcess, Town, a_mail, post_text, send_mail, until

KILLS = 10
LINES = 20_000
SENDERS = 3
REFUSED = (aiosmtplib.SMTPException, aiohttp.ClientError, OSError, TimeoutError)


class Ledger:
    """What was sent, and what was acknowledged."""

    def __init__(self):
        self.acknowledged = {"mail": set(), "sms": set()}
        self.over = asyncio.Event()

    async def send_on(self, kind, first, send):
        """Send one item after the other, each again until it is acknowledged, until it is over."""
        number = first
        while not self.over.is_set():
            with contextlib.suppress(*REFUSED):
                if await send(number):
                    self.acknowledged[kind].add(account_of(number))
                    number += SENDERS
            await asyncio.sleep(0.01)


def account_of(number):
    """Return the account that an item is about; each has its own."""
    return f"{number:012}"


async def mail_one(daemon, number):
    content = a_mail(f"{account_of(number)}*{number % 9999};", message_id=f"<{number}@example.com>")
    return await send_mail(daemon.smtp, content, sender=f"c{number}@example.com")


async def text_one(daemon, session, number):
    status, _ = await post_text(session, daemon.http, number, f"{account_of(number)}*7;")
    return status == 200


def write_registry(partner):
    """Drop a registry whose accounts are nobody else's."""
    lines = "".join(f"{900_000_000_000 + n};{n % 9999}\n" for n in range(LINES))
    (partner / "in").mkdir(parents=True, exist_ok=True)
    (partner / "in" / "big.tmp").write_text(lines)
    (partner / "in" / "big.tmp").rename(partner / "in" / "big.csv")


async def kill_again_and_again(daemon, moments):
    """Start and kill the daemon, then start it for good."""
    for moment in moments:
        await daemon.start()
        await asyncio.sleep(moment)
        await daemon.kill()
    await daemon.start()


async def fetch(url, sql):
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(sql)
    await connection.close()
    return rows


async def nothing_is_owed(url):
    return not await fetch(url, "SELECT 1 FROM outbox WHERE state IN ('due', 'sending') LIMIT 1")


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_nothing_acknowledged_is_lost_or_doubled(tmp_path, database_url):
    """Ten kills under a load of mails, texts and a registry: everything is there exactly once."""
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    ledger = Ledger()
    async with Town().open() as town, aiohttp.ClientSession() as session:
        daemon = DaemonProcess(tmp_path, database_url, town, chunk_lines=100)
        write_registry(daemon.partner)
        tasks = [
            asyncio.create_task(ledger.send_on(kind, base + first, send))
            for first in range(SENDERS)
            for kind, base, send in (
                ("mail", 100_000, lambda n: mail_one(daemon, n)),
                ("sms", 500_000, lambda n: text_one(daemon, session, n)),
            )
        ]
        try:
            await kill_again_and_again(daemon, [chance.uniform(0.1, 1.2) for _ in range(KILLS)])
            await until((daemon.partner / "out" / "big.csv.result.csv").exists, within=60)
            ledger.over.set()
            await asyncio.gather(*tasks)
            await until(lambda: nothing_is_owed(database_url), within=60)
            assert 0 == await daemon.stop()
        finally:
            ledger.over.set()
            await asyncio.gather(*tasks)
            if daemon.process.returncode is None:
                await daemon.kill()
    await check_ledger(ledger, town, database_url)


async def check_ledger(ledger, town, database_url):
    """Compare what was promised with what is recorded and what was answered."""
    rows = await fetch(database_url, "SELECT account, counts FROM readings")
    counts = collections.Counter(row["account"] for row in rows)
    promised = ledger.acknowledged["mail"] | ledger.acknowledged["sms"]
    registry = {str(900_000_000_000 + n) for n in range(LINES)}
    print({kind: len(done) for kind, done in ledger.acknowledged.items()}, len(town.texts))
    assert min(len(done) for done in ledger.acknowledged.values()) > KILLS
    assert set() == (promised | registry) - set(counts)
    assert {1} == set(counts.values())
    assert all(row["counts"] for row in rows)
    await check_replies(town, database_url)


async def check_replies(town, database_url):
    """Every reply owed was sent; one that was tried twice carries the same key or Message-ID."""
    owed = await fetch(database_url, "SELECT channel, receipt, state FROM outbox")
    assert {"sent"} == {row["state"] for row in owed}
    texts = {text[-9:] for _, text, _ in town.texts}
    letters = b"".join(content for _, content in town.mails).decode("utf-8", "replace")
    assert set() == {row["receipt"] for row in owed if row["channel"] == "sms"} - texts
    missing = [row for row in owed if row["channel"] == "mail" and row["receipt"] not in letters]
    assert [] == missing
