"""
The shape of config.toml: one frozen struct a table, one field a key, with default, unit and why.

Decoding is strict: an unknown key or a value of another type is an error. What single fields
cannot say (a window that is not there, a channel open to the world) stands in ``checks``.
"""

from typing import TypeAlias

from ingest.settings.auth import (
    Auth,
    BasicAuth,
    CertificateAuth,
    HmacAuth,
    PlivoAuth,
    SecretAuth,
    SignedAuth,
    SmsRuAuth,
    TwilioAuth,
    VonageAuth,
)
from ingest.settings.channels import (
    ApiSettings,
    ChannelSettings,
)
from ingest.settings.mail import (
    ImapSettings,
    MailAuthentication,
    MailSettings,
    OAuth,
    SmtpSettings,
    TlsFiles,
)
from ingest.settings.online import (
    CityPayDialect,
    CommandCallDialect,
    JsonDialect,
    OnlineTable,
    OsmpDialect,
    SberbankDialect,
    TerminalDialect,
)
from ingest.settings.registry import (
    Column,
    CounterPairsDialect,
    CsvDialect,
    DbfDialect,
    Dialect,
    DialectTable,
    Encoding,
    LabelledDialect,
    MeterBlocksDialect,
    RegistrySettings,
    TextDialect,
    XlsxDialect,
)
from ingest.settings.service import (
    Database,
    Http,
    JournalSettings,
    Log,
    Mail,
    Replies,
    Rules,
    Service,
    WindowSettings,
    WindowVersion,
)
from ingest.settings.sms import (
    GatewayName,
    SmsAck,
    SmsDatabase,
    SmsFields,
    SmsPace,
    SmsPoll,
    SmsReports,
    SmsSend,
    SmsSettings,
)
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
from ingest.settings.terminal import (
    HashAuth,
    LoginAuth,
    TerminalAuth,
    TerminalSettings,
)
from ingest.settings.ways import SftpSettings, UploadAuth, UploadSettings

__all__ = [
    "AnyChannel",
    "ApiSettings",
    "Auth",
    "BasicAuth",
    "Bytes",
    "CertificateAuth",
    "ChannelSettings",
    "CityPayDialect",
    "Column",
    "CommandCallDialect",
    "Config",
    "Count",
    "CounterPairsDialect",
    "CsvDialect",
    "Database",
    "DbfDialect",
    "Dialect",
    "DialectTable",
    "Dispositions",
    "Encoding",
    "GatewayName",
    "HashAuth",
    "HmacAuth",
    "Http",
    "ImapSettings",
    "JournalSettings",
    "JsonDialect",
    "LabelledDialect",
    "Log",
    "LoginAuth",
    "Mail",
    "MailAuthentication",
    "MailSettings",
    "MeterBlocksDialect",
    "Name",
    "OAuth",
    "OnlineTable",
    "OsmpDialect",
    "PlivoAuth",
    "RegistrySettings",
    "Replies",
    "Rules",
    "SberbankDialect",
    "Seconds",
    "Secret",
    "SecretAuth",
    "Service",
    "SftpSettings",
    "SignedAuth",
    "SmsAck",
    "SmsDatabase",
    "SmsFields",
    "SmsPace",
    "SmsPoll",
    "SmsReports",
    "SmsRuAuth",
    "SmsSend",
    "SmsSettings",
    "SmtpSettings",
    "Table",
    "TerminalAuth",
    "TerminalDialect",
    "TerminalSettings",
    "Text",
    "TextDialect",
    "TlsFiles",
    "TwilioAuth",
    "UploadAuth",
    "UploadSettings",
    "VonageAuth",
    "WindowSettings",
    "WindowVersion",
    "XlsxDialect",
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
    journal: JournalSettings = JournalSettings()
    rules: Rules = Rules()
    windows: dict[Name, WindowSettings]
    channels: dict[Name, AnyChannel]
