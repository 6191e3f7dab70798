"""Replies by mail: through a relay, or as files in a folder."""

import asyncio
import datetime as dt
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import aiosmtplib

from ingest.config import Configuration
from ingest.errors import ConfigError, TransientError
from ingest.faults import explain_fault
from ingest.letters import is_mailable, render_letter
from ingest.model import Acknowledgement, Delivery, DeliveryState
from ingest.settings import Mail

DEFAULT_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
LONGEST_DETAIL = 500
PERMANENT = 500
"""The first SMTP code that says: not this letter, ever."""


class Stationery:
    """What every letter of one channel has in common."""

    def __init__(self, address: str, name: str, now: Callable[[], dt.datetime]) -> None:
        self.address = address
        self.name = name
        self.now = now

    @property
    def domain(self) -> str:
        """The domain that Message-IDs are made in."""
        return self.address.rpartition("@")[2]

    def write(self, acknowledgement: Acknowledgement) -> bytes:
        """Return the letter, ready for a relay."""
        return render_letter(acknowledgement, self.address, self.name, self.now(), self.domain)


class MailSender:
    """Hands letters to a relay by SMTP, with a null envelope sender so that no bounce loops."""

    is_repeatable = True  # a second copy has the same Message-ID

    def __init__(self, settings: Mail, config: Configuration, stationery: Stationery) -> None:
        self.settings = settings
        self.config = config
        self.stationery = stationery
        self.relay = parse_relay(settings.relay)
        self.tls = None if self.relay.scheme == "smtp" else ssl.create_default_context()

    async def send(self, acknowledgement: Acknowledgement) -> Delivery:
        """
        Try once.

        Losing the connection after the final dot is RETRY too: the Message-ID stays the same, so
        that a second copy can be told as one.
        """
        if not is_mailable(acknowledgement.reply_to.address):
            return Delivery(DeliveryState.FAILED, "the address is none that mail can go to")
        try:
            letter = self.stationery.write(acknowledgement)
            async with asyncio.timeout(self.settings.timeout):
                answer = await self.hand_over(acknowledgement.reply_to.address, letter)
        except (aiosmtplib.SMTPException, OSError, ConfigError, ValueError) as error:
            return Delivery(sort_error(error), shorten(self.explain(error)))
        return Delivery(DeliveryState.SENT, shorten(answer))

    async def probe(self) -> None:
        """Greet the relay and log in as for a letter; raises TransientError, in its own words."""
        try:
            client = self.connect()
            try:
                async with asyncio.timeout(self.settings.timeout):
                    await client.connect()
                    await client.ehlo()
                    await say_goodbye(client)
            finally:
                client.close()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise TransientError(shorten(self.explain(error))) from None

    def explain(self, error: Exception) -> str:
        """Say what went wrong, and where."""
        where = f"{self.relay.hostname}:{self.relay.port or DEFAULT_PORTS[self.relay.scheme]}"
        return explain(error, where, self.settings.timeout)

    async def hand_over(self, address: str, letter: bytes) -> str:
        """Carry one letter through a connection of its own; return the relay's last words."""
        client = self.connect()
        options = [] if letter.isascii() else ["BODY=8BITMIME"]
        try:
            await client.connect()
            _, answer = await client.sendmail("", [address], letter, mail_options=options)
            await say_goodbye(client)
        finally:
            client.close()
        return answer

    def connect(self) -> aiosmtplib.SMTP:
        """Return a client for the relay; the network is not touched yet."""
        password = self.settings.password
        return aiosmtplib.SMTP(
            hostname=self.relay.hostname,
            port=self.relay.port or DEFAULT_PORTS[self.relay.scheme],
            username=self.settings.username or None,
            password=None if password is None else self.config.read_secret(password),
            local_hostname=self.stationery.domain,
            timeout=self.settings.timeout,
            use_tls=self.relay.scheme == "smtps",
            start_tls=self.relay.scheme == "smtp+starttls",
            tls_context=self.tls,
        )

    async def aclose(self) -> None:
        """Nothing is held open between letters."""


class FolderSender:
    """Writes letters as files: for trying things out, or for a mail system that collects them."""

    is_repeatable = True  # a second copy replaces the first

    def __init__(self, folder: Path, stationery: Stationery) -> None:
        self.folder = folder
        self.stationery = stationery

    async def send(self, acknowledgement: Acknowledgement) -> Delivery:
        """Write one file; the same acknowledgement again replaces it."""
        name = f"{acknowledgement.receipt}-{acknowledgement.id}.eml"
        try:
            letter = self.stationery.write(acknowledgement)
            await asyncio.to_thread(write_file, self.folder / name, letter)
        except OSError as error:
            return Delivery(DeliveryState.RETRY, shorten(describe(error)))
        except ValueError as error:
            return Delivery(DeliveryState.FAILED, shorten(describe(error)))
        return Delivery(DeliveryState.SENT, name)

    async def aclose(self) -> None:
        """Nothing is held open between letters."""


def parse_relay(relay: str) -> SplitResult:
    """Read the address of a relay; raises ConfigError that says what was found and wanted."""
    try:
        parts = urlsplit(relay)
        if (
            parts.scheme in DEFAULT_PORTS
            and parts.hostname
            and parts.port != 0
            and not parts.username
        ):
            return parts
    except ValueError:
        pass
    raise ConfigError(
        "mail.relay: wanted smtp://host:port, smtps://..., smtp+starttls://... without a "
        "password in it, or directory:PATH"
    )


def sort_error(error: Exception) -> DeliveryState:
    """
    Tell whether trying again can help.

    Only a refusal of this recipient or of this letter is final. All the rest (the greeting, TLS,
    the login, the null sender) is about the relay and us.
    """
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        final = all(one.code >= PERMANENT for one in error.recipients)
    elif isinstance(error, aiosmtplib.SMTPDataError):
        final = error.code >= PERMANENT
    else:
        # An untrusted certificate is a ValueError by birth, but no fault of the letter.
        final = isinstance(error, ValueError) and not isinstance(error, OSError)
    return DeliveryState.FAILED if final else DeliveryState.RETRY


def shorten(text: str) -> str:
    """Cut somebody else's words to what a person needs, on one line."""
    return " ".join(text.split())[:LONGEST_DETAIL]


def explain(error: Exception, where: str, within: float) -> str:
    """Say what went wrong between us and a relay: its own words, or where it was looked for."""
    if isinstance(error, aiosmtplib.SMTPResponseException | aiosmtplib.SMTPRecipientsRefused):
        return describe(error)
    fault = explain_fault(error, within)
    return f"the relay {where}: {fault}" if fault else describe(error)


def describe(error: Exception) -> str:
    """Say what went wrong, in the relay's own words where it spoke."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return "; ".join(f"{one.code} {one.message}" for one in error.recipients)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


async def say_goodbye(client: aiosmtplib.SMTP) -> None:
    """Say QUIT; the letter is already taken, so whatever comes of it changes nothing."""
    try:
        await client.quit()
    except (aiosmtplib.SMTPException, OSError):
        return


def write_file(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".tmp")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
