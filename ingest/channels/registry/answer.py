"""The files about one registry that appear in ``out/``."""

import os
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from ingest.channels.deposits import ANSWERS, Draft
from ingest.channels.dialects.results import ResultLines, Tally
from ingest.channels.registry.folders import read_lines
from ingest.model import Disposition, LineResult
from ingest.settings import RegistrySettings

RESULT, FAILED, SUMMARY = SUFFIXES = ANSWERS
"""What is put behind a file's name: all lines, those to send again, the whole in words."""


class Answer:
    """The lines of one registry in ``out/``; nothing is seen before all is written."""

    def __init__(
        self, file: BinaryIO, settings: RegistrySettings, lines: ResultLines, path: Path
    ) -> None:
        self._file = file
        self._settings = settings
        self._lines = lines
        self._left = os.fstat(file.fileno()).st_size
        self._result = Draft(path.with_name(path.name + RESULT))
        self._failed = Draft(path.with_name(path.name + FAILED))
        self.lines = 0
        """Lines written so far."""

    @property
    def tally(self) -> Tally:
        """How many lines came to which result."""
        return self._lines.tally

    @property
    def sums(self) -> Mapping[Disposition, Decimal]:
        """The control sums of the lines by what became of them."""
        return self._lines.sums

    @property
    def has_failed(self) -> bool:
        """Whether there are lines to correct and send again."""
        return self._lines.failed > 0

    def add(self, results: Sequence[LineResult]) -> None:
        """Write the lines as far as the last of *results*."""
        while results and self.lines < results[-1].number:
            if not self.write(results, results[-1].number - self.lines):
                break

    def add_more(self) -> bool:
        """Write some of the lines that have no results; False when none is left."""
        return self.write((), self._settings.chunk_lines)

    def write(self, results: Sequence[LineResult], max_lines: int) -> bool:
        """Write at most *max_lines* lines; False at the end of the file."""
        raws = read_lines(self._file, self._left, self._settings.max_line, max_lines)
        rendered, failed = self._lines.render(raws, results)
        self._result.write(rendered)
        self._failed.write(failed)
        self._left -= sum(map(len, raws))
        self.lines += len(raws)
        return bool(raws)

    def publish(self) -> None:
        """Let the partner see the files; the one without lines to send again is not made."""
        if self.has_failed:
            self._failed.write(self._lines.close())
            self._failed.publish()
        self._result.publish()

    def discard(self) -> None:
        """Remove what was not published."""
        self._failed.discard()
        self._result.discard()
