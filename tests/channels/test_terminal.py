"""Terminals that ask online: real HTTP, real PostgreSQL, every protocol once from end to end."""

import asyncio
import contextlib
import datetime as dt
import hashlib
import json
import re

import pytest
from builders import OPEN_AT, SHUT_AT, Sinks
from structlog.testing import capture_logs
from terminal_bench import (
    ACCOUNT,
    CITYPAY,
    COMMAND_CALL,
    JSON,
    LOGIN,
    OSMP,
    SBERBANK,
    SECRET,
    ask_pay,
    basic,
    configure,
    gather,
    serve_atm,
    write_call,
)

from ingest.errors import TransientError
from ingest.metrics import REFUSALS, REPEATS

MESSAGES = "SELECT * FROM messages ORDER BY id"
READINGS = "SELECT * FROM readings ORDER BY message_id, line, register"
OPERATIONS = "SELECT * FROM terminal_operations ORDER BY number"


@pytest.fixture
def open_counter(a_config, open_intake):
    """Return a maker of served channels on the test's database."""

    @contextlib.asynccontextmanager
    async def make(*given, now=lambda: OPEN_AT, ports=None, **settings):
        config = a_config(configure(*given, **settings), {"SECRET": SECRET})
        sinks = await open_intake(config)
        async with serve_atm(config, gather(sinks, **(ports or {})), now) as counter:
            yield counter

    return make


@pytest.fixture
def fetch(store):
    """Return what runs a query on the test's database."""

    async def run(query):
        return await store._pool.fetch(query)

    return run


def find(pattern, text):
    """Return the group of *pattern* in an answer."""
    return re.search(pattern, text)[1]


def count_refusals(cause):
    return REFUSALS.labels("atm", cause)._value.get()


async def test_osmp_from_end_to_end(open_counter, fetch):
    """A payment with a reading is recorded, shown by the next check, found by status, cancelled."""
    async with open_counter(lines="show_values = true") as counter:
        paid = await counter.pay(1, 5467, data2=2310)
        _, checked = await counter.get(f"command=check&txn_id=0&account={ACCOUNT}&sum=0.00")
        _, status = await counter.get("command=status&txn_id=1")
        number = find("<prv_txn>(.*?)</prv_txn>", paid)
        _, cancelled = await counter.get(f"command=cancel&txn_id=1&prv_txn={number}")
    [message] = await fetch(MESSAGES)
    assert ["<result>0</result>"] * 4 == [
        find("(<result>.*?</result>)", text)
        for text in (paid, checked.decode(), status.decode(), cancelled.decode())
    ]
    assert f"{ACCOUNT}*5467*2310;" == message["text"]
    assert message["receipt"] in paid
    assert message["receipt"] in status.decode()
    assert ["5467", "2310"] == re.findall(r'name="T\d" type="disp">(\d+)<', checked.decode())
    assert [(5467, True), (2310, True)] == [
        (one["value"], one["counts"]) for one in await fetch(READINGS)
    ]


async def test_citypay_from_end_to_end(open_counter, fetch):
    """The report of a day lists what was paid and not cancelled, in the partner's time."""
    pay = "QueryType=pay&TransactionDate=20261124080000&Account={0}&Amount=17.40&{1}"
    async with open_counter(CITYPAY + 'time_zone = "Europe/Moscow"\n') as counter:
        _, first = await counter.get(pay.format(ACCOUNT, "TransactionId=1&field1=54678,4"))
        await counter.get(pay.format(ACCOUNT, "TransactionId=2"))
        await counter.get(
            f"QueryType=cancel&TransactionId=3&RevertId=2&RevertDate=20261124090000"
            f"&Account={ACCOUNT}&Amount=17.40"
        )
        _, report = await counter.get(
            "CheckDateBegin=20261124000000&CheckDateEnd=20261124235959", "/PayDayReport.html"
        )
    assert "<ResultCode>0</ResultCode>" in first.decode()
    assert [("1", "20261124080000")] == re.findall(
        r"<TransactionId>(\d+)<.*?<TransactionDate>(\d+)<", report.decode()
    )
    assert [54678] == [one["value"] for one in await fetch(READINGS)]


REPORT = "CheckDateBegin=20261124000000&CheckDateEnd=20261124235959"


@pytest.mark.parametrize(
    ("dialect", "lines", "reported"),
    [
        pytest.param("", "", ["2", "3"], id="acknowledged"),
        pytest.param('refusals = "code"\n', "", ["2"], id="no reading, no payment"),
        pytest.param("", 'payments = "refuse"', ["3"], id="readings only"),
    ],
)
async def test_a_report_has_what_was_answered_ok(dialect, lines, reported, open_counter):
    """What the partner heard a final code about is no payment on its side, and none on ours."""
    pay = "QueryType=pay&TransactionDate=20261124080000&Amount=1.00&Account={0}&{1}"
    async with open_counter(CITYPAY + dialect, lines) as counter:
        await counter.get(pay.format("12345678901", "TransactionId=1&field1=5"))
        await counter.get(pay.format(ACCOUNT, "TransactionId=2"))
        await counter.get(pay.format(ACCOUNT, "TransactionId=3&field1=x"))
        _, report = await counter.get(REPORT, "/PayDayReport.html")
    assert reported == re.findall(r"<TransactionId>(\d+)<", report.decode())


async def test_sberbank_from_end_to_end(open_counter, fetch):
    """Variant A: names in any case, and a repeat that is told by code 5 with the first number."""
    query = f"action=payment&account={ACCOUNT}&amount=100.00&pay_id=12345678901234567890&value1=17"
    async with open_counter(SBERBANK + 'repeats = "code"\n') as counter:
        answers = [(await counter.get(query))[1].decode() for _ in range(2)]
    assert ["0", "5"] == [find("<CODE>(.*?)</CODE>", one) for one in answers]
    assert 1 == len({find("<EXT_ID>(.*?)</EXT_ID>.*", one) for one in answers})
    [operation] = await fetch(OPERATIONS)
    assert "12345678901234567890" == operation["transaction_id"]


async def test_command_call_from_end_to_end(open_counter, fetch):
    """Login and password are compared, and the password is kept nowhere."""
    call = write_call("pay", payID=7, amount=1045, field1=5467)
    async with open_counter(COMMAND_CALL, auth=LOGIN) as counter:
        _, denied = await counter.post(call.replace(SECRET, "wrong"))
        _, taken = await counter.post(call)
    assert "<result>1</result>" in denied.decode()
    assert "<result>0</result>" in taken.decode()
    [message] = await fetch(MESSAGES)
    assert b"<login>p</login>" in message["raw"]
    assert SECRET.encode() not in message["raw"]


async def test_json_from_end_to_end(open_counter, fetch):
    """Readings without a payment, by meter and zone; a meter list shows what counts by now."""
    body = {
        "system": "T",
        "account": ACCOUNT,
        "trx_id": "a-1",
        "dateMv": "24.11.2026 08:00:00",
        "mvs": [{"meterId": "1", "meterNumber": "77", "t1": 5467, "t2": 2310}],
    }
    async with open_counter(JSON, lines="show_values = true") as counter:
        _, taken = await counter.post(json.dumps(body), "/api/meter/value")
        _, shown = await counter.get(f"system=T&account={ACCOUNT}", "/api/meter")
    assert ("ok", "a-1", "accepted") == tuple(
        json.loads(taken)[key] for key in ("status", "trx_id", "reason")
    )
    [meter] = json.loads(shown)["meters"]
    assert (5467, 2310) == (meter["T1"], meter["T2"])
    assert ["T:a-1"] == [one["transaction_id"] for one in await fetch(OPERATIONS)]


async def test_a_repeat_gets_the_first_answer(open_counter, fetch):
    """Byte for byte, also when the partner writes its time and terminal anew."""
    before = REPEATS.labels("atm")._value.get()
    async with open_counter() as counter:
        first = await counter.pay()
        again = [await counter.pay(txn_date="20261124093000", trm_id=n) for n in range(3)]
    assert {first} == set(again)
    assert 3 == REPEATS.labels("atm")._value.get() - before
    assert (1, 1) == (len(await fetch(MESSAGES)), len(await fetch(OPERATIONS)))


async def test_the_first_answer_outlives_a_changed_verdict(open_counter, fetch):
    """What was said once is said again, even when the window has shut or the value was replaced."""
    moments = [OPEN_AT, OPEN_AT, SHUT_AT + dt.timedelta(days=40)]
    async with open_counter(window="terminals", now=lambda: moments.pop(0)) as counter:
        first = await counter.pay(1)
        await counter.pay(2, 6000)
        again = await counter.pay(1)
    assert first == again


@pytest.mark.parametrize("daemons", [1, 2])
async def test_two_hundred_payments_with_one_id(daemons, open_counter, fetch):
    """At the same time, to one daemon or to two: recorded once, answered alike."""
    async with open_counter() as one, open_counter() as other:
        counters = [one, other][:daemons]
        answers = await asyncio.gather(*(counters[n % daemons].pay() for n in range(200)))
    assert 1 == len(set(answers))
    assert "<result>0</result>" in answers[0]
    assert (1, 1) == (len(await fetch(MESSAGES)), len(await fetch(OPERATIONS)))
    assert [(5467, True)] == [(row["value"], row["counts"]) for row in await fetch(READINGS)]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"data1": 6000}, id="another value"),
        pytest.param({"account": "123456789013"}, id="another account"),
        pytest.param({"sum": "99.00"}, id="another sum"),
    ],
)
async def test_an_id_that_is_used_again_is_a_conflict(changes, open_counter, fetch):
    """It is told and counted; what it brought is held for a person, once, and nothing doubles."""
    before = count_refusals("reused")
    async with open_counter() as counter:
        await counter.pay()
        with capture_logs() as logs:
            answers = [await counter.pay(**changes) for _ in range(2)]
    assert ["300", "300"] == [find("<result>(.*?)</result>", one) for one in answers]
    assert 1 == len(set(answers))
    assert [("accept", "accepted"), ("hold", "meter_ambiguous")] == [
        (one["disposition"], one["reason"]) for one in await fetch(MESSAGES)
    ]
    assert 1 == sum(one["counts"] for one in await fetch(READINGS))
    assert 2 == count_refusals("reused") - before
    assert 1 == sum(one["event"] == "transaction.reused" for one in logs)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        pytest.param("", "0", id="acknowledged"),
        pytest.param('payments = "refuse"', "7", id="refused"),
    ],
)
async def test_a_payment_without_reading(lines, code, open_counter, fetch):
    """It is none of our business, and is answered as configured; also when it comes again."""
    async with open_counter(lines=lines) as counter:
        first, again = [await counter.pay(1, None) for _ in range(2)]
        _, status = await counter.get("command=status&txn_id=1")
    assert code == find("<result>(.*?)</result>", first)
    assert first == again
    assert code == find("<result>(.*?)</result>", status.decode())
    assert [] == await fetch(MESSAGES)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        pytest.param("", "0", id="acknowledged"),
        pytest.param('cancels = "refuse"', "251", id="refused"),
    ],
)
async def test_a_cancel_leaves_the_reading(lines, code, open_counter, fetch):
    """A meter does not turn back because money does; a repeated cancel hears the same."""
    async with open_counter(lines=lines) as counter:
        await counter.pay(1)
        answers = {await counter.get("command=cancel&txn_id=1") for _ in range(2)}
    [(_, body)] = answers
    assert code == find("<result>(.*?)</result>", body.decode())
    assert [True] == [one["counts"] for one in await fetch(READINGS)]


@pytest.mark.parametrize(
    ("account", "code"),
    [
        pytest.param(ACCOUNT, "0", id="its own"),
        pytest.param("", "0", id="not named"),
        pytest.param("123456789013", "300", id="another's"),
    ],
)
async def test_a_cancel_names_the_account(account, code, open_counter):
    """A slip in the number must not take somebody else's payment out of the report."""
    async with open_counter() as counter:
        paid = await counter.pay(1)
        number = find("<prv_txn>(.*?)</prv_txn>", paid)
        _, answer = await counter.get(f"command=cancel&txn_id=2&prv_txn={number}&account={account}")
    assert code == find("<result>(.*?)</result>", answer.decode())


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("command=cancel&txn_id=9", id="cancel"),
        pytest.param("command=cancel&txn_id=1&prv_txn=99999", id="cancel by number"),
        pytest.param("command=cancel&txn_id=1&prv_txn=x", id="cancel by no number"),
        pytest.param("command=status&txn_id=9", id="status"),
    ],
)
async def test_what_never_came_is_unknown(query, open_counter):
    """A cancel or a status of an operation that is not recorded says so."""
    async with open_counter() as counter:
        _, answer = await counter.get(query)
    assert "<result>300</result>" in answer.decode()


@pytest.mark.parametrize(
    ("value", "account", "expected"),
    [
        pytest.param("54678,4", ACCOUNT, ("accept", "accepted", 54678), id="decimal comma"),
        pytest.param("00563", ACCOUNT, ("accept", "accepted", 563), id="leading zeros"),
        pytest.param("12 34", ACCOUNT, ("reject", "reading_malformed", None), id="blank within"),
        pytest.param("12*34", ACCOUNT, ("reject", "reading_malformed", None), id="separator"),
        pytest.param("1" * 19, ACCOUNT, ("reject", "too_many_digits", None), id="too wide"),
        pytest.param("5", "12345678901", ("reject", "account_malformed", None), id="short account"),
        pytest.param("5", f"{ACCOUNT}*1", ("reject", "account_malformed", None), id="injection"),
        pytest.param("5", f"{ACCOUNT};x", ("reject", "account_malformed", None), id="more behind"),
    ],
)
async def test_what_programs_write_is_read_strictly(value, account, expected, open_counter, fetch):
    """A cell is a number or it is refused; nothing in it is taken for more than one."""
    async with open_counter() as counter:
        await counter.pay(1, value, account=account)
    [message] = await fetch(MESSAGES)
    counting = [one["value"] for one in await fetch(READINGS) if one["counts"]]
    found = (message["disposition"], message["reason"], counting[0] if counting else None)
    assert expected == found


@pytest.mark.parametrize(
    ("refusals", "code"),
    [pytest.param("ack", "0", id="ack"), pytest.param("code", "7", id="code")],
)
async def test_a_refused_reading_and_its_payment(refusals, code, open_counter, fetch):
    """A reading outside of the window fails no payment, unless the partner wants it so."""
    dialect = OSMP + f'refusals = "{refusals}"\n'
    async with open_counter(dialect, window="terminals", now=lambda: SHUT_AT) as counter:
        answer = await counter.pay()
    [message] = await fetch(MESSAGES)
    assert ("reject", "window_closed") == (message["disposition"], message["reason"])
    assert code == find("<result>(.*?)</result>", answer)
    assert message["receipt"] in answer


MOSCOW = OSMP + 'time_zone = "Europe/Moscow"\n'
BY_OPERATION = 'judge_by = "operation"\ntrust_operation_for = 172_800\n'


NOON, LATE = "2026-11-24T12:00Z", "2026-11-26T17:30Z"
"""The second is half an hour past the window's end in Krasnoyarsk, and 20:30 in Moscow."""


@pytest.mark.parametrize(
    ("lines", "times", "reason"),
    [
        pytest.param("", ("20261126170000", LATE), "window_closed", id="our clock"),
        pytest.param(BY_OPERATION, ("20261126195959", LATE), "accepted", id="theirs"),
        pytest.param(BY_OPERATION, ("20261126200000", LATE), "window_closed", id="the 27th"),
        pytest.param(BY_OPERATION, ("20261120120000", NOON), "window_closed", id="old"),
        pytest.param(BY_OPERATION, ("20261126120000", NOON), "dated_in_future", id="future"),
        pytest.param(BY_OPERATION, (None, NOON), "accepted", id="no time"),
    ],
)
async def test_whose_clock_counts(lines, times, reason, open_counter, fetch):
    """Windows are judged by our clock, or by the partner's in its zone and within limits."""
    moment = dt.datetime.fromisoformat(times[1])
    async with open_counter(MOSCOW, lines, window="terminals", now=lambda: moment) as counter:
        await counter.pay(txn_date=times[0])
    assert [reason] == [one["reason"] for one in await fetch(MESSAGES)]


async def test_an_operation_too_old_to_be_believed_is_held(open_counter, fetch):
    """A person decides about it, as about such a line of a registry."""
    async with open_counter(MOSCOW, BY_OPERATION) as counter:
        await counter.pay(txn_date="20261101120000")
    assert ["hold"] == [one["disposition"] for one in await fetch(MESSAGES)]


@pytest.mark.parametrize(
    ("account", "code"),
    [
        pytest.param(ACCOUNT, "0", id="twelve digits"),
        pytest.param("12345678901", "4", id="eleven"),
        pytest.param("１２３４５６７８９０１２", "4", id="full-width"),
    ],
)
async def test_check_of_an_account(account, code, open_counter):
    """Without a directory every well-formed account may be paid for."""
    async with open_counter() as counter:
        _, answer = await counter.get(f"command=check&txn_id=0&account={account}&sum=0.00")
    assert code == find("<result>(.*?)</result>", answer.decode())


async def test_values_are_shown_only_where_told(open_counter):
    """Whoever knows an account could otherwise learn what its owner uses."""
    async with open_counter() as counter:
        await counter.pay()
        _, answer = await counter.get(f"command=check&txn_id=0&account={ACCOUNT}&sum=0.00")
    assert "T1" in answer.decode()
    assert "5467" not in answer.decode()


class Away:
    """A sink or a log of operations that PostgreSQL is not there for."""

    def __init__(self, trouble):
        self.trouble = trouble

    async def receive(self, message):
        await self.fail()

    async def open_operation(self, operation):
        await self.fail()

    async def list_registers(self, account):
        await self.fail()

    async def fail(self):
        if self.trouble is None:
            await asyncio.Event().wait()
        raise self.trouble


FAULTS = [
    pytest.param(TransientError("away"), id="PostgreSQL is away"),
    pytest.param(RuntimeError("bug"), id="a fault of ours"),
    pytest.param(None, id="no end"),
]


@pytest.mark.parametrize("port", ["messages", "operations"])
@pytest.mark.parametrize("trouble", FAULTS)
async def test_a_fault_of_ours_is_never_final(port, trouble, open_counter):
    """Whatever fails or hangs here, the partner is told to ask again, within the deadline."""
    ports = {port: Away(trouble)}
    async with open_counter(lines="deadline = 0.2", ports=ports) as counter:
        answer = await counter.pay()
        for task in counter.channel.webhook._in_hand.values():
            task.cancel()
    assert "<result>1</result>" in answer
    assert "<osmp_txn_id>1</osmp_txn_id>" in answer


async def test_what_hangs_is_finished_later(open_counter, fetch, a_config, open_intake):
    """The deadline cancels nothing: the commit may still happen, and the repeat finds it."""
    config = a_config(configure(lines="deadline = 0.2"))
    sinks = await open_intake(config)
    gate = asyncio.Event()

    class Slow:
        async def receive(self, message):
            await gate.wait()
            return await sinks.receive(message)

    async with serve_atm(config, gather(sinks, messages=Slow())) as counter:
        refused = await counter.pay()
        gate.set()
        await counter.channel.webhook.until_settled()
        taken = await counter.pay()
        assert ["up", "refused", "up"] == counter.report.said
    assert ["1", "0"] == [find("<result>(.*?)</result>", one) for one in (refused, taken)]
    assert 1 == len(await fetch(MESSAGES))


async def test_the_status_of_what_hangs(open_counter):
    """A payment that is not even written down yet is under way, and not unknown for good."""
    async with open_counter(lines="deadline = 0.2") as counter:
        counter.channel.desk.operations.open_operation = Away(None).open_operation
        await counter.pay(1)
        answers = [(await counter.get(f"command=status&txn_id={n}"))[1] for n in (1, 2)]
        for task in counter.channel.webhook._in_hand.values():
            task.cancel()
    assert ["90", "300"] == [find("<result>(.*?)</result>", one.decode()) for one in answers]


async def test_too_much_under_way_is_told_to_ask_again(open_counter, monkeypatch):
    """Memory is finite, and partners can wait; what is under way already may be joined."""
    monkeypatch.setattr("ingest.channels.terminal.webhook.MOST_IN_HAND", 1)
    async with open_counter(lines="deadline = 0.2", ports={"messages": Away(None)}) as counter:
        await counter.pay(1)
        assert "<result>1</result>" in await counter.pay(2)
        assert 1 == len(counter.channel.webhook._in_hand)
        for task in counter.channel.webhook._in_hand.values():
            task.cancel()


async def test_a_late_repeat_counts_as_received_at_first(open_counter, fetch):
    """Refused by us on the last day, repeated after the window: the customer was in time."""
    last = dt.datetime(2026, 11, 26, 16, 59, tzinfo=dt.UTC)
    moments = [last, last + dt.timedelta(hours=3)]
    troubles = [TransientError("away")]

    async with open_counter(window="terminals", now=lambda: moments.pop(0)) as counter:
        receive = counter.channel.desk.sinks.messages.receive

        async def fail_once(message):
            if troubles:
                raise troubles.pop()
            return await receive(message)

        counter.channel.desk.sinks.messages.receive = fail_once
        answers = [await counter.pay() for _ in range(2)]
    assert ["1", "0"] == [find("<result>(.*?)</result>", one) for one in answers]
    [message] = await fetch(MESSAGES)
    assert ("accepted", last) == (message["reason"], message["received_at"])


@pytest.mark.parametrize("most", [1000, 0], ids=["away", "too much under way"])
async def test_a_late_repeat_of_what_was_not_even_opened(most, open_counter, fetch, monkeypatch):
    """PostgreSQL was away until the window had shut: that the customer was in time is known."""
    monkeypatch.setattr("ingest.channels.terminal.webhook.MOST_IN_HAND", most)
    last = dt.datetime(2026, 11, 26, 16, 59, tzinfo=dt.UTC)
    moments = [last, last + dt.timedelta(hours=3), last + dt.timedelta(hours=3)]
    async with open_counter(window="terminals", now=lambda: moments.pop(0)) as counter:
        desk = counter.channel.desk
        operations, desk.operations = desk.operations, Away(TransientError("away"))
        await counter.pay(1)
        monkeypatch.setattr("ingest.channels.terminal.webhook.MOST_IN_HAND", 1000)
        desk.operations = operations
        answers = [await counter.pay(1), await counter.pay(2, account="123456789013")]
    assert ["1", "2"] == [find("<osmp_txn_id>(.*?)<", one) for one in answers]
    assert [("accepted", last), ("window_closed", last + dt.timedelta(hours=3))] == [
        (one["reason"], one["received_at"]) for one in await fetch(MESSAGES)
    ]


async def test_a_crash_between_commit_and_answer_changes_nothing(open_counter, fetch):
    """The reading is committed, the answer is not kept yet: the repeat comes to the same answer."""
    async with open_counter() as counter:
        first = await counter.pay()
        await fetch(
            "UPDATE terminal_operations SET response = NULL, status = NULL, receipt = '', "
            "disposition = NULL, reason = NULL, content_type = ''"
        )
        assert first == await counter.pay()
    assert 1 == len(await fetch(MESSAGES))


MALFORMED = [
    pytest.param("", id="nothing"),
    pytest.param("command=dance&txn_id=1", id="unknown command"),
    pytest.param("command=pay&txn_id=&account=1&data1=5", id="no id"),
    pytest.param(f"command=pay&txn_id={'9' * 65}&account=1&data1=5", id="long id"),
    pytest.param("command=pay&txn_id=1&data1=5", id="no account"),
    pytest.param("command=pay&txn_id=1&account=%00%FF%ED%A0%80&data1=%00x", id="bytes"),
    pytest.param("command=pay&txn_id=1&account=1&data1=5&DATA1=6", id="two values"),
    pytest.param("&".join(f"a{n}=1" for n in range(1000)), id="many parameters"),
]


@pytest.mark.parametrize("query", MALFORMED)
async def test_what_cannot_be_read_is_answered(query, open_counter, fetch):
    """Status 200 and a code of the protocol, whatever a partner sends; nothing is accepted."""
    async with open_counter() as counter:
        status, body = await counter.get(query)
    assert 200 == status
    assert find("<result>(.*?)</result>", body.decode()) in {"300", "4"}
    assert 0 == sum(one["counts"] for one in await fetch(READINGS))


BASIC = '[channels.atm.auth]\nkind = "basic"\nusername = "atm"\npassword = { env = "SECRET" }\n'
CERTIFICATE = '[channels.atm.auth]\nkind = "certificate"\naccepted = ["3F:5A"]\n'
HASH = (
    '[channels.atm.auth]\nkind = "hash"\nsecret = { env = "SECRET" }\nfield = "hash"\n'
    'algorithm = "md5"\nsigned = "{field:txn_id}{field:account}{secret}"\n'
)
SIGNED = hashlib.md5(f"1{ACCOUNT}{SECRET}".encode()).hexdigest()


@pytest.mark.parametrize(
    ("auth", "query", "headers", "status"),
    [
        pytest.param(BASIC, {}, {"Authorization": basic("atm", SECRET)}, 200, id="password"),
        pytest.param(BASIC, {}, {"Authorization": basic("atm", "x")}, 401, id="wrong password"),
        pytest.param(BASIC, {}, {}, 401, id="no password"),
        pytest.param(CERTIFICATE, {}, {"X_SSL_Client_Fingerprint": "3f5a"}, 200, id="certificate"),
        pytest.param(CERTIFICATE, {}, {"X_SSL_Client_Fingerprint": "3f5b"}, 401, id="another"),
        pytest.param(HASH, {"hash": SIGNED}, {}, 200, id="hash"),
        pytest.param(HASH, {"hash": SIGNED, "data1": None}, {}, 200, id="what is not signed"),
        pytest.param(HASH, {"hash": SIGNED, "txn_id": 2}, {}, 401, id="what is signed"),
    ],
)
async def test_who_may_ask(auth, query, headers, status, open_counter):
    """Who cannot prove to be the partner learns nothing; that is no answer of the protocol."""
    async with open_counter(auth=auth) as counter:
        found, body = await counter.get(ask_pay(**query), **headers)
    assert status == found
    assert (b"<result>0</result>" in body) is (status == 200)


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        pytest.param("198.51.100.7", 200, id="the partner"),
        pytest.param("198.51.100.7, 203.0.113.9", 403, id="somebody who says so"),
        pytest.param("203.0.113.9", 403, id="somebody else"),
    ],
)
async def test_from_where_may_be_asked(forwarded, status, open_counter):
    """An allow-list holds for the address that the trusted proxy saw."""
    async with open_counter(lines='allow_from = ["198.51.100.0/24"]') as counter:
        found, _ = await counter.get(ask_pay(), X_Forwarded_For=forwarded)
    assert status == found


async def test_other_methods_are_not_answered(open_counter):
    """A terminal asks by GET or POST."""
    async with open_counter() as counter, counter.session.put(counter.url) as answer:
        assert 405 == answer.status


async def test_a_channel_that_is_not_up_asks_for_patience(a_config):
    """Between start and stop nobody is told anything final."""
    config = a_config(configure())
    async with serve_atm(config, gather_nothing()) as counter:
        counter.channel.webhook.report = None
        assert "<result>1</result>" in await counter.pay()


def gather_nothing():
    """Return sinks that nothing can be handed over to."""
    return gather(Sinks(None, None))
