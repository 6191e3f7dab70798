"""
Replies by a telephone that gammu-smsd has: a row in its outbox, which smsd sends when it can.

The row carries our own id, so that trying again after an end that nobody knows adds no second one.
"""

from ingest.errors import PermanentError, TransientError
from ingest.metrics import REPLY_SEGMENTS
from ingest.model import Acknowledgement, BoxedReply, ChannelName, Delivery, DeliveryState
from ingest.phones import is_person
from ingest.ports import TextBox
from ingest.segments import (
    BEYOND_UCS2,
    EXTENSION,
    GSM_ALONE,
    GSM_EACH,
    UCS2_ALONE,
    UCS2_EACH,
    clean_sms,
    is_gsm,
    transliterate,
)

PART = "050003{reference:02X}{total:02X}{number:02X}"
"""The header of a part (GSM 03.40), with a reference of one byte."""


class GammuSender:
    """Puts replies into the outbox of gammu-smsd."""

    is_repeatable = True

    def __init__(
        self, name: ChannelName, box: TextBox, region: str, *, latin: bool = False
    ) -> None:
        self.name = name
        self.box = box
        self.region = region
        self.latin = latin
        """Whether Cyrillic is written in Latin letters."""

    async def send(self, acknowledgement: Acknowledgement) -> Delivery:
        """Try once; nothing goes to whom no person can be behind."""
        if not is_person(acknowledgement.reply_to.address, self.region):
            return Delivery(DeliveryState.FAILED, "a robot may stand behind this address")
        reply = write_reply(acknowledgement, latin=self.latin)
        try:
            number = await self.box.send_text(reply)
        except TransientError as error:
            return Delivery(DeliveryState.RETRY, str(error))
        except PermanentError as error:
            return Delivery(DeliveryState.FAILED, str(error))
        REPLY_SEGMENTS.labels(self.name).inc(len(reply.parts))
        return Delivery(DeliveryState.SENT, "put into the outbox of smsd", str(number))

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self.box.aclose()


def write_reply(acknowledgement: Acknowledgement, *, latin: bool) -> BoxedReply:
    """Return the reply as smsd wants it, in as many parts as it takes."""
    text = clean_sms(acknowledgement.body)
    text = transliterate(text) if latin else text
    parts = split_text(text)
    headers = [
        PART.format(reference=acknowledgement.id % 256, total=len(parts), number=number)
        for number in range(1, len(parts) + 1)
    ]
    return BoxedReply(
        reply_id=f"{acknowledgement.receipt}-{acknowledgement.id}",
        address=acknowledgement.reply_to.address,
        parts=tuple(parts),
        headers=tuple(headers) if len(parts) > 1 else ("",),
        is_unicode=not is_gsm(text),
    )


def split_text(text: str) -> list[str]:
    """Cut *text* into what one SMS holds each; no character is torn in two."""
    if is_gsm(text):
        sizes, alone, each = [1 + (char in EXTENSION) for char in text], GSM_ALONE, GSM_EACH
    else:
        sizes, alone, each = [1 + (ord(char) > BEYOND_UCS2) for char in text], UCS2_ALONE, UCS2_EACH
    if sum(sizes) <= alone:
        return [text]
    parts, left = [""], each
    for char, size in zip(text, sizes, strict=True):
        if size > left:
            parts.append("")
            left = each
        parts[-1] += char
        left -= size
    return parts
