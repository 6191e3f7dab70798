"""The documents say what the program does: names, links and tables are compared with the code."""

import ast
import inspect
import re
import tomllib
from pathlib import Path

import pytest
from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from ingest import metrics, rules
from ingest.cli import main
from ingest.model import Reason
from ingest.settings import Config

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "adr").glob("*.md"))
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
RULES = (ROOT / "docs" / "rules.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

LEVELS = {"debug", "info", "warning", "error", "exception", "log"}
EVENT = re.compile(r"[a-z]+\.[a-z_]+")
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LONGEST_DECISION = 40


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def list_metrics():
    """List the names of all metrics as /metrics shows them."""
    found = [one for one in vars(metrics).values() if isinstance(one, MetricWrapperBase)]
    return [f"{one._name}_total" if isinstance(one, Counter) else one._name for one in found]


def list_constants(node):
    """Yield the texts within a piece of code that have the form of an event."""
    for inner in ast.walk(node):
        text = inner.value if isinstance(inner, ast.Constant) else None
        if isinstance(text, str) and EVENT.fullmatch(text):
            yield text


def is_logging(node):
    """Tell whether a call writes to the log."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        owner = ast.unparse(node.func.value)
        return node.func.attr in LEVELS and owner in {"log", "get_logger()"}
    return isinstance(node.func, ast.Name) and node.func.id == "write"


def list_events():
    """List every log event that the code can write."""
    events = set()
    for path in (ROOT / "ingest").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if is_logging(node):
                events.update(one for arg in node.args for one in list_constants(arg))
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "event":
                events.update(list_constants(node.value))
    return sorted(events)


def list_targets(text):
    """List where the links of a document lead, code blocks left out."""
    return LINK.findall(FENCED.sub("", text))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_relative_links_resolve(path):
    """Every link within the repository leads to a file or folder that is there."""
    targets = [one for one in list_targets(path.read_text("utf-8")) if "://" not in one]
    broken = [
        one for one in targets if one[0] != "#" and not (path.parent / one.split("#")[0]).exists()
    ]
    assert [] == broken


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_no_document_names_a_machine(path):
    """Paths of somebody's own machine mean nothing to anybody else."""
    assert [] == re.findall(r"/(?:home|Users|root|work)/\S*", path.read_text("utf-8"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_document_has_one_title(path):
    """A document begins with its title and has no other."""
    lines = FENCED.sub("", path.read_text("utf-8")).splitlines()
    assert lines[0].startswith("# ")
    assert 1 == sum(line.startswith("# ") for line in lines)


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/operations.md"])
def test_make_targets_exist(name):
    """What a document tells people to make can be made."""
    text = (ROOT / name).read_text("utf-8")
    code = "\n".join(find_code(text))
    wanted = set(re.findall(r"^make (?:-C \S+ )?([a-z.][\w./-]*)", code, re.MULTILINE))
    known = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    known.add(re.search(r"^RUN_STAMP := (\S+)", MAKEFILE, re.MULTILINE)[1])
    assert set() == wanted - known


def find_code(text):
    """Return the code of a document: its blocks and what stands between backticks."""
    return FENCED.findall(text) + re.findall(r"`([^`\n]+)`", FENCED.sub("", text))


@pytest.mark.parametrize("name", DOCUMENTS, ids=name_of)
def test_commands_exist(name):
    """A document names only commands that the command line knows."""
    code = "\n".join(find_code(name.read_text("utf-8")))
    call = r"(?:^|/bin/|-m )ingest(?: --config \S+)? ([a-z]+)(?![\w.@/])"
    named = set(re.findall(call, code, re.MULTILINE))
    assert set() == named - set(main.commands)


COMMON = {"--config", "--json", "--keep"}
"""Options that the text above the table explains."""


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_is_documented(name):
    """The table of commands is complete, and so are their options."""
    [row] = re.findall(rf"^\| `ingest {name}\b.*$", OPERATIONS, re.MULTILINE)
    options = [opt for one in main.commands[name].params for opt in one.opts if opt[:2] == "--"]
    assert [] == [one for one in options if one not in row and one not in COMMON]


@pytest.mark.parametrize("name", list_metrics())
def test_every_metric_is_documented(name):
    """A figure that nobody can look up helps nobody."""
    assert 1 == len(re.findall(rf"^\| `{name}` \|", OPERATIONS, re.MULTILINE))


def test_no_metric_is_made_up():
    """Tables and alert rules use metrics that exist."""
    named = re.findall(r"\bingest_[a-z_]+", OPERATIONS.replace("ingest_commit_seconds_bucket", ""))
    assert set() == set(named) - set(list_metrics())


@pytest.mark.parametrize("event", list_events())
def test_every_log_event_is_documented(event):
    """Whoever greps the log at night finds the event explained."""
    assert f"`{event}`" in OPERATIONS


def test_no_log_event_is_made_up():
    """The table of log events has no event that the code does not write."""
    table = OPERATIONS.partition("### Log")[2].partition("\n\n`message.replayed`")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    named = {event for row in rows for event in re.findall(r"`([a-z.]+)`", row)}
    assert set() == named ^ set(list_events())


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_documented(reason):
    """The table of reasons tells what each leads to by default."""
    [row] = re.findall(rf"^\| `{reason}` \|.*$", RULES, re.MULTILINE)
    assert rules.DISPOSITIONS[reason] == row.split("|")[3].strip()


@pytest.mark.parametrize(("number", "rule"), [*enumerate(rules.RULES, start=1)])
def test_every_law_is_documented(number, rule):
    """The laws stand in the order in which they are asked, word for word as in the code."""
    assert f"{number}. **`{rule.__name__}`** — {inspect.getdoc(rule)}\n" in RULES


@pytest.mark.parametrize("table", Config.__struct_fields__)
def test_every_table_of_settings_is_shown(table):
    """Every table of config.toml stands in the sample that the documents lead to."""
    sample = (ROOT / "config.toml").read_text("utf-8")
    assert re.search(rf"^\[{table}[].]", sample, re.MULTILINE)
    assert "](config.toml)" in README
    assert "](../config.toml)" in OPERATIONS


@pytest.mark.parametrize("path", DECISIONS, ids=name_of)
def test_decisions_have_one_shape(path):
    """A decision is short, numbered like its file, and has its four parts in order."""
    lines = path.read_text("utf-8").splitlines()
    assert lines[0].startswith(f"# {int(path.name[:4])}. ")
    headings = [line for line in lines if line.startswith("## ")]
    assert ["## Status", "## Context", "## Decision", "## Consequences"] == headings
    assert len(lines) <= LONGEST_DECISION


def test_decisions_leave_no_gap():
    """Numbers of decisions are given in order, and never twice."""
    assert list(range(1, len(DECISIONS) + 1)) == [int(path.name[:4]) for path in DECISIONS]


def test_the_architecture_shows_every_layer():
    """The diagram of imports is the one that the contracts enforce."""
    [contract] = [
        one for one in PYPROJECT["tool"]["importlinter"]["contracts"] if one["type"] == "layers"
    ]
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    diagram = next(block for block in FENCED.findall(text) if "__main__" in block)
    shown = [re.split(r"  +", line)[0] for line in diagram.splitlines()[1:-1]]
    assert contract["layers"] == shown


def test_the_changelog_is_kept():
    """The newest release is this version, every release has a date, sections have known names."""
    releases = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", CHANGELOG, re.MULTILINE)
    assert ("Unreleased", "") == releases[0]
    assert PYPROJECT["project"]["version"] == releases[1][0]
    assert all(date for _, date in releases[1:])
    sections = set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE))
    known = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security", "Known limits"}
    assert sections <= known


def test_the_readme_fits_two_screens():
    """The first thing that people see is short, and has room for the demonstration."""
    assert len(README.splitlines()) <= 110
    assert 1 == len(re.findall(r"<!-- demo -->\n.*?<!-- /demo -->", README, re.DOTALL))


def test_the_licence_is_complete():
    """The licence is the whole text of Apache-2.0."""
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License" in text.splitlines()[1]
    assert "END OF TERMS AND CONDITIONS" in text
    assert PYPROJECT["project"]["license"] == "Apache-2.0"
