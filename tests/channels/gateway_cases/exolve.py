"""MTS Exolve: the list of texts, its failures, and what it may push."""

import json

from channels.gateway_case import NOON, READING, RECEIVED_AT, Case, PolledCase, Taken, Told, a_json
from msgspec.structs import replace

from ingest.channels.gateways.request import Answer
from ingest.errors import PermanentError, TransientError
from ingest.model import ReportStatus

GATEWAY = "exolve"
OURS = "79130000000"
SETTINGS = {"poll": {"secret": {"env": "KEY"}, "fields": {"number": OURS}}}
NUMBERLESS = {"poll": {"secret": {"env": "KEY"}}}
ITEM = {
    "message_id": "439166538042277988",
    "application_uuid": "1bd8bfc9-6a12-4b84-9cfe-ba363bbd523e",
    "date": "2026-11-24T05:00:00Z",
    "number": OURS,
    "sender": "79031234567",
    "receiver": OURS,
    "text": READING,
    "direction": 1,
    "segments_count": 1,
}
OUR_REPLY = ITEM | {"sender": OURS, "receiver": "79031234567", "text": "Принято"}
WHOLE = Taken(
    sender="79031234567", text=READING, id="439166538042277988", recipient=OURS, sent_at=NOON
)
REACHED = int(RECEIVED_AT.timestamp()) - 86_400 + 3600
"""The end of the first span, where nothing was ever fetched."""


def a_list(*items: object) -> bytes:
    """Return an answer that lists these."""
    return json.dumps({"messages": items}, ensure_ascii=False).encode()


POLLED = [
    PolledCase(label="one", body=a_list(ITEM), texts=(WHOLE,), position=REACHED),
    PolledCase(
        label="our own replies are left out",
        body=a_list(OUR_REPLY, ITEM),
        texts=(WHOLE,),
        position=REACHED,
    ),
    PolledCase(
        label="told by direction, where no number was given",
        body=a_list(
            OUR_REPLY | {"direction": "DIRECTION_OUTGOING"},
            ITEM | {"direction": "DIRECTION_INCOMING"},
        ),
        texts=(WHOLE,),
        position=REACHED,
        settings=NUMBERLESS,
    ),
    PolledCase(
        label="a direction that tells nothing",
        body=a_list(ITEM),
        failure=PermanentError,
        settings=NUMBERLESS,
    ),
    PolledCase(label="none", body=a_list(), position=REACHED),
    PolledCase(label="none, and no list either", body=b"{}", position=REACHED),
    PolledCase(
        label="a text without a sender is kept for a person",
        body=b'{"messages": [{"receiver": "79130000000"}]}',
        texts=(Taken(sender="", text='{"receiver": "79130000000"}'),),
        position=REACHED,
    ),
    PolledCase(
        label="names of one's own",
        body=json.dumps({"items": [{"src": "79031234567", "dst": OURS, "body": "1"}]}).encode(),
        texts=(Taken(sender="79031234567", text="1", recipient=OURS),),
        position=REACHED,
        settings={
            "body": "json",
            "batch": "items",
            "fields": {"sender": "src", "text": "body", "recipient": "dst"},
        },
    ),
    PolledCase(label="a full list", body=a_list(*[ITEM] * 2000), failure=PermanentError),
    PolledCase(label="wrong key", body=b"{}", status=401, failure=PermanentError),
    PolledCase(label="too often", body=b"{}", status=429, failure=TransientError),
    PolledCase(label="no JSON", body=b"<html>", failure=TransientError),
    PolledCase(label="an object for a list", body=b'{"messages": {}}', failure=TransientError),
]

CASES = [
    Case(
        label="pushed",
        request=a_json(json.dumps(ITEM)),
        texts=(WHOLE,),
        answer=Answer(200, "text/plain", b"OK"),
    ),
    Case(
        label="pushed under names of its own",
        request=a_json('{"number": "79031234567", "destination": "79130000000", "text": "1"}'),
        texts=(Taken(sender="79031234567", text="1", recipient=OURS),),
        settings={"fields": {"sender": "number", "text": "text", "recipient": "destination"}},
    ),
    Case(
        label="delivered",
        request=a_json('{"message_id": "17", "delivery_status": "DELIVERY_STATUS_DELIVERED"}'),
        reports=(
            Told(
                status=ReportStatus.DELIVERED,
                upstream_id="17",
                detail="DELIVERY_STATUS_DELIVERED",
            ),
        ),
    ),
    Case(
        label="undelivered",
        request=a_json('{"message_id": 17, "status": "STATUS_UNDELIVERED"}'),
        reports=(Told(status=ReportStatus.UNDELIVERED, upstream_id="17"),),
    ),
    Case(
        label="sent",
        request=a_json('{"message_id": "17", "status": "STATUS_SENT"}'),
        reports=(Told(status=ReportStatus.UNDER_WAY, upstream_id="17"),),
    ),
    Case(
        label="half of a pair",
        request=a_json(r'{"message_id": "1", "sender": "79031234567", "text": "1\ud83d"}'),
        texts=(replace(WHOLE, text="1\ufffd", id="1", recipient="", sent_at=None),),
    ),
    Case(label="neither", request=a_json('{"text": "1"}'), refused="fields"),
    Case(label="no JSON", request=a_json("text=1"), refused="JSON"),
]
