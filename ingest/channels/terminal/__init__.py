"""Payment terminals that ask online: what they ask is performed once, and answered in time."""

from ingest.channels.terminal.channel import TerminalChannel

__all__ = ["TerminalChannel"]
