"""The SMS gateways: what a request means, and what the gateway is told."""

import datetime as dt
import hashlib
from zoneinfo import ZoneInfo

import msgspec
import pytest

from ingest.channels.gateways.catalogue import GATEWAYS
from ingest.channels.gateways.declarative import DeclarativeGateway
from ingest.channels.gateways.kannel import KannelGateway
from ingest.channels.gateways.request import GatewayRequest, drop_field, make_external_id
from ingest.checks.sms import TEXTED_BACK
from ingest.errors import PermanentError
from ingest.settings import SmsSettings

RECEIVED_AT = dt.datetime(2026, 5, 12, 4, 30, 59, tzinfo=dt.UTC)
ZONE = ZoneInfo("Asia/Krasnoyarsk")
READING = "123456789012*5467;"
BARE = {"type": "sms", "window": "all"}
FORM = {
    "fields": {
        "sender": "phone",
        "text": "mes",
        "id": "id",
        "recipient": "to",
        "time": "time",
    }
}
JSON = {
    "body": "json",
    "batch": "results",
    "fields": {"sender": "from", "text": "text", "id": "messageId", "time": "receivedAt"},
}
NESTED = {
    "body": "json",
    "fields": {
        "sender": "payload.phoneNumber",
        "text": "payload.message",
        "id": "id",
        "time": "payload.receivedAt",
    },
}
PLAIN = {"body": "text", "fields": {"sender": "header:X-From", "text": "text", "id": "id"}}


def a_gateway(**settings: object) -> DeclarativeGateway:
    table = {"type": "sms", "window": "all", **settings}
    return DeclarativeGateway(msgspec.convert(table, SmsSettings), ZONE)


def a_kannel() -> KannelGateway:
    table = {"type": "sms", "window": "all", "gateway": "kannel"}
    return KannelGateway(msgspec.convert(table, SmsSettings), ZONE)


def a_post(body: bytes | str, *, query: bytes = b"", **headers: str) -> GatewayRequest:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    data = body.encode() if isinstance(body, str) else body
    return GatewayRequest(
        method="POST",
        query=query,
        body=data,
        headers=named,
        content_type=headers.get("Content_Type", ""),
    )


def a_get(query: bytes | str) -> GatewayRequest:
    return GatewayRequest(method="GET", query=query.encode() if isinstance(query, str) else query)


def cp1251(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("cp1251"))


def utf16(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-16-be"))


TAKEN = [
    pytest.param(
        FORM,
        a_post("phone=79031234567&mes=123456789012*5467%3B&id=42&to=4981"),
        [("79031234567", READING, "42")],
        id="form",
    ),
    pytest.param(
        FORM,
        a_get("phone=%2B79031234567&mes=123456789012*5467%3B&id=42"),
        [("+79031234567", READING, "42")],
        id="GET has its fields in the query",
    ),
    pytest.param(
        FORM,
        a_post("mes=1&phone=7903", query=b"id=77&mes=2"),
        [("7903", "1", "77")],
        id="the form goes before the query",
    ),
    pytest.param(
        FORM,
        a_get("phone=+79031234567+&mes=a+b&id=1&id=2"),
        [("79031234567", "a b", "1")],
        id="a plus is a blank, and the first of two counts",
    ),
    pytest.param(
        FORM | {"charset": "cp1251"},
        a_get(f"phone=7903&mes={cp1251('Показания 5467')}&id=1"),
        [("7903", "Показания 5467", "1")],
        id="percent-encoded cp1251",
    ),
    pytest.param(
        FORM,
        a_post(b"phone=7903&mes=\xff%FE5467&id=1"),
        [("7903", "яю5467", "1")],
        id="bytes that are no UTF-8 are cp1251",
    ),
    pytest.param(
        FORM,
        a_post(b"phone=7903&mes=%98%FE5467&id=1"),
        [("7903", "\ufffd\ufffd5467", "1")],
        id="bytes that are neither are kept visible",
    ),
    pytest.param(
        FORM,
        a_post("phone=7903&mes=%005467%001%00&id=%00"),
        [("7903", "5467\ufffd1", None)],
        id="NUL",
    ),
    pytest.param(FORM, a_post("phone=&mes="), [("", "", None)], id="empty fields"),
    pytest.param(
        JSON,
        a_post(
            '{"results": [{"from": "7903", "text": "1", "messageId": "a"},'
            ' {"from": 79031234567, "text": "2", "messageId": "b"}], "messageCount": 2}'
        ),
        [("7903", "1", "a"), ("79031234567", "2", "b")],
        id="a batch",
    ),
    pytest.param(JSON, a_post('{"results": []}'), [], id="an empty batch"),
    pytest.param(
        JSON,
        a_post(b'{"results": [{"from": "7", "text": "1", "messageId": "a"}], "\x80": 1}'),
        [("7", "1", "a")],
        id="a name that is no UTF-8 beside a batch",
    ),
    pytest.param(
        JSON | {"batch": "."},
        a_post('[{"from": "7903", "text": "1", "messageId": "a"}]'),
        [("7903", "1", "a")],
        id="a batch without a name",
    ),
    pytest.param(
        JSON,
        a_post('{"results": [{"from": "7903", "text": "1", "messageId": "a"}, {"text": "2"}]}'),
        [("7903", "1", "a"), ("", '{"text": "2"}', None)],
        id="an odd item is kept beside a good one",
    ),
    pytest.param(
        NESTED,
        a_post('{"id": "e1", "payload": {"phoneNumber": "+79031234567", "message": "1"}}'),
        [("+79031234567", "1", "e1")],
        id="dotted paths",
    ),
    pytest.param(
        NESTED | {"charset": "utf-16-le"},
        a_post(
            '\ufeff{"id": "e1", "payload": {"phoneNumber": "7", "message": "я"}}'.encode(
                "utf-16-le"
            )
        ),
        [("7", "я", "e1")],
        id="a byte order mark",
    ),
    pytest.param(
        NESTED,
        a_post('{"id": 12345678901234567890.50, "payload": {"phoneNumber": "7", "message": "1"}}'),
        [("7", "1", "12345678901234567890.50")],
        id="a number keeps all its digits",
    ),
    pytest.param(
        NESTED,
        a_post(r'{"payload": {"phoneNumber": "7", "message": "1\ud83d 2\udc00"}, "id": "\ud83d"}'),
        [("7", "1\ufffd 2\ufffd", "\ufffd")],
        id="lone surrogates",
    ),
    pytest.param(
        NESTED,
        a_post(r'{"payload": {"phoneNumber": "7", "message": "\ud83d\ude00"}, "id": "1"}'),
        [("7", "😀", "1")],
        id="a pair of surrogates",
    ),
    pytest.param(
        PLAIN, a_post("1*2;", query=b"id=5", X_From="7903"), [("7903", "1*2;", "5")], id="text"
    ),
]


@pytest.mark.parametrize(("settings", "request_", "expected"), TAKEN)
def test_a_request_is_read(settings, request_, expected):
    """Sender, text and id are found where the settings say."""
    texts = a_gateway(**settings).read(request_, RECEIVED_AT).texts
    actual = [(text.sender, text.text, text.external_id.partition("#")[0]) for text in texts]
    assert [(sender, text, id_ or None) for sender, text, id_ in expected] == [
        (sender, text, id_ if wanted[2] else None)
        for (sender, text, id_), wanted in zip(actual, expected, strict=True)
    ]


MALFORMED = [
    pytest.param(FORM, a_post("mes=1"), id="no sender"),
    pytest.param(FORM, a_get("phone=7903"), id="no text"),
    pytest.param(FORM, a_post(""), id="nothing"),
    pytest.param(
        FORM, a_post("--x", Content_Type="multipart/form-data; boundary=x"), id="multipart"
    ),
    pytest.param(PLAIN, a_post("1*2;"), id="a header is missing"),
    pytest.param(NESTED, a_post(""), id="an empty body"),
    pytest.param(NESTED, a_post("phone=7903"), id="a form instead of JSON"),
    pytest.param(NESTED, a_post("[1, 2"), id="cut off"),
    pytest.param(NESTED, a_post("[" * 100_000), id="nested deep"),
    pytest.param(NESTED, a_post("[" * 100_000 + "]" * 100_000), id="nested deep and closed"),
    pytest.param(NESTED, a_post('{"payload": NaN}'), id="NaN"),
    pytest.param(NESTED, a_post('{"payload": {"phoneNumber": "7"}}'), id="a path leads nowhere"),
    pytest.param(NESTED, a_post('{"payload": ["7", "1"]}'), id="a list where an object was"),
    pytest.param(
        NESTED,
        a_post('{"payload": {"phoneNumber": "7", "message": {"a": 1}}}'),
        id="no text but an object",
    ),
    pytest.param(
        NESTED,
        a_post('{"payload": {"phoneNumber": true, "message": "1"}}'),
        id="no text but a truth",
    ),
    pytest.param(
        NESTED,
        a_post('{"payload": {"phoneNumber": "7", "message": "1", "message": "2"}}'),
        id="a key twice",
    ),
    pytest.param(JSON, a_post('{"results": null}'), id="no batch"),
    pytest.param(JSON, a_post('{"results": {"from": "7903"}}'), id="a batch that is no list"),
    pytest.param(JSON, a_post('{"results": [{"a": 1}, 2, null, "x"]}'), id="a batch of nonsense"),
    pytest.param(JSON, a_post('"results"'), id="a string"),
]


@pytest.mark.parametrize(("settings", "request_"), MALFORMED)
def test_a_malformed_request_is_refused(settings, request_):
    """What cannot be read as a text is PermanentError, and nothing else is ever raised."""
    with pytest.raises(PermanentError):
        a_gateway(**settings).read(request_, RECEIVED_AT)


NOON = dt.datetime(2026, 5, 12, 5, 0, tzinfo=dt.UTC)
TIMES = [
    pytest.param({}, "2026-05-12T12:00:00", NOON, id="iso in the service's zone"),
    pytest.param({}, "2026-05-12T05:00:00.000Z", NOON, id="iso in UTC"),
    pytest.param({}, "2026-05-12T12:00:00.000%2B0700", NOON, id="iso with an offset"),
    pytest.param({"time_format": "epoch"}, "1778562000", NOON, id="seconds"),
    pytest.param({"time_format": "epoch-ms"}, "1778562000000", NOON, id="milliseconds"),
    pytest.param({"time_format": "%d.%m.%Y %H:%M:%S"}, "12.05.2026+12:00:00", NOON, id="a format"),
    pytest.param({}, "yesterday", None, id="no time"),
    pytest.param({}, "", None, id="empty"),
    pytest.param({"time_format": "epoch"}, "1e999", None, id="infinite"),
    pytest.param({"time_format": "epoch"}, "nan", None, id="no number"),
    pytest.param({}, "0001-01-01T00:00:00", None, id="before the calendar begins"),
]


@pytest.mark.parametrize(("settings", "written", "expected"), TIMES)
def test_the_senders_time_is_read(settings, written, expected):
    """An odd time is None; it never costs the message."""
    asked = a_get(f"phone=7903&mes=1&time={written}")
    (text,) = a_gateway(**FORM, **settings).read(asked, RECEIVED_AT).texts
    assert expected == text.sent_at


def test_without_an_id_a_message_is_known_by_sender_text_and_minute():
    """The same text in the same minute is the same message, in the next one it is another."""
    first, again, later = (
        make_external_id("", "7903", "1", RECEIVED_AT + dt.timedelta(seconds=seconds))
        for seconds in (0, -40, 1)
    )
    assert first == again
    assert first != later


def test_the_senders_own_minute_makes_the_id():
    """A gateway that repeats a text minutes later repeats its time, and so its id."""
    asked = a_get("phone=7903&mes=1&time=2026-05-12T12:00:00")
    gateway = a_gateway(**FORM)
    (first,) = gateway.read(asked, RECEIVED_AT).texts
    (again,) = gateway.read(asked, RECEIVED_AT + dt.timedelta(hours=5)).texts
    assert first.external_id == again.external_id


def test_a_long_id_is_shortened_to_its_hash():
    """An id that no index holds is still told from every other."""
    long = "x" * 100_000
    digest, _, _ = make_external_id(long, "", "", RECEIVED_AT).partition("#")
    assert hashlib.sha256(long.encode()).hexdigest() == digest


@pytest.mark.parametrize(
    ("sender", "text"),
    [pytest.param("7904", "1", id="sender"), pytest.param("7903", "2", id="text")],
)
def test_an_id_given_again_to_another_text(sender, text):
    """A gateway whose ids begin anew does not make the second text a repeat of the first."""
    first, again = (make_external_id("a1", "7903", "1", RECEIVED_AT) for _ in range(2))
    assert first == again
    assert first != make_external_id("a1", sender, text, RECEIVED_AT)


def test_what_came_in_is_kept():
    """A POST is kept as its body, a GET as its query, an item of a batch as itself."""
    post, get = a_post("phone=7903&mes=1"), a_get("phone=7903&mes=%FF")
    written = '{"text":"2",  "from": "8", "n": 1.50, "x": "\\u0031"}'
    batch = a_post('{"results": [{"from": "7", "text": "1"}, ' + written + "]}")
    raw = [a_gateway(**FORM).read(asked, RECEIVED_AT).texts[0].raw for asked in (post, get)]
    item = a_gateway(**JSON).read(batch, RECEIVED_AT).texts[1]
    assert [post.body, get.query] == raw
    assert written.encode() == item.raw
    assert "application/json" == item.media_type


ACKS = [
    pytest.param({}, "Принято", (200, "text/plain", ""), id="nothing is said"),
    pytest.param({"body": "100"}, "Принято", (200, "text/plain", "100"), id="a literal"),
    pytest.param({"status": 204}, "Принято", (204, "text/plain", ""), id="a status"),
    pytest.param({"body": "{reply}"}, "Принято", (200, "text/plain", "Принято"), id="the reply"),
    pytest.param({"body": "{reply}"}, "", (200, "text/plain", ""), id="no reply"),
    pytest.param(
        {"body": "<Message>{reply}</Message>", "content_type": "text/xml"},
        "a<b & {reply}",
        (200, "text/xml", "<Message>a&lt;b &amp; {reply}</Message>"),
        id="in XML",
    ),
    pytest.param(
        {"body": '{"sms": "{reply}"}', "content_type": "application/json"},
        'a"b\n',
        (200, "application/json", '{"sms": "a\\"b\\n"}'),
        id="in JSON",
    ),
]


@pytest.mark.parametrize(("ack", "reply", "expected"), ACKS)
def test_the_gateway_is_told_what_it_wants_to_hear(ack, reply, expected):
    """Status, content type and body are the settings'; the reply is made safe inside them."""
    answer = a_gateway(**FORM, ack=ack).answer(reply)
    assert expected == (answer.status, answer.content_type, answer.body.decode())


KANNEL = [
    pytest.param(
        a_get(
            "from=%2B79031234567&to=4981&text=123456789012*5467%3B&id=u-1&time=1778562000&charset=UTF-8"
        ),
        READING,
        id="get-url",
    ),
    pytest.param(
        a_get(
            f"from=%2B79031234567&to=4981&text={utf16('Счёт')}&id=u-1&time=1778562000&charset=UTF-16BE"
        ),
        "Счёт",
        id="get-url in UTF-16BE",
    ),
    pytest.param(
        a_get(f"from=%2B79031234567&to=4981&text={utf16('Счёт')}&id=u-1&time=1778562000&coding=2"),
        "Счёт",
        id="get-url that tells the coding alone",
    ),
    pytest.param(
        a_get(f"from=%2B79031234567&to=4981&text={utf16('Счёт 1')}&id=u-1&time=1778562000"),
        "Счёт 1",
        id="get-url that tells nothing",
    ),
    pytest.param(
        a_get(b"from=%2B79031234567&to=4981&text=%D0%A1+1%00&id=u-1&time=1778562000&charset=GSM"),
        "С 1",
        id="GSM is UTF-8",
    ),
    pytest.param(
        a_get("from=%2B79031234567&to=4981&text=%A35&id=u-1&time=1778562000&charset=ISO-8859-1"),
        "£5",
        id="Latin",
    ),
    pytest.param(
        a_get("from=%2B79031234567&to=4981&text=%A35&id=u-1&time=1778562000&charset=x-nonsense"),
        "£5",
        id="an unknown charset",
    ),
    pytest.param(
        a_get("from=%2B79031234567&to=4981&text=%04%21%04&id=u-1&time=1778562000&charset=UTF-16BE"),
        "С\ufffd",
        id="half a character",
    ),
    pytest.param(
        a_post(
            "Счёт".encode("utf-16-be"),
            query=b"id=u-1",
            Content_Type='text/plain; charset="UTF-16BE"',
            X_Kannel_From="+79031234567",
            X_Kannel_To="4981",
            X_Kannel_Time="2026-05-12 05:00:00",
        ),
        "Счёт",
        id="post-url",
    ),
    pytest.param(
        a_post(
            "Счёт".encode("utf-16-be"),
            query=b"id=u-1&from=%2B79031234567&to=4981&time=1778562000",
            Content_Type="application/octet-stream",
            X_Kannel_Coding="2",
        ),
        "Счёт",
        id="post-url that tells the coding alone",
    ),
]


@pytest.mark.parametrize(("asked", "expected"), KANNEL)
def test_kannels_request_is_read(asked, expected):
    """The escapes and the X-Kannel headers give the same text."""
    (text,) = a_kannel().read(asked, RECEIVED_AT).texts
    given, _, _ = text.external_id.partition("#")
    known = (text.sender, text.recipient, given, text.sent_at)
    assert expected == text.text
    assert ("+79031234567", "4981", "u-1", NOON) == known


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(a_get("from=7903"), id="no text"),
        pytest.param(a_get("text=1"), id="no sender"),
        pytest.param(a_get(""), id="nothing"),
        pytest.param(a_post("1*2;"), id="no header"),
    ],
)
def test_kannels_malformed_request_is_refused(asked):
    """A request without sender or text is none of an sms-service."""
    with pytest.raises(PermanentError):
        a_kannel().read(asked, RECEIVED_AT)


@pytest.mark.parametrize(
    ("reply", "headers"),
    [
        pytest.param("Принято, код 7K4M-2Q9X", (("X-Kannel-Coding", "2"),), id="Cyrillic"),
        pytest.param("Accepted", (("X-Kannel-Coding", "0"),), id="Latin"),
        pytest.param("", (), id="no reply"),
    ],
)
def test_kannel_is_answered_with_the_reply_alone(reply, headers):
    """The body is the reply and nothing else; Kannel is told how to code it."""
    answer = a_kannel().answer(reply)
    actual = (answer.status, answer.content_type, answer.body.decode(), answer.headers)
    assert (200, "text/plain; charset=utf-8", reply, headers) == actual


def test_a_field_is_dropped_from_a_form():
    """The secret goes, however its name is written, and the rest stays byte for byte."""
    assert b"a=%FF&b=1" == drop_field(b"a=%FF&%6Bey=s3cret&b=1&key=x", "key")


def test_it_is_known_whose_response_is_texted_back():
    """Every other gateway needs a way to send, or nobody would hear from us."""
    known = {name: msgspec.convert({**BARE, "gateway": name}, SmsSettings) for name in GATEWAYS}
    known.pop("declarative")
    built = {name: GATEWAYS[name](settings, ZONE) for name, settings in known.items()}
    assert set(TEXTED_BACK) == {name for name, one in built.items() if one.answers_in_body}
