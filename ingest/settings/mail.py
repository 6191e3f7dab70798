"""The channels of config.toml that take mail."""

from typing import Annotated, Literal

from msgspec import Meta

from ingest.settings.channels import ChannelSettings
from ingest.settings.tables import Bytes, Count, Seconds, Table


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


class ImapSettings(ChannelSettings, frozen=True, kw_only=True, tag="imap"):
    """A mailbox that is read."""
