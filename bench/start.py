"""How soon a daemon is ready when its database is there, and what memory it takes idle."""

import statistics
from pathlib import Path

from bench.servers import our_daemon


async def measure_start(folder: Path, rounds: int) -> None:
    """Start the daemon so often; the first time, which makes the database, does not count."""
    async with our_daemon(folder):
        pass
    seconds, memory = [], []
    for _ in range(rounds):
        async with our_daemon(folder) as ours:
            seconds.append(ours.started_in)
            memory.append(ours.read_memory("VmRSS"))
    print("\nStart of the daemon, its database there but not running")
    print(f"  ready after {statistics.median(seconds):9.2f} s  idle {max(memory):,.0f} MB")
