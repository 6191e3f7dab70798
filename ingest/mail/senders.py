"""
Who a mail says that it is from, and whether it says so plainly.

A From header that names two addresses, a group, or one address in the place of another's name is
a trick or an accident: what was written counts, and nobody is answered.
"""

import re

from msgspec import Struct

from ingest.mail.headers import Headers, find_address
from ingest.mail.robots import sends_bounces

POSTMASTER = re.compile(r"mailer-daemon|postmaster|mail delivery (?:sub)?system", re.IGNORECASE)
"""How a mail server calls itself, also where it gives no address."""
ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w.-]{1,253}\w")


class Writer(Struct, frozen=True):
    """Who wrote a mail, by its own account."""

    address: str = ""
    """Empty unless From names exactly one plain address."""
    reply_to: str = ""
    """Likewise of Reply-To."""
    is_doubtful: bool = False
    """Whether there is a From header that cannot be taken at its word."""
    is_postmaster: bool = False
    """Whether a mail server wrote it, as bounces are."""


def find_writer(headers: Headers) -> Writer:
    """Return who wrote a mail."""
    count = sum(name == "from" for name, _ in headers.fields)
    address = find_address(headers.get_plain("from"))
    shown = headers.get("from")
    return Writer(
        address=address,
        reply_to=find_address(headers.get_plain("reply-to")),
        is_doubtful=count > 1 or bool(count and not is_plain(address, shown)),
        is_postmaster=bool(address and sends_bounces(address))
        or bool(POSTMASTER.search(shown))
        or "x-failed-recipients" in headers,
    )


def is_plain(address: str, shown: str) -> bool:
    """Tell whether a From header, as a person sees it, names *address* and no other."""
    if not address or "=?" in address:
        return False
    return {one.lower() for one in ADDRESS.findall(shown)} <= {address.lower()}
