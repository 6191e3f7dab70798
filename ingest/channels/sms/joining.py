"""Parts of a long text: what is kept of each, and the one text that they make. Pure."""

import datetime as dt
import json

import msgspec
from msgspec import Struct

from ingest.channels.gateways.request import Text, make_digest
from ingest.model import (
    ChannelName,
    Disposition,
    MessagePart,
    PartSeries,
    Reason,
    Verdict,
)

MOST_PARTS = 255
"""What the header of a part can count to."""
LONGEST_SERIES = 200
"""Characters of sender and reference that are kept as they are; more would fit into no index."""
GAP = "\ufffd"
"""Stands for parts that never came: the numbers before and after it must not become one."""

INCOMPLETE = Verdict(Disposition.HOLD, Reason.INCOMPLETE)
"""What a text with gaps comes to: the words that lack may be those that take a reading back."""

decoder = msgspec.msgpack.Decoder(Text)


class Joined(Struct, frozen=True):
    """Parts of a text, put together."""

    text: Text
    received_at: dt.datetime
    """When the first of them came to us: waiting for the others costs nobody the window."""
    present: int
    total: int

    @property
    def is_complete(self) -> bool:
        """Whether no part is missing."""
        return self.present == self.total


def make_part(channel: ChannelName, text: Text, received_at: dt.datetime) -> MessagePart | None:
    """Return *text* as a part to be kept; None when it is whole, or its numbers make no sense."""
    part = text.part
    if part is None or not 1 <= part.number <= part.total or not 1 < part.total <= MOST_PARTS:
        return None
    series = f"{text.sender}/{part.reference}/{part.total}"
    if len(series) > LONGEST_SERIES:
        series = make_digest(series)
    return MessagePart(
        channel=channel,
        # Some gateways give all parts one id, and two parts may have the same text.
        external_id=f"{text.external_id}/{part.number}",
        series=series,
        number=part.number,
        total=part.total,
        received_at=received_at,
        text=text.text,
        content=msgspec.msgpack.encode(text),
    )


def join(series: PartSeries) -> Joined:
    """Put the parts of *series* together; what is missing leaves a mark in the text."""
    texts = {part.number: decoder.decode(part.content) for part in series.parts}
    first, total = series.parts[0], series.parts[0].total
    return Joined(
        text=Text(
            sender=texts[first.number].sender,
            text=join_texts({number: text.text for number, text in texts.items()}, total),
            external_id=series.joined_as,
            recipient=texts[first.number].recipient,
            sent_at=texts[first.number].sent_at,
            raw=join_raw(texts),
            media_type="application/json",
            arrived_at=min(
                filter(None, (text.arrived_at for text in texts.values())), default=None
            ),
        ),
        received_at=min(part.received_at for part in series.parts),
        present=len(texts),
        total=total,
    )


def join_texts(texts: dict[int, str], total: int) -> str:
    """Return the texts in order, with one mark for each gap."""
    pieces = [texts.get(number, GAP) for number in range(1, total + 1)]
    kept = [
        piece
        for before, piece in zip(["", *pieces], pieces, strict=False)
        if not (before == piece == GAP)
    ]
    return "".join(kept)


def join_raw(texts: dict[int, Text]) -> bytes:
    """Return what came in as a JSON list; each byte is the character of the same number."""
    parts = [
        {"number": number, "media_type": text.media_type, "raw": text.raw.decode("latin-1")}
        for number, text in sorted(texts.items())
    ]
    return json.dumps(parts, ensure_ascii=False).encode()
