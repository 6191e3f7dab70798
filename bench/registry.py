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

BAD = (3, 47, 71)
"""Which of a hundred lines are bad."""
WAYS = (
    b"%s;\n",
    b"%s;12x\n",
    b"%s;-5\n",
    b"1%s;5\n",
    b"%s\n",
    b"%s;5\xff\n",
    b"%s;12345678901\n",
)
"""No value, no number, a minus, an account of 13 digits, one cell, no UTF-8, too many digits."""
SPREAD = 7_919
"""Coprime to the number of accounts: lines come in no order."""


def make_line(number: int, lines: int, salt: int) -> bytes:
    """Return a line, of an account that no other *salt* has; three in a hundred are bad."""
    account = b"%012d" % (salt * lines + number * SPREAD % lines)
    if number % 100 in BAD:
        return WAYS[number // 100 % len(WAYS)] % account
    return b"%s;%d\n" % (account, (number * 31 + salt) % 100_000)


async def compare_registry(folder: Path, lines: int, rounds: int) -> None:
    """Load as many lines in turn by COPY and by the daemon, into the same tables."""
    copies, ours, times = [], [], []
    async with our_daemon(folder) as daemon:
        server = EmbeddedPostgres(daemon.state)
        url = await server.start()
        for turn in range(rounds):
            copies.append(lines / await time_copy(url, lines, turn))
            times.append(await time_daemon(daemon.state / "partner", lines, turn))
            ours.append(lines / times[-1])
        peak = daemon.read_memory("VmHWM")
        await server.stop()
    ratio = statistics.median(a / b for a, b in zip(ours, copies, strict=True))
    print(f"\nRegistry of {lines:,} lines, 3 % of them bad in seven ways, with its result file")
    print(f"  plain COPY  {statistics.median(copies):>9,.0f} lines/s")
    print(f"  ours        {statistics.median(ours):>9,.0f} lines/s  peak {peak:,.0f} MB")
    print(f"  ours / COPY throughput {ratio:5.2f}")
    print(f"  from the file's arrival to its result {statistics.median(times):,.1f} s")


async def time_copy(url: str, lines: int, turn: int) -> float:
    """Return the seconds of a COPY of *lines* readings, sorted, into the same table and indexes."""
    connection = await asyncpg.connect(url)
    message_id = await connection.fetchval(
        "INSERT INTO messages (channel, external_id, receipt, kind, state, received_at, sender, "
        "recipient, media_type, raw, text, remainder, finding, reply, problem) VALUES "
        "('copy', $1, $1, 'registry', 'open', now(), '', '', '', '', '', '', '', '', '') "
        "RETURNING id",
        f"copy-{turn}",
    )
    now = dt.datetime.now(dt.UTC)
    period = dt.date(1000 + turn, 1, 1)
    records = [
        (message_id, number, 1, f"{number:012}", number % 100_000, None, "accept", "accepted",
         True, period, None, now, f"{number:012};{number % 100_000}")
        for number in range(lines)
    ]  # fmt: skip
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
    with part.open("wb") as file:
        file.writelines(make_line(number, lines, turn) for number in range(lines))
    result = partner / "out" / f"{turn}.csv.result.csv"
    started = time.perf_counter()
    part.rename(part.with_suffix(".csv"))
    async with asyncio.timeout(600):
        while not result.exists():  # noqa: ASYNC110 -- another process makes it
            await asyncio.sleep(0.01)
    return time.perf_counter() - started
