"""The SMTP and LMTP channel over real sockets; headings follow what it promises."""

import asyncio
import contextlib
import datetime as dt
import re
import smtplib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
import uvloop

from ingest.channels.smtp import SmtpChannel
from ingest.config import load_config
from ingest.errors import PermanentError, TransientError
from ingest.model import (
    ACCEPTED,
    ChannelName,
    DeliveryReport,
    Disposition,
    InboundMessage,
    Outcome,
    Reason,
    ReplyTo,
    ReportStatus,
    Verdict,
)
from ingest.ports import Sinks

NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
RECEIPT = "7K4M-2Q9X"
TAKEN = f"250 2.0.0 received as {RECEIPT}"
NOT_NOW = "451 4.3.0 Not taken for now, try again later"
STOPPING = "421 4.3.2 Service is stopping, try again later"
TLS = Path(__file__).parent.parent / "data" / "tls"
CONFIG = """
[windows.all-month]
days = "6..-2"
[channels.mail]
type = "smtp"
window = "all-month"
recipients = ["energy@example.org", "second@example.org"]
{lines}
[channels.other]
type = "smtp"
window = "all-month"
recipients = ["other@example.org"]
"""
MAIL = (
    b"From: Ivan <ivan@example.org>\r\nMessage-ID: <1@example.org>\r\nSubject: Hi\r\n"
    b"Date: Tue, 24 Nov 2026 11:59:00 +0700\r\n\r\n123456789012*5467;\r\n"
)
ENVELOPE = (b"MAIL FROM:<ivan@example.org>", b"RCPT TO:<energy@example.org>", b"DATA")


class ScriptedSink:
    """A sink that answers as a test says: with an outcome, an error, or once it is let."""

    def __init__(self, *script: Exception) -> None:
        self.messages: list[InboundMessage] = []
        self.script = list(script)
        self.arrived = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def receive(self, message: InboundMessage) -> Outcome:
        self.arrived.set()
        await self.gate.wait()
        if self.script:
            raise self.script.pop(0)
        self.messages.append(message)
        return Outcome(RECEIPT, ACCEPTED, "")


class ScriptedReports:
    """Where reports go: they are kept, or fail as a test says."""

    def __init__(self, *script: Exception) -> None:
        self.reports: list[DeliveryReport] = []
        self.script = list(script)

    async def record_report(self, report: DeliveryReport) -> bool:
        if self.script:
            raise self.script.pop(0)
        self.reports.append(report)
        return True


class Report:
    """What the channel told the daemon."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.is_up = asyncio.Event()

    def up(self) -> None:
        self.events.append("up")
        self.is_up.set()

    def progressed(self) -> None:
        self.events.append("progressed")

    def lost(self, problem: str) -> None:
        self.events.append(f"lost: {problem}")

    def refused(self, problem: str) -> None:
        self.lost(problem)


class Served:
    """A channel that is up, and the task that runs it."""

    def __init__(self, channel: SmtpChannel, report: Report, task: "asyncio.Task[None]") -> None:
        self.channel, self.report, self.task = channel, report, task

    @property
    def port(self) -> int:
        return int(self.channel.address.rpartition(":")[2])

    async def stop(self) -> None:
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task


class Client:
    """A client that says exactly what a test wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, *lines: bytes) -> None:
        self.writer.write(b"".join(line + b"\r\n" for line in lines))
        await self.writer.drain()

    async def reply(self) -> str:
        """Return one reply; of one in several lines the last."""
        async with asyncio.timeout(20):
            line = (await self.reader.readline()).decode()
            while line[3:4] == "-":
                line = (await self.reader.readline()).decode()
        return line.removesuffix("\r\n")

    async def say(self, *lines: bytes) -> str:
        """Say line after line, each when the one before is answered; return the last answer."""
        answer = ""
        for line in lines:
            await self.send(line)
            answer = await self.reply()
        return answer

    def hang_up(self) -> None:
        self.writer.transport.abort()


def hang_up(*clients: Client) -> None:
    """Let clients go."""
    for client in clients:
        client.hang_up()


async def reach(served: Served) -> Client:
    """Return a client that has connected and heard nothing yet."""
    address = served.channel.address
    if address.startswith("unix:"):
        return Client(*await asyncio.open_unix_connection(address.removeprefix("unix:")))
    return Client(*await asyncio.open_connection("127.0.0.1", served.port))


def build(
    folder: Path, sink: Any, lines: str = "", now: Any = lambda: NOW, reports: Any = None
) -> SmtpChannel:
    """Return the channel of a configuration with *lines* in its table."""
    listen = "" if "listen" in lines else 'listen = "127.0.0.1:0"'
    path = folder / "config.toml"
    path.write_text(CONFIG.format(lines=f"{listen}\n{lines}"), "utf-8")
    config = load_config(path, {})
    ports = dict.fromkeys(Sinks.__struct_fields__) | {"messages": sink, "reports": reports}
    sinks = Sinks(**ports)
    return SmtpChannel(
        ChannelName("mail"), config.settings.channels["mail"], config, sinks, now=now
    )


async def start(channel: SmtpChannel) -> Served:
    """Run *channel* until it listens; raises what it raises."""
    report = Report()
    task = asyncio.create_task(channel.run(report))
    waiting = asyncio.create_task(report.is_up.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        await task
    return Served(channel, report, task)


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Served]]]:
    """Return an async maker of running channels; they stop with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(sink: Any, lines: str = "", **options: Any) -> Served:
            served = await start(build(tmp_path, sink, lines, **options))
            stack.push_async_callback(served.stop)
            return served

        yield make


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """Return an async maker of clients that have been greeted; they leave with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(served: Served, hello: bytes = b"EHLO client") -> Client:
            client = await reach(served)
            stack.callback(client.hang_up)
            if hello:
                await client.reply()
                await client.say(hello)
            return client

        yield make


@pytest.fixture
def sink() -> ScriptedSink:
    """A sink that takes everything."""
    return ScriptedSink()


@pytest.fixture
def served_at(serve, sink):
    """Return an async maker of a channel whose clock shows the given times, and its sink."""

    async def make(times: list[dt.datetime]) -> tuple[Served, ScriptedSink]:
        clock = iter(times)
        return await serve(sink, now=lambda: next(clock)), sink

    return make


# 250 only after the commit


async def test_a_mail_becomes_a_message(serve, connect, sink):
    """What arrived is handed over uninterpreted, with what is needed to answer it."""
    client = await connect(await serve(sink))
    assert TAKEN == await client.say(*ENVELOPE, MAIL + b".")
    [message] = sink.messages
    assert ("mail", NOW, "message/rfc822") == (
        message.channel,
        message.received_at,
        message.media_type,
    )
    assert ("123456789012*5467;", MAIL) == (message.text, message.raw)
    assert ("ivan@example.org", "energy@example.org") == (message.sender, message.recipient)
    assert dt.datetime(2026, 11, 24, 4, 59, tzinfo=dt.UTC) == message.sent_at
    assert ReplyTo("ivan@example.org", "Hi", "<1@example.org>", "") == message.reply_to
    assert message.finding is None


async def test_nothing_is_said_before_the_commit(serve, connect, sink):
    """The client waits until the sink has returned."""
    client = await connect(await serve(sink))
    sink.gate.clear()
    answer = asyncio.create_task(client.say(*ENVELOPE, MAIL + b"."))
    await sink.arrived.wait()
    assert not answer.done()
    sink.gate.set()
    assert TAKEN == await answer


async def test_a_repeat_has_the_same_id(serve, connect, sink):
    """The same bytes again are the same mail; other bytes are another."""
    client = await connect(await serve(sink))
    for content in (MAIL, MAIL, MAIL + b"x\r\n"):
        await client.say(*ENVELOPE, content + b".")
    first, again, other = [message.external_id for message in sink.messages]
    assert first == again != other


@pytest.mark.parametrize(
    ("sender", "day", "ids"),
    [
        pytest.param(b"ivan@example.org", 24, 1, id="same sender, same day"),
        pytest.param(b"petr@example.org", 24, 2, id="another sender"),
        pytest.param(b"ivan@example.org", 25, 2, id="another day"),
    ],
)
async def test_a_mail_without_id_and_date(served_at, connect, sender, day, ids):
    """A bare client's same bytes count again from another sender and on another day."""
    served, sink = await served_at([NOW, NOW.replace(day=day)])
    client = await connect(served)
    for one in (b"ivan@example.org", sender):
        mail_from = b"MAIL FROM:<" + one + b">"
        await client.say(mail_from, *ENVELOPE[1:], b"\r\n123456789012*5467;\r\n.")
    assert ids == len({message.external_id for message in sink.messages})


# Whenever we are not sure: 451


@pytest.mark.parametrize(
    "error", [TransientError("the database is away"), PermanentError("no"), RuntimeError("fault")]
)
async def test_an_error_is_never_final(serve, connect, error):
    """Whatever goes wrong on our side, the client keeps the mail and comes again."""
    sink = ScriptedSink(error)
    client = await connect(await serve(sink))
    assert NOT_NOW == await client.say(*ENVELOPE, MAIL + b".")
    assert TAKEN == await client.say(*ENVELOPE, MAIL + b".")


async def test_the_daemon_hears_of_it(serve, connect):
    """The channel is lost when nothing can be committed, and up again with the next mail."""
    served = await serve(ScriptedSink(TransientError("away"), TransientError("away")))
    client = await connect(served)
    for _ in range(3):
        await client.say(*ENVELOPE, MAIL + b".")
    assert ["up", "lost: away", "lost: away", "up", "progressed"] == served.report.events


async def test_a_client_that_hangs_up_stops_nothing(serve, connect, sink):
    """A mail that was received whole is committed, whether or not anybody waits for the answer."""
    served = await serve(sink)
    client = await connect(served)
    sink.gate.clear()
    await client.say(*ENVELOPE)
    await client.send(MAIL + b".")
    await sink.arrived.wait()
    client.hang_up()
    await (await connect(served)).say(b"NOOP")
    sink.gate.set()
    await served.stop()
    assert 1 == len(sink.messages)


@pytest.mark.parametrize("ending", [b"", b".", b".\r", b"\r\n."])
async def test_half_a_mail_is_none(serve, connect, sink, ending):
    """A connection that ends before the lone dot leaves nothing behind."""
    served = await serve(sink)
    client = await connect(served)
    await client.say(*ENVELOPE)
    client.writer.write(MAIL + ending)
    client.writer.write_eof()
    assert b"" == await client.reader.read()
    await served.stop()
    assert [] == sink.messages


# Whom to answer


@pytest.mark.parametrize(
    ("sender", "header"),
    [
        pytest.param("", "X: y", id="null path"),
        pytest.param("MAILER-DAEMON@example.org", "X: y", id="postmaster"),
        pytest.param("ivan@example.org", "Auto-Submitted: auto-replied", id="auto-submitted"),
        pytest.param("ivan@example.org", "List-Id: <x>", id="list"),
        pytest.param("energy@example.org", "X: y", id="our own address"),
        pytest.param("SECOND@example.org", "X: y", id="our second address"),
        pytest.param("other@example.org", "X: y", id="another channel's address"),
    ],
)
async def test_automatic_mail_is_marked(serve, connect, sink, sender, header):
    """It is taken, and never answered."""
    client = await connect(await serve(sink))
    mail_from = f"MAIL FROM:<{sender}>".encode()
    assert TAKEN == await client.say(
        mail_from, *ENVELOPE[1:], header.encode() + b"\r\n" + MAIL + b"."
    )
    [message] = sink.messages
    assert message.reply_to is None
    assert Verdict(Disposition.IGNORE, Reason.AUTOMATIC_MAIL) == message.finding


@pytest.mark.parametrize(
    "sender",
    ["noreply@example.org", "root", '"a b"@example.org', "a@[127.0.0.1]", "a%b@example.org"],
)
async def test_who_gets_no_answer(serve, connect, sink, sender):
    """Robots and what is no plain address; their readings count all the same."""
    client = await connect(await serve(sink))
    mail_from = f"MAIL FROM:<{sender}>".encode()
    assert TAKEN == await client.say(mail_from, *ENVELOPE[1:], MAIL + b".")
    [message] = sink.messages
    assert (sender, None, None) == (message.sender, message.reply_to, message.finding)


BOUNCE = (
    b"From: MAILER-DAEMON@mx.example\r\nContent-Type: multipart/report; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
    b"Message-ID: <ack.7K4M-2Q9X.17@example.org>\r\n--b--\r\n"
)


async def test_a_bounce_is_handed_over(serve, connect, sink):
    """What it says of our answer is recorded with it, and the bounce is kept like any mail."""
    reports = ScriptedReports()
    client = await connect(await serve(sink, reports=reports))
    assert TAKEN == await client.say(b"MAIL FROM:<>", *ENVELOPE[1:], BOUNCE + b".")
    [report] = reports.reports
    assert ("mail", 17, ReportStatus.UNDELIVERED, "5.1.1") == (
        report.channel, report.reply_id, report.status, report.detail,
    )  # fmt: skip
    assert [BOUNCE] == [message.raw for message in sink.messages]


async def test_a_report_that_cannot_be_kept(serve, connect, sink):
    """Then the bounce is refused for now; when it comes again both are kept."""
    reports = ScriptedReports(TransientError("away"))
    client = await connect(await serve(sink, reports=reports))
    said = (b"MAIL FROM:<>", *ENVELOPE[1:], BOUNCE + b".")
    assert [NOT_NOW, TAKEN] == [await client.say(*said), await client.say(*said)]
    assert (1, 1) == (len(reports.reports), len(sink.messages))


# Only for our own addresses


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ("<energy@example.org>", "250 2.1.5"),
        ("<ENERGY@Example.ORG>", "250 2.1.5"),
        ("energy@example.org", "250 2.1.5"),
        ("<other@example.org>", "550 5.1.1"),
        ("<energy@elsewhere.org>", "550 5.1.1"),
        ("<energy%example.org@elsewhere.org>", "550 5.1.1"),
        ("<user%elsewhere.org@example.org>", "550 5.1.1"),
        ("<elsewhere.org!energy@example.org>", "550 5.1.1"),
        ('<"energy@example.org"@elsewhere.org>', "550 5.1.1"),
        ('<"energy"@example.org>', "550 5.1.1"),
        ("<энергия@example.org>", "550 5.1.1"),
        ("<@elsewhere.org:energy@example.org>", "553"),
        ("<energy@example.org", "553"),
        ("<>", "550 5.1.1"),
        ("", "553"),
        ("<" + "(" * 400 + ">", "550 5.1.1"),
        ("<energy@example.org> NOTIFY=NEVER", "555 5.5.4"),
    ],
)
async def test_recipients(serve, connect, sink, recipient, code):
    """There is no way to have a mail relayed."""
    client = await connect(await serve(sink))
    answer = await client.say(ENVELOPE[0], f"RCPT TO:{recipient}".encode())
    assert answer.startswith(code)


async def test_an_address_that_is_no_text(serve, connect, sink):
    """Bytes that are no UTF-8 cannot be recorded as an address."""
    client = await connect(await serve(sink))
    assert (await client.say(b"MAIL FROM:<\xff@example.org>")).startswith("553")
    assert (await client.say(b"VRFY \xff")).startswith("252")


async def test_an_internationalised_address(serve, connect, sink):
    """SMTPUTF8 is spoken."""
    client = await connect(await serve(sink))
    mail_from = "MAIL FROM:<почта@пример.рф> SMTPUTF8 BODY=8BITMIME".encode()
    assert TAKEN == await client.say(mail_from, *ENVELOPE[1:], MAIL + b".")
    assert "почта@пример.рф" == sink.messages[0].sender


async def test_the_first_recipient_is_kept(serve, connect, sink):
    """A mail for two of our addresses is one message."""
    client = await connect(await serve(sink))
    both = (b"RCPT TO:<SECOND@example.org>", b"RCPT TO:<energy@example.org>", b"DATA")
    assert TAKEN == await client.say(ENVELOPE[0], *both, MAIL + b".")
    assert ["second@example.org"] == [message.recipient for message in sink.messages]


async def test_too_many_recipients(serve, connect, sink):
    """A hundred recipients are enough."""
    client = await connect(await serve(sink))
    assert "250 2.1.5 OK" == await client.say(ENVELOPE[0], *[ENVELOPE[1]] * 100)
    assert "452 4.5.3 Too many recipients" == await client.say(ENVELOPE[1])


# The content, byte for byte


@pytest.mark.parametrize(
    ("sent", "raw"),
    [
        pytest.param(b".", b"", id="nothing"),
        pytest.param(b"\r\n.", b"\r\n", id="an empty line"),
        pytest.param(b"..\r\n...\r\n..a\r\n.", b".\r\n..\r\n.a\r\n", id="dots"),
        pytest.param(b"a.\r\nb\r\n.", b"a.\r\nb\r\n", id="a dot at the end of a line"),
        pytest.param(
            b"X: y\r\n\r\n\xff\x00\x1a\r\n.", b"X: y\r\n\r\n\xff\x00\x1a\r\n", id="binary"
        ),
        pytest.param(b"a" * 200_000 + b"\r\n.", b"a" * 200_000 + b"\r\n", id="a line of 200 kB"),
        pytest.param(b"." * 200_000 + b"\r\n.", b"." * 199_999 + b"\r\n", id="200 kB of dots"),
        pytest.param(b"a.\r\n" * 50_000 + b".", b"a.\r\n" * 50_000, id="many near ends"),
        pytest.param(b"\r\n" * 65_535 + b".", b"\r\n" * 65_535, id="an end across the read-ahead"),
    ],
)
async def test_contents(serve, connect, sink, sent, raw):
    """Transparency dots go, everything else stays."""
    client = await connect(await serve(sink))
    assert TAKEN == await client.say(*ENVELOPE, sent)
    assert raw == sink.messages[0].raw


ENDS = [
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\n.\r", b"\r.\n",
    b"\r\n\x00.\r\n", b"\r\n.\x00\r\n", b"\r\n. \r\n", b"\r\n .\r\n", b"\r\r\n.\r\r\n",
    b"\n\n.\r\n",    b"\r\n.\r\r\n", b"\r\n..\r\n", b"\r\n\t.\r\n", b"\xe2\x80\xa8.\xe2\x80\xa8",
]  # fmt: skip


@pytest.mark.parametrize("fake", ENDS)
async def test_a_fake_end_smuggles_nothing(serve, connect, sink, fake):
    """Only <CR><LF>.<CR><LF> ends a mail; commands behind another form are its content."""
    client = await connect(await serve(sink))
    smuggled = b"\r\n".join([b"MAIL FROM:<evil@example.org>", *ENVELOPE[1:], b"x"])
    assert TAKEN == await client.say(*ENVELOPE, MAIL + fake + smuggled + b"\r\n.")
    assert "250 2.0.0 OK" == await client.say(b"NOOP")
    [message] = sink.messages
    assert smuggled in message.raw


async def test_pipelining(serve, connect, sink):
    """A client may send everything at once; each command gets its answer."""
    client = await connect(await serve(sink), hello=b"")
    mail = (*ENVELOPE, MAIL + b".")
    await client.send(b"EHLO client", *mail, *mail, b"QUIT")
    codes = [(await client.reply())[:3] for _ in range(11)]
    assert ["220", "250", *["250", "250", "354", "250"] * 2, "221"] == codes
    assert 2 == len(sink.messages)


async def test_an_ordinary_client(serve, sink):
    """Python's own client gets a mail through, as any would."""
    served = await serve(sink)

    def send() -> dict[str, tuple[int, bytes]]:
        with smtplib.SMTP("127.0.0.1", served.port, timeout=20) as client:
            return client.sendmail(
                "ivan@example.org", ["energy@example.org", "x@example.org"], MAIL
            )

    refused = await asyncio.to_thread(send)
    assert ["x@example.org"] == list(refused)
    assert MAIL == sink.messages[0].raw


# Limits


async def test_the_size_is_announced_and_kept(serve, connect, sink):
    """What is too large is refused before and after it is sent; the conversation goes on."""
    client = await connect(await serve(sink, "max_size = 1000"))
    answer = await client.say(b"MAIL FROM:<ivan@example.org> SIZE=1001")
    assert answer.startswith("552 5.3.4")
    large = b"a" * 998 + b"\r\n"
    assert "552 5.3.4 The mail is too large" == await client.say(*ENVELOPE, b"b" + large + b".")
    assert TAKEN == await client.say(*ENVELOPE, large + b".")
    assert [1000] == [len(message.raw) for message in sink.messages]


async def test_a_large_mail_is_read_to_its_end(serve, connect, sink):
    """Many times the limit neither fills the memory nor leaves commands behind."""
    client = await connect(await serve(sink, "max_size = 1000"))
    await client.say(*ENVELOPE)
    answer = await client.say((b"NOOP\r\n" * 100 + b"a" * 100_000 + b"\r\n") * 20 + b".")
    assert answer.startswith("552 5.3.4")
    assert "250 2.0.0 OK" == await client.say(b"NOOP")


async def test_a_mail_of_many_megabytes(serve, connect, sink):
    """A photograph of the meter gets through, and the text beside it is read."""
    client = await connect(await serve(sink))
    head = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n123456789012*5467;\r\n--b\r\n"
    )
    photograph = b"Content-Type: image/jpeg\r\n\r\n" + b"A" * 8_000_000 + b"\r\n--b--\r\n"
    assert TAKEN == await client.say(*ENVELOPE, head + photograph + b".")
    assert "123456789012*5467;" == sink.messages[0].text


async def test_what_is_offered(serve, connect, sink):
    """EHLO tells what can be done; AUTH cannot."""
    client = await connect(await serve(sink, "max_size = 1000"), hello=b"")
    await client.reply()
    await client.send(b"EHLO client")
    lines = await client.reader.readuntil(b"250 ENHANCEDSTATUSCODES\r\n")
    offered = {line[4:].decode() for line in lines.split(b"\r\n")[1:] if line}
    assert {"SIZE 1000", "8BITMIME", "SMTPUTF8", "PIPELINING", "ENHANCEDSTATUSCODES"} == offered
    assert (await client.say(b"AUTH PLAIN AAA=")).startswith("500")


async def test_connections_are_counted(serve, connect, sink):
    """One too many is told to come later; when one has left there is room again."""
    served = await serve(sink, "max_connections = 2")
    first, second = [await connect(served) for _ in range(2)]
    third = await connect(served, hello=b"")
    assert (await third.reply()).startswith("421 4.7.0")
    assert b"" == await third.reader.read()
    assert (await first.say(b"QUIT")).startswith("221")
    assert b"" == await first.reader.read()
    assert TAKEN == await (await connect(served)).say(*ENVELOPE, MAIL + b".")
    assert "250 2.0.0 OK" == await second.say(b"NOOP")


@pytest.mark.parametrize(
    ("networks", "greeting"),
    [('["10.0.0.0/8"]', "554"), ('["127.0.0.0/8"]', "220"), ('["10.0.0.0/8", "127.0.0.1"]', "220")],
)
async def test_only_from_our_networks(serve, connect, sink, networks, greeting):
    """Others are turned away before they can say anything."""
    client = await connect(await serve(sink, f"allow_from = {networks}"), hello=b"")
    assert (await client.reply()).startswith(greeting)


@pytest.mark.parametrize("said", [(), (b"EHLO client",), (b"EHLO client", *ENVELOPE)])
async def test_silence_ends_a_conversation(serve, connect, sink, said):
    """A client that says nothing for too long is seen off, wherever it stopped."""
    client = await connect(await serve(sink, "timeout = 0.2"), hello=b"")
    await client.reply()
    await client.say(*said)
    assert "421 4.4.2 Silent for too long" == await client.reply()
    assert b"" == await client.reader.read()


async def test_our_own_time_is_not_silence(serve, connect, sink):
    """While a commit takes long, the client is not cut off."""
    client = await connect(await serve(sink, "timeout = 0.2"))
    sink.gate.clear()
    asyncio.get_running_loop().call_later(0.5, sink.gate.set)
    assert TAKEN == await client.say(*ENVELOPE, MAIL + b".")


async def test_a_trickle_is_too_slow(serve, connect, sink):
    """A mail that flows, but never ends, is cut off after a while."""
    client = await connect(await serve(sink, "timeout = 0.1"))
    await client.say(*ENVELOPE)
    loop = asyncio.get_running_loop()
    for step in range(200):
        loop.call_later(step / 50, client.writer.write, b"x")
    assert "421 4.4.2 Too slow" == await client.reply()


async def test_guessing_addresses_ends_a_conversation(serve, connect, sink):
    """After twenty refusals a client is seen off."""
    client = await connect(await serve(sink))
    await client.say(ENVELOPE[0])
    answers = [await client.say(b"RCPT TO:<guess@example.org>") for _ in range(21)]
    assert {"550 5.1.1 No such recipient here"} == set(answers)
    assert "421 4.7.0 Too many errors" == await client.reply()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"", "500"),
        (b"\xff\xfe", "500"),
        (b"NONSENSE", "500 5.5.2"),
        (b"GET / HTTP/1.1", "500"),
        (b"MAIL", "501 5.5.4"),
        (b"MAIL FROM", "501"),
        (b"MAIL FROM:", "553"),
        (b"MAIL FROM:<" + b"(" * 500 + b">", "250"),
        (b"MAIL FROM:<@a,@b:c@d>", "553"),
        (b'MAIL FROM:<"a', "553"),
        (b"MAIL FROM:<a@b> SIZE=x", "501"),
        (b"MAIL FROM:<a@b> SIZE=" + b"9" * 1500, "552"),
        ("MAIL FROM:<a@b> SIZE=²".encode(), "553"),
        (b"MAIL FROM:<a@b> BODY=BINARYMIME", "501"),
        (b"MAIL FROM:<a@b> FOO=BAR", "555"),
        (b"RCPT TO:<energy@example.org>", "503 5.5.1"),
        (b"DATA", "503 5.5.1"),
        (b"BDAT 10 LAST", "500"),
        (b"EHLO", "501"),
        (b"HELO", "501"),
        (b"HELO " + b"x" * 3000, "500"),
        (b"NOOP " + b"x" * 100_000, "500"),
        (b"STARTTLS", "454"),
        (b"HELP", "250"),
        (b"EXPN x", "502"),
        (b"TURN", "500"),
        (b"RSET x", "501"),
        (b"QUIT x", "501"),
    ],
)  # fmt: skip
async def test_odd_commands(serve, connect, sink, line, code):
    """Nothing that a client says brings the listener down."""
    served = await serve(sink)
    answer = await (await connect(served)).say(line)
    assert answer.startswith(code)
    assert TAKEN == await (await connect(served)).say(*ENVELOPE, MAIL + b".")


# TLS

OVER_TLS = f'tls = {{ certificate = "{TLS}/localhost.pem", key = "{TLS}/localhost.key" }}'


def trusting() -> ssl.SSLContext:
    """Return a client's context that trusts the test's certificate."""
    return ssl.create_default_context(cafile=TLS / "localhost.pem")


async def test_a_mail_over_tls(serve, sink):
    """STARTTLS is offered where there is a certificate."""
    served = await serve(sink, f"require_tls = true\n{OVER_TLS}")
    answer = await aiosmtplib.send(
        MAIL, sender="ivan@example.org", recipients=["energy@example.org"], hostname="localhost",
        port=served.port, start_tls=True, tls_context=trusting(),
    )  # fmt: skip
    assert TAKEN[4:] == answer[1]


async def test_tls_may_be_demanded(serve, connect, sink):
    """Without it no mail begins."""
    client = await connect(await serve(sink, f"require_tls = true\n{OVER_TLS}"))
    assert "530 5.7.0 Must issue a STARTTLS command first" == await client.say(ENVELOPE[0])
    assert (await client.say(ENVELOPE[1])).startswith("503")


async def test_nothing_said_before_tls_counts_after_it(serve, connect, sink):
    """Commands that a stranger slips in behind STARTTLS are thrown away."""
    client = await connect(await serve(sink, OVER_TLS))
    await client.send(b"STARTTLS", b"EHLO evil", b"MAIL FROM:<evil@example.org>")
    assert "220 2.0.0 Ready to start TLS" == await client.reply()
    await client.writer.start_tls(trusting(), server_hostname="localhost")
    assert "503 Error: send HELO first" in (
        await client.say(b"RCPT TO:<energy@example.org>")
    ).replace(" 5.5.1", "")
    assert "503 5.5.1 Error: need RCPT command" == await client.say(
        b"EHLO client", ENVELOPE[0], b"DATA"
    )


async def test_a_failed_handshake_harms_nobody(serve, connect, sink, caplog):
    """A client that speaks no TLS after STARTTLS loses its connection, and no other does."""
    served = await serve(sink, OVER_TLS)
    client = await connect(served)
    await client.say(b"STARTTLS")
    await client.send(b"this is no TLS")
    await client.reader.read()
    assert TAKEN == await (await connect(served)).say(*ENVELOPE, MAIL + b".")
    assert [] == caplog.records


async def test_a_stop_is_told_over_tls(serve, connect, sink):
    """A client inside TLS is seen off like any other."""
    served = await serve(sink, OVER_TLS)
    client = await connect(served)
    await client.say(b"STARTTLS")
    await client.writer.start_tls(trusting(), server_hostname="localhost")
    assert TAKEN == await client.say(b"EHLO client", *ENVELOPE, MAIL + b".")
    await served.stop()
    assert STOPPING == await client.reply()


async def test_a_stop_does_not_wait_for_a_handshake(serve, connect, sink):
    """A client that was offered TLS and has not begun it is cut off."""
    served = await serve(sink, OVER_TLS)
    client = await connect(served)
    await client.say(b"STARTTLS")
    await served.stop()
    with contextlib.suppress(ConnectionError):
        assert b"" == await client.reader.read()


# The daemon's event loop


@pytest.mark.parametrize("lines", ["", 'listen = "unix:smtp.sock"'])
def test_stopping_on_uvloop(tmp_path, lines):
    """Its transports are no asyncio.Transport: idle and busy clients are seen off all the same."""

    async def play() -> list[str]:
        served = await start(build(tmp_path, ScriptedSink(), lines))
        idle, busy = [await reach(served) for _ in range(2)]
        assert ["220", "220"] == [(await client.reply())[:3] for client in (idle, busy)]
        await busy.say(b"EHLO client", *ENVELOPE)
        served.task.cancel()
        told = await idle.reply()
        answers = [await busy.say(MAIL + b"."), await busy.reply()]
        await asyncio.wait([served.task])
        hang_up(idle, busy)
        return [told, *answers]

    assert [STOPPING, TAKEN, STOPPING] == uvloop.run(play())


def test_silence_on_uvloop(tmp_path):
    """A client that falls silent inside TLS and one outside are seen off."""

    async def play() -> list[str]:
        served = await start(build(tmp_path, ScriptedSink(), f"timeout = 0.2\n{OVER_TLS}"))
        clear, inside = [await reach(served) for _ in range(2)]
        assert ["220", "220"] == [(await client.reply())[:3] for client in (clear, inside)]
        await inside.say(b"STARTTLS")
        await inside.writer.start_tls(trusting(), server_hostname="localhost")
        answers = [await client.reply() for client in (clear, inside)]
        await served.stop()
        hang_up(clear, inside)
        return answers

    assert ["421 4.4.2 Silent for too long"] * 2 == uvloop.run(play())


# LMTP

LMTP = 'protocol = "lmtp"\nlisten = "unix:run/lmtp.sock"'
LHLO = b"LHLO mail.example.org"


async def test_lmtp_answers_for_each_recipient(serve, connect, sink):
    """Two of three recipients are ours: two answers follow the mail, and it is one message."""
    client = await connect(await serve(sink, LMTP), LHLO)
    recipients = (b"energy@example.org", b"x@example.org", b"second@example.org")
    answers = [
        await client.say(b"RCPT TO:<" + one + b">")
        for one in (await client.say(ENVELOPE[0]) and recipients)
    ]
    assert ["250", "550", "250"] == [answer[:3] for answer in answers]
    assert [TAKEN, TAKEN] == [await client.say(b"DATA", MAIL + b"."), await client.reply()]
    assert 1 == len(sink.messages)


@pytest.mark.parametrize(
    ("content", "code"), [(MAIL, NOT_NOW), (MAIL * 10, "552 5.3.4 The mail is too large")]
)
async def test_lmtp_refuses_for_each_recipient(serve, connect, content, code):
    """A refusal after the content is said as often as an acceptance would be."""
    client = await connect(
        await serve(ScriptedSink(TransientError()), f"{LMTP}\nmax_size = 1000"), LHLO
    )
    answer = await client.say(
        *ENVELOPE[:2], b"RCPT TO:<second@example.org>", b"DATA", content + b"."
    )
    assert [code, code] == [answer, await client.reply()]
    assert "250 2.0.0 OK" == await client.say(b"NOOP")


async def test_lmtp_is_not_smtp(serve, connect, sink):
    """EHLO and HELO are no commands of LMTP; DATA needs a recipient."""
    client = await connect(await serve(sink, LMTP), LHLO)
    assert (await client.say(b"EHLO client")).startswith("500")
    assert (await client.say(b"HELO client")).startswith("500")
    await client.say(ENVELOPE[0], b"RCPT TO:<x@example.org>")
    assert (await client.say(b"DATA")).startswith("503 5.5.1")


async def test_lmtp_by_an_ordinary_client(serve, sink):
    """Python's own LMTP client gets a mail through a unix socket."""
    served = await serve(sink, LMTP)

    def send() -> dict[str, tuple[int, bytes]]:
        with smtplib.LMTP(served.channel.address.removeprefix("unix:"), timeout=20) as client:
            return client.sendmail("ivan@example.org", ["energy@example.org"], MAIL)

    assert {} == await asyncio.to_thread(send)


# Sockets


async def test_a_unix_socket_is_private_and_goes_with_the_channel(serve, sink, tmp_path):
    """Owner and group may use it; after a stop it is not there."""
    served = await serve(sink, LMTP)
    path = tmp_path / "var/run/lmtp.sock"
    assert f"unix:{path}" == served.channel.address
    assert 0o660 == path.stat().st_mode & 0o777
    await served.stop()
    assert not path.exists()


async def test_what_a_killed_daemon_left_is_removed(serve, connect, sink, tmp_path):
    """A socket file on which nobody listens is in nobody's way."""
    path = tmp_path / "var/run/lmtp.sock"
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    client = await connect(await serve(sink, LMTP), LHLO)
    assert TAKEN == await client.say(*ENVELOPE, MAIL + b".")


@pytest.mark.parametrize("lines", ["", LMTP])
async def test_a_place_that_is_taken(serve, sink, tmp_path, lines):
    """The daemon is told to try again later, and the other listener is left alone."""
    served = await serve(sink, lines)
    again = lines or f'listen = "{served.channel.address}"'
    with pytest.raises(TransientError, match="address in use"):
        await start(build(tmp_path, sink, again))
    assert not served.task.done()
    assert lines == "" or (tmp_path / "var/run/lmtp.sock").is_socket()


async def test_a_file_in_the_place_of_the_socket(sink, tmp_path):
    """A file that is no socket is never removed."""
    path = tmp_path / "var/run/lmtp.sock"
    path.parent.mkdir(parents=True)
    path.write_text("precious")
    with pytest.raises(TransientError, match="address in use"):
        await start(build(tmp_path, sink, LMTP))
    assert "precious" == path.read_text()


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ('tls = { certificate = "no.pem", key = "no.key" }', "the certificate no.pem"),
        ('listen = "unix:' + "x" * 200 + '"', "cannot listen"),
    ],
)
async def test_what_somebody_has_to_put_right(sink, tmp_path, lines, problem):
    """What no waiting mends is a permanent error."""
    with pytest.raises(PermanentError, match=problem):
        await start(build(tmp_path, sink, lines))


# Stopping


async def test_idle_clients_are_told(serve, connect, sink):
    """A client between two mails hears that the service stops."""
    served = await serve(sink)
    idle, greeted = await connect(served), await connect(served, hello=b"")
    assert (await greeted.reply()).startswith("220")
    await served.stop()
    for client in (idle, greeted):
        assert STOPPING == await client.reply()
        assert b"" == await client.reader.read()


async def test_a_mail_under_way_is_finished(serve, connect, sink):
    """What was begun may be sent to its end and is committed; then the client is told."""
    served = await serve(sink)
    client = await connect(served)
    await client.say(*ENVELOPE)
    served.task.cancel()
    client.writer.write(MAIL + b".\r\n")
    assert TAKEN == await client.reply()
    assert STOPPING == await client.reply()
    await asyncio.wait([served.task])
    assert served.task.cancelled()


async def test_a_commit_under_way_is_finished(serve, connect, sink):
    """Stopping waits for the sink."""
    served = await serve(sink)
    client = await connect(served)
    sink.gate.clear()
    answer = asyncio.create_task(client.say(*ENVELOPE, MAIL + b"."))
    await sink.arrived.wait()
    stopping = asyncio.create_task(served.stop())
    sink.gate.set()
    assert TAKEN == await answer
    await stopping


async def test_a_second_cancellation_does_not_wait(serve, connect, sink):
    """A client that does not finish cannot hold the daemon up."""
    served = await serve(sink)
    client = await connect(served)
    await client.say(*ENVELOPE)
    served.task.cancel()
    await asyncio.wait([served.task], timeout=0.1)
    assert not served.task.done()
    await served.stop()
    assert "" == await client.reply()


async def test_a_channel_runs_again(serve, connect, sink, tmp_path):
    """After an end it can be started anew, as the daemon does."""
    channel = build(tmp_path, sink)
    for _ in range(2):
        served = await start(channel)
        assert TAKEN == await (await connect(served)).say(*ENVELOPE, MAIL + b".")
        await served.stop()
    assert () == channel.routes


# With a database


async def test_a_mail_is_judged_and_a_repeat_gets_its_answer(serve, connect, open_intake, tmp_path):
    """A reading is accepted, and the same mail again is answered word for word."""
    config = build(tmp_path, None)._config
    client = await connect(await serve(await open_intake(config)))
    answer = await client.say(*ENVELOPE, MAIL + b".")
    assert re.fullmatch(r"250 2\.0\.0 received as [0-9A-Z]{4}-[0-9A-Z]{4}", answer)
    assert answer == await client.say(*ENVELOPE, MAIL + b".")
