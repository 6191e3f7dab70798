"""The command line; exit status 0 done, 1 failed, 2 wrong usage or configuration."""

from pathlib import Path
from typing import Any

import click
import uvloop

from ingest import __version__
from ingest.commands.backfill import backfill
from ingest.commands.check import check, refuse_missing_secrets
from ingest.commands.demo import demo
from ingest.commands.explain import explain
from ingest.commands.export import export
from ingest.commands.journal import journal
from ingest.commands.messages import messages
from ingest.commands.migrate import migrate
from ingest.commands.reconcile import reconcile
from ingest.commands.registries import registries
from ingest.commands.replay import replay
from ingest.commands.session import Session, pass_session
from ingest.commands.show import show
from ingest.commands.sms import sms
from ingest.commands.status import status
from ingest.commands.windows import windows
from ingest.daemon import run_daemon
from ingest.errors import ConfigError, IngestError

FAILED = 1
WRONG = 2


def choose_config(ctx: click.Context, _: click.Parameter, path: Path | None) -> None:
    """Let ``--config`` behind the command win over the one before it."""
    if path is not None:
        ctx.obj = Session(path)


def offer_config(command: click.Command) -> None:
    """Let *command* and those beneath it take ``--config`` too, wherever people write it."""
    option = click.Option(
        ["--config"],
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=choose_config,
        help="The configuration file.",
    )
    command.params.append(option)
    for inner in getattr(command, "commands", {}).values():
        offer_config(inner)


class Commands(click.Group):
    """A group whose commands end with one clear line instead of a traceback."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 -- click's own signature
        """Run the command; turn our errors into a line and an exit status."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            click.echo(str(error), err=True)
            ctx.exit(WRONG)
        except IngestError as error:
            click.echo(str(error), err=True)
            ctx.exit(FAILED)


@click.group(cls=Commands)
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=Path("config.toml"),
    envvar="INGEST_CONFIG",
    show_default=True,
    help="The configuration file.",
)
@click.version_option(__version__, message="%(version)s")
@click.pass_context
def main(ctx: click.Context, config_path: Path) -> None:
    """Take meter readings over every channel, judge, commit and answer them."""
    ctx.obj = Session(config_path)


@main.command()
@pass_session
def run(session: Session) -> None:
    """Run the daemon until SIGTERM."""
    refuse_missing_secrets(session.config)
    uvloop.run(run_daemon(session.config))


for command in (
    backfill,
    check,
    demo,
    explain,
    export,
    journal,
    messages,
    migrate,
    reconcile,
    registries,
    replay,
    show,
    sms,
    status,
    windows,
):
    main.add_command(command)
for command in main.commands.values():
    offer_config(command)
