"""
Logs: one event a line, JSON under systemd and readable on a terminal.

Events are named ``noun.past_participle``; keys are words of the glossary. Accounts and addresses
are masked where they are logged, secrets never are.
"""

import logging
import sys
from typing import Any, TextIO, cast

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

LONGEST_VALUE = 2000
"""Characters of one value; a traceback is longer and exempt."""

SEPARATORS = {code: f"\\u{code:04x}" for code in (0x85, 0x2028, 0x2029)}
"""Characters that some readers of a log take for the end of a line."""


def get_logger() -> FilteringBoundLogger:
    """Return the logger; it is cheap, and bound to nothing."""
    return cast(FilteringBoundLogger, structlog.get_logger())


def configure_logging(level: str, style: str, stream: TextIO | None = None) -> None:
    """Set logging up for the whole process; *style* is ``auto``, ``json`` or ``console``."""
    stream = sys.stderr if stream is None else stream
    number = logging.getLevelNamesMapping()[level.upper()]
    readable = style == "console" or (style == "auto" and stream.isatty())
    structlog.configure(
        processors=[*make_processors(), make_renderer(readable=readable, stream=stream)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: StreamLogger(stream),
    )
    forward_standard_logging()


def make_processors() -> list[Processor]:
    """Return what happens to every event before it is rendered."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
        shorten_values,
    ]


def make_renderer(*, readable: bool, stream: TextIO) -> Processor:
    """Return the last processor: a line of text for people or for programs."""
    if readable:
        return structlog.dev.ConsoleRenderer(colors=stream.isatty(), timestamp_key="at")
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def shorten_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Cut long values: what a stranger sent must not fill the disk."""
    for key, value in event.items():
        if isinstance(value, str) and len(value) > LONGEST_VALUE and key != "exception":
            event[key] = f"{value[:LONGEST_VALUE]}... ({len(value)} characters)"
    return event


def escape(text: str) -> str:
    """Spell out what is no character, or would end a line for some readers."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").translate(SEPARATORS)


class StreamLogger:
    """Writes lines; a log that cannot be written never stops the work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def msg(self, message: str) -> None:
        """Write one line; lone surrogates and foreign line separators are escaped."""
        line = message if message.isascii() else escape(message)
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except (OSError, ValueError):
            return

    debug = info = warning = error = critical = exception = msg


class ForwardingHandler(logging.Handler):
    """Passes what libraries log on to ours."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log *record* as one event with the library's name."""
        values: dict[str, Any] = {"library": record.name, "detail": record.getMessage()}
        if record.exc_info:
            values["exc_info"] = record.exc_info
        get_logger().log(record.levelno, "library.logged", **values)


def forward_standard_logging() -> None:
    """Let libraries speak through our log, from warnings upward."""
    root = logging.getLogger()
    root.handlers = [ForwardingHandler()]
    root.setLevel(logging.WARNING)
