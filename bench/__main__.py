"""``make bench``: prints what ours and its floors do side by side, and the ratios."""

import asyncio
import itertools
import statistics
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import click
import uvloop

from bench.imap import compare_mailboxes
from bench.load import Load, make_post, put_load
from bench.registry import compare_registry
from bench.servers import bare_server, our_daemon
from bench.start import measure_start
from ingest.embedded import EmbeddedPostgres

FORM = "application/x-www-form-urlencoded"
CONNECTIONS = (1, 32, 256)
BLOCKS = itertools.count(step=1_000_000)
"""Where the numbers of each round begin."""
PARTS = ("webhook", "registry", "imap", "start")


def make_requests(salt: str) -> Callable[[int], bytes]:
    """Return a maker of texts; no account and no sender comes twice, whoever asks."""
    first = next(BLOCKS)

    def make(number: int) -> bytes:
        body = (
            f"secret=s&id={salt}-{number}&from=%2B79{first + number:09}"
            f"&text={first + number:012}*{number % 100_000};"
        )
        return make_post("/channels/sms", body.encode(), FORM)

    return make


async def compare_webhooks(folder: Path, seconds: float, rounds: int) -> None:
    """Compare the SMS webhook with a bare handler, and with one INSERT a request."""
    server = EmbeddedPostgres(folder / "inserting")
    url = await server.start()
    async with bare_server() as bare, bare_server(url) as inserting, our_daemon(folder) as ours:
        ports = {"bare": bare, "one INSERT": inserting, "ours": ours.port}
        for connections in CONNECTIONS:
            loads: dict[str, list[Load]] = {name: [] for name in ports}
            for turn in range(rounds):
                for name, port in ports.items():
                    make = make_requests(f"{name[0]}{connections}-{turn}")
                    loads[name].append(
                        await put_load("127.0.0.1", port, connections, seconds, make)
                    )
            print_webhooks(connections, loads)
    await server.stop()


def print_webhooks(connections: int, loads: dict[str, list[Load]]) -> None:
    """Print medians, and ratios of rounds that ran one after the other."""
    print(f"\nSMS webhook, {connections} connection(s)")
    for name, rounds in loads.items():
        print(
            f"  {name:<12}{median(one.per_second for one in rounds):>9,.0f}/s"
            f"  p50 {median(one.p50_ms for one in rounds):7.2f} ms"
            f"  p99 {median(one.p99_ms for one in rounds):7.2f} ms"
            f"  refused {sum(one.refused for one in rounds)}"
        )
    for floor in ("bare", "one INSERT"):
        pairs = list(zip(loads["ours"], loads[floor], strict=True))
        print(
            f"  ours / {floor:<11}"
            f"throughput {median(a.per_second / b.per_second for a, b in pairs):5.2f}"
            f"  p50 {median(a.p50_ms / b.p50_ms for a, b in pairs):5.2f}"
            f"  p99 {median(a.p99_ms / b.p99_ms for a, b in pairs):5.2f}"
        )


def median(values: Iterable[float]) -> float:
    """Return the median."""
    return statistics.median(values)


@click.command()
@click.option("--seconds", default=3.0, show_default=True, help="A round of the webhook lasts.")
@click.option("--rounds", default=3, show_default=True, help="Rounds of each.")
@click.option("--lines", default=1_000_000, show_default=True, help="Lines of the registry.")
@click.option("--mails", default=30_000, show_default=True, help="Mails in the mailbox.")
@click.option("--only", type=click.Choice(PARTS), multiple=True, help="Just this; repeatable.")
def main(seconds: float, rounds: int, lines: int, mails: int, only: tuple[str, ...]) -> None:
    """Measure side by side; absolute figures wander, ratios hold. README.md says how to read it."""
    for part in only or PARTS:
        with tempfile.TemporaryDirectory(prefix="ingest-bench-") as name:
            folder = Path(name)
            if part == "webhook":
                uvloop.run(compare_webhooks(folder, seconds, rounds))
            elif part == "registry":
                uvloop.run(compare_registry(folder, lines, rounds))
            elif part == "imap":
                asyncio.run(compare_mailboxes(folder, mails))  # uvloop starts no other user's
            else:
                uvloop.run(measure_start(folder, rounds))


if __name__ == "__main__":
    main()
