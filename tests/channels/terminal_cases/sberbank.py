"""Sberbank's variant A: requests as the bank sends them, answers byte for byte."""

from channels.terminal_case import (
    ACCOUNT,
    AWAY,
    DONE,
    PAID_AT,
    RECEIPT,
    REFUSED,
    TAKEN,
    TWO_ZONES,
    UNKNOWN,
    Case,
    a_get,
    values,
)
from msgspec.structs import replace

from ingest.channels.dialects.online.request import Cause, Kind, Result

DIALECT = {"protocol": "sberbank", "fields": {"value": "CounterVal_1", "value_2": "CounterVal_2"}}
CONTENT_TYPE = "application/xml; charset=utf-8"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<response>'
TAIL = "</response>\n"
WHEN = "PAY_DATE=24.11.2026_09:15:30"
PAY = f"ACTION=payment&ACCOUNT={ACCOUNT}&AMOUNT=100.00&PAY_ID=777&{WHEN}"
PAYMENT = {
    "kind": Kind.PAY,
    "transaction_id": "777",
    "account": ACCOUNT,
    "amount": "100.00",
    "paid_at": PAID_AT,
}
READING = PAYMENT | {"readings": values("5467")}
DETAILS = "<EXT_ID>2016</EXT_ID><REG_DATE>24.11.2026_09:15:33</REG_DATE><AMOUNT>100.00</AMOUNT>"
CHECK = {"kind": Kind.CHECK, "account": ACCOUNT}

CASES = [
    Case(
        label="check",
        request=a_get(f"ACTION=check&ACCOUNT={ACCOUNT}"),
        asked=CHECK,
        result=Result(),
        said=f"{HEAD}<CODE>0</CODE><MESSAGE>OK</MESSAGE>{TAIL}",
    ),
    Case(
        label="check lists the registers, names in small letters",
        request=a_get(f"action=check&account={ACCOUNT}"),
        asked=CHECK,
        result=TWO_ZONES,
        said=f"{HEAD}<CODE>0</CODE><MESSAGE>OK</MESSAGE><INFO>счётчик 00123456, день, разрядов 5: "
        f"5467; счётчик 00123456, ночь, разрядов 5</INFO>{TAIL}",
    ),
    Case(
        label="check of an account that there is not",
        request=a_get(f"action=check&account={ACCOUNT}"),
        asked=CHECK,
        result=Result(verdict=UNKNOWN),
        said=f"{HEAD}<CODE>3</CODE><MESSAGE>лицевой счёт не найден</MESSAGE>{TAIL}",
    ),
    Case(
        label="payment with a reading",
        request=a_get(f"{PAY}&CounterVal_1=5467"),
        asked=READING,
        result=TAKEN,
        said=f"{HEAD}<CODE>0</CODE><MESSAGE>показание принято, код {RECEIPT}</MESSAGE>"
        f"{DETAILS}{TAIL}",
    ),
    Case(
        label="a refused reading costs no payment",
        request=a_get(f"{PAY}&CounterVal_1=5467"),
        asked=READING,
        result=REFUSED,
        said=f"{HEAD}<CODE>0</CODE>"
        f"<MESSAGE>Показания принимаются с 23 по 26 число. {RECEIPT}</MESSAGE>{DETAILS}{TAIL}",
    ),
    Case(
        label="unless the partner wants it so",
        request=a_get(f"{PAY}&CounterVal_1=5467"),
        asked=READING,
        result=REFUSED,
        settings={"refusals": "code"},
        said=f"{HEAD}<CODE>300</CODE>"
        f"<MESSAGE>Показания принимаются с 23 по 26 число. {RECEIPT}</MESSAGE>{TAIL}",
    ),
    Case(
        label="payment without a reading",
        request=a_get(PAY.replace("PAY_ID", "pay_id")),
        asked=PAYMENT,
        said=f"{HEAD}<CODE>0</CODE><MESSAGE>OK</MESSAGE>{DETAILS}{TAIL}",
    ),
    Case(
        label="a repeat carries the first number",
        request=a_get(PAY),
        asked=PAYMENT,
        settings={"repeats": "code"},
        result=replace(DONE, again=True),
        said=f"{HEAD}<CODE>5</CODE><MESSAGE>OK</MESSAGE>{DETAILS}{TAIL}",
    ),
    Case(
        label="or is the first answer",
        request=a_get(PAY),
        asked=PAYMENT,
        result=replace(DONE, again=True),
        said=f"{HEAD}<CODE>0</CODE><MESSAGE>OK</MESSAGE>{DETAILS}{TAIL}",
    ),
    Case(
        label="PostgreSQL is away",
        request=a_get(PAY),
        asked=PAYMENT,
        settings={"repeats": "code"},
        result=replace(AWAY, again=True),
        said=f"{HEAD}<CODE>1</CODE>"
        f"<MESSAGE>Временная ошибка, повторите запрос позже</MESSAGE>{TAIL}",
    ),
    Case(
        label="the other edition's code for a closed account",
        request=a_get(f"action=check&account={ACCOUNT}"),
        asked=CHECK,
        settings={"codes": {"account_unknown": "4"}},
        result=Result(verdict=UNKNOWN),
        said=f"{HEAD}<CODE>4</CODE><MESSAGE>лицевой счёт не найден</MESSAGE>{TAIL}",
    ),
    Case(
        label="an unknown action",
        request=a_get(f"ACTION=cancel&ACCOUNT={ACCOUNT}"),
        asked={"account": ACCOUNT},
        refused=Cause.REQUEST_UNKNOWN,
        said=f"{HEAD}<CODE>2</CODE><MESSAGE>Неизвестный запрос: ACTION=cancel</MESSAGE>{TAIL}",
    ),
    Case(
        label="no action",
        request=a_get(""),
        asked={},
        refused=Cause.REQUEST_UNKNOWN,
        said=f"{HEAD}<CODE>2</CODE><MESSAGE>Неизвестный запрос: ACTION=</MESSAGE>{TAIL}",
    ),
    Case(
        label="a malformed id",
        request=a_get(PAY.replace("777", "7 7")),
        asked=PAYMENT | {"transaction_id": "7 7"},
        refused=Cause.TRANSACTION_MALFORMED,
        said=f"{HEAD}<CODE>4</CODE><MESSAGE>Неверный номер операции: 7 7</MESSAGE>{TAIL}",
    ),
    Case(
        label="a malformed amount",
        request=a_get(PAY.replace("100.00", "1e2")),
        asked=PAYMENT | {"amount": "1e2"},
        refused=Cause.AMOUNT_MALFORMED,
        said=f"{HEAD}<CODE>6</CODE><MESSAGE>Неверная сумма: 1e2</MESSAGE>{TAIL}",
    ),
    Case(
        label="a malformed date",
        request=a_get(PAY.replace("24.11.2026", "31.11.2026")),
        asked=PAYMENT | {"paid_at": None},
        refused=Cause.TIME_MALFORMED,
        said=f"{HEAD}<CODE>9</CODE>"
        f"<MESSAGE>Неверная дата операции: 31.11.2026_09:15:30</MESSAGE>{TAIL}",
    ),
]
