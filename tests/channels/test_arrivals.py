"""When a text came to its gateway: by whose clock, and how far that is believed."""

import datetime as dt
import json
from urllib.parse import quote

import pytest
from builders import SMALL_CONFIG, SMS, NoParts
from channels.gateway_case import NOON, RECEIVED_AT, a_get, a_json, a_post, build

from ingest.channels.gateways.gammu import read_boxed
from ingest.channels.gateways.request import Text
from ingest.channels.sms import SmsChannel
from ingest.model import BoxedText
from ingest.ports import Sinks

SECONDS = int(NOON.timestamp())
ISO = "2026-11-24T05:00:00Z"
EARLIER = "2026-11-24T04:59:00Z"
WALL = "24.11.2026 12:00:00"
LINES = {"fields": {"sender": "1", "text": "3", "time": "2"}}
NAMED = {"fields": {"sender": "from", "text": "text", "time": "at"}}
ARRIVAL = {"time_is": "arrival"}
MODEM = "SMS_MESSAGES=1&SMS_1_NUMBER=7903&SMS_1_TEXT=1&time=20261124_020000"


def infobip(**more: str) -> dict[str, object]:
    """Return a batch of one text."""
    return {"results": [{"from": "7903", "text": "1", "messageId": "1", **more}]}


def android(**more: str) -> dict[str, object]:
    """Return an event that tells of a text."""
    payload = {"sender": "7903", "message": "1", **more}
    return {"event": "sms:received", "payload": payload}


SINCH = {"type": "mo_text", "from": "7903", "body": "1", "id": "1"}
FORM = f"from=7903&text=1&at={quote(ISO)}"
PUSHED = f"phone=7903&mes=1&id=1&time={quote(WALL)}"
RECORD = f"data[0]=incoming%0A7903%0A{SECONDS}%0A1"
CASES = [
    ("kannel", {}, a_get(f"from=7903&text=1&time={SECONDS}"), NOON),
    ("kannel", {}, a_get("from=7903&text=1"), None),
    ("vonage", {}, a_get(f"msisdn=7903&text=1&messageId=1&timestamp={SECONDS}"), NOON),
    ("infobip", {}, a_json(json.dumps(infobip(receivedAt=ISO))), NOON),
    ("sinch", {}, a_json(json.dumps(SINCH | {"received_at": ISO, "sent_at": EARLIER})), NOON),
    ("sinch", {}, a_json(json.dumps(SINCH | {"sent_at": EARLIER})), None),
    ("android", {}, a_json(json.dumps(android(receivedAt=ISO))), NOON),
    ("gammu", {}, a_post(f"{MODEM}&arrived={SECONDS}.0"), NOON),
    ("gammu", {}, a_post(MODEM), None),
    ("exolve", {}, a_json(json.dumps({"sender": "7903", "text": "1", "date": ISO})), NOON),
    ("smsc", {}, a_post(PUSHED), None),
    ("smsc", ARRIVAL, a_post(PUSHED), NOON),
    ("sms-ru", LINES, a_post(RECORD), None),
    ("sms-ru", LINES | ARRIVAL, a_post(RECORD), NOON),
    ("declarative", NAMED, a_post(FORM), None),
    ("declarative", NAMED | ARRIVAL, a_post(FORM), NOON),
    ("twilio", {}, a_post("From=7903&Body=1&MessageSid=1"), None),
    ("plivo", {}, a_post("From=7903&Text=1&MessageUUID=1"), None),
    ("jasmin", {}, a_post("from=7903&content=1&id=1"), None),
]


@pytest.mark.parametrize(("gateway", "settings", "request_", "expected"), CASES)
def test_a_gateway_says_when_it_took_a_text(gateway, settings, request_, expected):
    """Its own clock, or the operator's; never that of the telephone that sent it."""
    handover = build(gateway, settings).read(request_, RECEIVED_AT)
    assert [expected] == [text.arrived_at for text in handover.texts]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        pytest.param({"sent": WALL}, NOON, id="sent alone"),
        pytest.param({"sent": "24.11.2026 11:59:00", "received": WALL}, NOON, id="received first"),
        pytest.param({}, None, id="neither"),
        pytest.param({"sent": "soon"}, None, id="no time"),
    ],
)
def test_smsc_lists_when_it_received(times, expected):
    """By the zone of its lists."""
    gateway = build("smsc", {})
    item = {"id": 1, "phone": "7903", "message": "1", **times}
    asked = gateway.ask(1, RECEIVED_AT)
    handover, _ = gateway.read_answers(asked, 200, json.dumps([item]).encode(), RECEIVED_AT)
    assert [expected] == [text.arrived_at for text in handover.texts]


def test_a_row_of_smsds_says_when_the_centre_took_it():
    """smsd writes the centre's stamp by its own machine's clock."""
    row = BoxedText(
        id=1, sender="7903", recipient="", text="1", raw="0031", header="",
        coding="Default_No_Compression", received_at=NOON,
    )  # fmt: skip
    assert NOON == read_boxed(row).arrived_at


def a_text(arrived_at: dt.datetime | None) -> Text:
    """Return a text that came to its gateway at that moment."""
    return Text(
        sender="79031234567", text="1", external_id="1", recipient="", sent_at=None, raw=b"1",
        media_type="text/plain", arrived_at=arrived_at,
    )  # fmt: skip


DAY = dt.timedelta(days=1)


@pytest.mark.parametrize(
    ("ago", "trust", "is_believed"),
    [
        pytest.param(DAY, 604_800, True, id="a day ago"),
        pytest.param(7 * DAY, 604_800, True, id="a week ago"),
        pytest.param(7.01 * DAY, 604_800, False, id="more than a week ago"),
        pytest.param(-0.001 * DAY, 604_800, False, id="in the future"),
        pytest.param(DAY, 0, False, id="where only our own clock is believed"),
        pytest.param(None, 604_800, False, id="where nothing is said"),
    ],
)
def test_how_far_another_clock_is_believed(a_config, ago, trust, is_believed):
    """A queue costs nobody the window; a clock that is wrong decides nothing."""
    config = a_config(
        SMALL_CONFIG.replace(
            'gateway = "kannel"', f'gateway = "kannel"\ntrust_arrival_for = {trust}'
        )
    )
    nothing = NoParts()
    channel = SmsChannel(SMS, config.channels["sms"], config, Sinks(*[nothing] * 6))
    arrived_at = None if ago is None else RECEIVED_AT - ago
    expected = arrived_at if is_believed else RECEIVED_AT
    assert expected == channel.desk.find_arrival(a_text(arrived_at), RECEIVED_AT)
