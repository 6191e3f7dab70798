"""The units of systemd keep what the documents promise."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ingest.health import LOOK_EVERY, PATIENCE
from ingest.settings import Service

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "systemd").glob("*.service"))
KNOWN_SECTIONS = {"Unit", "Service", "Install"}
WORST_SCORE = 1.5


def read_unit(name):
    """Return a unit as section -> key -> values; a key may stand several times."""
    unit, section = {}, None
    for line in (ROOT / "systemd" / name).read_text("utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if found := re.fullmatch(r"\[(\w+)\]", line):
            section = unit.setdefault(found[1], {})
        else:
            key, value = re.fullmatch(r"([A-Z]\w+)=(.*)", line).groups()
            section.setdefault(key, []).append(value)
    return unit


SERVICE = read_unit("ingest.service")["Service"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_units_can_be_read(path):
    """Every line is a section, a key or a comment."""
    unit = read_unit(path.name)
    assert set(unit) <= KNOWN_SECTIONS
    assert {"Unit", "Service"} <= set(unit)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("Type", "notify", id="ready when it says so"),
        pytest.param("NotifyAccess", "main", id="nobody else may say so"),
        pytest.param("Restart", "always", id="started again"),
        pytest.param("RestartPreventExitStatus", "2", id="but not with a wrong config.toml"),
        pytest.param("KillMode", "mixed", id="SIGTERM to the daemon alone"),
        pytest.param("TimeoutStartSec", "infinity", id="waits for PostgreSQL"),
        pytest.param("StateDirectory", "ingest", id="one folder to write to"),
        pytest.param("ProtectSystem", "strict", id="and no other"),
        pytest.param("NoNewPrivileges", "yes", id="no way up"),
        pytest.param("CapabilityBoundingSet", "", id="no capabilities"),
        pytest.param("MemoryDenyWriteExecute", "yes", id="no code at run time"),
        pytest.param("LimitCORE", "0", id="no secrets in core dumps"),
    ],
)
def test_promises(key, value):
    """What docs/operations.md says of the unit stands in it."""
    assert [value] == SERVICE[key]


def test_stopping_has_time_enough():
    """SIGKILL comes later than the daemon's own limit, with the seconds for closing PostgreSQL."""
    assert int(SERVICE["TimeoutStopSec"][0]) > Service().stop_within + 5


def test_the_watchdog_is_patient_enough():
    """A look at a PostgreSQL that does not answer is no reason to be restarted."""
    assert int(SERVICE["WatchdogSec"][0]) > 2 * (LOOK_EVERY + PATIENCE)


def test_a_failed_check_does_not_restart_for_ever():
    """RestartPreventExitStatus heeds the main process only, so nothing may run before it."""
    assert "ExecStartPre" not in SERVICE


def test_the_units_share_a_sandbox():
    """A migration runs as the daemon does: same user, same rights."""
    migrate = read_unit("ingest-migrate.service")["Service"]
    own = {"Type", "NotifyAccess", "ExecStart", "WatchdogSec", "Restart", "RestartSec"}
    own |= {"RestartPreventExitStatus", "KillMode", "TimeoutStopSec", "LimitNOFILE"}
    daemon = {key: value for key, value in SERVICE.items() if key not in own}
    assert daemon == {key: value for key, value in migrate.items() if key not in own}


def test_secrets_are_no_environment():
    """The examples load secrets as credentials; the environment has settings only."""
    for path in UNITS:
        text = path.read_text("utf-8")
        assert "#LoadCredential=" in text
        assert not re.search(r"^Environment=.*(PASSWORD|SECRET|TOKEN|KEY)", text, re.MULTILINE)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_the_sandbox_scores_well(path):
    """Where systemd can judge it, the unit is tighter than those of mail servers."""
    program = shutil.which("systemd-analyze")
    if program is None:
        return  # nothing but the score is missed; the lines themselves are checked above
    command = [program, "security", "--offline=true", str(path)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    score = re.search(r"exposure level for \S+: ([\d.]+)", shown)
    assert score is None or float(score[1]) <= WORST_SCORE
