"""
The rows of one sheet of a workbook, by openpyxl, which streams them.

A workbook is a ZIP archive: what it holds is counted, as declared and as it really unpacks, before
anything of it is parsed.
"""

import operator
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from itertools import islice, repeat
from typing import BinaryIO

import openpyxl
from openpyxl.cell.read_only import EMPTY_CELL, EmptyCell, ReadOnlyCell
from openpyxl.workbook import Workbook

from ingest.channels.dialects.faults import HEAD, TableError, find_signature

WANTED = "XLSX"
MOST_MEMBERS = 1000
MOST_COLUMNS = 256
MOST_ROWS = 1_048_576
"""Excel has no more; a file can claim any number."""
BLOCK = 1 << 20
DECLARED = re.compile(rb"<!(?:DOCTYPE|ENTITY)|<\0!\0[DE]\0|\0<\0!\0[DE]")
"""What no workbook has and every attack on XML begins with."""
OVERLAP = len(DECLARED.pattern)
UNSAVED = "=?"
"""What stands for a formula without a result: no number, and no empty cell that means nothing."""
PADDED = re.compile(r"0{2,18}")
"""The number format of accounts with zeros in front."""
FOREIGN = (
    zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError,
    KeyError, ValueError, TypeError, AttributeError, IndexError, SyntaxError, AssertionError,
    OverflowError,
)  # fmt: skip
"""What the libraries raise over a damaged workbook."""


def list_rows(file: BinaryIO, sheet: str, max_unpacked: int) -> Iterator[list[object]]:
    """
    Yield the rows of a sheet from the first that is not empty, formulas as their last results.

    Raises TableError for what is no workbook, unpacks to more than it may, or does not say which
    of several sheets is meant.
    """
    try:
        check_archive(file, max_unpacked)
        book = Book(file)
        name = choose_sheet(book, sheet)
        yield from trim(list_cells(book, name))
    except TableError:
        raise
    except FOREIGN as error:
        raise TableError(f"a damaged workbook: {error}", WANTED) from None


class Book:
    """A workbook, and the formulas in it once somebody asks for them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.results = open_book(file, data_only=True)
        self._formulas: Workbook | None = None

    def list_formulas(self, name: str) -> Iterator[set[int]]:
        """Yield for each row of a sheet the places of its formulas, from 0."""
        if self._formulas is None:
            self._formulas = open_book(self._file, data_only=False)
        for row in list_rows_of(self._formulas, name):
            yield {at for at, cell in enumerate(row) if cell.data_type == "f"}


class Formulas:
    """Finds formulas row by row; the sheet is read again only from the first that is in doubt."""

    def __init__(self, book: Book, name: str) -> None:
        self._rows = book.list_formulas(name)
        self._number = 0

    def find_unsaved(self, number: int, row: tuple[ReadOnlyCell | EmptyCell, ...]) -> set[int]:
        """Return the places of formulas without a saved result; an empty text is one."""
        doubtful = {
            at
            for at, cell in enumerate(row)
            if cell.value is None and cell is not EMPTY_CELL and cell.data_type != "str"
        }
        if not doubtful:
            return doubtful
        passed = number - self._number - 1
        self._number = number
        return doubtful & next(islice(self._rows, passed, None), set())


def open_book(file: BinaryIO, *, data_only: bool) -> Workbook:
    """Open a workbook for streaming: the results of its formulas, or the formulas."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of extensions that openpyxl does not know
        return openpyxl.load_workbook(file, read_only=True, data_only=data_only, keep_links=False)


def check_archive(file: BinaryIO, max_unpacked: int) -> None:
    """Raise TableError for an archive that is none, is locked, or unpacks to more than it may."""
    file.seek(0)
    head = file.read(HEAD)
    if not head.startswith(b"PK\x03\x04"):
        raise TableError(find_signature(head) or "text", WANTED)
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > MOST_MEMBERS:
            raise TableError(f"{len(members)} parts", f"at most {MOST_MEMBERS}")
        if any(one.flag_bits & 1 for one in members):
            raise TableError("a workbook with a password", "one without")
        check_size(sum(one.file_size for one in members), max_unpacked)
        size = file.seek(0, 2)
        if sum(one.compress_size for one in members) > size:
            raise TableError("parts that overlap", WANTED)
        check_size(sum(check_member(archive, one, max_unpacked) for one in members), max_unpacked)


def check_size(size: int, max_unpacked: int) -> None:
    """Raise TableError for more bytes than may be unpacked."""
    if size > max_unpacked:
        raise TableError(f"{size} bytes unpacked", f"at most {max_unpacked}")


def check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, max_unpacked: int) -> int:
    """Unpack one part without keeping it, and return its real size."""
    size = 0
    tail = b""
    with archive.open(member) as part:
        while block := part.read(BLOCK):
            size += len(block)
            check_size(size, max_unpacked)
            if DECLARED.search(tail + block):
                raise TableError(f"a declaration of entities in {member.filename!r}", WANTED)
            tail = block[-OVERLAP:]
    return size


def choose_sheet(book: Book, wanted: str) -> str:
    """Return the name of the sheet that is meant; raises TableError where that is not clear."""
    names: list[str] = [one.title for one in book.results.worksheets]
    if wanted:
        if wanted not in names:
            raise TableError(f"the sheets {', '.join(names)}", f"a sheet {wanted}")
        return wanted
    filled = [name for name in names if any(map(has_content, list_cells(book, name)))]
    if len(filled) > 1:
        raise TableError(f"the sheets {', '.join(filled)}", "one with content, or its name")
    return filled[0] if filled else names[0]


def list_rows_of(book: Workbook, name: str) -> Iterator[tuple[ReadOnlyCell | EmptyCell, ...]]:
    """Yield the rows of a sheet as they are."""
    sheet = book[name]
    sheet.reset_dimensions()  # what a workbook says of its own size may be anything
    yield from sheet.iter_rows(max_col=MOST_COLUMNS)


def list_cells(book: Book, name: str) -> Iterator[list[object]]:
    """
    Yield the rows of a sheet; a number shown with zeros in front keeps them.

    A formula whose result nobody saved is marked as one: an empty cell would say that there is
    no reading.
    """
    formulas = Formulas(book, name)
    for number, row in enumerate(list_rows_of(book.results, name), 1):
        if number > MOST_ROWS:
            raise TableError("more rows", f"at most {MOST_ROWS}")
        if all(map(operator.is_, row, repeat(EMPTY_CELL))):
            yield []
            continue
        unsaved = formulas.find_unsaved(number, row)
        yield [
            UNSAVED
            if at in unsaved
            else str(cell.value).zfill(len(cell.number_format))
            if isinstance(cell.value, int) and PADDED.fullmatch(cell.number_format)
            else cell.value
            for at, cell in enumerate(row)
        ]


def trim(rows: Iterable[list[object]]) -> Iterator[list[object]]:
    """
    Yield rows from the first that is not empty, without empty rows at their end.

    Empty cells at the end of a row are taken off as far as the first row had none there.
    """
    empty = 0
    width = 0
    for row in rows:
        while len(row) > width and row[-1] in {None, ""}:
            row.pop()
        width = width or len(row)
        if has_content(row):
            yield from ([] for _ in range(empty))
            empty = 0
            yield row
        elif width:
            empty += 1


def has_content(row: list[object]) -> bool:
    """Tell whether any cell of a row holds something."""
    return any(cell not in {None, ""} for cell in row)
