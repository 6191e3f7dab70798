"""What upstreams later say became of replies that were sent."""

from ingest.model import DeliveryReport
from ingest.store import Store, clean

SUPPRESSED = "reply.suppressed"
"""The event of a message whose answer was to stand in a response, and did not."""


class ReportStore:
    """The :class:`ingest.ports.ReportSink` of all channels."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def record_report(self, report: DeliveryReport) -> bool:
        """Keep *report* with its acknowledgement; return whether that is one of ours."""
        rows = await self._store.fetch(
            "record_report",
            report.channel,
            report.reply_id,
            clean(report.upstream_id),
            report.status,
            clean(report.detail),
            report.reported_at,
        )
        return bool(rows)

    async def record_silence(self, receipt: str, detail: str) -> None:
        """Note with a message that its answer is not given, and why."""
        await self._store.fetch("record_silence", receipt, SUPPRESSED, detail)
