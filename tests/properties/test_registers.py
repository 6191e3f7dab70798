"""Which registers count after any lines of one account, some of whose cells cannot be believed."""

import pytest
from builders import OPEN_AT, SMALL_CONFIG, write_config
from hypothesis import given
from hypothesis import strategies as st

from ingest.cells import read_line
from ingest.judgement import Standings, judge_item, open_occasion, settle_readings
from ingest.model import RegistryLine
from ingest.policy import build_policies
from ingest.records import READING_COLUMNS, read_standing, register_rows

ACCOUNT = "123456789012"
CELLS = st.lists(st.sampled_from(["1", "2", "3", "x", ""]), min_size=1, max_size=3)
CHUNKS = st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    """A policy whose window is open."""
    policies = build_policies(write_config(tmp_path_factory.mktemp("config"), SMALL_CONFIG))
    return next(iter(policies.values()))


class Readings:
    """The table of readings of one registry, as PostgreSQL would have it."""

    def __init__(self, policy):
        self.rows = {}
        self.lines = 0
        self._occasion = open_occasion(policy, "R", OPEN_AT)

    def list_counting(self):
        """List the rows that count, by register."""
        return sorted(
            (row for row in self.rows.values() if row["counts"]), key=lambda row: row["register"]
        )

    def take_chunk(self, chunk):
        """Judge the lines of a chunk and write them down."""
        standings = Standings(read_standing(self.list_counting()))
        judged = []
        for cells in chunk:
            self.lines += 1
            item = read_line(RegistryLine(self.lines, ACCOUNT, tuple(cells)))
            judged.append(judge_item(self.lines, item, self._occasion, standings))
        self.discard(standings)
        for reading in settle_readings("R", tuple(judged), standings):
            for values in register_rows(reading, OPEN_AT):
                row = {"message_id": 1, **dict(zip(READING_COLUMNS, values, strict=True))}
                key = (row["line"], row["register"])
                assert key not in self.rows
                self.rows[key] = row

    def discard(self, standings):
        """Let what was replaced count no longer."""
        gone = {(line, register) for _, line, register in standings.superseded_registers}
        lines = {line for _, line in standings.superseded}
        for (line, register), row in self.rows.items():
            if line in lines or (line, register) in gone:
                row["counts"] = False


def expect(chunks):
    """Return what should count: whole lines take the place of all, single registers of theirs."""
    counting = {}
    for cells in (cells for chunk in chunks for cells in chunk):
        while cells and not cells[-1]:
            cells = cells[:-1]  # noqa: PLW2901 -- registers that the meter does not have
        good = {at: int(cell) for at, cell in enumerate(cells, 1) if cell.isdigit()}
        if good and len(good) == len(cells):
            counting = good
        else:
            counting |= good
    return counting


@given(chunks=CHUNKS)
def test_each_register_counts_by_the_last_good_cell(policy, chunks):
    """None counts twice, and none is lost, however the lines are cut into chunks."""
    readings = Readings(policy)
    for chunk in chunks:
        readings.take_chunk(chunk)
    counting = readings.list_counting()
    assert expect(chunks) == {row["register"]: row["value"] for row in counting}
    assert len(counting) == len(expect(chunks))
