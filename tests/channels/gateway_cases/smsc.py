"""SMSC.ru: the list of received texts, its errors, and what is pushed."""

import json

from channels.gateway_case import (
    NOON,
    READING,
    Case,
    PolledCase,
    Taken,
    Told,
    a_get,
    a_post,
    escaped,
)
from msgspec.structs import replace

from ingest.channels.gateways.request import Answer
from ingest.errors import PermanentError, TransientError
from ingest.model import ReportStatus

GATEWAY = "smsc"
SETTINGS = {"time_zone": "Europe/Moscow", "poll": {"secret": {"env": "KEY"}}}
WRITTEN = "24.11.2026 12:00:00"
ITEM = {
    "id": 4711,
    "received": WRITTEN,
    "phone": "79031234567",
    "message": READING,
    "to_phone": "79130000000",
    "sent": WRITTEN,
}
WHOLE = Taken(sender="79031234567", text=READING, id="4711", recipient="79130000000", sent_at=NOON)


def a_list(*changes: dict[str, object]) -> bytes:
    """Return a list of texts, each changed."""
    return json.dumps([ITEM | one for one in changes], ensure_ascii=False).encode()


def an_error(code: int, words: str) -> bytes:
    """Return an answer that tells of an error."""
    return json.dumps({"error": words, "error_code": code}).encode()


def told(status: ReportStatus, detail: str) -> tuple[Told, ...]:
    """Return a status as it must be understood."""
    return (Told(status=status, upstream_id="17", detail=detail),)


POLLED = [
    PolledCase(label="one", body=a_list({}), texts=(WHOLE,), position=4711),
    PolledCase(
        label="several, in any order",
        body=a_list({"id": 4713, "message": "Счёт"}, {"id": "4712"}),
        texts=(replace(WHOLE, id="4713", text="Счёт"), replace(WHOLE, id="4712")),
        position=4713,
    ),
    PolledCase(label="none", body=b"[]"),
    PolledCase(label="nothing was found", body=an_error(3, "no messages")),
    PolledCase(
        label="an item without a text is kept for a person",
        body=b'[{"id": 4712, "phone": "7"}]',
        texts=(Taken(sender="", text='{"id": 4712, "phone": "7"}'),),
        position=4712,
    ),
    PolledCase(
        label="a text without id and time",
        body=json.dumps([{"phone": "79031234567", "message": "1"}]).encode(),
        texts=(Taken(sender="79031234567", text="1"),),
    ),
    PolledCase(
        label="lone surrogates",
        body=b'[{"id": 1, "phone": "79031234567", "message": "1\\ud83d\\u0000 2"}]',
        texts=(Taken(sender="79031234567", text="1\ufffd\ufffd 2", id="1"),),
        position=1,
    ),
    PolledCase(
        label="an id beyond all numbers",
        body=a_list({"id": 10**30}),
        texts=(replace(WHOLE, id=str(10**30)),),
    ),
    PolledCase(label="wrong password", body=an_error(2, "auth"), failure=PermanentError),
    PolledCase(label="a wrong field", body=an_error(1, "parameters"), failure=PermanentError),
    PolledCase(label="too often", body=an_error(9, "duplicate"), failure=TransientError),
    PolledCase(label="blocked for now", body=an_error(4, "blocked"), failure=TransientError),
    PolledCase(label="502", body=b"<html>", status=502, failure=TransientError),
    PolledCase(label="a page instead of a list", body=b"<html>", failure=TransientError),
    PolledCase(label="a number instead of a list", body=b"17", failure=PermanentError),
]

CASES = [
    Case(
        label="pushed",
        request=a_post(
            f"id=4711&phone=79031234567&mes=123456789012*5467%3B&to=79130000000"
            f"&time={WRITTEN.replace(' ', '+')}"
        ),
        texts=(WHOLE,),
        answer=Answer(200, "text/plain", b"OK"),
    ),
    Case(
        label="pushed by GET, in cp1251 that nobody told of",
        request=a_get(f"id=4711&phone=79031234567&mes={escaped('Счёт 5467', 'cp1251')}"),
        texts=(Taken(sender="79031234567", text="Счёт 5467", id="4711"),),
    ),
    Case(
        label="UTF-8 under the label cp1251",
        request=a_get(f"id=4711&phone=79031234567&mes={escaped('Счёт 5467')}"),
        texts=(Taken(sender="79031234567", text="Счёт 5467", id="4711"),),
        settings={"charset": "cp1251"},
    ),
    Case(
        label="fields of another name",
        request=a_post("sms_id=4711&from=79031234567&text=1"),
        texts=(Taken(sender="79031234567", text="1", id="4711"),),
        settings={"fields": {"sender": "from", "text": "text", "id": "sms_id"}},
    ),
    Case(
        label="delivered",
        request=a_post("id=17&phone=79031234567&status=1&time=24.11.2026+12:00:00&err=0"),
        reports=told(ReportStatus.DELIVERED, "1 0"),
        answer=Answer(200, "text/plain", b"OK"),
    ),
    Case(
        label="on its way",
        request=a_get("id=17&phone=79031234567&status=0"),
        reports=told(ReportStatus.UNDER_WAY, "0"),
    ),
    Case(
        label="expired",
        request=a_get("id=17&phone=79031234567&status=3&err=1"),
        reports=told(ReportStatus.UNDELIVERED, "3 1"),
    ),
    Case(
        label="cannot be delivered",
        request=a_get("id=17&phone=79031234567&status=20&err=6"),
        reports=told(ReportStatus.UNDELIVERED, "20 6"),
    ),
    Case(label="neither", request=a_post("phone=79031234567"), refused="mes is missing"),
    Case(label="nothing", request=a_post(""), refused="missing"),
]
