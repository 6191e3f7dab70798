"""A partner's SFTP server within the test's process, and what is remembered of it."""

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncssh

USER, PASSWORD = "energy", "their-password"
HOST_KEY = asyncssh.generate_private_key("ssh-ed25519")
OTHER_KEY = asyncssh.generate_private_key("ssh-ed25519")
CLIENT_KEY = asyncssh.generate_private_key("ssh-ed25519")


def spell(key: asyncssh.SSHKey) -> str:
    """Return a public key as config.toml has it."""
    return key.export_public_key().decode().strip()


def do_nothing(_name: str) -> None:
    """Let a file be opened."""


class Guard(asyncssh.SSHServer):
    """Lets one user in."""

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == USER and key.public_data == CLIENT_KEY.public_data


class Partner:
    """The server: a folder, and what it does when a file is opened, read or changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = 0
        self.opened: list[str] = []
        """Names of the files that were opened for reading, in order."""
        self.connections = 0
        self.on_open = do_nothing
        self.refuses = frozenset()
        """Names that cannot be opened."""

    def put(self, name: str, content: bytes, at: int = 1_700_000_000) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (at, at))
        return path

    def list(self, folder: str = ".") -> list[str]:
        return sorted(path.name for path in (self.root / folder).iterdir() if path.is_file())

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Serve while the block runs, at the same port when it runs again."""
        partner = self

        class Files(asyncssh.SFTPServer):
            def open(self, path, pflags, attrs):
                name = Path(os.fsdecode(path)).name
                if pflags & asyncssh.FXF_READ:
                    partner.opened.append(name)
                    partner.on_open(name)
                if name in partner.refuses:
                    raise asyncssh.SFTPPermissionDenied("not for you")
                return super().open(path, pflags, attrs)

        def greet() -> Guard:
            partner.connections += 1
            return Guard()

        server = await asyncssh.listen(
            "127.0.0.1",
            self.port,
            server_factory=greet,
            server_host_keys=[HOST_KEY],
            sftp_factory=lambda channel: Files(channel, chroot=os.fsencode(self.root)),
        )
        self.port = server.get_port()
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()


class Memory:
    """Bookmarks and leases, as the database keeps them."""

    def __init__(self) -> None:
        self.marks = {}
        self.leases = {}

    async def find_bookmark(self, channel, place):
        return self.marks.get((channel, place))

    async def save_bookmark(self, channel, bookmark):
        self.marks[channel, bookmark.place] = bookmark

    async def take_lease(self, name, holder, seconds):
        return self.leases.setdefault(name, holder) == holder

    async def drop_lease(self, name, holder):
        if self.leases.get(name) == holder:
            del self.leases[name]
