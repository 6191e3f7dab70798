"""Postfix: the mail server before us, which hands us mails and takes our replies."""

import json
import os
import shutil

from system.programs import Program, leave_out, need, run

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = mx.example.org
mydestination =
mynetworks = 127.0.0.1/32
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_recipient_restrictions = permit_mynetworks, reject
local_recipient_maps =
alias_maps =
alias_database =
disable_dns_lookups = yes
smtp_dns_support_level = disabled
local_transport = error:nothing is delivered on this machine
default_transport = error:nothing leaves this machine
relay_transport = error:nothing leaves this machine
transport_maps = inline:{{ {routes} }}
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
transport_retry_time = 1s
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """
    A mail server with queue and configuration of its own; nothing leaves by it but along *routes*.

    A route leads from an address or a domain to a port on which LMTP is spoken. Postfix starts as
    root only, and does its work as a user of its own.
    """

    def __init__(self, folder, port, routes):
        [self.path, self.postqueue] = self.find_programs()
        self.folder = folder
        self.port = port
        for name in ("conf", "queue", "data"):
            (folder / name).mkdir()
        shutil.chown(folder, "root")
        shutil.chown(folder / "data", "postfix")
        self.write_config(routes)
        self.program = Program(
            *(self.path, "-c", str(self.config), "start-fg"), log=folder / "output", privileged=True
        )

    @staticmethod
    def find_programs():
        """Return where they are, or leave the test out."""
        found = need("postfix", "postfix", "postqueue")
        if os.geteuid() != 0:
            leave_out("postfix starts as root only (run these tests as root, in a container)")
        return found

    @property
    def config(self):
        """The folder that Postfix reads."""
        return self.folder / "conf"

    def write_config(self, routes):
        """Write both of its files."""
        lines = ", ".join(
            f"{{ {address} = lmtp:inet:127.0.0.1:{port} }}" for address, port in routes.items()
        )
        (self.config / "main.cf").write_text(MAIN.format(folder=self.folder, routes=lines))
        (self.config / "master.cf").write_text(MASTER.format(port=self.port))

    async def start(self):
        """Serve."""
        await self.program.start(self.port)

    async def stop(self):
        """End; what waits in the queue stays there."""
        if self.program.process is not None:
            await run(self.path, "-c", str(self.config), "stop", privileged=True)
        await self.program.stop()

    async def list_queue(self):
        """Return what waits: for each mail why it waits, or an empty string."""
        lines = await run(self.postqueue, "-c", str(self.config), "-j", privileged=True)
        mails = [json.loads(line) for line in lines.splitlines()]
        return [mail["recipients"][0].get("delay_reason", "") for mail in mails]
