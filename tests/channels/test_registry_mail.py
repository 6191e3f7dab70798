"""Registries that come as files of a mail: by SMTP into the folder of another channel."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import aiosmtplib
import pytest
from harness import find_ports
from registry_desk import Report

from ingest.channels.smtp import SmtpChannel
from ingest.config import Configuration, load_config
from ingest.errors import TransientError
from ingest.model import ACCEPTED, ChannelName, Disposition, InboundMessage, Outcome, Reason

ROWS = b"100000000001;10\n"
CONFIG = """
[windows.w]
days = "1..-1"
[channels.mail]
type = "smtp"
window = "w"
listen = "127.0.0.1:{port}"
recipients = ["energy@example.org"]
registries = {{ "reestr@partner.example" = "partner" }}
authentication = {{ trusted = ["mx.example.org"] }}
[channels.partner]
type = "registry"
window = "w"
directory = "partner"
max_size = 1000
dialect = {{ columns = {{ account = 1, value = 2 }} }}
"""
HEAD = (
    b"Authentication-Results: mx.example.org; dmarc=pass header.from=partner.example\r\n"
    b"From: reestr@partner.example\r\nMessage-ID: <1@partner.example>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    b'Content-Type: text/csv; name="../reestr.csv"\r\nContent-Disposition: attachment\r\n'
    b"Content-Transfer-Encoding: 8bit\r\n\r\n"
)


class Sink:
    """Takes messages, and says what lay in the folder then."""

    def __init__(self, incoming: Path) -> None:
        self.incoming = incoming
        self.messages: list[InboundMessage] = []
        self.seen: list[list[str]] = []
        self.trouble: Exception | None = None

    async def receive(self, message: InboundMessage) -> Outcome:
        self.seen.append(sorted(path.name for path in self.incoming.iterdir()))
        if self.trouble is not None:
            trouble, self.trouble = self.trouble, None
            raise trouble
        self.messages.append(message)
        return Outcome("7K4M-2Q9X", ACCEPTED, "")


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    [port] = find_ports(1)
    (tmp_path / "config.toml").write_text(CONFIG.format(port=port), "utf-8")
    return load_config(tmp_path / "config.toml", {})


@pytest.fixture
async def sink(config: Configuration) -> AsyncIterator[Sink]:
    """A channel for mail that runs, and what it hands over to."""
    made = Sink(config.state_dir / "partner" / "in")
    sinks = SimpleNamespace(messages=made, reports=None)
    settings = config.channels["mail"]
    channel = SmtpChannel(ChannelName("mail"), settings, config, sinks)
    report = Report()
    running = asyncio.create_task(channel.run(report))
    await report.until(lambda: report.is_up)
    yield made
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def send(config: Configuration, content: bytes = ROWS) -> int:
    """Send a mail with one file; return the answer's code."""
    port = int(config.channels["mail"].listen.rpartition(":")[2])
    raw = HEAD + content.replace(b"\n", b"\r\n") + b"\r\n--b--\r\n"
    sender, recipients = "reestr@partner.example", ["energy@example.org"]
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port) as client:
        try:
            _, answer = await client.sendmail(sender, recipients, raw)
        except aiosmtplib.SMTPDataError as error:
            return error.code
    return int(answer.startswith("2.0.0")) * 250


async def test_the_file_is_there_before_the_mail_is_taken(
    config: Configuration, sink: Sink
) -> None:
    """Under a name of its own folder, whatever path the mail gives it."""
    assert 250 == await send(config)
    assert [["reestr.csv"]] == sink.seen
    assert b"100000000001;10\r\n" == (sink.incoming / "reestr.csv").read_bytes()
    assert Disposition.IGNORE is sink.messages[0].finding.disposition


async def test_the_same_mail_again_changes_nothing(config: Configuration, sink: Sink) -> None:
    """As it comes when we could not commit it, or the sender's server heard no answer."""
    sink.trouble = TransientError("PostgreSQL is away")
    assert [451, 250, 250] == [await send(config) for _ in range(3)]
    assert [["reestr.csv"]] * 3 == sink.seen


async def test_a_file_that_is_too_large_is_for_a_person(config: Configuration, sink: Sink) -> None:
    """Coming again would not help."""
    assert 250 == await send(config, ROWS * 100)
    finding = sink.messages[0].finding
    assert (Disposition.HOLD, Reason.TOO_LARGE) == (finding.disposition, finding.reason)
    assert [[]] == sink.seen


async def test_a_folder_that_cannot_be_written_to_keeps_the_mail_there(
    config: Configuration, sink: Sink
) -> None:
    """451: the sender's server has it, and comes again."""
    (config.state_dir / "partner").mkdir(parents=True)
    (config.state_dir / "partner" / "in").write_bytes(b"no folder")
    assert 451 == await send(config)
    assert [] == sink.seen
