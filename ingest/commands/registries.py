"""``ingest registries``: where each batch file is, its rate, and what became of its lines."""

import asyncio
import contextlib
import datetime as dt
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence

import click
from rich.console import RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from ingest.channels.registry.whereabouts import Where, Whereabouts, list_under_way
from ingest.commands.session import (
    Session,
    as_json,
    make_console,
    pass_session,
    print_json,
    print_table,
    printable,
)
from ingest.errors import NotFoundError
from ingest.history import list_registries
from ingest.model import Decision, Disposition
from ingest.receipts import split_receipt
from ingest.registries import decide_registry
from ingest.settings import RegistrySettings
from ingest.store import Row, Store

LATEST = 20
LOOK_EVERY = 1.0
"""Seconds."""
PERCENT = 100
MINUTE = 60
HOUR = 60 * MINUTE
BAR = 20
"""Characters."""
FOLDER_STATES = {
    Where.ARRIVING: "arriving",
    Where.WAITING: "waiting",
    Where.AT_WORK: "looked through",
}
UNDER_WAY = {*FOLDER_STATES.values(), "at work"}

Shown = dict[str, object]
"""A file as a row of a table, and as an object of JSON."""
Local = Callable[[dt.datetime], str]
"""A moment as people of the service's time zone write it."""


@click.group(invoke_without_command=True)
@click.option("--channel", help="Only the files of this channel.")
@click.option("--limit", default=LATEST, show_default=True, help="Files that are at their end.")
@click.option("--watch", is_flag=True, help="Look again every second, until nothing is under way.")
@as_json
@pass_session
def registries(
    session: Session, /, channel: str | None, limit: int, watch: bool, as_json: bool
) -> None:
    """Show the files of partners: where each is, its rate, what became of its lines."""
    if click.get_current_context().invoked_subcommand is not None:
        return

    async def look(store: Store) -> list[Shown]:
        rows = await list_registries(store, channel, limit)
        return describe_all(find_folders(session, channel), rows)

    async def follow(store: Store) -> None:
        await watch_files(lambda: look(store), session.local, as_json=as_json)

    if watch:
        session.with_store(follow)
        return
    files = session.with_store(look)
    if as_json:
        print_objects(files)
    else:
        print_table("registries", [shorten(one, session.local) for one in files])


@registries.command()
@click.argument("receipt")
@pass_session
def release(session: Session, receipt: str) -> None:
    """Let a file with too many bad lines be judged like any other."""
    decide(session, receipt, Decision.RELEASED)


@registries.command()
@click.argument("receipt")
@pass_session
def refuse(session: Session, receipt: str) -> None:
    """Refuse a file with too many bad lines as a whole; nothing of it counts."""
    decide(session, receipt, Decision.REFUSED)


def decide(session: Session, text: str, decision: Decision) -> None:
    """Record what was decided; the daemon goes on with the file by itself."""
    found = split_receipt(text)
    if found is None:
        raise NotFoundError(
            f"{text!r} is no receipt: one has eight characters, the last checks the others; "
            "was one misheard?"
        )
    receipt = found[0]

    async def record(store: Store) -> str:
        return await decide_registry(store, receipt, decision)

    channel = session.with_store(record)
    click.echo(f"{receipt} is {decision.value}; the channel {channel} goes on with it")


def find_folders(session: Session, channel: str | None) -> list[tuple[str, Whereabouts]]:
    """List the files that lie in the folders of the channels, before their answer."""
    return [
        (name, one)
        for name, settings in session.config.settings.channels.items()
        if isinstance(settings, RegistrySettings) and channel in {None, name}
        for one in list_under_way(session.config.state_dir / settings.directory)
    ]


def describe_all(folders: Sequence[tuple[str, Whereabouts]], rows: Sequence[Row]) -> list[Shown]:
    """Return what is under way first; a file that the database knows is told by it."""
    known = {row["claim"] for row in rows if row["state"] == "open"}
    fresh = [
        describe_found(channel, one)
        for channel, one in folders
        if one.where is not Where.AT_WORK or printable_name(one) not in known
    ]
    return [*fresh, *map(describe_recorded, rows)]


def printable_name(one: Whereabouts) -> str:
    """Return the channel's own name for a file at work, as the database has it."""
    return one.path.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def describe_found(channel: str, one: Whereabouts) -> Shown:
    """Describe a file of which nothing is recorded yet."""
    return {
        "receipt": "",
        "channel": channel,
        "file": printable_name(one) if one.where is Where.AT_WORK else one.name,
        "state": FOLDER_STATES[one.where],
        "size": one.size,
        "done": 0,
        "lines": 0,
        "rate": None,
        "left": None,
        "outcomes": {},
        "arrived": one.since.isoformat(timespec="seconds"),
        "problem": "",
    }


def describe_recorded(row: Row) -> Shown:
    """Describe a file that was opened at least."""
    return {
        "receipt": row["receipt"],
        "channel": row["channel"],
        "file": row["file_name"],
        "state": tell_state(row),
        "size": row["size"],
        "done": find_share(row),
        "lines": row["lines"],
        "rate": find_rate(row),
        "left": find_left(row) if row["state"] == "open" else None,
        "outcomes": count_outcomes(row),
        "arrived": row["received_at"].isoformat(timespec="seconds"),
        "problem": row["problem"],
    }


def tell_state(row: Row) -> str:
    """Say how far a recorded file is."""
    if row["state"] == "open":
        return "waits for a decision" if row["decision"] == Decision.AWAITED else "at work"
    return "failed" if row["problem"] else "done"


def find_share(row: Row) -> int:
    """Return how much of a file is recorded, in percent."""
    return int(PERCENT * row["read_bytes"] // max(row["size"], 1))


def find_rate(row: Row) -> int | None:
    """Return lines a second since the file was taken up the last time; None: not known yet."""
    worked = row["worked"]
    return int((row["lines"] - row["resumed_lines"]) / worked) if worked else None


def find_left(row: Row) -> int | None:
    """Return the seconds until all is recorded at that rate; None: not known yet."""
    read = row["read_bytes"] - row["resumed_bytes"]
    if not row["worked"] or read <= 0:
        return None
    return int(row["worked"] * (row["size"] - row["read_bytes"]) / read)


def count_outcomes(row: Row) -> Mapping[str, int]:
    """Return how many data lines came to what."""
    counts: Counter[str] = Counter()
    for verdict, lines in json.loads(row["tally"]).items():
        counts[verdict.split(" ")[0]] += lines
    return counts


def shorten(one: Shown, local: Local) -> Shown:
    """Return a file as it is shown to people."""
    row = {key: value for key, value in one.items() if key not in {"outcomes", "problem"}}
    outcomes = one["outcomes"] if isinstance(one["outcomes"], Mapping) else {}
    for disposition in (Disposition.ACCEPT, Disposition.HOLD, Disposition.REJECT):
        row[disposition.value] = outcomes.get(disposition, 0)
    rate, left = one["rate"], one["left"]
    return row | {
        "size": spell_size(one["size"]),
        "done": f"{one['done']} %",
        "rate": "" if rate is None else f"{rate}/s",
        "left": spell_time(left),
        "arrived": local(dt.datetime.fromisoformat(str(one["arrived"]))),
        "problem": one["problem"],
    }


def spell_size(size: object) -> str:
    """Return bytes as people say them."""
    left = float(size) if isinstance(size, int) else 0.0
    for unit in ("B", "kB", "MB"):
        if left < 1000:  # noqa: PLR2004 -- what kilo means
            return f"{left:.0f} {unit}" if unit == "B" else f"{left:.1f} {unit}"
        left /= 1000
    return f"{left:.1f} GB"


def spell_time(seconds: object) -> str:
    """Return seconds as people say them; empty where they are not known."""
    if not isinstance(seconds, int):
        return ""
    if seconds >= HOUR:
        return f"{seconds // HOUR} h {seconds % HOUR // MINUTE} min"
    return f"{seconds // MINUTE} min {seconds % MINUTE} s" if seconds >= MINUTE else f"{seconds} s"


async def watch_files(
    look: Callable[[], Awaitable[Sequence[Shown]]],
    local: Local,
    *,
    as_json: bool,
    pause: float = LOOK_EVERY,
) -> None:
    """Show all files again and again, until none of them is under way."""
    console = make_console()
    with contextlib.ExitStack() as stack:
        live = None if as_json else Live(console=console, auto_refresh=False)
        if live is not None:
            stack.enter_context(live)
        while True:
            files = await look()
            if live is not None:
                live.update(draw(files, local, is_bar=console.is_terminal), refresh=True)
            else:
                print_objects(files)
            if not any(one["state"] in UNDER_WAY for one in files):
                return
            await asyncio.sleep(pause)


def print_objects(files: Sequence[Shown]) -> None:
    """Print files as JSON, one a line."""
    for one in files:
        print_json(one)


def draw(files: Sequence[Shown], local: Local, *, is_bar: bool) -> RenderableType:
    """Return the files as a table; on a terminal with a bar each."""
    table = Table(title="registries", title_justify="left", header_style="bold")
    rows = [shorten(one, local) for one in files]
    for key in rows[0] if rows else ():
        table.add_column(key, overflow="fold")
    for one, row in zip(files, rows, strict=True):
        cells: dict[str, RenderableType] = {key: printable(value) for key, value in row.items()}
        if is_bar and isinstance(one["done"], int):
            cells["done"] = ProgressBar(total=PERCENT, completed=one["done"], width=BAR)
        table.add_row(*cells.values())
    return table
