"""``ingest journal`` looks in from outside: what waits, what is damaged, what to do."""

import asyncio
import json

import pytest
from builders import SMALL_CONFIG, SMS, a_message, write_config
from click.testing import CliRunner
from journal_desk import a_journal, list_files

from ingest.cli import main

TEXT = "показание 123456789012*5467;"


class Shell:
    """Runs commands on a configuration whose database does not answer."""

    def __init__(self, folder):
        self.config = write_config(folder)
        self.path = folder / "config.toml"
        self.folder = self.config.state_dir

    def fill(self, count=3, text=TEXT):
        """Leave so many messages in the journal."""
        self.folder.mkdir(exist_ok=True)

        async def work():
            journal = a_journal(self.folder)
            for number in range(count):
                await journal.append(a_message(text, external_id=f"m{number}"))
            await journal.close()

        asyncio.run(work())
        return list_files(self.folder)[-1]

    def __call__(self, *arguments, status=0):
        environ = {"INGEST_DATABASE_URL": "postgresql://127.0.0.1:1/none"}
        result = CliRunner().invoke(main, ["--config", str(self.path), *arguments], env=environ)
        assert status == result.exit_code, result.output
        return result.output


@pytest.fixture
def shell(tmp_path):
    """A shell without a journal."""
    return Shell(tmp_path)


def test_nothing_is_kept(shell):
    """Without a journal there is nothing to list and nothing wrong."""
    assert "in the journals: none" in shell("journal", "list")
    assert "0 messages wait in 0 files, nothing is damaged" in shell("journal", "check")


def test_what_waits_is_listed(shell):
    """When, by which channel and from whom it came, and the text."""
    shell.fill()
    rows = [json.loads(line) for line in shell("journal", "list", "--json").splitlines()]
    assert ["m0", "m1", "m2"] == [row["external_id"] for row in rows]
    assert {("sms", "+79031234567", TEXT)} == {
        (row["channel"], row["sender"], row["text"]) for row in rows
    }
    table = shell("journal", "list")
    assert "+79031234567" in table
    assert "24.11.2026 12:00:00" in table


def test_a_text_that_json_cannot_carry_is_spelled_out(shell):
    """A lone surrogate in a text does not stop the list."""
    shell.fill(1, "\ud83d")
    assert "\\ud83d" == json.loads(shell("journal", "list", "--json"))["text"]


def test_a_sound_journal_passes_the_check(shell):
    """Every record is verified, and the status is 0."""
    path = shell.fill()
    output = shell("journal", "check")
    assert f"{path}: 3 whole records" in output
    assert "3 messages wait in 1 files, nothing is damaged" in output


def test_damage_fails_the_check(shell):
    """The place of the damage is named, and what to do about it."""
    path = shell.fill()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    output = shell("journal", "check", status=1)
    assert "the checksum does not match; read what is left of it" in output
    assert "2 messages wait in 1 files, 1 pieces are damaged" in output


def test_a_half_written_end_is_no_damage(shell):
    """Nobody was told that it was received."""
    path = shell.fill()
    with path.open("ab") as file:
        file.write(b"\x1e123")
    assert "half written: 4 bytes" in shell("journal", "check")


def test_a_daemon_that_runs_is_not_disturbed(shell):
    """Its files are read while it holds them, and are the same afterwards."""
    shell.folder.mkdir()

    async def work():
        journal = a_journal(shell.folder)
        await journal.append(a_message(TEXT))
        output = await asyncio.to_thread(shell, "journal", "check")
        await journal.append(a_message(TEXT))
        assert (2, 1) == (journal.messages, len(list_files(shell.folder)))
        await journal.close()
        return output

    assert "in use" in asyncio.run(work())


def test_a_channel_without_a_table_is_pointed_out(shell):
    """Nobody can drain what config.toml has no policy for."""
    shell.fill()
    text = SMALL_CONFIG.replace("[channels.sms]", "[channels.texts]")
    shell.path.write_text(text)
    assert f"config.toml has no channel {SMS}" in shell("journal", "check")
    assert "warning: the journal of sms holds messages" in shell("check")


def test_status_shows_it_without_postgresql(shell):
    """In an outage the journals are what a person on duty wants to see."""
    shell.fill()
    output = shell("status", status=1)
    assert "not running" in output
    assert "24.11.2026 12:00:00" in output
    assert "PostgreSQL does not answer" in output
