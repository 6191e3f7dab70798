"""What holds replies back: quotas, a gateway's pace and wishes, quiet hours; no long scans."""

import datetime as dt
import json

import pytest
from builders import SMALL_CONFIG, SMS, a_message
from msgspec.structs import replace

from ingest import clock
from ingest.model import Delivery, DeliveryState
from ingest.outbox import LEASE, LONGEST_PAUSE, Outbox
from ingest.pace import Pace, Paces
from ingest.quiet import parse_quiet_hours
from ingest.settings import Replies

PLENTY = Replies(per_address=999, per_address_and_reason=999, per_address_accepted=999)


class Sender:
    """A way out that takes all, or asks to be left alone."""

    is_repeatable = True

    def __init__(
        self, retry_after: float | None = None, state: DeliveryState = DeliveryState.SENT
    ) -> None:
        self.retry_after = retry_after
        self.state = state
        self.sent = []

    async def send(self, acknowledgement):
        self.sent.append(acknowledgement)
        if self.retry_after is not None:
            return Delivery(DeliveryState.RETRY, "429", retry_after=self.retry_after)
        return Delivery(self.state, "OK")


@pytest.fixture
async def owe(open_intake, a_config):
    """Return a function that lets the intake owe some replies, each for what its text deserves."""
    sinks = await open_intake(a_config(SMALL_CONFIG))

    async def make(*texts, references=""):
        for text in texts:
            message = a_message(text)
            reply_to = replace(message.reply_to, references=references)
            await sinks.receive(replace(message, reply_to=reply_to))

    return make


async def fetch(store, sql, *arguments):
    async with store._pool.acquire() as connection:
        return await connection.fetch(sql, *arguments)


async def list_states(store):
    return [row["state"] for row in await fetch(store, "SELECT state FROM outbox ORDER BY id")]


TEXTS = ("123456789012*1;", "123456789012*1;", "hello", "1234*5;")


@pytest.mark.parametrize("batch", [True, False], ids=["at once", "one by one"])
async def test_an_address_gets_only_so_many_a_day(store, owe, batch):
    """Whatever they are for: a robot that makes another mistake each time ends here too."""
    settings = Replies(per_address=2)
    outbox = Outbox(store, {SMS: Sender()}, settings)
    for text in TEXTS:
        await owe(text)
        if not batch:
            await outbox.send_due()
    await outbox.send_due()
    assert ["sent", "sent", "sent", "suppressed"] == await list_states(store)


@pytest.mark.parametrize("batch", [True, False], ids=["at once", "one by one"])
async def test_whoever_sends_for_many_flats_hears_of_each(store, owe, batch):
    """Replies for accepted readings have a limit of their own, and take nobody else's room."""
    settings = Replies(per_address=1, per_address_and_reason=1, per_address_accepted=3)
    outbox = Outbox(store, {SMS: Sender()}, settings)
    for text in [*(f"12345678901{flat}*5;" for flat in range(4)), "hello", "1234*5;"]:
        await owe(text)
        if not batch:
            await outbox.send_due()
    await outbox.send_due()
    expected = ["sent", "sent", "sent", "suppressed", "sent", "suppressed"]
    assert expected == await list_states(store)


@pytest.mark.parametrize("batch", [True, False], ids=["at once", "one by one"])
async def test_a_thread_with_us_gets_one_reply_that_nothing_was_read(store, owe, batch):
    """Another answer to an answer of ours, with nothing to read, is a robot's or adds nothing."""
    sender = Sender()
    outbox = Outbox(store, {SMS: sender}, PLENTY)
    for text in ("hello", "5476", "no, 5477", "12345678901*5;", "123456789012*5;"):
        await owe(text, references="<1@x.example> <ack.7K4M-2Q9X.17@example.org>")
        if not batch:
            await outbox.send_due()
    await outbox.send_due()
    expected = ["sent", "suppressed", "suppressed", "sent", "sent"]
    assert (expected, 3) == (await list_states(store), len(sender.sent))


async def test_other_threads_do_not_count(store, owe):
    """Whoever writes anew is answered each time, up to the settings."""
    for _ in range(3):
        await owe("hello", references="<ack@x.example>")
    await Outbox(store, {SMS: Sender()}, PLENTY).send_due()
    assert ["sent"] * 3 == await list_states(store)


async def test_what_was_perhaps_sent_counts_too(store, owe):
    """A gateway that never says yes may send each text all the same: a loop must end there too."""
    sender = Sender(state=DeliveryState.UNCERTAIN)
    outbox = Outbox(store, {SMS: sender}, Replies(per_address=2))
    for text in TEXTS:
        await owe(text)
        await outbox.send_due()
    expected = ["uncertain", "uncertain", "uncertain", "suppressed"]
    assert expected == await list_states(store)


async def test_another_day_is_another_quota(store, owe):
    """Only the last twenty-four hours count."""
    await owe(*TEXTS)
    await fetch(store, "UPDATE outbox SET state = 'sent', settled_at = now() - interval '25 hours'")
    await owe(TEXTS[0])
    await Outbox(store, {SMS: Sender()}, Replies(per_address=1, per_address_accepted=1)).send_due()
    assert "sent" == (await list_states(store))[-1]


@pytest.mark.parametrize(
    ("wished", "expected"),
    [
        pytest.param(0.0, 10.0, id="nothing wished"),
        pytest.param(3.0, 10.0, id="less than our own pause"),
        pytest.param(600.0, 600.0, id="ten minutes"),
        pytest.param(1e9, LONGEST_PAUSE.total_seconds(), id="for ever"),
    ],
)
async def test_a_gateway_is_left_alone_when_it_asks_for_it(store, owe, wished, expected):
    """Up to an hour; the time stands in the row."""
    await owe(TEXTS[0])
    await Outbox(store, {SMS: Sender(wished)}, PLENTY).send_due()
    sql = "SELECT extract(epoch FROM next_attempt_at - now())::float AS left FROM outbox"
    [row] = await fetch(store, sql)
    assert expected - 5 < row["left"] <= expected


async def test_a_gateway_takes_only_so_many_a_second(store, owe):
    """The rest is not even claimed, so that another daemon may send it."""
    seconds = [0.0]
    paces = Paces({SMS: Pace(per_second=2)}, monotonic=lambda: seconds[0])
    outbox = Outbox(store, {SMS: Sender()}, PLENTY, paces=paces)
    await owe(*TEXTS, *TEXTS)
    first = [await outbox.send_due(), await outbox.send_due(), outbox.find_wait(SMS)]
    seconds[0] = 1.0
    assert ([2, 0, 1.0], 2) == (first, await outbox.send_due())


async def test_nobody_is_woken(store, owe):
    """In quiet hours replies are put off to their end, by the row; then they leave."""
    now = [clock.now().replace(hour=23, minute=0)]
    paces = Paces({SMS: Pace(quiet=parse_quiet_hours("22:00-07:00", dt.UTC))}, now=lambda: now[0])
    sender = Sender()
    outbox = Outbox(store, {SMS: sender}, PLENTY, paces=paces)
    await owe(TEXTS[0])
    assert (0, []) == (await outbox.send_due(), sender.sent)
    end = dt.datetime.combine(now[0].date() + dt.timedelta(days=1), dt.time(7), dt.UTC)
    assert [end] == [
        row["at"] for row in await fetch(store, "SELECT next_attempt_at AS at FROM outbox")
    ]
    now[0] = end
    await fetch(store, "UPDATE outbox SET next_attempt_at = now()")
    assert (1, 1) == (await outbox.send_due(), len(sender.sent))


FILL = """
INSERT INTO outbox (message_id, occasion, channel, receipt, reason, address, subject, in_reply_to,
    reply_references, body, state, next_attempt_at)
SELECT message_id, number, CASE WHEN number % 10 = 0 THEN 'sms' ELSE 'mail' END, receipt, reason,
    address || number, '', '', '', body, CASE WHEN number % 2 = 0 THEN 'due' ELSE 'sent' END,
    now() - number * interval '1 second'
FROM outbox CROSS JOIN generate_series(1, 3000) AS number
"""


async def test_claiming_reads_what_it_claims(store, owe):
    """However long the backlog is, the oldest come straight from the index, in order."""
    await owe(TEXTS[0])
    await fetch(store, FILL)
    await fetch(store, "ANALYZE outbox")
    plan = await fetch(
        store, "EXPLAIN (ANALYZE, FORMAT json) " + store._queries["claim_replies"], SMS, 20, LEASE
    )
    nodes = list_nodes(json.loads(plan[0][0])[0]["Plan"])
    scans = [node for node in nodes if is_claim(node)]
    assert [("outbox_due_idx", 20)] == [(one["Index Name"], one["Actual Rows"]) for one in scans]
    assert "Sort" not in [node["Node Type"] for node in nodes]
    counts = [node for node in nodes if node.get("Alias", "").startswith("earlier")]
    assert {"outbox_address_idx"} == {node["Index Name"] for node in counts}
    assert 2 == len(counts)


def list_nodes(node):
    """Return a node of a plan and all beneath it."""
    return [node, *(inner for one in node.get("Plans", ()) for inner in list_nodes(one))]


def is_claim(node):
    return node.get("Index Name") == "outbox_due_idx"
