"""Tries, for ``ingest check``, whether a partner's SFTP server can be fetched from."""

from ingest.channels.registry.sftp import connect, make_options
from ingest.config import Configuration
from ingest.errors import ConfigError, PermanentError
from ingest.settings import SftpSettings


def check_keys(settings: SftpSettings, config: Configuration) -> None:
    """Raise ConfigError for keys that cannot be used; nothing is connected to."""
    try:
        make_options(settings, config)
    except PermanentError as error:
        raise ConfigError(str(error)) from None


async def count_files(settings: SftpSettings, config: Configuration) -> int:
    """Connect and return how many files would be fetched; raises ServerError."""
    async with connect(settings, config) as server:
        return len((await server.list_files()).files)
