"""The channels of config.toml that take batch files."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, field

from ingest.settings.channels import ChannelSettings
from ingest.settings.tables import Bytes, Seconds, Table, Text
from ingest.settings.ways import SftpSettings, UploadSettings

Column: TypeAlias = Literal[
    "account",
    "value",
    "value_2",
    "value_3",
    "value_4",
    "value_5",
    "value_6",
    "paid_at",
    "transaction",
    "amount",
]
"""What a cell can mean to us."""
Encoding: TypeAlias = Literal["utf-8", "cp1251", "cp866", "koi8-r", "detect"]
SBERBANK_LABELS: dict[Column, Text] = {
    "account": "CLIENTNO",
    "value": "CounterVal_1",
    "value_2": "CounterVal_2",
    "value_3": "CounterVal_3",
}
SBERBANK_KINDS = {"2": 1, "3": 1, "4": 2, "5": 1, "6": 3, "7": 2}
"""Electricity with one zone; day and night; peak, half-peak and night, as our registers are."""
BANK_COLUMNS: dict[Column, int] = {"account": 1, "amount": 2, "transaction": 3, "paid_at": 3}
Character = Annotated[str, Meta(min_length=1, max_length=1)]


class DialectTable(Table, frozen=True, kw_only=True, tag_field="kind"):
    """What every dialect has."""

    no_reading: tuple[str, ...] = ("", "НЕТ", "[]")
    """Cells that mean that nothing was read; with ``"0"`` every way to write zero does."""
    account_pattern: str = ""
    """A regular expression of a whole account cell; its first group is the account. A cell that
    does not match is left as it came. Empty: all of it is the account."""
    value_pattern: str = ""
    """The same for cells with readings, such as ``1:([^:]*):``."""
    time_pattern: str = ""
    """The same for the time of an operation, such as the first digits of a transaction id."""
    time_format: str = "%d.%m.%Y %H:%M:%S"
    """Of ``paid_at``."""
    time_zone: str = ""
    """Of ``paid_at``; empty: the service's. Partners often keep Moscow time."""
    decimal: Literal["", ",", "."] = ""
    """The decimal sign of readings and control sums; empty: both."""
    thousands: Literal["", " ", ".", ",", "'"] = ""
    """What may stand between groups of three digits in a reading."""


class TextDialect(DialectTable, frozen=True, kw_only=True):
    """What every dialect of text files has."""

    delimiter: Character = ";"
    encoding: Encoding = "utf-8"
    """A byte order mark at the start is taken off. ``detect``: told from the letters of the whole
    file, the same for each of its lines."""
    comment: str = ""
    """Lines that begin with it are passed over."""
    skip: str = ""
    """A regular expression of further lines without readings, matched as a whole."""
    trailer: str = ""
    """A regular expression of the last line; its groups ``count`` and ``sum`` are control figures
    over the data lines and over ``amount``, else the first value column. Empty: there is none."""
    controls: tuple[str, ...] = ()
    """The same for lines anywhere, comments too, such as ``#FILESUM (?P<sum>[0-9.,]+)``. A file
    must have one line for each."""
    receipt: str = ""
    """A regular expression of the only line of a companion file with the groups ``count``, ``sum``
    and ``file``, the name of the registry that it speaks of. Empty: no file has a companion."""


class CsvDialect(TextDialect, frozen=True, kw_only=True, tag="csv"):
    """A text file with one account a line, its cells found by their place or by a header."""

    columns: dict[Column, int | str]
    """Column by position, from 1, or by its name in the header line."""
    quote: Annotated[str, Meta(max_length=1)] = ""
    """Empty: a quotation mark is a character like any other (``ООО "Ромашка``)."""
    header: bool = False
    """Whether the first line that is no comment names the columns."""
    cells: int = 0
    """Cells that every data line has, neither more nor fewer; 0: enough for the columns."""


class LabelledDialect(TextDialect, frozen=True, kw_only=True, tag="labelled"):
    """A text file whose cells say what they are: ``CLIENTNO:123456789012;CounterVal_1:5467``."""

    labels: dict[Column, Text] = field(default_factory=lambda: dict(SBERBANK_LABELS))
    """What stands before the mark, upper and lower case alike. The cells come in any order."""
    mark: Character = ":"
    """What parts a label from its value."""
    columns: dict[Column, int] = {}
    """Cells without a label that stand at a fixed place, from 1."""
    dated: bool = False
    """Whether the first cell without a label that is a whole time is ``paid_at``."""


class MeterBlocksDialect(TextDialect, frozen=True, kw_only=True, tag="sberbank-readings"):
    """Sberbank's registry of readings: an account, then a block of seven cells for each zone."""

    account: Annotated[int, Meta(ge=1)] = 1
    """Position of the account."""
    blocks_from: Annotated[int, Meta(ge=2)] = 6
    """Position of the first block."""
    kinds: dict[str, Annotated[int, Meta(ge=1, le=6)]] = field(
        default_factory=lambda: dict(SBERBANK_KINDS)
    )
    """Which register of an electricity meter each kind of a block is; others are passed over."""
    time_format: str = "%d.%m.%Y"


class CounterPairsDialect(TextDialect, frozen=True, kw_only=True, tag="counter-pairs"):
    """A bank's registry of payments of 17 cells, six pairs of counter and reading at their end."""

    encoding: Encoding = "cp1251"
    columns: dict[Column, int] = field(default_factory=lambda: dict(BANK_COLUMNS))
    """Position of each column, from 1, those of the readings excepted."""
    pairs_from: Annotated[int, Meta(ge=1)] = 6
    """Position of the first counter; its reading stands behind it."""
    pairs: Annotated[int, Meta(ge=1, le=6)] = 6
    account_pattern: str = "0([0-9]{12})"
    time_pattern: str = "([0-9]{6})[0-9]{20}"
    time_format: str = "%d%m%y"


class DbfDialect(DialectTable, frozen=True, kw_only=True, tag="dbf"):
    """A dBase table."""

    columns: dict[Column, str]
    """Column by the name of its field."""
    encoding: Literal["utf-8", "cp1251", "cp866", "koi8-r"] = "cp866"
    time_format: str = "%Y%m%d"


class XlsxDialect(DialectTable, frozen=True, kw_only=True, tag="xlsx"):
    """A sheet of an Excel workbook."""

    columns: dict[Column, int | str]
    """Column by position, from 1, or by its name in the header row."""
    sheet: str = ""
    """Name of the sheet; empty: the only one that holds anything."""
    header: bool = True
    """Whether the first row that is not empty names the columns."""
    max_unpacked: Bytes = 268_435_456
    """Bytes of the workbook once unpacked."""


Dialect: TypeAlias = (
    CsvDialect
    | LabelledDialect
    | MeterBlocksDialect
    | CounterPairsDialect
    | DbfDialect
    | XlsxDialect
)


class RegistrySettings(ChannelSettings, frozen=True, kw_only=True, tag="registry"):
    """Batch files that a partner drops into a folder."""

    directory: Text
    """Holds in/, out/, done/ and failed/; relative to ``state_dir``."""
    dialect: Dialect
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
    max_bad: Annotated[str, Meta(pattern=r"^([0-9]{1,9}|[0-9]{1,2}([.][0-9]{1,3})?%)?$")] = ""
    """Bad lines, a count or ``5%`` of the data lines, up to which a file is taken; with more of
    them nothing of it counts before a person decides. Empty: every file is taken."""
    mail_results_to: tuple[Text, ...] = ()
    """Addresses that get the summary of every file by mail."""
    mail_results_from: str = ""
    """The address that those mails are written from."""
    complete: Literal["settled", "done-file", "checksum-file"] = "settled"
    """What says that a file is complete, besides its rest: nothing; ``NAME.done`` beside it; or
    ``NAME.sha256``, ``.sha512``, ``.sha1`` or ``.md5`` beside it, with which it must agree."""
    min_free: Bytes = 268_435_456
    """Bytes of the disk that uploads and fetched files leave free."""
    upload: UploadSettings | None = None
    """Lets the partner upload files by HTTP. None: nobody may."""
    sftp: SftpSettings | None = None
    """Fetches files from the partner's server. None: nothing is fetched."""
