"""What is wrong with a channel for batch files that single fields cannot say."""

from collections.abc import Iterator

from ingest.checks.values import check_pattern, check_zone
from ingest.settings import CsvDialect, RegistrySettings


def check_registry(where: str, channel: RegistrySettings) -> Iterator[str]:
    """Yield what is wrong with a ``registry`` channel."""
    dialect = channel.dialect
    yield from check_pattern(f"{where}.dialect.trailer", dialect.trailer)
    yield from check_zone(f"{where}.dialect.time_zone", dialect.time_zone)
    yield from check_columns(f"{where}.dialect.columns", dialect)
    if "%" not in dialect.time_format:
        yield (
            f"{where}.dialect.time_format: found {dialect.time_format!r}, "
            "wanted a format like '%d.%m.%Y %H:%M:%S'"
        )
    try:
        dialect.delimiter.encode(dialect.encoding)
    except UnicodeEncodeError:
        yield (
            f"{where}.dialect.delimiter: found {dialect.delimiter!r}, wanted a character that "
            f"{dialect.encoding} has"
        )
    if dialect.quote == dialect.delimiter:
        yield f"{where}.dialect.quote: found the delimiter, wanted another character or none"
    if channel.judge_by == "operation" and "paid_at" not in dialect.columns:
        yield f"{where}.judge_by: found 'operation', wanted a column paid_at with it"


def check_columns(where: str, dialect: CsvDialect) -> Iterator[str]:
    """Yield what is wrong with the columns of a dialect."""
    columns = dialect.columns
    for key in ("account", "value"):
        if key not in columns:
            yield f"{where}.{key}: this key is missing"
    if "value_3" in columns and "value_2" not in columns:
        yield f"{where}.value_2: this key is missing, and value_3 is there"
    taken: dict[int | str, str] = {}
    for key, column in columns.items():
        if isinstance(column, int) and column < 1:
            yield f"{where}.{key}: found {column}, wanted a position from 1"
        if isinstance(column, str) and not dialect.header:
            yield f"{where}.{key}: found a name, wanted header = true with it"
        if taken.setdefault(column, key) != key:
            yield f"{where}.{key}: found {column!r}, which {taken[column]} has already"
