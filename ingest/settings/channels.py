"""What every channel of config.toml has, and the types that have nothing of their own yet."""

from typing import Literal

from ingest.settings.tables import Dispositions, Table


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


class ApiSettings(ChannelSettings, frozen=True, kw_only=True, tag="api"):
    """The REST API of portal, mobile app and call centre."""
