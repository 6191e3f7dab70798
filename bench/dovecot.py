"""A Dovecot with full mailboxes, as an ordinary program on loopback."""

import asyncio
import contextlib
import os
import random
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from bench.servers import find_ports

PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
PASSWORD = "bench"
LARGEST, SMALLEST = 30_000, 4_000
"""Bytes of a mail."""
STYLE = "<style>p { margin: 0; font-family: sans-serif; color: #222222 }</style>"
PARAGRAPH = '<p class="MsoNormal"><span style="font-size: 11pt">&nbsp;</span></p>\r\n'
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwAD\r\n"
NOBODY = {"user": "nobody", "group": "nogroup", "extra_groups": []}

CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log/dovecot
protocols = imap
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
mail_uid = {user}
mail_gid = {group}
mail_home = {folder}/home/%n
mail_location = maildir:~/Maildir
disable_plaintext_auth = no
ssl = no
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/home/%n
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
"""


def name_owner(folder: Path) -> dict[str, str]:
    """Return whom a folder belongs to, as the configuration has it."""
    return {"user": folder.owner(), "group": folder.group()}


def find_dovecot() -> str:
    """Return the program; empty where it is not installed."""
    return shutil.which("dovecot", path=PATH) or ""


@contextlib.asynccontextmanager
async def run_dovecot(folder: Path) -> AsyncIterator[int]:
    """Serve the mailboxes beneath *folder*; yield the port."""
    [port] = find_ports(1)
    for name in ("run", "state", "log"):
        (folder / name).mkdir(parents=True)
    give_away(folder)
    config = folder / "dovecot.conf"
    config.write_text(
        CONFIG.format(
            folder=folder,
            **name_owner(folder),
            password=PASSWORD,
            port=port,
        )
    )
    process = await asyncio.create_subprocess_exec(
        *(find_dovecot(), "-F", "-c", str(config)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        **(NOBODY if os.geteuid() == 0 else {}),
    )
    try:
        async with asyncio.timeout(30):
            while not is_listening(port):  # noqa: ASYNC110 -- another process listens
                await asyncio.sleep(0.05)
        yield port
    finally:
        process.terminate()
        await process.wait()


def is_listening(port: int) -> bool:
    """Tell whether somebody takes connections."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def fill_mailbox(folder: Path, user: str, mails: int) -> None:
    """Write as many mails into a user's mailbox as if they had been delivered one by one."""
    fresh = folder / "home" / user / "Maildir" / "new"
    for name in ("cur", "new", "tmp"):
        (fresh.parent / name).mkdir(parents=True)
    sizes = random.Random(1)
    for number in range(mails):
        content = make_mail(user, number, sizes.randint(SMALLEST, LARGEST))
        (fresh / f"{1_700_000_000 + number}.{number}.bench,S={len(content)}").write_bytes(content)


def make_mail(user: str, number: int, size: int) -> bytes:
    """Return a mail as programs send them: plain text, the same in HTML, and a picture below."""
    reading = f"{number:012}*{number % 100_000};"
    head = (
        f"Return-Path: <customer{number}@example.com>\r\nFrom: customer{number}@example.com\r\n"
        f"To: {user}@example.org\r\nMessage-ID: <{user}-{number}@example.com>\r\n"
        "Subject: reading\r\nDate: Tue, 24 Nov 2026 12:00:00 +0700\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/related; boundary="r"\r\n\r\n--r\r\n'
        'Content-Type: multipart/alternative; boundary="a"\r\n\r\n--a\r\n'
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{reading}\r\n--a\r\n"
        f"Content-Type: text/html; charset=utf-8\r\n\r\n<html><head>{STYLE}</head><body>\r\n"
        f"<p>{reading}</p>\r\n{PARAGRAPH * 10}</body></html>\r\n--a--\r\n--r\r\n"
        "Content-Type: image/png; name=logo.png\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    foot = "\r\n--r--\r\n"
    lines = max(0, size - len(head) - len(foot)) // len(PICTURE)
    return (head + PICTURE * lines + foot).encode()


def give_away(folder: Path) -> None:
    """Give a folder to whom the server runs as, and let that user reach it."""
    for path in (folder, *folder.rglob("*")):
        if os.geteuid() == 0:
            shutil.chown(path, NOBODY["user"], NOBODY["group"])
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
