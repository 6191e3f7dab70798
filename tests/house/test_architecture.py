"""The structure that the documents promise: contracts, sizes, one house for each thing."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "ingest"
MODULES = sorted(PACKAGE.rglob("*.py"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CONTRACTS = PYPROJECT["tool"]["importlinter"]["contracts"]

LONGEST_MODULE = 450
LONGEST_FUNCTION = 50


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def list_functions(path):
    tree = ast.parse(path.read_text("utf-8"))
    return [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_import_contracts_hold():
    """Imports point downwards, the core is pure, channels do not know each other."""
    script = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout


def test_every_channel_stands_in_the_contract():
    """A new channel is held to its independence from the first day."""
    [contract] = [one for one in CONTRACTS if one["type"] == "independence"]
    channels = {
        f"ingest.channels.{path.stem}"
        for path in (PACKAGE / "channels").iterdir()
        if path.stem not in {"__init__", "__pycache__", "gateways", "dialects", "door", "deposits"}
    }
    assert channels == set(contract["modules"])


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_stay_small(path):
    """A newcomer reads a module in one sitting, and a function on one screen."""
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_MODULE
    long = [
        node.name
        for node in list_functions(path)
        if node.end_lineno - node.body[0].lineno + 1 > LONGEST_FUNCTION
    ]
    assert [] == long


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_types_are_not_switched_off(path):
    """No line of the package asks the type checker to look away."""
    assert "type: ignore" not in path.read_text("utf-8")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_sql_stands_in_sql_files(path):
    """Only the store speaks SQL, and only where a statement cannot have a name."""
    text = path.read_text("utf-8")
    speaks = re.search(r'"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE TABLE) ', text)
    assert path.name == "store.py" or speaks is None


def test_requirements_are_pinned_with_hashes():
    """What is installed is what was tried, whoever serves it."""
    for name in ("run.txt", "test.txt"):
        text = (ROOT / "requirements" / name).read_text("utf-8")
        pins = re.findall(r"^[A-Za-z0-9_.-]+==", text, re.MULTILINE)
        assert len(pins) > 10
        assert "--hash=sha256:" in text
        assert "://" not in text


def test_every_test_says_what_it_shows():
    """The docstrings of the tests are the index of the specification."""
    silent = [
        f"{name_of(path)}::{node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in list_functions(path)
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]
    assert [] == silent
