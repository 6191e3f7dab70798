"""Plivo's incoming messages and status callbacks, with its V3 signature."""

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl

import msgspec
from channels.gateway_case import READING, Case, Taken, Told, a_get, a_post, escaped
from msgspec.structs import replace

from ingest.channels.gateways.request import Answer, GatewayRequest
from ingest.model import ReportStatus
from ingest.settings import Auth

GATEWAY = "plivo"
SETTINGS = {}
AUTH = msgspec.convert({"kind": "plivo", "key": {"env": "TOKEN"}}, Auth)
SECRET = "YjI4NzEzNGEtYzVkMy00"
ORIGIN, PATH = "https://readings.example.org", b"/channels/sms"
NONCE = "05429567804466091622"
OK = Answer(200, "text/plain", b"")
UUID, PARENT = "7a242edc-2f57-11e7-98c9-06ab0bf64327", "83876bdb-2033-4876-bfaf-0ff8693705af"
WHO = f"From=79031234567&To=79000004981&Type=sms&MessageUUID={UUID}&TotalRate=0&Units=1"
WHOLE = Taken(sender="79031234567", text=READING, id=UUID, recipient="79000004981")


def signed(request: GatewayRequest, header: str = "X-Plivo-Signature-V3") -> GatewayRequest:
    """Return *request* as it arrives, with the signature of an account among two."""
    asked = sorted(parse_qsl(request.query.decode(), keep_blank_values=True))
    posted = sorted(parse_qsl(request.body.decode(), keep_blank_values=True))
    text = ORIGIN + PATH.decode() + ("?" if asked or posted else "")
    text += "&".join(f"{name}={value}" for name, value in asked)
    text += "." if asked and posted else ""
    text += "".join(f"{name}{value}" for name, value in posted) + "." + NONCE
    mac = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()
    signature = (header, "bm90IHRoaXMgb25l, " + base64.b64encode(mac).decode())
    nonce = ("X-Plivo-Signature-V3-Nonce", NONCE)
    headers = (*request.headers, signature, nonce)
    return replace(request, origin=ORIGIN, path=PATH, headers=headers)


def a_status(status: str, error: str = "") -> GatewayRequest:
    """Return a status callback."""
    return signed(
        a_post(
            f"Status={status}&From=79000004981&To=79031234567&MessageUUID={UUID}"
            f"&ParentMessageUUID={PARENT}&PartInfo=1+of+1&ErrorCode={error}&MCC=250&MNC=01",
            query="id=7K4M-2Q9X-17",
        )
    )


def told(status: ReportStatus, detail: str) -> Told:
    """Return the report that :func:`a_status` makes, as it must be understood."""
    return Told(status=status, upstream_id=PARENT, reply_id="7K4M-2Q9X-17", detail=detail)


CASES = [
    Case(
        label="a text",
        request=signed(a_post(f"{WHO}&Text=123456789012*5467%3B")),
        texts=(WHOLE,),
        answer=OK,
    ),
    Case(
        label="GET",
        request=signed(a_get(f"{WHO}&Text=123456789012*5467%3B")),
        texts=(WHOLE,),
    ),
    Case(
        label="Cyrillic, and a query of our own",
        request=signed(a_post(f"{WHO}&Text={escaped('Счёт 1')}", query="b=2&a=%20")),
        texts=(replace(WHOLE, text="Счёт 1"),),
    ),
    Case(
        label="a number that a sub-account owns",
        request=signed(a_post(f"{WHO}&Text=1"), "X-Plivo-Signature-MA-V3"),
        texts=(replace(WHOLE, text="1"),),
    ),
    Case(
        label="queued",
        request=a_status("queued"),
        reports=(told(ReportStatus.UNDER_WAY, "queued"),),
        answer=OK,
    ),
    Case(
        label="delivered",
        request=a_status("delivered"),
        reports=(told(ReportStatus.DELIVERED, "delivered"),),
    ),
    Case(
        label="undelivered",
        request=a_status("undelivered", "300"),
        reports=(told(ReportStatus.UNDELIVERED, "undelivered 300"),),
    ),
    Case(label="no sender", request=signed(a_post("Text=1")), refused="From"),
    Case(label="nothing", request=signed(a_post("")), refused="From"),
    Case(
        label="a reading that was changed on its way",
        request=replace(signed(a_post(f"{WHO}&Text=5467")), body=f"{WHO}&Text=5468".encode()),
        texts=(replace(WHOLE, text="5468"),),
        is_authentic=False,
    ),
    Case(
        label="not signed",
        request=a_post(f"{WHO}&Text=1"),
        texts=(replace(WHOLE, text="1"),),
        is_authentic=False,
    ),
]
