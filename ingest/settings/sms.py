"""The channels of config.toml that take texts from an SMS gateway."""

from typing import Annotated, Literal

from msgspec import Meta

from ingest.settings.auth import Auth, BasicAuth
from ingest.settings.channels import ChannelSettings
from ingest.settings.tables import Seconds, Secret, Table


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
