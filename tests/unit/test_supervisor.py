"""Channels are kept running, and heard of once."""

import asyncio
import datetime as dt

import pytest
from structlog.testing import capture_logs

from ingest.errors import PermanentError, TransientError
from ingest.supervisor import ChannelStatus, run_channel

NOW = dt.datetime(2026, 11, 24, 5, tzinfo=dt.UTC)


class ScriptedChannel:
    """A channel that ends each run as it was told to, and serves for ever at last."""

    name = "mail"
    routes = ()

    def __init__(self, *ends):
        self.ends = list(ends)
        self.runs = 0

    async def run(self, report):
        self.runs += 1
        if not self.ends:
            report.up()
            await asyncio.Event().wait()
        end = self.ends.pop(0)
        if end == "up":
            report.up()
            raise TransientError("it broke")
        raise end


async def run_for(channel, status, seconds):
    """Run a channel for so many seconds of the loop's time."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await run_channel(channel, status)


@pytest.mark.looptime
async def test_a_channel_that_fails_is_tried_again():
    """Whatever it fails with, it is started again after a pause that grows."""
    channel = ScriptedChannel(TransientError("no"), PermanentError("never"), ZeroDivisionError())
    status = ChannelStatus("mail", lambda: NOW)
    await run_for(channel, status, 10)
    assert (4, "up") == (channel.runs, status.state)


@pytest.mark.looptime
async def test_lost_and_restored_are_said_once():
    """However often it fails in between, an outage is one line, and its end another."""
    channel = ScriptedChannel("up", TransientError("no"), TransientError("still no"))
    with capture_logs() as logs:
        await run_for(channel, ChannelStatus("mail", lambda: NOW), 60)
    assert ["channel.started", "channel.lost", "channel.restored"] == [one["event"] for one in logs]


@pytest.mark.looptime
async def test_a_channel_that_must_start_ends_the_daemon():
    """With ``startup = "error"`` a channel that was never up is final."""
    with pytest.raises(PermanentError, match="mail does not start"):
        await run_channel(
            ScriptedChannel(TransientError("port taken")), ChannelStatus("mail"), must_start=True
        )


@pytest.mark.looptime
async def test_a_channel_that_was_up_is_retried_all_the_same():
    """Once it has been up, it is tried again like any other."""
    channel = ScriptedChannel("up")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(30):
            await run_channel(channel, ChannelStatus("mail"), must_start=True)
    assert 2 == channel.runs


def test_status_tells_since_when_and_why():
    """What a person sees is the state, since when, and the latest cause."""
    status = ChannelStatus("mail", lambda: NOW)
    status.up()
    status.progressed()
    status.lost("relay down")
    status.lost("relay still down")
    assert ("lost", "relay still down", NOW, NOW) == (
        status.state,
        status.problem,
        status.since,
        status.progressed_at,
    )
