"""
Every figure that /metrics shows; prometheus-client keeps them, the modules move them.

Labels come from closed lists (channel names, reasons), never from what a sender wrote.
"""

from prometheus_client import Counter, Gauge, Histogram

MESSAGES = Counter(
    "ingest_messages",
    "Messages committed, by channel and verdict; a repeat is not counted again.",
    ["channel", "disposition", "reason"],
)
READINGS = Counter(
    "ingest_readings",
    "Readings committed, by channel and verdict.",
    ["channel", "disposition", "reason"],
)
REPEATS = Counter(
    "ingest_repeated_messages", "Messages that had been received before.", ["channel"]
)
REFUSALS = Counter(
    "ingest_refusals",
    "What a channel turned away before it was judged, by cause.",
    ["channel", "cause"],
)
GROUPS = Histogram(
    "ingest_group_messages",
    "Messages committed together.",
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
COMMIT_SECONDS = Histogram(
    "ingest_commit_seconds",
    "Seconds from taking a group up to its commit.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
WAITING = Gauge("ingest_waiting_messages", "Messages that wait for the next group.")
DATABASE_UP = Gauge("ingest_database_up", "1 while PostgreSQL answers.")
CHANNEL_UP = Gauge("ingest_channel_up", "1 while the channel can take messages.", ["channel"])
CHANNEL_PROGRESS = Gauge(
    "ingest_channel_progress_timestamp_seconds",
    "When the channel last ended a cycle of work well, in seconds since 1970.",
    ["channel"],
)
MAILBOX_WAITING = Gauge(
    "ingest_mailbox_waiting_mails",
    "Mails in a mailbox that are not fetched yet, when it was last looked at.",
    ["channel"],
)
REPLIES = Counter(
    "ingest_replies",
    "Attempts to send a reply, by channel and how they ended.",
    ["channel", "state"],
)
REPLY_SEGMENTS = Counter(
    "ingest_reply_segments", "SMS that replies took, those of several counted singly.", ["channel"]
)
DELIVERY_REPORTS = Counter(
    "ingest_delivery_reports",
    "What gateways and mail servers later said of replies; unknown: of none of ours.",
    ["channel", "status"],
)
REPLIES_DUE = Gauge("ingest_replies_due", "Replies that wait to be sent.")
OLDEST_REPLY_SECONDS = Gauge(
    "ingest_oldest_reply_seconds", "Age of the oldest reply that waits to be sent."
)
HELD = Gauge("ingest_held_messages", "Messages that wait for a person.")
JOURNAL_MESSAGES = Gauge(
    "ingest_journal_messages", "Messages kept on disk until PostgreSQL is back.", ["channel"]
)
JOURNAL_BYTES = Gauge("ingest_journal_bytes", "Bytes that a channel's journal takes.", ["channel"])
JOURNAL_OLDEST_SECONDS = Gauge(
    "ingest_journal_oldest_seconds", "Age of the oldest message in the journal.", ["channel"]
)
REGISTRY_LINES = Counter("ingest_registry_lines", "Lines of registries committed.", ["channel"])
