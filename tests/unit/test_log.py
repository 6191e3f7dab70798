"""One event a line, whatever a stranger sent; a log that fails stops nothing."""

import io
import json
import logging

import pytest
import structlog

from ingest.log import StreamLogger, configure_logging, get_logger


@pytest.fixture
def written():
    """A stream that the log goes to; what was set up is undone."""
    handlers, level = logging.getLogger().handlers, logging.getLogger().level
    yield io.StringIO()
    structlog.reset_defaults()
    logging.getLogger().handlers, logging.getLogger().level = handlers, level


def test_json_lines(written):
    """Under systemd an event is one JSON object with its time in UTC."""
    configure_logging("info", "json", written)
    get_logger().info("message.judged", channel="sms", text="a\nb\x1b[31m\u2028")
    [line] = written.getvalue().splitlines()
    row = json.loads(line)
    assert ("message.judged", "sms", "info") == (row["event"], row["channel"], row["level"])
    assert row["at"].endswith("Z")


def test_level(written):
    """What is below the level is not written."""
    configure_logging("warning", "json", written)
    get_logger().info("message.judged")
    assert "" == written.getvalue()


def test_long_values_are_cut(written):
    """A megabyte from a stranger does not fill the disk."""
    configure_logging("info", "json", written)
    get_logger().info("mail.refused", text="x" * 1_000_000)
    assert len(written.getvalue()) < 3000


def test_libraries_speak_through_it(written):
    """Warnings of libraries come out in the same form."""
    configure_logging("info", "json", written)
    logging.getLogger("aiohttp").warning("odd %s", "request")
    assert ("aiohttp", "odd request") == tuple(
        json.loads(written.getvalue())[key] for key in ("library", "detail")
    )


def test_tracebacks_show_no_variables(written):
    """A traceback names lines, not values: those may be secrets."""
    configure_logging("info", "console", written)
    try:
        int("x", 2 + 0 * len(secret := str(10**9 + 7)))
    except ValueError:
        get_logger().exception("part.failed")
    assert "ValueError" in written.getvalue()
    assert secret not in written.getvalue()


def test_a_closed_stream_stops_nothing():
    """A log that cannot be written is not worth dying for."""
    stream = io.StringIO()
    stream.close()
    StreamLogger(stream).msg("lost")


def test_lone_surrogates_are_escaped(written):
    """Text that no terminal can show is written as an escape."""
    StreamLogger(written).msg("a\ud83db")
    assert "a\\ud83db\n" == written.getvalue()
