"""What is wrong with a channel for mail that single fields cannot say."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from ingest.addresses import Listen
from ingest.checks.values import check_host, check_networks, hide_url, is_local, split_url
from ingest.settings import Config, ImapSettings, MailSettings, OAuth, SmtpSettings

FOLDER = re.compile(r"[^\x00-\x1f\x7f*%]{1,200}")
"""No control characters, which would be commands of their own, and no wildcards."""
IMAP_PORTS = (0, 143, 993)
"""The usual ones; 0 is the one that fits."""
BENEATH = re.compile(r"INBOX[./](?=.)", re.IGNORECASE)
"""What servers put before folders of which config.toml need not say that they lie beneath INBOX."""
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
SERVER = re.compile(r"-|(?:\*\.)?[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")


def check_smtp(where: str, channel: SmtpSettings, state_dir: Path) -> Iterator[str]:
    """Yield what is wrong with an ``smtp`` channel."""
    yield from check_senders(where, channel)
    yield from check_networks(f"{where}.allow_from", channel.allow_from)
    for index, address in enumerate(channel.recipients):
        if not ADDRESS.fullmatch(address) or address != address.lower():
            yield (
                f"{where}.recipients[{index}]: found {address!r}, "
                "wanted an address like energy@example.org, in lower case"
            )
    if channel.require_tls and channel.tls is None:
        yield f"{where}.require_tls: found true, wanted [{where}.tls] with it"
    if not channel.allow_from and not is_local(channel.listen, state_dir):
        yield (
            f"{where}.allow_from: {channel.listen} can be reached from outside; name the "
            "networks that may connect, or listen on 127.0.0.1"
        )


def check_senders(where: str, channel: MailSettings) -> Iterator[str]:
    """Yield what is wrong with what is said about those who write."""
    for index, address in enumerate(channel.partners):
        if not ADDRESS.fullmatch(address):
            yield (
                f"{where}.partners[{index}]: found {address!r}, "
                "wanted an address like list@partner.example"
            )
    trusted = channel.authentication.trusted if channel.authentication else ()
    for index, server in enumerate(trusted):
        if not SERVER.fullmatch(server):
            yield (
                f"{where}.authentication.trusted[{index}]: found {server!r}, wanted the name with "
                "which a mail server of ours signs its results, like mx.example.org, "
                "*.example.org, or - for one without a name"
            )


def check_imap(where: str, channel: ImapSettings) -> Iterator[str]:
    """Yield what is wrong with an ``imap`` channel."""
    yield from check_senders(where, channel)
    if channel.host:
        yield from check_host(f"{where}.host", channel.host)
    else:
        yield f"{where}.host: this key is missing; wanted a name like imap.example.org"
    if not channel.username or not channel.username.isprintable():
        yield f"{where}.username: found {channel.username!r}, wanted who logs in to the mailbox"
    if (channel.password is None) is (channel.oauth is None):
        yield f"{where}.password: wanted either this key or [{where}.oauth], and not both"
    is_local_host = Listen(host=channel.host).is_local
    if channel.security == "none" and not (is_local_host or channel.allow_plain):
        yield (
            f"{where}.security: found 'none', but {channel.host} is another machine; "
            "wanted 'tls' or 'starttls', or allow_plain = true where the network is safe"
        )
    if channel.oauth is not None:
        yield from check_oauth(f"{where}.oauth", channel.oauth)
    yield from check_folders(where, channel)
    yield from check_own_addresses(where, channel)


def check_oauth(where: str, oauth: OAuth) -> Iterator[str]:
    """Yield what is wrong with the way to an access token."""
    split = split_url(oauth.token_url)
    host = (split and split.hostname) or ""
    safe = {"https", "http"} if Listen(host=host).is_local else {"https"}
    if split is None or not host or split.scheme not in safe:
        yield f"{where}.token_url: found {hide_url(oauth.token_url)}, wanted https://HOST/PATH"
    if oauth.refresh_token is None and oauth.client_secret is None:
        yield f"{where}.refresh_token: this key is missing, and so is client_secret; wanted one"


def check_folders(where: str, channel: ImapSettings) -> Iterator[str]:
    """Yield what is wrong with the names of folders."""
    for key in ("folder", "processed", "review"):
        name = getattr(channel, key)
        if name and not FOLDER.fullmatch(name):
            yield (
                f"{where}.{key}: found {name!r}, wanted a name without * and % and without "
                "characters that cannot be seen"
            )
        if key != "folder" and name.lower() == channel.folder.lower():
            yield f"{where}.{key}: found {name!r}, where mails arrive; wanted another folder"


def check_own_addresses(where: str, channel: ImapSettings) -> Iterator[str]:
    """Yield what is wrong with the addresses of a mailbox."""
    for index, address in enumerate(channel.addresses):
        if not ADDRESS.fullmatch(address) or address != address.lower():
            yield (
                f"{where}.addresses[{index}]: found {address!r}, "
                "wanted an address like energy@example.org, in lower case"
            )
    if channel.reply_from and not ADDRESS.fullmatch(channel.reply_from):
        yield (
            f"{where}.reply_from: found {channel.reply_from!r}, "
            "wanted an address like energy@example.org"
        )
    if not channel.addresses and not ADDRESS.fullmatch(channel.username):
        yield (
            f"{where}.addresses: this key is missing, and username is no address; "
            "wanted the addresses of the mailbox"
        )


def check_mailboxes(settings: Config) -> Iterator[str]:
    """Yield channels that read the same mails: each would be judged by both."""
    boxes = {
        name: channel
        for name, channel in settings.channels.items()
        if channel.enabled and isinstance(channel, ImapSettings)
    }
    names = list(boxes)
    for (first, one), (name, channel) in itertools.permutations(boxes.items(), 2):
        if find_box(one) != find_box(channel):
            continue
        folder = fold(channel.folder)
        if folder == fold(one.folder) and names.index(first) < names.index(name):
            yield (
                f"channels.{name}.folder: found {channel.folder!r} of a mailbox that "
                f"channels.{first} reads already"
            )
        if folder in (fold(one.processed), fold(one.review)):
            yield (
                f"channels.{name}.folder: found {channel.folder!r} of a mailbox, where "
                f"channels.{first} puts mails that it has taken"
            )


def find_box(channel: ImapSettings) -> tuple[str, int, str]:
    """
    Return what tells a mailbox from others.

    The ports of IMAP all lead to the same one, and so do all names of this machine.
    """
    port = 0 if channel.port in IMAP_PORTS else channel.port
    host = channel.host.lower().rstrip(".")
    return "localhost" if Listen(host=host).is_local else host, port, channel.username.lower()


def fold(folder: str) -> str:
    """
    Return what is the same for all names by which a server may know one folder.

    Some heed the case and some do not, some have all folders beneath INBOX, and a role may be
    played by the folder of that name. Two that are one would have everybody answered twice, so
    that is refused which might be.
    """
    return BENEATH.sub("", folder.removeprefix("\\"), count=1).replace(".", "/").lower()
