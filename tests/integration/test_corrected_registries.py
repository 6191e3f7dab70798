"""Corrected files: of lines that came before under the same operation only what differs applies."""

import datetime as dt

import pytest
from builders import OPEN_AT, SMALL_CONFIG, a_message, a_registry

from ingest.model import Disposition, Reason, RegistryChunk, RegistryLine, Verdict

ACCOUNT, OTHER = "123456789012", "123456789013"
LATER = OPEN_AT + dt.timedelta(days=1)
NEXT_MONTH = dt.datetime(2026, 12, 24, 5, tzinfo=dt.UTC)
PAID_AT = dt.datetime(2026, 11, 24, 7, 15, 2, tzinfo=dt.timezone(dt.timedelta(hours=3)))


@pytest.fixture
async def sinks(open_intake, a_config):
    return await open_intake(a_config(SMALL_CONFIG))


def a_line(values, account=ACCOUNT, transaction="T-1", number=1, paid_at=None):
    """A line of a payment."""
    cells = tuple(map(str, values)) if isinstance(values, tuple) else (str(values),)
    return RegistryLine(number, account, cells, paid_at, transaction=transaction)


async def send(sinks, *lines, received_at=OPEN_AT):
    """Hand a file of these lines over; return its receipt and what became of each."""
    progress = await sinks.open_registry(a_registry(received_at=received_at))
    chunk = RegistryChunk(b"x\n" * len(lines), len(lines), lines)
    progress = await sinks.receive_chunk(progress, chunk)
    await sinks.finish_registry(progress)
    results = [one async for batch in sinks.list_results(progress) for one in batch]
    return progress.receipt, [(one.disposition, one.reason, one.receipt) for one in results]


async def list_counting(store):
    """List what will be billed: account, register and value."""
    async with store._pool.acquire() as connection:
        rows = await connection.fetch(
            "SELECT account, register, value, period FROM readings WHERE counts "
            "ORDER BY account, register, period"
        )
    return [(row["account"], row["register"], row["value"]) for row in rows]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(a_line(100), id="transaction"),
        pytest.param(a_line(100, transaction="", paid_at=PAID_AT), id="account and time"),
        pytest.param(a_line((100, 50)), id="two registers"),
        pytest.param(a_line(100, transaction="9" * 3000), id="a very long id"),
        pytest.param(a_line(100, transaction="Т\0\ud800"), id="an id that is no text"),
    ],
)
async def test_the_same_line_gets_its_first_receipt(sinks, store, line):
    """However often and whenever it comes again."""
    receipt, _ = await send(sinks, line)
    before = await list_counting(store)
    expected = [(Disposition.ACCEPT, Reason.REPEATED, f"{receipt}/1")]
    for at in (LATER, NEXT_MONTH):
        assert expected == (await send(sinks, line, received_at=at))[1]
    assert before == await list_counting(store)


async def test_only_what_differs_applies(sinks, store):
    """A corrected value counts; what is in the first file alone goes on counting."""
    await send(sinks, *(a_line(n, f"12345678901{n}", f"T-{n}", n) for n in range(1, 5)))
    corrected = [a_line(1, "123456789011", "T-1", 1), a_line(20, "123456789012", "T-2", 2)]
    _, results = await send(sinks, *corrected, received_at=LATER)
    assert [Reason.REPEATED, Reason.CORRECTED] == [reason for _, reason, _ in results]
    assert [1, 20, 3, 4] == [value for _, _, value in await list_counting(store)]


async def test_a_repeat_does_not_undo_what_came_since(sinks, store):
    """The customer sent a later reading; the partner's file of yesterday comes again."""
    await send(sinks, a_line(100))
    await sinks.receive(a_message(f"{ACCOUNT}*120;", received_at=LATER))
    await send(sinks, a_line(100), received_at=LATER + dt.timedelta(hours=1))
    assert [(ACCOUNT, 1, 120)] == await list_counting(store)


async def test_a_repeat_with_a_bad_cell_does_not_either(sinks, store):
    """The bad cell is told again; what the good one said before changes nothing."""
    line = a_line((100, "x"))
    receipt, _ = await send(sinks, line)
    await sinks.receive(a_message(f"{ACCOUNT}*120;", received_at=LATER))
    _, results = await send(sinks, line, received_at=LATER + dt.timedelta(hours=1))
    assert [(Disposition.REJECT, Reason.READING_MALFORMED, f"{receipt}/1")] == results
    assert [(ACCOUNT, 1, 120)] == await list_counting(store)


async def test_a_correction_is_compared_with_the_last_word(sinks, store):
    """The third file repeats the second, and the fourth corrects it back."""
    await send(sinks, a_line(100))
    second, _ = await send(sinks, a_line(110), received_at=LATER)
    at = LATER + dt.timedelta(hours=1)
    _, third = await send(sinks, a_line(110), received_at=at)
    _, fourth = await send(sinks, a_line(100), received_at=at)
    assert (Disposition.ACCEPT, Reason.REPEATED, f"{second}/1") == third[0]
    assert Reason.CORRECTED is fourth[0][1]
    assert [(ACCOUNT, 1, 100)] == await list_counting(store)


async def test_what_was_rejected_is_judged_anew(sinks, store):
    """A line that failed is corrected and sent again under its transaction id."""
    await send(sinks, a_line("12x"))
    _, results = await send(sinks, a_line(12), received_at=LATER)
    assert Reason.ACCEPTED is results[0][1]
    assert [(ACCOUNT, 1, 12)] == await list_counting(store)


DOUBTFUL = [
    pytest.param(a_line(100, OTHER), LATER, Reason.METER_AMBIGUOUS, id="another account"),
    pytest.param(a_line(110), NEXT_MONTH, Reason.WINDOW_CLOSED, id="another period"),
]


@pytest.mark.parametrize(("line", "at", "expected"), DOUBTFUL)
async def test_a_person_looks_at_it(sinks, store, line, at, expected):
    """What cannot be a plain correction changes nothing, and is held."""
    await send(sinks, a_line(100))
    _, results = await send(sinks, line, received_at=at)
    assert (Disposition.HOLD, expected) == results[0][:2]
    assert [(ACCOUNT, 1, 100)] == await list_counting(store)


async def test_one_payment_for_two_accounts(sinks, store):
    """Lines of one file are not compared with each other; sent again, each finds its own."""
    lines = [a_line(100), a_line(200, OTHER, number=2)]
    receipt, results = await send(sinks, *lines)
    assert [Reason.ACCEPTED] * 2 == [reason for _, reason, _ in results]
    _, results = await send(sinks, *lines, received_at=LATER)
    assert [(Reason.REPEATED, f"{receipt}/{n}") for n in (1, 2)] == [one[1:] for one in results]
    assert [(ACCOUNT, 1, 100), (OTHER, 1, 200)] == await list_counting(store)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param({}, id="transaction"),
        pytest.param({"transaction": "", "paid_at": PAID_AT}, id="account and day"),
    ],
)
async def test_two_readings_of_one_operation_sent_again(sinks, store, key):
    """The first of the two does not win against the second because the file came twice."""
    lines = [a_line(100, number=1, **key), a_line(200, number=2, **key)]
    receipt, _ = await send(sinks, *lines)
    _, results = await send(sinks, *lines, received_at=LATER)
    assert [(Reason.REPEATED, f"{receipt}/{n}") for n in (1, 2)] == [one[1:] for one in results]
    assert [(ACCOUNT, 1, 200)] == await list_counting(store)


async def test_one_of_two_readings_of_an_operation_is_corrected(sinks, store):
    """What is neither of the two is a correction."""
    await send(sinks, a_line(100), a_line(200, number=2))
    lines = [a_line(100), a_line(250, number=2)]
    _, results = await send(sinks, *lines, received_at=LATER)
    assert [Reason.REPEATED, Reason.CORRECTED] == [reason for _, reason, _ in results]
    assert [(ACCOUNT, 1, 250)] == await list_counting(store)


async def test_another_partner_has_ids_of_its_own(open_intake, a_config, store):
    """The same transaction id of another channel means nothing."""
    text = SMALL_CONFIG.split("[channels.partner]")[1].replace("/partner", "/other")
    sinks = await open_intake(a_config(f"{SMALL_CONFIG}\n[channels.other]{text}"))
    await send(sinks, a_line(100))
    progress = await sinks.open_registry(a_registry(channel="other"))
    await sinks.receive_chunk(progress, RegistryChunk(b"x\n", 1, (a_line(7, OTHER),)))
    assert [(ACCOUNT, 1, 100), (OTHER, 1, 7)] == await list_counting(store)


async def test_a_withdrawn_file_never_came(sinks, store):
    """The partner changed the file while it was read: its operations are new."""
    progress = await sinks.open_registry(a_registry())
    await sinks.receive_chunk(progress, RegistryChunk(b"x\n", 1, (a_line(100),)))
    await sinks.finish_registry(await sinks.find_decision(progress), "the file changed")
    _, results = await send(sinks, a_line(100))
    assert Reason.ACCEPTED is results[0][1]
    assert [(ACCOUNT, 1, 100)] == await list_counting(store)


async def test_a_repeat_takes_the_place_of_what_is_withdrawn(sinks, store):
    """A file that was put off is withdrawn after a later one repeated its lines: they count."""
    first = await sinks.open_registry(a_registry())
    first = await sinks.receive_chunk(first, RegistryChunk(b"x\n", 1, (a_line(100),)))
    await send(sinks, a_line(100), received_at=LATER)
    outcome = await sinks.finish_registry(first, "the file changed")
    assert Verdict(Disposition.REJECT, Reason.NOT_RECOGNISED) == outcome.verdict
    assert [(ACCOUNT, 1, 100)] == await list_counting(store)


async def test_withdrawn_twice_counts_for_nothing(sinks, store):
    """What was withdrawn before does not come back when its successor is withdrawn too."""
    for value in (100, 110):
        progress = await sinks.open_registry(a_registry())
        line = a_line(value, transaction="")
        progress = await sinks.receive_chunk(progress, RegistryChunk(b"x\n", 1, (line,)))
        await sinks.finish_registry(progress, "the file changed")
    assert [] == await list_counting(store)


async def test_a_chunk_judged_before_its_turn(sinks, store):
    """What the chunk before it changed, and what came by SMS meanwhile, is not lost on it."""
    chunks = [
        RegistryChunk(b"x\n", 1, (a_line(n, transaction=f"T-{n}", number=n),)) for n in (1, 2)
    ]
    other = RegistryChunk(b"x\n", 1, (a_line(30, OTHER, "T-3", 3),))
    progress = await sinks.open_registry(a_registry())
    progress = await sinks.receive_chunk(progress, chunks[0])
    await sinks.foresee_chunk(progress, other)
    await sinks.receive(a_message(f"{OTHER}*31;", received_at=LATER))
    progress = await sinks.receive_chunk(progress, other)
    await sinks.foresee_chunk(progress, chunks[1])
    await sinks.receive_chunk(progress, chunks[1])
    assert [(ACCOUNT, 1, 2), (OTHER, 1, 31)] == await list_counting(store)


async def test_results_are_owed_once(sinks, store):
    """However often it is tried, and the same content again owes nothing more."""
    registry = a_registry()
    for _ in range(2):
        progress = await sinks.open_registry(registry)
        await sinks.finish_registry(progress)
        await sinks.owe_results(progress, ["a@example.org", "b@example.org"], "a.csv", "text")
    async with store._pool.acquire() as connection:
        rows = await connection.fetch("SELECT channel, address, subject, body, state FROM outbox")
    owed = [("partner", f"{one}@example.org", "a.csv", "text", "due") for one in "ab"]
    assert owed == sorted(tuple(row) for row in rows)


async def test_a_repeat_behind_a_judgement_before_its_turn(sinks, store):
    """It took the place of what the chunk was compared with; having arrived last, it counts."""
    await sinks.receive(a_message(f"{ACCOUNT}*100;"))
    at = OPEN_AT + dt.timedelta(hours=1)
    progress = await sinks.open_registry(a_registry(received_at=at))
    first = RegistryChunk(b"x\n", 1, (a_line(7, OTHER, "T-1"),))
    progress = await sinks.receive_chunk(progress, first)
    chunk = RegistryChunk(b"x\n", 1, (a_line(150, transaction="T-2", number=2),))
    await sinks.foresee_chunk(progress, chunk)
    await sinks.receive(a_message(f"{ACCOUNT}*100;", received_at=LATER))
    await sinks.receive_chunk(progress, chunk)
    assert [(ACCOUNT, 1, 100), (OTHER, 1, 7)] == await list_counting(store)
