"""``ingest messages``: what arrived, the latest first."""

import datetime as dt
from typing import Any

import click

from ingest.commands.session import Session, as_json, pass_session, print_json, print_table
from ingest.commands.silence import name_reply
from ingest.history import MessageFilter, list_messages
from ingest.model import Disposition, Reason
from ingest.store import Row, Store

SHOWN = 60
"""Characters of the text in a table."""
REPLIES = (
    "due", "sending", "sent", "failed", "uncertain", "suppressed", "delivered", "undelivered",
)  # fmt: skip


@click.command()
@click.option("--channel", help="Only of this channel.")
@click.option(
    "--disposition", type=click.Choice([one.value for one in Disposition]), help="Only so judged."
)
@click.option("--reason", type=click.Choice([one.value for one in Reason]), help="Only for this.")
@click.option(
    "--state",
    type=click.Choice(["open", "judged", "parked"]),
    help="parked: our code failed on it; open: a registry still being read.",
)
@click.option(
    "--reply",
    type=click.Choice(REPLIES),
    help="Only those whose last reply is so: failed, uncertain and undelivered want a person.",
)
@click.option("--account", help="Only those with a reading of this account.")
@click.option("--since", type=click.DateTime(), help="Received since then, local time.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True)
@as_json
@pass_session
def messages(
    session: Session,
    /,
    as_json: bool,
    since: dt.datetime | None,
    **wanted: Any,  # noqa: ANN401 -- the other options, as MessageFilter has them
) -> None:
    """List what arrived, the latest first."""
    start = since.replace(tzinfo=session.config.zone) if since else None
    chosen = MessageFilter(since=start, **wanted)

    async def fetch(store: Store) -> list[Row]:
        return await list_messages(store, chosen)

    rows = session.with_store(fetch)
    if as_json:
        for row in rows:
            print_json({**row, "reply_state": name_reply(row, session.config)})
    else:
        print_table("messages", [describe(session, row) for row in rows])


def describe(session: Session, row: Row) -> dict[str, object]:
    """Return a message as a row of a table."""
    text = " ".join(row["text"].split())
    return {
        "receipt": row["receipt"],
        "received": session.local(row["received_at"]),
        "channel": row["channel"],
        "verdict": f"{row['disposition'] or row['state']} {row['reason'] or ''}".strip(),
        "readings": row["readings"],
        "reply": name_reply(row, session.config) or "",
        "sender": row["sender"],
        "text": text if len(text) <= SHOWN else f"{text[:SHOWN]}…",
    }
