"""Dovecot: the mailbox that we read, and those in which customers find our replies."""

import asyncio
import os
import shutil
import signal
import smtplib
from pathlib import Path

from harness import find_ports
from imapclient import IMAPClient
from system.programs import Program, hand_to_nobody, need, run

TLS = Path(__file__).parents[1] / "data" / "tls"
PASSWORD = "correct-horse"
TIMEOUT = 20

CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap lmtp
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
mail_uid = {user}
mail_gid = {group}
mail_home = {folder}/home/%n
mail_location = maildir:~/Maildir
auth_mechanisms = plain login
auth_failure_delay = 0
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{folder}/localhost.pem
ssl_key = <{folder}/localhost.key
mail_max_userip_connections = 100
{more}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%n {folder}/passwd
}}
userdb {{
  driver = passwd-file
  args = username_format=%n {folder}/passwd
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {imap}
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0
  }}
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
"""


class Dovecot:
    """IMAP and LMTP for users of the test's own. It runs without privileges, in one folder."""

    def __init__(self, folder, more=""):
        [path, self.doveadm_path, *_] = self.find_programs()
        self.folder = folder
        self.imap_port, self.imaps_port, self.lmtp_port = find_ports(3)
        self.users = {}
        self.write_folder(more)
        self.program = Program(path, "-F", "-c", str(self.config), log=folder / "output")

    @staticmethod
    def find_programs():
        """Return where they are, or leave the test out."""
        services = [f"/usr/lib/dovecot/{name}" for name in ("imap", "lmtp")]
        return need("dovecot-imapd dovecot-lmtpd", "dovecot", "doveadm", *services)

    @property
    def config(self):
        """The file that Dovecot reads."""
        return self.folder / "dovecot.conf"

    def write_folder(self, more):
        """Write all that Dovecot wants to find."""
        folders = [self.folder / name for name in ("run", "state", "home")]
        for one in folders:
            one.mkdir()
        keys = [
            Path(shutil.copy(TLS / name, self.folder))
            for name in ("localhost.pem", "localhost.key")
        ]
        hand_to_nobody(*folders, *keys)
        self.config.write_text(
            CONFIG.format(
                folder=self.folder,
                user=folders[0].owner(),
                group=folders[0].group(),
                imap=self.imap_port,
                imaps=self.imaps_port,
                lmtp=self.lmtp_port,
                more=more,
            )
        )

    def add_user(self, name, password=PASSWORD):
        """Open a mailbox, or change its password."""
        self.users[name] = password
        lines = "".join(f"{user}:{secret}::::::\n" for user, secret in self.users.items())
        passwd = self.folder / "passwd"
        passwd.with_suffix(".new").write_text(lines)
        passwd.with_suffix(".new").replace(passwd)

    async def start(self):
        """Serve."""
        await self.program.start(self.imap_port, self.imaps_port, self.lmtp_port)

    async def stop(self):
        """Say goodbye to everybody, and end."""
        await self.program.stop()

    async def restart(self):
        """Come back on the same ports, with the same mails."""
        await self.stop()
        await self.start()

    def freeze(self):
        """Stand still: connections stay open and nothing is answered any more."""
        self.program.signal_all(signal.SIGSTOP)

    def thaw(self):
        """Go on as if nothing had been."""
        self.program.signal_all(signal.SIGCONT)

    def kill_sessions(self):
        """End every IMAP session without a word; return how many there were."""
        pid = self.program.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        sessions = [
            int(child)
            for child in children
            if Path(f"/proc/{child}/comm").read_text().strip() == "imap"
        ]
        for session in sessions:
            os.kill(session, signal.SIGKILL)
        return len(sessions)

    async def doveadm(self, *arguments, stdin=b""):
        """Do something to mailboxes as an administrator would; return what was said."""
        return await run(self.doveadm_path, "-c", str(self.config), *arguments, stdin=stdin)

    async def deliver(self, user, *mails):
        """Hand mails over by LMTP, as a mail server does."""
        await asyncio.to_thread(self.deliver_blocking, user, mails)

    def deliver_blocking(self, user, mails):
        """Hand mails over by LMTP, in one connection."""
        with smtplib.LMTP("127.0.0.1", self.lmtp_port, timeout=TIMEOUT) as client:
            for mail in mails:
                client.sendmail("ivanov@example.com", [f"{user}@example.org"], mail)

    async def list_mails(self, user, folder="INBOX"):
        """Read a folder as its owner does, without changing anything; return the mails in order."""
        return await asyncio.to_thread(self.list_mails_blocking, user, folder)

    def list_mails_blocking(self, user, folder):
        """Return the mails of a folder; none, if there is no such folder."""
        with self.open_client(user) as client:
            if not client.folder_exists(folder):
                return []
            client.select_folder(folder, readonly=True)
            found = client.fetch(client.search(), ["BODY.PEEK[]"])
        return [one[b"BODY[]"] for _, one in sorted(found.items())]

    def open_client(self, user):
        """Return a client that has logged in."""
        client = IMAPClient("127.0.0.1", self.imap_port, ssl=False, timeout=TIMEOUT)
        client.login(user, self.users[user])
        return client
