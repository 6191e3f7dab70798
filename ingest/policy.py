"""What config.toml says about judging: one frozen policy per channel."""

import datetime as dt
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from ingest.calendar import Window, build_window, find_day, find_period
from ingest.config import Configuration
from ingest.model import ChannelName, Disposition, Form, Reason
from ingest.rules import DISPOSITIONS
from ingest.settings import AnyChannel, RegistrySettings, SmsSettings, TerminalSettings

LATE = {
    "reject": Disposition.REJECT,
    "hold": Disposition.HOLD,
    "next-period": Disposition.ACCEPT,
}


class Policy(Struct, frozen=True, kw_only=True):
    """How the messages of one channel are judged and answered."""

    channel: ChannelName
    window: Window
    language: Literal["ru", "en"]
    form: Form
    dispositions: Mapping[Reason, Disposition]
    max_digits: int
    contact: str
    judge_by_operation: bool = False
    """Whether a registry line's own time decides about the window."""
    trust_operation_for: dt.timedelta = dt.timedelta(0)


class Day(Struct, frozen=True):
    """What a window says about one local day; its edges are local midnights."""

    is_open: bool
    closes_at: dt.datetime | None
    next_opening: dt.datetime | None
    period: dt.date
    """The billing period that a reading of this day is for."""


@lru_cache(maxsize=1024)
def describe_day(window: Window, day: dt.date) -> Day:
    """Return what *window* says about *day*, from memory where it was asked before."""
    at = dt.datetime.combine(day, dt.time(12), window.zone)
    is_open = window.is_open_on(day)
    next_opening = None if is_open else window.next_opening(at)
    counted_at = at
    if not is_open and window.late == "next-period" and next_opening is not None:
        counted_at = next_opening
    return Day(
        is_open=is_open,
        closes_at=window.closes_at(at) if is_open else None,
        next_opening=next_opening,
        period=find_period(counted_at, window.zone),
    )


def find_local_day(policy: Policy, at: dt.datetime) -> Day:
    """Return what the policy's window says about the moment *at*."""
    return describe_day(policy.window, find_day(at, policy.window.zone))


def build_policies(config: Configuration) -> dict[ChannelName, Policy]:
    """Return the policy of every channel, disabled ones too: their messages can be replayed."""
    return {
        ChannelName(name): build_policy(ChannelName(name), channel, config)
        for name, channel in config.settings.channels.items()
    }


def build_policy(name: ChannelName, channel: AnyChannel, config: Configuration) -> Policy:
    """Return one channel's policy; the configuration has been checked before."""
    settings = config.settings
    window = build_window(channel.window, settings.windows[channel.window], config.zone)
    registry = channel if isinstance(channel, RegistrySettings) else None
    return Policy(
        channel=name,
        window=window,
        language=channel.language or settings.service.language,
        form=Form.SHORT if isinstance(channel, SmsSettings | TerminalSettings) else Form.LONG,
        dispositions={
            **DISPOSITIONS,
            **settings.rules.dispositions,
            Reason.WINDOW_CLOSED: LATE[window.late],
            **channel.dispositions,
        },
        max_digits=settings.rules.max_digits,
        contact=settings.replies.contact,
        judge_by_operation=registry is not None and registry.judge_by == "operation",
        trust_operation_for=dt.timedelta(seconds=registry.trust_operation_for if registry else 0),
    )
