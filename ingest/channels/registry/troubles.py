"""What keeps single files from being answered, and when each is to be tried again."""

from collections.abc import Iterator

from msgspec import Struct

from ingest.channels.deposits import show_name
from ingest.errors import TransientError
from ingest.log import get_logger
from ingest.model import ChannelName
from ingest.retry import back_off

FIRST_PAUSE = 1.0

log = get_logger()


class Trouble(Struct):
    """What keeps one file from being answered."""

    pauses: Iterator[float]
    problem: str = ""
    failures: int = 0
    not_before: float = 0.0
    """Seconds of the monotonic clock."""


class Troubles:
    """The files of one channel that could not be answered yet."""

    def __init__(self, channel: ChannelName, longest_pause: float) -> None:
        self._channel = channel
        self._longest_pause = longest_pause
        self._by_key: dict[str, Trouble] = {}

    def __str__(self) -> str:
        return "; ".join(trouble.problem for trouble in self._by_key.values())

    def __bool__(self) -> bool:
        return bool(self._by_key)

    def make_pauses(self) -> Iterator[float]:
        """Return growing pauses between attempts, in seconds."""
        return back_off(min(FIRST_PAUSE, self._longest_pause), self._longest_pause)

    def list_due(self) -> list[float]:
        """List when files are to be tried again."""
        return [trouble.not_before for trouble in self._by_key.values()]

    def is_due(self, key: str, at: float) -> bool:
        """Tell whether a file may be tried now."""
        return key not in self._by_key or self._by_key[key].not_before <= at

    def note(self, key: str, name: str, error: Exception, at: float) -> Trouble:
        """Remember that a file failed, and when to try it again; a new problem is logged."""
        trouble = self._by_key.setdefault(key, Trouble(self.make_pauses()))
        problem = f"{show_name(name)}: {describe_error(error)}"
        if trouble.problem != problem:
            log.warning(
                "registry.postponed",
                channel=self._channel,
                file=show_name(name),
                problem=problem,
                exc_info=None if isinstance(error, OSError | TransientError) else error,
            )
        trouble.problem = problem
        trouble.failures += 1
        trouble.not_before = at + next(trouble.pauses)
        return trouble

    def forget(self, key: str) -> None:
        """Drop what is remembered of a file that fares well."""
        self._by_key.pop(key, None)

    def keep_only(self, keys: set[str]) -> None:
        """Drop what is remembered of files that are gone."""
        for key in self._by_key.keys() - keys:
            self.forget(key)


def describe_error(error: Exception) -> str:
    """Say what went wrong, for an operator."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
