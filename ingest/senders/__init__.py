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
from ingest.model import ChannelName
from ingest.ports import Sender
from ingest.senders.mail import FolderSender, MailSender, Stationery
from ingest.senders.sms import SmsSender
from ingest.settings import AnyChannel, SmsSettings, SmtpSettings

FOLDER = "directory:"


class ClosableSender(Sender, Protocol):
    """A sender with what it holds open."""

    async def aclose(self) -> None:
        """Let go of every connection."""


def build_sender(
    name: ChannelName,
    settings: AnyChannel,
    config: Configuration,
    *,
    now: Callable[[], dt.datetime] = clock.now,
) -> ClosableSender | None:
    """
    Return the way out of a channel's replies; None where it has none.

    Touches no network. Raises ConfigError for settings that cannot work.
    """
    if isinstance(settings, SmtpSettings):
        return build_mail_sender(settings, config, now)
    if isinstance(settings, SmsSettings) and settings.send is not None:
        try:
            return SmsSender(name, settings.send, config)
        except (ConfigError, re.error) as error:
            raise ConfigError(f"channels.{name}.send.{error}") from None
    return None


def build_mail_sender(
    settings: SmtpSettings, config: Configuration, now: Callable[[], dt.datetime]
) -> ClosableSender:
    """Return a sender that writes in the name of the channel."""
    mail = config.settings.mail
    stationery = Stationery(settings.reply_from or settings.recipients[0], mail.from_name, now)
    if mail.relay.startswith(FOLDER):
        return FolderSender(config.state_dir / mail.relay.removeprefix(FOLDER), stationery)
    return MailSender(mail, config, stationery)
