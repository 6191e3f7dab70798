"""A registry through the partner's folder, against a plain COPY of the same lines."""

import asyncio
import datetime as dt
import resource
import statistics
import time
from pathlib import Path

import asyncpg

from ingest.channels.registry import RegistryChannel
from ingest.config import load_config
from ingest.embedded import EmbeddedPostgres
from ingest.model import ChannelName
from ingest.policy import build_policies
from ingest.records import READING_COLUMNS
from ingest.registries import RegistryIntake
from ingest.store import Store

CONFIG = """
[windows.always]
days = "1..-1"
[channels.partner]
type = "registry"
window = "always"
directory = "partner"
settle = 0.1
poll = 0.1
dialect = { columns = { account = 1, value = 2 } }
"""
BAD_ACCOUNT, *BAD_VALUES = (3, 5, 7)
"""Which of a hundred lines are bad."""
SPREAD = 7_919
"""Coprime to the number of accounts: lines come in no order."""


def make_line(number: int, lines: int, salt: int) -> str:
    """Return a line, of an account that no other *salt* has; three in a hundred are bad."""
    account = f"{salt * lines + number * SPREAD % lines:012}"
    if number % 100 == BAD_ACCOUNT:
        account = account[1:]
    value = "12x" if number % 100 in BAD_VALUES else str((number * 31 + salt) % 100_000)
    return f"{account};{value}\n"


class Ended:
    """Notes when the channel has worked off a file."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.started = asyncio.Event()

    def up(self) -> None:
        """Note that the folders are there."""
        self.started.set()

    def progressed(self) -> None:
        """Note that a file is done."""
        self.event.set()

    def lost(self, problem: str) -> None:
        """Say so: the figure would be wrong."""
        print("lost:", problem)


async def compare_registry(folder: Path, lines: int, rounds: int) -> None:
    """Load as many lines in turn by COPY and by the channel."""
    (folder / "config.toml").write_text(CONFIG)
    config = load_config(folder / "config.toml", {})
    server = EmbeddedPostgres(folder / "registry")
    url = await server.start()
    store = await Store.open(url)
    await store.migrate()
    sink = RegistryIntake(store, build_policies(config))
    channel = RegistryChannel(
        ChannelName("partner"), config.settings.channels["partner"], config, sink
    )
    ended = Ended()
    running = asyncio.create_task(channel.run(ended))
    await ended.started.wait()
    copies, ours = [], []
    for turn in range(rounds):
        copies.append(lines / await time_copy(url, lines, turn))
        ours.append(lines / await time_channel(config.state_dir / "partner", lines, turn, ended))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()
    await server.stop()
    print_registry(lines, copies, ours)


async def time_copy(url: str, lines: int, turn: int) -> float:
    """Return the seconds of a COPY of *lines* readings, sorted, into the same table and indexes."""
    now = dt.datetime.now(dt.UTC)
    period = dt.date(1000 + turn, 1, 1)
    rows = [
        (0, number, 1, f"{number:012}", number % 100_000, None, "accept", "accepted", True,
         period, None, now, f"{number:012};{number % 100_000}")
        for number in range(lines)
    ]  # fmt: skip
    connection = await asyncpg.connect(url)
    message_id = await connection.fetchval(
        "INSERT INTO messages (channel, external_id, receipt, kind, state, received_at, sender, "
        "recipient, media_type, raw, text, remainder, finding, reply, problem) VALUES "
        "('copy', $1, $1, 'registry', 'open', now(), '', '', '', '', '', '', '', '', '') "
        "RETURNING id",
        f"copy-{turn}",
    )
    records = [(message_id, *row[1:]) for row in rows]
    started = time.perf_counter()
    await connection.copy_records_to_table(
        "readings", columns=("message_id", *READING_COLUMNS), records=records
    )
    elapsed = time.perf_counter() - started
    await connection.close()
    return elapsed


async def time_channel(partner: Path, lines: int, turn: int, ended: Ended) -> float:
    """Return the seconds from the file's arrival to its results, less the settling."""
    part = partner / "in" / f"{turn}.part"
    part.write_text("".join(make_line(number, lines, turn) for number in range(lines)))
    ended.event.clear()
    started = time.perf_counter()
    part.rename(part.with_suffix(".csv"))
    result = partner / "out" / f"{turn}.csv.result.csv"
    while not result.exists():
        ended.event.clear()
        await asyncio.wait_for(ended.event.wait(), 600)
    return time.perf_counter() - started


def print_registry(lines: int, copies: list[float], ours: list[float]) -> None:
    """Print medians, and the ratio of rounds that ran one after the other."""
    ratio = statistics.median(a / b for a, b in zip(ours, copies, strict=True))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nRegistry of {lines:,} lines, 3 % of them bad, with its result file")
    print(f"  plain COPY  {statistics.median(copies):>10,.0f} lines/s")
    print(f"  ours        {statistics.median(ours):>10,.0f} lines/s  peak {peak:,.0f} MB (both)")
    print(f"  ours / COPY {ratio:>10.2f}")
