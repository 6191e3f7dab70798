"""
The text of one file: the file itself, or what its table is turned into.

A table becomes text in a file without a name, which is gone with whoever made it: after a crash it
is made anew, the same to the byte.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ingest.channels.dialects.catalogue import is_table, needs_sniffing
from ingest.channels.dialects.faults import Fault, Problem, TableError
from ingest.channels.dialects.sniffing import Sniffer
from ingest.channels.dialects.tables import TableText
from ingest.channels.registry.threads import in_thread
from ingest.settings import RegistrySettings

BLOCK = 1 << 20
ROWS_AT_ONCE = 2000
"""A thread turns so many rows into text before the event loop is asked again."""


class Text:
    """What is surveyed, handed over and answered line by line."""

    def __init__(self, file: BinaryIO) -> None:
        self.original = file
        self.file = file
        self.encoding = ""
        """What was found where the channel does not say; empty: nobody asked."""
        self.problem: Problem | None = None
        """Why a table could not be turned into text: then the file itself is kept."""

    @property
    def is_original(self) -> bool:
        """Whether the lines are those of the file itself."""
        return self.file is self.original

    @property
    def size(self) -> int:
        """Bytes of the text."""
        return os.fstat(self.file.fileno()).st_size

    def close(self) -> None:
        """Let go of what was made of the file."""
        if not self.is_original:
            self.file.close()


async def open_text(
    file: BinaryIO, settings: RegistrySettings, folder: Path, progressed: Callable[[], None]
) -> Text:
    """Return the text of *file*; what is made of a table lies in *folder*, unseen."""
    text = Text(file)
    if text.size > settings.max_size:
        return text
    try:
        if is_table(settings.dialect):
            await write_table(text, settings, folder, progressed)
        if needs_sniffing(settings):
            text.encoding = await sniff(file, progressed)
    except BaseException:
        text.close()
        raise
    return text


async def write_table(
    text: Text, settings: RegistrySettings, folder: Path, progressed: Callable[[], None]
) -> None:
    """Turn a table into text, unless it is none."""
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 -- closed with the text
    table = TableText(settings.dialect, text.original)
    size = 0
    try:
        while content := await in_thread(table.read, ROWS_AT_ONCE):
            await in_thread(file.write, content)
            size += len(content)
            if size > settings.max_size:
                text.problem = Problem(Fault.TOO_LARGE, str(size), str(settings.max_size))
                break
            progressed()
        await in_thread(file.flush)
    except TableError as error:
        text.problem = error.problem
    except BaseException:
        file.close()
        raise
    if text.problem is None:
        text.file = file
    else:
        file.close()


async def sniff(file: BinaryIO, progressed: Callable[[], None]) -> str:
    """Return the encoding in which a whole file is written."""
    sniffer = Sniffer()
    await in_thread(file.seek, 0)
    while block := await in_thread(file.read, BLOCK):
        await in_thread(sniffer.feed, block)
        progressed()
    return sniffer.choose()
