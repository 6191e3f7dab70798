"""The only module that asks the time."""

import datetime as dt
import time


def now() -> dt.datetime:
    """Return this moment as an aware datetime in UTC."""
    return dt.datetime.now(dt.UTC)


def monotonic() -> float:
    """Return seconds of a clock that never jumps; only differences mean anything."""
    return time.monotonic()
