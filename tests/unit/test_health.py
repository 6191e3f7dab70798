"""Live and ready are two questions; lost and restored are said once each."""

import asyncio
import datetime as dt

import aiohttp
import pytest
from builders import SMALL_CONFIG, a_message
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from ingest import clock, health
from ingest.addresses import Listen
from ingest.errors import TransientError
from ingest.health import Health, find_age, update_gauges
from ingest.journal import JournalReport
from ingest.listeners import open_listener
from ingest.supervisor import ChannelStatus

NOW = dt.datetime(2026, 11, 24, 5, tzinfo=dt.UTC)
NOTHING_WAITS = {"replies_due": 0, "oldest_reply_at": None, "held": 0}


class ScriptedStore:
    """A store that answers each look as it was told to, and well at last."""

    def __init__(self, *script):
        self.script = list(script)
        self.looks = 0

    async def ping(self):
        self.looks += 1
        answer = self.script.pop(0) if self.script else ""
        if isinstance(answer, Exception):
            raise answer
        if answer == "hang":
            await asyncio.Event().wait()

    async def fetch(self, name):
        return [NOTHING_WAITS]


def a_health(phase="running", problem="", *channels):
    """Return what is known of a daemon."""
    made = Health()
    made.phase, made.database_problem, made.channels = phase, problem, list(channels)
    return made


async def ask(asked, path):
    """Return status and body of one of the internal listener's answers."""
    where = Listen(host="127.0.0.1", port=0)
    async with (
        open_listener(where, asked.routes, max_body=100, read_timeout=30) as address,
        aiohttp.ClientSession() as session,
        session.get(f"http://{address}{path}") as response,
    ):
        return response.status, response.content_type, await response.text()


# What is answered


@pytest.mark.parametrize(
    ("phase", "problem", "live", "ready"),
    [
        pytest.param("starting", "it was not reached yet", 200, 503, id="starting"),
        pytest.param("starting", "", 200, 503, id="starting with PostgreSQL there"),
        pytest.param("running", "", 200, 200, id="running"),
        pytest.param("running", "connection refused", 200, 503, id="PostgreSQL away"),
        pytest.param("stopping", "", 200, 503, id="stopping"),
    ],
)
async def test_live_and_ready(phase, problem, live, ready):
    """A daemon that waits for PostgreSQL is live and not ready: restarting it would not help."""
    asked = a_health(phase, problem)
    found = [(await ask(asked, path))[:2] for path in ("/healthz", "/readyz")]
    assert [(live, "application/json"), (ready, "application/json")] == found


class Kept:
    """Journals that have room, or none."""

    def __init__(self, *, is_kept: bool) -> None:
        self.is_kept = is_kept

    def describe(self) -> dict[str, JournalReport]:
        return {}


@pytest.mark.parametrize(
    ("phase", "is_kept", "ready"),
    [
        pytest.param("receiving", True, True, id="a journal takes them"),
        pytest.param("receiving", False, False, id="no journal, or a full one"),
        pytest.param("starting", True, False, id="its door is not open yet"),
        pytest.param("stopping", True, False, id="its door is closed"),
    ],
)
def test_ready_before_postgresql_is_reached(phase, is_kept, ready):
    """A balancer that heeds this must let through what a journal is for."""
    asked = a_health(phase, "it was not reached yet")
    asked.journals = Kept(is_kept=is_kept)
    assert (ready, ready) == (asked.is_ready, asked.is_degraded)


def test_a_lost_channel_does_not_make_it_unready():
    """The others take messages all the same; the lost one is named."""
    mail, sms = (ChannelStatus(name, lambda: NOW) for name in ("mail", "sms"))
    mail.lost("address in use")
    sms.up()
    sms.progressed()
    asked = a_health("running", "", mail, sms)
    assert asked.is_ready
    lost = {"state": "lost", "since": NOW, "problem": "address in use", "progressed_at": None}
    up = {"state": "up", "since": NOW, "problem": "", "progressed_at": NOW}
    described = {
        "phase": "running",
        "degraded": False,
        "database": "up",
        "channels": {"mail": lost, "sms": up},
        "journals": {},
    }
    assert described == asked.describe()


async def test_metrics_in_prometheus_text():
    """Every figure has a line that says what it is."""
    status, content_type, body = await ask(a_health(), "/metrics")
    assert (200, "text/plain") == (status, content_type)
    for figure in ("ingest_database_up", "ingest_held_messages", "ingest_commit_seconds"):
        assert f"# HELP {figure} " in body


# Looking at PostgreSQL


@pytest.mark.looptime
async def test_lost_and_restored_are_said_once():
    """Three looks that fail and two that do not are one outage and one end of it."""
    asked = a_health()
    store = ScriptedStore("", TransientError("gone"), "hang", TransientError("still gone"))
    found = []
    with capture_logs() as logs:
        for _ in range(6):
            await asked.look(store)
            found.append(asked.database_problem)
    assert ["database.lost", "database.restored"] == [one["event"] for one in logs]
    assert ["", "gone", "it does not answer in time", "still gone", "", ""] == found


@pytest.mark.looptime
async def test_a_look_ends_in_time():
    """A PostgreSQL that takes connections and never answers counts as away."""
    before = asyncio.get_running_loop().time()
    await a_health().look(ScriptedStore("hang"))
    assert health.PATIENCE == pytest.approx(asyncio.get_running_loop().time() - before)
    assert 0 == REGISTRY.get_sample_value("ingest_database_up")


@pytest.mark.looptime
async def test_watch_looks_again_and_again(monkeypatch):
    """Each look, also one that fails, proves to systemd that the loop turns."""
    notices = []
    monkeypatch.setattr(health, "notify", notices.append)
    store = ScriptedStore("", TransientError("gone"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3.5 * health.LOOK_EVERY):
            await a_health().watch(store)
    assert (4, ["WATCHDOG=1"] * 4) == (store.looks, notices)


async def test_gauges_count_what_waits(open_intake, a_config, store):
    """What waits for a person, and replies that are due, are counted by the database."""
    sinks = await open_intake(a_config(SMALL_CONFIG))
    for text in ("123456789012*5467;", "Добрый день!", "А когда?"):
        await sinks.receive(a_message(text))
    await update_gauges(store)
    names = ("ingest_held_messages", "ingest_replies_due")
    assert [2, 3] == [REGISTRY.get_sample_value(name) for name in names]
    assert 0 < REGISTRY.get_sample_value("ingest_oldest_reply_seconds") < 60


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(None, 0, id="nothing waits"),
        pytest.param(90, 90, id="for a minute and a half"),
        pytest.param(-90, 0, id="PostgreSQL's clock is ahead"),
    ],
)
def test_find_age(monkeypatch, seconds, expected):
    """An age is never negative, whoever's clock is ahead."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    since = None if seconds is None else NOW - dt.timedelta(seconds=seconds)
    assert expected == find_age(since)


# With a journal


class Keeper:
    """Journals that hold so many messages."""

    def __init__(self, messages, *, is_kept=True):
        self.is_kept = is_kept
        self.messages = messages

    def describe(self):
        return {"sms": JournalReport(self.messages, 100 * self.messages, None)}


@pytest.mark.parametrize(
    ("problem", "keeper", "expected"),
    [
        pytest.param("", Keeper(0), (True, False), id="all is well"),
        pytest.param("it is away", Keeper(0), (True, True), id="kept on disk"),
        pytest.param("", Keeper(3), (True, True), id="being drained"),
        pytest.param("it is away", Keeper(0, is_kept=False), (False, False), id="no journal"),
        pytest.param("", Keeper(3, is_kept=False), (True, True), id="left by a disabled channel"),
    ],
)
def test_a_journal_keeps_it_ready(problem, keeper, expected):
    """What a journal takes is taken; that it is not committed yet is shown."""
    asked = a_health("running", problem)
    asked.journals = keeper
    assert expected == (asked.is_ready, asked.is_degraded)
    assert "sms" in asked.describe()["journals"]


async def test_a_channel_whose_sink_refused_is_up_again(store):
    """It would not know before its next message; what is lost for its own reasons stays so."""
    mail, sms, other = (ChannelStatus(name, lambda: NOW) for name in ("mail", "sms", "other"))
    for channel in (mail, sms, other):
        channel.up()
    mail.refused("the database is away")
    sms.lost("address in use")
    other.lost("address in use")
    other.refused("the database is away")
    health = a_health("running", "", mail, sms, other)
    health.database_problem = "away"
    await health.restore_channels(store)
    assert "lost" == mail.state
    health.database_problem = ""
    await health.restore_channels(store)
    assert ["up", "lost", "lost"] == [one.state for one in (mail, sms, other)]


async def test_a_database_that_takes_no_writes_restores_nothing(store):
    """It answers, but a disk may be full: only what is written proves that messages are taken."""
    sms = ChannelStatus("sms", lambda: NOW)
    sms.refused("the disk is full")
    async with store._pool.acquire() as connection:
        await connection.execute("ALTER TABLE leases RENAME TO gone")
    await a_health("running", "", sms).restore_channels(store)
    assert "lost" == sms.state
