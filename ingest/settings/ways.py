"""By which ways batch files come into the folder of a channel, besides being dropped there."""

from typing import Annotated, TypeAlias

from msgspec import Meta

from ingest.settings.auth import BasicAuth, CertificateAuth, HmacAuth, SecretAuth
from ingest.settings.tables import Count, Seconds, Secret, Table, Text

UploadAuth: TypeAlias = SecretAuth | BasicAuth | HmacAuth | CertificateAuth
Clock = Annotated[str, Meta(pattern=r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$")]
After = Annotated[str, Meta(pattern=r"^(?:keep|delete|move:[^\x00]+)$")]


class UploadSettings(Table, frozen=True, kw_only=True):
    """Files that a partner uploads by HTTP, and answers that it fetches."""

    auth: UploadAuth | None = None
    """How the partner proves itself, with a secret in a header."""
    allow_from: tuple[str, ...] = ()
    """Networks that may upload; empty: all, where ``auth`` or a local listener stands guard."""
    at_once: Count = 4
    """Uploads of this channel side by side; one more is told to come later (503)."""


class SftpSettings(Table, frozen=True, kw_only=True):
    """Files that are fetched from a partner's SFTP server."""

    host: Text
    port: Annotated[int, Meta(ge=1, le=65_535)] = 22
    username: Text
    password: Secret | None = None
    key: Secret | None = None
    """A private key in OpenSSH's or PEM format, instead of a password or with it."""
    passphrase: Secret | None = None
    """Of the key."""
    host_keys: tuple[Text, ...] = ()
    """The server's public keys, such as ``ssh-ed25519 AAAA...``; no other server is spoken to."""
    known_hosts: str = ""
    """Or a file with them, as OpenSSH keeps it; relative to the folder of config.toml."""
    directory: Text = "."
    """Where the files lie."""
    pattern: Text = "*"
    """Names that are fetched, as a shell has them: ``reestr-*.csv``."""
    every: Seconds = 300
    """Seconds between looks."""
    at: tuple[Clock, ...] = ()
    """Instead, times of day in the service's zone: ``["06:00", "18:30"]``."""
    settle: Annotated[float, Meta(ge=0, le=60)] = 10
    """Seconds for which a file must rest there to count as complete; 0: each name is complete."""
    after: After = "keep"
    """What becomes of a file that was fetched: ``keep``, ``delete`` or ``move:DIRECTORY``."""
    results: str = ""
    """Where the answers to fetched files are put on that server; empty: nowhere."""
    timeout: Seconds = 60
    """Seconds that the server may take for an answer."""
