"""``ingest journal``: what is kept on disk while PostgreSQL is away, and whether it is sound."""

from collections.abc import Iterator

import click

from ingest.commands.session import Session, as_json, pass_session, print_json, print_table
from ingest.errors import PermanentError
from ingest.journal import FOLDER, SegmentReport, inspect_journals
from ingest.model import InboundMessage

SHOWN = 60
"""Characters of the text in a table."""


@click.group()
def journal() -> None:
    """Look into the journals; nothing is changed, and a daemon may be running."""


@journal.command("list")
@as_json
@pass_session
def list_messages(session: Session, as_json: bool) -> None:
    """List the messages that are not committed yet, the oldest first."""
    rows = sorted(list_waiting(session), key=lambda message: message.received_at)
    if as_json:
        for message in rows:
            print_json(describe(message) | {"received_at": message.received_at.isoformat()})
    else:
        print_table("in the journals", [show(session, message) for message in rows])


@journal.command()
@pass_session
def check(session: Session) -> None:
    """Verify every record; exit status 1 when something is damaged."""
    reports = list(find_reports(session))
    for report in reports:
        for line in explain(report, known=report.channel in session.config.settings.channels):
            click.echo(line)
    damaged = sum(len(report.damaged) for report in reports)
    waiting = sum(len(report.messages) for report in reports if not report.is_drained)
    summary = f"{waiting} messages wait in {len(reports)} files"
    if damaged:
        raise PermanentError(f"{summary}, {damaged} pieces are damaged")
    click.echo(f"{summary}, nothing is damaged")


def find_reports(session: Session) -> Iterator[SegmentReport]:
    """Yield what is in each file; raises PermanentError where that cannot be read."""
    folder = session.config.state_dir / FOLDER
    try:
        yield from inspect_journals(folder)
    except OSError as error:
        raise PermanentError(f"{error.filename or folder}: {error.strerror}") from None


def list_waiting(session: Session) -> Iterator[InboundMessage]:
    """Yield the messages that are not committed yet, as far as can be told from outside."""
    for report in find_reports(session):
        if not report.is_drained:
            yield from report.messages


def describe(message: InboundMessage) -> dict[str, object]:
    """Return what of a message is shown; the sender whole, for whom to ask when it is damaged."""
    return {
        "channel": message.channel,
        "received_at": message.received_at,
        "sender": spell(message.sender),
        "external_id": spell(message.external_id),
        "text": spell(message.text),
    }


def show(session: Session, message: InboundMessage) -> dict[str, object]:
    """Return a message as a row of a table."""
    text = " ".join(message.text.split())
    return {
        "channel": message.channel,
        "received": session.local(message.received_at),
        "sender": message.sender,
        "text": text if len(text) <= SHOWN else f"{text[:SHOWN]}…",
    }


def spell(text: str) -> str:
    """Return *text* with what is no character spelled out: JSON cannot carry it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def explain(report: SegmentReport, *, known: bool) -> Iterator[str]:
    """Say what is in a file, and what to do about it."""
    state = "drained" if report.is_drained else "in use" if report.is_held else "left behind"
    yield f"{report.path}: {len(report.messages)} whole records, {report.size} bytes, {state}"
    for piece, problem in report.damaged:
        yield (
            f"  damaged: {len(piece.data)} bytes at {piece.offset}: {problem}; "
            "read what is left of it, enter it by hand, then delete or move the file"
        )
    if report.torn is not None:
        yield (
            f"  half written: {len(report.torn.data)} bytes at {report.torn.offset}; nobody was "
            "told that this was received, so nothing need be done"
        )
    if not known:
        yield (
            f"  config.toml has no channel {report.channel}: nobody drains this; "
            "put its table back, with enabled = false, and restart"
        )
