"""All journals of a daemon: which are opened, which are drained, and of which it only says so."""

import asyncio
import errno
import os

import pytest
from builders import SMALL_CONFIG, SMS, a_message
from harness import until
from journal_desk import Debts, ScriptedSink
from msgspec import Struct
from structlog.testing import capture_logs

from ingest.errors import ConfigError, TransientError
from ingest.journal import Journals
from ingest.journal import journal as journal_module
from ingest.journal.sink import JournaledSink
from ingest.policy import build_policies
from ingest.replies import load_phrasebook

JOURNALED = SMALL_CONFIG.replace(
    'gateway = "kannel"',
    'gateway = "kannel"\njournal = true\n[channels.sms.send]\nurl = "http://127.0.0.1:1/"\n'
    'fields = { to = "{address}", text = "{text}" }\n',
).replace("[http]", "[journal]\nmin_free = 1\n[http]")
DISABLED = JOURNALED.replace("journal = true", "enabled = false")
GONE = SMALL_CONFIG[: SMALL_CONFIG.index("[channels.sms]")]


class Behind(Struct):
    """The one of the sinks that a journal stands before."""

    messages: ScriptedSink


def wrap(journals, config, sink, name=SMS):
    """Return what a channel is given."""
    return journals.wrap(build_policies(config)[name], Behind(sink), load_phrasebook()).messages


async def leave_behind(config, count=2):
    """Let a daemon end with messages in its journal; return them."""
    config.state_dir.mkdir()
    journals = Journals(config)
    await journals.open()
    sink = ScriptedSink()
    sink.is_away = True
    messages = [a_message() for _ in range(count)]
    for message in messages:
        await wrap(journals, config, sink).receive(message)
    await journals.close()
    return messages


async def test_only_channels_that_want_one_have_a_journal(a_config):
    """A channel whose upstream can wait hands over to the intake itself."""
    config = a_config(JOURNALED)
    config.state_dir.mkdir()
    journals = Journals(config)
    await journals.open()
    sink = ScriptedSink()
    assert sink is wrap(journals, config, sink, "mail")
    assert isinstance(wrap(journals, config, sink), JournaledSink)
    assert (True, ["sms"]) == (journals.is_kept, list(journals.describe()))
    await journals.close()


@pytest.mark.parametrize(
    "text", [pytest.param(JOURNALED, id="same"), pytest.param(DISABLED, id="disabled since")]
)
async def test_what_is_found_is_drained(a_config, text):
    """A journal of an earlier run is said to be there and emptied, of a disabled channel too."""
    messages = await leave_behind(a_config(JOURNALED))
    journals = Journals(a_config(text))
    with capture_logs() as logs:
        await journals.open()
    assert [("journal.found", 2)] == [(one["event"], one["messages"]) for one in logs]
    sink = ScriptedSink()
    task = asyncio.create_task(journals.run(sink, Debts().owe))
    await until(lambda: not journals.describe()["sms"].messages)
    assert messages == sink.taken
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await journals.close()


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param("min_free = 1\nmax_size = 900", id="full"),
        pytest.param(f"min_free = {2**40}", id="little left of the disk"),
    ],
)
async def test_a_journal_without_room_keeps_nothing(a_config, setting):
    """A journal that would refuse the next text is no reason to call the daemon ready."""
    config = a_config(JOURNALED.replace("min_free = 1", setting))
    config.state_dir.mkdir()
    journals = Journals(config)
    assert not journals.is_kept
    await journals.open()
    assert not journals.is_kept
    await journals.close()


async def test_a_channel_that_is_gone_is_named(a_config):
    """Without its table nobody knows how to judge: what is kept stays, and the log says so."""
    await leave_behind(a_config(JOURNALED))
    journals = Journals(a_config(GONE))
    with capture_logs() as logs:
        await journals.open()
    assert [("journal.ownerless", "sms")] == [(one["event"], one["channel"]) for one in logs]
    assert {} == journals.describe()
    await journals.close()


async def test_a_full_disk_is_no_mistake_of_a_persons(a_config, monkeypatch):
    """What passes by itself must not end the daemon for good, as a mistake in config.toml does."""
    config = a_config(JOURNALED)
    config.state_dir.mkdir()

    def refuse(_folder, _sync):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(journal_module, "sync_folder", refuse)
    with pytest.raises(TransientError, match=r"journal/sms: No space left"):
        await Journals(config).open()


async def test_a_place_that_cannot_be_used_is_a_mistake(a_config):
    """The daemon does not start with a journal that could keep nothing."""
    config = a_config(JOURNALED)
    config.state_dir.mkdir()
    (config.state_dir / "journal").touch()
    with pytest.raises(ConfigError, match=r"^service\.state_dir: .*journal.*: "):
        await Journals(config).open()
