"""Replies by mail and as files, against a real SMTP server that does what it is told."""

import asyncio
import contextlib
import datetime as dt
import email
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from email.policy import default
from pathlib import Path

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from builders import write_config
from harness import find_ports

from ingest.errors import ConfigError, TransientError
from ingest.model import Acknowledgement, ChannelName, DeliveryState, Reason, ReplyTo
from ingest.senders import build_sender

NOW = dt.datetime(2026, 11, 24, 5, 0, tzinfo=dt.UTC)
SENT, RETRY = DeliveryState.SENT, DeliveryState.RETRY
FAILED = DeliveryState.FAILED
ENVIRON = {"SECRET": "s3cret", "PASSWORD": "p&ss w"}
MAIL = """
[windows.all-month]
days = "6..-2"
[channels.mail]
type = "smtp"
window = "all-month"
recipients = ["energy@example.org"]
[mail]
timeout = 0.5
from_name = "Энергосбыт"
"""


def an_acknowledgement(**changes: object) -> Acknowledgement:
    values = {
        "id": 7,
        "channel": ChannelName("mail"),
        "receipt": "7K4M-2Q9X",
        "reason": Reason.ACCEPTED,
        "reply_to": ReplyTo("ivan@example.com", "Показания", "<1@example.com>"),
        "body": "Показания приняты.",
        "attempts": 0,
        "created_at": NOW,
    }
    return Acknowledgement(**(values | changes))


class Relay:
    """An SMTP server that takes letters, or answers a command as the test wants."""

    def __init__(self) -> None:
        self.letters: list[Envelope] = []
        self.answers: dict[str, str] = {}
        self.is_silent = False
        self.logins: list[object] = []

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.letters.append(envelope)
        if self.is_silent:
            await asyncio.Event().wait()
        return self.answers.get("DATA", "250 queued as 42")

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object
    ) -> AuthResult:
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"p&ss w", handled=False)


@pytest.fixture
async def open_relay(tmp_path: Path) -> AsyncIterator[Callable[..., object]]:
    """An async maker of relays: it returns the relay and a sender that leads to it."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(
            scheme: str = "smtp", extra: str = "", **options: object
        ) -> tuple[Relay, object]:
            relay = Relay()
            loop = asyncio.get_running_loop()
            protocols: list[SMTP] = []

            def build() -> SMTP:
                protocols.append(SMTP(relay, authenticator=relay.authenticate, **options))
                return protocols[-1]

            server = await loop.create_server(build, "127.0.0.1", 0)
            stack.push_async_callback(close, server, protocols)
            port = server.sockets[0].getsockname()[1]
            text = f'{MAIL}relay = "{scheme}://localhost:{port}"\n{extra}'
            return relay, make_sender(tmp_path, text, "mail")

        yield make


async def close(server: asyncio.Server, protocols: list[SMTP]) -> None:
    """End a relay with all its conversations."""
    server.close()
    for protocol in protocols:
        if protocol.transport is not None:
            protocol.transport.abort()
    await asyncio.gather(*(one._handler_coroutine for one in protocols), return_exceptions=True)
    await asyncio.sleep(0)  # a turn of the loop, for the sockets to close


def make_sender(folder: Path, text: str, name: str) -> object:
    config = write_config(folder, text, ENVIRON)
    return build_sender(ChannelName(name), config.channels[name], config, now=lambda: NOW)


async def test_a_letter_reaches_the_relay(open_relay):
    """It goes to the person alone, from nobody, with the relay's own words kept."""
    relay, sender = await open_relay()
    delivery = await sender.send(an_acknowledgement())
    (envelope,) = relay.letters
    letter = email.message_from_bytes(envelope.content, policy=default)
    assert (SENT, "queued as 42") == (delivery.state, delivery.detail)
    assert ("<>", ["ivan@example.com"]) == (envelope.mail_from, envelope.rcpt_tos)
    assert "energy@example.org" == letter["From"].addresses[0].addr_spec
    assert "Показания приняты." == letter.get_content().strip()


async def test_a_relay_is_tried_without_a_letter(open_relay):
    """Greeted and logged in to as for a letter; nothing is sent."""
    relay, sender = await open_relay(
        extra='username = "me"\npassword = { env = "PASSWORD" }\n', auth_require_tls=False
    )
    await sender.probe()
    assert ([(b"me", b"p&ss w")], []) == (relay.logins, relay.letters)


@pytest.mark.parametrize(
    ("scheme", "extra", "expected"),
    [
        pytest.param("smtps", "", r"^the relay localhost:\d+: no TLS there$", id="no TLS"),
        pytest.param("smtp+starttls", "", "STARTTLS", id="no STARTTLS"),
        pytest.param(
            "smtp", 'username = "me"\npassword = { env = "SECRET" }\n', "535", id="wrong password"
        ),
    ],
)
async def test_a_relay_that_does_not_let_us_in(open_relay, scheme, extra, expected):
    """Why not is told in the relay's own words, or with where it was looked for."""
    _, sender = await open_relay(scheme, extra, auth_require_tls=False)
    with pytest.raises(TransientError, match=expected):
        await sender.probe()


async def test_a_relay_that_is_not_there(tmp_path):
    """Neither Python nor the system's numbers are shown to an operator."""
    [port] = find_ports(1)
    sender = make_sender(tmp_path, f'{MAIL}relay = "smtp://localhost:{port}"\n', "mail")
    delivery = await sender.send(an_acknowledgement())
    expected = f"the relay localhost:{port}: connection refused"
    assert (RETRY, expected) == (delivery.state, delivery.detail)


async def test_a_relay_that_is_silent(open_relay):
    """How long it was waited for is told."""
    relay, sender = await open_relay()
    relay.is_silent = True
    delivery = await sender.send(an_acknowledgement())
    assert delivery.detail.endswith(": no answer within 0.5 s")


async def test_a_letter_keeps_its_id(open_relay):
    """A second attempt is the same letter: its Message-ID lets the relay drop it."""
    relay, sender = await open_relay()
    for attempts in (0, 1):
        await sender.send(an_acknowledgement(attempts=attempts))
    first, again = [email.message_from_bytes(one.content)["Message-ID"] for one in relay.letters]
    assert first == again
    assert sender.is_repeatable


MAIL_ANSWERS = [
    pytest.param("RCPT", "550 no such user", FAILED, id="an unknown recipient"),
    pytest.param("RCPT", "451 greylisted", RETRY, id="greylisting"),
    pytest.param("DATA", "554 it is spam", FAILED, id="a letter that is refused"),
    pytest.param("DATA", "452 disk full", RETRY, id="no room"),
    pytest.param("MAIL", "550 no null sender here", RETRY, id="a relay that does not know us"),
    pytest.param("MAIL", "421 come again", RETRY, id="a relay that closes"),
]


@pytest.mark.parametrize(("command", "answer", "state"), MAIL_ANSWERS)
async def test_a_relays_refusal_is_sorted(open_relay, command, answer, state):
    """Only what concerns this recipient or this letter is final."""
    relay, sender = await open_relay()
    relay.answers[command] = answer
    delivery = await sender.send(an_acknowledgement())
    assert (state, answer) == (delivery.state, delivery.detail)


async def test_a_relay_that_is_silent_after_the_dot_is_tried_again(open_relay):
    """The letter may be there already, but its copy can be told by its Message-ID."""
    relay, sender = await open_relay()
    relay.is_silent = True
    delivery = await sender.send(an_acknowledgement())
    assert (RETRY, 1) == (delivery.state, len(relay.letters))


async def test_a_relay_that_is_not_there_is_tried_again(tmp_path):
    """Connection refused."""
    sender = make_sender(tmp_path, MAIL + 'relay = "smtp://127.0.0.1:1"\n', "mail")
    delivery = await sender.send(an_acknowledgement())
    assert RETRY == delivery.state
    assert delivery.detail


LOGIN = 'username = "ingest"\npassword = {{ env = "{name}" }}\n'


@pytest.mark.parametrize(
    ("name", "state"),
    [
        pytest.param("PASSWORD", SENT, id="the password"),
        pytest.param("SECRET", RETRY, id="a wrong password"),
        pytest.param("MISSING", RETRY, id="a password that is not there"),
    ],
)
async def test_the_relay_wants_a_password(open_relay, name, state):
    """A login that fails is put right by a person, and the reply goes out then."""
    options = {"auth_require_tls": False}
    _, sender = await open_relay(extra=LOGIN.format(name=name), **options)
    delivery = await sender.send(an_acknowledgement())
    assert state == delivery.state
    assert "s3cret" not in delivery.detail


async def test_an_address_that_no_mail_goes_to_is_final(open_relay):
    """Nothing is even tried."""
    relay, sender = await open_relay()
    delivery = await sender.send(an_acknowledgement(reply_to=ReplyTo("a@b.org>\r\nDATA")))
    assert (FAILED, []) == (delivery.state, relay.letters)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost, signed by itself."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", f"{path}.key", "-out", str(path)]
    subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
    return path


def make_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, f"{certificate}.key")
    return context


async def test_starttls_is_used_with_a_certificate_that_is_trusted(
    open_relay, certificate, monkeypatch
):
    """The letter goes out under TLS."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    relay, sender = await open_relay(
        "smtp+starttls", tls_context=make_tls(certificate), require_starttls=True
    )
    assert SENT == (await sender.send(an_acknowledgement())).state
    assert 1 == len(relay.letters)


@pytest.mark.parametrize(
    "has_tls", [pytest.param(True, id="self-signed"), pytest.param(False, id="none")]
)
async def test_starttls_without_trust_sends_nothing(open_relay, certificate, has_tls):
    """Neither a certificate that nobody vouches for nor plain text will do."""
    relay, sender = await open_relay(
        "smtp+starttls", tls_context=make_tls(certificate) if has_tls else None
    )
    assert RETRY == (await sender.send(an_acknowledgement())).state
    assert [] == relay.letters


async def test_a_letter_becomes_a_file(tmp_path):
    """Its name is receipt and number; the same again replaces it and nothing else is left."""
    sender = make_sender(tmp_path, MAIL + 'relay = "directory:replies"\n', "mail")
    for _ in range(2):
        assert SENT == (await sender.send(an_acknowledgement())).state
    (file,) = (tmp_path / "var/replies").iterdir()
    assert "7K4M-2Q9X-7.eml" == file.name
    assert "ivan@example.com" == email.message_from_bytes(file.read_bytes())["To"]


async def test_a_folder_that_cannot_be_written_is_tried_again(tmp_path):
    """A file stands where the folder should be."""
    (tmp_path / "var").write_text("no folder")
    sender = make_sender(tmp_path, MAIL + 'relay = "directory:replies"\n', "mail")
    assert RETRY == (await sender.send(an_acknowledgement())).state


@pytest.mark.parametrize(
    "error",
    [
        aiosmtplib.SMTPServerDisconnected("lost"),
        aiosmtplib.SMTPConnectError("refused"),
        aiosmtplib.SMTPHeloError(550, "who are you"),
        ConfigError("the secret is gone"),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_no_fault_of_the_line_is_final(open_relay, error, monkeypatch):
    """Whatever happens between us and the relay is tried again."""
    _, sender = await open_relay()

    def fail() -> None:
        raise error

    monkeypatch.setattr(sender, "connect", fail)
    assert RETRY == (await sender.send(an_acknowledgement())).state


@pytest.mark.parametrize("relay", ["ftp://x", "smtp://", "smtp://u:p@x", "smtp://x:99999", "x:25"])
def test_a_relay_that_is_none_is_told(tmp_path, relay):
    """The error never shows the address, which may hold a password."""
    with pytest.raises(ConfigError, match=r"mail\.relay"):
        make_sender(tmp_path, f'{MAIL}relay = "{relay}"\n', "mail")
