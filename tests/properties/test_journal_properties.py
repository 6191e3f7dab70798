"""Whatever happens to a journal, what was acknowledged is drained, in order, and nothing else."""

import asyncio
import errno
import tempfile
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

from builders import a_message
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_desk import FREELY, Disk, ScriptedSink, a_journal, drain, list_files

from ingest.errors import TransientError
from ingest.journal import journal as journal_module
from ingest.journal.lines import decode_record, encode_record, split_records

STEPS = st.one_of(
    st.tuples(st.just("append"), st.integers(1, 5)),
    st.tuples(st.just("crash"), st.integers(0, 400)),
    st.tuples(st.just("stop"), st.just(0)),
    st.tuples(st.just("drain"), st.integers(0, 6)),
    st.tuples(st.just("fail"), st.sampled_from([errno.EIO, errno.ENOSPC])),
)


class Counted(ScriptedSink):
    """A sink that goes away after so many messages."""

    left = 0

    async def receive(self, message):
        self.is_away = self.left <= 0
        outcome = await super().receive(message)
        self.left -= 1
        return outcome


class History:
    """A journal, what was promised, and what came out."""

    def __init__(self, folder):
        self.folder = folder
        self.disk = Disk()
        self.sink = Counted()
        self.promised = []
        self.refused = []
        self.journal = self.open()

    def open(self):
        return a_journal(self.folder, FREELY, self.disk.sync)

    async def append(self, count):
        messages = [a_message() for _ in range(count)]
        await asyncio.gather(*(self.journal.append(message) for message in messages))
        self.promised += messages

    async def fail(self, problem):
        """Refuse a message because the disk does."""
        self.refused.append(a_message())
        self.disk.problem = problem
        with suppress(TransientError):
            await self.journal.append(self.refused[-1])
            raise AssertionError("a message that is not on disk was acknowledged")
        self.disk.problem = None

    async def crash(self, cut):
        """Die in the middle of writing a record."""
        active = self.journal._active
        for segment in self.journal.segments:
            segment.close()
        self.refused.append(a_message())
        if active is not None:
            with active.path.open("ab") as file:
                file.write(encode_record(self.refused[-1])[:cut])
        self.journal = self.open()

    async def stop(self, _):
        await self.journal.close()
        self.journal = self.open()

    async def drain(self, count):
        self.sink.left = count
        await drain(self.journal, self.sink)


async def live(steps):
    """Go through *steps*, then drain all."""
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(journal_module, "LARGEST_SEGMENT", 1500),
    ):
        history = History(Path(folder))
        for name, argument in steps:
            await getattr(history, name)(argument)
        await history.stop(0)
        await history.drain(10_000)
        assert ([], 0) == (list_files(history.folder), history.journal.messages)
        await history.journal.close()
        return history


@settings(deadline=None)  # it waits for a disk
@given(st.lists(STEPS, max_size=12))
def test_promises_are_kept_in_order(steps):
    """Appends, crashes within a record, restarts, drains that stop and disks that fail."""
    history = asyncio.run(live(steps))
    refused = {message.external_id for message in history.refused}
    taken = [message for message in history.sink.taken if message.external_id not in refused]
    assert history.promised == taken
    assert {*history.sink.taken} <= {*history.promised, *history.refused}


@given(st.binary(max_size=300), st.lists(st.sampled_from(["5", "1*2;", "\x1e", "я\n"]), max_size=4))
def test_any_bytes_are_cut_into_pieces(noise, texts):
    """Splitting is total, loses no byte, and finds the records behind any noise."""
    messages = [a_message(text) for text in texts]
    data = noise + b"\n" + b"".join(map(encode_record, messages))
    pieces = list(split_records(data))
    assert data == b"".join(piece.data for piece in pieces)
    assert messages == [decode_record(piece) for piece in pieces if piece.is_whole]
