"""A text on its whole road: the mobile network, Kannel, the daemon, Kannel, the telephone."""

import asyncio
import re

import pytest
from harness import stop_at_once, until
from ledger import fetch
from system.configs import HEAD, KANNEL
from system.kannel import GET, GET_PARTS, PASSWORD, POST, POST_WITH_HEADER, Lines, choose_ports
from system.links import Forgetful

from ingest.embedded import open_server as start_again

CONFIG = HEAD + KANNEL
NUMBER = "+79031234567"
TEXTS = 300
LONG = bytes.fromhex("0500030702")
"""The header of a part of a text in two parts; its number follows."""


async def read_texts(kannel, count=1):
    """Wait until so many texts have come out; return them all."""
    await until(lambda: len(kannel.network.texts) >= count)
    return kannel.network.texts


async def list_readings(url):
    """Return what counts."""
    rows = await fetch(url, "SELECT account, value FROM readings WHERE counts ORDER BY account")
    return [(row["account"], row["value"]) for row in rows]


def has_heard(kannel, answer):
    """Tell whether smsbox has noted this answer to its request."""
    return answer in kannel.smsbox.log.read_text(errors="replace")


@pytest.mark.parametrize(
    "url", [GET, POST, POST_WITH_HEADER], ids=["get-url", "post-url", "send-sender"]
)
async def test_a_text_and_its_reply(make_daemon, open_kannel, database_url, url):
    """Cyrillic goes in at the network and comes out there, character for character."""
    daemon = make_daemon(database_url, config=CONFIG)
    await daemon.start()
    kannel = await open_kannel(daemon.http, Lines(url))
    await kannel.network.send(NUMBER, "Показания:\n123456789012*5467;")
    [(number, text)] = await read_texts(kannel)
    assert NUMBER == number
    assert re.fullmatch(r"Принято 123456789012: 5467 кВт·ч\. Код \S{9}", text)
    [message] = await fetch(database_url, "SELECT text, sender FROM messages")
    assert ("Показания:\n123456789012*5467;", NUMBER) == tuple(message)


@pytest.mark.parametrize(
    "lines",
    [Lines(), Lines(GET_PARTS, core="sms-combine-concatenated-mo = false")],
    ids=["joined by Kannel", "joined by us"],
)
async def test_a_text_in_two_parts(make_daemon, open_kannel, database_url, lines):
    """Parts that came in the wrong order are put together; they are one message."""
    daemon = make_daemon(database_url, config=CONFIG)
    await daemon.start()
    kannel = await open_kannel(daemon.http, lines)
    await kannel.network.send_part(NUMBER, LONG + b"\2", "89012*5467;")
    await kannel.network.send_part(NUMBER, LONG + b"\1", "1234567")
    [(_, text)] = await read_texts(kannel)
    assert "123456789012: 5467" in text
    assert [("123456789012", 5467)] == await list_readings(database_url)


async def test_a_daemon_that_is_down(make_daemon, open_kannel, database_url):
    """Kannel asks until the daemon is back: nobody's text is lost, nobody reads of the outage."""
    daemon = make_daemon(database_url, config=CONFIG)
    kannel = await open_kannel(daemon.http)
    for number in (1, 2, 3):
        await kannel.network.send(f"+7903000000{number}", f"{number:012}*5467;")
    await until(lambda: has_heard(kannel, "Couldn't fetch"))
    await daemon.start()
    texts = await read_texts(kannel, 3)
    assert {f"+7903000000{number}" for number in (1, 2, 3)} == {number for number, _ in texts}
    assert all(text.startswith("Принято ") for _, text in texts)
    assert 3 == len(await list_readings(database_url))


async def test_a_database_that_is_away(make_daemon, open_kannel, own_server):
    """While PostgreSQL is away Kannel hears 503, texts nothing to anybody, and asks again."""
    url, data = own_server
    daemon = make_daemon(url, config=CONFIG)
    await daemon.start()
    kannel = await open_kannel(daemon.http)
    await stop_at_once(data)
    await kannel.network.send(NUMBER, "123456789012*5467;")
    await until(lambda: has_heard(kannel, "HTTP/1.1 503"))
    await asyncio.to_thread(start_again, data)
    [(_, text)] = await read_texts(kannel)
    assert text.startswith("Принято 123456789012: 5467")
    assert [("123456789012", 5467)] == await list_readings(url)


async def test_an_answer_that_is_lost(make_daemon, open_kannel, database_url):
    """A text that Kannel brings again, having missed our answer, is judged and answered once."""
    daemon = make_daemon(database_url, config=CONFIG)
    await daemon.start()
    async with Forgetful(daemon.http, b"200 OK").open() as link:
        kannel = await open_kannel(link.port)
        await kannel.network.send(NUMBER, "123456789012*5467;")
        await kannel.network.send("+79037654321", "123456789013*1;")
        await until(lambda: link.has_cut and len(kannel.network.texts) >= 2)
    assert {NUMBER, "+79037654321"} == {number for number, _ in kannel.network.texts}
    assert 2 == len(kannel.network.texts)
    [row] = await fetch(database_url, "SELECT count(*) AS messages FROM messages")
    assert 2 == row["messages"]


async def test_a_daemon_that_is_killed(make_daemon, open_kannel, database_url):
    """Killed twice under a load of texts: each is judged once, each customer reads one reply."""
    daemon = make_daemon(database_url, config=CONFIG)
    kannel = await open_kannel(daemon.http)
    for number in range(TEXTS):
        await kannel.network.send(f"+790300{number:05}", f"{number:012}*{number};")
    for answered in (1, TEXTS // 3):
        await daemon.start()
        await until(lambda answered=answered: len(kannel.network.texts) >= answered)
        await daemon.kill()
    await daemon.start()
    await read_texts(kannel, TEXTS)
    numbers = [number for number, _ in kannel.network.texts]
    assert sorted(numbers) == [f"+790300{number:05}" for number in range(TEXTS)]
    assert TEXTS == len(await list_readings(database_url))


# The reply by a request of our own


def send_by_kannel(ports, settings):
    """Return a configuration that sends by smsbox, and is brought its reports."""
    return (
        CONFIG
        + settings
        + "[channels.kannel.send]\n"
        + f'url = "http://127.0.0.1:{ports["sendsms"]}/cgi-bin/sendsms"\n'
        + 'values = {{ username = "ingest" }}\nsecret = {{ file = "password" }}\n'
    )


async def test_a_reply_of_its_own(make_daemon, open_kannel, database_url):
    """A reply by ``send`` comes out in Cyrillic, and Kannel's report is kept with it."""
    ports = choose_ports()
    daemon = make_daemon(database_url, config=send_by_kannel(ports, 'answer = "send"\n'))
    (daemon.folder / "password").write_text(PASSWORD)
    await daemon.start()
    kannel = await open_kannel(daemon.http, Lines(), ports)
    await kannel.network.send(NUMBER, "123456789012*5467;")
    [(number, text)] = await read_texts(kannel)
    assert (NUMBER, "Принято 123456789012: 5467 кВт·ч.") == (number, text.partition(" Код")[0])
    reports = "SELECT DISTINCT status FROM delivery_reports ORDER BY status"
    await until(lambda: has_rows(database_url, reports, 2))
    rows = await fetch(database_url, reports)
    assert ["delivered", "under_way"] == [row["status"] for row in rows]
    assert [(NUMBER, text)] == kannel.network.texts


async def test_a_journal(make_daemon, open_kannel, own_server):
    """A Kannel that never asks again loses nothing: a word at once, the verdict later."""
    url, data = own_server
    ports = choose_ports()
    daemon = make_daemon(url, config=send_by_kannel(ports, "journal = true\n"))
    (daemon.folder / "password").write_text(PASSWORD)
    await daemon.start()
    kannel = await open_kannel(daemon.http, Lines(retries=0), ports)
    await stop_at_once(data)
    await kannel.network.send(NUMBER, "123456789012*5467;")
    [(_, text)] = await read_texts(kannel)
    assert text.startswith("Получено")
    await asyncio.to_thread(start_again, data)
    [_, (_, text)] = await read_texts(kannel, 2)
    assert text.startswith("Принято 123456789012: 5467")
    assert [("123456789012", 5467)] == await list_readings(url)


async def has_rows(url, sql, count):
    """Tell whether a query has so many rows."""
    return count == len(await fetch(url, sql))
