"""A journal on a folder of the test's own, and sinks that do as they are told."""

import asyncio
import os
from pathlib import Path

from builders import OPEN_AT, SMS

from ingest.errors import TransientError
from ingest.journal.drain import Drain
from ingest.journal.journal import Journal
from ingest.model import Disposition, Outcome, Reason, Verdict
from ingest.settings import JournalSettings

FREELY = JournalSettings(min_free=1)
"""Tests do not depend on how full the machine's disk is."""


def a_journal(folder: Path, settings=FREELY, sync=os.fsync):
    """Return an open journal beneath *folder*."""
    journal = Journal(SMS, folder / "journal" / SMS, settings, now=lambda: OPEN_AT, sync=sync)
    journal.open()
    return journal


def list_files(folder: Path, suffix=".journal"):
    """Return the files of the journal beneath *folder*, oldest first."""
    return sorted((folder / "journal" / SMS).glob(f"*{suffix}"))


class ScriptedSink:
    """A sink that can be away, hang, or fail on single messages."""

    def __init__(self):
        self.taken = []
        self.tries = 0
        self.is_away = False
        self.poison = set()
        self.gate = asyncio.Event()
        self.gate.set()

    async def receive(self, message):
        self.tries += 1
        await self.gate.wait()
        if self.is_away or message.external_id in self.poison:
            raise TransientError("PostgreSQL is away")
        again = any(message.external_id == one.external_id for one in self.taken)
        if not again:
            self.taken.append(message)
        verdict = Verdict(Disposition.ACCEPT, Reason.ACCEPTED)
        return Outcome("7K4M-2Q9X", verdict, "Принято", again=again)


class Debts:
    """Verdicts that were owed late."""

    def __init__(self):
        self.messages = []

    async def owe(self, message):
        self.messages.append(message)


async def drain(journal, sink, debts=None):
    """Go through the journal until nothing more goes."""
    drainer = Drain(journal, sink, (debts or Debts()).owe)
    while await drainer.try_drain() and journal.messages:
        pass


class Disk:
    """An fsync that fails when told to."""

    def __init__(self):
        self.problem = None
        self.calls = 0

    def sync(self, handle):
        self.calls += 1
        if self.problem is not None:
            raise OSError(self.problem, os.strerror(self.problem))
        os.fsync(handle)
