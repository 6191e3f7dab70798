"""Killed at random moments under load: what was promised is there, exactly once."""

import asyncio
import random

import pytest
from harness import DaemonProcess, Town, until
from ledger import Ledger, check_readings, check_replies, nothing_is_owed

KILLS = 10
LINES = 20_000
REGISTRY_FROM = 900_000_000_000


def write_registry(partner):
    """Drop a registry whose accounts are nobody else's."""
    lines = "".join(f"{REGISTRY_FROM + n};{n % 9999}\n" for n in range(LINES))
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


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_nothing_acknowledged_is_lost_or_doubled(tmp_path, database_url):
    """Ten kills under a load of mails, texts and a registry: everything is there exactly once."""
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    async with Town().open() as town:
        daemon = DaemonProcess(tmp_path, database_url, town, chunk_lines=100)
        ledger = Ledger(daemon)
        write_registry(daemon.partner)
        async with daemon.ended_with_the_block(), ledger.load():
            await kill_again_and_again(daemon, [chance.uniform(0.1, 1.2) for _ in range(KILLS)])
            await until((daemon.partner / "out" / "big.csv.result.csv").exists, within=60)
        await daemon.start()
        async with daemon.ended_with_the_block():
            await until(lambda: nothing_is_owed(database_url), within=60)
        assert 0 == daemon.process.returncode
    print({kind: len(done) for kind, done in ledger.acknowledged.items()}, ledger.refusals)
    assert min(len(done) for done in ledger.acknowledged.values()) > KILLS
    registry = {str(REGISTRY_FROM + n) for n in range(LINES)}
    await check_readings(database_url, ledger.promised | registry)
    await check_replies(database_url, town)
