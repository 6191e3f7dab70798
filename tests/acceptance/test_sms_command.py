"""``ingest sms``, as gammu-smsd calls it: with the text in the environment, or in files."""

import asyncio
import json
import os
import sys

import pytest
from harness import DaemonProcess, Town

CONFIG = """
[service]
state_dir = "state"
[log]
format = "json"
[windows.always]
days = "1..-1"
[http]
listen = "127.0.0.1:{http}"
internal = "127.0.0.1:{internal}"
[channels.modem]
type = "sms"
window = "always"
gateway = "gammu"
[channels.modem.auth]
kind = "basic"
username = "smsd"
password = {{ file = "password" }}
[channels.modem.send]
url = "http://127.0.0.1:{gateway}/send"
fields = {{ to = "{{address}}", text = "{{text}}", key = "{{id}}" }}
"""
NAME = "IN20261124_120000_00_+79031234567_00.txt"
TEXT = {
    "SMS_MESSAGES": "1",
    "SMS_1_NUMBER": "+79031234567",
    "SMS_1_TEXT": "Показания 123456789012*5467;",
    "DECODED_PARTS": "0",
    "PHONE_ID": "modem",
}
LONG = TEXT | {
    "SMS_MESSAGES": "2",
    "SMS_1_TEXT": "Показания 123456",
    "SMS_2_NUMBER": "+79031234567",
    "SMS_2_TEXT": "789013*77;",
    "DECODED_PARTS": "1",
    "DECODED_1_TEXT": "Показания 123456789013*77;",
}


class Smsd:
    """Calls the program as smsd does, on the configuration of a daemon."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.folder = daemon.folder
        (self.folder / "password").write_text("s3cret")

    async def __call__(self, *arguments, text=(), status=0):
        """Return what it says on standard error."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "ingest", "--config", str(self.daemon.config), "sms"),
            *arguments,
            env=os.environ | {"INGEST_DATABASE_URL": self.daemon.database_url} | dict(text),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await process.communicate()
        assert status == process.returncode, errors.decode()
        return errors.decode()

    async def list_messages(self):
        """Return texts and ids of what is committed."""
        lines = (await self.daemon.command("messages", "--json")).splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
async def smsd(tmp_path, database_url):
    """A daemon that does not run yet."""
    async with Town().open() as town:
        daemon = DaemonProcess(tmp_path, database_url, town, config=CONFIG)
        async with daemon.ended_with_the_block():
            yield Smsd(daemon)


async def test_a_text_is_committed_once_the_status_is_nought(smsd):
    """A text, and a long one put together; smsd may call again for either."""
    await smsd.daemon.start()
    for _ in range(2):
        await smsd(NAME, text=TEXT)
        await smsd(NAME.replace("1200", "1201"), text=LONG)
    assert 2 == len(await smsd.list_messages())


async def test_a_text_that_cannot_be_handed_over_stays_with_smsd(smsd):
    """Without a daemon it is status 1; later its files are brought in, and copies do no harm."""
    errors = await smsd("--within", "1", NAME, text=TEXT, status=1)
    assert "ingest sms --inbox DIR" in errors

    inbox = smsd.folder / "inbox"
    inbox.mkdir()
    (inbox / NAME).write_bytes(b"\xfe\xff" + TEXT["SMS_1_TEXT"].encode("utf-16-be"))
    parts = (LONG["SMS_1_TEXT"], LONG["SMS_2_TEXT"])
    for number, part in enumerate(parts):
        name = f"IN20261124_120100_00_+79031234567_{number:02}.txt"
        (inbox / name).write_text(part, "utf-8")
    await smsd.daemon.start()
    await smsd(NAME, text=TEXT)
    await smsd("--inbox", str(inbox))

    assert 2 == len(await smsd.list_messages())
    assert ["taken"] == [path.name for path in inbox.iterdir()]
    assert 3 == len(list((inbox / "taken").iterdir()))


async def test_what_a_person_must_put_right_is_said_at_once(smsd):
    """A wrong password is no reason to try for minutes."""
    await smsd.daemon.start()
    (smsd.folder / "password").write_text("wrong")
    errors = await smsd(NAME, text=TEXT, status=1)
    assert "401" in errors
    assert "s3cret" not in errors
    assert [] == await smsd.list_messages()


@pytest.mark.parametrize(
    ("arguments", "text", "status", "words"),
    [
        pytest.param((), {}, 1, "smsd is to call this", id="no text in the environment"),
        pytest.param(("--channel", "x"), TEXT, 2, "found none with gateway", id="no such channel"),
        pytest.param(("--inbox", "/none"), {}, 2, "does not exist", id="no such folder"),
    ],
)
async def test_a_wrong_call_is_explained(smsd, arguments, text, status, words):
    """Whoever sets it up is told what is missing."""
    assert words in await smsd(*arguments, text=text, status=status)
