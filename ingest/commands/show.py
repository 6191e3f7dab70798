"""``ingest show CODE``: the whole story of one message, or of one line of a registry."""

import datetime as dt
import sys
from collections.abc import Iterator

import click
from rich.console import Console
from rich.markup import escape

from ingest.calendar import render_period
from ingest.commands.session import (
    Session,
    as_json,
    make_console,
    pass_session,
    print_json,
    print_table,
    printable,
)
from ingest.commands.silence import describe_reply
from ingest.errors import NotFoundError
from ingest.history import Story, get_story, stream_raw
from ingest.receipts import split_receipt
from ingest.store import Row, Store

MOST_READINGS = 100

Happened = tuple[dt.datetime, dict[str, object]]
"""A moment, and what happened then as a row of a table."""


@click.command()
@click.argument("code")
@click.option("--raw", is_flag=True, help="Write the bytes that arrived to standard output.")
@as_json
@pass_session
def show(session: Session, code: str, raw: bool, as_json: bool) -> None:
    """Tell the whole story of the message with receipt CODE (7K4M-2Q9X, or 7K4M-2Q9X/17)."""
    found = split_receipt(code)
    if found is None:
        raise NotFoundError(
            f"{code!r} is no receipt: one has eight characters, the last checks the others; "
            "was one misheard?"
        )
    receipt, line = found

    async def fetch(store: Store) -> Story:
        story = await get_story(store, receipt, line, MOST_READINGS)
        if raw:
            async for chunk in stream_raw(store, story):
                sys.stdout.buffer.write(chunk)
        return story

    story = session.with_store(fetch)
    if as_json:
        print_json(describe(story) | {"reply_is": find_fate(session, story)})
    elif not raw:
        print_story(session, story)


def describe(story: Story) -> dict[str, object]:
    """Return the story as one object; raw bytes are left to ``--raw``."""
    message = {key: value for key, value in story.message.items() if key not in {"raw", "id"}}
    return {
        **message,
        "verdicts": [dict(row) for row in story.verdicts],
        "readings": [dict(row) for row in story.readings],
        "replies": [dict(row) for row in story.replies],
        "deliveries": [dict(row) for row in story.deliveries],
        "reports": [dict(row) for row in story.reports],
        "events": [dict(row) for row in story.events],
    }


def print_story(session: Session, story: Story) -> None:
    """Print the story in the order in which it happened."""
    console = make_console()
    for label, value in list_facts(session, story.message):
        if value:
            console.print(f"[bold]{label:>12}[/bold]  {printable(value)}")
    print_text(console, "text", story.message["text"])
    print_text(console, "not read", story.message["remainder"])
    print_text(console, "problem", story.message["problem"])
    if story.message["kind"] == "registry":
        print_table("lines", [dict(row) for row in story.verdicts])
    print_table("readings", [describe_reading(row) for row in story.readings])
    if len(story.readings) == MOST_READINGS:
        console.print(f"(the first {MOST_READINGS}; ask for a line with CODE/LINE)")
    print_text(console, f"reply ({find_fate(session, story)})", story.message["reply"])
    happened = sorted(list_happened(session, story), key=lambda row: row[0])
    print_table("what happened", [row for _, row in happened])


def find_fate(session: Session, story: Story) -> str:
    """Say what became of the reply; nothing where there is none to speak of."""
    return describe_reply(story, session.config) if story.message["reply"] else ""


def list_facts(session: Session, message: Row) -> Iterator[tuple[str, object]]:
    """Yield what is known of the message as a whole."""
    yield "receipt", message["receipt"]
    yield "channel", message["channel"]
    yield "verdict", f"{message['disposition'] or message['state']} {message['reason'] or ''}"
    yield "state", message["state"] if message["state"] != "judged" else ""
    yield "received", session.local(message["received_at"])
    yield "sent", session.local(message["sent_at"])
    yield "sender", message["sender"]
    yield "proof", message["authentication"]
    yield "recipient", message["recipient"]
    yield "file", message["file_name"]
    if message["file_name"]:
        yield (
            "read",
            f"{message['lines']} lines, {message['read_bytes']} of {message['size']} bytes",
        )
    yield "external id", message["external_id"]
    size = message["size"] if message["file_name"] else len(message["raw"])
    yield "raw", f"{size} bytes, {message['media_type']} (--raw writes them out)"


def print_text(console: Console, label: str, text: str) -> None:
    """Print text of several lines beneath its label; nothing for empty text."""
    if not text.strip():
        return
    console.print(f"[bold]{label:>12}[/bold]")
    for line in text.strip().splitlines():
        visible = "".join(char if char.isprintable() else " " for char in line)
        console.print(f"              {escape(visible)}")


def describe_reading(row: Row) -> dict[str, object]:
    """Return a register of a reading as a row of a table."""
    return {
        "line": row["line"],
        "register": row["register"],
        "account": row["account"],
        "value": row["value"],
        "verdict": f"{row['disposition']} {row['reason']}",
        "counts for": render_period(row["period"]) if row["counts"] else "",
        "replaces": row["previous"],
        "read on": row["read_on"],
        "written as": row["fragment"],
    }


def list_happened(session: Session, story: Story) -> Iterator[Happened]:
    """Yield what happened with its moment: received, replies owed and tried, replays."""

    def row(at: dt.datetime, what: str, detail: str = "") -> Happened:
        return at, {"at": session.local(at), "event": what, "detail": detail}

    message = story.message
    yield row(message["received_at"], "message received")
    yield row(message["recorded_at"], "message recorded")
    if message["finished_at"]:
        yield row(message["finished_at"], "registry finished")
    for reply in story.replies:
        yield row(reply["created_at"], "reply owed", f"to {reply['address']}: {reply['state']}")
    for delivery in story.deliveries:
        yield row(delivery["ended_at"], f"reply {delivery['state']}", delivery["detail"])
    for report in story.reports:
        yield row(report["recorded_at"], f"reply {report['status']}", report["detail"])
    for event in story.events:
        yield row(event["happened_at"], event["event"], event["detail"])
