"""Whatever a partner sends: every line is read or has a problem, none is lost, figures hold."""

import string

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ingest.cells import read_line
from ingest.channels.dialects.catalogue import make_shape, open_lines
from ingest.channels.dialects.lines import Kind
from ingest.channels.dialects.results import ResultLines
from ingest.channels.dialects.sniffing import NAMES, Sniffer
from ingest.channels.dialects.survey import Survey
from ingest.model import Disposition, LineResult, Misreading, Reading, Reason
from ingest.settings import RegistrySettings

COLUMNS = {"account": 1, "value": 2, "value_2": 3, "amount": 4}
KINDS = [
    {"kind": "csv", "columns": COLUMNS, "controls": ["#SUM (?P<sum>.*)"], "comment": "#"},
    {"kind": "csv", "columns": COLUMNS, "decimal": ",", "thousands": " ", "encoding": "cp866"},
    {"kind": "labelled", "dated": True, "time_format": "%d/%m/%Y", "encoding": "cp1251"},
    {"kind": "sberbank-readings", "comment": "#", "encoding": "koi8-r"},
    {"kind": "counter-pairs", "trailer": "=(?P<count>[0-9]+);(?P<sum>.*)"},
]
DIALECTS = st.sampled_from(KINDS)
CELLS = ["", "=", "=1;5", "#SUM 5", "#", "2", "3", "123456789012", "0123456789012", "5467", "[]"]
CELLS += [
    "5 467,5",
    "CLIENTNO:",
    "CounterVal_1:",
    "24/11/2026",
    "24.11.2026",
    "НЕТ",
    "2;M;x;[];7;[];",
]
BYTES = [b"\n", b"\r\n", b";", b";;;;", b"\0", b"\xff", b"\x98", b"\x1a", "НЕТ".encode("cp1251")]
PIECES = st.sampled_from([*BYTES, *map(str.encode, CELLS)])
CONTENT = st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=80).map(b"".join))


def open_dialect(keys, encoding=""):
    """Return a reader of lines and the settings it was made of."""
    table = {"type": "registry", "window": "w", "directory": "d", "dialect": keys}
    settings = msgspec.convert(table, RegistrySettings)
    return open_lines(settings, None, make_shape(settings, encoding))


def survey(lines, content, block):
    """Survey a content cut into blocks."""
    one = Survey(lines, 1000)
    for start in range(0, len(content), block):
        one.feed(content[start : start + block])
    return one.close()


@given(content=CONTENT, keys=DIALECTS, block=st.integers(1, 64))
def test_any_file_is_lines_or_a_problem(content, keys, block):
    """However it is cut into blocks, the same is found; every line of data is a reading or not."""
    assert survey(open_dialect(keys), content, block) == survey(open_dialect(keys), content, 4096)
    lines = open_dialect(keys)
    for number, raw in enumerate(content.split(b"\n"), 1):
        line = lines.read(raw)
        if line is not None:
            assert number == line.number
            assert isinstance(read_line(line), Reading | Misreading)


@given(content=CONTENT, keys=DIALECTS)
def test_every_line_of_data_is_answered(content, keys):
    """Its bytes come back with a result behind them, those to send again as they came."""
    raws = [line + b"\n" for line in content.split(b"\n")]
    kinds = [open_dialect(keys).take(raw).kind for raw in raws]
    numbers = [at for at, kind in enumerate(kinds, 1) if kind is Kind.DATA]
    results = [LineResult(at, Disposition.REJECT, Reason.FAILED, "R") for at in numbers]
    rendered, failed = ResultLines(open_dialect(keys)).render(raws, results)
    assert all(one.startswith(raw.rstrip(b"\r\n")) for raw, one in zip(raws, rendered, strict=True))
    assert [raws[at - 1] for at in numbers] == [raw for raw in failed if is_data(raw, keys)]


def is_data(raw, keys):
    """Tell whether a line, standing alone, carries data."""
    return open_dialect(keys).take(raw).kind is Kind.DATA


@given(values=st.lists(st.integers(0, 10**6), min_size=1, max_size=20), wrong=st.integers(0, 3))
def test_control_figures_hold(values, wrong):
    """A sum that is right is taken, one that is not refuses the file."""
    keys = {"kind": "csv", "columns": {"account": 1, "value": 2}, "controls": ["#(?P<sum>[0-9]+)"]}
    rows = "".join(f"123456789012;{value}\n" for value in values)
    content = f"#{sum(values) + wrong}\n{rows}".encode()
    assert (wrong == 0) is (survey(open_dialect(keys), content, 50).problem is None)


@given(
    words=st.lists(st.sampled_from(["Иванов", "улица", "Ленина", "дом", "НЕТ", "ЛС"]), min_size=4),
    noise=st.text(string.ascii_letters + string.digits + ";", max_size=200),
    encoding=st.sampled_from(["utf-8", *NAMES]),
)
def test_an_encoding_is_found_among_any_words(words, noise, encoding):
    """Names and addresses are enough, whatever digits stand around them."""
    sniffer = Sniffer()
    sniffer.feed(f"{noise};{';'.join(words)}\n".encode(encoding))
    assert encoding == sniffer.choose()
