"""What a channel found out about a mail holds when it is recorded, and when it is replayed."""

import pytest
from builders import MAIL, SMALL_CONFIG, a_message

from ingest.model import Disposition, Reason, Verdict
from ingest.policy import build_policies
from ingest.replay import Replay
from ingest.replies import load_phrasebook

READING = "123456789012*5467;"


@pytest.fixture
async def sinks(open_intake, a_config):
    return await open_intake(a_config(SMALL_CONFIG))


@pytest.fixture
def replay(store, a_config):
    return Replay(store, build_policies(a_config(SMALL_CONFIG)), load_phrasebook())


@pytest.mark.parametrize(
    ("finding", "verdict"),
    [
        pytest.param("hold sender_refused", "hold sender_refused", id="a forged sender, held"),
        pytest.param("reject sender_refused", "reject sender_refused", id="a forged sender"),
        pytest.param("hold too_large", "hold too_large", id="too large"),
        pytest.param("hold not_recognised", "hold not_recognised", id="held back"),
        pytest.param("ignore automatic_mail", "hold automatic_mail", id="a robot with a reading"),
    ],
)
async def test_a_finding_outlives_a_replay(sinks, store, replay, finding, verdict):
    """The verdict is the same again, and none of the readings ever counts."""
    disposition, reason = finding.split()
    found = Verdict(Disposition(disposition), Reason(reason))
    outcome = await sinks.receive(a_message(READING, channel=MAIL, finding=found))
    replayed = await replay.replay(outcome.receipt, is_trial=False)
    for one in (outcome.verdict, replayed.before, replayed.after):
        assert verdict == f"{one.disposition} {one.reason}"
    async with store._pool.acquire() as connection:
        rows = await connection.fetch("SELECT disposition, reason, counts FROM readings")
    assert [(*verdict.split(), False)] == [tuple(row) for row in rows]


async def test_a_parked_message_with_a_finding(sinks, replay, monkeypatch):
    """Where nothing had been decided, the reason's own disposition is taken."""
    finding = Verdict(Disposition.HOLD, Reason.SENDER_REFUSED)
    with monkeypatch.context() as broken:
        broken.setattr("ingest.intake.judge_message", None)
        outcome = await sinks.receive(a_message(READING, channel=MAIL, finding=finding))
    assert Reason.FAILED is outcome.verdict.reason
    replayed = await replay.replay(outcome.receipt, is_trial=False)
    assert Verdict(Disposition.REJECT, Reason.SENDER_REFUSED) == replayed.after


async def test_what_servers_said_is_kept(sinks, store):
    """The result of SPF, DKIM and DMARC stands with the message."""
    await sinks.receive(a_message(READING, channel=MAIL, authentication="dmarc=fail"))
    async with store._pool.acquire() as connection:
        assert "dmarc=fail" == await connection.fetchval("SELECT authentication FROM messages")
