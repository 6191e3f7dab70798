"""``ingest check``: finds what is wrong before a restart does."""

import asyncio
import json

import click

from ingest.building import check_ways, find_templates, open_database
from ingest.channels.imap import make_endpoint, probe
from ingest.channels.smtp.channel import load_tls
from ingest.commands.session import Session, pass_session
from ingest.config import Configuration, check_secrets
from ingest.errors import ConfigError, IngestError, PermanentError
from ingest.journal import FOLDER, find_journals
from ingest.model import ChannelName
from ingest.replies import load_phrasebook
from ingest.schema import config_schema
from ingest.senders import build_sender
from ingest.senders.mail import MailSender
from ingest.settings import ImapSettings, RegistrySettings, SmtpSettings


@click.command()
@click.option(
    "--online",
    is_flag=True,
    help="Connect to the database, the mail relay, mailboxes and SFTP servers too.",
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
    refuse_missing_files(config)
    check_ways(config)
    load_phrasebook(find_templates(config))
    check_servers(config, online=online)
    if online:
        asyncio.run(check_database(config))
        asyncio.run(check_mailboxes(config))
        asyncio.run(check_relay(config))
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


def refuse_missing_files(config: Configuration) -> None:
    """Raise ConfigError that names the certificates that cannot be used."""
    problems = []
    for name, settings in config.channels.items():
        try:
            if isinstance(settings, ImapSettings):
                make_endpoint(settings, config)
            elif isinstance(settings, SmtpSettings) and settings.tls is not None:
                load_tls(settings.tls, config.path.parent)
        except PermanentError as error:
            problems.append(f"channels.{name}.{error}")
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


async def check_relay(config: Configuration) -> None:
    """Log in to the relay of mails, where a channel answers by mail; no mail is sent."""
    for name, settings in config.channels.items():
        sender = build_sender(ChannelName(name), settings, config)
        if isinstance(sender, MailSender):
            try:
                await sender.probe()
            except IngestError as error:
                raise type(error)(f"mail.relay: {error}") from None
            click.echo("the mail relay lets us in")
            return


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
