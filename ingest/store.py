"""
The only module that speaks SQL; every statement has a name in ``sql/queries.sql``.

Errors of PostgreSQL leave it as one of three: ConflictError (somebody was quicker: look again),
PermanentError (this data will never go in), TransientError (anything else: not now).
"""

import asyncio
import contextlib
import hashlib
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from importlib import resources
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from msgspec import Struct

from ingest.errors import ConfigError, PermanentError, TransientError
from ingest.faults import explain_fault
from ingest.log import get_logger

log = get_logger()

MIGRATION_LOCK = 7_264_538_117
"""Key of the advisory lock under which one process at a time migrates."""

Row = asyncpg.Record
NAMED = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)
SQL = resources.files("ingest") / "sql"
QUERIES = "queries.sql"
"""The statements on our own tables; those on somebody else's stand in a file of their own."""

CONNECT_WITHIN = 10
"""Seconds."""
NO_SOCKET = "PostgreSQL's socket is not there: it does not run"


class ConflictError(TransientError):
    """Another process wrote the same at the same time; look again, then decide again."""


class Migration(Struct, frozen=True):
    """One numbered step of the schema."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """A digest by which an altered step is noticed."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_queries(file: str = QUERIES) -> dict[str, str]:
    """Return the statements of a file in ``sql/`` by name."""
    return dict(NAMED.findall((SQL / file).read_text("utf-8")))


def load_migrations() -> list[Migration]:
    """Return the steps of the schema in order; their numbers leave no gap."""
    files = sorted((SQL / "migrations").iterdir(), key=lambda file: file.name)
    return [
        Migration(int(file.name[:4]), file.name.removesuffix(".sql"), file.read_text("utf-8"))
        for file in files
        if file.name.endswith(".sql")
    ]


class Transaction:
    """A transaction under way; it commits when its block ends without an error."""

    def __init__(
        self,
        connection: "PoolConnectionProxy[Row]",
        queries: dict[str, str],
        time_limit: float | None = None,
    ) -> None:
        self._connection = connection
        self._queries = queries
        self._time_limit = time_limit

    async def fetch(self, name: str, *arguments: object) -> list[Row]:
        """Run the statement *name* and return its rows."""
        return await self._connection.fetch(
            self._queries[name], *arguments, timeout=self._time_limit
        )

    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Append *rows* to *table*; by far the fastest way in."""
        await self._connection.copy_records_to_table(table, columns=columns, records=rows)


class Store:
    """The connections to one PostgreSQL."""

    def __init__(self, pool: "asyncpg.Pool[Row]", queries: str = QUERIES) -> None:
        self._pool = pool
        self._queries = load_queries(queries)

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        password: str = "",
        connections: int = 6,
        statement_timeout: float = 30,
        queries: str = QUERIES,
    ) -> "Store":
        """Connect; raises TransientError without an answer, ConfigError when turned away."""
        settings = {
            "application_name": "ingest",
            "timezone": "UTC",
            "jit": "off",
            # Few statements, run very often: planning one anew costs as much as running it. A plan
            # made while a table was empty must still serve when it is large.
            "plan_cache_mode": "force_generic_plan",
            "enable_seqscan": "off",
            "statement_timeout": str(int(statement_timeout * 1000)),
            "idle_in_transaction_session_timeout": str(int(statement_timeout * 2000)),
        }
        # Each outage is logged once, by whoever notices; the pool would add a traceback a second.
        logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
        try:
            pool = await asyncpg.create_pool(
                url,
                password=password or None,
                min_size=1,
                max_size=connections,
                timeout=CONNECT_WITHIN,
                command_timeout=statement_timeout + 5,
                reset=keep_session,
                server_settings=settings,
            )
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError,
                ValueError) as error:  # fmt: skip
            raise ConfigError(f"database.url: PostgreSQL refuses the connection: {error}") from None
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            problem = describe(error, CONNECT_WITHIN).removeprefix("PostgreSQL: ")
            raise TransientError(f"PostgreSQL does not answer: {problem}") from error
        return cls(pool, queries)

    async def close(self) -> None:
        """Wait for what is under way, at most ten seconds, then disconnect."""
        try:
            async with asyncio.timeout(10):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def fetch(self, name: str, *arguments: object) -> list[Row]:
        """Run the statement *name* in a transaction of its own and return its rows."""
        with translated_errors():
            return await self._pool.fetch(self._queries[name], *arguments)

    @contextlib.asynccontextmanager
    async def transaction(
        self, *, keep: bool = True, time_limit: float | None = None
    ) -> AsyncIterator[Transaction]:
        """
        Open a transaction; an error inside rolls it back and leaves translated.

        Without *keep* it is rolled back in any case: a trial of what would happen. Statements have
        *time_limit* seconds in the place of ``database.statement_timeout``.
        """
        with translated_errors():
            async with self._pool.acquire() as connection:
                transaction = connection.transaction()
                await transaction.start()
                try:
                    if time_limit is not None:
                        await connection.execute(
                            f"SET LOCAL statement_timeout = {int(time_limit * 1000)}"
                        )
                    yield Transaction(connection, self._queries, time_limit)
                except BaseException:
                    # A rollback that fails must not hide why: the connection is lost, and with
                    # it the transaction.
                    with contextlib.suppress(Exception):
                        await transaction.rollback()
                    raise
                await (transaction.commit() if keep else transaction.rollback())

    async def stream(
        self, name: str, *arguments: object, batch: int = 2000
    ) -> AsyncGenerator[Row, None]:
        """Yield the rows of the statement *name* without holding them all in memory."""
        with translated_errors():
            async with self._pool.acquire() as connection, connection.transaction():
                async for row in connection.cursor(self._queries[name], *arguments, prefetch=batch):
                    yield row

    async def ping(self) -> None:
        """Return when PostgreSQL answers and takes writes; raises TransientError otherwise."""
        [row] = await self.fetch("ping")
        if row["is_read_only"]:
            raise TransientError("PostgreSQL takes no writes now (it is read-only)")

    async def migrate(self) -> list[str]:
        """
        Bring the schema up to date and return the names of the steps applied.

        One process at a time; each step is one transaction. Raises ConfigError when the database
        has steps that this version does not know, or knows otherwise.
        """
        with translated_errors():
            async with self._pool.acquire() as connection:
                await connection.execute(f"SELECT pg_advisory_lock({MIGRATION_LOCK})")
                try:
                    return await apply_migrations(connection, load_migrations())
                finally:
                    await connection.execute(f"SELECT pg_advisory_unlock({MIGRATION_LOCK})")


async def keep_session(_connection: "asyncpg.Connection[Row]") -> None:
    """Leave a returned connection as it is: no statement of ours changes its session."""


async def apply_migrations(
    connection: "PoolConnectionProxy[Row]", migrations: Sequence[Migration]
) -> list[str]:
    """Apply the steps that the database lacks, each in one transaction."""
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (version integer PRIMARY KEY, name text NOT NULL, "
        "checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
    )
    applied = {
        row["version"]: row
        for row in await connection.fetch("SELECT version, name, checksum FROM migrations")
    }
    check_applied(applied, migrations)
    missing = [step for step in migrations if step.version not in applied]
    for step in missing:
        async with connection.transaction():
            await connection.execute("SET LOCAL statement_timeout = 0")
            await connection.execute(step.sql, timeout=3600)
            await connection.execute(
                "INSERT INTO migrations (version, name, checksum) VALUES ($1, $2, $3)",
                step.version, step.name, step.checksum,
            )  # fmt: skip
    return [step.name for step in missing]


def check_applied(applied: dict[int, Row], migrations: Sequence[Migration]) -> None:
    """Raise ConfigError when the database and this version do not belong together."""
    known = {step.version: step for step in migrations}
    for version, row in applied.items():
        if version not in known:
            raise ConfigError(
                f"the database has step {row['name']}, which this version does not know; "
                "start the version that applied it, or a later one"
            )
        if row["checksum"] != known[version].checksum:
            raise ConfigError(f"the step {row['name']} was applied with another text than ours")


@contextlib.contextmanager
def translated_errors() -> Iterator[None]:
    """Turn the errors of PostgreSQL and its client into ours."""
    try:
        yield
    except (asyncpg.UniqueViolationError, asyncpg.TransactionRollbackError) as error:
        raise ConflictError(describe(error)) from error
    except (
        asyncpg.DataError,
        asyncpg.IntegrityConstraintViolationError,
        asyncpg.ProgramLimitExceededError,
        ValueError,  # what asyncpg raises for a value that no column can hold
    ) as error:
        raise PermanentError(describe(error)) from error
    except (
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
        OSError,
        TimeoutError,
    ) as error:
        raise TransientError(describe(error)) from error


def describe(error: BaseException, within: float | None = None) -> str:
    """Say what PostgreSQL said, in one line; or what became of the connection to it."""
    if isinstance(error, FileNotFoundError):
        return NO_SOCKET
    if isinstance(error, asyncpg.ConnectionDoesNotExistError):
        return "PostgreSQL: the connection broke off"
    if isinstance(error, OSError) and (fault := explain_fault(error, within)):
        return f"PostgreSQL: {fault}"
    first = (str(error).splitlines() or [""])[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def clean(text: str) -> str:
    """Return *text* as PostgreSQL can hold it: NUL and lone surrogates become U+FFFD."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\0", "\ufffd")
