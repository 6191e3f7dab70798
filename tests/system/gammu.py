"""gammu-smsd with a telephone that is a folder: texts are put into it, and taken out of a table."""

import datetime as dt
import itertools
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
from harness import until
from system.programs import Program, leave_out, need

SCHEMA = Path("/usr/share/doc/gammu-smsd/examples/pgsql.sql")
SECONDS = 1
CONFIG = """
[gammu]
model = dummy
connection = none
device = {folder}/phone
gammuloc = /dev/null

[smsd]
logfile = {folder}/log
debuglevel = 1
commtimeout = {seconds}
receivefrequency = {seconds}
statusfrequency = {seconds}
loopsleep = {seconds}
"""
FILES = """service = files
inboxpath = {folder}/in/
outboxpath = {folder}/out/
sentsmspath = {folder}/sent/
errorsmspath = {folder}/error/
runonreceive = {hook}
"""
TABLES = """service = sql
driver = native_pgsql
host = {host}
user = {user}
database = {database}
"""
SMS = """
[SMSBackup000]
PDU = Deliver
DateTime = {time}
State = UnRead
Number = "{number}"
NumberUnicode = {number_hex}
Coding = Unicode_No_Compression
Folder = 1
Length = {length}
Class = -1
"""
LONGEST_LINE = 200
"""Of hexadecimal digits in the telephone's files."""
SINGLE, PART = 70, 67
"""Characters of UCS-2 in a text of one part, and in one part of a longer one."""


class Gammu:
    """
    gammu-smsd on its dummy telephone, with the ``files`` or the ``sql`` service.

    It runs as whoever runs the tests: nobody else may open the socket of their PostgreSQL.
    """

    def __init__(self, folder, service):
        [path] = self.find_programs()
        self.inbox = folder / "phone" / "sms" / "1"
        self.inbox.mkdir(parents=True)
        config = folder / "smsdrc"
        config.write_text(CONFIG.format(folder=folder, seconds=SECONDS) + service)
        self.program = Program(path, "-c", str(config), log=folder / "output", privileged=True)
        self.log = folder / "log"
        self.numbers = itertools.count(1)

    @staticmethod
    def find_programs():
        """Return where it is, or leave the test out."""
        found = need("gammu-smsd", "gammu-smsd")
        if not SCHEMA.exists():
            leave_out(f"gammu-smsd came without {SCHEMA} (see .ci/servers)")
        return found

    async def start(self):
        """Listen to the telephone."""
        await self.program.start()
        await until(self.log.exists)

    async def stop(self):
        """Hang up."""
        await self.program.stop()

    def receive(self, number, text, sent_at):
        """Let the telephone receive a text; a long one in parts, as the network would bring it."""
        if len(text) <= SINGLE:
            self.write_sms(number, text, sent_at, "")
            return
        parts = [text[start : start + PART] for start in range(0, len(text), PART)]
        for index, part in enumerate(parts, start=1):
            header = f"UDH = 050003{len(text) % 256:02X}{len(parts):02X}{index:02X}\n"
            self.write_sms(number, part, sent_at, header)

    def write_sms(self, number, text, sent_at, header):
        """Write the file that is one text in the telephone's memory."""
        content = SMS.format(
            time=sent_at.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%SZ"),
            number=number,
            number_hex=to_hex(number),
            length=len(text),
        )
        digits = to_hex(text)
        lines = "".join(
            f"Text{index:02} = {digits[start : start + LONGEST_LINE]}\n"
            for index, start in enumerate(range(0, len(digits), LONGEST_LINE))
        )
        draft = self.inbox.parent / "draft"
        draft.write_text(content + header + lines)
        draft.replace(self.inbox / str(next(self.numbers)))


def to_hex(text):
    """Return UCS-2 in hexadecimal digits."""
    return text.encode("utf-16-be").hex().upper()


def files_service(folder, hook):
    """Return the service that keeps texts as files, and calls a program for each."""
    for name in ("in", "out", "sent", "error"):
        (folder / name).mkdir()
    return FILES.format(folder=folder, hook=hook)


def tables_service(url):
    """Return the service that keeps texts in tables of PostgreSQL."""
    parts = urlsplit(url)
    host = parse_qs(parts.query)["host"][0]
    return TABLES.format(host=host, user=parts.username, database=parts.path.strip("/"))


async def create_tables(url):
    """Make gammu's own tables, as its package ships them."""
    connection = await asyncpg.connect(url)
    await connection.execute(read_schema())
    await connection.close()


def read_schema():
    """Return the statements for an empty database; PL/pgSQL is there in every one nowadays."""
    return SCHEMA.read_text().replace("CREATE LANGUAGE plpgsql;", "")
