"""
The journal: keeps messages on disk while PostgreSQL is away, for upstreams that do not send again.

Rule 1. A message is acknowledged once its record is written and fsynced; the requests that wait
share one fsync. What cannot be written so is refused for now.

Rule 2. A record is one line, with a checksum, of a segment; segments are files that grow to a few
megabytes. What is half written at the end of one was never acknowledged and is cut off; a record
that is damaged in the middle is set aside for a person, and the others go on.

Rule 3. A segment is deleted once each of its messages is committed, and not before. Killed in
between, the same messages are handed over once more, and ``(channel, external_id)`` makes that
harmless.

Rule 4. A process holds its segments by a lock on each. Those that nobody holds were left by one
that ended, and whoever looks next takes them over. So two daemons need no agreement here either.

Rule 5. A newcomer is tried on PostgreSQL first, also while older messages are still in the journal.
Nothing waits for them: readings count by the time of their arrival, not of their recording.
"""

from ingest.journal.inspection import SegmentReport, inspect_journals
from ingest.journal.keeper import FOLDER, JournalReport, Journals, find_journals

__all__ = [
    "FOLDER",
    "JournalReport",
    "Journals",
    "SegmentReport",
    "find_journals",
    "inspect_journals",
]
