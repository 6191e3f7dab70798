"""How a gateway proves that a request is its own."""

from typing import Literal, TypeAlias

from ingest.settings.tables import Seconds, Secret, Table


class SecretAuth(Table, frozen=True, kw_only=True, tag_field="kind", tag="secret"):
    """A secret that the gateway sends along: in a header, or as a query or form field."""

    value: Secret
    header: str = ""
    field: str = ""


class BasicAuth(Table, frozen=True, kw_only=True, tag_field="kind", tag="basic"):
    """HTTP Basic."""

    username: str
    password: Secret


class HmacAuth(Table, frozen=True, kw_only=True, tag_field="kind", tag="hmac"):
    """A signature over the body, or over the body followed by a time stamp."""

    key: Secret
    header: str
    """The header with the signature."""
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    """What stands before the signature, such as ``sha256=``."""
    timestamp_header: str = ""
    """The header with seconds since 1970; its text is appended to the body before signing."""
    max_age: Seconds = 300
    """Seconds by which the time stamp may differ from our clock."""


Auth: TypeAlias = SecretAuth | BasicAuth | HmacAuth
