"""The files of partners' mails, on their way into the folders of channels for batch files."""

from msgspec.structs import replace

from ingest.channels.deposits.letterbox import Letterbox, TooLargeError, deposit
from ingest.channels.deposits.names import clean_name, show_name
from ingest.config import Configuration
from ingest.correspondence import TOO_LARGE, Correspondence
from ingest.errors import TransientError
from ingest.log import get_logger
from ingest.model import ChannelName, InboundMessage
from ingest.settings import RegistrySettings

log = get_logger()


class Postbox:
    """Takes the files of partners' mails into the folders of channels for batch files."""

    def __init__(self, name: ChannelName, config: Configuration) -> None:
        self._name = name
        self._letterboxes = {
            other: Letterbox(config.state_dir / settings.directory, settings)
            for other, settings in config.channels.items()
            if isinstance(settings, RegistrySettings)
        }

    async def take(self, mail: Correspondence) -> InboundMessage:
        """
        Put the files of *mail* where they belong; return the message that is to be committed.

        The same mail again changes nothing. Raises TransientError when not all of them are there.
        """
        try:
            for file in mail.files:
                name = clean_name(file.name, "registry")
                done = await deposit(self._letterboxes[mail.registry], name, file.content)
                log.info(
                    "registry.deposited",
                    channel=mail.registry,
                    file=show_name(done.name),
                    way=self._name,
                    size=done.size,
                    again=not done.is_new,
                )
        except TooLargeError:
            return replace(mail.message, finding=TOO_LARGE)
        except OSError as error:
            raise TransientError(f"{mail.registry}: {error.strerror or error}") from error
        return mail.message
