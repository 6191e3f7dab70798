"""A registry through the partner's folder of a daemon, against a plain COPY of the same lines."""

import asyncio
import datetime as dt
import statistics
import time
from pathlib import Path

import asyncpg

from bench.servers import our_daemon
from ingest.embedded import EmbeddedPostgres
from ingest.records import READING_COLUMNS

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


async def compare_registry(folder: Path, lines: int, rounds: int) -> None:
    """Load as many lines in turn by COPY and by the daemon, into the same tables."""
    copies, ours = [], []
    async with our_daemon(folder) as daemon:
        server = EmbeddedPostgres(daemon.state)
        url = await server.start()
        for turn in range(rounds):
            copies.append(lines / await time_copy(url, lines, turn))
            ours.append(lines / await time_daemon(daemon.state / "partner", lines, turn))
        peak = daemon.read_memory("VmHWM")
        await server.stop()
    ratio = statistics.median(a / b for a, b in zip(ours, copies, strict=True))
    print(f"\nRegistry of {lines:,} lines, 3 % of them bad, with its result file")
    print(f"  plain COPY  {statistics.median(copies):>9,.0f} lines/s")
    print(f"  ours        {statistics.median(ours):>9,.0f} lines/s  peak {peak:,.0f} MB")
    print(f"  ours / COPY throughput {ratio:5.2f}")


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


async def time_daemon(partner: Path, lines: int, turn: int) -> float:
    """Return the seconds from a file's arrival to its results; 0.1 of them the file must settle."""
    part = partner / "in" / f"{turn}.part"
    part.write_text("".join(make_line(number, lines, turn) for number in range(lines)))
    result = partner / "out" / f"{turn}.csv.result.csv"
    started = time.perf_counter()
    part.rename(part.with_suffix(".csv"))
    async with asyncio.timeout(600):
        while not result.exists():  # noqa: ASYNC110 -- another process makes it
            await asyncio.sleep(0.01)
    return time.perf_counter() - started
