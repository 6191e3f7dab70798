"""Tells a partner in plain words what became of a file, as ``key: value`` lines."""

import datetime as dt
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from ingest.channels.dialects.faults import Fault, Problem
from ingest.channels.dialects.results import Tally
from ingest.model import Disposition, Reason

Language = Literal["ru", "en"]


class Summary(Struct, frozen=True, kw_only=True):
    """What is said about one file."""

    file_name: str
    receipt: str
    received_at: dt.datetime
    begun_at: dt.datetime
    ended_at: dt.datetime
    again: bool
    lines: int
    tally: Tally
    sums: Mapping[Disposition, Decimal] = {}
    """Control sums of the lines by what became of them; empty where the dialect has none."""
    problem: str = ""
    """Why the file failed as a whole; empty when it did not."""
    failed_lines: str = ""
    """The name of the file with the lines to correct and send again, or empty."""


WORDS: dict[Language, dict[str, str]] = {
    "ru": {
        "file": "Файл",
        "receipt": "Квитанция",
        "received": "Получен",
        "begun": "Обработка начата",
        "ended": "Обработка завершена",
        "again": "Повтор",
        "again_text": "это содержимое уже обработано раньше; ответ прежний, ничего не изменилось",
        "problem": "Файл не принят",
        "advice": "Что делать",
        "advice_text": "исправьте файл и передайте его целиком; из этого файла ничего не учтено",
        "lines": "Строк в файле",
        "data": "Строк с показаниями",
        "sum": "сумма",
        "accept": "Принято",
        "hold": "Ждёт решения сотрудника",
        "reject": "Отклонено",
        "ignore": "Оставлено без внимания",
        "failed_lines": "Исправить и передать снова",
    },
    "en": {
        "file": "File",
        "receipt": "Receipt",
        "received": "Received",
        "begun": "Processing began",
        "ended": "Processing ended",
        "again": "Repeat",
        "again_text": "this content was processed before; the answer is the same, nothing changed",
        "problem": "The file was not accepted",
        "advice": "What to do",
        "advice_text": "correct the file and send all of it again; nothing in this one counts",
        "lines": "Lines in the file",
        "data": "Lines with readings",
        "sum": "sum",
        "accept": "Accepted",
        "hold": "Waiting for a person's decision",
        "reject": "Rejected",
        "ignore": "Passed over",
        "failed_lines": "To correct and send again",
    },
}

REASONS: dict[Language, dict[Reason, str]] = {
    "ru": {
        Reason.ACCEPTED: "показание принято",
        Reason.CORRECTED: "показание принято вместо переданного ранее за этот период",
        Reason.REPEATED: "такое же показание за этот период уже принято",
        Reason.WINDOW_CLOSED: "передано не в дни приёма показаний",
        Reason.ACCOUNT_MALFORMED: "лицевой счёт должен состоять из 12 цифр",
        Reason.ACCOUNT_UNKNOWN: "такого лицевого счёта нет",
        Reason.ACCOUNT_CLOSED: "лицевой счёт закрыт",
        Reason.READING_MALFORMED: "строку или показание не удалось прочитать",
        Reason.READING_MISSING: "в строке нет показания",
        Reason.TOO_MANY_DIGITS: "в показании больше цифр, чем у счётчика",
        Reason.BELOW_PREVIOUS: "показание меньше предыдущего",
        Reason.IMPLAUSIBLE: "расход неправдоподобно велик",
        Reason.ZONES_MISMATCH: "число показаний не совпадает с числом зон счётчика",
        Reason.METER_AMBIGUOUS: "неясно, к какому счётчику относится показание",
        Reason.DATED_IN_FUTURE: "дата показания ещё не наступила",
        Reason.NOT_RECOGNISED: "строка не учтена, так как не принят весь файл",
        Reason.AUTOMATIC_MAIL: "автоматическое сообщение",
        Reason.SENDER_REFUSED: "от этого отправителя показания не принимаются",
        Reason.TOO_LARGE: "слишком большой объём данных",
        Reason.INCOMPLETE: "пришла только часть данных",
        Reason.FAILED: "не обработано",
    },
    "en": {
        Reason.ACCEPTED: "the reading is accepted",
        Reason.CORRECTED: "the reading replaces an earlier one of this period",
        Reason.REPEATED: "the same reading of this period is already accepted",
        Reason.WINDOW_CLOSED: "sent on a day when readings are not taken",
        Reason.ACCOUNT_MALFORMED: "an account has 12 digits",
        Reason.ACCOUNT_UNKNOWN: "there is no such account",
        Reason.ACCOUNT_CLOSED: "the account is closed",
        Reason.READING_MALFORMED: "the line or the reading cannot be read",
        Reason.READING_MISSING: "the line has no reading",
        Reason.TOO_MANY_DIGITS: "the reading has more digits than the meter",
        Reason.BELOW_PREVIOUS: "the reading is below the previous one",
        Reason.IMPLAUSIBLE: "the consumption is implausibly high",
        Reason.ZONES_MISMATCH: "the number of readings is not the meter's number of zones",
        Reason.METER_AMBIGUOUS: "it is not clear which meter is meant",
        Reason.DATED_IN_FUTURE: "the reading is dated in the future",
        Reason.NOT_RECOGNISED: "the line does not count because the file as a whole was refused",
        Reason.AUTOMATIC_MAIL: "an automatic message",
        Reason.SENDER_REFUSED: "readings are not taken from this sender",
        Reason.TOO_LARGE: "too much data",
        Reason.INCOMPLETE: "only part of the data has come",
        Reason.FAILED: "not processed",
    },
}

FAULTS: dict[Language, dict[Fault, str]] = {
    "ru": {
        Fault.EMPTY: "файл пуст",
        Fault.TOO_LARGE: "файл слишком велик: {found} байт, допускается не более {wanted}",
        Fault.LINE_TOO_LONG: "строка {found} слишком длинная, допускается не более {wanted} байт",
        Fault.NO_TEXT: "найден файл вида {found}, нужен текст в кодировке {wanted}",
        Fault.NO_TABLE: "файл не читается: найдено: {found}; нужно: {wanted}",
        Fault.ENCODING: "найден текст в кодировке {found}, нужен текст в кодировке {wanted}",
        Fault.COLUMNS: (
            "в строке заголовка нет нужных столбцов или они повторяются: "
            'найдено "{found}", нужно "{wanted}"'
        ),
        Fault.TRAILER_MISSING: (
            'нет итоговой строки: последняя строка данных "{found}", нужна строка вида "{wanted}"'
        ),
        Fault.TRAILER_NOT_LAST: 'после итоговой строки "{wanted}" найдена строка "{found}"',
        Fault.CONTROL_MISSING: 'нет строки с контрольными числами вида "{wanted}"',
        Fault.RECEIPT: (
            'нет квитанции об этом файле, или она не читается: найдено "{found}", нужно "{wanted}"'
        ),
        Fault.COUNT: "не сходится число строк: в файле {found}, по контрольным числам {wanted}",
        Fault.SUM: "не сходится сумма: в файле {found}, по контрольным числам {wanted}",
        Fault.CHECKSUM: "не сходится контрольная сумма: у файла {found}, рядом с ним {wanted}",
        Fault.STOPPED: ("слишком много строк с ошибками, и сотрудник решил файл не принимать"),
        Fault.CHANGED: "файл изменился, пока его читали",
    },
    "en": {
        Fault.EMPTY: "the file is empty",
        Fault.TOO_LARGE: "the file is too large: found {found} bytes, at most {wanted} are taken",
        Fault.LINE_TOO_LONG: "line {found} is too long, at most {wanted} bytes are taken",
        Fault.NO_TEXT: "found a file of the kind {found}, wanted text in {wanted}",
        Fault.NO_TABLE: "the file cannot be read: found {found}, wanted {wanted}",
        Fault.ENCODING: "found text in {found}, wanted text in {wanted}",
        Fault.COLUMNS: (
            'the header line lacks columns or names them twice: found "{found}", wanted "{wanted}"'
        ),
        Fault.TRAILER_MISSING: (
            'there is no trailer: the last data line is "{found}", wanted a line like "{wanted}"'
        ),
        Fault.TRAILER_NOT_LAST: 'after the trailer "{wanted}" found the line "{found}"',
        Fault.CONTROL_MISSING: 'there is no line with control figures like "{wanted}"',
        Fault.RECEIPT: (
            'no companion speaks of this file, or it cannot be read: found "{found}", '
            'wanted "{wanted}"'
        ),
        Fault.COUNT: "the number of lines differs: found {found}, control figures say {wanted}",
        Fault.SUM: "the sum differs: found {found}, control figures say {wanted}",
        Fault.CHECKSUM: "the checksum differs: found {found}, the file beside it says {wanted}",
        Fault.STOPPED: ("there are too many bad lines, and a person decided against the file"),
        Fault.CHANGED: "the file changed while it was read",
    },
}


def describe_problem(problem: Problem, language: Language) -> str:
    """Say what is wrong with a file: what was found, what was wanted."""
    return FAULTS[language][problem.fault].format(found=problem.found, wanted=problem.wanted)


def render_summary(summary: Summary, language: Language) -> str:
    """Return the text of a summary file."""
    words = WORDS[language]
    lines = [f"{words.get(key, key)}: {value}" for key, value in list_facts(summary, words)]
    lines += [
        f"  {reason} ({REASONS[language][reason]}): {count}"
        for (_, reason), count in sorted(summary.tally.items())
    ]
    return "".join(f"{line}\n" for line in lines)


def list_facts(summary: Summary, words: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what is said about the file as a whole: which word, and the value."""
    yield "file", summary.file_name
    yield "receipt", summary.receipt
    for key in ("received", "begun", "ended"):
        yield key, getattr(summary, f"{key}_at").isoformat(" ", "seconds")
    if summary.again:
        yield "again", words["again_text"]
    if summary.problem:
        yield "problem", summary.problem
        yield "advice", words["advice_text"]
    yield from list_counts(summary, words)
    if summary.failed_lines:
        yield "failed_lines", summary.failed_lines


def list_counts(summary: Summary, words: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield how many lines there were, and what became of them."""
    if summary.lines:
        yield "lines", str(summary.lines)
    if summary.tally:
        sums = summary.sums.values()
        total = sum(sums, Decimal(0)) if sums else None
        yield "data", count_and_sum(summary.tally.total(), total, words)
    for disposition in Disposition:
        if count := count_lines(summary.tally, disposition):
            yield disposition, count_and_sum(count, summary.sums.get(disposition), words)


def count_and_sum(count: int, total: Decimal | None, words: dict[str, str]) -> str:
    """Return how many lines, and what their control sum is where there is one."""
    return str(count) if total is None else f"{count} ({words['sum']} {total:f})"


def count_lines(tally: Tally, disposition: Disposition) -> int:
    """Count the lines with one disposition."""
    return sum(count for (found, _), count in tally.items() if found is disposition)
