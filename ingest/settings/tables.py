"""What every table of config.toml has in common, and the kinds of values in them."""

from typing import Annotated

from msgspec import Meta, Struct

from ingest.model import Disposition, Reason

Seconds = Annotated[float, Meta(gt=0, le=31_536_000)]
Bytes = Annotated[int, Meta(gt=0, le=1_099_511_627_776)]
Count = Annotated[int, Meta(gt=0, le=1_000_000)]
Text = Annotated[str, Meta(min_length=1)]
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Dispositions = dict[Reason, Disposition]


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of config.toml; unknown keys in it are errors."""


class Secret(Table, frozen=True, kw_only=True):
    """Where a secret is kept; exactly one of the three. It never stands in config.toml itself."""

    env: str = ""
    """Name of an environment variable."""
    file: str = ""
    """Path of a file, relative to the folder of config.toml; a line end at its end is taken off."""
    credential: str = ""
    """Name of a systemd credential (``LoadCredential=``)."""
