"""Senders that come again until they are acknowledged, and what was acknowledged to them."""

import asyncio
import collections
import contextlib

import aiohttp
import aiosmtplib
import asyncpg
from harness import a_mail, post_text, send_mail

SENDERS = 3
"""Of each kind."""
MAILS_FROM, TEXTS_FROM = 100_000, 500_000
REFUSED = (aiosmtplib.SMTPException, aiohttp.ClientError, OSError, TimeoutError)


class Ledger:
    """What was sent, and what was acknowledged."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.acknowledged = {"mail": set(), "sms": set()}
        self.refusals = collections.Counter()
        self.over = asyncio.Event()

    @contextlib.asynccontextmanager
    async def load(self):
        """Send while the block runs; what is under way at its end is sent until acknowledged."""
        async with aiohttp.ClientSession() as session:
            kinds = (
                ("mail", MAILS_FROM, self.send_mail),
                ("sms", TEXTS_FROM, lambda number: self.send_text(session, number)),
            )
            tasks = [
                asyncio.create_task(self.send_on(kind, base + first, send))
                for first in range(SENDERS)
                for kind, base, send in kinds
            ]
            try:
                yield
            finally:
                self.over.set()
                await asyncio.gather(*tasks)

    async def send_on(self, kind, number, send):
        """Send one item after the other, each again until it is acknowledged, until it is over."""
        while not self.over.is_set():
            try:
                is_taken = await send(number)
            except REFUSED as error:
                self.refusals[getattr(error, "code", type(error).__name__)] += 1
                is_taken = False
            if is_taken:
                self.acknowledged[kind].add(account_of(number))
                number += SENDERS
            await asyncio.sleep(0.01)

    async def send_mail(self, number):
        """Send the mail with this number, always the same."""
        text = f"{account_of(number)}*{number % 9999};"
        content = a_mail(text, message_id=f"<{number}@example.com>")
        return await send_mail(self.daemon.smtp, content, sender=f"c{number}@example.com")

    async def send_text(self, session, number):
        """Send the text with this number, always the same."""
        text = f"{account_of(number)}*7;"
        status, _ = await post_text(session, self.daemon.http, number, text)
        if status != 200:
            self.refusals[status] += 1
        return status == 200

    @property
    def promised(self):
        """Every account whose item was acknowledged."""
        return self.acknowledged["mail"] | self.acknowledged["sms"]


def account_of(number):
    """Return the account that an item is about; each has its own."""
    return f"{number:012}"


async def fetch(url, sql):
    """Return the rows of a query."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(sql)
    await connection.close()
    return rows


async def nothing_is_owed(url):
    """Tell whether every reply has been settled."""
    return not await fetch(url, "SELECT 1 FROM outbox WHERE state IN ('due', 'sending') LIMIT 1")


async def check_readings(url, expected):
    """Everything promised is recorded, everything recorded is there once, and counts."""
    rows = await fetch(url, "SELECT account, counts FROM readings")
    counts = collections.Counter(row["account"] for row in rows)
    assert set() == expected - set(counts)
    assert {1} == set(counts.values())
    assert all(row["counts"] for row in rows)


async def check_replies(url, town):
    """Every reply owed was sent."""
    owed = await fetch(url, "SELECT channel, receipt, state FROM outbox")
    assert {"sent"} == {row["state"] for row in owed}
    texts = {text[-9:] for _, text, _ in town.texts}
    letters = b"".join(content for _, content in town.mails).decode("utf-8", "replace")
    assert set() == {row["receipt"] for row in owed if row["channel"] == "sms"} - texts
    missing = [row for row in owed if row["channel"] == "mail" and row["receipt"] not in letters]
    assert [] == missing
