"""What an answer says to people at a terminal, and to a partner's technicians. Pure."""

import re
from collections.abc import Iterable
from typing import Literal, TypeAlias

from ingest.channels.dialects.online.codes import Coded
from ingest.channels.dialects.online.request import Cause, RegisterShown, Result
from ingest.model import Disposition, Reason

Language: TypeAlias = Literal["ru", "en"]

LONGEST = 250
"""Characters of a comment."""
LONGEST_DETAIL = 60
UNPRINTABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff\\ufffe\\uffff]+")

CAUSES: dict[Language, dict[Cause, str]] = {
    "ru": {
        Cause.REQUEST_UNKNOWN: "Неизвестный запрос",
        Cause.REQUEST_MALFORMED: "Запрос не удалось прочитать",
        Cause.SYSTEM_UNKNOWN: "Неизвестная система",
        Cause.TRANSACTION_MALFORMED: "Неверный номер операции",
        Cause.ACCOUNT_MALFORMED: "Не указан лицевой счёт",
        Cause.AMOUNT_MALFORMED: "Неверная сумма",
        Cause.TIME_MALFORMED: "Неверная дата операции",
        Cause.TRANSACTION_REUSED: "Этот номер операции уже был с другими данными",
        Cause.TRANSACTION_UNKNOWN: "Операция не найдена",
        Cause.CANCEL_REFUSED: "Отмена невозможна",
        Cause.PAYMENT_REFUSED: "Здесь принимаются только показания счётчиков",
        Cause.DENIED: "Неверный логин или пароль",
        Cause.UNDER_WAY: "Операция ещё обрабатывается, повторите запрос",
        Cause.UNAVAILABLE: "Временная ошибка, повторите запрос позже",
        Cause.FAILED: "Временная ошибка, повторите запрос позже",
    },
    "en": {
        Cause.REQUEST_UNKNOWN: "Unknown request",
        Cause.REQUEST_MALFORMED: "The request cannot be read",
        Cause.SYSTEM_UNKNOWN: "Unknown system",
        Cause.TRANSACTION_MALFORMED: "Malformed transaction id",
        Cause.ACCOUNT_MALFORMED: "There is no account",
        Cause.AMOUNT_MALFORMED: "Malformed amount",
        Cause.TIME_MALFORMED: "Malformed date",
        Cause.TRANSACTION_REUSED: "This transaction id came before with other data",
        Cause.TRANSACTION_UNKNOWN: "No such transaction",
        Cause.CANCEL_REFUSED: "It cannot be cancelled",
        Cause.PAYMENT_REFUSED: "Only meter readings are taken here",
        Cause.DENIED: "Wrong login or password",
        Cause.UNDER_WAY: "It is still being processed, ask again",
        Cause.UNAVAILABLE: "Temporary error, ask again later",
        Cause.FAILED: "Temporary error, ask again later",
    },
}

REASONS: dict[Language, dict[Reason, str]] = {
    "ru": {
        Reason.ACCEPTED: "показание принято",
        Reason.CORRECTED: "показание принято вместо переданного ранее",
        Reason.REPEATED: "такое же показание уже принято",
        Reason.WINDOW_CLOSED: "сегодня показания не принимаются",
        Reason.ACCOUNT_MALFORMED: "в лицевом счёте должно быть 12 цифр",
        Reason.ACCOUNT_UNKNOWN: "лицевой счёт не найден",
        Reason.ACCOUNT_CLOSED: "лицевой счёт закрыт",
        Reason.READING_MALFORMED: "показание не удалось прочитать",
        Reason.READING_MISSING: "не указано показание",
        Reason.TOO_MANY_DIGITS: "в показании слишком много цифр",
        Reason.BELOW_PREVIOUS: "показание меньше переданного ранее",
        Reason.IMPLAUSIBLE: "показание слишком велико",
        Reason.ZONES_MISMATCH: "указаны не все зоны счётчика или лишние",
        Reason.METER_AMBIGUOUS: "неясно, показание какого это счётчика",
        Reason.DATED_IN_FUTURE: "дата показания ещё не наступила",
        Reason.NOT_RECOGNISED: "показание не распознано",
        Reason.AUTOMATIC_MAIL: "сообщение отправил автомат",
        Reason.SENDER_REFUSED: "отсюда показания не принимаются",
        Reason.TOO_LARGE: "запрос слишком большой",
        Reason.INCOMPLETE: "пришла только часть запроса",
        Reason.FAILED: "показание не обработано",
    },
    "en": {
        Reason.ACCEPTED: "the reading is accepted",
        Reason.CORRECTED: "the reading takes the place of an earlier one",
        Reason.REPEATED: "the same reading was accepted before",
        Reason.WINDOW_CLOSED: "readings are not taken today",
        Reason.ACCOUNT_MALFORMED: "an account has 12 digits",
        Reason.ACCOUNT_UNKNOWN: "there is no such account",
        Reason.ACCOUNT_CLOSED: "the account is closed",
        Reason.READING_MALFORMED: "the reading cannot be read",
        Reason.READING_MISSING: "there is no reading",
        Reason.TOO_MANY_DIGITS: "the reading has too many digits",
        Reason.BELOW_PREVIOUS: "the reading is below an earlier one",
        Reason.IMPLAUSIBLE: "the reading is too high",
        Reason.ZONES_MISMATCH: "a zone of the meter is missing, or there is one too many",
        Reason.METER_AMBIGUOUS: "it is not clear which meter was read",
        Reason.DATED_IN_FUTURE: "the reading is dated in the future",
        Reason.NOT_RECOGNISED: "the reading is not recognised",
        Reason.AUTOMATIC_MAIL: "a machine sent this",
        Reason.SENDER_REFUSED: "readings are not taken from here",
        Reason.TOO_LARGE: "the request is too large",
        Reason.INCOMPLETE: "only part of the request has come",
        Reason.FAILED: "the reading was not processed",
    },
}
"""Short, for a screen or a slip; the channel's own reply goes before them."""

PHRASES: dict[Language, dict[str, str]] = {
    "ru": {
        "held": "показание проверит сотрудник",
        "register": "счётчик",
        "digits": "разрядов {}",
        "receipt": "код {}",
        "service": "Электроэнергия",
    },
    "en": {
        "held": "somebody will look at the reading",
        "register": "meter",
        "digits": "{} digits",
        "receipt": "code {}",
        "service": "Electricity",
    },
}


def clean(text: str, limit: int = LONGEST) -> str:
    """Return *text* as one line without control characters, cut to *limit*."""
    plain = " ".join(UNPRINTABLE.sub(" ", text[: 4 * limit]).split())
    return plain if len(plain) <= limit else f"{plain[: limit - 1].rstrip()}…"


def describe_cause(cause: Cause, detail: str, language: Language) -> str:
    """Say why a request was not followed; *detail* names the field, or shows what was found."""
    words = CAUSES[language][cause]
    return f"{words}: {clean(detail, LONGEST_DETAIL)}" if detail else words


def write_comment(outcome: Coded | None, result: Result, language: Language) -> str:
    """Return what an answer says in words; without anything to say ``OK``."""
    text = clean(result.message) or describe(outcome, result, language) or "OK"
    if result.receipt and result.receipt not in text:
        ending = f", {PHRASES[language]['receipt'].format(clean(result.receipt))}"
        text = clean(text, LONGEST - len(ending)) + ending
    return text


def describe(outcome: Coded | None, result: Result, language: Language) -> str:
    """Say what came of an operation where the channel has no words of its own."""
    if isinstance(outcome, Cause):
        return CAUSES[language][outcome]
    verdict = result.verdict
    if verdict is None:
        return ""
    if verdict.disposition is Disposition.HOLD:
        return PHRASES[language]["held"]
    return REASONS[language][verdict.reason]


def list_registers(registers: Iterable[RegisterShown], language: Language) -> str:
    """Name registers in one line, for protocols that have one field for all of them."""
    return "; ".join(describe_register(one, language) for one in registers)


def describe_register(register: RegisterShown, language: Language) -> str:
    """Say of one register its meter, its name, its digits and what it showed last."""
    words = PHRASES[language]
    parts = [
        f"{words['register']} {clean(register.meter, LONGEST_DETAIL)}" if register.meter else "",
        clean(register.name, LONGEST_DETAIL) or f"T{register.zone}",
        words["digits"].format(register.digits) if register.digits else "",
    ]
    text = ", ".join(part for part in parts if part)
    return text if register.last is None else f"{text}: {register.last}"
