"""SMS.ru: records of several lines in one form, and its hash over them."""

import hashlib
from urllib.parse import urlencode

import msgspec
from channels.gateway_case import NOON, READING, Case, Taken, Told, a_post
from msgspec.structs import replace

from ingest.channels.gateways.request import Answer, GatewayRequest
from ingest.model import ReportStatus
from ingest.settings import Auth

GATEWAY = "sms-ru"
SETTINGS = {}
AUTH = msgspec.convert({"kind": "sms-ru", "key": {"env": "KEY"}}, Auth)
SECRET = "00000000-1111-2222-3333-444444444444"
ID = "202611-1000001"
OK = Answer(200, "text/plain", b"100")
INCOMING = {"fields": {"id": "1", "sender": "2", "recipient": "3", "time": "4", "text": "5"}}
WHOLE = Taken(sender="79031234567", text=READING, id=ID, recipient="79130000000", sent_at=NOON)
RECORD = f"sms_incoming\n{ID}\n79031234567\n79130000000\n1795496400\n"


def a_request(*records: str, secret: str = SECRET) -> GatewayRequest:
    """Return a signed request with these records."""
    digest = hashlib.sha256((secret + "".join(records)).encode()).hexdigest()
    fields = {f"data[{number}]": record for number, record in enumerate(records)}
    return a_post(urlencode({**fields, "hash": digest}))


def a_status(code: int) -> str:
    """Return a record with a status."""
    return f"sms_status\n{ID}\n{code}\n1795496400"


def told(status: ReportStatus, code: int) -> Told:
    """Return such a record as it must be understood."""
    return Told(status=status, upstream_id=ID, detail=str(code))


CASES = [
    Case(
        label="several statuses",
        request=a_request(a_status(102), a_status(103), a_status(104)),
        reports=(
            told(ReportStatus.UNDER_WAY, 102),
            told(ReportStatus.DELIVERED, 103),
            told(ReportStatus.UNDELIVERED, 104),
        ),
        answer=OK,
    ),
    Case(
        label="in the order of their numbers",
        request=a_request(*(a_status(100 + number % 4) for number in range(12))),
        reports=tuple(
            told(
                ReportStatus.DELIVERED if number % 4 == 3 else ReportStatus.UNDER_WAY,
                100 + number % 4,
            )
            for number in range(12)
        ),
    ),
    Case(
        label="read, and not found",
        request=a_request(a_status(110), a_status(-1), a_status(150)),
        reports=(
            told(ReportStatus.DELIVERED, 110),
            told(ReportStatus.UNDER_WAY, -1),
            told(ReportStatus.UNDELIVERED, 150),
        ),
    ),
    Case(
        label="calls are none of our business",
        request=a_request("callcheck_status\n201737-542\n401\n1795496400", a_status(103)),
        reports=(told(ReportStatus.DELIVERED, 103),),
    ),
    Case(label="a test without records", request=a_request(), answer=OK),
    Case(
        label="another secret",
        request=a_request(a_status(103), secret="x"),
        reports=(told(ReportStatus.DELIVERED, 103),),
        is_authentic=False,
    ),
    Case(
        label="a received text, where fields numbers its lines",
        request=a_request(RECORD + READING),
        texts=(WHOLE,),
        settings=INCOMING,
    ),
    Case(
        label="a text of several lines, and a status beside it",
        request=a_request(a_status(103), f"{RECORD}Счёт\n5467\n"),
        texts=(replace(WHOLE, text="Счёт\n5467\n"),),
        reports=(told(ReportStatus.DELIVERED, 103),),
        settings=INCOMING,
    ),
    Case(
        label="an unknown record is refused, not lost",
        request=a_request(RECORD + READING),
        refused="sms_incoming",
    ),
    Case(
        label="a record that is too short",
        request=a_request("sms_incoming\n1\n7903"),
        refused="too short",
        settings=INCOMING,
    ),
    Case(
        label="a status with half of its lines",
        request=a_request(f"sms_status\n{ID}"),
        reports=(Told(status=ReportStatus.UNDELIVERED, upstream_id=ID, detail="no status"),),
    ),
]
