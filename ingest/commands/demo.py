"""``ingest demo``: a morning of traffic on a throw-away daemon; also the acceptance test."""

import asyncio
import io
import sys

import click

from ingest.commands.session import as_json, make_console
from ingest.demo.display import JsonShow, TerminalShow
from ingest.demo.play import Show, play
from ingest.demo.stage import Folder
from ingest.errors import IngestError

FAILED = 1


@click.command()
@click.option("--keep", is_flag=True, help="Leave the folder, and say where it is.")
@as_json
@click.pass_context
def demo(ctx: click.Context, keep: bool, as_json: bool) -> None:
    """
    Play a morning of traffic into a daemon of its own, and show every answer.

    Needs no configuration and touches nothing of yours; exit status 1 when something went
    otherwise than it should.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # Cyrillic where the locale knows none
    folder = Folder()
    show = JsonShow(click.echo) if as_json else TerminalShow(make_console())
    is_good, is_wanted = False, True
    try:
        is_good = perform(show, folder)
        is_wanted = keep or not is_good
    except asyncio.CancelledError:
        is_wanted = keep
        click.echo("interrupted; nothing is left running", err=True)
    finally:
        if is_wanted:
            leave(folder, is_good=is_good)
    if not is_good:
        ctx.exit(FAILED)


def perform(show: Show, folder: Folder) -> bool:
    """Play; tell whether all went well, and show why it broke off when it did."""
    try:
        return play(show, folder)
    except IngestError as error:
        show.fail(str(error))
        return False


def leave(folder: Folder, *, is_good: bool) -> None:
    """Keep the folder and say where it is; after a failure also what the daemon said last."""
    folder.keep()
    for line in () if is_good else folder.read_last_lines():
        click.echo(line, err=True)
    click.echo(f"kept: {folder.path} with config.toml, daemon.log and var/", err=True)
    click.echo(f"look around: ingest --config {folder.config_path} messages", err=True)
