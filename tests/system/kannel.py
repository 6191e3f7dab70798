"""Kannel between a network of our own making and the daemon."""

import asyncio
import contextlib
import dataclasses
from urllib.parse import quote_from_bytes, unquote_to_bytes

from harness import find_ports
from system.programs import Program, hand_to_nobody, need

SHORT_NUMBER = "4981"
PASSWORD = "correct-horse"
CORE = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = admin
smsbox-port = {smsbox}
smsbox-interface = 127.0.0.1
store-type = spool
store-location = "{folder}/spool"
dlr-storage = internal
log-level = 0
{core}

group = smsc
smsc = fake
smsc-id = network
port = {network}
our-host = 127.0.0.1
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
log-level = 0
"""
SMSBOX = """mo-recode = true
http-request-retry = {retries}
http-queue-delay = 1
reply-couldnotfetch = "Servis vremenno nedostupen. Otpravte pokazaniya pozzhe."
"""
SERVICE = """
group = sms-service
keyword = default
catch-all = true
{url}
accept-x-kannel-headers = true
omit-empty = true
max-messages = 2
concatenation = true

group = sendsms-user
username = ingest
password = correct-horse
user-allow-ip = 127.0.0.1
default-sender = 4981
"""
GET = (
    'get-url = "http://127.0.0.1:{port}/channels/kannel'
    '?from=%p&to=%P&text=%b&id=%I&time=%T&charset=%C"'
)
GET_PARTS = GET[:-1] + '&udh=%u"'
POST = 'post-url = "http://127.0.0.1:{port}/channels/kannel?from=%p&id=%I"'
POST_WITH_HEADER = 'send-sender = true\npost-url = "http://127.0.0.1:{port}/channels/kannel?id=%I"'


@dataclasses.dataclass(frozen=True)
class Lines:
    """What differs in kannel.conf from test to test."""

    url: str = GET
    """How smsbox asks us."""
    retries: int = 8640
    """How often it asks again; 0 unless somebody says otherwise."""
    core: str = ""


LINES = Lines()


def choose_ports():
    """Return ports for all that Kannel listens for; ``sendsms`` takes texts to send."""
    return dict(zip(("admin", "smsbox", "network", "sendsms"), find_ports(4), strict=True))


class Kannel:
    """
    bearerbox, smsbox, and the network that they take for the real one.

    The network speaks to Kannel's ``fake`` centre, a line a text:
    ``SENDER RECEIVER KIND [HEADER] CONTENT``.
    """

    def __init__(self, folder, port, lines=LINES, ports=None):
        [bearerbox, smsbox] = self.find_programs()
        self.ports = ports or choose_ports()
        spool = folder / "spool"
        spool.mkdir()
        hand_to_nobody(spool)
        config = folder / "kannel.conf"
        config.write_text(
            CORE.format(folder=folder, core=lines.core, **self.ports)
            + SMSBOX.format(retries=lines.retries)
            + SERVICE.format(url=lines.url.format(port=port))
        )
        self.bearerbox = Program(bearerbox, str(config), log=folder / "bearerbox.log")
        self.smsbox = Program(smsbox, str(config), log=folder / "smsbox.log")
        self.network = Network(self.ports["network"])

    @staticmethod
    def find_programs():
        """Return where they are, or leave the test out."""
        return need("kannel", "bearerbox", "smsbox")

    async def start(self):
        """Serve, with the network at the other end."""
        await self.bearerbox.start(self.ports["smsbox"])
        await self.network.open()
        await self.smsbox.start(self.ports["sendsms"])

    async def stop(self):
        """End."""
        await self.network.close()
        await self.smsbox.stop()
        await self.bearerbox.stop()


class Network:
    """The mobile network: people send texts, and read what comes for them."""

    def __init__(self, port):
        self.port = port
        self.texts = []
        """What came out for people: (number, text)."""
        self.writer = None
        self.reading = None

    async def open(self):
        """Connect to the centre."""
        reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.reading = asyncio.create_task(self.read(reader))

    async def read(self, reader):
        """Take in what Kannel sends, until it hangs up."""
        while line := await reader.readline():
            _, number, kind, content = line.decode().rstrip("\n").split(" ", 3)
            self.texts.append((number, decode_content(kind, content)))

    async def send(self, number, text):
        """Send a text as a telephone does: in UCS-2 if it holds any Cyrillic."""
        if text.isascii() and "\n" not in text:
            await self.write(number, "text", text)
        else:
            await self.write(number, "ucs2", quote_from_bytes(text.encode("utf-16-be")))

    async def send_part(self, number, header, text):
        """Send one part of a long text, under its user data header."""
        await self.write(number, "udh-text", f"{quote_from_bytes(header)} {text}")

    async def write(self, number, kind, content):
        """Hand one line to the centre."""
        self.writer.write(f"{number} {SHORT_NUMBER} {kind} {content}\n".encode())
        await self.writer.drain()

    async def close(self):
        """Hang up."""
        if self.writer is not None:
            self.writer.close()
            self.reading.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await self.reading


def decode_content(kind, content):
    """Return the text that a telephone would show."""
    if kind == "text":
        return content
    data = unquote_to_bytes(content.replace("+", " "))
    return data.decode("utf-16-be" if kind == "ucs-2" else "latin-1")
