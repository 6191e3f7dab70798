"""The SMS channel with the real intake: a text in, a committed verdict out."""

import asyncio

import pytest
from builders import SMALL_CONFIG
from sms_bench import serve_sms

ASKED = "from=%2B79031234567&to=4981&text=123456789012*5467%3B&id={}&charset=UTF-8"


@pytest.fixture
async def bench(a_config, open_intake):
    """Kannel's channel on the test's database."""
    config = a_config(SMALL_CONFIG)
    async with serve_sms(config, await open_intake(config)) as served:
        await served.start()
        yield served


async def test_a_reading_is_answered_in_one_sms(bench):
    """The reply names what was read, and fits into 70 characters of UCS-2."""
    status, reply = await bench.get(ASKED.format("u-1"))
    assert 200 == status
    assert "5467" in reply
    assert len(reply) <= 70


async def test_a_repeat_gets_the_same_answer(bench, store):
    """Kannel asks again when it missed the answer: ten times at once change nothing."""
    first = await bench.get(ASKED.format("u-2"))
    again = await asyncio.gather(*(bench.get(ASKED.format("u-2")) for _ in range(10)))
    assert {first} == set(again)
    assert 200 == first[0]


async def test_nonsense_is_answered_too(bench):
    """A person gets a word whatever the text was."""
    status, reply = await bench.get("from=%2B79031234567&text=%F0%9F%98%80%00&id=u-3")
    assert 200 == status
    assert reply
