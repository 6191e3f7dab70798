"""What became of the reply that a message has: where it went, or why nobody got it."""

from collections.abc import Mapping
from typing import Any

from ingest.channels.sms.channel import answers_in_body, build_gateway
from ingest.config import Configuration
from ingest.correspondence import Desk, build_desk, list_answered
from ingest.errors import ConfigError
from ingest.history import Story
from ingest.mail.headers import is_plain_address
from ingest.mail.robots import is_robot
from ingest.mime import read_mail
from ingest.model import ChannelName, Reason
from ingest.phones import is_person
from ingest.reports import SUPPRESSED
from ingest.settings import AnyChannel, ImapSettings, SmsSettings, SmtpSettings, TerminalSettings
from ingest.store import Row

BODY = "body"
NONE = "none"
UNSENT = "not sent"
OWED = {
    "due": "not sent yet",
    "sending": "being sent",
    "sent": "sent",
    "failed": "not sent: it failed, see below",
    "uncertain": "perhaps sent, see below",
    "suppressed": "not sent: this address has had enough answers within a day",
}
FOUND = {
    Reason.AUTOMATIC_MAIL: "an automatic mail",
    Reason.SENDER_REFUSED: "the sender is not proved",
}
"""What a channel found that leaves a message without an answer."""


def name_reply(row: Row, config: Configuration) -> str | None:
    """Return one word for the reply of a listed message; None for a registry: that gets a file."""
    state: str | None = row["reply_state"]
    if state or row["kind"] == "registry":
        return state
    channel = config.settings.channels.get(row["channel"])
    is_given = row["has_reply"] and channel is not None
    return BODY if is_given and is_answered_at_once(channel, row["sender"], config) else NONE


def describe_reply(story: Story, config: Configuration) -> str:
    """Say whether the reply of a message was sent; if not, why not, as far as that is recorded."""
    if story.replies:
        return describe_owed(story)
    message = story.message
    for event in story.events:
        if event["event"] == SUPPRESSED:
            return f"{UNSENT}: {event['detail']}"
    channel = config.settings.channels.get(message["channel"])
    if channel is not None and is_answered_at_once(channel, message["sender"], config):
        if isinstance(channel, TerminalSettings):
            return "given in the response, in the words of its protocol"
        return "given in the body of the response to the gateway"
    why = explain(message, channel, config)
    return f"{UNSENT}: {why}" if why else UNSENT


def describe_owed(story: Story) -> str:
    """Say how far the last of the replies got that left by the outbox, or were to."""
    last = story.replies[-1]
    known = [
        one["status"]
        for one in story.reports
        if one["outbox_id"] == last["id"] and one["status"] in {"delivered", "undelivered"}
    ]
    return known[-1] if known else OWED[last["state"]]


def is_answered_at_once(channel: AnyChannel | None, sender: str, config: Configuration) -> bool:
    """Tell whether whoever asks reads the answer in our response."""
    if isinstance(channel, SmsSettings):
        try:
            in_body = answers_in_body("", channel, build_gateway(channel, config))
        except ConfigError:  # of a channel that is disabled and half written
            return False
        return in_body and is_person(sender, channel.region)
    return isinstance(channel, TerminalSettings)


def explain(
    message: Mapping[str, Any] | Row, channel: AnyChannel | None, config: Configuration
) -> str:
    """Say why a reply was never owed; empty where that cannot be told."""
    if message["finding"] in FOUND:
        return FOUND[Reason(message["finding"])]
    if isinstance(channel, SmsSettings) and not is_person(message["sender"], channel.region):
        return "no person's telephone"
    if isinstance(channel, SmtpSettings | ImapSettings):
        desk = build_desk(ChannelName(message["channel"]), channel, config.settings)
        return explain_mail(message["raw"], message["sender"], desk)
    return ""


def explain_mail(raw: bytes, sender: str, desk: Desk) -> str:
    """Say why a mail is not answered, by what it says of itself."""
    if not is_plain_address(sender):
        return "no address"
    if sender.lower() in desk.own or is_robot(sender):
        return "a robot may stand behind the address"
    try:
        mail = read_mail(raw)
    except Exception:  # noqa: BLE001 -- such a mail is held as one that our code failed on
        return ""
    if mail.is_doubtful:
        return "it does not say plainly whom to answer"
    if mail.quotes_ours or list_answered(mail, desk):
        return "it answers an answer of ours"
    return "the sender is not proved" if desk.trusted and desk.on_failure != "judge" else ""
