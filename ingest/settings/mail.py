"""The channels of config.toml that take mail."""

from typing import Annotated, Literal

from msgspec import Meta

from ingest.settings.channels import ChannelSettings
from ingest.settings.tables import Bytes, Count, Name, Seconds, Secret, Table, Text


class TlsFiles(Table, frozen=True, kw_only=True):
    """A certificate chain and its key, both PEM files; relative to the folder of config.toml."""

    certificate: str
    key: str


class MailAuthentication(Table, frozen=True, kw_only=True):
    """Whether a mail comes from whom it says, as found out by a mail server of ours (RFC 8601)."""

    trusted: Annotated[tuple[Text, ...], Meta(min_length=1)]
    """The names (authserv-id) with which our own mail servers sign Authentication-Results; those
    of others are not believed. ``*.example.org``: whatever ends so; ``-``: results without name."""
    on_failure: Literal["no-reply", "judge", "hold", "reject"] = "no-reply"
    """What a failed check leads to: judged but not answered, judged and answered, held for a
    person, refused. Of the last two none is answered either: the sender may be forged. Where no
    trusted server says anything a mail is judged; ``judge`` alone answers it."""


class MailSettings(ChannelSettings, frozen=True, kw_only=True):
    """What every channel for mail has."""

    authentication: MailAuthentication | None = None
    """None: nobody checks senders; all are judged and answered."""
    partners: tuple[str, ...] = ()
    """Addresses whose ``.txt`` and ``.csv`` attachments are read as if written in the mail."""
    registries: dict[Text, Name] = {}
    """Addresses whose attached files go into the folder of a ``registry`` channel, and the name of
    that channel. Needs ``authentication``: an address alone is easily forged."""


class SmtpSettings(MailSettings, frozen=True, kw_only=True, tag="smtp"):
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


class OAuth(Table, frozen=True, kw_only=True):
    """How we come by an access token (RFC 6749, sections 4.4 and 6)."""

    token_url: Text
    """The provider's token endpoint, ``https://...``."""
    client_id: Text
    client_secret: Secret | None = None
    """None for public clients, which have none."""
    refresh_token: Secret | None = None
    """None for a program that acts in its own name (``client_credentials``), as Microsoft 365 has
    it for daemons."""
    scope: str = ""
    """As the provider wants it; empty: that of the refresh token."""
    mechanism: Literal["xoauth2", "oauthbearer"] = "xoauth2"


class ImapSettings(MailSettings, frozen=True, kw_only=True, tag="imap"):
    """A mailbox that is read by IMAP."""

    host: str = ""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    """0: 993 with ``security = "tls"``, otherwise 143."""
    security: Literal["tls", "starttls", "none"] = "tls"
    """``none`` only on loopback, unless ``allow_plain`` says otherwise."""
    allow_plain: bool = False
    """Whether password and mails may go over the network as they are."""
    ca_file: str = ""
    """PEM certificates to trust instead of the system's; relative to the folder of config.toml."""
    username: str = ""
    password: Secret | None = None
    oauth: OAuth | None = None
    """Instead of a password."""
    folder: Text = "INBOX"
    """Where mails arrive."""
    processed: str = "processed"
    """Where a mail goes once it is committed; empty: it stays where it is."""
    review: str = "review"
    """Where a mail goes that a person has to look at; empty: as ``processed``."""
    addresses: tuple[str, ...] = ()
    """The mailbox's own addresses, lower case; empty: ``username``, where that is an address."""
    reply_from: str = ""
    """The From address of replies; empty: the first of ``addresses``."""
    max_size: Bytes = 26_214_400
    """Bytes of one mail; of a larger one only the head is fetched, and a person looks."""
    poll: Seconds = 60
    """Seconds between looks into the mailbox, beside the server's notices (IDLE)."""
    timeout: Seconds = 60
    """Seconds that the server may take for an answer; then the connection is given up."""
