"""What known gateways answer to a text that they do not take: for ever, for now, or who knows."""

import pytest
from builders import SMALL_CONFIG, SMS
from channels.gateway_case import build

from ingest.model import DeliveryState
from ingest.senders.plan import Preset, make_plan
from ingest.senders.sms import SmsSender
from ingest.settings import Secret, SmsSend

VALUES = {"from": "4981", "account": "7", "host": "h", "username": "u"}
RU = '{{"status_code": 100, "sms": {{"7903": {{"status": "ERROR", "status_code": {}}}}}}}'
VONAGE = '{{"message-count": "1", "messages": [{{"status": "{}", "error-text": "?"}}]}}'
INFOBIP = '{{"messages": [{{"messageId": "1", "status": {{"groupName": "{}", "name": "{}"}}}}]}}'
SENT, RETRY = DeliveryState.SENT, DeliveryState.RETRY
FAILED, UNCERTAIN = DeliveryState.FAILED, DeliveryState.UNCERTAIN
CASES = [
    ("smsc", 200, '{"id": 1, "cnt": 1}', SENT),
    ("smsc", 200, '{"error": "authorise error", "error_code": 2}', RETRY),
    ("smsc", 200, '{"error": "no money", "error_code": 3}', RETRY),
    ("smsc", 200, '{"error": "duplicate request, wait a minute", "error_code": 9}', RETRY),
    ("smsc", 200, '{"error": "invalid number", "error_code": 7}', FAILED),
    ("smsc", 200, "<html>maintenance", UNCERTAIN),
    ("sms-ru", 200, '{"sms": {"7903": {"status": "OK", "sms_id": "0-1"}}}', SENT),
    ("sms-ru", 200, RU.format(201), RETRY),
    ("sms-ru", 200, RU.format(220), RETRY),
    ("sms-ru", 200, RU.format(231), RETRY),
    ("sms-ru", 200, '{"status": "ERROR", "status_code": 301}', RETRY),
    ("sms-ru", 200, RU.format(202), FAILED),
    ("sms-ru", 200, '{"status": "ERROR", "status_code": 500}', UNCERTAIN),
    ("vonage", 200, VONAGE.format(0), SENT),
    ("vonage", 200, VONAGE.format(1), RETRY),
    ("vonage", 200, VONAGE.format(9), RETRY),
    ("vonage", 200, VONAGE.format(6), FAILED),
    ("vonage", 200, VONAGE.format(5), UNCERTAIN),
    ("infobip", 200, INFOBIP.format("PENDING", "PENDING_ACCEPTED"), SENT),
    ("infobip", 200, INFOBIP.format("REJECTED", "REJECTED_NOT_ENOUGH_CREDITS"), RETRY),
    ("infobip", 200, INFOBIP.format("REJECTED", "REJECTED_PREFIX_MISSING"), FAILED),
    ("kannel", 202, "0: Accepted for delivery", SENT),
    ("kannel", 202, "Sender missing and no global set, rejected", RETRY),
    ("kannel", 202, "?", UNCERTAIN),
    ("jasmin", 200, 'Error "No route found"', RETRY),
    ("jasmin", 200, "?", UNCERTAIN),
    ("twilio", 201, "{}", UNCERTAIN),
    ("exolve", 200, "{}", UNCERTAIN),
    ("android", 202, "", SENT),
]


@pytest.mark.parametrize(("gateway", "status", "body", "expected"), CASES)
def test_what_a_known_gateway_answers(a_config, gateway, status, body, expected):
    """Only what says for certain that nothing was sent is tried again."""
    plan = make_plan(
        SmsSend(url="http://127.0.0.1:9/", values=VALUES, secret=Secret(env="KEY")),
        Preset(build(gateway, {}).send),
    )
    sender = SmsSender(SMS, plan, a_config(SMALL_CONFIG), "RU")
    assert expected == sender.sort_answer(status, body).state
