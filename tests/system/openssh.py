"""OpenSSH: a server that is a folder, as a partner reaches it or has one itself."""

import os
import pwd

from harness import find_ports
from system.programs import NOBODY, Program, hand_to_nobody, need, run

CONFIG = """
ListenAddress 127.0.0.1
Port {port}
PidFile none
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
# Without it, a server that cannot read the shadow file takes accounts without password for locked.
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp internal-sftp
ForceCommand internal-sftp -d {files}
"""


class OpenSsh:
    """sshd that does nothing but ``internal-sftp``, with a key of its own and one user."""

    def __init__(self, folder, files):
        self.sshd, self.keygen, self.sftp = self.find_programs()
        self.folder = folder
        self.files = files
        [self.port] = find_ports(1)
        self.user = NOBODY["user"] if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self.key = folder / "key"
        config = folder / "sshd_config"
        config.write_text(CONFIG.format(port=self.port, folder=folder, files=files))
        self.program = Program(self.sshd, "-D", "-e", "-f", str(config), log=folder / "log")

    @staticmethod
    def find_programs():
        """Return where they are, or leave the test out."""
        return [*need("openssh-server", "sshd"), *need("openssh-client", "ssh-keygen", "sftp")]

    @property
    def host_key(self):
        """The server's public key, as config.toml has it."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    async def start(self):
        """Make keys, and listen."""
        for path in (self.folder / "host_key", self.key):
            await run(
                self.keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(path), privileged=True
            )
        hand_to_nobody(self.folder / "host_key")
        (self.folder / "authorized_keys").write_text(self.key.with_suffix(".pub").read_text())
        (self.folder / "known").write_text(f"[127.0.0.1]:{self.port} {self.host_key}\n")
        await self.program.start(self.port)

    async def stop(self):
        """End it."""
        await self.program.stop()

    async def talk(self, *lines):
        """Say *lines* to the server with OpenSSH's own client."""
        options = ("IdentitiesOnly=yes", f"UserKnownHostsFile={self.folder}/known", "BatchMode=yes")
        return await run(
            *(self.sftp, "-F", "none", "-P", str(self.port), "-i", str(self.key), "-b", "-"),
            *(part for option in options for part in ("-o", option)),
            f"{self.user}@127.0.0.1",
            stdin="".join(f"{line}\n" for line in lines).encode(),
            privileged=True,
        )
