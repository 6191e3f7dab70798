"""What every channel promises, whatever it speaks; see ``ports.py`` and ``contract.py``."""

import ast
import asyncio
import functools
import inspect
import io
import logging
import sys

import pytest
import structlog
from builders import Sinks
from channels.contract import (
    CONFIG,
    DRIVERS,
    ENVIRON,
    LONG_ENOUGH,
    NAME,
    PHONE,
    SECRET,
    SENDER,
    WRONG_SECRET,
    Delivery,
    Gate,
    open_stand,
)
from structlog.testing import capture_logs

from ingest import building
from ingest.errors import TransientError
from ingest.log import configure_logging

ONE, OTHER = Delivery(), Delivery("123456789013", 77)
NOTHING = Sinks(None, None)
"""For tests that hand nothing over."""
A_MOMENT = 0.2
"""Seconds in which an answer that was given too early would have arrived."""
EVERYTHING = (
    "SELECT row_to_json(one)::text FROM messages AS one UNION ALL "
    "SELECT row_to_json(one)::text FROM readings AS one UNION ALL "
    "SELECT row_to_json(one)::text FROM outbox AS one"
)
watched = []
"""What the running test has the interpreter watch: touched paths and sockets are added."""


@pytest.fixture(params=DRIVERS)
def driver(request):
    """Each kind of channel in its turn."""
    return DRIVERS[request.param]()


@pytest.fixture
def config(driver, a_config):
    """A configuration with nothing but the channel."""
    return a_config(CONFIG + driver.table, ENVIRON)


@pytest.fixture
async def idle(driver, config):
    """The channel, running, with nothing behind it."""
    async with open_stand(driver, config, NOTHING) as opened:
        yield opened


@pytest.fixture
async def stand(driver, config, open_intake):
    """The channel, running, with its upstream before it."""
    async with open_stand(driver, config, await open_intake(config)) as opened:
        yield opened


@pytest.fixture
def written():
    """All that is logged, down to debug, as it would be written."""
    handlers, level = logging.getLogger().handlers, logging.getLogger().level
    stream = io.StringIO()
    configure_logging("debug", "json", stream)
    yield stream
    structlog.reset_defaults()
    logging.getLogger().handlers, logging.getLogger().level = handlers, level


async def fetch(store, sql):
    """Return the first column of a statement's rows, in order."""
    async with store._pool.acquire() as connection:
        return sorted(row[0] for row in await connection.fetch(sql))


async def list_counting(store):
    """Return the values that count."""
    return await fetch(store, "SELECT value FROM readings WHERE counts")


# Being there


@functools.cache
def start_watching():
    """Ask the interpreter to tell what it does; that cannot be undone, so it is done once."""
    sys.addaudithook(watch)


def watch(event, arguments):
    """Note what is done to files and sockets while a test wants to know."""
    if watched and event.startswith(("socket.", "open", "os.")):
        watched.append((event, arguments))


def test_constructing_touches_nothing(driver, config):
    """A channel is built without the network and without the disk; ``run`` comes later."""
    gate = Gate(NOTHING)
    start_watching()
    watched.append("from here on")
    driver.build(config, gate)
    found = [
        one for one in watched[1:] if "socket" in one[0] or str(config.path.parent) in str(one[1])
    ]
    watched.clear()
    assert [] == found
    assert not config.state_dir.exists()


async def test_it_says_when_it_is_up(idle):
    """``run`` reports up, and goes on until it is cancelled."""
    assert (["up"], True) == (idle.report.said, idle.is_running)
    await idle.stop()
    assert not idle.is_running


async def test_routes_lie_beneath_its_name(idle):
    """An HTTP channel owns ``/channels/NAME`` and what is below it, and nothing else."""
    own = f"/channels/{NAME}"
    others = [
        route.path
        for route in idle.channel.routes
        if route.path != own and not route.path.startswith(f"{own}/")
    ]
    assert [] == others


# Taking a message


async def test_taken_means_committed(stand, store):
    """The upstream hears nothing before the commit, and finds everything recorded after it."""
    stand.gate.opened.clear()
    delivering = asyncio.create_task(stand.deliver(ONE))
    await stand.gate.reached.wait()
    answered, _ = await asyncio.wait({delivering}, timeout=A_MOMENT)
    assert (set(), []) == (answered, await list_counting(store))
    stand.gate.opened.set()
    heard = await delivering
    assert ("taken", [ONE.value]) == (heard.word, await list_counting(store))


async def test_the_same_again_changes_nothing(stand, store):
    """A repeat gets the first answer, word for word, and leaves no trace."""
    first = await stand.deliver(ONE)
    before = await fetch(store, EVERYTHING)
    again = await stand.deliver(ONE)
    assert ("taken", first) == (first.word, again)
    assert before == await fetch(store, EVERYTHING)


async def test_two_are_not_taken_for_one(stand, store):
    """What is another message is recorded as such."""
    await stand.deliver(ONE)
    await stand.deliver(OTHER)
    assert [OTHER.value, ONE.value] == await list_counting(store)


# Trouble


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(TransientError("PostgreSQL is away"), id="refused for now"),
        pytest.param(ZeroDivisionError("a fault of ours"), id="a fault of ours"),
    ],
)
async def test_trouble_is_never_final(stand, store, trouble):
    """Whatever goes wrong here, the upstream keeps its message, and succeeds with it later."""
    stand.gate.troubles.append(trouble)
    first = await stand.deliver(ONE)
    assert ("not now", []) == (first.word, await list_counting(store))
    again = await stand.deliver_again(ONE)
    assert ("taken", [ONE.value]) == (again.word, await list_counting(store))
    assert stand.is_running


async def test_an_outage_is_told_and_so_is_its_end(stand):
    """The daemon hears once that nothing can be taken, and once that it can again."""
    stand.gate.troubles.extend([TransientError("away"), TransientError("still away")])
    await stand.deliver(ONE)
    await stand.deliver_again(ONE)
    await stand.deliver_again(ONE)
    await stand.report.until(lambda: stand.report.is_up)
    assert ["up", "lost", "up"] == stand.report.said


async def test_malformed_input_stays_outside(stand):
    """Nonsense brings nothing down: no fault is logged, and the next message is taken."""
    with capture_logs() as logs:
        for content in stand.driver.malformed:
            await stand.offer(content)
    assert [] == [one for one in logs if one["event"].endswith(".failed") or "exc_info" in one]
    assert stand.is_running
    assert "taken" == (await stand.deliver(ONE)).word


async def test_nothing_private_is_logged(stand, written):
    """No secret, right or wrong, no address and no account stands in any line of the log."""
    for content in stand.driver.malformed:
        await stand.offer(content)
    stand.gate.troubles.extend([TransientError("away"), ZeroDivisionError("ours")])
    await stand.deliver(ONE)
    await stand.deliver_again(ONE)
    await stand.deliver_again(ONE)
    log = written.getvalue()
    assert log
    private = (SECRET, WRONG_SECRET, PHONE, SENDER, ONE.account)
    assert [] == [one for one in private if one in log]


# Stopping


async def test_a_stop_finishes_what_was_received(stand, store):
    """Cancelling waits for the commit under way, and tells an upstream on the line."""
    stand.gate.opened.clear()
    delivering = asyncio.create_task(stand.deliver(ONE))
    await stand.gate.reached.wait()
    stopping = stand.ask_to_stop()
    ended, _ = await asyncio.wait({stopping}, timeout=A_MOMENT)
    assert set() == ended
    stand.gate.opened.set()
    await asyncio.wait({stopping}, timeout=LONG_ENOUGH)
    assert (True, [ONE.value]) == (stopping.cancelled(), await list_counting(store))
    if stand.driver.holds_the_line:
        assert "taken" == (await delivering).word
    await give_up(delivering)


async def give_up(delivering):
    """Let go of an upstream that would wait for the next start."""
    delivering.cancel()
    await asyncio.gather(delivering, return_exceptions=True)


async def test_it_can_be_run_again_at_once(idle):
    """Ports, sockets and locks are let go of when ``run`` ends."""
    for _ in range(3):
        await idle.stop()
        await idle.start()
    assert (["up"], True) == (idle.report.said, idle.is_running)


async def test_what_came_before_a_stop_is_taken_once(stand, store):
    """An upstream that comes again after a stop in the middle finds its message recorded."""
    stand.gate.opened.clear()
    delivering = asyncio.create_task(stand.deliver(ONE))
    await stand.gate.reached.wait()
    asyncio.get_running_loop().call_soon(stand.gate.opened.set)
    await stand.stop()
    await give_up(delivering)
    await stand.start()
    assert "taken" == (await stand.deliver_again(ONE)).word
    assert 1 == len(await fetch(store, "SELECT id FROM messages"))
    assert [ONE.value] == await list_counting(store)


# The table of drivers


def test_every_channel_has_a_driver(a_config):
    """A channel that the daemon serves and nobody holds to this contract is a mistake."""
    [match] = [
        node
        for node in ast.walk(ast.parse(inspect.getsource(building.build_channel)))
        if isinstance(node, ast.Match)
    ]
    served = {
        ast.unparse(case.pattern.cls)
        for case in match.cases
        if isinstance(case.body[0], ast.Return)
    }
    drivers = [make() for make in DRIVERS.values()]
    driven = {type(a_config(CONFIG + one.table, ENVIRON).channels[NAME]) for one in drivers}
    assert served == {kind.__name__ for kind in driven}
