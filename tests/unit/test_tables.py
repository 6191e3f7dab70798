"""Tables of DBF and XLSX: turned into text, or refused before anything of them is parsed."""

import datetime as dt
import re
import struct
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_files import write_dbf, write_xlsx

from ingest.channels.dialects.faults import Fault, TableError
from ingest.channels.dialects.tables import TableText, neutralise
from ingest.settings import DbfDialect, XlsxDialect

DBF = DbfDialect(columns={"account": "LS", "value": "POK"})
XLSX = XlsxDialect(columns={"account": "ЛС", "value": "День"}, max_unpacked=1_000_000)
ROWS = [["LS", "FIO", "POK"], ["123456789012", 'ООО "Ромашка', "5467"], ["1", "", ""]]
SHEET = [["ЛС", "ФИО", "День"], ["123456789012", 'ООО "Ромашка', "5467.5"]]
AT_EIGHT = dt.datetime.fromisoformat("2026-11-24T08:05:00")
Read = Callable[..., str]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a reader of tables: bytes in, text out."""

    def read_table(content: bytes, dialect: DbfDialect | XlsxDialect, rows: int = 2) -> str:
        path = tmp_path / "table"
        path.write_bytes(content)
        with path.open("rb") as file:
            table = TableText(dialect, file)
            text = b"".join(iter(lambda: table.read(rows), b""))
        return text.decode(dialect.encoding if isinstance(dialect, DbfDialect) else "utf-8")

    return read_table


def find_problem(read: Read, content: bytes, dialect: DbfDialect | XlsxDialect) -> tuple[str, str]:
    with pytest.raises(TableError) as caught:
        read(content, dialect)
    assert caught.value.problem.fault is Fault.NO_TABLE
    return caught.value.problem.found, caught.value.problem.wanted


# dBase


@pytest.mark.parametrize("encoding", ["cp866", "cp1251", "koi8-r"])
def test_records_become_lines(read: Read, encoding: Any) -> None:
    """The first line names the fields; a quotation mark is quoted."""
    dialect = msgspec.structs.replace(DBF, encoding=encoding)
    expected = 'LS;FIO;POK\r\n123456789012;"ООО ""Ромашка";5467\r\n1;;\r\n'
    assert expected == read(write_dbf(ROWS, encoding), dialect)


def test_deleted_records_are_passed_over(read: Read) -> None:
    """Programs mark them and leave them in the file."""
    rows = [*ROWS[:1], ["*2345678901", "", "1"], ROWS[1]]
    assert ["LS;FIO;POK", '123456789012;"ООО ""Ромашка";5467'] == read(
        write_dbf(rows), DBF
    ).splitlines()


DAMAGED_TABLES = [
    pytest.param(b"", ("text", "DBF"), id="empty"),
    pytest.param(b"LS;POK\r\n1;5\r\n" * 9, ("text", "DBF"), id="text"),
    pytest.param(b"PK\x03\x04" + b"\0" * 99, ("ZIP, XLSX", "DBF"), id="workbook"),
    pytest.param(
        write_dbf(ROWS)[:-9],
        ("a table of 179 bytes", "187 as its header says"),
        id="cut within",
    ),
    pytest.param(
        write_dbf(ROWS, records=3),
        ("a table of 188 bytes", "216 as its header says"),
        id="record missing",
    ),
    pytest.param(
        write_dbf(ROWS, records=1), ("2 records", "1 as its header says"), id="record too many"
    ),
    pytest.param(
        write_dbf(ROWS, length=0),
        ("records of 0 bytes with fields of 29", "a DBF whose header fits"),
        id="records of no length",
    ),
    pytest.param(write_dbf(ROWS, start=60_000), ("a header of 60000 bytes", "DBF"), id="far start"),
    pytest.param(write_dbf(ROWS, start=0), ("a header of 0 bytes", "DBF"), id="no start"),
    pytest.param(
        struct.pack("<4BLHH20x", 3, 126, 1, 1, 0, 33, 1) + b"\r",
        ("records of 1 bytes with fields of 1", "a DBF whose header fits"),
        id="no fields",
    ),
]


@pytest.mark.parametrize(("content", "expected"), DAMAGED_TABLES)
def test_damaged_tables_are_refused(read: Read, content: bytes, expected: tuple[str, str]) -> None:
    """A table is whole, or it is none."""
    assert expected == find_problem(read, content, DBF)


# Excel


def test_rows_become_lines(read: Read) -> None:
    """Numbers lose what Excel adds to them; the mark in front tells Excel the encoding."""
    expected = '\ufeffЛС;ФИО;День\r\n123456789012;"ООО ""Ромашка";5467.5\r\n'
    assert expected == read(write_xlsx(SHEET), XLSX)


def test_empty_rows_and_cells_are_left_out_at_the_edges(read: Read) -> None:
    """Those in the middle keep their number; what surrounds the table does not matter."""
    rows = [[], [], ["ЛС", "День", ""], ["1", "5", ""], [], ["2", None, ""], [], []]
    expected = "\ufeffЛС;День\r\n1;5\r\n\r\n2;\r\n"
    assert expected == read(write_xlsx(rows, [], [[""]]), XLSX)


CELLS = [
    pytest.param(5467, "General", "5467", id="whole"),
    pytest.param(5467.25, "General", "5467.25", id="fraction"),
    pytest.param(12345678901, "0" * 12, "012345678901", id="zeros shown in front"),
    pytest.param(123456789012.0, "General", "123456789012", id="account kept as a number"),
    pytest.param(True, "General", "True", id="truth"),
    pytest.param(AT_EIGHT, "dd.mm.yyyy", "24.11.2026 08:05:00", id="time"),
    pytest.param("НЕТ", "General", "НЕТ", id="text"),
    pytest.param("a\nb\r\n", "General", "a b ", id="line ends"),
    pytest.param("=1+1", "text", "'=1+1", id="text like a formula"),
    pytest.param("@SUM(A1)", "General", "'@SUM(A1)", id="an old formula"),
    pytest.param("#REF!", "General", "#REF!", id="error"),
]


@pytest.mark.parametrize(("value", "number_format", "expected"), CELLS)
def test_cells_are_written_on_one_line(
    read: Read, value: Any, number_format: str, expected: str
) -> None:
    """Whatever a cell holds, it is text that does no harm."""
    book = openpyxl.Workbook()
    cell = book.worksheets[0].cell(1, 1, value)
    cell.number_format = "General" if number_format == "text" else number_format
    cell.data_type = "s" if number_format == "text" else cell.data_type
    file = BytesIO()
    book.save(file)
    assert f"\ufeff{expected}\r\n" == read(file.getvalue(), XLSX)


def test_formulas_are_not_calculated(read: Read) -> None:
    """One without a saved result is no reading and no empty cell either, and none is run."""
    rows = [
        ["ЛС", "День"],
        ["1", '=HYPERLINK("http://x","y")'],
        [],
        ["2", ""],
        ["3", "=1+1", "=1"],
    ]
    found = read(write_xlsx(rows, formulas=True), XLSX).splitlines()
    assert ["\ufeffЛС;День", "1;'=?", "", "2;", "3;'=?;'=?"] == found


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        pytest.param(b'<c r="B2"><f>1+1</f><v>2</v></c>', "1;2", id="a result"),
        pytest.param(b'<c r="B2" t="str"><f>""</f><v></v></c>', "1;", id="an empty result"),
        pytest.param(b'<c r="B2"><f>1+1</f></c>', "1;'=?", id="none"),
        pytest.param(b'<c r="B2"><f t="array" ref="B2">A1</f><v/></c>', "1;'=?", id="array"),
        pytest.param(b'<c r="B2" s="0"/>', "1;", id="an empty cell"),
    ],
)
def test_a_formula_counts_with_its_saved_result(read: Read, cell: bytes, expected: str) -> None:
    """Programs that write workbooks save none; an empty text is a result."""

    def put(name: str, part: bytes) -> bytes:
        return re.sub(rb'<c r="B2".*?</c>', cell, part) if "sheet1" in name else part

    content = repack(write_xlsx([["ЛС", "День"], ["1", "x"]]), put)
    assert expected == read(content, XLSX).splitlines()[1]


SIGNS = [
    pytest.param({}, "467.125", id="either sign"),
    pytest.param({"decimal": ","}, "467,125", id="comma"),
    pytest.param({"decimal": ",", "thousands": "."}, "467,125", id="dot between thousands"),
    pytest.param({"thousands": "."}, "467,125", id="dot between thousands alone"),
    pytest.param({"decimal": ".", "thousands": ","}, "467.125", id="dot"),
]


@pytest.mark.parametrize(("keys", "expected"), SIGNS)
def test_decimals_are_written_as_the_texts_of_a_sheet_are(
    read: Read, keys: dict[str, str], expected: str
) -> None:
    """Else 467 and an eighth would be read as 467125."""
    dialect = msgspec.structs.replace(XLSX, **keys)
    assert expected == read(write_xlsx([["День"], [467.125]]), dialect).splitlines()[1]


def test_a_row_is_as_wide_as_the_columns_want(read: Read) -> None:
    """That the first row has no reading of the night says nothing about the others."""
    dialect = msgspec.structs.replace(
        XLSX, columns={"account": 1, "value": 2, "value_2": 3}, header=False
    )
    rows = [["1", "5"], [], ["2", "6", "7"], ["3", "8"]]
    expected = "\ufeff1;5;\r\n\r\n2;6;7\r\n3;8;\r\n"
    assert expected == read(write_xlsx(rows), dialect)


def test_one_of_several_sheets_must_be_meant(read: Read) -> None:
    """None with content is passed over in silence."""
    content = write_xlsx(SHEET, [["x"]])
    assert ("the sheets Лист1, Лист2", "one with content, or its name") == find_problem(
        read, content, XLSX
    )
    named = msgspec.structs.replace(XLSX, sheet="Лист2")
    assert "\ufeffx\r\n" == read(content, named)
    other = msgspec.structs.replace(XLSX, sheet="Лист3")
    assert ("the sheets Лист1, Лист2", "a sheet Лист3") == find_problem(read, content, other)


def repack(content: bytes, change: Callable[[str, bytes], bytes], **extra: bytes) -> bytes:
    """Pack a workbook anew with its parts changed."""
    file = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(file, "w", 8) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
        for name, part in extra.items():
            new.writestr(name, part)
    return file.getvalue()


def declare(name: str, part: bytes) -> bytes:
    """Put a billion laughs in front of a sheet."""
    if not name.startswith("xl/worksheets/"):
        return part
    return part.replace(b"<worksheet", b'<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet', 1)


def lie(content: bytes) -> bytes:
    """Let a workbook say of its largest part that it is small."""
    bomb = repack(content, lambda _, part: part, bomb=b"0" * 3_000_000)
    size = struct.pack("<L", 3_000_000)
    return bomb.replace(size, struct.pack("<L", 17))


SOUND = write_xlsx(SHEET)
BOMBS = [
    pytest.param(b"", "text", id="empty"),
    pytest.param("ЛС;День\r\n".encode() * 9, "text", id="text"),
    pytest.param(b"\xd0\xcf\x11\xe0" * 99, "XLS", id="the format before"),
    pytest.param(SOUND[:-100], "a damaged workbook", id="cut off"),
    pytest.param(SOUND[:2000] + b"\xff" * 500 + SOUND[2500:], "a damaged workbook", id="damaged"),
    pytest.param(
        repack(SOUND, lambda _, part: part, bomb=b"0" * 3_000_000), "bytes unpacked", id="declared"
    ),
    pytest.param(lie(SOUND), "a damaged workbook", id="undeclared"),
    pytest.param(
        repack(SOUND, lambda _, part: part, **{f"x{at}": b"" for at in range(1000)}),
        "parts",
        id="many parts",
    ),
    pytest.param(repack(SOUND, declare), "a declaration of entities", id="entities"),
    pytest.param(
        repack(SOUND, lambda name, part: part if "sheet1" not in name else b"<x"),
        "a damaged workbook",
        id="no XML",
    ),
    pytest.param(
        repack(SOUND, lambda name, part: b"" if name == "xl/workbook.xml" else part),
        "a damaged workbook",
        id="nothing in it",
    ),
]


@pytest.mark.parametrize(("content", "expected"), BOMBS)
def test_bombs_and_wrecks_are_refused(read: Read, content: bytes, expected: str) -> None:
    """What unpacks to more than it may is not parsed at all."""
    found, _ = find_problem(read, content, XLSX)
    assert re.search(expected, found)


def test_a_gap_in_a_sheet_is_lines_of_nothing(read: Read) -> None:
    """However far below it stands, no row is passed over in silence; columns beyond 256 are."""
    book = openpyxl.Workbook()
    book.worksheets[0]["A1"] = "x"
    book.worksheets[0]["XFD200"] = "z"
    book.worksheets[0]["A90000"] = "y"
    file = BytesIO()
    book.save(file)
    assert "\ufeffx\r\n" + "\r\n" * 89_998 + "y\r\n" == read(file.getvalue(), XLSX, rows=999)


def test_a_row_that_no_sheet_has_is_refused(read: Read) -> None:
    """A number in a file costs nothing; the rows up to it would."""

    def move(name: str, part: bytes) -> bytes:
        part = part.replace(b'<row r="2"', b'<row r="999999999"')
        return part.replace(b'"A2"', b'"A999999999"') if "sheet1" in name else part

    content = repack(SOUND, move)
    assert ("more rows", "at most 1048576") == find_problem(read, content, XLSX)


@given(content=st.binary(max_size=300), head=st.sampled_from([b"", b"\x03", b"PK\x03\x04"]))
@pytest.mark.parametrize("dialect", [DBF, XLSX])
def test_any_bytes_are_a_table_or_a_problem(
    tmp_path_factory: Any, dialect: DbfDialect | XlsxDialect, content: bytes, head: bytes
) -> None:
    """Nothing else is ever raised."""
    path = tmp_path_factory.mktemp("any") / "table"
    path.write_bytes(head + content)
    found: list[Fault] = []
    with path.open("rb") as file:
        try:
            table = TableText(dialect, file)
            while table.read(100):
                pass
        except TableError as error:
            found.append(error.problem.fault)
    assert found in ([], [Fault.NO_TABLE])


@given(at=st.integers(0, 10_000), damage=st.binary(min_size=1, max_size=20), is_dbf=st.booleans())
def test_damage_anywhere_is_a_table_or_a_problem(
    tmp_path_factory: Any, at: int, damage: bytes, is_dbf: bool
) -> None:
    """The libraries may raise what they like."""
    content = bytearray(write_dbf(ROWS) if is_dbf else SOUND)
    at %= len(content)
    content[at : at + len(damage)] = damage
    path = tmp_path_factory.mktemp("any") / "table"
    path.write_bytes(content)
    found: list[Fault] = []
    with path.open("rb") as file:
        try:
            table = TableText(DBF if is_dbf else XLSX, file)
            while table.read(100):
                pass
        except TableError as error:
            found.append(error.problem.fault)
    assert found in ([], [Fault.NO_TABLE])


@pytest.mark.parametrize("text", ["=x", "+x", "-x", "@x", "\tx"])
def test_risky_cells_get_an_apostrophe(text: str) -> None:
    """By it a spreadsheet knows that the rest is text."""
    assert [f"'{text}", f"x{text}"] == [neutralise(text), neutralise(f"x{text}")]
