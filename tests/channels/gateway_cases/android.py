"""android-sms-gateway's events, signed with its key over body and time stamp."""

import hashlib
import hmac
import json

import msgspec
from channels.gateway_case import NOON, READING, RECEIVED_AT, Case, Taken, Told, a_json
from msgspec.structs import replace

from ingest.channels.gateways.request import Answer, GatewayRequest
from ingest.model import ReportStatus
from ingest.settings import Auth

GATEWAY = "android"
SETTINGS = {}
AUTH = msgspec.convert(
    {
        "kind": "hmac",
        "key": {"env": "KEY"},
        "header": "X-Signature",
        "timestamp_header": "X-Timestamp",
    },
    Auth,
)
SECRET = "N3cIbsPmkqY2ClaE"
OK = Answer(200, "text/plain", b"")
RECEIVED = {
    "messageId": "a1b2c3",
    "message": READING,
    "phoneNumber": "+79031234567",
    "simNumber": 1,
    "receivedAt": "2026-11-24T12:00:00.000+07:00",
}
WHOLE = Taken(sender="+79031234567", text=READING, sent_at=NOON)
REPLY_ID = "7K4M-2Q9X-17"


def an_event(event: str, payload: object, *, key: str = SECRET) -> GatewayRequest:
    """Return a signed event."""
    document = {
        "deviceId": "ffffffffceb0b1db0000018e937c815b",
        "event": event,
        "id": "Ey6ECgOkVVFjz3CL48B8C",
        "payload": payload,
        "webhookId": "w1",
    }
    body = json.dumps(document, ensure_ascii=False)
    stamp = str(int(RECEIVED_AT.timestamp()))
    mac = hmac.new(key.encode(), (body + stamp).encode(), hashlib.sha256)
    return a_json(body, X_Signature=mac.hexdigest(), X_Timestamp=stamp)


def told(status: ReportStatus, detail: str) -> tuple[Told, ...]:
    """Return an event about a text of ours as it must be understood."""
    return (Told(status=status, upstream_id=REPLY_ID, reply_id=REPLY_ID, detail=detail),)


SENT = {"messageId": REPLY_ID, "phoneNumber": "+79031234567", "simNumber": None}

CASES = [
    Case(
        label="a text",
        request=an_event("sms:received", RECEIVED),
        texts=(WHOLE,),
        answer=OK,
    ),
    Case(
        label="newer names",
        request=an_event(
            "sms:received", RECEIVED | {"sender": "+79031234567", "recipient": "+79130000000"}
        ),
        texts=(replace(WHOLE, recipient="+79130000000"),),
    ),
    Case(
        label="newer names alone, and no recipient",
        request=an_event(
            "sms:received",
            RECEIVED | {"sender": "+79031234567", "recipient": None, "phoneNumber": None},
        ),
        texts=(WHOLE,),
    ),
    Case(
        label="without a time the event's id is taken",
        request=an_event("sms:received", RECEIVED | {"receivedAt": "just now"}),
        texts=(replace(WHOLE, id="Ey6ECgOkVVFjz3CL48B8C", sent_at=None),),
    ),
    Case(
        label="Cyrillic, emoji, half an emoji",
        request=an_event("sms:received", RECEIVED | {"message": "Счёт 😀"}),
        texts=(replace(WHOLE, text="Счёт 😀"),),
    ),
    Case(
        label="lone surrogates and NUL",
        request=a_json(
            r'{"event": "sms:received", "payload": {"phoneNumber": "+79031234567", "message":'
            r' "1\ud83d\u00002", "receivedAt": "2026-11-24T05:00:00Z"}}'
        ),
        texts=(replace(WHOLE, text="1\ufffd\ufffd2"),),
        is_authentic=False,
    ),
    Case(
        label="another key",
        request=an_event("sms:received", RECEIVED, key="x"),
        texts=(WHOLE,),
        is_authentic=False,
    ),
    Case(
        label="sent",
        request=an_event("sms:sent", SENT | {"sentAt": "2026-11-24T12:00:00.000+07:00"}),
        reports=told(ReportStatus.UNDER_WAY, "sms:sent"),
        answer=OK,
    ),
    Case(
        label="delivered",
        request=an_event("sms:delivered", SENT | {"deliveredAt": "2026-11-24T12:00:05.000+07:00"}),
        reports=told(ReportStatus.DELIVERED, "sms:delivered"),
    ),
    Case(
        label="failed",
        request=an_event("sms:failed", SENT | {"reason": "RESULT_ERROR_NO_SERVICE"}),
        reports=told(ReportStatus.UNDELIVERED, "RESULT_ERROR_NO_SERVICE"),
    ),
    Case(label="a ping", request=an_event("system:ping", {"health": {}}), answer=OK),
    Case(label="data", request=an_event("sms:data-received", {"data": "AAE="}), answer=OK),
    Case(
        label="no text",
        request=an_event("sms:received", {"phoneNumber": "+79031234567"}),
        refused="missing",
    ),
    Case(
        label="no event",
        request=a_json('{"payload": {}}'),
        refused="event",
        is_authentic=False,
    ),
    Case(label="a list", request=a_json("[]"), refused="event", is_authentic=False),
    Case(label="no JSON", request=a_json("event=1"), refused="JSON", is_authentic=False),
]
