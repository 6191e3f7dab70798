"""The ready-made examples of the page about described gateways, each with a request of its own."""

import hashlib
import hmac
import re
from pathlib import Path

import pytest
from channels.gateway_case import (
    NOON,
    READING,
    RECEIVED_AT,
    REPLY,
    ZONE,
    Case,
    Taken,
    Told,
    a_get,
    a_json,
    a_post,
    run_case,
)
from config_texts import WINDOWS
from msgspec.structs import replace

from ingest.channels.gateways.auth import is_authentic
from ingest.channels.gateways.declarative import DeclarativeGateway
from ingest.channels.gateways.request import Answer, Part
from ingest.channels.sms.channel import build_gateway
from ingest.config import load_config
from ingest.model import ReportStatus

PAGE = Path(__file__).parents[2] / "docs" / "channels" / "sms" / "declarative.md"
SECRET = "s3cret"
BASIC = "Basic ZWxrczpzM2NyZXQ="
OK = Answer(200, "text/plain", b"")
WHOLE = Taken(sender="79031234567", text=READING, id="m-1", recipient="4981", sent_at=NOON)
UNTIMED = replace(WHOLE, sent_at=None)
HASH = hmac.new(
    SECRET.encode(), f"m-179031234567498112{READING}".encode(), hashlib.sha1
).hexdigest()
FORM = "phone=79031234567&mes=123456789012*5467%3B&to=4981&id=m-1&time=24.11.2026+08%3A00%3A00"
MTARGET = "Msisdn=79031234567&Content=123456789012*&MsgId=m-1&msglong.id=1"

CASES = [
    (
        "sms-form",
        Case(
            label="SMSC, a text",
            request=a_post(FORM, query="token=s3cret"),
            texts=(WHOLE,),
            answer=OK,
        ),
    ),
    (
        "sms-form",
        Case(
            label="SMSC, delivered",
            request=a_post("id=17&phone=79031234567&status=1&time=x&err=0", query="token=s3cret"),
            reports=(Told(status=ReportStatus.DELIVERED, upstream_id="17", detail="1 0"),),
        ),
    ),
    (
        "sms-46elks",
        Case(
            label="46elks, a text",
            request=a_post(
                "direction=incoming&id=m-1&from=%2B79031234567&to=4981"
                "&created=2026-11-24T05%3A00%3A00.000000&message=123456789012*5467%3B",
                Authorization=BASIC,
            ),
            texts=(replace(WHOLE, sender="+79031234567"),),
            answer=Answer(200, "text/plain", REPLY.encode()),
        ),
    ),
    (
        "sms-46elks",
        Case(
            label="46elks, failed",
            request=a_post("id=s17&status=failed", Authorization=BASIC),
            reports=(Told(status=ReportStatus.UNDELIVERED, upstream_id="s17", detail="failed"),),
        ),
    ),
    (
        "sms-clickatell",
        Case(
            label="Clickatell, a text",
            request=a_json(
                '{"messageId": "m-1", "fromNumber": "79031234567", "toNumber": "4981",'
                f' "timestamp": {int(NOON.timestamp())}000, "text": "{READING}",'
                ' "charset": "UTF-8"}'
            ),
            texts=(WHOLE,),
        ),
    ),
    (
        "sms-8x8",
        Case(
            label="8x8, a text",
            request=a_json(
                '{"namespace": "SMS", "eventType": "inbound_message_received", "payload":'
                ' {"umid": "m-1", "source": "79031234567", "destination": "4981",'
                f' "timestamp": "2026-11-24T05:00:00Z", "body": "{READING}"}}}}'
            ),
            texts=(WHOLE,),
        ),
    ),
    (
        "sms-8x8",
        Case(
            label="8x8, undelivered",
            request=a_json(
                '{"namespace": "SMS", "eventType": "outbound_message_status_changed", "payload":'
                ' {"umid": "u-17", "status": {"state": "undelivered", "detail": "expired"}}}'
            ),
            reports=(
                Told(
                    status=ReportStatus.UNDELIVERED,
                    upstream_id="u-17",
                    detail="undelivered expired",
                ),
            ),
        ),
    ),
    (
        "sms-messagebird",
        Case(
            label="MessageBird, a text",
            request=a_get(
                "key=s3cret&id=m-1&recipient=4981&originator=79031234567"
                "&body=123456789012*5467%3B&createdDatetime=2026-11-24T05%3A00%3A00%2B00%3A00"
            ),
            texts=(WHOLE,),
            answer=Answer(200, "text/plain", b"OK"),
        ),
    ),
    (
        "sms-messagebird",
        Case(
            label="MessageBird, buffered",
            request=a_get("key=s3cret&id=b-17&reference=7K4M-2Q9X-17&status=buffered"),
            reports=(
                Told(status=ReportStatus.UNDER_WAY, upstream_id="b-17", reply_id="7K4M-2Q9X-17"),
            ),
        ),
    ),
    (
        "sms-notify",
        Case(
            label="GOV.UK Notify, a text",
            request=a_json(
                '{"id": "m-1", "source_number": "79031234567", "destination_number": "4981",'
                f' "message": "{READING}", "date_received": "2026-11-24T05:00:00.000000Z"}}',
                Authorization="Bearer s3cret",
            ),
            texts=(WHOLE,),
        ),
    ),
    (
        "sms-mtarget",
        Case(
            label="Mtarget, a part",
            request=a_post(f"{MTARGET}&msglong.msgcount=2&msglong.msgref=77", query="key=s3cret"),
            texts=(replace(UNTIMED, text="123456789012*", recipient="", part=Part("77", 1, 2)),),
        ),
    ),
    (
        "sms-mtarget",
        Case(
            label="Mtarget, a whole text",
            request=a_post(
                "Msisdn=79031234567&Content=123456789012*5467%3B&MsgId=m-1", query="key=s3cret"
            ),
            texts=(replace(UNTIMED, recipient=""),),
        ),
    ),
    (
        "sms-viamobile",
        Case(
            label="viamobile, a text",
            request=a_json(
                '{"id": "m-1", "msisdn": "79031234567", "address": "4981", "gtw": "12",'
                f' "message": "{READING}", "hash": "{HASH}"}}'
            ),
            texts=(UNTIMED,),
            answer=Answer(200, "text/plain", b"OK"),
        ),
    ),
]
NAMED = [pytest.param(name, case, id=case.label) for name, case in CASES]


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """Return the page's channels, as if all of them stood in one config.toml."""
    blocks = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    path = tmp_path_factory.mktemp("examples") / "config.toml"
    path.write_text("\n".join([*blocks, WINDOWS]), "utf-8")
    return load_config(path, {})


def as_it_arrives(name, case):
    """Return the request of a case with the path by which it comes in."""
    return replace(case.request, path=f"/channels/{name}/{SECRET}".encode())


@pytest.mark.parametrize(("name", "case"), NAMED)
def test_an_example(name, case, examples):
    """What the gateway is known to send is read as its description says."""
    gateway = DeclarativeGateway(examples.channels[name], ZONE)
    if examples.channels[name].time_zone:
        gateway = build_gateway(examples.channels[name], examples)
    run_case(gateway, case)


@pytest.mark.parametrize(("name", "case"), NAMED)
def test_its_proof(name, case, examples):
    """It is let in with the secret, and not with another."""
    auth, request = examples.channels[name].auth, as_it_arrives(name, case)
    assert is_authentic(auth, SECRET, request, RECEIVED_AT)
    assert not is_authentic(auth, "another", request, RECEIVED_AT)


def test_every_example_is_shown_at_work(examples):
    """Nothing stands on the page that no request was read with."""
    assert set(examples.channels) == {name for name, _ in CASES}
