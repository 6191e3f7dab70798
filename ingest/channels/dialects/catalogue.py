"""
Which reader each kind of dialect has; what a channel needs to know of dialects begins here.

A channel calls, in this order: ``TableText`` where ``is_table`` says so, and goes on with the
text that comes of it; ``Sniffer`` over the whole file where ``needs_sniffing`` says so; ``Survey``
over the lines of ``open_lines``; then ``open_lines`` once more, with what the survey found, for
every later pass.
"""

import datetime as dt

from ingest.channels.dialects.blocks import BlockCutter
from ingest.channels.dialects.cells import CellReader
from ingest.channels.dialects.columns import ColumnCutter
from ingest.channels.dialects.labelled import LabelledCutter
from ingest.channels.dialects.lines import Cutter, Layout, Lines, Shape
from ingest.channels.dialects.pairs import PairCutter
from ingest.channels.dialects.tables import describe_as_text, is_table
from ingest.settings import (
    CounterPairsDialect,
    CsvDialect,
    DbfDialect,
    LabelledDialect,
    MeterBlocksDialect,
    RegistrySettings,
    TextDialect,
    XlsxDialect,
)

DETECT = "detect"
__all__ = ["find_text_dialect", "is_table", "make_shape", "needs_sniffing", "open_lines"]


def find_text_dialect(settings: RegistrySettings) -> TextDialect:
    """Return the dialect of the lines that are read: its own, or that of a table turned to text."""
    dialect = settings.dialect
    if isinstance(dialect, DbfDialect | XlsxDialect):
        return describe_as_text(dialect)
    return dialect


def needs_sniffing(settings: RegistrySettings) -> bool:
    """Tell whether the encoding has to be found out before a file can be surveyed."""
    return find_text_dialect(settings).encoding == DETECT


def make_shape(settings: RegistrySettings, encoding: str = "") -> Shape:
    """Return what is known of a file before its survey; *encoding* is what was found, if asked."""
    if encoding:
        return Shape(encoding)
    declared = find_text_dialect(settings).encoding
    return Shape("utf-8" if declared == DETECT else declared)


def open_lines(
    settings: RegistrySettings, zone: dt.tzinfo, shape: Shape, *, lines: int = 0
) -> Lines:
    """Return a reader of lines; with the *shape* that a survey found and *lines*, in the middle."""
    dialect = find_text_dialect(settings)
    cells = CellReader(dialect, zone, is_timed=settings.judge_by == "operation")
    cutter = make_cutter(dialect, shape.layout, of_table=is_table(settings.dialect))
    return Lines(dialect, cutter, cells, encoding=shape.encoding, lines=lines)


def make_cutter(dialect: TextDialect, layout: Layout | None, *, of_table: bool) -> Cutter:
    """Return what cuts the lines of *dialect*."""
    match dialect:
        case CsvDialect():
            return ColumnCutter(dialect, layout, is_table=of_table)
        case LabelledDialect():
            return LabelledCutter(dialect)
        case MeterBlocksDialect():
            return BlockCutter(dialect)
        case CounterPairsDialect():
            return PairCutter(dialect)
        case _:
            raise TypeError(f"no reader for {type(dialect).__name__}")
