"""The channels of config.toml that take batch files."""

from typing import Annotated, Literal

from msgspec import Meta

from ingest.settings.channels import ChannelSettings
from ingest.settings.tables import Bytes, Seconds, Table, Text


class CsvDialect(Table, frozen=True, kw_only=True):
    """A text file with one reading a line."""

    columns: dict[Literal["account", "value", "value_2", "value_3", "paid_at"], int | str]
    """Column by position, from 1, or by its name in the header line."""
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ";"
    quote: Annotated[str, Meta(max_length=1)] = ""
    """Empty: a quotation mark is a character like any other (``ООО "Ромашка``)."""
    encoding: Literal["utf-8", "cp1251", "cp866", "koi8-r"] = "utf-8"
    """A byte order mark at the start is taken off."""
    header: bool = False
    """Whether the first line that is no comment names the columns."""
    comment: str = ""
    """Lines that begin with it are passed over."""
    trailer: str = ""
    """A regular expression of the last line; its groups ``count`` and ``sum`` are control figures
    over the data lines and over the first value column. Empty: there is none."""
    no_reading: tuple[str, ...] = ("", "НЕТ", "[]")
    """Cells that mean that nothing was read."""
    time_format: str = "%d.%m.%Y %H:%M:%S"
    """Of ``paid_at``."""
    time_zone: str = ""
    """Of ``paid_at``; empty: the service's. Partners often keep Moscow time."""


class RegistrySettings(ChannelSettings, frozen=True, kw_only=True, tag="registry"):
    """Batch files that a partner drops into a folder."""

    directory: Text
    """Holds in/, out/, done/ and failed/; relative to ``state_dir``."""
    dialect: CsvDialect
    judge_by: Literal["arrival", "operation"] = "arrival"
    """Which time the window is judged by: when the file came, or the line's ``paid_at``."""
    trust_operation_for: Seconds = 604_800
    """Seconds before arrival for which ``paid_at`` is believed; an older one is held."""
    settle: Seconds = 10
    """Seconds for which size and time of a file must rest before it counts as complete. A file
    that is moved in from a name ending in ``.part`` or ``.tmp`` settles the same way."""
    poll: Seconds = 5
    """Seconds between looks into the folder, beside the notices of the operating system."""
    chunk_lines: Annotated[int, Meta(ge=1, le=20_000)] = 2000
    """Lines that are committed together; a crash goes back by as many at most."""
    max_size: Bytes = 2_147_483_648
    """Bytes of one file; a larger one is put into failed/."""
    max_line: Bytes = 65_536
    """Bytes of one line; a longer one fails the file."""
