"""``ingest migrate``: brings the database schema up to date."""

import asyncio

import click

from ingest.building import open_database
from ingest.commands.session import Session, pass_session


@click.command()
@pass_session
def migrate(session: Session) -> None:
    """Bring the database schema up to date; the daemon does so too when it starts."""

    async def apply() -> list[str]:
        async with open_database(session.config) as store:
            return await store.migrate()

    applied = asyncio.run(apply())
    click.echo(f"applied: {', '.join(applied)}" if applied else "the schema is up to date")
