"""What is wrong with a channel for mail that single fields cannot say."""

import re
from collections.abc import Iterator
from pathlib import Path

from ingest.checks.values import check_networks, is_local
from ingest.settings import SmtpSettings


def check_smtp(where: str, channel: SmtpSettings, state_dir: Path) -> Iterator[str]:
    """Yield what is wrong with an ``smtp`` channel."""
    yield from check_networks(f"{where}.allow_from", channel.allow_from)
    for index, address in enumerate(channel.recipients):
        if not re.fullmatch(r"[^@\s]+@[^@\s]+", address) or address != address.lower():
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
