"""Twilio's incoming messages and status callbacks, signed as it signs them."""

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl

import msgspec
from channels.gateway_case import READING, REPLY, Case, Taken, Told, a_get, a_json, a_post, escaped
from msgspec.structs import replace

from ingest.channels.gateways.request import Answer, GatewayRequest
from ingest.model import ReportStatus
from ingest.settings import Auth

GATEWAY = "twilio"
SETTINGS = {}
AUTH = msgspec.convert({"kind": "twilio", "key": {"env": "TOKEN"}}, Auth)
SECRET = "3c6e0b8a9c15224a8228b9a98ca1531d"
ORIGIN, PATH = "https://readings.example.org", b"/channels/sms"
SID = "SM" + "0f" * 16
WHO = (
    f"MessageSid={SID}&SmsSid={SID}&AccountSid=AC{'1e' * 16}&From=%2B79031234567&To=%2B79000004981"
)
INCOMING = f"{WHO}&SmsStatus=received&NumMedia=0&NumSegments=1&ApiVersion=2010-04-01"
WHOLE = Taken(sender="+79031234567", text=READING, id=SID, recipient="+79000004981")
XML = "text/xml; charset=utf-8"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def signed(request: GatewayRequest, *, url: str = "", body: bytes | None = None) -> GatewayRequest:
    """Return *request* as it arrives, with Twilio's signature over *url* and the form."""
    query = "?" + request.query.decode() if request.query else ""
    form = parse_qsl((request.body if body is None else body).decode(), keep_blank_values=True)
    text = (url or ORIGIN + PATH.decode() + query) + "".join(a + b for a, b in sorted(form))
    mac = hmac.new(SECRET.encode(), text.encode(), hashlib.sha1).digest()
    signature = ("X-Twilio-Signature", base64.b64encode(mac).decode())
    return replace(request, origin=ORIGIN, path=PATH, headers=(*request.headers, signature))


def a_status(status: str, more: str = "") -> GatewayRequest:
    """Return a status callback."""
    body = f"{WHO}&MessageStatus={status}&SmsStatus={status}{more}"
    return signed(a_post(body, query="id=7K4M-2Q9X-17"))


def told(status: ReportStatus, detail: str) -> Told:
    """Return the report that :func:`a_status` makes, as it must be understood."""
    return Told(status=status, upstream_id=SID, reply_id="7K4M-2Q9X-17", detail=detail)


def digested(body: bytes) -> GatewayRequest:
    """Return a POST of JSON, whose digest is in the signed URL."""
    request = replace(
        a_json(body), query=b"bodySHA256=" + hashlib.sha256(body).hexdigest().encode()
    )
    return signed(request, body=b"")


CASES = [
    Case(
        label="a text",
        request=signed(a_post(f"{INCOMING}&Body=123456789012*5467%3B")),
        texts=(WHOLE,),
        answer=Answer(200, XML, f"{HEAD}<Response><Message>{REPLY}</Message></Response>".encode()),
    ),
    Case(
        label="nothing is answered",
        request=signed(a_post(f"{INCOMING}&Body=123456789012*5467%3B")),
        texts=(WHOLE,),
        reply="",
        answer=Answer(200, XML, f"{HEAD}<Response></Response>".encode()),
    ),
    Case(
        label="a reply that is no XML",
        request=signed(a_post(f"{INCOMING}&Body=123456789012*5467%3B")),
        texts=(WHOLE,),
        reply="a < b & \x01c",
        answer=Answer(
            200,
            XML,
            f"{HEAD}<Response><Message>a &lt; b &amp; c</Message></Response>".encode(),
        ),
    ),
    Case(
        label="GET",
        request=signed(a_get(f"{INCOMING}&Body=123456789012*5467%3B")),
        texts=(WHOLE,),
    ),
    Case(
        label="Cyrillic, and names in the query of our own",
        request=signed(a_post(f"{INCOMING}&Body={escaped('Счёт 1')}", query="from=site&x=%20")),
        texts=(replace(WHOLE, text="Счёт 1"),),
    ),
    Case(
        label="a picture without a word",
        request=signed(a_post(f"{INCOMING}&Body=&MediaUrl0=https%3A%2F%2Fapi.example%2F1")),
        texts=(replace(WHOLE, text=""),),
    ),
    Case(
        label="an old account's names",
        request=signed(a_post(f"SmsMessageSid={SID}&From=%2B79031234567&To=&Body=1")),
        texts=(Taken(sender="+79031234567", text="1", id=SID),),
    ),
    Case(
        label="NUL and bytes that are no UTF-8",
        request=replace(
            signed(a_post(f"{INCOMING}&Body=5467")), body=f"{INCOMING}&Body=54%0067%98".encode()
        ),
        texts=(replace(WHOLE, text="54\ufffd67\ufffd"),),
        is_authentic=False,
    ),
    Case(
        label="sent",
        request=a_status("sent"),
        reports=(told(ReportStatus.UNDER_WAY, "sent"),),
    ),
    Case(
        label="delivered",
        request=a_status("delivered", "&RawDlrDoneDate=2611241200"),
        reports=(told(ReportStatus.DELIVERED, "delivered"),),
        reply="",
        answer=Answer(200, XML, f"{HEAD}<Response></Response>".encode()),
    ),
    Case(
        label="undelivered",
        request=a_status("undelivered", "&ErrorCode=30003"),
        reports=(told(ReportStatus.UNDELIVERED, "undelivered 30003"),),
    ),
    Case(
        label="no sender",
        request=signed(a_post(f"MessageSid={SID}&Body=1")),
        refused="From",
    ),
    Case(
        label="JSON, whose digest is signed",
        request=digested(b'{"MessageSid": "SM1"}'),
        refused="From",
    ),
    Case(
        label="JSON that was changed",
        request=replace(digested(b'{"MessageSid": "SM1"}'), body=b'{"MessageSid": "SM2"}'),
        refused="From",
        is_authentic=False,
    ),
    Case(
        label="signed with the port in the URL",
        request=signed(
            a_post(f"{INCOMING}&Body=123456789012*5467%3B"),
            url="https://readings.example.org:443/channels/sms",
        ),
        texts=(WHOLE,),
    ),
    Case(
        label="signed for another place",
        request=signed(
            a_post(f"{INCOMING}&Body=123456789012*5467%3B"), url="https://example.org/channels/sms"
        ),
        texts=(WHOLE,),
        is_authentic=False,
    ),
    Case(
        label="a reading that was changed on its way",
        request=replace(
            signed(a_post(f"{INCOMING}&Body=123456789012*5467%3B")),
            body=f"{INCOMING}&Body=123456789012*5468%3B".encode(),
        ),
        texts=(replace(WHOLE, text="123456789012*5468;"),),
        is_authentic=False,
    ),
    Case(
        label="not signed",
        request=a_post(f"{INCOMING}&Body=123456789012*5467%3B"),
        texts=(WHOLE,),
        is_authentic=False,
    ),
]
