"""Infobip's batches of inbound messages and of delivery reports."""

import json
from typing import Any

from channels.gateway_case import NOON, READING, Case, Taken, Told, a_json

from ingest.channels.gateways.request import Answer
from ingest.model import ReportStatus

GATEWAY = "infobip"
SETTINGS = {}
OK = Answer(200, "text/plain", b"")
WHOLE = Taken(sender="79031234567", text=READING, id="ib-1", recipient="4981", sent_at=NOON)


def a_message(text: str = READING, given: str = "ib-1") -> dict[str, Any]:
    """Return one inbound message."""
    return {
        "messageId": given,
        "from": "79031234567",
        "to": "4981",
        "text": text,
        "cleanText": text,
        "receivedAt": "2026-11-24T05:00:00.000+0000",
        "smsCount": 1,
        "price": {"pricePerMessage": 0, "currency": "EUR"},
    }


def a_report(group: str, name: str, error: str = "NO_ERROR") -> dict[str, Any]:
    """Return one delivery report."""
    return {
        "bulkId": "b-1",
        "messageId": "7K4M-2Q9X-17",
        "to": "79031234567",
        "doneAt": "2026-11-24T05:00:00.000+0000",
        "smsCount": 1,
        "status": {"groupId": 1, "groupName": group, "id": 5, "name": name},
        "error": {"groupId": 0, "id": 0, "name": error, "permanent": False},
    }


def a_batch(*results: object) -> str:
    """Return a batch of whatever it is."""
    return json.dumps({"results": results, "messageCount": len(results), "pendingMessageCount": 0})


def told(status: ReportStatus) -> Told:
    """Return the report that :func:`a_report` makes, as it must be understood."""
    return Told(status=status, upstream_id="7K4M-2Q9X-17", reply_id="7K4M-2Q9X-17")


CASES = [
    Case(label="a text", request=a_json(a_batch(a_message())), texts=(WHOLE,), answer=OK),
    Case(
        label="a batch",
        request=a_json(a_batch(a_message(), a_message("Счёт 1", "ib-2"))),
        texts=(
            WHOLE,
            Taken(sender="79031234567", text="Счёт 1", id="ib-2", recipient="4981", sent_at=NOON),
        ),
    ),
    Case(label="an empty batch", request=a_json(a_batch())),
    Case(
        label="an item that is no text",
        request=a_json('{"results": [' + json.dumps(a_message()) + ', {"odd": 1}]}'),
        texts=(WHOLE, Taken(sender="", text='{"odd": 1}')),
    ),
    Case(
        label="a lone surrogate and NUL",
        request=a_json(
            r'{"results": [{"from": "7903", "text": "54\u000067\ud83d", "messageId": "1"}]}'
        ),
        texts=(Taken(sender="7903", text="54\ufffd67\ufffd", id="1"),),
    ),
    Case(
        label="on its way",
        request=a_json(a_batch(a_report("PENDING", "PENDING_ENROUTE"))),
        reports=(told(ReportStatus.UNDER_WAY),),
        answer=OK,
    ),
    Case(
        label="delivered",
        request=a_json(a_batch(a_report("DELIVERED", "DELIVERED_TO_HANDSET"))),
        reports=(told(ReportStatus.DELIVERED),),
    ),
    Case(
        label="delivered, but only to the operator",
        request=a_json(a_batch(a_report("DELIVERED", "DELIVERED_TO_OPERATOR"))),
        reports=(told(ReportStatus.UNDER_WAY),),
    ),
    Case(
        label="reports of every kind",
        request=a_json(
            a_batch(
                a_report("UNDELIVERABLE", "UNDELIVERABLE_NOT_DELIVERED", "EC_ABSENT_SUBSCRIBER"),
                a_report("EXPIRED", "EXPIRED_EXPIRED"),
                a_report("REJECTED", "REJECTED_NETWORK"),
            )
        ),
        reports=(told(ReportStatus.UNDELIVERED),) * 3,
    ),
    Case(label="no list", request=a_json('{"messageCount": 0}'), refused="no list"),
    Case(label="nothing but nonsense", request=a_json(a_batch({}, 1, None)), refused="not one"),
    Case(label="a form", request=a_json("from=7903&text=1"), refused="JSON"),
]

OWN = [
    Case(
        label="a multimedia message",
        request=a_json(
            a_batch(
                {
                    "messageId": "ib-3",
                    "from": "7903",
                    "message": [
                        {"contentType": "image/jpeg", "url": "https://example.org/1"},
                        {"contentType": "text/plain", "value": READING},
                    ],
                }
            )
        ),
        texts=(Taken(sender="7903", text=READING, id="ib-3"),),
    ),
]
"""What configuration alone does not express."""
COMMON, CASES = CASES, CASES + OWN
