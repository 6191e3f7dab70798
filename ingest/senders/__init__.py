"""
How acknowledgements leave: by mail through a relay, as files, or through an SMS gateway.

A sender tries once and sorts how it ended into a DeliveryState; when to try again is the outbox's
business. Only what concerns this one reply is final: a wrong password or a relay that does not
know us is put right by a person, and the reply goes out then.
"""

import datetime as dt
import re
from collections.abc import Callable
from typing import Protocol

from ingest import clock
from ingest.config import Configuration
from ingest.errors import ConfigError
from ingest.gammu import build_box
from ingest.model import ChannelName
from ingest.ports import Sender
from ingest.senders.gammu import GammuSender
from ingest.senders.mail import FolderSender, MailSender, Stationery
from ingest.senders.plan import Preset, make_plan
from ingest.senders.sms import SmsSender
from ingest.settings import (
    AnyChannel,
    ImapSettings,
    RegistrySettings,
    SmsSettings,
    SmtpSettings,
)

FOLDER = "directory:"
NO_PRESET = Preset()


class ClosableSender(Sender, Protocol):
    """A sender with what it holds open."""

    async def aclose(self) -> None:
        """Let go of every connection."""


def build_sender(
    name: ChannelName,
    settings: AnyChannel,
    config: Configuration,
    *,
    preset: Preset = NO_PRESET,
    now: Callable[[], dt.datetime] = clock.now,
) -> ClosableSender | None:
    """
    Return the way out of a channel's replies; None where it has none.

    *preset* is what its gateway brings along for texts that we send. Touches no network. Raises
    ConfigError for settings that cannot work.
    """
    if isinstance(settings, SmtpSettings | ImapSettings):
        return build_mail_sender(find_from_address(settings), config, now)
    if isinstance(settings, RegistrySettings) and settings.mail_results_from:
        return build_mail_sender(settings.mail_results_from, config, now)
    if isinstance(settings, SmsSettings) and settings.send is None:
        return build_gammu_sender(name, settings, config)
    if isinstance(settings, SmsSettings) and settings.send is not None:
        try:
            plan = make_plan(settings.send, preset)
            return SmsSender(name, plan, config, settings.region, now=now)
        except (ConfigError, re.error) as error:
            raise ConfigError(f"channels.{name}.send.{error}") from None
    return None


def build_gammu_sender(
    name: ChannelName, settings: SmsSettings, config: Configuration
) -> GammuSender | None:
    """Return the way out through smsd's tables; None where the channel names none."""
    box = build_box(settings, config)
    if box is None or settings.database is None:
        return None
    return GammuSender(name, box, settings.region, latin=settings.database.transliterate)


def build_mail_sender(
    address: str,
    config: Configuration,
    now: Callable[[], dt.datetime],
) -> ClosableSender:
    """Return a sender that writes from *address*, in the name of the channel."""
    mail = config.settings.mail
    stationery = Stationery(address, mail.from_name, now)
    if mail.relay.startswith(FOLDER):
        return FolderSender(config.state_dir / mail.relay.removeprefix(FOLDER), stationery)
    return MailSender(mail, config, stationery)


def find_from_address(settings: SmtpSettings | ImapSettings) -> str:
    """Return the address that replies are written from."""
    if settings.reply_from:
        return settings.reply_from
    if isinstance(settings, SmtpSettings):
        return settings.recipients[0]
    return settings.addresses[0] if settings.addresses else settings.username
