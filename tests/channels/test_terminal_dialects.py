"""Every protocol's requests through one runner; the tables stand in ``terminal_cases/``."""

import importlib
import pkgutil
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from channels.terminal_case import ACCOUNT, DONE, TAKEN, build, run_case
from msgspec.structs import replace

from ingest.channels.dialects.online.request import (
    PASSING,
    Cause,
    Kind,
    Operation,
    Paid,
    Result,
)
from ingest.model import Disposition, Reason, Verdict
from ingest.settings.online import CodedCause, TerminalDialect

FOLDER = Path(__file__).parent / "terminal_cases"
TABLES = {
    one.name: importlib.import_module(f"channels.terminal_cases.{one.name}")
    for one in pkgutil.iter_modules([str(FOLDER)])
}
CASES = [
    pytest.param(table, case, id=f"{name}: {case.label}")
    for name, table in TABLES.items()
    for case in table.CASES
]

NON_FINAL = {
    "osmp": (b"<result>1<", b"<result>90<"),
    "sberbank": (b"<CODE>1<",),
    "citypay": (b"<ResultCode>1<", b"<ResultCode>100<"),
    "command-call": (b"<result>1<", b"<result>90<"),
    "json": (b'"errorCode": "010"',),
}
"""What each protocol says for «ask again», as its description has it."""
PROTOCOLS = sorted(NON_FINAL)
WORST = dict.fromkeys(get_args(CodedCause), "300")
"""Every code that config.toml may change, changed into a final one."""
FAULTS = [Result(cause=cause, message="x") for cause in sorted(PASSING)] + [
    Result(verdict=Verdict(disposition, Reason.FAILED)) for disposition in Disposition
]
KINDS = [kind for kind in Kind if kind is not Kind.BALANCE]
REFUSALS = ("ack", "code")
COMPLAINTS = sorted(set(Reason) - {Reason.ACCEPTED, Reason.CORRECTED, Reason.REPEATED})


def an_operation(kind):
    """Return an operation that lacks nothing."""
    return Operation(kind=kind, transaction_id="7", account=ACCOUNT, amount="1.00")


def is_non_final(protocol, answer):
    """Tell whether a partner will ask again."""
    return any(code in answer.body for code in NON_FINAL[protocol])


def is_ok(answer):
    """Tell whether a partner is content."""
    return any(
        code in answer.body
        for code in (b"<result>0<", b"<CODE>0<", b"<ResultCode>0<", b'"status": "ok"')
    )


@pytest.mark.parametrize(("table", "case"), CASES)
def test_a_request(table, case):
    """Operation, answer or refusal are the table's, byte for byte."""
    run_case(build(table.DIALECT | case.settings), case, table.CONTENT_TYPE)


def test_every_protocol_has_a_table():
    """Each protocol that config.toml can name is shown requests as they really come."""
    named = {one.__struct_config__.tag for one in get_args(TerminalDialect)}
    assert named == {table.DIALECT["protocol"] for table in TABLES.values()} == set(PROTOCOLS)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("refusals", REFUSALS)
def test_no_fault_of_ours_is_final(protocol, refusals):
    """Whatever is asked and configured, a fault of ours is answered with «ask again»."""
    dialect = build({"protocol": protocol, "refusals": refusals, "codes": WORST})
    answers = [dialect.respond(an_operation(kind), fault) for kind in KINDS for fault in FAULTS]
    assert [] == [one.body for one in answers if not is_non_final(protocol, one)]
    assert all(fault.may_heal for fault in FAULTS)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", [Kind.CHECK, Kind.PAY])
@pytest.mark.parametrize("reason", COMPLAINTS)
def test_a_refused_reading_costs_no_payment(protocol, kind, reason):
    """Only an account that is none fails a payment, or an unknown one the check before it."""
    dialect = build({"protocol": protocol})
    verdict = Verdict(Disposition.REJECT, reason)
    answer = dialect.respond(an_operation(kind), replace(TAKEN, verdict=verdict))
    tells = reason is Reason.ACCOUNT_MALFORMED or reason is Reason.FAILED
    checks = kind is Kind.CHECK and reason in (Reason.ACCOUNT_UNKNOWN, Reason.ACCOUNT_CLOSED)
    assert is_ok(answer) is not (tells or checks)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("reason", sorted(set(COMPLAINTS) - {Reason.FAILED}))
def test_a_refused_reading_has_a_final_code_where_it_is_wanted(protocol, reason):
    """With ``refusals = "code"`` no refusal is OK, and none is asked again for hours."""
    dialect = build({"protocol": protocol, "refusals": "code"})
    verdict = Verdict(Disposition.REJECT, reason)
    answer = dialect.respond(an_operation(Kind.PAY), replace(TAKEN, verdict=verdict))
    assert not is_ok(answer)
    assert not is_non_final(protocol, answer)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("disposition", [Disposition.ACCEPT, Disposition.HOLD, Disposition.IGNORE])
def test_what_is_not_refused_is_ok(protocol, disposition):
    """A reading that is accepted, even with a mark, or held is no failure of the payment."""
    dialect = build({"protocol": protocol, "refusals": "code"})
    result = replace(TAKEN, verdict=Verdict(disposition, Reason.IMPLAUSIBLE))
    assert is_ok(dialect.respond(an_operation(Kind.PAY), result))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("cause", sorted(set(Cause) - PASSING))
def test_a_cause_that_cannot_heal_is_not_ok(protocol, cause):
    """Each has a code, and words in both languages."""
    for language in ("ru", "en"):
        dialect = build({"protocol": protocol}, language)
        answer = dialect.respond(an_operation(Kind.PAY), Result(cause=cause))
        assert not is_ok(answer)
        assert b"OK" not in answer.body


def test_config_names_every_cause_that_may_have_another_code():
    """All but faults of ours, and what is no complaint."""
    wanted = {*(set(Cause) - PASSING), *(set(COMPLAINTS) - {Reason.FAILED})}
    assert {str(one) for one in wanted} == set(get_args(CodedCause))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_repeats_get_the_stored_answer(protocol):
    """Byte for byte, unless config.toml wants Sberbank's own code for it."""
    assert build({"protocol": protocol}).renders_repeats is False
    assert build({"protocol": "sberbank", "repeats": "code"}).renders_repeats is True


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("reason", Reason)
def test_words_of_a_terminal(language, reason):
    """No answer to a terminal speaks of files and lines."""
    dialect = build({"protocol": "osmp"}, language)
    result = Result(verdict=Verdict(Disposition.REJECT, reason))
    said = dialect.respond(an_operation(Kind.PAY), result).body.decode()
    assert not any(word in said for word in ("строк", "файл", " line", " file"))


def test_the_password_is_not_kept():
    """What is kept of a commandCall is all but the password, in whatever way it is written."""
    dialect = build({"protocol": "command-call"})
    for password in ("s3cret", "<![CDATA[s3cret]]>", "s3<!-- x -->cret", "\n s3cret \n"):
        element = f"<PassWord >{password}</PassWord >"
        body = (
            f"<commandCall>{element}<login>a</login>{element}<command>check</command>"
            f"<account>{ACCOUNT}</account></commandCall>"
        )
        operation = dialect.read(TABLES["command_call"].a_post(body, content_type="text/xml"))
        assert ("a", "s3cret") == (operation.login, operation.password)
        assert b"cret" not in operation.raw
        assert ACCOUNT.encode() in operation.raw


def test_a_password_that_is_not_there():
    """An empty element is no place where something could be taken out."""
    inner = f"<password/><command>check</command><account>{ACCOUNT}</account>"
    body = f"<commandCall>{inner}</commandCall>"
    request = TABLES["command_call"].a_post(body, content_type="text/xml")
    operation = build({"protocol": "command-call"}).read(request)
    assert ("", body.encode()) == (operation.password, operation.raw)


def test_a_key_names_the_system():
    """Two systems behind one channel may use the same id for different things."""
    assert "qiwi:7" == Operation(system="qiwi", transaction_id="7").key
    assert "7" == Operation(transaction_id="7").key


def test_values_by_meter_and_zone():
    """A zone left out before another one is a gap, not the other one's place."""
    values = TABLES["osmp"].values
    readings = values("", "1203", meter="a") + values("7", meter="b")
    assert {"a": ("", "1203"), "b": ("7",)} == Operation(readings=readings).list_meters()
    assert {} == Operation().list_meters()


def test_a_report_of_payments_needs_no_code():
    """A partner that asks for payments gets payments, whatever else was found."""
    paid = Paid(transaction_id="7", account=ACCOUNT, amount="1", paid_at=DONE.operated_at)
    answer = build({"protocol": "citypay"}).respond(
        Operation(kind=Kind.REPORT), Result(payments=(paid,) * 2)
    )
    assert 2 == answer.body.count(b"<Payment>")
    assert b"ResultCode" not in answer.body


@pytest.mark.parametrize("code", ["001", "006", "", "0 1"])
def test_no_configuration_makes_a_fault_final(code):
    """What the JSON gateway gives for good cannot be what it says of a fault of ours."""
    with pytest.raises(msgspec.ValidationError):
        build({"protocol": "json", "temporary": code})
