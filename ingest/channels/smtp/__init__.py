"""Mail that is handed over by SMTP or LMTP."""

from ingest.channels.smtp.channel import SmtpChannel

__all__ = ["SmtpChannel"]
