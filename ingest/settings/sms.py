"""The channels of config.toml that take texts from an SMS gateway."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from ingest.settings.auth import Auth, BasicAuth
from ingest.settings.channels import ChannelSettings
from ingest.settings.tables import Count, Seconds, Secret, Table, Text

GatewayName: TypeAlias = Literal[
    "declarative",
    "kannel",
    "jasmin",
    "smsc",
    "sms-ru",
    "exolve",
    "android",
    "gammu",
    "twilio",
    "infobip",
    "vonage",
    "plivo",
    "sinch",
]


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
    part_reference: str = ""
    """What the parts of one long text share, where the gateway does not put them together."""
    part_number: str = ""
    part_total: str = ""


class SmsAck(Table, frozen=True, kw_only=True):
    """What the gateway expects once the message is committed."""

    status: Annotated[int, Meta(ge=200, le=299)] = 200
    body: str = ""
    """``{reply}`` stands for the acknowledgement where the gateway texts the body back."""
    without_reply: str = ""
    """The body where ``{reply}`` stands for one and nothing is to be said."""
    content_type: str = "text/plain"


class SmsReports(Table, frozen=True, kw_only=True):
    """
    Where in a request a delivery report's parts stand, as in ``fields``.

    A request in which ``status`` is found, and the text is not, is a report.
    """

    status: str
    id: str = ""
    """The gateway's id of the text."""
    reply: str = ""
    """Our own ``{id}``, where the gateway repeats it; one of the two must be found."""
    detail: str = ""
    """Further words on the status, such as an error code."""
    time: str = ""
    delivered: str = "delivered"
    """A regular expression of what the status is when the text has arrived; all of it, in small
    or capital letters."""
    undelivered: str = "undelivered|failed|rejected|expired"
    """And when it will not; every other status says that it is under way."""


class SmsPace(Table, frozen=True, kw_only=True):
    """How answers leave, whatever brings them to the gateway."""

    transliterate: bool = False
    """Cyrillic in Latin letters: 160 of them fit into one SMS, and 70 of the others."""
    per_second: Count | None = None
    per_minute: Count | None = None
    """Texts that one daemon hands over at most; the others wait."""
    quiet_hours: str = ""
    """``22:00-07:00`` by ``service.timezone``: what would leave then leaves when they end."""


class SmsSend(SmsPace, frozen=True, kw_only=True):
    """
    The request that sends a text through the gateway.

    What is not given is the gateway's own, where it is one that we know; fields and headers are
    put beside those, or in their place.
    """

    url: str = ""
    method: Literal["GET", "POST"] | None = None
    """POST, unless the gateway wants it otherwise."""
    body: Literal["form", "json", "query"] | None = None
    """A form, unless the gateway wants it otherwise."""
    fields: dict[str, str] = {}
    """Field and value; ``{address}``, ``{digits}``, ``{text}``, ``{text_hex}``, ``{receipt}``,
    ``{id}``, ``{secret}``, ``{report_url}`` and those of ``values`` are put in. What is empty then
    is left out."""
    headers: dict[str, str] = {}
    values: dict[str, str] = {}
    """Placeholders of one's own, such as ``from``; a gateway that we know may ask for some."""
    secret: Secret | None = None
    basic: BasicAuth | None = None
    success: str | None = None
    """A regular expression that the response body must match; empty: any 2xx will do."""
    id_pattern: str | None = None
    """A regular expression whose first group is the gateway's id of the text."""
    permanent: str | None = None
    """A regular expression of bodies that mean «do not try again»."""
    retry: str | None = None
    """A regular expression of bodies that mean «later», whatever the status is."""
    idempotent: bool | None = None
    """Whether the gateway drops a second request with the same ``{id}``: only then is a request
    whose end is unknown sent again."""
    timeout: Seconds = 20


class SmsPoll(Table, frozen=True, kw_only=True):
    """How a gateway is asked that does not bring its texts by itself."""

    every: Seconds = 15
    """Between the end of one question and the next."""
    look_back: Seconds = 86_400
    """How far the very first question goes back."""
    url: str = ""
    """Empty: the gateway's own address."""
    fields: dict[str, str] = {}
    """Beside or in the place of the gateway's own; ``{secret}`` is put in, empty leaves one out."""
    secret: Secret | None = None
    timeout: Seconds = 20


class SmsDatabase(SmsPace, frozen=True, kw_only=True):
    """The tables of gammu-smsd: texts are fetched from them, and answers put into them."""

    url: Text
    """In a database or schema of their own: ours has an ``outbox`` too."""
    password: Secret | None = None
    sender_id: str = ""
    """Which telephone sends, where smsd has several; empty: any."""


class SmsSettings(ChannelSettings, frozen=True, kw_only=True, tag="sms"):
    """Texts that an SMS gateway posts to ``/channels/NAME``."""

    gateway: GatewayName = "declarative"
    auth: Auth | None = None
    allow_from: tuple[str, ...] = ()
    """Networks of the gateway; with it no other authentication is needed."""
    body: Literal["form", "json", "text", "auto"] = "form"
    """How a POST is written, ``auto``: as JSON where its Content-Type says so, else as a form. A
    GET always has its fields in the query."""
    charset: str = "utf-8"
    """Of the body and of percent-encoded fields."""
    fields: SmsFields | None = None
    """Needed for ``gateway = "declarative"``; the others know their own."""
    reports: SmsReports | None = None
    """None where the gateway sends no delivery reports to us."""
    batch: str = ""
    """Dotted path of the list when one JSON request carries several messages."""
    time_format: str = "iso"
    """``iso``, ``epoch``, ``epoch-ms`` or a strptime format."""
    time_zone: str = ""
    """Of times that carry none; empty: the service's."""
    time_is: Literal["sender", "arrival"] = "sender"
    """Whose clock ``fields.time`` tells where we cannot know: the sender's, which is only shown, or
    that of the gateway when it took the text."""
    trust_arrival_for: Annotated[float, Meta(ge=0, le=31_536_000)] = 604_800
    """Seconds by which a text may have come to the gateway before it came to us: that moment is
    the one to judge by. 0: only our own clock is believed."""
    ack: SmsAck = SmsAck()
    send: SmsSend | None = None
    """How an acknowledgement leaves; None where the response body is texted back."""
    answer: Literal["auto", "body", "send"] = "auto"
    """How acknowledgements go: in the response body or by ``send``; ``auto``: in the body where
    the gateway texts that back. Verdicts that come later go by ``send`` always."""
    parts_wait: Seconds = 600
    """How long the parts of a text wait for each other before they are judged as they are."""
    poll: SmsPoll = SmsPoll()
    """For gateways that are asked: smsc, exolve, gammu."""
    database: SmsDatabase | None = None
    """For gammu, when its tables are in PostgreSQL."""
    region: Annotated[str, Meta(pattern="^[A-Z]{2}$")] = "RU"
    """Whose numbering plan applies to numbers written without a country code."""
