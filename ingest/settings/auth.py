"""How a gateway proves that a request is its own."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from ingest.settings.tables import Seconds, Secret, Table, Text


class SecretAuth(Table, frozen=True, kw_only=True, tag_field="kind", tag="secret"):
    """A secret that the gateway sends along: in a header, a query or form field, or the path."""

    value: Secret
    header: str = ""
    """``Authorization`` takes ``Bearer SECRET`` as well."""
    field: str = ""
    path: bool = False
    """The gateway is given ``/channels/NAME/SECRET`` as its address."""


class BasicAuth(Table, frozen=True, kw_only=True, tag_field="kind", tag="basic"):
    """HTTP Basic."""

    username: str
    password: Secret


class CertificateAuth(Table, frozen=True, kw_only=True, tag_field="kind", tag="certificate"):
    """A client certificate, as a proxy of ``http.trusted_proxies`` tells it in a header."""

    header: str = "X-SSL-Client-Fingerprint"
    """What the proxy calls it; it must take out what clients send under that name."""
    accepted: Annotated[tuple[Text, ...], Meta(min_length=1)]
    """Fingerprints, or names of subjects; colons and case do not matter."""
    verified_header: str = ""
    """A header that must say SUCCESS as well; needed where names are compared and the proxy also
    passes on certificates that it could not verify."""


class HmacAuth(Table, frozen=True, kw_only=True, tag_field="kind", tag="hmac"):
    """A signature over the body, or over whatever ``signed`` says."""

    key: Secret
    header: str = ""
    """The header with the signature."""
    field: str = ""
    """Or the field of the form, or of the JSON document, with the signature."""
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    """What stands before the signature, such as ``sha256=``."""
    timestamp_header: str = ""
    """The header with seconds since 1970."""
    nonce_header: str = ""
    """The header with what makes each signature another."""
    signed: str = "{body}{timestamp}"
    """What is signed: any text with ``{body}``, ``{timestamp}``, ``{nonce}``, ``{url}`` and
    ``{field:NAME}`` in it."""
    public_url: str = ""
    """Of ``{url}``, where it is not ``http.public_url``."""
    max_age: Seconds = 300
    """Seconds by which the time stamp may differ from our clock."""


class TwilioAuth(Table, frozen=True, kw_only=True, tag_field="kind", tag="twilio"):
    """``X-Twilio-Signature``: over the public URL and the sorted fields."""

    key: Secret
    """The account's auth token."""
    algorithm: Literal["sha1", "sha256"] = "sha1"
    public_url: str = ""
    """How Twilio reaches us; empty: ``http.public_url``."""


class PlivoAuth(Table, frozen=True, kw_only=True, tag_field="kind", tag="plivo"):
    """``X-Plivo-Signature-V3``: over the public URL, the sorted fields and a nonce."""

    key: Secret
    """The account's auth token."""
    version: Literal["v2", "v3"] = "v3"
    """v2 covers the URL alone: whoever sees one request can write others."""
    public_url: str = ""
    """How Plivo reaches us; empty: ``http.public_url``."""


class VonageAuth(Table, frozen=True, kw_only=True, tag_field="kind", tag="vonage"):
    """The field ``sig``: over all other fields, a time stamp among them."""

    key: Secret
    """The account's signature secret, which is not its API secret."""
    algorithm: Literal["md5-hash", "md5", "sha1", "sha256", "sha512"] = "md5-hash"
    """As chosen in the dashboard; all but the first are HMACs."""
    max_age: Seconds = 90_000
    """Seconds by which the time stamp may differ from our clock. Vonage tries for a day, and the
    stamp is that of its first attempt; what is sent again by somebody else has the same id."""


class SmsRuAuth(Table, frozen=True, kw_only=True, tag_field="kind", tag="sms-ru"):
    """The field ``hash`` of SMS.ru: over our ``api_id`` and all records."""

    key: Secret
    """The ``api_id``."""


SignedAuth: TypeAlias = HmacAuth | TwilioAuth | PlivoAuth | VonageAuth | SmsRuAuth
Auth: TypeAlias = SecretAuth | BasicAuth | SignedAuth
