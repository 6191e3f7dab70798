"""The daemon as senders and operators meet it: a real process, real protocols, real rows."""

import asyncio
import contextlib
import email
import email.policy
import json
import os
import re
import shutil
import signal
import socket
import tempfile
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from harness import CONFIG, DaemonProcess, Town, a_mail, post_text, send_mail, until
from ledger import Ledger, check_readings, fetch, nothing_is_owed
from prometheus_client.parser import text_string_to_metric_families

CHANNELS = ("mail", "sms", "kannel", "partner")
COPIES = 25
"""To each of two daemons."""
STOP_WITHIN = 20
A_MOMENT = 0.5
"""Seconds in which a daemon that ends at once would have ended."""
NOWHERE = "postgresql://127.0.0.1:1/nowhere"
SECRET, WRONG_SECRET = "correct-horse", "wrong-horse"


@pytest.fixture
async def town():
    """The relay and the gateway."""
    async with Town().open() as opened:
        yield opened


@pytest.fixture
async def session():
    """An HTTP client."""
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
async def make_daemon(tmp_path, database_url, town):
    """Return a maker of daemons that do not run yet; none outlives the test."""
    made = []

    def make(name="daemon", url=database_url, config=CONFIG, folder=tmp_path, at=town):
        made.append(DaemonProcess(folder / name, url, at, config=config))
        return made[-1]

    yield make
    for daemon in made:
        if daemon.process is not None and daemon.process.returncode is None:
            await daemon.kill()


@pytest.fixture
async def daemon(make_daemon):
    """A daemon that is ready."""
    made = make_daemon()
    await made.start()
    return made


async def run_to_end(daemon):
    """Run a daemon that is expected to end by itself; return its status and what it said."""
    await daemon.spawn({})
    async with asyncio.timeout(STOP_WITHIN):
        status = await daemon.process.wait()
    return status, daemon.log.read_text()


async def ask(session, port, path):
    """Return status and body of an HTTP GET."""
    async with session.get(f"http://127.0.0.1:{port}{path}") as response:
        return response.status, await response.text()


async def ask_kannel(session, daemon, number, text):
    """Ask as Kannel's get-url does; return status and the body that it texts back."""
    query = {"from": f"+7904{number:07}", "text": text, "id": f"k-{number}", "charset": "UTF-8"}
    url = f"http://127.0.0.1:{daemon.http}/channels/kannel"
    async with session.get(url, params=query) as response:
        return response.status, await response.text()


async def drop_registry(daemon, name, content):
    """Drop a file and wait until it is answered; return its results."""
    (daemon.partner / name).write_text(content)
    (daemon.partner / name).rename(daemon.partner / "in" / name)
    await until((daemon.partner / "done" / name).exists)
    return (daemon.partner / "out" / f"{name}.result.csv").read_text()


def read_reply(town):
    """Return the only mail that the relay got."""
    [(_, content)] = town.mails
    return email.message_from_bytes(content, policy=email.policy.default)


# Every channel ends as rows and as an answer


async def test_a_mail_a_text_and_a_registry(daemon, town, session, database_url):
    """Whatever the channel, the reading is recorded, counts, and its sender reads what became."""
    receipts = await asyncio.gather(
        answer_to_a_mail(daemon, town),
        answer_to_a_text(daemon, town, session),
        answer_by_kannel(daemon, session),
        answer_to_a_registry(daemon),
    )
    await check_rows(database_url, dict(zip(CHANNELS, receipts, strict=True)))
    assert 0 == await daemon.stop()


async def check_rows(url, receipts):
    """Each channel's only reading counts, under the receipt that its sender was told."""
    rows = await fetch(
        url,
        "SELECT channel, account, value, receipt FROM readings JOIN messages ON id = message_id "
        "WHERE counts ORDER BY account",
    )
    assert [
        (channel, f"{number:012}", 5460 + number, receipt)
        for number, (channel, receipt) in enumerate(receipts.items(), start=1)
    ] == [tuple(row) for row in rows]


async def answer_to_a_mail(daemon, town):
    """Send a mail and read the letter that comes back; return its receipt."""
    answer = await send_mail(daemon.smtp, a_mail("000000000001*5461;"))
    await until(lambda: town.mails)
    reply = read_reply(town)
    receipt = reply["X-Ingest-Receipt"]
    assert f"2.0.0 received as {receipt}" == answer
    assert ("ivanov@example.com", "Re: показания") == (reply["To"], reply["Subject"])
    assert ("<1@example.com>", "auto-replied") == (reply["In-Reply-To"], reply["Auto-Submitted"])
    body = reply.get_content()
    assert "Показание 5461 кВт·ч по лицевому счёту 000000000001 принято за " in body
    assert f"Код вашего обращения: {receipt}. " in body
    return receipt


async def answer_to_a_text(daemon, town, session):
    """Post a text and read the one that the gateway gets to send; return its receipt."""
    assert (200, "") == await post_text(session, daemon.http, 1, "000000000002*5462;")
    await until(lambda: town.texts)
    [(address, text, _)] = town.texts
    found = re.fullmatch(r"Принято 000000000002: 5462 кВт·ч\. Код (\S+)", text)
    assert "+79030000001" == address
    return found[1]


async def answer_by_kannel(daemon, session):
    """Post a text; the body of the answer is what the customer reads. Return its receipt."""
    status, text = await ask_kannel(session, daemon, 1, "000000000003*5463;")
    found = re.fullmatch(r"Принято 000000000003: 5463 кВт·ч\. Код (\S+)", text)
    assert 200 == status
    return found[1]


async def answer_to_a_registry(daemon):
    """Drop a registry and read the line of its results; return the receipt of the whole."""
    results = await drop_registry(daemon, "one.csv", "000000000004;5464\n")
    found = re.fullmatch(r"000000000004;5464;accept;accepted;(\S+)/1\n", results)
    return found[1]


# The same message again and again


async def test_fifty_copies_to_two_daemons(make_daemon, town, session, database_url):
    """The same mail and the same texts, fifty times at once: one row, one reply, equal answers."""
    daemons = [make_daemon("one"), make_daemon("two")]
    await asyncio.gather(*(daemon.start() for daemon in daemons))
    mail = a_mail("000000000001*5461;")
    answers = await asyncio.gather(
        deliver_copies(daemons, lambda one: send_mail(one.smtp, mail)),
        deliver_copies(daemons, lambda one: post_text(session, one.http, 1, "000000000002*5462;")),
        deliver_copies(daemons, lambda one: ask_kannel(session, one, 1, "000000000003*5463;")),
    )
    await until(lambda: nothing_is_owed(database_url))
    assert [(2 * COPIES, 1)] * 3 == [(len(one), len(set(one))) for one in answers]
    assert [0, 0] == [await daemon.stop() for daemon in daemons]
    assert (1, 1) == (len(town.mails), len(town.texts))
    await check_rows(
        database_url, {name: await find_receipt(database_url, name) for name in CHANNELS[:3]}
    )


async def find_receipt(url, channel):
    """Return the receipt of a channel's only message."""
    [row] = await fetch(url, f"SELECT receipt FROM messages WHERE channel = '{channel}'")
    return row["receipt"]


async def deliver_copies(daemons, deliver):
    """Deliver the same to each daemon so many times at once; return all answers."""
    return await asyncio.gather(*(deliver(one) for one in daemons for _ in range(COPIES)))


# Signals


async def test_a_stop_under_load(daemon, database_url):
    """SIGTERM in full work: what was acknowledged is recorded, in time, with nothing left over."""
    ledger = Ledger(daemon)
    async with ledger.load():
        await until(lambda: len(ledger.promised) > 100)
        daemon.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_WITHIN):
            status = await daemon.process.wait()
    log = daemon.log.read_text()
    assert (0, False, True) == (status, "part.abandoned" in log, '"daemon.stopped"' in log)
    assert min(len(done) for done in ledger.acknowledged.values()) > 20
    await check_readings(database_url, ledger.promised)


async def test_the_second_signal_ends_it_at_once(daemon, session):
    """SIGHUP is ignored; SIGTERM waits for a mail under way; the second one waits for nobody."""
    daemon.process.send_signal(signal.SIGHUP)
    await until(lambda: "signal.ignored" in daemon.log.read_text())
    assert 200 == (await post_text(session, daemon.http, 1, "000000000002*1;"))[0]
    async with a_mail_under_way(daemon):
        daemon.process.send_signal(signal.SIGTERM)
        ended = asyncio.create_task(daemon.process.wait())
        done, _ = await asyncio.wait({ended}, timeout=A_MOMENT)
        assert set() == done
        daemon.process.send_signal(signal.SIGTERM)
        await asyncio.wait({ended}, timeout=STOP_WITHIN / 4)
        assert ended.done()
    assert "daemon.interrupted" in daemon.log.read_text()


@contextlib.asynccontextmanager
async def a_mail_under_way(daemon):
    """Keep a mail half sent while the block runs."""
    reader, writer = await asyncio.open_connection("127.0.0.1", daemon.smtp)
    writer.write(
        b"EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<energy@example.org>\r\nDATA\r\n1"
    )
    await reader.readuntil(b"354 ")
    try:
        yield
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


# Channels that cannot


def spoil(daemon):
    """Take the mail channel's port, and put a file where the partner's folder should be."""
    daemon.partner.parent.mkdir()
    daemon.partner.write_text("no folder")
    return socket.create_server(("127.0.0.1", daemon.smtp))


async def list_states(session, daemon):
    """Return the status of /readyz, and each channel's state and problem."""
    status, body = await ask(session, daemon.internal, "/readyz")
    channels = json.loads(body)["channels"]
    return status, {name: (one["state"], one["problem"]) for name, one in channels.items()}


async def test_a_broken_channel_leaves_the_others_working(make_daemon, session):
    """What one channel lacks is told at /readyz; the others work, and it recovers by itself."""
    daemon = make_daemon()
    with spoil(daemon):
        await daemon.start()
        status, states = await list_states(session, daemon)
        assert 200 == (await post_text(session, daemon.http, 1, "000000000002*1;"))[0]
    daemon.partner.unlink()
    assert (200, ("up", "")) == (status, states["sms"])
    assert ("lost", f"127.0.0.1:{daemon.smtp}: address in use") == states["mail"]
    assert "lost" == states["partner"][0]
    assert str(daemon.partner) in states["partner"][1]
    await until(lambda: is_all_up(session, daemon))
    assert (await send_mail(daemon.smtp, a_mail("000000000001*1;"))).startswith("2.0.0")
    assert "accept" in await drop_registry(daemon, "one.csv", "000000000004;1\n")


async def is_all_up(session, daemon):
    """Tell whether every channel says that it is up."""
    _, states = await list_states(session, daemon)
    return {"up"} == {state for state, _ in states.values()}


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        pytest.param("mail", "address in use", id="port taken"),
        pytest.param("partner", "partner", id="file in the place of a folder"),
    ],
)
async def test_a_channel_that_must_start(make_daemon, channel, words):
    """With ``startup = "error"`` the daemon is never ready; it ends and says why in one line."""
    head = f"[channels.{channel}]\n"
    daemon = make_daemon(config=CONFIG.replace(head, f'{head}startup = "error"\n'))
    with spoil(daemon):
        status, log = await run_to_end(daemon)
    last = log.splitlines()[-1]
    assert (1, False, False) == (status, "daemon.started" in log, "Traceback" in log)
    assert last.startswith(f'{channel} does not start (startup = "error"): ')
    assert words in last


# What operations ask


async def test_only_the_internal_listener_tells(daemon, session):
    """Health and figures are for operations; strangers at the public listener find nothing."""
    paths = ("/healthz", "/readyz", "/metrics")
    inside = [await ask(session, daemon.internal, path) for path in paths]
    outside = [await ask(session, daemon.http, path) for path in paths]
    assert [200] * 3 == [status for status, _ in inside]
    assert [404] * 3 == [status for status, _ in outside]
    assert "running" == json.loads(inside[0][1])["phase"]
    assert ("running", "up") == tuple(
        json.loads(inside[1][1])[key] for key in ("phase", "database")
    )
    assert 404 == (await ask(session, daemon.internal, "/channels/kannel"))[0]


async def test_metrics_agree_with_the_database(daemon, session, database_url):
    """What the figures count is what is recorded, message by message and line by line."""
    for number, text in enumerate(("000000000001*1;", "000000000001*2;", "12345*1;", "Алло?")):
        await post_text(session, daemon.http, number, text)
        await post_text(session, daemon.http, number, text)
        await ask_kannel(session, daemon, number, text)
    await drop_registry(daemon, "one.csv", "000000000004;1\n000000000004;x\n12345;2\n")
    await until(lambda: nothing_is_owed(database_url))
    figures = (await ask(session, daemon.internal, "/metrics"))[1]
    for table in ("messages", "readings"):
        assert await count_verdicts(database_url, table) == read_figures(figures, table)
    assert {("sms",): 4} == read_figures(figures, "repeated_messages")
    assert {("partner",): 3} == read_figures(figures, "registry_lines")
    assert {("sms", "sent"): 4} == read_figures(figures, "replies")


def read_figures(text, name):
    """Return a counter's samples by the values of their labels."""
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == f"ingest_{name}_total"
    }


async def count_verdicts(url, table):
    """Count rows by channel and verdict."""
    joined = "messages" if table == "messages" else "readings JOIN messages ON id = message_id"
    rows = await fetch(url, f"SELECT channel, {table}.disposition, {table}.reason FROM {joined}")
    return Counter(tuple(row) for row in rows)


# What keeps it from starting


async def test_a_wrong_configuration(make_daemon):
    """Every mistake has a line with its key; nothing is started, and the exit status is 2."""
    wrong = CONFIG.replace("relay =", "rely =").replace('gateway = "kannel"', 'gateway = "canal"')
    daemon = make_daemon(url=NOWHERE, config=wrong.replace("settle = 0.2", "settle = -1"))
    status, log = await run_to_end(daemon)
    lines = log.splitlines()
    keys = ["mail.rely", "channels.kannel.gateway", "channels.partner.settle"]
    assert (2, 3) == (status, len(lines))
    assert [[str(daemon.config), key] for key in keys] == [line.split(": ")[:2] for line in lines]
    assert not (daemon.folder / "state").exists()


@pytest.mark.parametrize("key", ["listen", "internal"])
async def test_a_listener_that_is_taken(make_daemon, key):
    """A daemon whose HTTP listener cannot be had ends with one line that names key and address."""
    daemon = make_daemon()
    port = daemon.http if key == "listen" else daemon.internal
    with socket.create_server(("127.0.0.1", port)):
        status, log = await run_to_end(daemon)
    last = log.splitlines()[-1]
    assert (1, False, False) == (status, "daemon.started" in log, "Traceback" in log)
    assert last.startswith(f"http.{key}: cannot listen on 127.0.0.1:{port}: Address already in use")


# A database of its own


@pytest.fixture
def open_folder():
    """A folder that the database's own user can reach; pytest's are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="ingest-tests-"))
    yield folder
    shutil.rmtree(folder)


def find_servers(folder):
    """Return the PostgreSQL servers whose data lie beneath *folder*."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in (line := path.read_bytes()) and b"postgres" in line:
                found.append(line)
    return found


async def list_receipts(daemon):
    """Ask the command line for what is recorded."""
    return [
        json.loads(line)["receipt"]
        for line in (await daemon.command("messages", "--json")).splitlines()
    ]


async def test_the_embedded_database(make_daemon, session, open_folder):
    """It outlives a kill, is shared with commands, and is stopped by whoever leaves last."""
    daemon = make_daemon(url="", folder=open_folder)
    await daemon.start()
    _, first = await ask_kannel(session, daemon, 1, "000000000003*5463;")
    await daemon.kill()
    await daemon.start()
    assert (200, first) == await ask_kannel(session, daemon, 1, "000000000003*5463;")
    [beside] = await list_receipts(daemon)
    assert (200, first) == await ask_kannel(session, daemon, 1, "000000000003*5463;")
    running = len(find_servers(open_folder))
    assert (1, 0) == (running, await daemon.stop())
    assert [] == find_servers(open_folder)
    assert ([beside], True) == (await list_receipts(daemon), first.endswith(beside))
    assert [] == find_servers(open_folder)


def find_postmaster(folder):
    """Return the process of the embedded server."""
    return int(next(folder.rglob("postmaster.pid")).read_text().splitlines()[0])


async def is_taken(session, daemon, number, text):
    """Tell whether a text is taken now."""
    status, _ = await ask_kannel(session, daemon, number, text)
    return 200 == status


async def test_the_embedded_database_is_started_again(make_daemon, session, open_folder):
    """A server of ours that dies is started by the daemon, and what came before is there."""
    daemon = make_daemon(url="", folder=open_folder)
    await daemon.start()
    _, first = await ask_kannel(session, daemon, 1, "000000000003*5463;")
    os.kill(find_postmaster(open_folder), signal.SIGQUIT)
    await until(lambda: is_taken(session, daemon, 2, "000000000004*5463;"))

    async def is_answered_as_before():
        """The server may have taken the text above while it was dying."""
        return (200, first) == await ask_kannel(session, daemon, 1, "000000000003*5463;")

    await until(is_answered_as_before)
    assert 0 == await daemon.stop()
    assert [] == find_servers(open_folder)


async def test_a_database_that_hangs_holds_no_stop_up(make_daemon, open_folder):
    """The second SIGTERM ends the daemon although PostgreSQL answers nothing at all."""
    daemon = make_daemon(url="", folder=open_folder)
    await daemon.start()
    postmaster = find_postmaster(open_folder)
    group = [postmaster, *list_children(postmaster)]
    for pid in group:
        os.kill(pid, signal.SIGSTOP)
    try:
        daemon.process.send_signal(signal.SIGTERM)
        await until(lambda: "daemon.stopping" in daemon.log.read_text())
        daemon.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(2 * STOP_WITHIN):
            await daemon.process.wait()
    finally:
        for pid in group:
            os.kill(pid, signal.SIGCONT)
        os.kill(postmaster, signal.SIGQUIT)
    await until(lambda: not find_servers(open_folder))


def list_children(pid):
    """Return the processes that *pid* started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# The log


class EchoingTown(Town):
    """A relay that refuses everybody by name, and a gateway that repeats what it was told."""

    async def handle_RCPT(self, server, session, envelope, address, options):
        """Refuse, as relays do."""
        return f"550 5.1.1 <{address}>: Recipient address rejected"

    async def take_text(self, request):
        """Take a text and repeat the form."""
        form = await request.post()
        self.texts.append((form["to"], form["text"], form["key"]))
        return web.json_response({name: form[name] for name in ("to", "password")})


PRIVATE_CONFIG = CONFIG.replace(
    'fields = {{ sender = "from", text = "text", id = "id" }}',
    'fields = {{ sender = "from", text = "text", id = "id" }}\n'
    'auth = {{ kind = "secret", field = "password", value = {{ env = "SECRET" }} }}',
).replace(
    'key = "{{id}}" }}', 'key = "{{id}}", password = "{{secret}}" }}\nsecret = {{ env = "SECRET" }}'
)


async def test_the_log_is_json_and_keeps_secrets(make_daemon, session, monkeypatch, database_url):
    """Every line is an object with event, level and time; none names a person or a secret."""
    monkeypatch.setenv("SECRET", SECRET)
    async with EchoingTown().open() as echoing:
        daemon = make_daemon(config=PRIVATE_CONFIG, at=echoing)
        await daemon.start()
        await speak_out(session, daemon)
        await until(lambda: nothing_is_owed(database_url))
        assert (0, 1) == (await daemon.stop(), len(echoing.texts))
    lines = daemon.log.read_text().splitlines()
    assert [] == [line for line in lines if not {"event", "level", "at"} <= json.loads(line).keys()]
    events = Counter(json.loads(line)["event"] for line in lines)
    wanted = {"message.judged", "message.refused", "client.refused", "reply.sent", "reply.unsent"}
    assert set() == wanted - events.keys()
    private = (SECRET, WRONG_SECRET, "ivanov@example.com", "stranger@example.net", "9030000001")
    assert [] == [one for one in private if one in "\n".join(lines)]


async def speak_out(session, daemon):
    """Send mails and texts, right and wrong, that are full of what nobody else should read."""
    await send_mail(daemon.smtp, a_mail("000000000001*1;"))
    form = {"from": "+79030000001", "text": "000000000002*1;", "id": "1"}
    url = f"http://127.0.0.1:{daemon.http}/channels/sms"
    for password in (SECRET, WRONG_SECRET):
        async with session.post(url, data={**form, "password": password}):
            pass
    async with session.post(url, data={"password": SECRET}):
        pass
    query = f"password={SECRET}&from=%2B79030000001"
    await send_raw(daemon.http, f"GET /channels/sms?{query} 5 HTTP/9\r\n\r\n")
    envelope = "EHLO x\r\nMAIL FROM:<ivanov@example.com>\r\nRCPT TO:<stranger@example.net>\r\n"
    await send_raw(daemon.smtp, envelope)


async def send_raw(port, text):
    """Send *text* and nothing more; return when the other side has hung up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text.encode())
    writer.write_eof()
    await reader.read()
    writer.close()
    await writer.wait_closed()
