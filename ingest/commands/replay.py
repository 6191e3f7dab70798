"""``ingest replay``: judges recorded messages once more, by their own time of arrival."""

import click

from ingest.building import can_send, find_templates
from ingest.commands.session import Session, as_json, pass_session, print_json, print_table
from ingest.errors import NotFoundError
from ingest.policy import build_policies
from ingest.receipts import parse_receipt
from ingest.replay import Replay, Replayed
from ingest.replies import load_phrasebook
from ingest.store import Store


@click.command()
@click.argument("codes", nargs=-1)
@click.option("--parked", is_flag=True, help="All messages that our code had failed on.")
@click.option("--apply", "is_real", is_flag=True, help="Record it; without it nothing changes.")
@as_json
@pass_session
def replay(
    session: Session, codes: tuple[str, ...], parked: bool, is_real: bool, as_json: bool
) -> None:
    """
    Judge the messages with receipts CODES once more, by their own time of arrival.

    Without --apply it only shows what would change. When a verdict changes, the sender is told.
    """
    if bool(codes) == parked:
        raise click.UsageError("give either receipts or --parked")
    receipts = [read_code(code) for code in codes]

    async def run(store: Store) -> list[Replayed]:
        phrasebook = load_phrasebook(find_templates(session.config))
        replaying = Replay(
            store,
            build_policies(session.config),
            phrasebook,
            call_back=lambda channel, sender: can_send(session.config, channel, sender),
        )
        wanted = await replaying.list_parked() if parked else receipts
        return [await replaying.replay(one, is_trial=not is_real) for one in wanted]

    replayed = session.with_store(run)
    if as_json:
        for one in replayed:
            print_json(one)
        return
    print_table("replayed" if is_real else "would change", [describe(one) for one in replayed])
    if not is_real:
        click.echo("Nothing was changed; --apply records it.")


def read_code(code: str) -> str:
    """Return a receipt in its canonical form; raises NotFoundError for what is none."""
    receipt = parse_receipt(code)
    if receipt is None:
        raise NotFoundError(f"{code!r} is no receipt: its check character does not fit")
    return receipt


def describe(one: Replayed) -> dict[str, object]:
    """Return a replay as a row of a table."""
    return {
        "receipt": one.receipt,
        "before": f"{one.before.disposition} {one.before.reason}",
        "after": f"{one.after.disposition} {one.after.reason}",
        "readings": one.readings,
        "sender is told": "yes" if one.is_told else "no",
    }
