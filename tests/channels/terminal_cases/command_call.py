"""``commandCall``: documents as terminals post them, answers byte for byte."""

from channels.terminal_case import (
    ACCOUNT,
    AWAY,
    PAID_AT,
    RECEIPT,
    REFUSED,
    TAKEN,
    TWO_ZONES,
    UNKNOWN,
    Case,
    a_post,
    values,
)

from ingest.channels.dialects.online.documents import DEEPEST, LARGEST
from ingest.channels.dialects.online.request import Cause, Kind, Result

DIALECT = {
    "protocol": "command-call",
    "encoding": "cp1251",
    "fields": {"value": "counter1", "value_2": "counter2"},
}
CONTENT_TYPE = "text/xml; charset=windows-1251"
HEAD = '<?xml version="1.0" encoding="windows-1251"?>\n<commandResponse>'
TAIL = "</commandResponse>\n"
XML = "text/xml"
LOGIN = "<login>city</login><password>s3cret</password>"
WHO = {"login": "city", "password": "s3cret"}
PAY = (
    f"<command>pay</command><transactionID>901</transactionID><payID>555</payID>"
    f"<payTimestamp>20261124091530</payTimestamp><payElementID>1</payElementID>"
    f"<account>{ACCOUNT}</account><amount>1045</amount><terminalId>11352</terminalId>"
)
PAYMENT = WHO | {
    "kind": Kind.PAY,
    "transaction_id": "555",
    "account": ACCOUNT,
    "amount": "10.45",
    "paid_at": PAID_AT,
}
READING = PAYMENT | {"readings": values("5467", "1203")}
CHECK = WHO | {"kind": Kind.CHECK, "transaction_id": "901", "account": ACCOUNT}
COUNTERS = "<counters><counter1>5467</counter1><counter2>1203</counter2></counters>"


def a_call(inner: str | bytes, head: str = '<?xml version="1.0" encoding="UTF-8"?>'):
    """Return a POST of a ``commandCall``, in UTF-8 unless it is bytes already."""
    data = inner.encode() if isinstance(inner, str) else inner
    body = head.encode() + b"\n<commandCall>" + LOGIN.encode() + data + b"</commandCall>"
    return a_post(body, content_type=XML)


def answer(result: str, comment: str, number: str = "0", account: str = ACCOUNT) -> str:
    """Return a whole answer."""
    return (
        f"{HEAD}<extTransactionID>{number}</extTransactionID><account>{account}</account>"
        f"<result>{result}</result><comment>{comment}</comment>{TAIL}"
    )


def refused(label: str, request, comment: str) -> Case:
    """Return a document that is not even looked at."""
    return Case(
        label=label,
        request=request,
        asked={},
        refused=Cause.REQUEST_MALFORMED,
        said=answer("300", f"Запрос не удалось прочитать: {comment}", account=""),
    )


CASES = [
    Case(
        label="check",
        request=a_call(
            f"<command>check</command><transactionID>901</transactionID><account>{ACCOUNT}</account>"
        ),
        asked=CHECK,
        result=TWO_ZONES,
        said=answer(
            "0",
            "счётчик 00123456, день, разрядов 5: 5467; счётчик 00123456, ночь, разрядов 5",
        ),
    ),
    Case(
        label="check of an account that there is not",
        request=a_call(
            f"<command>check</command><transactionID>901</transactionID><account>{ACCOUNT}</account>"
        ),
        asked=CHECK,
        result=Result(verdict=UNKNOWN),
        said=answer("5", "лицевой счёт не найден"),
    ),
    Case(
        label="pay with readings",
        request=a_call(PAY + COUNTERS),
        asked=READING,
        result=TAKEN,
        said=answer("0", f"показание принято, код {RECEIPT}", number="2016"),
    ),
    Case(
        label="a refused reading costs no payment",
        request=a_call(PAY + COUNTERS),
        asked=READING,
        result=REFUSED,
        said=answer("0", f"Показания принимаются с 23 по 26 число. {RECEIPT}", number="2016"),
    ),
    Case(
        label="unless the partner wants it so",
        request=a_call(PAY + COUNTERS),
        asked=READING,
        result=REFUSED,
        settings={"refusals": "code"},
        said=answer("7", f"Показания принимаются с 23 по 26 число. {RECEIPT}", number="2016"),
    ),
    Case(
        label="pay without readings, in windows-1251 that is not declared",
        request=a_call(
            f"{PAY}<counter1>НЕТ</counter1><payer>Пётр</payer>".encode("cp1251"), head=""
        ),
        asked=PAYMENT,
        said=answer("0", "OK", number="2016"),
    ),
    Case(
        label="in windows-1251 that is declared",
        request=a_call(
            f"{PAY}<payer>Пётр</payer>".encode("cp1251"),
            head='<?xml version="1.0" encoding="windows-1251"?>',
        ),
        asked=PAYMENT,
        said=answer("0", "OK", number="2016"),
    ),
    Case(
        label="one kopeck",
        request=a_call(PAY.replace("1045", "1")),
        asked=PAYMENT | {"amount": "0.01"},
        said=answer("0", "OK", number="2016"),
    ),
    Case(
        label="PostgreSQL is away",
        request=a_call(PAY),
        asked=PAYMENT,
        result=AWAY,
        said=answer("1", "Временная ошибка, повторите запрос позже"),
    ),
    Case(
        label="the password is wrong, which will be put right",
        request=a_call(PAY),
        asked=PAYMENT,
        result=Result(cause=Cause.DENIED),
        said=answer("1", "Неверный логин или пароль"),
    ),
    Case(
        label="status",
        request=a_call("<command>check_status</command><payID>555</payID>"),
        asked=WHO | {"kind": Kind.STATUS, "transaction_id": "555"},
        result=Result(cause=Cause.UNDER_WAY),
        said=answer("90", "Операция ещё обрабатывается, повторите запрос", account=""),
    ),
    Case(
        label="cancel",
        request=a_call(
            "<command>cancel</command><transactionID>902</transactionID>"
            f"<cancelPayID>555</cancelPayID><account>{ACCOUNT}</account><amount>1045</amount>"
        ),
        asked=WHO
        | {
            "kind": Kind.CANCEL,
            "transaction_id": "902",
            "cancels": "555",
            "account": ACCOUNT,
            "amount": "10.45",
        },
        result=Result(cause=Cause.CANCEL_REFUSED),
        said=answer("7", "Отмена невозможна"),
    ),
    Case(
        label="roubles where kopecks belong",
        request=a_call(PAY.replace("1045", "10.45")),
        asked=PAYMENT | {"amount": "10.45!"},
        refused=Cause.AMOUNT_MALFORMED,
        said=answer("300", "Неверная сумма: 10.45!"),
    ),
    Case(
        label="an unknown command",
        request=a_call(f"<command>refund</command><account>{ACCOUNT}</account>"),
        asked=WHO | {"account": ACCOUNT},
        refused=Cause.REQUEST_UNKNOWN,
        said=answer("300", "Неизвестный запрос: command=refund"),
    ),
    Case(
        label="another document",
        request=a_post("<soap/>", content_type=XML),
        asked={},
        refused=Cause.REQUEST_UNKNOWN,
        said=answer("300", "Неизвестный запрос: &lt;soap&gt;", account=""),
    ),
    refused("no XML", a_post("command=pay", content_type=XML), "no XML"),
    refused("nothing at all", a_post("", content_type=XML), "no XML"),
    refused(
        "a file of ours asked for by an entity",
        a_call(
            "<command>&f;</command>",
            head='<!DOCTYPE commandCall [<!ENTITY f SYSTEM "file:///etc/passwd">]>',
        ),
        "a DOCTYPE or a processing instruction",
    ),
    refused(
        "entities that grow",
        a_call(
            "<command>&b;</command>",
            head='<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        ),
        "a DOCTYPE or a processing instruction",
    ),
    refused(
        "a stylesheet",
        a_call(PAY, head='<?xml-stylesheet href="http://127.0.0.1/x"?>'),
        "a DOCTYPE or a processing instruction",
    ),
    refused("too deep", a_call("<a>" * DEEPEST + "</a>" * DEEPEST), "too many elements"),
    refused("too many", a_call("<a/>" * 1000), "too many elements"),
    refused("too large", a_call(" " * LARGEST), f"more than {LARGEST} bytes"),
    refused(
        "an element that says two things",
        a_call(f"{PAY}<account>210987654321</account>"),
        "account stands twice",
    ),
]
