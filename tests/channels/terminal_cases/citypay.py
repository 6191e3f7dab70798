"""CityPay 3: requests as terminals send them, answers byte for byte."""

import datetime as dt

from channels.terminal_case import (
    ACCOUNT,
    AWAY,
    DONE,
    MOSCOW,
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

from ingest.channels.dialects.online.request import Cause, Kind, Paid, Result

DIALECT = {"protocol": "citypay", "fields": {"value": "field1", "meter": "field3"}}
CONTENT_TYPE = "text/xml; charset=utf-8"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<Response>'
TAIL = "</Response>\n"
WHO = f"TransactionId=555&Account={ACCOUNT}&PayElementId=1&ProviderId=2&TerminalId=3"
PAY = f"QueryType=pay&TransactionDate=20261124091530&Amount=17.40&AmountSum=18.00&{WHO}"
PAYMENT = {
    "kind": Kind.PAY,
    "transaction_id": "555",
    "account": ACCOUNT,
    "amount": "17.40",
    "paid_at": PAID_AT,
}
READING = PAYMENT | {"readings": values("5467", meter="00123456")}
PAID = (
    "<TransactionId>555</TransactionId><TransactionExt>2016</TransactionExt><Amount>17.40</Amount>"
)
UNPAID = "<TransactionId>555</TransactionId><Amount>17.40</Amount>"
CHECK = {"kind": Kind.CHECK, "transaction_id": "555", "account": ACCOUNT}
DAY = "CheckDateBegin=20261124000000&CheckDateEnd=20261124235959"
PERIOD = (
    dt.datetime(2026, 11, 24, tzinfo=MOSCOW),
    dt.datetime(2026, 11, 25, tzinfo=MOSCOW),
)

CASES = [
    Case(
        label="check",
        request=a_get(f"QueryType=check&{WHO}"),
        asked=CHECK,
        result=Result(),
        said=f"{HEAD}<TransactionId>555</TransactionId><ResultCode>0</ResultCode>"
        f"<Comment>OK</Comment>{TAIL}",
    ),
    Case(
        label="check lists the registers",
        request=a_get(f"QueryType=check&{WHO}"),
        asked=CHECK,
        result=TWO_ZONES,
        said=f"{HEAD}<TransactionId>555</TransactionId><ResultCode>0</ResultCode><Comment>счётчик "
        f"00123456, день, разрядов 5: 5467; счётчик 00123456, ночь, разрядов 5</Comment>{TAIL}",
    ),
    Case(
        label="check of an account that there is not",
        request=a_get(f"QueryType=check&{WHO}"),
        asked=CHECK,
        result=Result(verdict=UNKNOWN),
        said=f"{HEAD}<TransactionId>555</TransactionId><ResultCode>21</ResultCode>"
        f"<Comment>лицевой счёт не найден</Comment>{TAIL}",
    ),
    Case(
        label="pay with a reading and the meter's number",
        request=a_get(f"{PAY}&field1=5467&field3=00123456"),
        asked=READING,
        result=TAKEN,
        said=f"{HEAD}{PAID}<ResultCode>0</ResultCode>"
        f"<Comment>показание принято, код {RECEIPT}</Comment>{TAIL}",
    ),
    Case(
        label="a meter's number alone is no reading",
        request=a_get(f"{PAY}&field1=%D0%BD%D0%B5%D1%82&field3=00123456"),
        asked=PAYMENT,
        said=f"{HEAD}{PAID}<ResultCode>0</ResultCode><Comment>OK</Comment>{TAIL}",
    ),
    Case(
        label="a refused reading costs no payment",
        request=a_get(f"{PAY}&field1=5467&field3=00123456"),
        asked=READING,
        result=REFUSED,
        said=f"{HEAD}{PAID}<ResultCode>0</ResultCode>"
        f"<Comment>Показания принимаются с 23 по 26 число. {RECEIPT}</Comment>{TAIL}",
    ),
    Case(
        label="unless the partner wants it so",
        request=a_get(f"{PAY}&field1=5467&field3=00123456"),
        asked=READING,
        result=REFUSED,
        settings={"refusals": "code"},
        said=f"{HEAD}{PAID}<ResultCode>22</ResultCode>"
        f"<Comment>Показания принимаются с 23 по 26 число. {RECEIPT}</Comment>{TAIL}",
    ),
    Case(
        label="PostgreSQL is away",
        request=a_get(PAY),
        asked=PAYMENT,
        result=AWAY,
        said=f"{HEAD}{UNPAID}<ResultCode>1</ResultCode>"
        f"<Comment>Временная ошибка, повторите запрос позже</Comment>{TAIL}",
    ),
    Case(
        label="the same is being worked at",
        request=a_get(PAY),
        asked=PAYMENT,
        result=Result(cause=Cause.UNDER_WAY),
        said=f"{HEAD}{UNPAID}<ResultCode>100</ResultCode>"
        f"<Comment>Операция ещё обрабатывается, повторите запрос</Comment>{TAIL}",
    ),
    Case(
        label="cancel",
        request=a_get(
            f"QueryType=cancel&RevertId=555&RevertDate=20261124091530&TransactionId=556"
            f"&Account={ACCOUNT}&Amount=17.40"
        ),
        asked=PAYMENT | {"kind": Kind.CANCEL, "transaction_id": "556", "cancels": "555"},
        result=DONE,
        said=f"{HEAD}{PAID.replace('555', '556')}<ResultCode>0</ResultCode>"
        f"<Comment>OK</Comment>{TAIL}",
    ),
    Case(
        label="the report of a day",
        request=a_get(DAY, path="/PayDayReport.html"),
        asked={"kind": Kind.REPORT, "period": PERIOD},
        result=Result(
            payments=(
                Paid(transaction_id="555", account=ACCOUNT, amount="17.40", paid_at=PAID_AT),
                Paid(transaction_id="556", account="<&>", amount="", paid_at=PAID_AT),
            )
        ),
        said=f"{HEAD}<Payment><TransactionId>555</TransactionId><Account>{ACCOUNT}</Account>"
        "<TransactionDate>20261124091530</TransactionDate><Amount>17.40</Amount></Payment>"
        "<Payment><TransactionId>556</TransactionId><Account>&lt;&amp;&gt;</Account>"
        "<TransactionDate>20261124091530</TransactionDate><Amount></Amount></Payment>"
        f"{TAIL}",
    ),
    Case(
        label="the report of a day without payments, by parameters alone",
        request=a_get(DAY),
        asked={"kind": Kind.REPORT, "period": PERIOD},
        result=Result(),
        said=f"{HEAD}{TAIL}",
    ),
    Case(
        label="a report while PostgreSQL is away",
        request=a_get(DAY),
        asked={"kind": Kind.REPORT, "period": PERIOD},
        result=AWAY,
        said=f"{HEAD}<ResultCode>1</ResultCode>"
        f"<Comment>Временная ошибка, повторите запрос позже</Comment>{TAIL}",
    ),
    Case(
        label="a report that ends before it begins",
        request=a_get("CheckDateBegin=20261124000000&CheckDateEnd=20261123000000"),
        asked={"kind": Kind.REPORT},
        refused=Cause.TIME_MALFORMED,
        said=f"{HEAD}<ResultCode>299</ResultCode>"
        f"<Comment>Неверная дата операции: CheckDateEnd</Comment>{TAIL}",
    ),
    Case(
        label="an unknown query",
        request=a_get("QueryType=balance&TransactionId=555"),
        asked={"transaction_id": "555"},
        refused=Cause.REQUEST_UNKNOWN,
        said=f"{HEAD}<TransactionId>555</TransactionId><ResultCode>299</ResultCode>"
        f"<Comment>Неизвестный запрос: QueryType=balance</Comment>{TAIL}",
    ),
    Case(
        label="no account",
        request=a_get("QueryType=check&TransactionId=555"),
        asked={"kind": Kind.CHECK, "transaction_id": "555"},
        refused=Cause.ACCOUNT_MALFORMED,
        said=f"{HEAD}<TransactionId>555</TransactionId><ResultCode>3</ResultCode>"
        f"<Comment>Не указан лицевой счёт</Comment>{TAIL}",
    ),
]
