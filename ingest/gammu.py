"""gammu-smsd's tables in PostgreSQL: its inbox and outbox, values to rows and back."""

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from ingest.config import Configuration
from ingest.model import BoxedFate, BoxedReply, BoxedText
from ingest.settings import SmsSettings
from ingest.store import Store, clean

STATEMENTS = "gammu.sql"
OURS = "ingest:"
"""What our texts' ``CreatorID`` begins with, so that other programs' are left alone."""
UNICODE, PLAIN = "Unicode_No_Compression", "Default_No_Compression"


class GammuBox:
    """The :class:`ingest.ports.TextBox` of gammu-smsd; connects when it is first asked."""

    def __init__(self, url: str, password: str, zone: dt.tzinfo, sender_id: str = "") -> None:
        self.url = url
        self.password = password
        self.zone = zone
        """Of the machine that smsd runs on: its times carry none."""
        self.sender_id = sender_id
        self._store: Store | None = None

    async def list_inbox(self, limit: int) -> list[BoxedText]:
        """Return what was received and is not marked, oldest first."""
        rows = await (await self.open()).fetch("list_inbox", limit)
        return [
            BoxedText(**{**row, "received_at": self.find_moment(row["received_at"])})
            for row in rows
        ]

    async def mark_inbox(self, ids: Sequence[int]) -> None:
        """Note that these texts are committed here, so that they are not listed again."""
        await (await self.open()).fetch("mark_inbox", list(ids))

    async def send_text(self, text: BoxedReply) -> int:
        """Put *text* into the outbox and return its id; it is there once, however often we ask."""
        [row] = await (await self.open()).fetch(
            "send_text",
            OURS + text.reply_id,
            clean(text.address),
            UNICODE if text.is_unicode else PLAIN,
            [clean(part) for part in text.parts],
            list(text.headers),
            self.sender_id,
        )
        return int(row["id"])

    async def list_fates(self, position: int, limit: int) -> list[BoxedFate]:
        """Return what became of our texts at *position* and later, oldest first."""
        rows = await (await self.open()).fetch("list_statuses", OURS, position, limit)
        return [
            BoxedFate(
                id=row["id"],
                reply_id=row["creator"].removeprefix(OURS),
                status=row["status"],
                error=row["error"],
                part=row["part"],
                position=row["position"],
                delivered_at=row["delivered_at"] and self.find_moment(row["delivered_at"]),
            )
            for row in rows
        ]

    def find_moment(self, wall: dt.datetime) -> dt.datetime:
        """Return what smsd's clock on the wall meant."""
        return wall.replace(tzinfo=self.zone).astimezone(dt.UTC)

    async def open(self) -> Store:
        """Connect, once."""
        if self._store is None:
            self._store = await Store.open(
                self.url, password=self.password, connections=2, queries=STATEMENTS
            )
        return self._store

    async def aclose(self) -> None:
        """Let go of every connection."""
        if self._store is not None:
            await self._store.close()
            self._store = None


def build_box(settings: SmsSettings, config: Configuration) -> GammuBox | None:
    """Return the tables that a channel names; None where it names none. Connects to nothing."""
    database = settings.database
    if database is None:
        return None
    password = config.read_secret(database.password) if database.password else ""
    zone = ZoneInfo(settings.time_zone) if settings.time_zone else config.zone
    return GammuBox(database.url, password, zone, database.sender_id)
