"""Operations of terminals on a real PostgreSQL: one row an id, and the first answer stays."""

import asyncio
import datetime as dt

import pytest
from builders import OPEN_AT
from msgspec.structs import replace
from terminal_bench import ACCOUNT, ATM

from ingest.errors import PermanentError
from ingest.model import ACCEPTED
from ingest.operations import OperationStore
from ingest.transactions import RecordedAnswer, TerminalOperation

DAY = dt.timedelta(days=1)
PAY = TerminalOperation(
    channel=ATM,
    kind="pay",
    transaction_id="12345678901234567890",
    fingerprint="f",
    account=ACCOUNT,
    amount="10.45",
    received_at=OPEN_AT,
    operated_at=OPEN_AT,
)


def an_answer(body=b"<ok/>", **changes):
    given = {"status": 200, "content_type": "text/xml", "body": body}
    return RecordedAnswer(**(given | {"receipt": "7K4M-2Q9X", "verdict": ACCEPTED} | changes))


@pytest.fixture
def operations(store):
    return OperationStore(store)


async def test_many_at_once_open_one(operations):
    """Whoever comes first writes the row, everybody else finds it."""
    opened = await asyncio.gather(*(operations.open_operation(PAY) for _ in range(100)))
    assert {PAY} == {one.operation for one in opened}
    assert 1 == len({one.number for one in opened})


async def test_the_first_answer_stays(operations):
    """Of answers that are kept at the same time one wins, and all are told that one."""
    opened = await operations.open_operation(PAY)
    answers = [an_answer(b"%d" % n, receipt=str(n)) for n in range(50)]
    kept = await asyncio.gather(
        *(operations.settle_operation(opened.number, one) for one in answers)
    )
    assert 1 == len({one.answer.body for one in kept})
    assert kept[0].answer.body.decode() == kept[0].answer.receipt
    assert kept[0] == await operations.open_operation(PAY)


async def test_an_answer_comes_back_byte_for_byte(operations):
    """With its verdict, or without one where nothing was judged."""
    for number, verdict in enumerate((ACCEPTED, None)):
        wanted = an_answer(bytes(range(256)), verdict=verdict)
        opened = await operations.open_operation(replace(PAY, transaction_id=str(number)))
        assert wanted == (await operations.settle_operation(opened.number, wanted)).answer
        found = await operations.find_operation(ATM, str(number))
        assert wanted == found.answer


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"kind": "submit"}, id="kind"),
        pytest.param({"channel": "other"}, id="channel"),
        pytest.param({"transaction_id": "012345678901234567890"}, id="leading zero"),
    ],
)
async def test_ids_are_apart(changes, operations):
    """Kinds and channels count their transactions for themselves, and ids are no numbers."""
    first = await operations.open_operation(PAY)
    second = await operations.open_operation(replace(PAY, **changes))
    assert first.number != second.number


async def test_another_content_finds_the_first(operations):
    """What to make of a conflict is not for the database to say."""
    first = await operations.open_operation(PAY)
    assert first == await operations.open_operation(replace(PAY, fingerprint="g", amount="1"))


async def test_find_operation(operations):
    """By the partner's id or by our number, of this channel, and never a cancel."""
    paid = await operations.open_operation(PAY)
    cancel = replace(PAY, kind="cancel", transaction_id="c", cancels=paid.number)
    cancelled = await operations.open_operation(cancel)
    assert paid == await operations.find_operation(ATM, PAY.transaction_id)
    assert paid == await operations.find_operation(ATM, "", paid.number)
    assert paid.number == cancelled.operation.cancels
    for given in [(ATM, "c"), (ATM, "", cancelled.number), ("other", "", paid.number), (ATM, "")]:
        assert await operations.find_operation(*given) is None


async def test_list_payments(operations):
    """Those of a period that were answered and not cancelled, in the order of their times."""
    for name, at in (("early", -DAY), ("second", DAY / 2), ("first", DAY / 4), ("late", DAY)):
        await settle(operations, replace(PAY, transaction_id=name, operated_at=OPEN_AT + at))
    await operations.open_operation(replace(PAY, transaction_id="under way"))
    gone = await settle(operations, replace(PAY, transaction_id="cancelled"))
    await settle(operations, replace(PAY, kind="cancel", transaction_id="c", cancels=gone.number))
    await settle(operations, replace(PAY, kind="submit", transaction_id="no payment"))
    found = await operations.list_payments(ATM, OPEN_AT, OPEN_AT + DAY)
    assert ["first", "second"] == [one.operation.transaction_id for one in found]


async def settle(operations, operation):
    """Keep an operation with an answer."""
    opened = await operations.open_operation(operation)
    return await operations.settle_operation(opened.number, an_answer())


async def test_list_registers(operations, store):
    """Those that count in the account's latest period, by their numbers; others may be missing."""
    for period, register, counts in ((10, 1, True), (11, 3, True), (11, 2, True), (11, 1, False)):
        await add_reading(store, dt.date(2026, period, 1), register, counts=counts)
    assert {2: 112, 3: 113} == await operations.list_registers(ACCOUNT)
    assert {} == await operations.list_registers("123456789013")


async def add_reading(store, period, register, *, counts):
    """Record a value that says of which period and register it is."""
    await store._pool.execute(
        "WITH message AS (INSERT INTO messages (channel, external_id, receipt, kind, state, "
        "received_at, sender, recipient, media_type, raw, text, remainder, finding, disposition, "
        "reason, reply, problem) VALUES ('atm', gen_random_uuid(), gen_random_uuid(), 'message', "
        "'judged', now(), '', '', '', '', '', '', '', 'accept', 'accepted', '', '') RETURNING id) "
        "INSERT INTO readings (message_id, line, register, account, value, disposition, reason, "
        "counts, period, effective_at, fragment) "
        "SELECT id, 1, $1, $2, $3, 'accept', 'accepted', $4, $5, now(), '' FROM message",
        *(register, ACCOUNT, 10 * period.month + register, counts, period),
    )


async def test_an_operation_that_is_not_there(operations):
    """An answer cannot be kept with nothing."""
    with pytest.raises(PermanentError):
        await operations.settle_operation(404, an_answer())
