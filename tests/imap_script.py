"""An IMAP server of our own that says what a test tells it to; otherwise it behaves."""

import asyncio
import base64
import contextlib
import re

from harness import find_ports

PLACE = re.compile(rb"UID FETCH (\S+) \((.*)\)")
CAPABILITY = b"IMAP4rev1 MOVE UIDPLUS IDLE"
CLOSE = b"<close>"
STALL = b"<stall>"


class Script:
    """A mailbox with a few mails; answers to single commands can be put in the place of its own."""

    def __init__(self, *mails: bytes, capability=CAPABILITY, tls=None) -> None:
        [self.port] = find_ports(1)
        self.tls = tls
        """Speaks TLS from the start with it, or once it is asked to where STARTTLS is offered."""
        self.proofs: list[bytes] = []
        """What clients sent to prove who they are."""
        self.disbelieves = 0
        """So many proofs are refused."""
        self.capability = capability
        self.inbox = dict(enumerate(mails, start=1))
        self.moved: list[tuple[int, str]] = []
        self.answers: dict[str, bytes] = {}
        """By command what is said instead; ``TAG`` stands for the command's tag."""
        self.times = 1_000_000
        """How often it is said."""
        self.on_command = lambda _command: None
        self.commands: list[str] = []
        self.lines: list[bytes] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def open(self):
        """Serve while the block runs."""
        tls = None if b"STARTTLS" in self.capability else self.tls
        server = await asyncio.start_server(self._converse, "127.0.0.1", self.port, ssl=tls)
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _converse(self, reader, writer) -> None:
        """Talk to one client."""
        task = asyncio.current_task()
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            await self._say(writer, b"GREETING", "greeting", b"* OK ready\r\n")
            while line := await reader.readline():
                self.lines.append(line)
                tag, _, rest = line.rstrip(b"\r\n").partition(b" ")
                if name_of(rest) == "authenticate":
                    await self._ask_for_proof(reader, writer, tag)
                    continue
                await self._say(writer, tag, name_of(rest), self._answer(rest, tag))
                if name_of(rest) == "starttls":
                    await writer.start_tls(self.tls)
                if name_of(rest) == "idle":
                    await reader.readline()
                    writer.write(tag + b" OK done\r\n")
        except (ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.transport.abort()

    async def _ask_for_proof(self, reader, writer, tag) -> None:
        """Have the client prove who it is."""
        writer.write(b"+ \r\n")
        self.proofs.append(base64.b64decode(await reader.readline()))
        if not self.disbelieves:
            writer.write(tag + b" OK welcome\r\n")
            return
        self.disbelieves -= 1
        writer.write(b"+ " + base64.b64encode(b'{"status":"401"}') + b"\r\n")
        self.proofs.append(base64.b64decode(await reader.readline()))
        writer.write(tag + b" NO [AUTHENTICATIONFAILED] no\r\n")

    async def _say(self, writer, tag, command, usual) -> None:
        """Say what the test wants to be said, or the usual thing."""
        self.commands.append(command)
        self.on_command(command)
        answer = usual
        if command in self.answers and self.times > 0:
            self.times -= 1
            answer = self.answers[command].replace(b"TAG", tag)
        said, mark, _ = answer.partition(CLOSE)
        said, stall, _ = said.partition(STALL)
        writer.write(said)
        await writer.drain()
        if stall:
            await asyncio.get_running_loop().create_future()
        if mark:
            raise ConnectionError

    def _answer(self, rest, tag) -> bytes:
        """Return what a server that behaves says."""
        command = name_of(rest)
        done = tag + b" OK done\r\n"
        usual = {
            "capability": b"* CAPABILITY " + self.capability + b"\r\n",
            "list": b'* LIST () "/" INBOX\r\n',
            "select": b"* %d EXISTS\r\n* 0 RECENT\r\n* FLAGS ()\r\n* OK [UIDVALIDITY 7] ok\r\n"
            b"* OK [UIDNEXT %d] ok\r\n* OK [READ-WRITE] ok\r\n"
            % (len(self.inbox), max(self.inbox, default=0) + 1),
        }
        if command in usual:
            return usual[command] + done
        if command == "search":
            first = int(re.search(rb"UID (\d+):", rest)[1])
            found = [b"%d" % uid for uid in self.inbox if uid >= first]
            return b"* SEARCH" + b"".join(b" " + uid for uid in found) + b"\r\n" + done
        if command in ("survey", "fetch", "head"):
            return b"".join(self._fetch(command, uid) for uid in uids_of(rest)) + done
        if command == "move":
            folder = rest.split()[-1].decode().strip('"')
            self.moved += [(uid, folder) for uid in uids_of(rest) if self.inbox.pop(uid, None)]
        if command == "idle":
            return b"+ idling\r\n"
        return done

    def _fetch(self, command, uid) -> bytes:
        """Return the FETCH response for one mail; nothing for one that is gone."""
        mail = self.inbox.get(uid)
        if mail is None:
            return b""
        if command == "survey":
            date = b'INTERNALDATE "24-Nov-2026 12:00:00 +0700"'
            return b"* %d FETCH (UID %d RFC822.SIZE %d %s)\r\n" % (uid, uid, len(mail), date)
        key, part = b"BODY[]", mail
        if command == "head":
            key, part = b"BODY[HEADER]<0>", mail.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        return b"* %d FETCH (UID %d %s {%d}\r\n%s)\r\n" % (uid, uid, key, len(part), part)


def name_of(rest) -> str:
    """Return what a command is called here."""
    found = PLACE.match(rest)
    if found:
        kinds = ((b"HEADER", "head"), (b"BODY", "fetch"))
        return next((name for mark, name in kinds if mark in found[2]), "survey")
    words = rest.decode("ascii", "replace").lower().split()
    return words[1] if words[:1] == ["uid"] else " ".join(words[:1])


def uids_of(rest) -> list[int]:
    """Return the numbers that a command is about."""
    return [int(uid) for uid in rest.split()[2].split(b",")]
