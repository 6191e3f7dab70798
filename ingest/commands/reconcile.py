"""``ingest reconcile``: a day of a partner's terminals beside the partner's own registry."""

import csv
import datetime as dt
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from ingest.commands.session import Session, pass_session, print_json, print_table
from ingest.errors import ConfigError, PermanentError
from ingest.model import ChannelName
from ingest.reconciliation import (
    Agreement,
    Comparison,
    PartnerDay,
    count,
    reconcile_day,
)
from ingest.settings import RegistrySettings, TerminalSettings
from ingest.store import Store

COLUMNS = (
    "agreement", "account", "register", "online", "registry", "transaction_id", "registry_account",
    "online_reason", "registry_reason", "online_receipt", "registry_receipt",
)  # fmt: skip
STARTS_A_FORMULA = re.compile(r"[=+\-@\t\r]")
"""What spreadsheets take for the start of one."""


@click.command()
@click.option("--partner", required=True, help="The terminal channel, or the registry beside it.")
@click.option(
    "--day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The partner's day, YYYY-MM-DD."
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="table shows only what differs.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="A file for all of it, with the partner's delimiter and encoding.",
)
@pass_session
def reconcile(
    session: Session, /, partner: str, day: dt.datetime, style: str, output: Path | None
) -> None:
    """Compare what came online on a day with the partner's registry of that day."""
    wanted = find_partner(session, partner, day.date())

    async def fetch(store: Store) -> list[Comparison]:
        return await reconcile_day(store, wanted)

    comparisons = session.with_store(fetch)
    rows = [describe(one) for one in comparisons]
    if output is not None:
        write_file(output, style, rows, find_form(session, wanted.registry))
    elif style == "json":
        for row in rows:
            print_json(row)
    elif style == "csv":
        click.echo(write_csv(rows, ";"), nl=False)
    if output is not None or style == "table":
        print_table(
            f"{wanted.online} and {wanted.registry} on {wanted.day:%d.%m.%Y}, what differs",
            [row for row in rows if row["agreement"] != Agreement.MATCHED],
        )
    summary = ", ".join(
        f"{number} {agreement.replace('_', ' ')}"
        for agreement, number in count(comparisons).items()
    )
    click.echo(summary, err=True)


def find_partner(session: Session, name: str, day: dt.date) -> PartnerDay:
    """Return what is to be compared; raises ConfigError when config.toml does not say it."""
    terminals = {
        key: one
        for key, one in session.config.settings.channels.items()
        if isinstance(one, TerminalSettings) and one.reconcile_with
    }
    chosen = [key for key, one in terminals.items() if name in (key, one.reconcile_with)]
    if len(chosen) != 1:
        known = ", ".join(chosen or terminals) or "a terminal channel with reconcile_with"
        raise ConfigError(f"--partner: found {name!r}, wanted one of {known}")
    settings = terminals[chosen[0]]
    files = session.config.settings.channels[settings.reconcile_with]
    return PartnerDay(
        online=ChannelName(chosen[0]),
        registry=ChannelName(settings.reconcile_with),
        day=day,
        zone=find_zone(session, settings),
        registry_zone=find_zone(session, files),
        comes_after=settings.reconcile_after,
    )


def find_zone(session: Session, settings: object) -> ZoneInfo:
    """Return the time zone that a channel's dialect names; without a name it is the service's."""
    name = getattr(getattr(settings, "dialect", None), "time_zone", "")
    return ZoneInfo(name) if name else session.config.zone


def find_form(session: Session, registry: str) -> tuple[str, str]:
    """Return delimiter and encoding of the partner's own files; of spreadsheets the usual ones."""
    settings = session.config.settings.channels[registry]
    dialect = settings.dialect if isinstance(settings, RegistrySettings) else None
    encoding = getattr(dialect, "encoding", "utf-8")
    return getattr(dialect, "delimiter", ";"), "utf-8" if encoding == "detect" else encoding


def describe(comparison: Comparison) -> dict[str, object]:
    """Return a reading as a row."""
    online, registry = comparison.online, comparison.registry
    either = online or registry
    if either is None:
        raise PermanentError("a comparison of nothing")
    return {
        "agreement": comparison.agreement.value,
        "account": either.account,
        "register": either.register,
        "online": online.value if online else None,
        "registry": registry.value if registry else None,
        "transaction_id": either.transaction_id,
        "registry_account": registry.account if registry else "",
        "online_reason": online.reason if online else "",
        "registry_reason": registry.reason if registry else "",
        "online_receipt": online.receipt if online else "",
        "registry_receipt": registry.receipt if registry else "",
    }


def write_csv(rows: Iterable[dict[str, object]], delimiter: str) -> str:
    """Write rows as delimited text that is safe to open in a spreadsheet."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(list(make_cells(row)) for row in rows)
    return file.getvalue()


def make_cells(row: dict[str, object]) -> Iterator[str]:
    """Yield the cells of a row; an account that came as a formula must not become one."""
    for column in COLUMNS:
        text = "" if row[column] is None else str(row[column])
        yield f"'{text}" if STARTS_A_FORMULA.match(text) else text


def write_file(
    path: Path, style: str, rows: list[dict[str, object]], form: tuple[str, str]
) -> None:
    """Write all rows into a file; raises PermanentError where that cannot be done."""
    delimiter, encoding = form
    if style == "json":
        content = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    else:
        content = write_csv(rows, delimiter).encode(encoding, "replace")
    try:
        path.write_bytes(content)
    except OSError as error:
        raise PermanentError(f"{path}: {error.strerror}") from None
