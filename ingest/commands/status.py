"""``ingest status``: how the daemon fares, what came today, and what waits."""

import asyncio
import datetime as dt
import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import aiohttp
import click

from ingest import clock
from ingest.addresses import parse_listen
from ingest.calendar import find_day, starts_at
from ingest.commands.journal import find_reports
from ingest.commands.registries import find_left, find_rate, find_share, spell_time
from ingest.commands.session import Session, as_json, pass_session, print_json, print_table
from ingest.history import Summary, summarise
from ingest.store import Row, Store

ASK_WITHIN = aiohttp.ClientTimeout(total=3)


@click.command()
@as_json
@pass_session
def status(session: Session, as_json: bool) -> None:
    """Show how the daemon fares, what came today, and what waits."""
    now = clock.now()
    midnight = starts_at(find_day(now, session.config.zone), session.config.zone)
    daemon = asyncio.run(ask_daemon(session))

    async def fetch(store: Store) -> Summary:
        return await summarise(store, midnight)

    journals = list(describe_journals(session))
    if not as_json:
        # First what is known without PostgreSQL: it may be away.
        print_daemon(session, daemon, journals)
    summary = session.with_store(fetch)
    if as_json:
        print_json(
            {
                "daemon": daemon,
                "journals": journals,
                "messages_today": [dict(row) for row in summary.messages],
                "waiting": [dict(row) for row in summary.waiting],
                "replies": [dict(row) for row in summary.replies],
                "registries": [dict(row) for row in summary.registries],
            }
        )
    else:
        print_summary(session, summary)


async def ask_daemon(session: Session) -> dict[str, object]:
    """Ask the daemon itself how it fares, at its internal listener."""
    listen = parse_listen(session.config.settings.http.internal, session.config.state_dir)
    connector = aiohttp.UnixConnector(str(listen.socket)) if listen.socket else None
    host = "localhost" if listen.socket else str(listen)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=ASK_WITHIN) as client,
            client.get(f"http://{host}/readyz") as response,
        ):
            answer: dict[str, object] = json.loads(await response.text())
            return answer
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError):
        return {"phase": "not running", "database": "unknown", "channels": {}}


def describe_journals(session: Session) -> Iterator[dict[str, Any]]:
    """Yield what each channel has on disk."""
    for name, group in groupby(find_reports(session), key=lambda report: report.channel):
        reports = list(group)
        waiting = [one for report in reports if not report.is_drained for one in report.messages]
        yield {
            "channel": name,
            "messages": len(waiting),
            "bytes": sum(report.size for report in reports),
            "oldest_at": min((one.received_at for one in waiting), default=None),
            "damaged": sum(len(report.damaged) for report in reports),
        }


def print_daemon(
    session: Session, daemon: dict[str, object], journals: list[dict[str, Any]]
) -> None:
    """Print what a person on duty wants to know first."""
    degraded = ", degraded" if daemon.get("degraded") else ""
    click.echo(f"daemon: {daemon['phase']}{degraded}, database: {daemon['database']}")
    channels = daemon["channels"]
    if isinstance(channels, dict) and channels:
        print_table("channels", [describe_channel(session, *one) for one in channels.items()])
    if journals:
        print_table(
            "journals", [row | {"oldest_at": session.local(row["oldest_at"])} for row in journals]
        )


def print_summary(session: Session, summary: Summary) -> None:
    """Print what the database knows."""
    print_table("messages today", [describe(session, row, "latest_at") for row in summary.messages])
    print_table(
        "waiting for a person", [describe(session, row, "oldest_at") for row in summary.waiting]
    )
    print_table("replies", [describe(session, row, "oldest_at") for row in summary.replies])
    print_table(
        "registries at work", [describe_registry(session, row) for row in summary.registries]
    )


def describe(session: Session, row: Row, moment: str) -> dict[str, object]:
    """Return a row of counts with its moment in local time."""
    return {key: session.local(value) if key == moment else value for key, value in row.items()}


def describe_channel(session: Session, name: str, channel: dict[str, str]) -> dict[str, object]:
    """Return a channel as a row of a table."""
    since = session.local(dt.datetime.fromisoformat(channel["since"]))
    return {
        "channel": name,
        "state": channel["state"],
        "since": since,
        "problem": channel["problem"],
    }


def describe_registry(session: Session, row: Row) -> dict[str, object]:
    """Return a registry at work as a row of a table."""
    rate = find_rate(row)
    return {
        "receipt": row["receipt"],
        "channel": row["channel"],
        "file": row["file_name"],
        "arrived": session.local(row["received_at"]),
        "lines": row["lines"],
        "done": f"{find_share(row)} %",
        "rate": "" if rate is None else f"{rate}/s",
        "left": spell_time(find_left(row)),
        "decision": row["decision"],
    }
