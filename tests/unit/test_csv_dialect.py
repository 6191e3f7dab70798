"""How a partner's lines become cells, what a survey finds, and what goes back."""

import datetime as dt
import hashlib
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.channels.dialects.catalogue import open_lines
from ingest.channels.dialects.controls import imitate
from ingest.channels.dialects.faults import Fault, Problem
from ingest.channels.dialects.lines import Layout, Lines, Shape
from ingest.channels.dialects.results import ResultLines
from ingest.channels.dialects.summary import FAULTS, REASONS, WORDS, Summary, render_summary
from ingest.channels.dialects.survey import Findings, Survey
from ingest.channels.dialects.times import TimeReader
from ingest.model import (
    Disposition,
    LineResult,
    Outcome,
    Reason,
    RegistryLine,
    Verdict,
)
from ingest.settings import CsvDialect, RegistrySettings

ZONE = ZoneInfo("Asia/Krasnoyarsk")
MOSCOW = ZoneInfo("Europe/Moscow")
PLAIN: dict[str, Any] = {"columns": {"account": 1, "value": 2}}
NAMED: dict[str, Any] = {"columns": {"account": "ЛС", "value": "Показание"}, "header": True}
TRAILER = r"=(?P<count>[0-9 ]+);(?P<sum>[0-9.,]+)"
CHECKED: dict[str, Any] = PLAIN | {"trailer": TRAILER}
TIMED: dict[str, Any] = {"columns": {"account": 1, "value": 2, "paid_at": 3}}
ROW = "123456789012;5467"


def a_dialect(**keys: Any) -> CsvDialect:
    return msgspec.convert(PLAIN | keys, CsvDialect)


def open_csv(*, layout: Layout | None = None, lines: int = 0, **keys: Any) -> Lines:
    settings = RegistrySettings(
        window="w", directory="d", dialect=a_dialect(**keys), judge_by="operation"
    )
    shape = Shape(keys.get("encoding", "utf-8"), layout)
    return open_lines(settings, ZONE, shape, lines=lines)


def read_all(content: bytes, **keys: Any) -> list[RegistryLine]:
    lines = open_csv(**keys)
    return [line for raw in content.splitlines(keepends=True) if (line := lines.read(raw))]


def survey(content: bytes, block: int = 7, max_line: int = 200, **keys: Any) -> Findings:
    one = Survey(open_csv(**keys), max_line)
    for start in range(0, len(content), block):
        one.feed(content[start : start + block])
    return one.close()


def find_fault(content: bytes, **keys: Any) -> tuple[str, str, str] | None:
    problem = survey(content, **keys).problem
    return None if problem is None else (problem.fault, problem.found, problem.wanted)


# Lines and cells

CELLS = [
    pytest.param(ROW, {}, ("123456789012", ("5467",)), id="plain"),
    pytest.param(f"{ROW}\r", {}, ("123456789012", ("5467",)), id="carriage return"),
    pytest.param(" 123456789012 ;\t5467 ", {}, ("123456789012", ("5467",)), id="spaces"),
    pytest.param(f"{ROW};more;", {}, ("123456789012", ("5467",)), id="more columns than wanted"),
    pytest.param("1;НЕТ", {}, ("1", ("",)), id="no reading"),
    pytest.param("1;нет", {}, ("1", ("",)), id="no reading, lower case"),
    pytest.param("1;", {}, ("1", ("",)), id="empty cell"),
    pytest.param("1;5467,5", {}, ("1", ("5467,5",)), id="decimal comma is left to the judge"),
    pytest.param("1;-5;", {}, ("1", ("-5",)), id="minus is left to the judge"),
    pytest.param(
        'ООО "Ромашка;1;5',
        {"columns": {"account": 2, "value": 3}},
        ("1", ("5",)),
        id="stray quotation mark",
    ),
    pytest.param(
        '"ООО ""Ромашка""; Ко";1;5',
        {"columns": {"account": 2, "value": 3}, "quote": '"'},
        ("1", ("5",)),
        id="quoted delimiter",
    ),
    pytest.param(
        "1|5|7",
        {"columns": {"account": 1, "value": 2, "value_2": 3}, "delimiter": "|"},
        ("1", ("5", "7")),
        id="two registers",
    ),
    pytest.param("1;5\x1a", {}, ("1", ("5",)), id="end of a DOS file"),
    pytest.param("1;5\u2028;7", {}, ("1", ("5",)), id="line separator is no line end"),
]


@pytest.mark.parametrize(("text", "keys", "expected"), CELLS)
def test_cells_are_cut_and_stripped(text: str, keys: dict[str, Any], expected: object) -> None:
    """One line is one record, and its cells stay text."""
    line = open_csv(**keys).read(f"{text}\n".encode())
    assert line is not None
    assert (expected, "") == ((line.account, line.values), line.problem)


MOVED = [
    pytest.param("1;Иванов; и Ко;5;7", "found 5 columns, wanted the 4 of the header", id="by one"),
    pytest.param("1;Иванов; и Ко;5;", "found 5 columns, wanted the 4 of the header", id="one zone"),
    pytest.param("1;Иванов;5;7", "", id="as the header"),
    pytest.param("1;Иванов;5", "found 3 columns, wanted 4", id="too few"),
]


@pytest.mark.parametrize(("text", "problem"), MOVED)
def test_a_line_wider_than_its_header_is_not_believed(text: str, problem: str) -> None:
    """A delimiter within a name moves the day's reading to where the night's should be."""
    columns = {"account": "ЛС", "value": "День", "value_2": "Ночь"}
    content = f"ЛС;ФИО;День;Ночь\n{text}\n".encode()
    [line] = read_all(content, columns=columns, header=True)
    assert problem == line.problem


def test_a_channel_may_say_how_many_cells_there_are() -> None:
    """Then the header may have another number of them."""
    columns = {"account": "ЛС", "value": "День"}
    content = "ЛС;День\n1;5;\n".encode()
    [line] = read_all(content, columns=columns, header=True, cells=3)
    assert (("5",), "") == (line.values, line.problem)


PROBLEMS = [
    pytest.param(b"123456789012", {}, "found 1 columns, wanted 2", id="too few columns"),
    pytest.param(b"1;\x98", {"encoding": "cp1251"}, "bytes that are no cp1251", id="no cp1251"),
    pytest.param(b"1;\xd0", {}, "bytes that are no utf-8", id="cut character"),
    pytest.param(b"1;\x005", {}, "a NUL character", id="NUL"),
    pytest.param(
        b'"1;5', {"quote": '"'}, "quotation marks: unexpected end of data", id="open quotation"
    ),
    pytest.param(
        b"1;5;31.02.2026 10:00:00",
        TIMED,
        "found the time '31.02.2026 10:00:00', wanted %d.%m.%Y %H:%M:%S",
        id="no such day",
    ),
    pytest.param(
        "1;5;٠١.01.2026 10:00:00".encode(),
        TIMED,
        "found the time '٠١.01.2026 10:00:00', wanted %d.%m.%Y %H:%M:%S",
        id="digits of another script",
    ),
]


@pytest.mark.parametrize(("raw", "keys", "expected"), PROBLEMS)
def test_what_cannot_be_cut_is_a_line_with_a_problem(
    raw: bytes, keys: dict[str, Any], expected: str
) -> None:
    """A problem stands alone: no half of the line is believed."""
    line = open_csv(**keys).read(raw)
    assert line is not None
    assert ((), expected, Reason.READING_MALFORMED) == (line.values, line.problem, line.reason)


OTHER_LINES = [
    pytest.param("", {}, id="blank"),
    pytest.param(" \t\r", {}, id="spaces"),
    pytest.param("\x1a", {}, id="end of a DOS file"),
    pytest.param("#DATE_BEGIN 01.11.2026", {"comment": "#"}, id="comment"),
    pytest.param("=1;5467", {"trailer": TRAILER}, id="trailer"),
    pytest.param("ЛС;Показание", NAMED, id="header"),
]


@pytest.mark.parametrize(("text", "keys"), OTHER_LINES)
def test_lines_without_data_are_none(text: str, keys: dict[str, Any]) -> None:
    """Comments, blank lines, header and trailer carry no data."""
    assert open_csv(**keys).read(f"{text}\n".encode()) is None


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "cp866", "koi8-r"])
def test_columns_are_found_by_name_in_every_encoding(encoding: str) -> None:
    """A header names the columns, in any order and case."""
    content = f"ФИО;показание;лс\nИванов;5;1\n".encode(encoding)  # noqa: F541
    assert [RegistryLine(2, "1", ("5",))] == read_all(content, encoding=encoding, **NAMED)


def test_a_byte_order_mark_is_taken_off() -> None:
    """Only the first line can begin with one."""
    content = f"\ufeff{ROW}\n\ufeff{ROW}\n".encode()
    assert ["123456789012", "\ufeff123456789012"] == [line.account for line in read_all(content)]


def test_reading_goes_on_in_the_middle() -> None:
    """With the layout of the header and the lines read so far, nothing else is needed."""
    rows = [f"{line}\n".encode() for line in ("# x", "Показание;ЛС", "5;1", "6;2", "7;3")]
    keys = NAMED | {"comment": "#"}
    first = open_csv(**keys)
    whole = [first.read(row) for row in rows]
    for start in range(len(rows)):
        later = open_csv(layout=first.shape.layout, lines=start, **keys)
        assert whole[start:] == [later.read(row) for row in rows[start:]]


# Times

TIMES = [
    pytest.param("23.11.2026 22:00:05", "%d.%m.%Y %H:%M:%S", (2026, 11, 24, 2, 0, 5), id="plain"),
    pytest.param("3.1.2026 2:00:05", "%d.%m.%Y %H:%M:%S", (2026, 1, 3, 6, 0, 5), id="one digit"),
    pytest.param("2026-11-23", "%Y-%m-%d", (2026, 11, 23, 4, 0, 0), id="only a day"),
    pytest.param("23/Nov/26 10:00", "%d/%b/%y %H:%M", (2026, 11, 23, 14, 0, 0), id="strptime's"),
    pytest.param(
        "2026-11-23T10:00:00+0500", "%Y-%m-%dT%H:%M:%S%z", (2026, 11, 23, 12, 0, 0), id="own zone"
    ),
]


@pytest.mark.parametrize(("text", "time_format", "expected"), TIMES)
def test_times_are_moved_into_the_services_zone(
    text: str, time_format: str, expected: tuple[int, ...]
) -> None:
    """Moscow's evening is the next day in Krasnoyarsk."""
    found = TimeReader(time_format, MOSCOW, ZONE).read(text)
    assert dt.datetime(*expected, tzinfo=ZONE) == found
    assert ZONE is found.tzinfo


@pytest.mark.parametrize("text", ["", "x", "00.00.0000 00:00:00", "01.01.0001 00:00:00", "1" * 99])
@pytest.mark.parametrize("time_format", ["%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S%%", "%Q", "%y%y"])
def test_what_is_no_time_is_a_value_error(text: str, time_format: str) -> None:
    """Whatever is wrong, with the text or with the format, it is one kind of error."""
    with pytest.raises(ValueError):
        TimeReader(time_format, MOSCOW, ZONE).read(text)


def test_an_empty_time_is_none() -> None:
    """An operation without a time is judged by arrival."""
    assert [RegistryLine(1, "1", ("5",), None)] == read_all(b"1;5;", **TIMED)


# Surveys

FAULTY = [
    pytest.param(b"1;5\n=1;5\n", CHECKED, None, id="all adds up"),
    pytest.param(b"1;5,5\n2;6.25\n\n=2;11.75\n", CHECKED, None, id="fractions add up"),
    pytest.param("1;5\n2;НЕТ\n=2;5,00".encode(), CHECKED, None, id="no reading adds nothing"),
    pytest.param(b"1;5\n2;x;\n3\n=3;5\n", CHECKED, None, id="bad lines are counted"),
    pytest.param(b"1;5\n=2;5\n", CHECKED, (Fault.COUNT, "1", "2"), id="count"),
    pytest.param(b"1;5\n=1;6\n", CHECKED, (Fault.SUM, "5", "6"), id="sum"),
    pytest.param(b"1;5\n=1;6.\n", CHECKED, (Fault.SUM, "5", "6."), id="sum is no number"),
    pytest.param(b"1;5\n2;6\n", CHECKED, (Fault.TRAILER_MISSING, "2;6", TRAILER), id="no trailer"),
    pytest.param(
        b"1;5\n=1;5\n2;6\n", CHECKED, (Fault.TRAILER_NOT_LAST, "2;6", "=1;5"), id="two files in one"
    ),
    pytest.param(b"", PLAIN, (Fault.EMPTY, "", ""), id="empty"),
    pytest.param(b"# x\n", PLAIN | {"comment": "#"}, None, id="only a comment"),
    pytest.param(b"1" * 201, PLAIN, (Fault.LINE_TOO_LONG, "1", "200"), id="long line"),
    pytest.param(
        b"1;5\n" + b"1" * 300 + b"\n1;5",
        PLAIN,
        (Fault.LINE_TOO_LONG, "2", "200"),
        id="in the middle",
    ),
    pytest.param(
        "Счёт;Показание\n1;5\n".encode(),
        NAMED,
        (Fault.COLUMNS, "Счёт;Показание", "ЛС; Показание"),
        id="header lacks a column",
    ),
    pytest.param(
        "ЛС;ЛС;Показание\n".encode(),
        NAMED,
        (Fault.COLUMNS, "ЛС;ЛС;Показание", "ЛС; Показание"),
        id="header names a column twice",
    ),
    pytest.param(b"PK\x03\x04\x14", PLAIN, (Fault.NO_TEXT, "ZIP, XLSX", "utf-8"), id="workbook"),
    pytest.param(ROW.encode("utf-16"), PLAIN, (Fault.NO_TEXT, "UTF-16", "utf-8"), id="utf-16"),
]


@pytest.mark.parametrize(("content", "keys", "expected"), FAULTY)
@pytest.mark.parametrize("block", [1, 7, 4096])
def test_a_survey_finds_what_is_wrong_with_the_whole(
    content: bytes, block: int, keys: dict[str, Any], expected: object
) -> None:
    """What was found and what was wanted does not depend on how the file is cut into blocks."""
    assert expected == find_fault(content, block=block, **keys)


def test_a_survey_knows_checksum_lines_and_layout() -> None:
    """The checksum is that of the whole content, also when a fault was found on the way."""
    content = "Показание;ЛС\n5;1\n6;2".encode()
    found = survey(content, **NAMED)
    assert (hashlib.sha256(content).hexdigest(), len(content), 3) == (
        found.digest,
        found.size,
        found.lines,
    )
    assert found.shape.layout is not None
    assert (1, (0,), 1) == (
        found.shape.layout.account,
        found.shape.layout.values,
        found.shape.layout.header_line,
    )


# Results

DONE = LineResult(2, Disposition.ACCEPT, Reason.ACCEPTED, "AAAA-1")
BAD = LineResult(3, Disposition.REJECT, Reason.ACCOUNT_UNKNOWN, "AAAA-2")


def render(content: bytes, *results: LineResult, **keys: Any) -> tuple[bytes, bytes]:
    lines = ResultLines(open_csv(**keys))
    rendered, failed = lines.render(content.splitlines(keepends=True), results)
    return b"".join(rendered), b"".join(failed)


def test_results_stand_behind_the_lines_as_they_came() -> None:
    """Bytes and line ends stay, the header gets headings, other lines stay as they are."""
    content = "ЛС;Показание\r\n1; 5\r\n2;6\r\n#x\r\n".encode("cp1251")
    rendered, failed = render(content, DONE, BAD, encoding="cp1251", comment="#", **NAMED)
    assert (
        "ЛС;Показание;outcome;reason;receipt\r\n1; 5;accept;accepted;AAAA-1\r\n"
        "2;6;reject;account_unknown;AAAA-2\r\n#x\r\n"
    ).encode("cp1251") == rendered
    assert "ЛС;Показание\r\n2;6\r\n#x\r\n".encode("cp1251") == failed


def test_the_last_line_gets_an_end() -> None:
    """A result is a whole line even where the partner's was not."""
    rendered, _ = render(b"\n1;5", DONE)
    assert b"\n1;5;accept;accepted;AAAA-1\n" == rendered


def test_lines_to_send_again_have_control_figures_of_their_own() -> None:
    """What is corrected can be sent again without counting anew by hand."""
    content = b"#\n1;5,50\n2;6,25\n=002;11,75\n"
    _, failed = render(content, DONE, BAD, **CHECKED, comment="#")
    assert b"#\n2;6,25\n=001;6,25\n" == failed


FIGURES = [
    pytest.param("7", "12", "7", id="count"),
    pytest.param("7", "0012", "0007", id="zeros in front"),
    pytest.param("7.5", "12,00", "7,50", id="comma, two decimals"),
    pytest.param("7", "12.00", "7.00", id="dot, two decimals"),
    pytest.param("7.125", "12,00", "7,125", id="more decimals than before"),
]


@pytest.mark.parametrize(("figure", "example", "expected"), FIGURES)
def test_figures_are_written_as_the_partner_writes_them(
    figure: str, example: str, expected: str
) -> None:
    """Decimal sign, decimals and leading zeros follow the example."""
    assert expected == imitate(figure, example)


def test_a_refused_file_has_the_same_outcome_in_every_data_line() -> None:
    """Lines without data say nothing even then."""
    outcome = Outcome("FILE-1", Verdict(Disposition.REJECT, Reason.NOT_RECOGNISED), "")
    lines = ResultLines(open_csv(**CHECKED), outcome)
    rendered, _ = lines.render([b"1;5\n", b"=2;5\n"], ())
    assert [b"1;5;reject;not_recognised;FILE-1\n", b"=2;5\n"] == rendered
    assert 0 == lines.failed


# Summaries


def a_summary(**changes: Any) -> Summary:
    at = dt.datetime(2026, 11, 23, 10, 0, 5, tzinfo=ZONE)
    values: dict[str, Any] = {
        "file_name": "reestr.csv",
        "receipt": "7K4M-2Q9X",
        "received_at": at,
        "begun_at": at,
        "ended_at": at,
        "again": False,
        "lines": 3,
        "tally": ResultLines(open_csv()).tally,
    }
    return Summary(**(values | changes))


def test_a_summary_counts_by_reason() -> None:
    """Codes stand beside plain words."""
    tally = a_summary().tally
    tally[Disposition.ACCEPT, Reason.ACCEPTED] = 2
    tally[Disposition.REJECT, Reason.ACCOUNT_UNKNOWN] = 1
    text = render_summary(a_summary(tally=tally, failed_lines="reestr.csv.failed.csv"), "ru")
    assert text.endswith(
        "Строк в файле: 3\nСтрок с показаниями: 3\nПринято: 2\nОтклонено: 1\n"
        "Исправить и передать снова: reestr.csv.failed.csv\n"
        "  accepted (показание принято): 2\n  account_unknown (такого лицевого счёта нет): 1\n"
    )


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_code_has_words(language: Any) -> None:
    """No reason and no fault is left unexplained, in either language."""
    assert set(Reason) == set(REASONS[language])
    assert set(Fault) == set(FAULTS[language])
    assert set(WORDS["ru"]) == set(WORDS[language])
    assert set(Disposition) <= set(WORDS[language])


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "koi8-r"])
def test_summaries_can_be_written_in_the_partners_encoding(encoding: str) -> None:
    """Our own words use no character that an old encoding lacks."""
    texts = [*FAULTS["ru"].values(), *REASONS["ru"].values(), *WORDS["ru"].values()]
    assert "?" not in "".join(texts).encode(encoding, "replace").decode(encoding)


# Anything at all

DIALECTS = st.sampled_from(
    [
        PLAIN,
        NAMED,
        CHECKED | {"comment": "#", "encoding": "cp1251"},
        TIMED | {"quote": '"', "encoding": "cp866"},
        NAMED | {"quote": "'", "delimiter": "\t", "encoding": "koi8-r"},
    ]
)
CONTENT = st.one_of(
    st.binary(max_size=300),
    st.lists(
        st.sampled_from(
            [
                b"\n",
                b";",
                b'"',
                b"1",
                b"=1;1",
                b"\x00",
                b"\xff",
                b"#",
                b"\r",
                "ЛС".encode(),
                b"\x1a",
            ]
        )
    ).map(b"".join),
    st.just("ЛС;Показание\n1;5\n".encode()),
)


@given(content=CONTENT, keys=DIALECTS, block=st.integers(1, 64), cut=st.integers(0, 9))
def test_any_bytes_are_read_and_answered(
    content: bytes, keys: dict[str, Any], block: int, cut: int
) -> None:
    """Nothing raises, no line is lost, and what resumes says what was said without."""
    raws = [line + b"\n" for line in content.split(b"\n")]
    layout = survey(content, block, **keys).shape.layout
    whole = open_csv(layout=layout, **keys)
    read = [whole.read(raw) for raw in raws]
    later = open_csv(layout=layout, lines=min(cut, len(raws)), **keys)
    if layout is not None or not keys.get("header"):
        assert read[cut:] == [later.read(raw) for raw in raws[cut:]]
    assert all(line is None or line.number == at for at, line in enumerate(read, 1))


@given(content=CONTENT, keys=DIALECTS)
def test_results_repeat_every_byte(content: bytes, keys: dict[str, Any]) -> None:
    """Whatever came goes back unchanged, line for line, with codes behind it."""
    raws = [line + b"\n" for line in content.split(b"\n")]
    results = [LineResult(at, Disposition.REJECT, Reason.FAILED, "R") for at in range(1, 9)]
    rendered, _ = ResultLines(open_csv(**keys)).render(raws, results)
    assert len(raws) == len(rendered)
    assert all(one.startswith(raw.rstrip(b"\r\n")) for raw, one in zip(raws, rendered, strict=True))


def test_a_problem_knows_whether_lines_can_be_spoken_of() -> None:
    """Of a file that cannot be cut into lines no single line is spoken of."""
    assert [False, True] == [Problem(Fault.NO_TEXT).by_line, Problem(Fault.COUNT).by_line]
