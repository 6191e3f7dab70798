"""Fixtures: a real PostgreSQL with one database per test, configurations, an open intake."""

import asyncio
import collections
import contextlib
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from builders import Sinks, write_config

from ingest.config import Configuration
from ingest.embedded import EmbeddedPostgres
from ingest.intake import Intake
from ingest.policy import build_policies
from ingest.registries import RegistryIntake
from ingest.replies import load_phrasebook
from ingest.store import Store

TEMPLATE = "ingest_template"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """
    One server for the whole run; every worker joins it and the last one stops it.

    It lies outside pytest's folders: another run would close those to the server's own user.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)
    folder = Path(tempfile.gettempdir()) / f"ingest-tests-{run}"
    server = EmbeddedPostgres(folder)
    url = server.start_blocking()
    asyncio.run(relax(url))
    yield url
    if server.stop_blocking():
        shutil.rmtree(folder)


async def relax(url: str) -> None:
    """Trade durability for speed: this server's data are thrown away."""
    connection = await asyncpg.connect(url)
    await connection.execute("ALTER SYSTEM SET fsync = off")
    await connection.execute("ALTER SYSTEM SET full_page_writes = off")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


@pytest.fixture(scope="session")
def template(postgres_url: str) -> str:
    """The name of a migrated database that tests are copied from; one per worker."""
    name = f"{TEMPLATE}_{uuid.uuid4().hex[:12]}"
    asyncio.run(make_template(postgres_url, name))
    return name


async def make_template(postgres_url: str, name: str) -> None:
    """Create and migrate a database."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    store = await Store.open(with_database(postgres_url, name))
    await store.migrate()
    await store.close()


def with_database(url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    return url.replace("/postgres?", f"/{name}?")


@pytest.fixture
async def database_url(postgres_url: str, template: str) -> AsyncIterator[str]:
    """A fresh, migrated database."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield with_database(postgres_url, name)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await connection.close()


@pytest.fixture
def own_server() -> Iterator[tuple[str, Path]]:
    """A server of the test's own, to be treated badly, and the folder of its data."""
    with tempfile.TemporaryDirectory(prefix="ingest-tests-") as folder:
        server = EmbeddedPostgres(Path(folder))
        url = server.start_blocking()
        yield url, Path(folder) / "postgresql"
        server.stop_blocking()


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """A store on the test's database."""
    opened = await Store.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def a_config(tmp_path: Path) -> Callable[..., Configuration]:
    """Return a maker of configurations: TOML text in, state directory in the test's folder."""

    def make(text: str, environ: dict[str, str] | None = None) -> Configuration:
        return write_config(tmp_path, text, environ)

    return make


@pytest.fixture
async def open_intake(store: Store) -> AsyncIterator[Callable[..., object]]:
    """Return an async maker of sinks on the test's database; they close with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(config: Configuration, on: Store = store) -> Sinks:
            policies = build_policies(config)
            intake = Intake(on, policies, load_phrasebook())
            task = asyncio.create_task(intake.run())
            stack.push_async_callback(stop, task)
            return Sinks(intake, RegistryIntake(on, policies), on)

        yield make


async def stop(task: "asyncio.Task[None]") -> None:
    """Cancel a task and wait for its end."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name the real servers that were not there, so that nobody takes them for tried."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = collections.Counter(
        report.longrepr[2].removeprefix("Skipped: ") for report in skipped
    )
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{reason}: {count} tests", yellow=True)
