"""What ``ingest sms`` posts of the variables that gammu-smsd gives to ``RunOnReceive``."""

from urllib.parse import urlencode

from channels.gateway_case import NOON, READING, Case, Taken, a_post
from msgspec.structs import replace

from ingest.channels.gateways.request import Answer, GatewayRequest

GATEWAY = "gammu"
SETTINGS = {}
FILE = "IN20261124_120000_00_+79031234567_00.txt"
WHOLE = Taken(sender="+79031234567", text=READING, id=FILE, recipient="modem", sent_at=NOON)
OK = Answer(200, "text/plain", b"")


def posted(**fields: str) -> GatewayRequest:
    """Return a request with these variables beside those that are always there."""
    given = {
        "SMS_MESSAGES": "1",
        "SMS_1_CLASS": "-1",
        "SMS_1_NUMBER": "+79031234567",
        "SMS_1_TEXT": READING,
        "DECODED_PARTS": "0",
        "PHONE_ID": "modem",
        "id": FILE,
        "time": "20261124_120000",
    }
    return a_post(urlencode({k: v for k, v in (given | fields).items() if v != "-"}))


CASES = [
    Case(label="one part", request=posted(), texts=(WHOLE,), answer=OK),
    Case(
        label="decoded goes before the parts",
        request=posted(SMS_1_TEXT="", DECODED_PARTS="1", DECODED_1_TEXT=READING),
        texts=(WHOLE,),
    ),
    Case(
        label="parts that smsd did not put together",
        request=posted(SMS_MESSAGES="2", SMS_1_TEXT="Счёт ", SMS_2_TEXT="5467"),
        texts=(replace(WHOLE, text="Счёт 5467"),),
    ),
    *(
        Case(
            label=f"more may have followed: {len(text)} of {text[-1]!r}",
            request=posted(SMS_1_TEXT=text, DECODED_PARTS="1", DECODED_1_TEXT=text),
            texts=(replace(WHOLE, text=f"{text}\ufffd"),),
        )
        for text in ("a" * 153, "a" * 152, "a" * 149 + "[]", "Я" * 67, "Я" * 66, "Я" * 65)
    ),
    *(
        Case(
            label=f"nothing can have followed: {len(text)} of {text[-1]!r}",
            request=posted(SMS_1_TEXT=text, DECODED_PARTS="1", DECODED_1_TEXT=text),
            texts=(replace(WHOLE, text=text),),
        )
        for text in ("a" * 150, "a" * 160, "Я" * 64, "Я" * 70, "5467;")
    ),
    Case(
        label="the second of three is the last that came",
        request=posted(
            SMS_MESSAGES="2",
            SMS_1_TEXT="1" * 153,
            SMS_2_TEXT="2" * 153,
            DECODED_PARTS="1",
            DECODED_1_TEXT="1" * 153 + "2" * 153,
        ),
        texts=(replace(WHOLE, text="1" * 153 + "2" * 153 + "\ufffd"),),
    ),
    Case(
        label="a file of which nobody says that it is whole",
        request=posted(SMS_1_TEXT="1" * 153, DECODED_PARTS="-"),
        texts=(replace(WHOLE, text="1" * 153 + "\ufffd"),),
    ),
    Case(
        label="a text that had no parts",
        request=posted(SMS_1_TEXT="1" * 153),
        texts=(replace(WHOLE, text="1" * 153),),
    ),
    Case(
        label="without a file's name",
        request=posted(id="-", time="-"),
        texts=(replace(WHOLE, id="", sent_at=None),),
    ),
    Case(
        label="a row's number for a name",
        request=posted(id="17", time="-"),
        texts=(replace(WHOLE, id="17", sent_at=None),),
    ),
    Case(
        label="a time that is none",
        request=posted(time="20261399_120000"),
        texts=(replace(WHOLE, sent_at=None),),
    ),
    Case(
        label="cp1251 of an old locale",
        request=a_post(
            urlencode(
                {
                    "SMS_MESSAGES": "1",
                    "SMS_1_NUMBER": "+79031234567",
                    "SMS_1_TEXT": "Счёт".encode("cp1251"),
                    "id": FILE,
                }
            )
        ),
        texts=(Taken(sender="+79031234567", text="Счёт", id=FILE),),
    ),
    Case(
        label="a thousand parts that are not there",
        request=posted(SMS_MESSAGES="9999"),
        texts=(WHOLE,),
    ),
    Case(label="no sender", request=posted(SMS_1_NUMBER=""), refused="missing"),
    Case(label="no parts", request=posted(SMS_MESSAGES="many"), refused="missing"),
    Case(label="nothing", request=a_post(""), refused="missing"),
]
