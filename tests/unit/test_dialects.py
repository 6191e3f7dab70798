"""The kinds of dialects beside plain columns: how their lines, cells and files are read."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from ingest.cells import read_line
from ingest.channels.dialects.catalogue import make_shape, needs_sniffing, open_lines
from ingest.channels.dialects.companion import LARGEST, read_companion
from ingest.channels.dialects.controls import Figures
from ingest.channels.dialects.faults import Fault, Problem
from ingest.channels.dialects.lines import Lines
from ingest.channels.dialects.results import ResultLines
from ingest.channels.dialects.sniffing import Sniffer
from ingest.channels.dialects.survey import Survey
from ingest.model import Disposition, LineResult, Misreading, Reading, Reason, RegistryLine
from ingest.settings import CsvDialect, RegistrySettings

ZONE = ZoneInfo("Asia/Krasnoyarsk")
LABELLED: dict[str, Any] = {"kind": "labelled"}
BLOCKS: dict[str, Any] = {"kind": "sberbank-readings"}
PAIRS: dict[str, Any] = {"kind": "counter-pairs", "encoding": "utf-8"}
PLAIN: dict[str, Any] = {"kind": "csv", "columns": {"account": 1, "value": 2}}
PAID: dict[str, Any] = {"kind": "csv", "columns": {"account": 1, "value": 2, "paid_at": 3}}
FILESUM = "#FILESUM (?P<sum>[0-9.,]+)"
RECEIPT = r"[^|]*\|(?P<file>[^|]+)\|[^|]*\|(?P<count>[0-9]+)\|(?P<sum>[0-9.,]+)"


def make_settings(**keys: Any) -> RegistrySettings:
    judge_by = keys.pop("judge_by", "operation")
    tables = {"window": "w", "directory": "d", "judge_by": judge_by, "dialect": keys}
    return msgspec.convert({"type": "registry", **tables}, RegistrySettings)


def open_kind(**keys: Any) -> Lines:
    settings = make_settings(**keys)
    return open_lines(settings, ZONE, make_shape(settings))


def read(text: str, **keys: Any) -> RegistryLine | None:
    return open_kind(**keys).read(f"{text}\r\n".encode())


def survey(content: bytes, figures: Figures | None = None, **keys: Any) -> Problem | None:
    one = Survey(open_kind(**keys), 1000, figures)
    for start in range(0, len(content), 7):
        one.feed(content[start : start + 7])
    return one.close().problem


# Labels

LABELS = [
    pytest.param("CLIENTNO:1;CounterVal_1:5467,5", ("1", ("5467,5", "", "")), id="plain"),
    pytest.param(
        "8646;CounterVal_2: 7 ;x;clientno :1;COUNTERVAL_1:5", ("1", ("5", "7", "")), id="any order"
    ),
    pytest.param("CLIENTNO:1;CounterVal_3:9", ("1", ("", "", "9")), id="only the third"),
    pytest.param("CLIENTNO:1;CounterVal_1:НЕТ", ("1", ("", "", "")), id="no reading"),
    pytest.param("CLIENTNO:1;CounterVal_1:5;CounterVal_1:5", ("1", ("5", "", "")), id="said twice"),
    pytest.param(
        "CLIENTNO:1;CounterVal_1:5;CounterVal_1:6", ("1", ("5 / 6", "", "")), id="two values"
    ),
    pytest.param('CLIENTNO:1;ФИО:ООО "Ромашка', ("1", ("", "", "")), id="other labels"),
    pytest.param("CLIENTNO:1:2;CounterVal_1:5:6", ("1:2", ("5:6", "", "")), id="marks in values"),
]


@pytest.mark.parametrize(("text", "expected"), LABELS)
def test_labelled_cells_are_found_wherever_they_stand(text: str, expected: object) -> None:
    """A label says what its cell is; what is said twice in different ways is no number."""
    line = read(text, **LABELLED)
    assert line is not None
    assert (expected, "") == ((line.account, line.values), line.problem)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("CounterVal_1:5", "found no cell CLIENTNO:", id="no account"),
        pytest.param("CLIENTNO:1;CLIENTNO:2", "found several accounts: 1, 2", id="two accounts"),
        pytest.param("CLIENTNO;CounterVal_1:5", "found no cell CLIENTNO:", id="no mark"),
    ],
)
def test_a_line_of_no_account_is_malformed(text: str, expected: str) -> None:
    """It may be a damaged line with readings, so it is never passed over."""
    assert RegistryLine(1, "", (), problem=expected) == read(text, **LABELLED)


def test_the_first_time_among_the_cells_is_taken() -> None:
    """Where the bank puts the date differs from file to file."""
    keys = LABELLED | {"dated": True, "time_format": "%d/%m/%Y"}
    line = read("8646;12/3;23/11/2026;24/11/2026;CLIENTNO:1", **keys)
    assert line is not None
    assert dt.datetime(2026, 11, 23, tzinfo=ZONE) == line.paid_at


def test_other_columns_have_labels_or_places() -> None:
    """Transactions and amounts are found either way."""
    labels = {"account": "A", "value": "V", "transaction": "T"}
    keys = LABELLED | {"labels": labels, "columns": {"amount": 1, "paid_at": 2}}
    lines = open_kind(**keys, time_format="%Y")
    line = lines.read(b"17,5;2026;A:1;T:t-1;V:5")
    assert line is not None
    assert ("t-1", "17,5") == (line.transaction, lines.find_counted("17,5;2026;A:1;V:5"))


# Blocks

HEAD = "1;Имя;;;Адрес"
DAY = "3;М-1;День;[];10;24.11.2026;"
NIGHT = "4;М-1;Ночь;[];20;24.11.2026;"
WATER = "9;В-1;ХВС;[];7,5;24.11.2026;"

METERS = [
    pytest.param(["2;М-1;Э/э;[];5467,5;24.11.2026;"], ("5467,5", "", ""), id="one zone"),
    pytest.param([DAY, NIGHT], ("10", "20", ""), id="two zones"),
    pytest.param([NIGHT, WATER, DAY], ("10", "20", ""), id="any order, among others"),
    pytest.param(
        [f"{kind};М;x;[];{kind}0;24.11.2026;" for kind in (5, 6, 7)],
        ("50", "70", "60"),
        id="peak, half-peak, night",
    ),
    pytest.param([DAY, "4;М-1;Ночь;[];;24.11.2026;"], ("10", "", ""), id="empty value"),
    pytest.param([DAY, "4;М-1;Ночь;[];[];[];"], ("10", "", ""), id="empty marks"),
    pytest.param([DAY, "3;М-1;День;[];11;24.11.2026;"], ("10 / 11", "", ""), id="zone twice"),
    pytest.param([DAY.rstrip(";")], ("10", "", ""), id="the last cell is cut off"),
    pytest.param([DAY, "2;М-2;Э/э;[];;24.11.2026;"], ("10", "", ""), id="a second one, not read"),
    pytest.param([DAY, NIGHT, *[WATER] * 10], ("10", "20", ""), id="twelve blocks"),
]


@pytest.mark.parametrize(("blocks", "expected"), METERS)
def test_blocks_of_one_meter_are_one_reading(blocks: list[str], expected: object) -> None:
    """Each kind of a block is a register of ours; other meters are none of ours."""
    line = read(";".join([HEAD, *blocks]), **BLOCKS)
    assert line is not None
    assert ("1", expected, "") == (line.account, line.values, line.problem)


THREE = [f"{kind};М;x;[];{kind}0;24.11.2026;" for kind in (5, 6, 7)]
UNREAD = "4;М-1;Ночь;[];;24.11.2026;"
DAY_ALONE = ((10,), (1,), (2,))
PEAK_AND_NIGHT = ((50, 70), (1, 2), (3,))
ZONES = [
    pytest.param([DAY], DAY_ALONE, id="no block of the night"),
    pytest.param([DAY, UNREAD], DAY_ALONE, id="nothing read at night"),
    pytest.param([NIGHT], ((20,), (2,), (1,)), id="no block of the day"),
    pytest.param([THREE[0], THREE[2]], PEAK_AND_NIGHT, id="no half-peak"),
    pytest.param([THREE[0], "6;М;x;[];;[];", THREE[2]], PEAK_AND_NIGHT, id="half-peak not read"),
    pytest.param([THREE[0]], ((50,), (1,), (2, 3)), id="peak alone"),
    pytest.param([THREE[1]], ((60,), (3,), (1, 2)), id="half-peak alone"),
    pytest.param([DAY, NIGHT], ((10, 20), (), ()), id="both"),
    pytest.param(THREE, ((50, 70, 60), (), ()), id="all three"),
    pytest.param(["2;М-1;x;[];5;[];"], ((5,), (), ()), id="one zone"),
    pytest.param(["2;М-1;x;[];5;[];", UNREAD], ((5,), (1,), (2,)), id="of one zone, and of two"),
    pytest.param(
        ["2;М-2;x;[];5;[];", UNREAD], ((5,), (1,), ()), id="another meter, which was not read"
    ),
]


@pytest.mark.parametrize(("blocks", "expected"), ZONES)
def test_a_kind_says_how_many_zones_its_meter_has(blocks: list[str], expected: object) -> None:
    """A zone that is missing is a flaw of its register: what counted for it must not cease to."""
    line = read(";".join([HEAD.replace("1", "123456789012", 1), *blocks]), **BLOCKS)
    assert line is not None
    item = read_line(line)
    assert isinstance(item, Reading)
    assert {Reason.ZONES_MISMATCH} >= {one.reason for one in item.flaws}
    flawed = tuple(one.register for one in item.flaws)
    assert expected == (item.values, item.registers, flawed)


def test_an_unread_meter_has_no_reading_whatever_its_zones() -> None:
    """Nothing is missing beside others where there is nothing at all."""
    line = read(";".join([HEAD.replace("1", "123456789012", 1), UNREAD]), **BLOCKS)
    assert line is not None
    item = read_line(line)
    assert isinstance(item, Misreading)
    assert Reason.READING_MISSING is item.reason


@pytest.mark.parametrize(
    ("cells", "registers"),
    [
        pytest.param("CounterVal_1:110;CounterVal_2:", (1,), id="named and empty"),
        pytest.param("CounterVal_1:110;CounterVal_2:НЕТ", (1,), id="named and not read"),
        pytest.param("CounterVal_1:110", (), id="not named"),
    ],
)
def test_a_label_without_a_reading_says_nothing_about_its_register(
    cells: str, registers: object
) -> None:
    """What counted for it goes on; the others are a reading by themselves, and it is no flaw."""
    line = read(f"CLIENTNO:123456789012;{cells}", **LABELLED)
    assert line is not None
    item = read_line(line)
    assert isinstance(item, Reading)
    assert ((110,), registers, ()) == (item.values, item.registers, item.flaws)


@pytest.mark.parametrize(
    ("blocks", "reason", "expected"),
    [
        pytest.param(
            [DAY, "2;М-2;Гараж;[];5;24.11.2026;"],
            Reason.METER_AMBIGUOUS,
            "found the electricity meters М-1, М-2, wanted one an account",
            id="two meters",
        ),
        pytest.param(
            ["2;М-1;Э/э;[]"],
            Reason.READING_MALFORMED,
            "found a block of 4 cells, wanted 7",
            id="cut block",
        ),
        pytest.param(
            ["1", DAY],
            Reason.READING_MALFORMED,
            "found a block with the date '10', wanted %d.%m.%Y",
            id="moved by a delimiter, and its kind one that exists",
        ),
        pytest.param(
            ["ул. Мира, 1", DAY],
            Reason.READING_MALFORMED,
            "found the kind 'ул. Мира, 1' of a block, wanted one that is known",
            id="moved by a delimiter",
        ),
        pytest.param(
            [DAY + "a;b", NIGHT],
            Reason.READING_MALFORMED,
            "found the kind 'b' of a block, wanted one that is known",
            id="the second moved, the night would be lost",
        ),
        pytest.param(
            [DAY + "a;", NIGHT],
            Reason.READING_MALFORMED,
            "found the kind '' of a block, wanted one that is known",
            id="the second moved by an empty cell",
        ),
        pytest.param(
            [DAY] * 13,
            Reason.READING_MALFORMED,
            "found 91 cells of blocks, wanted at most 84",
            id="thirteen blocks",
        ),
    ],
)
def test_blocks_that_cannot_be_told_apart(blocks: list[str], reason: Reason, expected: str) -> None:
    """The account is known, and nothing of the line is believed."""
    found = read(";".join([HEAD, *blocks]), **BLOCKS)
    assert RegistryLine(1, "1", (), problem=expected, reason=reason) == found


def test_a_line_of_other_meters_is_none_of_ours() -> None:
    """It is answered by nothing, and nobody has to send it again."""
    lines = ResultLines(open_kind(**BLOCKS))
    raw = f"{HEAD};{WATER}\n".encode()
    assert ([raw], []) == lines.render([raw], ())
    assert read(f"{HEAD};{WATER}", **BLOCKS) is None


# Pairs

BANK = "0123456789012;100,50;24112600000000000000000001;7;24.11.2026"


def test_pairs_are_registers_in_their_order() -> None:
    """Account, day and transaction stand in front; what is not there is no reading."""
    cells = ";".join(["11;5467", "12;НЕТ", "13;30", *["НЕТ;НЕТ"] * 3])
    line = read(f"{BANK};{cells}", **PAIRS)
    assert line is not None
    assert ("123456789012", ("5467", "", "30", "", "", "")) == (line.account, line.values)
    assert (dt.datetime(2026, 11, 24, tzinfo=ZONE), "24112600000000000000000001") == (
        line.paid_at,
        line.transaction,
    )


@pytest.mark.parametrize("pairs", [5, 7])
def test_a_line_of_another_width_is_malformed(pairs: int) -> None:
    """Of seventeen cells none can be missing."""
    line = read(f"{BANK};{';'.join(['1;5'] * pairs)}", **PAIRS)
    assert line is not None
    assert f"found {5 + 2 * pairs} cells, wanted exactly 17" == line.problem


# Single cells

CELLS = [
    pytest.param("1:5467:", {"value_pattern": "1:([^:]*):"}, "5467", id="pattern"),
    pytest.param("1::", {"value_pattern": "1:([^:]*):"}, "", id="pattern with nothing in it"),
    pytest.param("2:5:", {"value_pattern": "1:([^:]*):"}, "2:5:", id="no match"),
    pytest.param("0", {}, "0", id="zero"),
    pytest.param("000,00", {"no_reading": ["0"]}, "", id="zero that means nothing"),
    pytest.param("1 234,5", {"thousands": " "}, "1234.5", id="thousands"),
    pytest.param("12 34", {"thousands": " "}, "«12 34»", id="no thousands"),
    pytest.param("1.234,5", {"decimal": ",", "thousands": "."}, "1234.5", id="German"),
    pytest.param("1.234", {"thousands": "."}, "1234", id="a dot that is no decimal sign"),
    pytest.param("1.234", {"decimal": ","}, "«1.234»", id="not the decimal sign"),
    pytest.param("1,5", {"decimal": "."}, "«1,5»", id="a comma"),
    pytest.param("-5", {"decimal": "."}, "-5", id="minus is left to the judge"),
    pytest.param("НЕТ", {"decimal": "."}, "", id="no reading first"),
]


@pytest.mark.parametrize(("cell", "keys", "expected"), CELLS)
def test_readings_are_read_as_the_dialect_writes_them(
    cell: str, keys: dict[str, Any], expected: str
) -> None:
    """What the dialect takes for no number, nobody else will take for another."""
    line = read(f"1;{cell}", **PLAIN, **keys)
    assert line is not None
    assert (expected,) == line.values


def test_a_bad_time_takes_no_reading_with_it_where_arrival_decides() -> None:
    """The window does not need it then."""
    found = [read("1;5;yesterday", **PAID, judge_by=who) for who in ("arrival", "operation")]
    assert [("5",), ()] == [line.values for line in found if line]


def test_a_line_has_as_many_cells_as_it_should() -> None:
    """Where that is known, a cell too many means that something has slipped."""
    found = [read(text, **PLAIN, cells=3) for text in ("1;5", "1;5;x", "1;5;x;")]
    assert [False, True, False] == [line.problem == "" for line in found if line]


# Files as a whole

WHOLE = [
    pytest.param(b"#FILESUM 11.5\n1;5\n2;6,5\n", {"controls": [FILESUM]}, None, id="sum in front"),
    pytest.param(
        b"#FILESUM 12\n1;5\n2;6,5\n", {"controls": [FILESUM]}, (Fault.SUM, "11.5", "12"), id="other"
    ),
    pytest.param(
        b"1;5\n", {"controls": [FILESUM]}, (Fault.CONTROL_MISSING, "", FILESUM), id="no sum"
    ),
    pytest.param(
        b"#FILESUM 5\n1;5\n#FILESUM 7\n2;7\n",
        {"controls": [FILESUM]},
        (Fault.SUM, "12", "5"),
        id="two files in one",
    ),
    pytest.param(b"1;5\nEND\n", {"skip": "END|BEGIN", "cells": 2}, None, id="skipped line"),
    pytest.param(
        b"#FILESUM 40\n1;5;40\n",
        {"controls": [FILESUM], "columns": {"account": 1, "value": 2, "amount": 3}},
        None,
        id="amounts are added up",
    ),
    pytest.param(
        "1;Дом на улице Мира\n".encode("cp1251"), {}, (Fault.ENCODING, "cp1251", "utf-8"), id="cp"
    ),
    pytest.param(
        "1;Дом на улице Мира\n".encode("koi8-r"),
        {"encoding": "cp1251"},
        None,
        id="letters prove nothing against the channel",
    ),
    pytest.param(
        ("ЛС;ФИО;День;Ночь;Дата\n" + "1;ФЛ;5;6;24.11.2026\n" * 25).encode("cp1251"),
        {"encoding": "cp1251", "header": True, "columns": {"account": "ЛС", "value": "День"}},
        None,
        id="rare letters",
    ),
    pytest.param(
        "1;Дом на улице Мира\n".encode(),
        {"encoding": "cp1251"},
        (Fault.ENCODING, "utf-8", "cp1251"),
        id="utf-8",
    ),
    pytest.param(b"1;5\xff\n" * 3 + b"1;\xd0\n", {}, None, id="damaged lines are no encoding"),
    pytest.param(b"\x03\x7e\x0b\x18", {}, (Fault.NO_TEXT, "DBF", "utf-8"), id="dBase"),
    pytest.param(b"1;5\n", {"receipt": RECEIPT}, (Fault.RECEIPT, "", RECEIPT), id="no companion"),
]


@pytest.mark.parametrize(("content", "keys", "expected"), WHOLE)
def test_a_survey_finds_what_is_wrong_with_the_whole(
    content: bytes, keys: dict[str, Any], expected: object
) -> None:
    """Control figures anywhere, and an encoding that is plainly another one."""
    problem = survey(content, **{"comment": "#"} | PLAIN | keys)
    assert expected == (problem and (problem.fault, problem.found, problem.wanted))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("x|A.0001|1|2|11,50", Figures("2", "11,50"), id="read"),
        pytest.param("\ufeff\r\nx|a.0001|1|2|11,50\r\n", Figures("2", "11,50"), id="blank lines"),
        pytest.param("x|B.0001|1|2|11,50", None, id="another file"),
        pytest.param("x|A.0001|1|2", None, id="cut off"),
        pytest.param("x|A.0001|1|2|1\nx|A.0001|1|2|2", None, id="said twice"),
        pytest.param("", None, id="empty"),
        pytest.param("\0" * LARGEST * 2, None, id="no text"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "detect"])
def test_a_companion_gives_figures_or_a_problem(line: str, expected: object, encoding: Any) -> None:
    """There must be one line that speaks of this very file."""
    dialect = CsvDialect(columns={"account": 1, "value": 2}, receipt=RECEIPT, encoding=encoding)
    found = read_companion(line.encode(), dialect, "A.0001")
    assert (expected, expected is None) == (
        found if isinstance(found, Figures) else None,
        isinstance(found, Problem) and found.fault is Fault.RECEIPT,
    )


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        pytest.param(Figures("2", "11.5"), None, id="all adds up"),
        pytest.param(Figures("3", "11.5"), Fault.COUNT, id="count"),
        pytest.param(Figures("2", "11"), Fault.SUM, id="sum"),
        pytest.param(Figures("2"), None, id="no sum"),
    ],
)
def test_figures_of_a_companion_are_compared(figures: Figures, expected: Fault | None) -> None:
    """They refuse the file as its own would."""
    problem = survey(b"1;5\n2;6.5\n", figures, **PLAIN, receipt=RECEIPT)
    assert expected == (problem and problem.fault)


def test_control_figures_of_the_lines_to_send_again_end_them() -> None:
    """What stood in front is known only once all lines are."""
    lines = ResultLines(open_kind(**PLAIN, controls=[FILESUM], comment="#"))
    raws = [b"#FILESUM 0011,50\n", b"#x\n", b"1;5\n", b"2;6,5\n"]
    bad = LineResult(4, Disposition.REJECT, Reason.ACCOUNT_UNKNOWN, "R")
    good = LineResult(3, Disposition.ACCEPT, Reason.ACCEPTED, "R")
    _, failed = lines.render(raws, [good, bad])
    assert [b"#x\n", b"2;6,5\n", b"#FILESUM 0006,50\n"] == [*failed, *lines.close()]


# Encodings

RUSSIAN = 'ООО "Ромашка";ул. Мира, 1;123456789012;5467\r\nИванов;ул. Ленина;НЕТ\r\n'


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "cp866", "koi8-r"])
@pytest.mark.parametrize("block", [1, 7, 4096])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(RUSSIAN, id="sentences"),
        pytest.param(RUSSIAN.upper(), id="capitals"),
        pytest.param("123456789012;НЕТ\n", id="one word"),
        pytest.param("ЛС;День;Ночь\n" + "1;2;3\n" * 1000, id="a header"),
    ],
)
def test_an_encoding_is_told_from_the_letters(encoding: str, block: int, text: str) -> None:
    """However the file is cut into blocks, and however few letters it has."""
    content = text.encode(encoding)
    sniffer = Sniffer()
    for start in range(0, len(content), block):
        sniffer.feed(content[start : start + block])
    assert encoding == sniffer.choose()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"1;5\n", "utf-8", id="ASCII"),
        pytest.param(b"", "utf-8", id="nothing"),
        pytest.param("\ufeff1;5\n".encode(), "utf-8", id="byte order mark"),
        pytest.param(RUSSIAN.encode() * 9 + b"\xff", "utf-8", id="one damaged byte"),
        pytest.param(RUSSIAN.encode() + RUSSIAN.encode("cp1251"), "cp1251", id="two in one file"),
        pytest.param(bytes(range(256)), "cp1251", id="every byte"),
    ],
)
def test_one_encoding_is_chosen_for_the_whole_file(content: bytes, expected: str) -> None:
    """Mixed files are read in one of them; lines of the other then show what they are."""
    sniffer = Sniffer()
    sniffer.feed(content)
    assert expected == sniffer.choose()


def test_sniffing_is_asked_for() -> None:
    """A channel that says its encoding is believed until the survey."""
    found = [needs_sniffing(make_settings(**PLAIN, encoding=one)) for one in ("detect", "cp866")]
    assert [True, False] == found
