"""
Whole files for the folders of partners, and what they may be called; for every kind of channel.

It stands beside the channels, none of which knows another.
"""

from ingest.channels.deposits.drafts import DRAFT, DRAFTS, Draft, discard_drafts
from ingest.channels.deposits.letterbox import (
    ANSWERS,
    BEING_BROUGHT,
    BLOCK,
    CHECKSUMS,
    CLAIMED,
    DONE,
    Deposit,
    Incoming,
    Letterbox,
    NoRoomError,
    TooLargeError,
)
from ingest.channels.deposits.names import (
    LONGEST_NAME,
    LONGEST_SUFFIX,
    check_name,
    clean_name,
    find_free_name,
    fit,
    is_hidden,
    number_names,
    show_name,
)
from ingest.channels.deposits.postbox import Postbox

__all__ = [
    "ANSWERS",
    "BEING_BROUGHT",
    "BLOCK",
    "CHECKSUMS",
    "CLAIMED",
    "DONE",
    "DRAFT",
    "DRAFTS",
    "LONGEST_NAME",
    "LONGEST_SUFFIX",
    "Deposit",
    "Draft",
    "Incoming",
    "Letterbox",
    "NoRoomError",
    "Postbox",
    "TooLargeError",
    "check_name",
    "clean_name",
    "discard_drafts",
    "find_free_name",
    "fit",
    "is_hidden",
    "number_names",
    "show_name",
]
