"""The journal of one channel on a real disk: written through, taken over, bounded, drained."""

import asyncio
import errno
import os
import resource
from contextlib import contextmanager

import pytest
from builders import OPEN_AT, SMS, a_message
from journal_desk import Disk, ScriptedSink, a_journal, drain, list_files
from structlog.testing import capture_logs

from ingest.errors import TransientError
from ingest.journal import journal as journal_module
from ingest.journal.lines import encode_record
from ingest.settings import JournalSettings


@pytest.fixture
def small_segments(monkeypatch):
    """Segments of two or three records."""
    monkeypatch.setattr(journal_module, "LARGEST_SEGMENT", 1500)


@contextmanager
def full_disk(size):
    """Let no file of this process grow beyond *size* bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def fill(journal, count=3):
    """Append messages one after the other; return them."""
    messages = [a_message() for _ in range(count)]
    for message in messages:
        await journal.append(message)
    return messages


# What is written


async def test_keeps_what_is_appended(tmp_path):
    """A message is on disk, readable by its owner alone, when append returns."""
    journal = a_journal(tmp_path)
    message = a_message()
    await journal.append(message)
    [path] = list_files(tmp_path)
    assert encode_record(message) == path.read_bytes()
    assert 0o600 == path.stat().st_mode & 0o777
    assert 0o700 == path.parent.stat().st_mode & 0o777
    assert (1, path.stat().st_size, OPEN_AT) == (journal.messages, journal.size, journal.oldest_at)
    await journal.close()


async def test_requests_that_wait_share_one_fsync(tmp_path):
    """What arrives while the disk works is written together."""
    disk = Disk()
    journal = a_journal(tmp_path, sync=disk.sync)
    await fill(journal, 1)
    before = disk.calls
    messages = [a_message() for _ in range(100)]
    await asyncio.gather(*(journal.append(message) for message in messages))
    assert disk.calls - before <= 2
    assert 101 == journal.messages
    await journal.close()


async def test_a_copy_is_written_once(tmp_path):
    """Copies that come together or later find the record, or wait for it."""
    journal = a_journal(tmp_path)
    message = a_message()
    await asyncio.gather(*(journal.append(message) for _ in range(10)))
    await journal.append(message)
    assert 1 == journal.messages
    assert encode_record(message) == list_files(tmp_path)[0].read_bytes()
    await journal.close()


async def test_a_client_that_hangs_up_does_no_harm(tmp_path):
    """A request that is cancelled while it is written leaves a whole record and no error."""
    journal = a_journal(tmp_path)
    task = asyncio.create_task(journal.append(a_message()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await journal.close()
    again = a_journal(tmp_path)
    assert 1 == again.messages
    await again.close()


async def test_segments_are_bounded(tmp_path, small_segments):
    """A segment that is large enough is followed by the next, in order."""
    journal = a_journal(tmp_path)
    messages = await fill(journal, 9)
    assert len(list_files(tmp_path)) > 2
    assert max(path.stat().st_size for path in list_files(tmp_path)) <= 1500
    sink = ScriptedSink()
    await drain(journal, sink)
    assert messages == sink.taken
    await journal.close()


async def test_a_message_larger_than_a_segment_is_kept(tmp_path, small_segments):
    """The bound is for files, not for messages."""
    journal = a_journal(tmp_path)
    message = a_message("5" * 4000)
    await journal.append(message)
    sink = ScriptedSink()
    await drain(journal, sink)
    assert [message] == sink.taken
    await journal.close()


# What is refused


async def test_is_full_at_its_limit(tmp_path):
    """Beyond the limit messages are refused with what was found; a copy is not."""
    size = len(encode_record(a_message()))
    journal = a_journal(tmp_path, JournalSettings(min_free=1, max_size=2 * size + 20))
    messages = await fill(journal, 2)
    with pytest.raises(TransientError, match=r"the journal is full: found \d+ bytes"):
        await journal.append(a_message())
    await journal.append(messages[0])
    await drain(journal, ScriptedSink())
    await fill(journal, 1)
    await journal.close()


async def test_requests_at_once_share_the_limit(tmp_path):
    """What is still to be written counts as well."""
    size = len(encode_record(a_message()))
    journal = a_journal(tmp_path, JournalSettings(min_free=1, max_size=5 * size + 50))
    done = await asyncio.gather(
        *(journal.append(a_message()) for _ in range(9)), return_exceptions=True
    )
    assert 5 == done.count(None) == journal.messages
    await journal.close()


async def test_leaves_room_on_the_disk(tmp_path):
    """PostgreSQL may need the rest of the disk to come back."""
    journal = a_journal(tmp_path, JournalSettings(min_free=2**40))
    with pytest.raises(TransientError, match=r"wanted journal.min_free"):
        await journal.append(a_message())
    assert [] == list_files(tmp_path)
    await journal.close()


async def test_a_full_disk_refuses_and_heals(tmp_path):
    """What does not fit is refused, nothing of it stays, and with room again it is taken."""
    journal = a_journal(tmp_path)
    kept = await fill(journal, 2)
    large = a_message("5" * 100_000)
    with (
        full_disk(50_000),
        pytest.raises(TransientError, match="cannot be written: File too large"),
    ):
        await journal.append(large)
    assert b"".join(map(encode_record, kept)) == list_files(tmp_path)[0].read_bytes()
    await journal.append(large)
    sink = ScriptedSink()
    await drain(journal, sink)
    assert [*kept, large] == sink.taken
    await journal.close()


async def test_a_failed_fsync_is_no_promise(tmp_path):
    """What was not written through is refused, and its file is written to no more."""
    disk = Disk()
    journal = a_journal(tmp_path, sync=disk.sync)
    kept = await fill(journal, 1)
    disk.problem = errno.EIO
    with pytest.raises(TransientError, match="Input/output error"):
        await journal.append(a_message())
    disk.problem = None
    kept += await fill(journal, 1)
    assert [encode_record(one) for one in kept] == [
        path.read_bytes() for path in list_files(tmp_path)
    ]
    await journal.close()


async def test_a_group_is_refused_together(tmp_path):
    """One fsync that fails is the answer to all who waited for it."""
    disk = Disk()
    journal = a_journal(tmp_path, sync=disk.sync)
    disk.problem = errno.ENOSPC
    done = await asyncio.gather(
        *(journal.append(a_message()) for _ in range(5)), return_exceptions=True
    )
    assert [TransientError] * 5 == [type(one) for one in done]
    assert (0, []) == (journal.messages, list_files(tmp_path))
    await journal.close()


# What is found at a start


async def test_is_found_at_the_next_start(tmp_path, small_segments):
    """What one process wrote another drains, in order."""
    first = a_journal(tmp_path)
    messages = await fill(first, 7)
    await first.close()
    second = a_journal(tmp_path)
    assert 7 == second.messages
    sink = ScriptedSink()
    await drain(second, sink)
    assert messages == sink.taken
    assert [] == list_files(tmp_path)
    await second.close()


async def test_a_torn_end_is_left_out(tmp_path):
    """A half-written record was never acknowledged: logged, kept for a person, not drained."""
    first = a_journal(tmp_path)
    messages = await fill(first, 2)
    await first.close()
    [path] = list_files(tmp_path)
    with path.open("ab") as file:
        file.write(encode_record(a_message())[:-20])
    with capture_logs() as logs:
        second = a_journal(tmp_path)
        sink = ScriptedSink()
        await drain(second, sink)
    assert messages == sink.taken
    assert ["journal.torn", "journal.drained"] == [one["event"] for one in logs]
    assert [path.with_suffix(".torn")] == list_files(tmp_path, ".torn")
    await second.close()


async def test_damage_is_set_aside(tmp_path):
    """A damaged record stops nobody: the others are drained, and the file stays for a person."""
    first = a_journal(tmp_path)
    messages = await fill(first, 3)
    await first.close()
    [path] = list_files(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with capture_logs() as logs:
        second = a_journal(tmp_path)
        sink = ScriptedSink()
        await drain(second, sink)
    assert [messages[0], messages[2]] == sink.taken
    assert ["journal.damaged", "journal.drained"] == [one["event"] for one in logs]
    [bad] = list_files(tmp_path, ".bad")
    assert data == bad.read_bytes()
    await second.close()


async def test_damage_after_the_start_is_set_aside_too(tmp_path):
    """What a disk loses while the journal is in use is noticed when it is drained."""
    journal = a_journal(tmp_path)
    messages = await fill(journal, 2)
    [path] = list_files(tmp_path)
    os.truncate(path, path.stat().st_size - 1)
    with capture_logs() as logs:
        sink = ScriptedSink()
        await drain(journal, sink)
    assert messages[:1] == sink.taken
    assert 1 == len(list_files(tmp_path, ".bad"))
    assert "journal.damaged" in [one["event"] for one in logs]
    await journal.close()


@pytest.mark.parametrize("name", ["1-1.journal", "1-1.new"])
async def test_empty_files_are_removed(tmp_path, name):
    """A file from a crash before its first record is nothing to keep."""
    a_journal(tmp_path)
    path = tmp_path / "journal" / "sms" / name
    path.touch()
    journal = a_journal(tmp_path)
    await drain(journal, ScriptedSink())
    assert not path.exists()
    await journal.close()


async def test_a_file_that_cannot_be_taken_over_stops_no_other(tmp_path):
    """One file that the disk does not give back is named, once; the others are drained."""
    first = a_journal(tmp_path)
    messages = await fill(first, 2)
    await first.close()
    (tmp_path / "journal" / SMS / "00000000000000001-bad.journal").mkdir()
    with capture_logs() as logs:
        journal = a_journal(tmp_path)
        sink = ScriptedSink()
        await drain(journal, sink)
    assert messages == sink.taken
    assert ["journal.failed"] == [one["event"] for one in logs if one["log_level"] == "error"]
    await journal.close()


async def test_a_folder_that_cannot_be_written_is_known_at_the_start(tmp_path):
    """A journal that could not keep anything does not wait for the first outage to say so."""
    disk = Disk()
    disk.problem = errno.EROFS
    with pytest.raises(OSError, match="Read-only"):
        a_journal(tmp_path, sync=disk.sync)


# Two daemons


async def test_two_processes_keep_out_of_each_others_way(tmp_path):
    """Each writes segments of its own; what one leaves behind the other takes over, once."""
    first, second = a_journal(tmp_path), a_journal(tmp_path)
    one, other = await fill(first, 1), await fill(second, 1)
    await second.look_round()
    assert (1, 1) == (first.messages, second.messages)
    await first.close()
    await second.look_round()
    sink = ScriptedSink()
    await drain(second, sink)
    assert {*one, *other} == set(sink.taken)
    await second.close()
