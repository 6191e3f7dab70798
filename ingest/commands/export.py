"""``ingest export --period YYYY-MM``: what is to be billed, one line per register."""

import csv
import sys
from contextlib import aclosing

import click

from ingest.calendar import parse_period
from ingest.commands.session import Session, pass_session, print_json
from ingest.history import stream_export
from ingest.store import Store

COLUMNS = (
    "account", "register", "value", "read_on", "received_at", "period", "channel", "receipt",
)  # fmt: skip


@click.command()
@click.option("--period", required=True, help="The billing period, YYYY-MM.")
@click.option(
    "--format", "style", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True
)
@pass_session
def export(session: Session, period: str, style: str) -> None:
    """Write the readings that count for a billing period to standard output."""
    try:
        first_day = parse_period(period)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--period") from None

    async def write(store: Store) -> int:
        count = 0
        writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        if style == "csv":
            writer.writeheader()
        async with aclosing(stream_export(store, first_day)) as rows:
            async for row in rows:
                count += 1
                if style == "csv":
                    writer.writerow(row)
                else:
                    print_json(row)
        return count

    count = session.with_store(write)
    click.echo(f"{count} readings of {period}", err=True)
