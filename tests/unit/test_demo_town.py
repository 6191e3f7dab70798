"""The world around the daemon of the demo."""

import asyncio
from collections.abc import AsyncIterator
from email.message import EmailMessage

import aiohttp
import aiosmtplib
import pytest

from ingest.demo.script import Answer
from ingest.demo.town import HOST, Inbox, await_registry, open_gateway, open_relay, read_letter


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client."""
    async with aiohttp.ClientSession() as session:
        yield session


def a_letter() -> EmailMessage:
    """Return a letter of the daemon's kind."""
    letter = EmailMessage()
    letter["Subject"] = "Re: Показания"
    letter["To"] = "anna@pochta.example"
    letter["In-Reply-To"] = "<1@pochta.example>"
    letter.set_content("Здравствуйте!\r\n\r\nПринято.\r\n")
    return letter


READ = Answer("mail «Re: Показания»", "Здравствуйте!\n\nПринято.", "<1@pochta.example>")


async def test_who_waits_is_woken() -> None:
    """An answer reaches whoever waits for its address; others go on waiting."""
    inbox = Inbox()
    waiting = asyncio.create_task(inbox.take("anna"))
    await inbox.put("boris", Answer("SMS", "1"))
    await inbox.put("anna", Answer("SMS", "2"))
    assert Answer("SMS", "2") == await waiting
    assert ["boris"] == inbox.list_left()


def test_letter_is_read() -> None:
    """A letter is read as its recipient's program shows it."""
    assert READ == read_letter(a_letter().as_bytes())


async def test_relay_delivers() -> None:
    """What is handed to the relay lies in the inbox of its recipient."""
    inbox = Inbox()
    async with open_relay(inbox) as port:
        await aiosmtplib.send(a_letter(), sender="", hostname=HOST, port=port, start_tls=False)
    assert READ == await inbox.take("anna@pochta.example")


async def test_relay_refuses_what_would_bounce() -> None:
    """A reply must have a null envelope sender, or its bounce would come back as a mail."""
    async with open_relay(Inbox()) as port:
        with pytest.raises(aiosmtplib.SMTPDataError, match="no envelope sender"):
            await aiosmtplib.send(
                a_letter(), sender="energy@b.example", hostname=HOST, port=port, start_tls=False
            )


@pytest.mark.parametrize(
    ("token", "status", "left"),
    [
        pytest.param("Bearer right", 200, ["+7913"], id="the right secret"),
        pytest.param("Bearer wrong", 401, [], id="a wrong one"),
        pytest.param("", 401, [], id="none"),
    ],
)
async def test_gateway(
    token: str, status: int, left: list[str], http: aiohttp.ClientSession
) -> None:
    """The gateway texts only for those who know its secret."""
    inbox = Inbox()
    order = {"to": "+7913", "text": "Принято", "reference": "1"}
    async with open_gateway(inbox, "right") as port:
        url = f"http://{HOST}:{port}/messages"
        async with http.post(url, json=order, headers={"Authorization": token}) as response:
            assert status == response.status
    assert left == inbox.list_left()


@pytest.mark.parametrize("folder", ["done", "failed"])
async def test_registry_is_awaited(folder: str, tmp_path) -> None:
    """Whoever waits for a registry learns where it was put away."""
    for name in ("done", "failed"):
        (tmp_path / name).mkdir()
    waiting = asyncio.create_task(await_registry(tmp_path, "f.csv"))
    await asyncio.sleep(0)
    (tmp_path / folder / "f.csv").touch()
    async with asyncio.timeout(10):
        assert folder == await waiting
