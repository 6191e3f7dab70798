"""Sinch's callbacks, with the signature that an account may ask for."""

import base64
import hashlib
import hmac
import json

import msgspec
from channels.gateway_case import NOON, READING, RECEIVED_AT, Case, Taken, Told, a_json
from msgspec.structs import replace

from ingest.channels.gateways.request import Answer, GatewayRequest, Part
from ingest.model import ReportStatus
from ingest.settings import Auth

GATEWAY = "sinch"
SETTINGS = {}
AUTH = msgspec.convert(
    {
        "kind": "hmac",
        "key": {"env": "SECRET"},
        "header": "x-sinch-webhook-signature",
        "encoding": "base64",
        "timestamp_header": "x-sinch-webhook-signature-timestamp",
        "nonce_header": "x-sinch-webhook-signature-nonce",
        "signed": "{body}.{nonce}.{timestamp}",
    },
    Auth,
)
SECRET = "correct horse"
OK = Answer(200, "text/plain", b"")
BATCH = "01FC66621XXXXX119Z8PMV1QPQ"
WHOLE = Taken(
    sender="79031234567", text=READING, id="01XXXXX21", recipient="79000004981", sent_at=NOON
)


def signed(body: object, age: int = 0) -> GatewayRequest:
    """Return a callback of *body*, signed *age* seconds ago."""
    text = body if isinstance(body, str) else json.dumps(body)
    stamp = str(int(RECEIVED_AT.timestamp()) - age)
    mac = hmac.new(SECRET.encode(), f"{text}.01F4.{stamp}".encode(), hashlib.sha256).digest()
    return a_json(
        text,
        x_sinch_webhook_signature=base64.b64encode(mac).decode(),
        x_sinch_webhook_signature_timestamp=stamp,
        x_sinch_webhook_signature_nonce="01F4",
        x_sinch_webhook_signature_algorithm="HmacSHA256",
    )


def a_text(text: str = READING, **more: object) -> dict[str, object]:
    """Return an incoming text."""
    return {
        "type": "mo_text",
        "id": "01XXXXX21",
        "from": "79031234567",
        "to": "79000004981",
        "body": text,
        "operator_id": "25001",
        "sent_at": "2026-11-24T05:00:00Z",
        "received_at": "2026-11-24T05:00:03.125Z",
        **more,
    }


def a_report(status: str, code: int) -> dict[str, object]:
    """Return a report on one recipient."""
    return {
        "type": "recipient_delivery_report_sms",
        "batch_id": BATCH,
        "recipient": "79031234567",
        "code": code,
        "status": status,
        "at": "2026-11-24T05:00:00.000Z",
        "operator_status_at": "2026-11-24T05:00:00Z",
        "client_reference": "7K4M-2Q9X-17",
    }


def told(status: ReportStatus, detail: str) -> Told:
    """Return the report that :func:`a_report` makes, as it must be understood."""
    return Told(status=status, upstream_id=BATCH, reply_id="7K4M-2Q9X-17", detail=detail)


CASES = [
    Case(label="a text", request=signed(a_text()), texts=(WHOLE,), answer=OK),
    Case(
        label="Cyrillic",
        request=signed(a_text("Счёт 1")),
        texts=(replace(WHOLE, text="Счёт 1"),),
    ),
    Case(
        label="a lone surrogate and NUL",
        request=signed(a_text("54\x0067\ud83d")),
        texts=(replace(WHOLE, text="54\ufffd67\ufffd"),),
    ),
    Case(
        label="no time of the sender's",
        request=signed(a_text(sent_at=None, received_at="2026-11-24T05:00:00Z")),
        texts=(WHOLE,),
    ),
    Case(
        label="dispatched",
        request=signed(a_report("Dispatched", 401)),
        reports=(told(ReportStatus.UNDER_WAY, "Dispatched 401"),),
        answer=OK,
    ),
    Case(
        label="delivered",
        request=signed(a_report("Delivered", 0)),
        reports=(told(ReportStatus.DELIVERED, "Delivered 0"),),
    ),
    Case(
        label="expired",
        request=signed(a_report("Expired", 406)),
        reports=(told(ReportStatus.UNDELIVERED, "Expired 406"),),
    ),
    Case(
        label="a report on the whole batch",
        request=signed(
            {
                "type": "delivery_report_sms",
                "batch_id": BATCH,
                "total_message_count": 1,
                "statuses": [{"code": 402, "status": "Aborted", "count": 1}],
                "client_reference": "7K4M-2Q9X-17",
            }
        ),
        reports=(told(ReportStatus.UNDELIVERED, "Aborted 402"),),
    ),
    Case(label="no sender", request=signed({"type": "mo_text", "body": "1"}), refused="from"),
    Case(label="cut off", request=signed('{"type": "mo_text", '), refused="JSON"),
    Case(
        label="a reading that was changed on its way",
        request=replace(signed(a_text("5467")), body=json.dumps(a_text("5468")).encode()),
        texts=(replace(WHOLE, text="5468"),),
        is_authentic=False,
    ),
    Case(
        label="a copy of ten minutes ago",
        request=signed(a_text(), age=600),
        texts=(WHOLE,),
        is_authentic=False,
    ),
    Case(
        label="not signed",
        request=a_json(json.dumps(a_text())),
        texts=(WHOLE,),
        is_authentic=False,
    ),
]

OWN = [
    Case(
        label="a binary part with a header",
        request=signed(
            a_text(
                base64.b64encode("Счёт".encode("utf-16-be")).decode(),
                type="mo_binary",
                udh="050003A70201",
            )
        ),
        texts=(replace(WHOLE, text="Счёт", part=Part("a7", 1, 2)),),
    ),
    Case(
        label="a binary text that is none",
        request=signed(a_text("***", type="mo_binary", udh="zz")),
        texts=(replace(WHOLE, text="***"),),
    ),
    Case(
        label="a picture with words",
        request=signed({**a_text(), "type": "mo_media", "body": {"message": READING}}),
        texts=(WHOLE,),
    ),
    Case(
        label="a picture without",
        request=signed({**a_text(), "type": "mo_media", "body": {"media": []}}),
        texts=(replace(WHOLE, text=""),),
    ),
    Case(label="an event of no interest", request=signed({"type": "system"}), answer=OK),
    Case(label="no type", request=signed("{}"), refused="type"),
]
"""What configuration alone does not express."""
COMMON, CASES = CASES, CASES + OWN
