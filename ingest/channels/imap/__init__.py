"""Mails that lie in a mailbox, read by IMAP."""

from ingest.channels.imap.channel import ImapChannel, make_backfill, probe
from ingest.channels.imap.mailbox import make_endpoint

__all__ = ["ImapChannel", "make_backfill", "make_endpoint", "probe"]
