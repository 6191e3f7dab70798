"""The tables of config.toml that hold for the daemon as a whole."""

import datetime as dt
from typing import Annotated, Literal

from msgspec import Meta

from ingest.settings.tables import Bytes, Count, Dispositions, Seconds, Secret, Table, Text


class Service(Table, frozen=True, kw_only=True):
    """The daemon as a whole."""

    timezone: Text = "Asia/Krasnoyarsk"
    """IANA name; windows and billing periods are counted in it."""
    language: Literal["ru", "en"] = "ru"
    """Of replies; commands and log are in English."""
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
    receive_within: Seconds = 10
    """Seconds in which a message is committed; its upstream is told to come again after them, and
    others at once until PostgreSQL answers. What is under way meanwhile may still be committed."""


class Http(Table, frozen=True, kw_only=True):
    """The two HTTP listeners."""

    listen: str = "127.0.0.1:8080"
    """Channels: webhooks, uploads, terminals, API."""
    internal: str = "127.0.0.1:8081"
    """/metrics, /healthz, /readyz: for operations, never for the internet."""
    public_url: str = ""
    """How the world reaches ``listen``, such as ``https://readings.example.org``. Gateways sign
    it, and report to it; empty where none does."""
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
    per_address: Count = 30
    """A day, to one address, whatever for; more are recorded as suppressed."""
    per_address_accepted: Count = 500
    """A day, to one address, for readings that were accepted or corrected. They do not count
    towards the two above: a company sends those of many flats, and no loop makes them."""
    per_minute: Count = 600
    """In all; beyond it replies wait. It keeps a storm from leaving the house."""
    give_up_after: Seconds = 172_800
    """Seconds for which a reply is tried again."""


class JournalSettings(Table, frozen=True, kw_only=True):
    """How messages are kept on disk while PostgreSQL is away, where ``journal = true``."""

    after: Seconds = 5
    """Seconds that PostgreSQL has for a message before it is kept on disk; well below the time
    after which the gateway hangs up."""
    max_size: Bytes = 268_435_456
    """Bytes of one channel's journal; beyond it messages are refused for now."""
    min_free: Bytes = 67_108_864
    """Bytes of the disk that are left free: PostgreSQL may need them to come back."""


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
