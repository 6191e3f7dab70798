"""Mails that lie in a mailbox, read by IMAP."""

from ingest.channels.imap.channel import ImapChannel, make_backfill, probe

__all__ = ["ImapChannel", "make_backfill", "probe"]
