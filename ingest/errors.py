"""
The exceptions of this program, and who must act on each.

::

    IngestError
    ├── ConfigError        the operator must change config.toml or a secret; exit status 2
    ├── TransientError     nobody: try the same thing again later
    ├── PermanentError     somebody: trying the same thing again will not help
    └── NotFoundError      the caller asked for something that is not recorded

A class's docstring is its default message.
"""


class IngestError(Exception):
    """Something went wrong."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").strip())


class ConfigError(IngestError):
    """The configuration cannot be used."""


class TransientError(IngestError):
    """It cannot be done right now; the same attempt may succeed later."""


class PermanentError(IngestError):
    """It cannot be done, however often it is tried."""


class NotFoundError(IngestError):
    """Nothing like that is recorded."""
