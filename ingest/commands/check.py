"""``ingest check``: finds what is wrong before a restart does."""

import asyncio
import json

import click

from ingest.building import check_ways, find_templates, open_database
from ingest.channels.imap import probe
from ingest.commands.session import Session, pass_session
from ingest.config import Configuration, check_secrets
from ingest.errors import ConfigError, IngestError
from ingest.journal import FOLDER, find_journals
from ingest.model import ChannelName
from ingest.replies import load_phrasebook
from ingest.schema import config_schema
from ingest.settings import ImapSettings, RegistrySettings


@click.command()
@click.option(
    "--online", is_flag=True, help="Connect to the database, mailboxes and SFTP servers too."
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of config.toml and end.")
@pass_session
def check(session: Session, online: bool, schema: bool) -> None:
    """Check config.toml, secrets and templates without starting anything."""
    if schema:
        click.echo(json.dumps(config_schema(), indent=2, ensure_ascii=False))
        return
    config = session.config
    refuse_missing_secrets(config)
    check_ways(config)
    load_phrasebook(find_templates(config))
    check_servers(config, online=online)
    if online:
        asyncio.run(check_database(config))
        asyncio.run(check_mailboxes(config))
    enabled = ", ".join(config.channels)
    idle = ", ".join(name for name in config.settings.channels if name not in config.channels)
    click.echo(f"{session.config_path} is good")
    click.echo(f"enabled: {enabled or 'none'}")
    click.echo(f"disabled: {idle or 'none'}")
    for name in sorted(find_journals(config.state_dir / FOLDER) - set(config.settings.channels)):
        click.echo(
            f"warning: the journal of {name} holds messages, and there is no [channels.{name}] to "
            "judge them by: put the table back with enabled = false until they are drained"
        )


def refuse_missing_secrets(config: Configuration) -> None:
    """Raise ConfigError that names every secret that is not where it should be."""
    problems = list(check_secrets(config))
    if problems:
        raise ConfigError("\n".join(problems))


async def check_database(config: Configuration) -> None:
    """Connect to the database; say what was found."""
    try:
        async with open_database(config) as store:
            await store.ping()
    except IngestError as error:
        raise type(error)(f"database.url: {error}") from None
    click.echo("the database answers and takes writes")


async def check_mailboxes(config: Configuration) -> None:
    """Log in to every mailbox, and open the folder where mails arrive; say what was found."""
    for name, settings in config.channels.items():
        if isinstance(settings, ImapSettings):
            try:
                await probe(ChannelName(name), settings, config)
            except IngestError as error:
                raise type(error)(f"channels.{name}: {error}") from None
            click.echo(f"channels.{name}: the mailbox opens")


def check_servers(config: Configuration, *, online: bool) -> None:
    """Check what is needed to fetch registries by SFTP; *online*: log in, and say what is there."""
    for name, settings in config.channels.items():
        if not isinstance(settings, RegistrySettings) or settings.sftp is None:
            continue
        # asyncssh is slow to come, and commands that need it not do without.
        from ingest.channels.registry.probing import check_keys, count_files  # noqa: PLC0415 -- see above

        try:
            check_keys(settings.sftp, config)
            if online:
                count = asyncio.run(count_files(settings.sftp, config))
                click.echo(f"channels.{name}: the SFTP server lets us in; files there: {count}")
        except IngestError as error:
            raise type(error)(f"channels.{name}.sftp: {error}") from None
