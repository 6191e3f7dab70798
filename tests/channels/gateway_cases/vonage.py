"""Vonage's inbound messages in all three spellings, parts, receipts, and its ``sig``."""

import datetime as dt
import hashlib
import json
from urllib.parse import parse_qsl, quote

import msgspec
from channels.gateway_case import (
    NOON,
    READING,
    RECEIVED_AT,
    Case,
    Taken,
    Told,
    a_get,
    a_json,
    a_post,
    escaped,
)
from msgspec.structs import replace

from ingest.channels.gateways.request import Answer, GatewayRequest, Part
from ingest.model import ReportStatus
from ingest.settings import Auth

GATEWAY = "vonage"
SETTINGS = {}
AUTH = msgspec.convert({"kind": "vonage", "key": {"env": "SECRET"}}, Auth)
SECRET = "u0hZ3aTbkc5gQzW1"
OK = Answer(200, "text/plain", b"")
STAMP = f"timestamp={int(NOON.timestamp())}&message-timestamp=2026-11-24+05%3A00%3A00"
WHO = f"msisdn=79031234567&to=79000004981&messageId=0B00000A&type=unicode&keyword=&{STAMP}&nonce=n1"
WHOLE = Taken(
    sender="79031234567", text=READING, id="0B00000A", recipient="79000004981", sent_at=NOON
)
LONG = f"{WHO}&concat=true&concat-ref=88&concat-total=2"


def sign(pairs: list[tuple[str, str]]) -> str:
    """Return the MD5 hash that an account has by default."""
    cleaned = [(name, value.replace("&", "_").replace("=", "_")) for name, value in sorted(pairs)]
    text = "".join(f"&{name}={value}" for name, value in cleaned) + SECRET
    return hashlib.md5(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


def signed(form: str) -> str:
    """Return *form* with its signature."""
    pairs = parse_qsl(form, keep_blank_values=True, errors="surrogateescape")
    return f"{form}&sig={sign(pairs).upper()}"


def aged(form: str, age: dt.timedelta) -> str:
    """Return *form* as it was stamped so long before it arrives."""
    return form.replace(str(int(NOON.timestamp())), str(int((RECEIVED_AT - age).timestamp())))


def signed_json(form: str) -> GatewayRequest:
    """Return the fields of *form* as a JSON document, signed as well."""
    pairs = parse_qsl(form, keep_blank_values=True)
    return a_json(json.dumps({**dict(pairs), "sig": sign(pairs)}))


def a_receipt(status: str, code: str = "0") -> str:
    """Return a delivery receipt."""
    return signed(
        f"msisdn=79031234567&to=79000004981&network-code=25001&messageId=0C0000017B&price=0.03"
        f"&status={status}&scts=2611240500&err-code={code}&client-ref=7K4M-2Q9X-17&{STAMP}"
    )


def told(status: ReportStatus, detail: str) -> Told:
    """Return the receipt that :func:`a_receipt` makes, as it must be understood."""
    return Told(status=status, upstream_id="0C0000017B", reply_id="7K4M-2Q9X-17", detail=detail)


CASES = [
    Case(
        label="GET",
        request=a_get(signed(f"{WHO}&text={quote(READING)}")),
        texts=(WHOLE,),
        answer=OK,
    ),
    Case(label="form", request=a_post(signed(f"{WHO}&text={quote(READING)}")), texts=(WHOLE,)),
    Case(label="JSON", request=signed_json(f"{WHO}&text={quote(READING)}"), texts=(WHOLE,)),
    Case(
        label="signed without the empty fields",
        request=a_get(
            signed(f"{WHO}&text=1".replace("&keyword=", "")).replace("&sig=", "&keyword=&sig=")
        ),
        texts=(replace(WHOLE, text="1"),),
    ),
    Case(
        label="Cyrillic with signs that stand for others",
        request=a_post(signed(f"{WHO}&text={escaped('Счёт 1=5&6')}")),
        texts=(replace(WHOLE, text="Счёт 1=5&6"),),
    ),
    Case(
        label="the second part",
        request=a_get(signed(f"{LONG}&concat-part=2&text=5467%3B")),
        texts=(replace(WHOLE, text="5467;", part=Part("88", 2, 2)),),
        answer=OK,
    ),
    Case(
        label="the first part",
        request=signed_json(f"{LONG}&concat-part=1&text=123456789012*"),
        texts=(replace(WHOLE, text="123456789012*", part=Part("88", 1, 2)),),
    ),
    Case(
        label="a part of which no number makes sense",
        request=a_get(signed(f"{LONG}&concat-part=7&text=1")),
        texts=(replace(WHOLE, text="1"),),
    ),
    Case(
        label="an empty text",
        request=a_get(signed(f"{WHO}&text=")),
        texts=(replace(WHOLE, text=""),),
    ),
    Case(
        label="delivered",
        request=a_get(a_receipt("delivered")),
        reports=(told(ReportStatus.DELIVERED, "delivered 0"),),
        answer=OK,
    ),
    Case(
        label="buffered",
        request=a_post(a_receipt("buffered")),
        reports=(told(ReportStatus.UNDER_WAY, "buffered 0"),),
    ),
    Case(
        label="failed",
        request=a_get(a_receipt("failed", "1")),
        reports=(told(ReportStatus.UNDELIVERED, "failed 1"),),
    ),
    Case(label="no sender", request=a_get(signed(f"{STAMP}&text=1")), refused="msisdn"),
    Case(label="no text", request=a_get(signed(WHO)), refused="text"),
    Case(
        label="a reading that was changed on its way",
        request=a_get(signed(f"{WHO}&text=5467").replace("5467", "5468")),
        texts=(replace(WHOLE, text="5468"),),
        is_authentic=False,
    ),
    Case(
        label="a second text beside the signed one",
        request=a_get(b"text=1&" + signed(f"{WHO}&text=5467").encode()),
        texts=(replace(WHOLE, text="1"),),
        is_authentic=False,
    ),
    Case(
        label="tried again for an hour, under its first stamp",
        request=a_get(signed(aged(f"{WHO}&text=1", dt.timedelta(hours=1)))),
        texts=(replace(WHOLE, text="1", sent_at=RECEIVED_AT - dt.timedelta(hours=1)),),
    ),
    Case(
        label="older than Vonage tries",
        request=a_get(signed(aged(f"{WHO}&text=1", dt.timedelta(hours=26)))),
        texts=(replace(WHOLE, text="1", sent_at=RECEIVED_AT - dt.timedelta(hours=26)),),
        is_authentic=False,
    ),
    Case(
        label="without its time",
        request=a_get(signed("msisdn=7903&messageId=0B&text=1")),
        texts=(Taken(sender="7903", text="1", id="0B"),),
        is_authentic=False,
    ),
]

OWN = [
    Case(
        label="a time as a date",
        request=a_get(
            "msisdn=7903&messageId=0B&text=1&message-timestamp=2026-11-24+05:00:00+%2B0000"
        ),
        texts=(Taken(sender="7903", text="1", id="0B", sent_at=NOON),),
        is_authentic=False,
    ),
    Case(
        label="a binary part with a header",
        request=a_get(
            signed(f"{WHO}&data=0421043004470435&udh=050003A70201".replace("unicode", "binary"))
        ),
        texts=(replace(WHOLE, text="Саче", part=Part("a7", 1, 2)),),
    ),
    Case(
        label="a binary text that is none",
        request=a_get(signed(f"{WHO}&data=zz")),
        texts=(replace(WHOLE, text="zz"),),
    ),
    Case(
        label="a list instead of an object",
        request=a_json("[1]"),
        refused="no JSON object",
        is_authentic=False,
    ),
]
"""What configuration alone does not express."""
COMMON, CASES = CASES, CASES + OWN
