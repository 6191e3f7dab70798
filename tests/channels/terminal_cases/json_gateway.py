"""The JSON gateway: documents as partners post them, answers byte for byte."""

import json

from channels.terminal_case import (
    ACCOUNT,
    AWAY,
    CLOSED,
    HELD,
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

from ingest.channels.dialects.online.request import Cause, Kind, RegisterShown, Result
from ingest.model import Disposition, Reason, Verdict

DIALECT = {"protocol": "json", "systems": ["qiwi", "city"], "fields": {"value": "readings.day"}}
CONTENT_TYPE = "application/json; charset=utf-8"
WHO = {"system": "qiwi", "account": ACCOUNT}
METER = {"meterId": "17", "meterNumber": "00123456", "t1": "5467", "t2": 1203, "t3": None}
VALUE = WHO | {"trx_id": "t-1", "dateMv": "24.11.2026 09:15:30", "mvs": [METER]}
ASKED = WHO | {"transaction_id": "t-1"}
READING = ASKED | {
    "kind": Kind.SUBMIT,
    "paid_at": PAID_AT,
    "readings": values("5467", "1203", meter="00123456"),
}
PAY = WHO | {"trx_id": 12345678901234567890, "amount": 10.50}
PAYMENT = WHO | {"kind": Kind.PAY, "transaction_id": "12345678901234567890", "amount": "10.5"}
QUERY = f"system=qiwi&account={ACCOUNT}"
OK = '{"status": "ok"}'


def a_call(name: str, document: object):
    """Return a POST of *document*."""
    return a_post(json.dumps(document), f"/api/{name}")


def error(code: str, message: str) -> str:
    """Return an error that concerns no transaction."""
    return f'{{"status": "error", "errorCode": "{code}", "errorMessage": "{message}"}}'


def told(status: str, outcome: str, comment: str) -> str:
    """Return what is answered to readings: how it ended, and what came of them."""
    disposition, _, reason = outcome.partition(" ")
    return (
        f'{{{status}, "trx_id": "t-1", "outcome": "{disposition}", "reason": "{reason}", '
        f'"receipt": "{RECEIPT}", "comment": "{comment}"}}'
    )


CASES = [
    Case(
        label="check",
        request=a_call("check", WHO),
        asked=WHO | {"kind": Kind.CHECK},
        result=Result(),
        said=OK,
    ),
    Case(
        label="check of an account that there is not",
        request=a_call("check", WHO),
        asked=WHO | {"kind": Kind.CHECK},
        result=Result(verdict=UNKNOWN),
        said=error("002", "лицевой счёт не найден"),
    ),
    Case(
        label="balance",
        request=a_get(QUERY, "/api/balance"),
        asked=WHO | {"kind": Kind.BALANCE},
        result=Result(),
        said='{"status": "ok", "balance": "0.00"}',
    ),
    Case(
        label="the meters of an account",
        request=a_get(QUERY, "/api/meter"),
        asked=WHO | {"kind": Kind.CHECK},
        result=TWO_ZONES,
        said='{"status": "ok", "meters": [{"meterId": "00123456", "meterNumber": "00123456", '
        '"serviceName": "Электроэнергия", "digits": 5, "T1": 5467, "T2": null}]}',
    ),
    Case(
        label="a meter whose number nobody knows",
        request=a_get(QUERY, "/api/meter"),
        asked=WHO | {"kind": Kind.CHECK},
        result=Result(registers=(RegisterShown(last=5467),)),
        said='{"status": "ok", "meters": [{"meterId": "1", "meterNumber": "", '
        '"serviceName": "Электроэнергия", "T1": 5467}]}',
    ),
    Case(
        label="an account without meters",
        request=a_get(QUERY, "/api/meter"),
        asked=WHO | {"kind": Kind.CHECK},
        result=Result(),
        said='{"status": "ok", "meters": []}',
    ),
    Case(
        label="values",
        request=a_call("meter/value", VALUE),
        asked=READING,
        result=TAKEN,
        said=told('"status": "ok"', "accept accepted", f"показание принято, код {RECEIPT}"),
    ),
    Case(
        label="values of two meters, spelled as the answer does",
        request=a_call(
            "meter/value",
            WHO | {"trx_id": "t-1", "mvs": [{"meterId": 1, "T1": "0"}, {"meterId": 2, "T1": "7"}]},
        ),
        asked=ASKED
        | {"kind": Kind.SUBMIT, "readings": values("0", meter="1") + values("7", meter="2")},
        result=replace(TAKEN, verdict=Verdict(Disposition.REJECT, Reason.METER_AMBIGUOUS)),
        said=told(
            '"status": "error", "errorCode": "005", '
            f'"errorMessage": "неясно, показание какого это счётчика, код {RECEIPT}"',
            "reject meter_ambiguous",
            f"неясно, показание какого это счётчика, код {RECEIPT}",
        ),
    ),
    Case(
        label="refused values have no payment to cost",
        request=a_call("meter/value", VALUE),
        asked=READING,
        result=replace(TAKEN, verdict=CLOSED),
        said=told(
            '"status": "error", "errorCode": "006", '
            f'"errorMessage": "сегодня показания не принимаются, код {RECEIPT}"',
            "reject window_closed",
            f"сегодня показания не принимаются, код {RECEIPT}",
        ),
    ),
    Case(
        label="held values",
        request=a_call("meter/value", VALUE),
        asked=READING,
        result=replace(TAKEN, verdict=HELD),
        said=told(
            '"status": "ok"', "hold implausible", f"показание проверит сотрудник, код {RECEIPT}"
        ),
    ),
    Case(
        label="the id came with other values",
        request=a_call("meter/value", VALUE),
        asked=READING,
        result=Result(cause=Cause.TRANSACTION_REUSED),
        said='{"status": "error", "errorCode": "004", "errorMessage": "Этот номер операции уже был '
        'с другими данными", "trx_id": "t-1"}',
    ),
    Case(
        label="PostgreSQL is away",
        request=a_call("meter/value", VALUE),
        asked=READING,
        result=AWAY,
        status=503,
        settings={"temporary": "011", "temporary_status": 503},
        said='{"status": "error", "errorCode": "011", "errorMessage": "Временная ошибка, повторите '
        'запрос позже", "trx_id": "t-1"}',
    ),
    Case(
        label="pay",
        request=a_call("pay", PAY),
        asked=PAYMENT,
        said='{"status": "ok", "trx_id": "12345678901234567890"}',
    ),
    Case(
        label="pay with a reading in a field of its own",
        request=a_call("pay", ASKED | {"trx_id": "t-1", "readings": {"day": 5467}}),
        asked=ASKED | {"kind": Kind.PAY, "readings": values("5467")},
        result=replace(REFUSED, message=""),
        said=told(
            '"status": "ok"',
            "reject window_closed",
            f"сегодня показания не принимаются, код {RECEIPT}",
        ),
    ),
    Case(
        label="a partner that reads windows-1251",
        request=a_call("check", WHO),
        asked=WHO | {"kind": Kind.CHECK},
        settings={"encoding": "cp1251"},
        result=Result(verdict=UNKNOWN, message="нет"),
        said=error("002", "\\u043d\\u0435\\u0442"),
    ),
    Case(
        label="a system that is not let in",
        request=a_call("check", WHO | {"system": "evil"}),
        asked=WHO | {"kind": Kind.CHECK, "system": "evil"},
        refused=Cause.SYSTEM_UNKNOWN,
        said=error("001", "Неизвестная система: evil"),
    ),
    Case(
        label="a system that could be taken for another with its transaction",
        settings={"systems": []},
        request=a_call("check", WHO | {"system": "qiwi:1"}),
        asked=WHO | {"kind": Kind.CHECK, "system": "qiwi:1"},
        refused=Cause.SYSTEM_UNKNOWN,
        said=error("001", "Неизвестная система: qiwi:1"),
    ),
    Case(
        label="no account",
        request=a_call("check", {"system": "city"}),
        asked={"kind": Kind.CHECK, "system": "city"},
        refused=Cause.ACCOUNT_MALFORMED,
        said=error("002", "Не указан лицевой счёт"),
    ),
    Case(
        label="no transaction",
        request=a_call("pay", WHO),
        asked=WHO | {"kind": Kind.PAY},
        refused=Cause.TRANSACTION_MALFORMED,
        said='{"status": "error", "errorCode": "004", '
        '"errorMessage": "Неверный номер операции", "trx_id": ""}',
    ),
    Case(
        label="an amount that is none",
        request=a_call("pay", PAY | {"amount": "много"}),
        asked=PAYMENT | {"amount": "много"},
        refused=Cause.AMOUNT_MALFORMED,
        said='{"status": "error", "errorCode": "003", "errorMessage": "Неверная сумма: много", '
        '"trx_id": "12345678901234567890"}',
    ),
    Case(
        label="an unknown call",
        request=a_call("refund", WHO),
        asked={},
        refused=Cause.REQUEST_UNKNOWN,
        said=error("010", "Неизвестный запрос: POST /api/refund"),
    ),
    Case(
        label="a call by the wrong method",
        request=a_get(QUERY, "/api/pay"),
        asked={},
        refused=Cause.REQUEST_UNKNOWN,
        said=error("010", "Неизвестный запрос: GET /api/pay"),
    ),
    *(
        Case(
            label=label,
            request=a_post(body, "/api/meter/value"),
            asked={},
            refused=Cause.REQUEST_MALFORMED,
            said=error("010", f"Запрос не удалось прочитать{detail}"),
        )
        for label, body, detail in (
            ("no JSON", "system=qiwi", ": the body is no JSON that can be read"),
            ("NaN", '{"system": NaN}', ": the body is no JSON that can be read"),
            ("a key twice", '{"a": 1, "a": 2}', ": the body is no JSON that can be read"),
            ("nested without end", "[" * 100_000, ": the body is no JSON that can be read"),
            ("a list", "[]", ""),
            ("an account that is a list", '{"system": "qiwi", "account": []}', ": account"),
            ("meters that are none", '{"mvs": {"t1": 5}}', ": mvs"),
            ("a meter that is none", '{"mvs": [5]}', ": mvs"),
            ("a zone that stands twice", '{"mvs": [{"t1": 5, "T1": 6}]}', ": mvs"),
            ("a value that is none", '{"mvs": [{"t1": true}]}', ": t1"),
            ("too many meters", json.dumps({"mvs": [METER] * 65}), ": mvs"),
        )
    ),
]
