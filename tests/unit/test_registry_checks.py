"""What is wrong with the dialect of a registry, in an operator's words."""

import pytest
from config_texts import WINDOWS

from ingest.config import load_config
from ingest.errors import ConfigError
from ingest.settings import CsvDialect, RegistrySettings

PARTNER = """
[channels.partner]
type = "registry"
window = "all-month"
directory = "partner"
"""
CSV = "columns = { account = 1, value = 2 }"
TWO = "columns = { account = 1, value = 2, value_2 = 3 }"
WHERE = "channels.partner.dialect"


def list_problems(tmp_path, dialect, channel=""):
    """Return the lines that `ingest check` would print about a dialect."""
    path = tmp_path / "config.toml"
    table = f"{WINDOWS}{PARTNER}{channel}\n[{WHERE}]\n{dialect}\n"
    path.write_text(table, "utf-8")
    try:
        load_config(path, {})
    except ConfigError as error:
        return [line.removeprefix(f"{path}: ") for line in str(error).splitlines()]
    return []


SOUND = [
    pytest.param(CSV, id="csv without a name"),
    pytest.param('kind = "labelled"', id="labelled"),
    pytest.param('kind = "sberbank-readings"', id="blocks"),
    pytest.param('kind = "counter-pairs"', id="pairs"),
    pytest.param('kind = "dbf"\ncolumns = { account = "LS", value = "POK" }', id="dbf"),
    pytest.param('kind = "xlsx"\ncolumns = { account = "A", value = 2 }', id="xlsx"),
    pytest.param(CSV + '\nencoding = "detect"', id="detect"),
    pytest.param(f"{TWO}\ncells = 3", id="two readings and how many cells"),
    pytest.param(
        'header = true\ncolumns = { account = "A", value = 2, value_2 = 3 }', id="two with a header"
    ),
    pytest.param(
        'kind = "xlsx"\nheader = false\n' + TWO, id="two of a sheet, where nothing can move"
    ),
    pytest.param(f'kind = "xlsx"\n{CSV}\ntime_format = "%d-%m%y"', id="date that is no number"),
    pytest.param(CSV + '\ntime_format = "%d%m%y"', id="dates of digits in a text"),
    pytest.param(CSV + '\ncontrols = ["#FILESUM (?P<sum>.*)"]', id="control figures"),
    pytest.param(CSV + '\ntrailer = "END(?P<count>[0-9]+)?"', id="an end without figures"),
    pytest.param(CSV + "\ncells = 2", id="as many cells as columns"),
]


@pytest.mark.parametrize("dialect", SOUND)
def test_what_is_right_is_taken(tmp_path, dialect):
    """Each kind has defaults for whatever differs little from partner to partner."""
    assert [] == list_problems(tmp_path, dialect)


WRONG = [
    pytest.param('kind = "dbase"', f"{WHERE}.kind: found 'dbase', wanted one of csv", id="kind"),
    pytest.param(CSV + "\nsheet = 1", f"{WHERE}.sheet: unknown key", id="key of another kind"),
    pytest.param(
        CSV + '\nvalue_pattern = "1:.*:"',
        f"{WHERE}.value_pattern: found '1:.*:', wanted a group (...) around what is meant",
        id="no group",
    ),
    pytest.param(
        CSV + '\ncontrols = ["#FILESUM .*"]',
        f"{WHERE}.controls: found '#FILESUM .*', wanted a group named count or sum in it",
        id="no figure",
    ),
    pytest.param(
        CSV + '\ntrailer = "TOTAL;([0-9]+)"',
        f"{WHERE}.trailer: found 'TOTAL;([0-9]+)', wanted a group named count or sum in it",
        id="a trailer without figures",
    ),
    pytest.param(
        CSV + "\ncells = 1",
        f"{WHERE}.cells: found 1, wanted 2 or more, because columns.value is there",
        id="fewer cells than columns",
    ),
    pytest.param(
        CSV + '\ndecimal = ","\nthousands = ","',
        f"{WHERE}.thousands: found the decimal sign, wanted another character or none",
        id="thousands",
    ),
    pytest.param(
        CSV + '\nquote = ";"',
        f"{WHERE}.quote: found the delimiter, wanted another character or none",
        id="quote",
    ),
    pytest.param(
        CSV + '\nencoding = "detect"\ndelimiter = "│"',
        f"{WHERE}.delimiter: found '│'",
        id="delimiter",
    ),
    pytest.param(
        "columns = { account = 1, value = 2, value_3 = 3 }",
        f"{WHERE}.columns.value_2: this key is missing, and value_3 is there",
        id="register left out",
    ),
    pytest.param(
        'kind = "labelled"\nlabels = { account = "A", value = "a" }',
        f"{WHERE}.labels.value: found 'a', which account has",
        id="label twice",
    ),
    pytest.param(
        'kind = "labelled"\nmark = ";"',
        f"{WHERE}.mark: found the delimiter, wanted another character",
        id="mark",
    ),
    pytest.param(
        'kind = "sberbank-readings"\naccount = 7',
        f"{WHERE}.account: found a place within the blocks, wanted one before them",
        id="account within the blocks",
    ),
    pytest.param(
        'kind = "sberbank-readings"\nkinds = {}',
        f"{WHERE}.kinds: found none, wanted one at least",
        id="no kinds",
    ),
    pytest.param(
        'kind = "counter-pairs"\ncolumns = { account = 7 }',
        f"{WHERE}.columns.account: found 7, wanted a place before the pairs",
        id="account within the pairs",
    ),
    pytest.param(
        'kind = "counter-pairs"\ncolumns = { account = 1, value = 2 }',
        f"{WHERE}.columns.value: unknown key; the readings of this kind stand in its pairs",
        id="value before the pairs",
    ),
    pytest.param(
        'kind = "counter-pairs"\ncolumns = { amount = 1 }',
        f"{WHERE}.columns.account: this key is missing",
        id="no account",
    ),
    pytest.param(
        'kind = "xlsx"\nheader = false\ncolumns = { account = "A", value = 2 }',
        f"{WHERE}.columns.account: found a name, wanted header = true with it",
        id="name without a header",
    ),
    pytest.param(
        TWO,
        f"{WHERE}.cells: this key is missing, and there are several readings and no header",
        id="two readings without a header",
    ),
    *(
        pytest.param(
            f'kind = "xlsx"\n{CSV}\ntime_format = "{wrong}"',
            f"{WHERE}.time_format: found {wrong!r}, wanted signs between its parts",
            id=f"a date like a number, {wrong}",
        )
        for wrong in ("%d%m%y", "%d.%m", "%Y%m,%d")
    ),
]


@pytest.mark.parametrize(("dialect", "expected"), WRONG)
def test_what_is_wrong_is_told(tmp_path, dialect, expected):
    """With the key, what was found and what was wanted."""
    [problem] = list_problems(tmp_path, dialect)
    assert problem.startswith(expected)


@pytest.mark.parametrize(
    ("dialect", "is_right"),
    [
        pytest.param('kind = "labelled"', False, id="labelled"),
        pytest.param('kind = "labelled"\ndated = true', True, id="labelled and dated"),
        pytest.param('kind = "sberbank-readings"', True, id="blocks"),
        pytest.param('kind = "counter-pairs"', True, id="pairs"),
        pytest.param(CSV, False, id="csv"),
    ],
)
def test_the_operation_decides_only_where_it_has_a_time(tmp_path, dialect, is_right):
    """Otherwise every line would be judged by arrival, whatever the setting says."""
    problems = list_problems(tmp_path, dialect, 'judge_by = "operation"')
    missing = "channels.partner.judge_by: found 'operation', wanted a column paid_at with it"
    assert ([] if is_right else [missing]) == problems


def test_a_dialect_of_no_named_kind_is_csv(tmp_path):
    """As it was before there were others."""
    path = tmp_path / "config.toml"
    path.write_text(f"{WINDOWS}{PARTNER}\n[{WHERE}]\n{CSV}\n", "utf-8")
    found = load_config(path, {}).settings.channels["partner"]
    assert isinstance(found, RegistrySettings)
    assert CsvDialect(columns={"account": 1, "value": 2}) == found.dialect
