"""Texts of an SMS gateway: pushed to us or fetched, put together, committed and answered."""

from ingest.channels.sms.channel import SmsChannel

__all__ = ["SmsChannel"]
