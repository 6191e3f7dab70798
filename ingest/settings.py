"""
The shape of config.toml: one frozen struct a table, one field a key, with default, unit and why.

Decoding is strict: an unknown key or a value of another type is an error. What single fields
cannot say (a window that is not there, a channel open to the world) stands in ``config.py``.
"""

import datetime as dt
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from ingest.model import Disposition, Reason

Seconds = Annotated[float, Meta(gt=0, le=31_536_000)]
Bytes = Annotated[int, Meta(gt=0, le=1_099_511_627_776)]
Count = Annotated[int, Meta(gt=0, le=1_000_000)]
Text = Annotated[str, Meta(min_length=1)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Dispositions = dict[Reason, Disposition]


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of config.toml; unknown keys in it are errors."""


class Secret(Table, frozen=True, kw_only=True):
    """Where a secret is kept; exactly one of the three. It never stands in config.toml itself."""

    env: str = ""
    """Name of an environment variable."""
    file: str = ""
    """Path of a file, relative to the folder of config.toml; a line end at its end is taken off."""
    credential: str = ""
    """Name of a systemd credential (``LoadCredential=``)."""


class Service(Table, frozen=True, kw_only=True):
    """The daemon as a whole."""

    timezone: Text = "Asia/Krasnoyarsk"
    """IANA name; windows and billing periods are counted in it."""
    language: Literal["ru", "en"] = "ru"
    """Of replies and of the console."""
    state_dir: Text = "var"
    """Embedded database, registries at work; relative to the folder of config.toml."""
    stop_within: Seconds = 20
    """Seconds that a stop may take; what is not finished then is left to the upstream."""


class Database(Table, frozen=True, kw_only=True):
    """PostgreSQL."""

    url: str = "embedded"
    """``embedded``: a server of our own under ``state_dir``; or ``postgresql://...``."""
    password: Secret | None = None
    """The password, when it is not to stand in the URL."""
    connections: Count = 6
    """Connections kept open; receiving needs one, registries and the outbox one each."""
    statement_timeout: Seconds = 30
    """Seconds after which a statement is given up and the upstream told to come again."""


class Http(Table, frozen=True, kw_only=True):
    """The two HTTP listeners."""

    listen: str = "127.0.0.1:8080"
    """Channels: webhooks, uploads, terminals, API."""
    internal: str = "127.0.0.1:8081"
    """/metrics, /healthz, /readyz: for operations, never for the internet."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks whose X-Forwarded-For is believed."""
    max_body: Bytes = 1_048_576
    """Bytes that a request may have; more is answered 413."""
    read_timeout: Seconds = 30
    """Seconds that a client may take to send a request."""


class Log(Table, frozen=True, kw_only=True):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"
    """``auto``: readable on a terminal, JSON elsewhere."""


class Mail(Table, frozen=True, kw_only=True):
    """How replies to mails leave."""

    relay: str = "directory:replies"
    """``smtp://host:port``, ``smtps://...``, ``smtp+starttls://...``, or ``directory:PATH`` which
    writes each reply as a file beneath ``state_dir``: for trying things out."""
    username: str = ""
    password: Secret | None = None
    from_name: str = ""
    """The display name beside the address of the channel."""
    timeout: Seconds = 30
    """Seconds for one attempt."""


class Replies(Table, frozen=True, kw_only=True):
    """What holds for every acknowledgement."""

    contact: str = ""
    """The line at the foot of a mail: a telephone number, an address."""
    templates: str = ""
    """A folder with templates of one's own, relative to that of config.toml; they replace the
    shipped ones file by file."""
    per_address_and_reason: Count = 10
    """A day, to one address and for one reason; more are recorded as suppressed. It stops loops."""
    per_minute: Count = 600
    """In all; beyond it replies wait. It keeps a storm from leaving the house."""
    give_up_after: Seconds = 172_800
    """Seconds for which a reply is tried again."""


class Rules(Table, frozen=True, kw_only=True):
    """What the laws of judging lead to, unless a channel says otherwise."""

    max_digits: Annotated[int, Meta(ge=1, le=18)] = 8
    """The widest register there is; more digits are ``too_many_digits``."""
    dispositions: Dispositions = {}
    """A reason and what it leads to: ``dated_in_future = "hold"``."""


class WindowVersion(Table, frozen=True, kw_only=True):
    """A window's days from a date on."""

    since: dt.date
    days: str


class WindowSettings(Table, frozen=True, kw_only=True):
    """The days of a month on which a channel's readings count."""

    days: str
    """First and last open day, ``6..-2``; -1 is the month's last day."""
    versions: tuple[WindowVersion, ...] = ()
    open: tuple[dt.date, ...] = ()
    """Single days that are open although the rule says shut."""
    closed: tuple[dt.date, ...] = ()
    """Single days that are shut although the rule says open."""
    late: Literal["reject", "next-period", "hold"] = "reject"
    """What becomes of a reading that comes while the window is shut: it is refused, counts for the
    period in which the window opens next, or waits for a person."""


class ChannelSettings(Table, frozen=True, kw_only=True, tag_field="type"):
    """What every channel has."""

    window: str
    """The name of a table under ``windows``."""
    enabled: bool = True
    startup: Literal["retry", "error"] = "retry"
    """Whether the daemon starts while this channel cannot."""
    journal: bool = False
    """Keep what arrives on disk while PostgreSQL is away, for upstreams that do not retry."""
    language: Literal["", "ru", "en"] = ""
    """Of this channel's replies; empty: the service's."""
    dispositions: Dispositions = {}
    """As in ``[rules.dispositions]``, for this channel."""


class TlsFiles(Table, frozen=True, kw_only=True):
    """A certificate chain and its key, both PEM files; relative to the folder of config.toml."""

    certificate: str
    key: str


class SmtpSettings(ChannelSettings, frozen=True, kw_only=True, tag="smtp"):
    """Mail that a mail server or a client hands over by SMTP or LMTP."""

    recipients: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Addresses for which mail is taken; all others are refused. Lower case."""
    listen: str = "127.0.0.1:2525"
    """``host:port`` or ``unix:PATH`` (relative to ``state_dir``)."""
    protocol: Literal["smtp", "lmtp"] = "smtp"
    allow_from: tuple[str, ...] = ()
    """Networks that may connect; needed when the listener is not on loopback."""
    reply_from: str = ""
    """The From address of replies; empty: the first recipient."""
    tls: TlsFiles | None = None
    """Offers STARTTLS."""
    require_tls: bool = False
    max_size: Bytes = 26_214_400
    """Bytes of one mail; a larger one is refused with 552."""
    max_connections: Count = 100
    """At once; one more is told to come later (421)."""
    timeout: Seconds = 120
    """Seconds that a client may be silent."""


class SecretAuth(Table, frozen=True, kw_only=True, tag_field="kind", tag="secret"):
    """A secret that the gateway sends along: in a header, or as a query or form field."""

    value: Secret
    header: str = ""
    field: str = ""


class BasicAuth(Table, frozen=True, kw_only=True, tag_field="kind", tag="basic"):
    """HTTP Basic."""

    username: str
    password: Secret


class HmacAuth(Table, frozen=True, kw_only=True, tag_field="kind", tag="hmac"):
    """A signature over the body, or over the body followed by a time stamp."""

    key: Secret
    header: str
    """The header with the signature."""
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    """What stands before the signature, such as ``sha256=``."""
    timestamp_header: str = ""
    """The header with seconds since 1970; its text is appended to the body before signing."""
    max_age: Seconds = 300
    """Seconds by which the time stamp may differ from our clock."""


Auth: TypeAlias = SecretAuth | BasicAuth | HmacAuth


class SmsFields(Table, frozen=True, kw_only=True):
    """
    Where in a request a text's parts stand: a form or query field, or a dotted path in JSON.

    For ``body = "text"`` the text is the whole body, and fields name headers as ``header:NAME``.
    """

    sender: str
    text: str
    id: str = ""
    """Without it a message is known by sender, text and minute."""
    recipient: str = ""
    time: str = ""


class SmsAck(Table, frozen=True, kw_only=True):
    """What the gateway expects once the message is committed."""

    status: Annotated[int, Meta(ge=200, le=299)] = 200
    body: str = ""
    """``{reply}`` stands for the acknowledgement where the gateway texts the body back."""
    content_type: str = "text/plain"


class SmsSend(Table, frozen=True, kw_only=True):
    """The request that sends a text through the gateway."""

    url: str
    method: Literal["GET", "POST"] = "POST"
    body: Literal["form", "json", "query"] = "form"
    fields: dict[str, str]
    """Field and value; ``{address}``, ``{text}``, ``{receipt}``, ``{id}`` and ``{secret}`` are
    put in."""
    headers: dict[str, str] = {}
    secret: Secret | None = None
    basic: BasicAuth | None = None
    success: str = ""
    """A regular expression that the response body must match; empty: any 2xx will do."""
    id_pattern: str = ""
    """A regular expression whose first group is the gateway's id of the text."""
    permanent: str = ""
    """A regular expression of bodies that mean «do not try again»."""
    idempotent: bool = False
    """Whether the gateway drops a second request with the same ``{id}``: only then is a request
    whose end is unknown sent again."""
    timeout: Seconds = 20


class SmsSettings(ChannelSettings, frozen=True, kw_only=True, tag="sms"):
    """Texts that an SMS gateway posts to ``/channels/NAME``."""

    gateway: Literal["declarative", "kannel"] = "declarative"
    auth: Auth | None = None
    allow_from: tuple[str, ...] = ()
    """Networks of the gateway; with it no other authentication is needed."""
    body: Literal["form", "json", "text"] = "form"
    """How a POST is written; a GET always has its fields in the query."""
    charset: str = "utf-8"
    """Of the body and of percent-encoded fields."""
    fields: SmsFields | None = None
    """Needed for ``gateway = "declarative"``; the others know their own."""
    batch: str = ""
    """Dotted path of the list when one JSON request carries several messages."""
    time_format: str = "iso"
    """``iso``, ``epoch``, ``epoch-ms`` or a strptime format."""
    time_zone: str = ""
    """Of times that carry none; empty: the service's."""
    ack: SmsAck = SmsAck()
    send: SmsSend | None = None
    """How an acknowledgement leaves; None where the response body is texted back."""
    region: Annotated[str, Meta(pattern="^[A-Z]{2}$")] = "RU"
    """Whose numbering plan applies to numbers written without a country code."""


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


class ImapSettings(ChannelSettings, frozen=True, kw_only=True, tag="imap"):
    """A mailbox that is read."""


class TerminalSettings(ChannelSettings, frozen=True, kw_only=True, tag="terminal"):
    """Payment terminals that ask online."""


class ApiSettings(ChannelSettings, frozen=True, kw_only=True, tag="api"):
    """The REST API of portal, mobile app and call centre."""


AnyChannel: TypeAlias = (
    SmtpSettings | SmsSettings | RegistrySettings | ImapSettings | TerminalSettings | ApiSettings
)


class Config(Table, frozen=True, kw_only=True):
    """The whole of config.toml."""

    service: Service = Service()
    database: Database = Database()
    http: Http = Http()
    log: Log = Log()
    mail: Mail = Mail()
    replies: Replies = Replies()
    rules: Rules = Rules()
    windows: dict[Name, WindowSettings]
    channels: dict[Name, AnyChannel]
