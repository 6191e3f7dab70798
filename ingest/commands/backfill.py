"""``ingest backfill``: goes through a mailbox again; harmless, whatever was taken before."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable, Iterator

import click
import msgspec
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ingest import clock
from ingest.building import find_templates
from ingest.channels.imap import make_backfill
from ingest.channels.imap.backfill import Tally
from ingest.checks.mail import FOLDER
from ingest.commands.session import Session, as_json, make_console, pass_session, print_json
from ingest.errors import ConfigError
from ingest.intake import Intake
from ingest.model import ChannelName
from ingest.policy import build_policies
from ingest.replies import load_phrasebook
from ingest.reports import ReportStore
from ingest.settings import ImapSettings
from ingest.store import Store

EVERY = 1000
"""Mails between two lines where there is no terminal."""


@click.command()
@click.argument("channel")
@click.option(
    "--since",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    help="The first day of arrival, as the service's time zone counts days.",
)
@click.option("--folder", default="", help="Another folder than that where mails arrive.")
@as_json
@pass_session
def backfill(
    session: Session, channel: str, since: dt.datetime, folder: str, as_json: bool
) -> None:
    """
    Go through the mailbox of CHANNEL again, from a day on.

    Mails that were taken before change nothing; others are judged by when they arrived, and
    answered by the daemon. It may run meanwhile. Mails are moved away only from where they arrive.
    """
    settings = find_mailbox(session, channel)
    if folder and not FOLDER.fullmatch(folder):
        raise click.BadParameter("wanted the name of a folder", param_hint="--folder")

    async def run(store: Store) -> Tally:
        async with open_intake(session, store) as intake:
            name, reports = ChannelName(channel), ReportStore(store)
            work, shelves = make_backfill(name, settings, session.config, intake, reports)
            is_arrival = folder in ("", settings.folder)
            with show_progress(as_json) as on_progress:
                return await work.run(
                    folder or settings.folder,
                    since.replace(tzinfo=session.config.zone),
                    now=clock.now(),
                    shelves=shelves if is_arrival else None,
                    on_progress=on_progress,
                )

    tally = session.with_store(run)
    if as_json:
        print_json(msgspec.to_builtins(tally))
        return
    click.echo(
        f"{tally.found} mails since {since:%Y-%m-%d}: {tally.taken} new, {tally.again} known before"
        f", {tally.held} for a person, {tally.unread} that the server did not give"
        f"{f', {tally.gone} gone meanwhile' if tally.gone else ''}"
    )


def find_mailbox(session: Session, channel: str) -> ImapSettings:
    """Return the settings of a channel that reads a mailbox; raises ConfigError."""
    settings = session.config.channels.get(channel)
    if isinstance(settings, ImapSettings):
        return settings
    known = [name for name, one in session.config.channels.items() if isinstance(one, ImapSettings)]
    raise ConfigError(
        f"channels.{channel}: found no enabled channel of type 'imap' by that name, wanted one of: "
        f"{', '.join(known) or 'none is enabled'}"
    )


@contextlib.asynccontextmanager
async def open_intake(session: Session, store: Store) -> AsyncIterator[Intake]:
    """Take messages, as the daemon does, while the block runs."""
    intake = Intake(
        store, build_policies(session.config), load_phrasebook(find_templates(session.config))
    )
    running = asyncio.create_task(intake.run())
    try:
        yield intake
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@contextlib.contextmanager
def show_progress(is_quiet: bool) -> Iterator[Callable[[Tally], None]]:
    """Show how far it is: a bar on a terminal, a line now and then elsewhere, nothing if quiet."""
    console = make_console()
    if is_quiet:
        yield lambda _tally: None
        return
    if not console.is_terminal:
        yield print_now_and_then()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("mails", total=None)
        yield lambda tally: progress.update(task, total=tally.found, completed=tally.done)


def print_now_and_then() -> Callable[[Tally], None]:
    """Return what prints a line when another thousand mails is done."""
    printed = 0

    def show(tally: Tally) -> None:
        nonlocal printed
        if tally.done >= printed + EVERY:
            printed = tally.done
            click.echo(f"{tally.done} of {tally.found} mails", err=True)

    return show
