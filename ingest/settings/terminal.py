"""The channels of config.toml that payment terminals ask online."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from ingest.settings.auth import BasicAuth, CertificateAuth
from ingest.settings.channels import ChannelSettings
from ingest.settings.online import TerminalDialect
from ingest.settings.tables import Seconds, Secret, Table, Text


class HashAuth(Table, frozen=True, kw_only=True, tag_field="kind", tag="hash"):
    """A hash over fields of the request and a secret."""

    secret: Secret
    field: str = ""
    """The parameter of the query, or of the form in the body, with the hash."""
    header: str = ""
    """Or the header with it."""
    algorithm: Literal["md5", "sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    signed: str = "{query}{secret}"
    """What is hashed: any text with ``{secret}``, ``{query}`` (as it came, without the hash),
    ``{body}`` and ``{field:NAME}`` in it."""


class LoginAuth(Table, frozen=True, kw_only=True, tag_field="kind", tag="login"):
    """Login and password inside of the request, as ``commandCall`` has them."""

    username: Text
    password: Secret


TerminalAuth: TypeAlias = BasicAuth | CertificateAuth | HashAuth | LoginAuth


class TerminalSettings(ChannelSettings, frozen=True, kw_only=True, tag="terminal"):
    """Payment terminals that ask online."""

    dialect: TerminalDialect
    allow_from: tuple[str, ...] = ()
    """Networks that may ask; empty: all, where ``auth`` or a local listener stands guard."""
    auth: TerminalAuth | None = None
    deadline: Annotated[float, Meta(ge=0.1, le=120)] = 5
    """Seconds within which an answer is given, a non-final one where PostgreSQL hangs."""
    payments: Literal["ack", "refuse"] = "ack"
    """What a payment without readings is told: it is none of our business, or not wanted here."""
    cancels: Literal["ack", "refuse"] = "ack"
    """What a cancelled payment is told. Its readings count either way: a meter does not turn back
    because money does."""
    show_values: bool = False
    """Whether a check shows the value that counts by now to whoever knows the account."""
    judge_by: Literal["arrival", "operation"] = "arrival"
    """Which time the window is judged by: when the request came, or the partner's own time."""
    trust_operation_for: Seconds = 604_800
    """Seconds before arrival for which the partner's time is believed; an older one is held."""
    reconcile_with: str = ""
    """The channel with the partner's registry, for ``ingest reconcile``."""
    reconcile_after: Annotated[int, Meta(ge=0, le=31)] = 1
    """Days by which the registry comes after the day that it is about, where its lines carry no
    time of their own."""
