"""
The shape of config.toml: one frozen struct a table, one field a key, with default, unit and why.

Decoding is strict: an unknown key or a value of another type is an error. What single fields
cannot say (a window that is not there, a channel open to the world) stands in ``checks``.
"""

from typing import TypeAlias

from ingest.settings.auth import Auth, BasicAuth, HmacAuth, SecretAuth
from ingest.settings.channels import (
    ApiSettings,
    ChannelSettings,
    TerminalSettings,
)
from ingest.settings.mail import (
    ImapSettings,
    MailAuthentication,
    MailSettings,
    OAuth,
    SmtpSettings,
    TlsFiles,
)
from ingest.settings.registry import (
    CsvDialect,
    RegistrySettings,
)
from ingest.settings.service import (
    Database,
    Http,
    Log,
    Mail,
    Replies,
    Rules,
    Service,
    WindowSettings,
    WindowVersion,
)
from ingest.settings.sms import SmsAck, SmsFields, SmsSend, SmsSettings
from ingest.settings.tables import (
    Bytes,
    Count,
    Dispositions,
    Name,
    Seconds,
    Secret,
    Table,
    Text,
)

__all__ = [
    "AnyChannel",
    "ApiSettings",
    "Auth",
    "BasicAuth",
    "Bytes",
    "ChannelSettings",
    "Config",
    "Count",
    "CsvDialect",
    "Database",
    "Dispositions",
    "HmacAuth",
    "Http",
    "ImapSettings",
    "Log",
    "Mail",
    "MailAuthentication",
    "MailSettings",
    "Name",
    "OAuth",
    "RegistrySettings",
    "Replies",
    "Rules",
    "Seconds",
    "Secret",
    "SecretAuth",
    "Service",
    "SmsAck",
    "SmsFields",
    "SmsSend",
    "SmsSettings",
    "SmtpSettings",
    "Table",
    "TerminalSettings",
    "Text",
    "TlsFiles",
    "WindowSettings",
    "WindowVersion",
]

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
