"""``ingest check``: finds what is wrong before a restart does."""

import asyncio
import json

import click

from ingest.building import find_templates, open_database
from ingest.commands.session import Session, pass_session
from ingest.config import Configuration, check_secrets
from ingest.errors import ConfigError, IngestError
from ingest.replies import load_phrasebook
from ingest.schema import config_schema


@click.command()
@click.option("--online", is_flag=True, help="Connect to the database too.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of config.toml and end.")
@pass_session
def check(session: Session, online: bool, schema: bool) -> None:
    """Check config.toml, secrets and templates without starting anything."""
    if schema:
        click.echo(json.dumps(config_schema(), indent=2, ensure_ascii=False))
        return
    config = session.config
    refuse_missing_secrets(config)
    load_phrasebook(find_templates(config))
    if online:
        asyncio.run(check_database(config))
    enabled = ", ".join(config.channels)
    idle = ", ".join(name for name in config.settings.channels if name not in config.channels)
    click.echo(f"{session.config_path} is good")
    click.echo(f"enabled: {enabled or 'none'}")
    click.echo(f"disabled: {idle or 'none'}")


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
