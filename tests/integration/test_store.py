"""The store: migrations, errors sorted into ours, transactions."""

import asyncio

import asyncpg
import pytest
from conftest import with_database

from ingest.errors import ConfigError, PermanentError, TransientError
from ingest.store import ConflictError, Store, clean, load_migrations, load_queries


async def execute(store, sql):
    async with store.transaction() as transaction:
        await transaction._connection.execute(sql)


async def test_every_query_can_be_prepared(store):
    """Every named statement fits the schema."""
    async with store._pool.acquire() as connection:
        for sql in load_queries().values():
            await connection.prepare(sql)


async def test_migrating_twice_changes_nothing(store):
    """A schema that is up to date is left alone."""
    assert [] == await store.migrate()


async def test_two_processes_migrate_one_after_the_other(postgres_url):
    """Two that start at once on an empty database apply each step once."""
    admin = await asyncpg.connect(postgres_url)
    await admin.execute("CREATE DATABASE empty_for_two")
    stores = [await Store.open(with_database(postgres_url, "empty_for_two")) for _ in "ab"]
    applied = await asyncio.gather(*(one.migrate() for one in stores))
    for one in stores:
        await one.close()
    await admin.execute("DROP DATABASE empty_for_two")
    await admin.close()
    names = [step.name for step in load_migrations()]
    assert sorted([[], names]) == sorted(applied)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param(
            "INSERT INTO migrations (version, name, checksum) VALUES (9999, 'later', '')",
            "does not know",
            id="from a later version",
        ),
        pytest.param("UPDATE migrations SET checksum = ''", "another text", id="altered"),
    ],
)
async def test_refuses_a_schema_that_is_not_ours(store, sql, expected):
    """A database that this version does not understand is left alone."""
    await execute(store, sql)
    with pytest.raises(ConfigError, match=expected):
        await store.migrate()


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        pytest.param("SELECT 1/0", PermanentError, id="data"),
        pytest.param("INSERT INTO registries VALUES (1, '', 1)", PermanentError, id="integrity"),
        pytest.param("SELECT * FROM nowhere", TransientError, id="our fault is never final"),
        pytest.param("SELECT pg_terminate_backend(pg_backend_pid())", TransientError, id="cut off"),
    ],
)
async def test_sorts_errors(store, sql, expected):
    """What PostgreSQL says becomes one of our three errors."""
    with pytest.raises(expected):
        await execute(store, sql)


async def test_a_unique_key_is_a_conflict(store):
    """Two of the same key: look again."""
    insert = "INSERT INTO migrations (version, name, checksum) VALUES (1, '', '')"
    with pytest.raises(ConflictError):
        await execute(store, insert)


async def test_a_trial_changes_nothing(store):
    """A transaction that is not kept is rolled back."""
    async with store.transaction(keep=False) as transaction:
        await transaction._connection.execute("DELETE FROM migrations")
    async with store._pool.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM migrations") > 0


async def test_read_only_is_away(store):
    """A standby that takes no writes is no place to record anything."""
    await store.ping()
    async with store._pool.acquire() as connection:
        await connection.execute("SET default_transaction_read_only = on")
    with pytest.raises(TransientError, match="read-only"):
        await store.ping()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("postgresql://127.0.0.1:1/x", TransientError, id="nobody listens"),
        pytest.param("postgresql:///x?host=/nonexistent", TransientError, id="no socket"),
    ],
)
async def test_opening_without_a_server(url, expected):
    """A server that does not answer is waited for."""
    with pytest.raises(expected, match="does not answer"):
        await Store.open(url)


async def test_opening_a_database_that_is_not_there(postgres_url):
    """A wrong name is for the operator to put right."""
    with pytest.raises(ConfigError, match=r"database\.url"):
        await Store.open(with_database(postgres_url, "nowhere"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("plain", "plain", id="ASCII"),
        pytest.param("показания", "показания", id="Cyrillic"),
        pytest.param("a\0b", "a\ufffdb", id="NUL"),
        pytest.param("я\0", "я\ufffd", id="NUL after Cyrillic"),
    ],
)
def test_clean(text, expected):
    """Text that PostgreSQL can hold stays as it is."""
    assert expected == clean(text)
