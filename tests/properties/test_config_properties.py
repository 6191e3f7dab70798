"""Whatever stands in config.toml, it is taken or told in one line; reading it never fails."""

import copy
import datetime as dt
import re
import tomllib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from ingest.checks import check_config
from ingest.config import decode_config

TEXT = (Path(__file__).parents[2] / "config.toml").read_text("utf-8")
TABLES = tomllib.loads(re.sub(r"^# (\w+ = .*|\[.*)$", r"\1", TEXT, flags=re.MULTILINE))
SECRET = "hunter2"
CONFIDENTIAL = {"password", "secret", "basic", "url", "relay", "headers"}
"""Keys where, or beneath which, a secret may be written by mistake."""
WORDS = ["", "x", "Asia", "..", "1..2", "29..31", "unix:", "host:1", "(", "a\0b", "{secret}{x}"]
URLS = ["smtp://a:99999", "postgresql://[", f"http://me:{SECRET}@h", f"postgres://me:{SECRET}@h"]
DATES = [dt.date(2027, 1, 1), dt.datetime(2027, 1, 1, tzinfo=dt.UTC), dt.time(1)]
NUMBERS = [0, -1, 5, 2**70, 1.5, float("nan"), float("inf"), True]
values = st.sampled_from(
    [*WORDS, *URLS, *DATES, *NUMBERS, [], ["x"], [[]], {}, {"env": "A"}, {"env": "A", "file": "b"}]
)


def list_paths(tables, path=()):
    """Yield the way to every value of nested tables and lists."""
    items = tables.items() if isinstance(tables, dict) else enumerate(tables)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from list_paths(value, (*path, key))


@st.composite
def spoilt(draw):
    """The sample with every channel on and one or two values replaced by any other."""
    tables = copy.deepcopy(TABLES)
    for channel in tables["channels"].values():
        channel["enabled"] = channel["type"] in {"smtp", "sms", "registry"}
    for _ in range(draw(st.integers(1, 2))):
        *way, last = draw(st.sampled_from(list(list_paths(tables))))
        table = tables
        for key in way:
            table = table[key]
        table[last] = copy.deepcopy(draw(values))
    return tables


def list_problems(tables):
    """Return everything that is told of a configuration."""
    problems = []
    settings = decode_config(tables, problems)
    return problems if settings is None else list(check_config(settings, Path("var")))


@given(tables=spoilt())
def test_any_value_is_taken_or_told(tables):
    """A mistake is one line that begins with a key, and shows nothing where secrets belong."""
    for problem in list_problems(tables):
        key, _, rest = problem.partition(": ")
        assert rest
        assert key.split(".")[0] in TABLES
        assert "\n" not in problem
        assert SECRET not in rest or CONFIDENTIAL.isdisjoint(key.split("."))
