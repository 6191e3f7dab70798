"""OSMP: requests as terminals send them, answers byte for byte."""

from channels.terminal_case import (
    ACCOUNT,
    AWAY,
    CLOSED,
    DONE,
    HELD,
    MALFORMED,
    PAID_AT,
    RECEIPT,
    REFUSED,
    TAKEN,
    TWO_ZONES,
    UNKNOWN,
    Case,
    a_get,
    a_post,
    values,
)
from msgspec.structs import replace

from ingest.channels.dialects.online.request import Cause, Kind, Result
from ingest.channels.gateways.request import FORM

DIALECT = {"protocol": "osmp", "fields": {"value": "field1", "value_2": "data2"}}
CONTENT_TYPE = "text/xml; charset=utf-8"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<response>'
TAIL = "</response>\n"
LONG_ID = "12345678901234567890"
PAY = f"command=pay&txn_id={LONG_ID}&txn_date=20261124091530&account={ACCOUNT}&sum=10.45"
PAYMENT = {
    "kind": Kind.PAY,
    "transaction_id": LONG_ID,
    "account": ACCOUNT,
    "amount": "10.45",
    "paid_at": PAID_AT,
}
READING = PAYMENT | {"readings": values("5467")}
PAID = f"<osmp_txn_id>{LONG_ID}</osmp_txn_id><prv_txn>2016</prv_txn><sum>10.45</sum>"
UNPAID = f"<osmp_txn_id>{LONG_ID}</osmp_txn_id><sum>10.45</sum>"
CHECK = {"kind": Kind.CHECK, "transaction_id": "0", "account": ACCOUNT, "amount": "0.00"}


def outcome(disposition: str, reason: str) -> str:
    """Return the fields that tell what came of a reading."""
    return (
        f'<fields><field1 name="outcome" type="info">{disposition}</field1>'
        f'<field2 name="reason" type="info">{reason}</field2>'
        f'<field3 name="receipt" type="prt-data">{RECEIPT}</field3></fields>'
    )


CASES = [
    Case(
        label="check before there is a transaction",
        request=a_get(f"command=check&txn_id=0&account={ACCOUNT}&sum=0.00"),
        asked=CHECK,
        result=Result(),
        said=f"{HEAD}<osmp_txn_id>0</osmp_txn_id><sum>0.00</sum><result>0</result>"
        f"<comment>OK</comment>{TAIL}",
    ),
    Case(
        label="check lists the registers",
        request=a_get(f"command=check&txn_id=0&account={ACCOUNT}&sum=0.00"),
        asked=CHECK,
        result=TWO_ZONES,
        said=f"{HEAD}<osmp_txn_id>0</osmp_txn_id><sum>0.00</sum><result>0</result>"
        '<comment>OK</comment><fields><field1 name="meterId" type="disp">00123456</field1>'
        '<field2 name="T1name" type="disp">день</field2>'
        '<field3 name="T1digits" type="info">5</field3><field4 name="T1" type="disp">5467</field4>'
        '<field5 name="T2name" type="disp">ночь</field5>'
        f'<field6 name="T2digits" type="info">5</field6><field7 name="T2" type="disp"></field7>'
        f"</fields>{TAIL}",
    ),
    Case(
        label="check of an account that there is not",
        request=a_get(f"command=check&txn_id=7&account={ACCOUNT}"),
        asked={"kind": Kind.CHECK, "transaction_id": "7", "account": ACCOUNT},
        result=Result(verdict=UNKNOWN),
        said=f"{HEAD}<osmp_txn_id>7</osmp_txn_id><result>5</result>"
        f"<comment>лицевой счёт не найден</comment>{TAIL}",
    ),
    Case(
        label="check of an account that is none",
        request=a_get("command=check&txn_id=7&account=2%230034586"),
        asked={"kind": Kind.CHECK, "transaction_id": "7", "account": "2#0034586"},
        result=Result(verdict=MALFORMED),
        said=f"{HEAD}<osmp_txn_id>7</osmp_txn_id><result>4</result>"
        f"<comment>в лицевом счёте должно быть 12 цифр</comment>{TAIL}",
    ),
    Case(
        label="pay with a reading",
        request=a_get(f"{PAY}&field1=5467"),
        asked=READING,
        result=TAKEN,
        said=f"{HEAD}{PAID}<result>0</result><comment>показание принято, код {RECEIPT}</comment>"
        f"{outcome('accept', 'accepted')}{TAIL}",
    ),
    Case(
        label="pay with day and night and decimals",
        request=a_get(f"{PAY}&field1=54678%2C4&data2=1203.0&trm_id=4151200&pay_type=1"),
        asked=PAYMENT | {"readings": values("54678,4", "1203.0")},
        result=TAKEN,
        said=f"{HEAD}{PAID}<result>0</result><comment>показание принято, код {RECEIPT}</comment>"
        f"{outcome('accept', 'accepted')}{TAIL}",
    ),
    Case(
        label="pay with night alone",
        request=a_get(f"{PAY}&field1=&data2=1203"),
        asked=PAYMENT | {"readings": values("", "1203")},
        said=f"{HEAD}{PAID}<result>0</result><comment>OK</comment>{TAIL}",
    ),
    Case(
        label="pay without a reading",
        request=a_get(f"{PAY}&field1=%CD%C5%D2"),
        asked=PAYMENT,
        said=f"{HEAD}{PAID}<result>0</result><comment>OK</comment>{TAIL}",
    ),
    Case(
        label="zero is no reading where config.toml says so",
        request=a_get(f"{PAY}&field1=000,0"),
        asked=PAYMENT,
        settings={"no_reading": ["", "0"]},
        said=f"{HEAD}{PAID}<result>0</result><comment>OK</comment>{TAIL}",
    ),
    Case(
        label="zero is a reading else",
        request=a_get(f"{PAY}&field1=0"),
        asked=PAYMENT | {"readings": values("0")},
        said=f"{HEAD}{PAID}<result>0</result><comment>OK</comment>{TAIL}",
    ),
    Case(
        label="a refused reading costs no payment",
        request=a_get(f"{PAY}&field1=5467"),
        asked=READING,
        result=REFUSED,
        said=f"{HEAD}{PAID}<result>0</result>"
        f"<comment>Показания принимаются с 23 по 26 число. {RECEIPT}</comment>"
        f"{outcome('reject', 'window_closed')}{TAIL}",
    ),
    Case(
        label="unless the partner wants it so",
        request=a_get(f"{PAY}&field1=5467"),
        asked=READING,
        result=REFUSED,
        settings={"refusals": "code", "outcome_fields": False},
        said=f"{HEAD}{PAID}<result>7</result>"
        f"<comment>Показания принимаются с 23 по 26 число. {RECEIPT}</comment>{TAIL}",
    ),
    Case(
        label="and has a code of its own for it",
        request=a_get(f"{PAY}&field1=5467"),
        asked=READING,
        result=replace(REFUSED, message="", receipt=""),
        settings={
            "refusals": "code",
            "outcome_fields": False,
            "codes": {CLOSED.reason.value: "290"},
        },
        said=f"{HEAD}{PAID}<result>290</result>"
        f"<comment>сегодня показания не принимаются</comment>{TAIL}",
    ),
    Case(
        label="a held reading is told so",
        request=a_get(f"{PAY}&field1=5467"),
        asked=READING,
        result=replace(TAKEN, verdict=HELD),
        settings={"refusals": "code"},
        said=f"{HEAD}{PAID}<result>0</result>"
        f"<comment>показание проверит сотрудник, код {RECEIPT}</comment>"
        f"{outcome('hold', 'implausible')}{TAIL}",
    ),
    Case(
        label="PostgreSQL is away",
        request=a_get(f"{PAY}&field1=5467"),
        asked=READING,
        result=AWAY,
        said=f"{HEAD}{UNPAID}<result>1</result>"
        f"<comment>Временная ошибка, повторите запрос позже</comment>{TAIL}",
    ),
    Case(
        label="the same is being worked at",
        request=a_get(f"{PAY}&field1=5467"),
        asked=READING,
        result=Result(cause=Cause.UNDER_WAY),
        said=f"{HEAD}{UNPAID}<result>90</result>"
        f"<comment>Операция ещё обрабатывается, повторите запрос</comment>{TAIL}",
    ),
    Case(
        label="an id that came with other data",
        request=a_get(f"{PAY}&field1=5467"),
        asked=READING,
        result=Result(cause=Cause.TRANSACTION_REUSED),
        said=f"{HEAD}{UNPAID}<result>300</result>"
        f"<comment>Этот номер операции уже был с другими данными</comment>{TAIL}",
    ),
    Case(
        label="a form in a POST, names in capitals",
        request=a_post(PAY.replace("command", "COMMAND") + "&FIELD1=5467", content_type=FORM),
        asked=READING,
        said=f"{HEAD}{PAID}<result>0</result><comment>OK</comment>{TAIL}",
    ),
    Case(
        label="a padded account",
        request=a_get(f"command=check&txn_id=0&account=0000000{ACCOUNT}"),
        asked={"kind": Kind.CHECK, "transaction_id": "0", "account": ACCOUNT},
        settings={"account_pattern": "0*([0-9]{12})"},
        result=Result(),
        said=f"{HEAD}<osmp_txn_id>0</osmp_txn_id><result>0</result><comment>OK</comment>{TAIL}",
    ),
    Case(
        label="a time that cannot be read costs nothing",
        request=a_get(PAY.replace("20261124091530", "20261324091530")),
        asked=PAYMENT | {"paid_at": None},
        said=f"{HEAD}{PAID}<result>0</result><comment>OK</comment>{TAIL}",
    ),
    Case(
        label="status",
        request=a_get(f"command=status&txn_id={LONG_ID}"),
        asked={"kind": Kind.STATUS, "transaction_id": LONG_ID},
        result=replace(DONE, amount="10.45"),
        said=f"{HEAD}{PAID}<result>0</result><comment>OK</comment>{TAIL}",
    ),
    Case(
        label="status of what never came",
        request=a_get(f"command=status&txn_id={LONG_ID}"),
        asked={"kind": Kind.STATUS, "transaction_id": LONG_ID},
        result=Result(cause=Cause.TRANSACTION_UNKNOWN),
        said=f"{HEAD}<osmp_txn_id>{LONG_ID}</osmp_txn_id><result>300</result>"
        f"<comment>Операция не найдена</comment>{TAIL}",
    ),
    Case(
        label="cancel by our own number",
        request=a_get("command=cancel&prv_txn=2016"),
        asked={"kind": Kind.CANCEL, "cancels_number": "2016"},
        said=f"{HEAD}<prv_txn>2016</prv_txn><result>0</result><comment>OK</comment>{TAIL}",
    ),
    Case(
        label="cancel where it is not wanted",
        request=a_get(f"command=cancel&txn_id={LONG_ID}&prv_txn=2016"),
        asked={
            "kind": Kind.CANCEL,
            "transaction_id": LONG_ID,
            "cancels": LONG_ID,
            "cancels_number": "2016",
        },
        result=Result(cause=Cause.CANCEL_REFUSED),
        said=f"{HEAD}<osmp_txn_id>{LONG_ID}</osmp_txn_id><result>251</result>"
        f"<comment>Отмена невозможна</comment>{TAIL}",
    ),
    Case(
        label="cancel of nothing",
        request=a_get("command=cancel"),
        asked={"kind": Kind.CANCEL},
        refused=Cause.TRANSACTION_MALFORMED,
        said=f"{HEAD}<result>300</result><comment>Неверный номер операции</comment>{TAIL}",
    ),
    Case(
        label="cancel by a number, under an id of no protocol",
        request=a_get("command=cancel&txn_id=1*2&prv_txn=5"),
        asked={
            "kind": Kind.CANCEL,
            "transaction_id": "1*2",
            "cancels": "1*2",
            "cancels_number": "5",
        },
        refused=Cause.TRANSACTION_MALFORMED,
        said=f"{HEAD}<osmp_txn_id>1*2</osmp_txn_id><result>300</result>"
        f"<comment>Неверный номер операции: 1*2</comment>{TAIL}",
    ),
    Case(
        label="an unknown command, made to break the answer",
        request=a_get("command=%3C%21%5BCDATA%5B%00%1b&txn_id=%26lt;"),
        asked={"transaction_id": "&lt;"},
        refused=Cause.REQUEST_UNKNOWN,
        said=f"{HEAD}<osmp_txn_id>&amp;lt;</osmp_txn_id><result>300</result>"
        f"<comment>Неизвестный запрос: command=&lt;![cdata[\ufffd</comment>{TAIL}",
    ),
    Case(
        label="no account",
        request=a_get("command=pay&txn_id=7&account=&sum=1.00"),
        asked={"kind": Kind.PAY, "transaction_id": "7", "amount": "1.00"},
        refused=Cause.ACCOUNT_MALFORMED,
        said=f"{HEAD}<osmp_txn_id>7</osmp_txn_id><sum>1.00</sum><result>4</result>"
        f"<comment>Не указан лицевой счёт</comment>{TAIL}",
    ),
    Case(
        label="no transaction",
        request=a_get(f"command=pay&account={ACCOUNT}&sum=1.00"),
        asked={"kind": Kind.PAY, "account": ACCOUNT, "amount": "1.00"},
        refused=Cause.TRANSACTION_MALFORMED,
        said=f"{HEAD}<sum>1.00</sum><result>300</result>"
        f"<comment>Неверный номер операции</comment>{TAIL}",
    ),
    Case(
        label="a negative sum",
        request=a_get(f"command=pay&txn_id=7&account={ACCOUNT}&sum=-1.00"),
        asked={
            "kind": Kind.PAY,
            "transaction_id": "7",
            "account": ACCOUNT,
            "amount": "-1.00",
        },
        refused=Cause.AMOUNT_MALFORMED,
        said=f"{HEAD}<osmp_txn_id>7</osmp_txn_id><sum>-1.00</sum><result>300</result>"
        f"<comment>Неверная сумма: -1.00</comment>{TAIL}",
    ),
    Case(
        label="a parameter that says two things",
        request=a_get(f"{PAY}&field1=5467&FIELD1=5468"),
        asked={},
        refused=Cause.REQUEST_MALFORMED,
        said=f"{HEAD}<result>300</result>"
        f"<comment>Запрос не удалось прочитать: FIELD1</comment>{TAIL}",
    ),
]
