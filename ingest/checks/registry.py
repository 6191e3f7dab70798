"""What is wrong with a channel for batch files that single fields cannot say."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from ingest.checks.values import check_pattern, check_zone, has_group
from ingest.settings import (
    Column,
    CounterPairsDialect,
    CsvDialect,
    DbfDialect,
    Dialect,
    DialectTable,
    LabelledDialect,
    MeterBlocksDialect,
    RegistrySettings,
    TextDialect,
    XlsxDialect,
)

FIGURES = {"count", "sum"}
SOME_DAY = dt.datetime(2026, 11, 24, 12, 34, 56, tzinfo=dt.UTC)
NUMBER = re.compile(r"\s*[0-9]+(?:[., '][0-9]*)?\s*")
"""What a date must not look like."""
MAIL_ADDRESS = re.compile(r"[!-?A-~]+@[!-?A-~]+")
VALUES: tuple[Column, ...] = ("value_2", "value_3", "value_4", "value_5", "value_6")


def check_registry(where: str, channel: RegistrySettings) -> Iterator[str]:
    """Yield what is wrong with a ``registry`` channel."""
    dialect = channel.dialect
    yield from check_cells(f"{where}.dialect", dialect)
    if isinstance(dialect, TextDialect):
        yield from check_text(f"{where}.dialect", dialect)
    yield from check_kind(f"{where}.dialect", dialect)
    yield from check_results(where, channel)
    if channel.judge_by == "operation" and not has_times(dialect):
        yield f"{where}.judge_by: found 'operation', wanted a column paid_at with it"


def check_results(where: str, channel: RegistrySettings) -> Iterator[str]:
    """Yield what is wrong with the addresses that results are mailed to, and from."""
    addresses = [("mail_results_to", address) for address in channel.mail_results_to]
    if channel.mail_results_from:
        addresses.append(("mail_results_from", channel.mail_results_from))
    for key, address in addresses:
        if not MAIL_ADDRESS.fullmatch(address):
            yield f"{where}.{key}: found {address!r}, wanted an address like 'name@example.org'"
    if channel.mail_results_to and not channel.mail_results_from:
        yield f"{where}.mail_results_from: this key is missing, and mail_results_to is there"


def check_kind(where: str, dialect: Dialect) -> Iterator[str]:
    """Yield what is wrong with what only dialects of its kind have."""
    match dialect:
        case CsvDialect():
            yield from check_columns(f"{where}.columns", dialect.columns, header=dialect.header)
            if not (dialect.header or dialect.cells) and "value_2" in dialect.columns:
                # A delimiter within a name would move the day to where the night stands.
                yield (
                    f"{where}.cells: this key is missing, and there are several readings and no "
                    "header; say how many cells a line has"
                )
        case XlsxDialect():
            yield from check_dates(where, dialect.time_format)
            yield from check_columns(f"{where}.columns", dialect.columns, header=dialect.header)
        case DbfDialect():
            yield from check_columns(f"{where}.columns", dialect.columns, header=True)
        case LabelledDialect():
            yield from check_labels(where, dialect)
        case CounterPairsDialect():
            yield from check_pairs(f"{where}.columns", dialect)
        case MeterBlocksDialect():
            yield from check_blocks(where, dialect)


def check_dates(where: str, time_format: str) -> Iterator[str]:
    """Yield what is wrong with how dates of a sheet are written: Excel makes one of ``12.5``."""
    if "%" in time_format and NUMBER.fullmatch(SOME_DAY.strftime(time_format)):
        yield (
            f"{where}.time_format: found {time_format!r}, wanted signs between its parts as in "
            "'%d.%m.%Y': a reading that Excel took for a date would be a number"
        )


def check_pairs(where: str, dialect: CounterPairsDialect) -> Iterator[str]:
    """Yield what is wrong with the columns in front of the pairs."""
    yield from check_positions(where, dialect.columns)
    if "account" not in dialect.columns:
        yield f"{where}.account: this key is missing"
    for key, place in dialect.columns.items():
        if key.startswith("value"):
            yield f"{where}.{key}: unknown key; the readings of this kind stand in its pairs"
        elif place >= dialect.pairs_from:
            yield f"{where}.{key}: found {place}, wanted a place before the pairs"


def check_blocks(where: str, dialect: MeterBlocksDialect) -> Iterator[str]:
    """Yield what is wrong with the place of blocks, and with their kinds."""
    if dialect.account >= dialect.blocks_from:
        yield f"{where}.account: found a place within the blocks, wanted one before them"
    if not dialect.kinds:
        yield f"{where}.kinds: found none, wanted one at least"


def has_times(dialect: Dialect) -> bool:
    """Tell whether lines say when they were paid."""
    match dialect:
        case LabelledDialect():
            return dialect.dated or "paid_at" in {*dialect.labels, *dialect.columns}
        case MeterBlocksDialect():
            return True
        case _:
            return "paid_at" in dialect.columns


def check_cells(where: str, dialect: DialectTable) -> Iterator[str]:
    """Yield what is wrong with how cells are read."""
    yield from check_zone(f"{where}.time_zone", dialect.time_zone)
    if "%" not in dialect.time_format:
        yield (
            f"{where}.time_format: found {dialect.time_format!r}, "
            "wanted a format like '%d.%m.%Y %H:%M:%S'"
        )
    patterns = {
        "account_pattern": dialect.account_pattern,
        "value_pattern": dialect.value_pattern,
        "time_pattern": dialect.time_pattern,
    }
    for key, pattern in patterns.items():
        yield from check_pattern(f"{where}.{key}", pattern)
        if pattern and not has_group(pattern):
            yield f"{where}.{key}: found {pattern!r}, wanted a group (...) around what is meant"
    if dialect.thousands and dialect.thousands == dialect.decimal:
        yield f"{where}.thousands: found the decimal sign, wanted another character or none"


def check_text(where: str, dialect: TextDialect) -> Iterator[str]:
    """Yield what is wrong with what all dialects of text files have."""
    yield from check_pattern(f"{where}.skip", dialect.skip)
    if isinstance(dialect, CsvDialect):
        yield from check_csv(where, dialect)
    figures = [
        ("trailer", dialect.trailer),
        ("receipt", dialect.receipt),
        *(("controls", one) for one in dialect.controls),
    ]
    for key, pattern in figures:
        yield from check_pattern(f"{where}.{key}", pattern)
        if pattern and not find_figures(pattern):
            yield f"{where}.{key}: found {pattern!r}, wanted a group named count or sum in it"
    try:
        dialect.delimiter.encode("ascii" if dialect.encoding == "detect" else dialect.encoding)
    except UnicodeEncodeError as error:
        yield (
            f"{where}.delimiter: found {dialect.delimiter!r}, wanted a character that "
            f"{error.encoding} has"
        )


def check_csv(where: str, dialect: CsvDialect) -> Iterator[str]:
    """Yield what is wrong with how lines are cut into cells."""
    if dialect.quote == dialect.delimiter:
        yield f"{where}.quote: found the delimiter, wanted another character or none"
    places = {key: place for key, place in dialect.columns.items() if isinstance(place, int)}
    last = max(places, key=lambda key: places[key], default=None)
    if last is not None and 0 < dialect.cells < places[last]:
        yield (
            f"{where}.cells: found {dialect.cells}, wanted {places[last]} or more, because "
            f"columns.{last} is there"
        )


def find_figures(pattern: str) -> set[str]:
    """Return which control figures a pattern finds; a malformed one is told elsewhere."""
    try:
        return FIGURES & re.compile(pattern).groupindex.keys()
    except re.error:
        return FIGURES


def check_labels(where: str, dialect: LabelledDialect) -> Iterator[str]:
    """Yield what is wrong with labels."""
    yield from check_registers(f"{where}.labels", dialect.labels)
    yield from check_positions(f"{where}.columns", dialect.columns)
    taken: dict[str, str] = {}
    for key, label in dialect.labels.items():
        if taken.setdefault(label.casefold(), key) != key:
            yield f"{where}.labels.{key}: found {label!r}, which {taken[label.casefold()]} has"
    if dialect.mark == dialect.delimiter:
        yield f"{where}.mark: found the delimiter, wanted another character"


def check_columns(
    where: str, columns: Mapping[Column, int | str], *, header: bool
) -> Iterator[str]:
    """Yield what is wrong with the columns of a dialect."""
    yield from check_registers(where, columns)
    yield from check_positions(where, columns)
    for key, column in columns.items():
        if isinstance(column, str) and not header:
            yield f"{where}.{key}: found a name, wanted header = true with it"


def check_registers(where: str, columns: Mapping[Column, object]) -> Iterator[str]:
    """Yield what is missing among columns or labels."""
    for key in ("account", "value"):
        if key not in columns:
            yield f"{where}.{key}: this key is missing"
    for before, key in pairwise(VALUES):
        if key in columns and before not in columns:
            yield f"{where}.{before}: this key is missing, and {key} is there"


def check_positions(where: str, columns: Mapping[Column, int | str]) -> Iterator[str]:
    """Yield positions that cannot be, and columns that two things are read from."""
    taken: dict[int | str, str] = {}
    for key, column in columns.items():
        if isinstance(column, int) and column < 1:
            yield f"{where}.{key}: found {column}, wanted a position from 1"
        pair = {key, taken.setdefault(column, key)}
        if len(pair) > 1 and pair != {"paid_at", "transaction"}:
            yield f"{where}.{key}: found {column!r}, which {taken[column]} has already"
