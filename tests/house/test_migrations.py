"""The schema as it stands in one file, and as the migrations make it, are the same."""

import re
from importlib import resources

import asyncpg
import pytest
from conftest import with_database

from ingest.store import load_migrations

CATALOGUE = """
SELECT 'column' AS kind, table_name || '.' || column_name AS name,
    concat_ws(' ', data_type, is_nullable, column_default, identity_generation) AS definition
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'comment', objoid::regclass || '.' || objsubid, description
FROM pg_description WHERE classoid = 'pg_class'::regclass AND objoid IN (
    SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace
)
ORDER BY 1, 2, 3
"""


async def describe(url):
    """Return everything that makes up the schema, but the migrations' own table."""
    connection = await asyncpg.connect(url)
    rows = [tuple(row) for row in await connection.fetch(CATALOGUE)]
    await connection.close()
    return [row for row in rows if "migrations" not in row[1]]


@pytest.fixture
async def schema_url(postgres_url):
    """A database made from ``schema.sql`` alone."""
    admin = await asyncpg.connect(postgres_url)
    await admin.execute("CREATE DATABASE from_schema")
    url = with_database(postgres_url, "from_schema")
    connection = await asyncpg.connect(url)
    await connection.execute((resources.files("ingest") / "sql/schema.sql").read_text("utf-8"))
    await connection.close()
    yield url
    await admin.execute("DROP DATABASE from_schema")
    await admin.close()


async def test_schema_and_migrations_agree(schema_url, database_url):
    """What ``schema.sql`` shows is what the migrations lead to."""
    expected = await describe(schema_url)
    assert len(expected) > 50
    assert expected == await describe(database_url)


def test_migrations_are_numbered_without_a_gap():
    """Steps are 0001, 0002, ... with a name that says what they do."""
    steps = load_migrations()
    assert list(range(1, len(steps) + 1)) == [step.version for step in steps]
    assert all(re.fullmatch(r"[0-9]{4}_[a-z0-9_]+", step.name) for step in steps)


async def test_every_table_says_what_it_is_for(database_url):
    """Each table carries a comment."""
    connection = await asyncpg.connect(database_url)
    silent = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind = 'r' AND obj_description(oid) IS NULL AND relname <> 'migrations'"
    )
    await connection.close()
    assert [] == [row["relname"] for row in silent]
