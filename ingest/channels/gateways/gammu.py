"""
gammu-smsd: what ``ingest sms`` posts for its ``RunOnReceive``, and the rows of its tables.

Parts of a long text come together in the former: smsd waits for them, and calls the program once.
In the tables each is a row of its own.
"""

import datetime as dt
import re

import msgspec

from ingest.channels.gateways.encodings import decode_hex, decode_labelled, decode_ucs2
from ingest.channels.gateways.forms import keep_raw, read_field, read_form
from ingest.channels.gateways.request import (
    Answer,
    GatewayRequest,
    Handover,
    Report,
    Text,
    clean_text,
    make_external_id,
    parse_time,
    spell_missing,
)
from ingest.channels.gateways.udh import find_part
from ingest.errors import PermanentError
from ingest.model import BoxedFate, BoxedText, ReportStatus
from ingest.segments import is_full_part
from ingest.settings import SmsSettings

MOST_PARTS = 255
ID = "id"
"""The field with what smsd calls the text: its file or its row. It is no variable of smsd's."""
TIME = "time"
"""The field with the moment that the name of a file carries, where there is one."""
FILE_TIME = "%Y%m%d_%H%M%S"
"""It is the clock on the wall of the centre, wherever that is: only shown, never judged by."""
ARRIVED = "arrived"
"""The field with the seconds since 1970 at which smsd called us or wrote the file."""
CUT = "\ufffd"
"""Stands for parts that perhaps never came."""

EIGHT_BITS = "8bit"
FATES = {
    "DeliveryOK": ReportStatus.DELIVERED,
    "DeliveryFailed": ReportStatus.UNDELIVERED,
    "SendingError": ReportStatus.UNDELIVERED,
    "Error": ReportStatus.UNDELIVERED,
}
"""Any other status says that it is under way: sent, or waiting for a report."""


class GammuGateway:
    """Reads one text of a telephone; the answer goes by smsd's own tables or tools."""

    answers_in_body = False
    send = None

    def __init__(self, settings: SmsSettings, zone: dt.tzinfo) -> None:
        self.zone = zone

    def read(self, request: GatewayRequest, received_at: dt.datetime) -> Handover:
        """Return the text in *request*; raises :exc:`PermanentError` for what is malformed."""
        fields = read_form(request)
        sender = read_field(fields, "SMS_1_NUMBER")
        text = join_text(fields)
        if not sender or text is None:
            found = {"SMS_1_NUMBER": sender or None, "SMS_1_TEXT or DECODED_1_TEXT": text}
            raise PermanentError(spell_missing(found))
        sent_at = parse_time(read_field(fields, TIME), FILE_TIME, self.zone)
        arrived_at = parse_time(read_field(fields, ARRIVED), "epoch", dt.UTC)
        given = read_field(fields, ID)
        raw, media_type = keep_raw(request)
        whole = Text(
            sender=sender,
            text=text,
            external_id=make_external_id(given, sender, text, sent_at or received_at),
            recipient=read_field(fields, "PHONE_ID"),
            sent_at=sent_at,
            raw=raw,
            media_type=media_type,
            arrived_at=arrived_at,
        )
        return Handover((whole,))

    def answer(self, reply: str) -> Answer:
        """Say OK; ``ingest sms`` looks at the status alone."""
        return Answer(200, "text/plain", b"")


def join_text(fields: dict[str, bytes]) -> str | None:
    """Return what smsd has put together, or else its parts in order; None without any."""
    decoded, parts = (
        list_texts(fields, *names)
        for names in (("DECODED_PARTS", "DECODED_{}_TEXT"), ("SMS_MESSAGES", "SMS_{}_TEXT"))
    )
    if not decoded and not parts:
        return None
    mark = CUT if is_cut(fields, parts) else ""
    return clean_text("".join(decoded or parts)) + mark


def list_texts(fields: dict[str, bytes], count: str, part: str) -> list[str]:
    """Return the texts of as many fields as *count* says, without those that are not there."""
    names = [part.format(number) for number in range(1, read_count(fields, count) + 1)]
    return [decode_labelled(fields[name], "utf-8") for name in names if name in fields]


def is_cut(fields: dict[str, bytes], parts: list[str]) -> bool:
    """
    Tell whether the end of a long text may be missing: the last part that came is full.

    smsd waits for all parts, but not for ever, and does not tell how many there should be. It says
    of a text that had no parts at all that nothing of it was to be put together.
    """
    is_alone = len(parts) == 1 and read_field(fields, "DECODED_PARTS") == "0"
    return bool(parts) and not is_alone and is_full_part(parts[-1])


def read_count(fields: dict[str, bytes], name: str) -> int:
    """Return how many parts there are; 0 for nonsense."""
    written = read_field(fields, name)
    return min(int(written), MOST_PARTS) if re.fullmatch("[0-9]{1,4}", written) else 0


def read_boxed(row: BoxedText) -> Text:
    """
    Read a row of the inbox; the row is what came in.

    Of a long text that came whole, smsd writes all of it beside its first part and nothing beside
    the others: the parts' own bytes are what they say.
    """
    part = find_part(decode_hex(row.header) or b"")
    whole = row.text if part is None else ""
    text = clean_text(whole or decode_row(row) or row.text)
    sender = clean_text(row.sender).strip()
    return Text(
        sender=sender,
        text=text,
        external_id=make_external_id(str(row.id), sender, text, row.received_at),
        recipient=clean_text(row.recipient),
        sent_at=row.received_at,
        raw=msgspec.json.encode(row),
        media_type="application/json",
        part=part,
        arrived_at=row.received_at,
    )


def decode_row(row: BoxedText) -> str:
    """Return the text of a row by its bytes: all but eight bits are UCS-2 there, GSM's too."""
    data = decode_hex(row.raw) or b""
    return decode_labelled(data, "utf-8") if row.coding == EIGHT_BITS else decode_ucs2(data)


def read_fate(fate: BoxedFate) -> Report:
    """Read what became of a text of ours; of several parts each tells its own."""
    error = f" error {fate.error}" if fate.error > 0 else ""
    return Report(
        status=FATES.get(fate.status, ReportStatus.UNDER_WAY),
        detail=f"{fate.status}{error} (part {fate.part})",
        upstream_id=str(fate.id),
        reply_id=fate.reply_id,
        reported_at=fate.delivered_at,
    )
