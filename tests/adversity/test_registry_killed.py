"""A registry whose daemon is killed on the way: the same totals, the same answer."""

import asyncpg
import pytest
from harness import DaemonProcess, Town, until

LINES = 6_000
CHUNK = 50
FROM = 800_000_000_000
BAD = 100
"""Of so many lines one is bad, in three ways by turns."""
MOMENTS = (LINES // 6, LINES // 2)
"""Lines of which the last are just being recorded when the daemon is killed."""
REACHED = "SELECT lines FROM registries"
STALL = """
CREATE OR REPLACE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.lines < {lines} AND NEW.lines >= {lines} THEN
        PERFORM pg_advisory_xact_lock(42);
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER stall AFTER UPDATE ON registries FOR EACH ROW EXECUTE FUNCTION stall();
"""


def make_line(number):
    """Return a line; the same for a number whenever it is asked for."""
    if number % BAD:
        return f"{FROM + number};{number % 9999}\n"
    return (f"{number};1\n", f"{FROM + number};\n", f"{FROM + number};1o\n")[number // BAD % 3]


def drop(partner, name):
    """Put the registry under a name of its own."""
    (partner / "in").mkdir(parents=True, exist_ok=True)
    part = partner / "in" / f"{name}.part"
    part.write_text("".join(map(make_line, range(LINES))))
    part.rename(partner / "in" / name)


async def ask(url, query):
    """Return the one row that *query* finds."""
    connection = await asyncpg.connect(url)
    try:
        return tuple(await connection.fetchrow(query))
    finally:
        await connection.close()


async def count(url):
    """Return lines recorded, those that count, the sum of these, and registries."""
    return await ask(
        url,
        "SELECT count(*), count(*) FILTER (WHERE counts), sum(value) FILTER (WHERE counts), "
        "(SELECT count(*) FROM registries) FROM readings",
    )


async def kill_at(daemon, url, lines):
    """Kill the daemon after a chunk was written and before it is committed."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(STALL.format(lines=lines))
        await connection.execute("SELECT pg_advisory_lock(42)")
        await daemon.start()
        query = "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        await until(lambda: connection.fetchval(query))
        await daemon.kill()
        await connection.execute("SELECT pg_advisory_unlock(42)")
    finally:
        await connection.close()


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_killed_twice_and_sent_again(tmp_path, database_url):
    """It goes on at the chunk reached; under another name it is the same file."""
    good = [number for number in range(LINES) if number % BAD]
    expected = (LINES, len(good), sum(number % 9999 for number in good), 1)
    async with Town().open() as town:
        daemon = DaemonProcess(tmp_path, database_url, town, chunk_lines=CHUNK)
        drop(daemon.partner, "first.csv")
        for lines in MOMENTS:
            await kill_at(daemon, database_url, lines)
            assert (lines - CHUNK,) == await ask(database_url, REACHED)
        await daemon.start()
        async with daemon.ended_with_the_block():
            await until((daemon.partner / "done" / "first.csv").exists, within=90)
            assert expected == await count(database_url)
            drop(daemon.partner, "second.csv")
            await until((daemon.partner / "done" / "second.csv").exists)
    assert expected == await count(database_url)
    answers = [daemon.partner / "out" / f"{name}.csv.result.csv" for name in ("first", "second")]
    assert answers[0].read_bytes() == answers[1].read_bytes()
