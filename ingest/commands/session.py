"""What every command shares: the configuration, a connection, and how results are shown."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import click
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ingest.building import EMBEDDED, open_database
from ingest.config import Configuration, load_config
from ingest.log import configure_logging
from ingest.store import Store

Result = TypeVar("Result")


class Session:
    """One call of the command line; config.toml is read when a command first needs it."""

    def __init__(self, config_path: Path) -> None:
        self._config_path = config_path
        self._config: Configuration | None = None

    @property
    def config_path(self) -> Path:
        """The file that ``--config`` named."""
        return self._config_path

    @property
    def config(self) -> Configuration:
        """The configuration; raises ConfigError."""
        if self._config is None:
            self._config = load_config(self._config_path)
            log = self._config.settings.log
            configure_logging(log.level, log.format)
        return self._config

    def with_store(self, work: Callable[[Store], Awaitable[Result]]) -> Result:
        """Run *work* with a connection to the database, and close it again."""

        async def run() -> Result:
            async with open_database(self.config) as store:
                if self.config.settings.database.url == EMBEDDED:
                    await store.migrate()
                return await work(store)

        return asyncio.run(run())

    def local(self, at: dt.datetime | None) -> str:
        """Return a moment as people of the service's time zone write it; empty for None."""
        return "" if at is None else f"{at.astimezone(self.config.zone):%d.%m.%Y %H:%M:%S}"


pass_session = click.make_pass_decorator(Session)
as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


def make_console() -> Console:
    """Return a console on standard output; wide enough for tables when it is no terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=160)


def print_json(row: object) -> None:
    """Print one object on one line; the caller does so once per row."""
    click.echo(msgspec.json.encode(row, enc_hook=str).decode())


def print_table(title: str, rows: Iterable[Mapping[str, object]]) -> None:
    """Print rows as a table; its columns are the keys of the first row."""
    listed = list(rows)
    console = make_console()
    if not listed:
        console.print(f"{title}: none", markup=False)
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    for key in listed[0]:
        table.add_column(key.replace("_", " "), overflow="fold")
    for row in listed:
        table.add_row(*(printable(value) for value in row.values()))
    console.print(table)


def printable(value: object) -> str:
    """Return a value as text that cannot move the cursor or colour the terminal."""
    text = "" if value is None else str(value)
    visible = "".join(char if char.isprintable() else " " for char in text)
    return escape(visible)
