"""
Kannel's ``sms-service``: get-url and post-url; the body of our response is the reply SMS.

Nothing but the reply may ever stand in a body: Kannel texts it to the customer.
"""

import datetime as dt
import re

from ingest.channels.gateways.encodings import mend_percent
from ingest.channels.gateways.request import (
    FORM,
    Answer,
    GatewayRequest,
    Handover,
    Part,
    Report,
    Text,
    clean_text,
    make_external_id,
    parse_time,
    spell_missing,
    split_form,
    unquote,
)
from ingest.channels.gateways.udh import find_part as find_place
from ingest.errors import PermanentError
from ingest.model import ReportStatus
from ingest.settings import SmsSend, SmsSettings

CHARSETS = {
    "UTF-16BE": "utf-16-be",
    "UCS-2": "utf-16-be",
    "UCS-2BE": "utf-16-be",
    "UTF-16": "utf-16",
    "WINDOWS-1252": "cp1252",
    "ISO-8859-1": "cp1252",
    "WINDOWS-1251": "cp1251",
    "KOI8-R": "koi8-r",
}
"""Names that ``%C`` and Content-Type carry. All others (UTF-8, GSM, 8-BIT, none) are UTF-8 in
every Kannel since 1.4.3, and Latin in older ones."""

CHARSET = re.compile(r';\s*charset\s*=\s*"?([A-Za-z0-9._-]{1,40})', re.ASCII | re.IGNORECASE)
SEVEN_BIT, UCS2 = "0", "2"

DELIVERED, UNDELIVERED, REFUSED = 1, 2, 16
"""Bits of ``%d``; the others (4 buffered, 8 taken by the centre) say that it is under way."""
LONGEST_STATUS = 9
"""Digits of ``%d`` that are believed to be a number."""

SEND = SmsSend(
    url="http://127.0.0.1:13013/cgi-bin/sendsms",
    method="GET",
    fields={
        "username": "{username}",
        "password": "{secret}",
        "to": "{address}",
        "text": "{text}",
        "coding": "2",
        "charset": "UTF-8",
        "dlr-mask": "31",
        "dlr-url": "{report_url}?id={id}&status=%d&answer=%A&time=%T",
    },
    success="^(0: Accepted|3: Queued)",
    permanent="Do not try again",
    retry="Authorization failed|Sender missing|Temporal failure",
)


class KannelGateway:
    """Reads what the escapes of an ``sms-service`` make, and answers with the reply alone."""

    answers_in_body = True
    send = SEND

    def __init__(self, settings: SmsSettings, zone: dt.tzinfo) -> None:
        self.settings = settings

    def read(self, request: GatewayRequest, received_at: dt.datetime) -> Handover:
        """Return what *request* brings; raises :exc:`PermanentError` for what is malformed."""
        if "xml" in request.content_type.partition(";")[0].lower():
            raise PermanentError("post-xml is not understood; give Kannel get-url or post-url")
        fields = split_form(request.query)
        if "status" in fields and "text" not in fields and request.method == "GET":
            return Handover(reports=(read_report(fields),))
        return Handover((self.read_text(request, fields, received_at),))

    def read_text(
        self, request: GatewayRequest, fields: dict[str, bytes], received_at: dt.datetime
    ) -> Text:
        """Return the text that *request* brings, or the part of one."""
        sender, recipient, time, given = (
            find_part(request, fields, name) for name in ("from", "to", "time", "id")
        )
        data = request.body if request.method == "POST" else fields.get("text")
        if data is None or sender is None:
            raise PermanentError(spell_missing({"from": sender, "text": data}))
        text = clean_text(decode_data(data, name_charset(request, fields)))
        sent_at = parse_kannel_time(time or "")
        return Text(
            sender=sender,
            text=text,
            external_id=make_external_id(given or "", sender, text, sent_at or received_at),
            recipient=recipient or "",
            sent_at=sent_at,
            raw=request.body if request.method == "POST" else request.query,
            media_type=request.content_type if request.method == "POST" else FORM,
            part=find_place_in_series(request, fields),
            arrived_at=sent_at,
        )

    def answer(self, reply: str) -> Answer:
        """
        Say OK with the reply as the whole body.

        Kannel takes a reply for 7-bit text and spoils Cyrillic unless it is told its coding.
        """
        coding = SEVEN_BIT if reply.isascii() else UCS2
        return Answer(
            200,
            "text/plain; charset=utf-8",
            reply.encode("utf-8", "replace"),
            (("X-Kannel-Coding", coding),) if reply else (),
        )


def read_report(fields: dict[str, bytes]) -> Report:
    """Read what the ``dlr-url`` of our own send request brings."""
    status, answer, reply_id, time = (
        clean_text(fields.get(name, b"").decode("utf-8", "replace")).strip()
        for name in ("status", "answer", "id", "time")
    )
    if not (status.isascii() and status.isdigit() and len(status) <= LONGEST_STATUS):
        raise PermanentError("the field status is no number")
    return Report(
        status=sort_status(int(status)),
        detail=f"{status} {answer}".strip(),
        reply_id=reply_id,
        reported_at=parse_kannel_time(time),
    )


def sort_status(bits: int) -> ReportStatus:
    """Say how far the text got; of several bits the most certain counts."""
    if bits & DELIVERED:
        return ReportStatus.DELIVERED
    failed = bits & (UNDELIVERED | REFUSED)
    return ReportStatus.UNDELIVERED if failed else ReportStatus.UNDER_WAY


def find_part(request: GatewayRequest, fields: dict[str, bytes], name: str) -> str | None:
    """Find a part in the query, where our docs put it, or else in post-url's own header."""
    found = None
    if name in fields:
        found = mend_percent(fields[name]).decode("utf-8", "replace")
    if found is None and request.method == "POST":
        found = request.find_header(f"X-Kannel-{name}")
    return None if found is None else clean_text(found).strip()


def find_place_in_series(request: GatewayRequest, fields: dict[str, bytes]) -> Part | None:
    """Return the place of a part that Kannel was told not to combine: ``%u`` or its header."""
    header = request.find_header("X-Kannel-UDH") or ""
    return find_place(fields.get("udh") or unquote(header.encode("ascii", "replace")))


def name_charset(request: GatewayRequest, fields: dict[str, bytes]) -> str:
    """Return the codec of the text; empty when nothing names it."""
    named = fields.get("charset", b"").decode("ascii", "replace")
    coding = fields.get("coding", b"").decode("ascii", "replace")
    if request.method == "POST":
        named = read_charset(request.content_type) or named
        coding = request.find_header("X-Kannel-Coding") or coding
    if not named and coding.strip() == UCS2:
        return "utf-16-be"
    named = named.strip(' "').upper()
    return CHARSETS.get(named, "utf-8" if named else "")


def read_charset(content_type: str) -> str:
    """Return the charset that a Content-Type names, or nothing."""
    found = CHARSET.search(content_type)
    return found[1] if found else ""


def decode_data(data: bytes, charset: str) -> str:
    """Turn the bytes of a text into characters, whatever they are."""
    if charset not in ("", "utf-8"):
        return data.decode(charset, "replace")
    if not charset and looks_like_ucs2(data):
        return data.decode("utf-16-be")
    data = mend_percent(data)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def looks_like_ucs2(data: bytes) -> bool:
    """Tell UCS-2 by its high bytes: Latin and Cyrillic have 0 and 4, which no other text has."""
    return bool(data) and len(data) % 2 == 0 and set(data[::2]) <= {0, 4}


def parse_kannel_time(text: str) -> dt.datetime | None:
    """Read ``%T`` (seconds), or ``%t`` and X-Kannel-Time (a date in UTC)."""
    return parse_time(text, "epoch" if text.isdigit() else "iso", dt.UTC)
