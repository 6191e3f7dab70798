"""Parts of long texts on a real PostgreSQL: any order, copies, crashes, references used again."""

import asyncio
import datetime as dt
import itertools

import pytest
from builders import MAIL, OPEN_AT, SMS

from ingest.model import MessagePart, PartSeries
from ingest.parts import PartStore
from ingest.store import Store

LATER = OPEN_AT + dt.timedelta(minutes=10)
SERIES = "+79031234567/77/3"


@pytest.fixture
def parts(store):
    """Return the parts of the test's database."""
    return PartStore(store)


def a_part(number, **changes):
    values = {
        "channel": SMS,
        "external_id": f"id-{number}",
        "series": SERIES,
        "number": number,
        "total": 3,
        "received_at": OPEN_AT + dt.timedelta(seconds=number),
        "text": f"part {number}",
        "content": b"\0raw",
    }
    return MessagePart(**(values | changes))


def numbers(series: PartSeries) -> list[int]:
    return [part.number for part in series.parts]


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))), ids=repr)
async def test_parts_come_in_any_order(parts, order):
    """The last one completes the text, and the parts are in theirs."""
    first, second, third = [await parts.keep_part(a_part(number)) for number in order]
    assert ("", "") == (first.joined_as, second.joined_as)
    assert ([1, 2, 3], True) == (numbers(third), third.is_last)
    assert a_part(1) == third.parts[0]


async def test_a_copy_of_a_part_changes_nothing(parts):
    """By its id, or by its text where the gateway gives it another id."""
    await parts.keep_part(a_part(1))
    await parts.keep_part(a_part(1))
    again = await parts.keep_part(a_part(1, external_id="other"))
    assert ("", [1]) == (again.joined_as, numbers(again))


async def test_a_copy_of_the_last_part_is_told_the_same(parts):
    """The gateway that missed our answer gets it again; to the other parts nothing is said."""
    series = [await parts.keep_part(a_part(number)) for number in (2, 1, 3)][-1]
    again = await parts.keep_part(a_part(3))
    other = await parts.keep_part(a_part(1, external_id="other"))
    assert series == again
    assert (series.joined_as, False) == (other.joined_as, other.is_last)


async def test_parts_that_come_at_once_make_one_text(parts, database_url):
    """Two daemons, and each part four times: one of them completes it."""
    other = await Store.open(database_url)
    keepers = [parts, PartStore(other)] * 2
    found = await asyncio.gather(
        *(keeper.keep_part(a_part(number)) for number in (1, 2, 3) for keeper in keepers)
    )
    await other.close()
    joined = {series.joined_as for series in found} - {""}
    completed = {numbers(series)[0] for series in found if series.is_last}
    assert (1, {1}) == (len(joined), completed)


async def test_parts_of_others_are_not_mixed_in(parts):
    """Another sender, reference, total or channel is another text."""
    await parts.keep_part(a_part(1))
    await parts.keep_part(a_part(2, external_id="x", series="+79031234567/77/2", total=2))
    await parts.keep_part(a_part(2, external_id="y", channel=MAIL))
    found = await parts.keep_part(a_part(3))
    assert ("", [1, 3]) == (found.joined_as, numbers(found))


async def test_a_reference_that_is_used_again(parts):
    """What waits at the same place with another text becomes a message as it is."""
    await parts.keep_part(a_part(1))
    newer = await parts.keep_part(a_part(1, external_id="new", text="another"))
    assert ("", ["another"]) == (newer.joined_as, [part.text for part in newer.parts])
    [older] = await parts.list_unsettled(SMS, LATER)
    assert ["part 1"] == [part.text for part in older.parts]


async def test_a_reference_that_is_used_again_after_the_text_was_complete(parts):
    """The new text waits for its own parts."""
    for number in (1, 2, 3):
        await parts.keep_part(a_part(number))
    newer = await parts.keep_part(a_part(1, external_id="new", text="another"))
    assert ("", 1) == (newer.joined_as, len(newer.parts))


async def test_what_waits_too_long_is_taken_as_it_is(parts):
    """By the arrival of the first part; what comes then belongs to no text any more."""
    await parts.keep_part(a_part(3))
    await parts.keep_part(a_part(1, received_at=LATER))
    assert [] == await parts.close_overdue(SMS, OPEN_AT)
    [closed] = await parts.close_overdue(SMS, LATER)
    assert ([1, 3], False) == (numbers(closed), closed.is_last)
    assert [] == await parts.close_overdue(SMS, LATER)
    late = await parts.keep_part(a_part(2))
    assert ("", [2]) == (late.joined_as, numbers(late))


async def test_what_a_crash_left_is_found_again(parts):
    """The decision stands: the same parts make the same message until that is settled."""
    series = [await parts.keep_part(a_part(number)) for number in (1, 2, 3)][-1]
    assert [] == await parts.list_unsettled(SMS, OPEN_AT)
    [found] = await parts.list_unsettled(SMS, LATER)
    assert (series.joined_as, series.parts) == (found.joined_as, found.parts)
    await parts.settle_series(SMS, series.joined_as)
    assert [] == await parts.list_unsettled(SMS, LATER)


async def test_parts_survive_a_restart(parts, database_url):
    """Another process goes on with what this one kept."""
    await parts.keep_part(a_part(1))
    await parts.keep_part(a_part(3))
    other = await Store.open(database_url)
    found = await PartStore(other).keep_part(a_part(2))
    await other.close()
    assert [1, 2, 3] == numbers(found)


async def test_what_no_database_holds_is_kept_in_a_likeness(parts):
    """NUL and lone surrogates do no harm, also when the part comes again."""
    odd = a_part(1, text="a\0\ud800", external_id="id\0")
    first = await parts.keep_part(odd)
    assert first == await parts.keep_part(odd)
    assert "a\ufffd" == first.parts[0].text[:2]
