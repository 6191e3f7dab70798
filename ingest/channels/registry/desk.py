"""What every file of a registry channel is processed with, and what is remembered of each."""

import datetime as dt
from collections.abc import Callable

from ingest.channels.registry.answer import SUFFIXES
from ingest.channels.registry.folders import Claimed, Folders
from ingest.config import Configuration
from ingest.model import ChannelName, Decision, RegistryProgress
from ingest.ports import RegistrySink
from ingest.settings import RegistrySettings


class Desk:
    """What every file of a channel is processed with."""

    def __init__(
        self,
        name: ChannelName,
        settings: RegistrySettings,
        config: Configuration,
        sink: RegistrySink,
        now: Callable[[], dt.datetime],
    ) -> None:
        self.name = name
        self.settings = settings
        self.sink = sink
        self.now = now
        self.zone = config.zone
        self.language = settings.language or config.settings.service.language
        self.folders = Folders(config.state_dir / settings.directory)
        self._stems: dict[str, str] = {}
        self._mentioned: set[str] = set()
        self._put_off: dict[str, RegistryProgress] = {}

    def choose_stem(self, claimed: Claimed) -> str:
        """
        Return the name for the answers to a file, the same however often it is tried.

        Otherwise a file that cannot be put away would leave another set of answers each time.
        """
        key = claimed.path.name
        if key not in self._stems:
            self._stems[key] = self.folders.find_stem(claimed.name, SUFFIXES)
        return self._stems[key]

    def is_news(self, claimed: Claimed) -> bool:
        """Tell whether this is the first time that a file is asked about."""
        fresh = claimed.path.name not in self._mentioned
        self._mentioned.add(claimed.path.name)
        return fresh

    def forget(self, claimed: Claimed) -> None:
        """Drop what is remembered of a file that was put away."""
        self._stems.pop(claimed.path.name, None)
        self._mentioned.discard(claimed.path.name)

    def put_off(self, claimed: Claimed, progress: RegistryProgress) -> None:
        """Leave a file alone until a person has decided about it."""
        self._put_off[claimed.path.name] = progress

    async def is_put_off(self, claimed: Claimed) -> bool:
        """Tell whether a file still waits for a person."""
        progress = self._put_off.get(claimed.path.name)
        if progress is None:
            return False
        progress = await self.sink.find_decision(progress)
        if progress.decision is Decision.AWAITED and not progress.finished:
            return True
        del self._put_off[claimed.path.name]
        return False
