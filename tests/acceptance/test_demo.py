"""``ingest demo`` as somebody meets it who has just installed the program."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from ingest.demo.scenes import MORNING

WITHIN = 120


class Run(Struct, frozen=True):
    """One run of the demo, and what it left behind."""

    status: int
    lines: list[dict[str, object]]
    errors: str
    files: list[str]
    processes: list[str]


def list_processes(needle: str) -> list[str]:
    """Return the command lines with *needle* in them; those of ended processes are empty."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if needle in command:
            found.append(command)
    return found


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """The demo, played once with a temporary directory and a database variable of somebody's."""
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        environ = os.environ | {
            "TMPDIR": folder,
            "LC_ALL": "ru_RU.KOI8-R",
            "INGEST_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/production",
        }
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "ingest", "demo", "--json"],
            capture_output=True,
            cwd="/",
            env=environ | {"PYTHONUTF8": "1"},
            timeout=WITHIN,
            check=False,
        )
        yield Run(
            status=ended.returncode,
            lines=[json.loads(line) for line in ended.stdout.splitlines()],
            errors=ended.stderr.decode("utf-8", "replace"),
            files=[path.name for path in Path(folder).iterdir()],
            processes=list_processes(folder),
        )


def test_every_expectation_is_met(run: Run) -> None:
    """Every scene went as wanted, and so did what must hold at the end."""
    assert [] == [line for line in run.lines if not line["met"]]
    assert (0, "") == (run.status, run.errors)


def test_every_scene_is_told(run: Run) -> None:
    """There is one object for each scene, in order, and one for each check."""
    told = [line["scene"] for line in run.lines]
    assert [scene.key for scene in MORNING] == told[: len(MORNING)]
    assert ["silence", "billed", "stopped"] == told[len(MORNING) :]


def test_answers_come_at_once(run: Run) -> None:
    """Whoever sends a mail or a text has the answer within two seconds."""
    times = {line["scene"]: line.get("milliseconds", 0) for line in run.lines}
    assert {} == {scene: time for scene, time in times.items() if time > 2000}


def test_nothing_is_left(run: Run) -> None:
    """Neither a process nor a file outlives the demo."""
    assert [] == run.processes
    assert [] == run.files
