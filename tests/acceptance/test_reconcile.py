"""``ingest reconcile``: a day at the terminals beside the registry that the partner sends of it."""

import asyncio
import csv
import datetime as dt
import json
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest
from builders import OPEN_AT, numbers
from click.testing import CliRunner
from terminal_bench import CITYPAY, configure, gather, serve_atm

from ingest.cli import main
from ingest.commands.reconcile import COLUMNS, make_cells
from ingest.model import ChannelName, InboundRegistry, RegistryChunk, RegistryLine

REGISTRY = (
    '[channels.atm-files]\ntype = "registry"\nwindow = "always"\ndirectory = "atm"\n'
    'dialect = { columns = { account = 1, value = 2, paid_at = 3 }, delimiter = "|", '
    'encoding = "cp1251", time_zone = "Europe/Moscow" }\n'
)
CONFIG = configure(CITYPAY + 'time_zone = "Europe/Moscow"\n', 'reconcile_with = "atm-files"')
MOSCOW = dt.timezone(dt.timedelta(hours=3))
PAID_AT = dt.datetime(2026, 11, 24, 23, 59, tzinfo=MOSCOW)
ONLINE = {"100000000001": 5, "100000000002": 6, "100000000003": 7}
IN_REGISTRY = {"100000000001": 5, "100000000002": 66, "100000000004": 8}


@pytest.fixture
def config(a_config):
    return a_config(CONFIG + REGISTRY)


@pytest.fixture
async def sinks(config, open_intake):
    return await open_intake(config)


@pytest.fixture
async def run(config, database_url):
    """Return what runs the command and returns its output."""

    async def make(*arguments, status=0):
        environ = {"INGEST_DATABASE_URL": database_url, "INGEST_CONFIG": str(config.path)}
        command = ["reconcile", "--day", "2026-11-24", *arguments]
        result = await asyncio.to_thread(CliRunner().invoke, main, command, env=environ)
        assert status == result.exit_code, result.output
        return result

    return make


async def take_registry(
    sinks, readings, *, paid_at=PAID_AT, received_at=PAID_AT, transactions=MappingProxyType({})
):
    """Record a registry with a line for each of *readings*; dialects give times in our zone."""
    pairs = readings.items() if isinstance(readings, dict) else readings
    if paid_at is not None:
        paid_at = paid_at.astimezone(ZoneInfo("Asia/Krasnoyarsk"))
    name = f"registry-{next(numbers)}"
    registry = InboundRegistry(
        channel=ChannelName("atm-files"),
        external_id=name,
        received_at=received_at,
        file_name=name,
        size=1,
    )
    lines = tuple(
        RegistryLine(
            number, account, (str(value),), paid_at, transaction=transactions.get(account, "")
        )
        for number, (account, value) in enumerate(pairs, start=1)
    )
    progress = await sinks.open_registry(registry)
    progress = await sinks.receive_chunk(progress, RegistryChunk(b"x", len(lines), lines))
    await sinks.finish_registry(progress)


async def pay(sinks, config, readings, day="20261124", terminal=""):
    """Pay with readings at a quarter past midnight of the partner's day."""
    async with serve_atm(config, gather(sinks)) as counter:
        for number, (account, value) in enumerate(readings.items(), start=1):
            _, answer = await counter.get(
                f"QueryType=pay&TransactionId={day}{terminal}{number}&TransactionDate={day}001500"
                f"&Account={account}&Amount=1.00&field1={value}"
            )
            assert b"<ResultCode>0<" in answer


async def test_a_day_is_compared(sinks, config, run):
    """Matched, different, only online, only in the registry: each reading with both its sides."""
    await pay(sinks, config, ONLINE)
    await pay(sinks, config, {"100000000005": 1}, day="20261125")
    await take_registry(sinks, IN_REGISTRY, received_at=OPEN_AT + dt.timedelta(days=1))
    result = await run("--partner", "atm", "--format", "json")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [
        ("different", "100000000002", 6, 66, "202611242"),
        ("only_online", "100000000003", 7, None, "202611243"),
        ("only_registry", "100000000004", None, 8, ""),
        ("matched", "100000000001", 5, 5, "202611241"),
    ] == [
        tuple(row[key] for key in ("agreement", "account", "online", "registry", "transaction_id"))
        for row in rows
    ]
    assert "1 matched, 1 different, 1 only online, 1 only registry\n" == result.stderr


async def test_a_file_in_the_form_of_the_partner(sinks, config, run, tmp_path):
    """With its delimiter and encoding; people see what differs."""
    await pay(sinks, config, ONLINE)
    await take_registry(sinks, IN_REGISTRY)
    output = tmp_path / "day.csv"
    result = await run("--partner", "atm-files", "--output", str(output))
    rows = list(csv.reader(output.read_text("cp1251").splitlines(), delimiter="|"))
    assert ["agreement", "account", "register", "online", "registry"] == rows[0][:5]
    assert ["matched", "100000000001", "1", "5", "5"] == rows[-1][:5]
    assert "100000000003" in result.stdout
    assert "100000000001" not in result.stdout


@pytest.mark.parametrize("text", ["=1+1", "+7", "-1", "@SUM(A1)", "\tx"])
def test_no_cell_starts_a_formula(text):
    """What a partner calls its transactions is text, also to a spreadsheet."""
    row = dict.fromkeys(COLUMNS, "") | {"transaction_id": text}
    assert f"'{text}" in make_cells(row)


@pytest.mark.parametrize(
    ("days", "agreement"),
    [
        pytest.param(0, "only_online", id="the same day"),
        pytest.param(1, "matched", id="the day after"),
        pytest.param(2, "only_online", id="two days after"),
    ],
)
async def test_a_registry_without_times(days, agreement, sinks, config, run):
    """It is about the day before it came, unless config.toml says otherwise."""
    await pay(sinks, config, {"100000000001": 5})
    received_at = PAID_AT + dt.timedelta(days=days)
    await take_registry(sinks, {"100000000001": 5}, paid_at=None, received_at=received_at)
    result = await run("--partner", "atm", "--format", "csv")
    assert [agreement] == [line.split(";")[0] for line in result.stdout.splitlines()[1:]]


@pytest.mark.parametrize(
    ("after", "agreement"),
    [
        pytest.param(dt.timedelta(seconds=-1), "only_online", id="the last second before"),
        pytest.param(dt.timedelta(0), "matched", id="midnight"),
        pytest.param(dt.timedelta(hours=24, seconds=-1), "matched", id="the last second"),
        pytest.param(dt.timedelta(hours=24), "only_online", id="the midnight after"),
    ],
)
async def test_the_day_is_the_partners(after, agreement, sinks, config, run):
    """In Moscow it begins and ends four hours later than here, online and in the registry."""
    await pay(sinks, config, {"100000000001": 5})
    paid_at = dt.datetime(2026, 11, 24, tzinfo=MOSCOW) + after
    received_at = OPEN_AT + dt.timedelta(days=2)
    await take_registry(sinks, {"100000000001": 5}, paid_at=paid_at, received_at=received_at)
    result = await run("--partner", "atm", "--format", "csv")
    assert [agreement] == [line.split(";")[0] for line in result.stdout.splitlines()[1:]]


async def test_transaction_ids_decide(sinks, config, run):
    """Where the registry has them, an account that was mistyped there shows as what differs."""
    await pay(sinks, config, {"100000000001": 5})
    ids = {"100000000009": "202611241"}
    await take_registry(sinks, {"100000000009": 5}, transactions=ids)
    result = await run("--partner", "atm", "--format", "json")
    assert result.stderr.startswith("0 matched, 1 different, 0 only online, 0 only registry")
    row = json.loads(result.stdout)
    assert ("100000000001", "100000000009") == (row["account"], row["registry_account"])


async def test_a_registry_that_came_again(sinks, config, run):
    """The same lines in a second, corrected file are the same readings."""
    await pay(sinks, config, ONLINE)
    for _ in range(2):
        await take_registry(sinks, ONLINE)
    result = await run("--partner", "atm")
    assert result.stderr.startswith("3 matched, 0 different, 0 only online, 0 only registry")


async def test_a_registry_that_came_again_corrected(sinks, config, run):
    """What the later file says of an operation stands in the place of what the first said."""
    await pay(sinks, config, {"100000000001": 5, "100000000002": 6})
    ids = {"100000000001": "202611241"}
    await take_registry(sinks, {"100000000001": 55, "100000000002": 66}, transactions=ids)
    await take_registry(sinks, {"100000000001": 5, "100000000002": 6}, transactions=ids)
    result = await run("--partner", "atm")
    assert result.stderr.startswith("2 matched, 0 different, 0 only online, 0 only registry")


@pytest.mark.parametrize("paid_at", [PAID_AT, None], ids=["with times", "without"])
async def test_the_same_reading_paid_twice(paid_at, sinks, config, run):
    """Two payments with one value are two on either side, though the file comes twice."""
    await pay(sinks, config, {"100000000001": 5})
    await pay(sinks, config, {"100000000001": 5}, terminal=2)
    lines = [("100000000001", 5)] * 2
    for _ in range(2):
        received_at = PAID_AT + dt.timedelta(days=1)
        await take_registry(sinks, lines, paid_at=paid_at, received_at=received_at)
    result = await run("--partner", "atm")
    assert result.stderr.startswith("2 matched, 0 different, 0 only online, 0 only registry")


async def test_an_unknown_partner(run):
    """What there is to choose from is told."""
    result = await run("--partner", "nobody", status=2)
    assert "--partner: found 'nobody', wanted one of atm" in result.output


async def test_a_file_that_cannot_be_written(run, tmp_path):
    """A folder that is not there is told in one line."""
    output = tmp_path / "nowhere" / "day.csv"
    result = await run("--partner", "atm", "--output", str(output), status=1)
    assert f"{output}: No such file or directory" in result.output
