"""``ingest status``: how the daemon fares, what came today, and what waits."""

import asyncio
import datetime as dt
import json

import aiohttp
import click

from ingest import clock
from ingest.addresses import parse_listen
from ingest.calendar import find_day, starts_at
from ingest.commands.session import Session, as_json, pass_session, print_json, print_table
from ingest.history import Summary, summarise
from ingest.store import Row, Store

ASK_WITHIN = aiohttp.ClientTimeout(total=3)
PERCENT = 100


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

    summary = session.with_store(fetch)
    if as_json:
        print_json(
            {
                "daemon": daemon,
                "messages_today": [dict(row) for row in summary.messages],
                "waiting": [dict(row) for row in summary.waiting],
                "replies": [dict(row) for row in summary.replies],
                "registries": [dict(row) for row in summary.registries],
            }
        )
    else:
        print_status(session, daemon, summary)


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


def print_status(session: Session, daemon: dict[str, object], summary: Summary) -> None:
    """Print what a person on duty wants to know first."""
    click.echo(f"daemon: {daemon['phase']}, database: {daemon['database']}")
    channels = daemon["channels"]
    if isinstance(channels, dict) and channels:
        print_table("channels", [describe_channel(session, *one) for one in channels.items()])
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
    done = PERCENT * row["read_bytes"] // max(row["size"], 1)
    return {
        "receipt": row["receipt"],
        "channel": row["channel"],
        "file": row["file_name"],
        "arrived": session.local(row["received_at"]),
        "lines": row["lines"],
        "done": f"{done} %",
    }
