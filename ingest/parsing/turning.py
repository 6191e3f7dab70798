r"""
What the rest of a message says about its readings: that they are wrong, old or somebody else's.

Rule 1. A word that may take a reading back («не», «ошибся», «отмените», «вместо», «чужой») puts
all readings of the message before a person, wherever it stands. «Не» does so unless what follows
is known to say nothing of readings: nobody can list what may follow it in earnest.
Rule 2. A line that speaks of earlier figures does so too, unless it explains a number of its own,
or is the title or the columns of what stands below it, as ``headings.py`` reads them.
Rule 3. A number elsewhere with as many digits as a value may be meant in its place.
Rule 4. Zones named elsewhere with the night first put values without names before a person.

Every pattern is bounded, so that a search takes time in proportion to the text.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import zip_longest

from ingest.parsing.drafts import MOST_DIGITS, Draft
from ingest.parsing.headings import find_rank
from ingest.parsing.tokens import NUMERIC, Kind, Line, Mark
from ingest.parsing.words import TURNING

TURN = re.compile(
    r"""
    \b(?:не(?![^\W0-9])|ne\b|not\b) | n['"]t\b
    | \bне(?:верн|прав|точн|коррект|достовер|действ|актуал|приним|учит|счита|засчит)\w*
    | (?:^[ ]{0,3}|[.!?;,][ ]{1,2})(?:а[ ])?нет\b(?![ ]ли\b)
    | \b(?:ой|упс|стоп|нельзя|наоборот|местами)\b
    | \b(?:отмен|аннул|игнор|проигнор|отозв|отозов|отзыва|вычерк|выкин|отклон|подожд)\w*
    | \b(?:удал(?:и|ите|ить|яйте|ены|ено)|убер(?:и|ите|у)|убрать|сотр(?:и|ите)|стереть)\b
    | \b(?:забудьте|погоди|погодите|передума\w*|переду[мк]\w*)\b
    | \b(?:ошиб|опечат|описк|напута|перепута|спута|попута|промахн|лишн|цифр|фальш)\w*
    | \bописал(?:ся|ась)\b | \bсомне[вн]\w* | \b(?:на)?пример\w* | \bприблиз\w*
    | \b(?:наугад|кажется|вроде|наверное?|тест\w{0,12}|пробн\w*|проверка[ ]связи)\b
    | \b(?:вод[аыуе]|хвс|гвс|газа?|отоплени[ея])\b | \bснят(?:ый|ого|ому)?\b | \bснимите\b
    | \b(?:при|момент)\s{1,3}(?:установк|замен|снят)\w* | \b(?:прибав|добавь|отним|вычт)\w*
    | \b(?:плюс|минус|вместо|взамен|точнее|вернее)\b | \b(?:замен|поменя|перенес|перекин|чуж)\w*
    | \bисправ(?!н|ен\b|ленн)\w* | \bпоправ(?:ь|ьте|ить|ка)\b | \bизмени(?:те|ть)\b
    | \b(?:скоррект|откоррект|корректиров|передел|перепи[сш])\w*
    | \bдруг(?:ой|ого|ому|ом|ая|ую|ое)\s{1,3}(?:лиц|сч|адр|кв|дом|мес|абон|показ|приб)\w*
    | \b(?:wrong|incorrect|cancel|ignor|disregard|mistake|error|instead|delete|example)\w*
    | \b(?:oshib|otmen|vmesto|isprav(?:it|te)|nepra|nevern)\w*
    | [❌🚫⛔👎❓❔]
    """,
    re.VERBOSE | re.MULTILINE,
)
"""What may take a reading back, or give another in its place."""

FEW = r"(?:\s{1,3}\w{1,20}){0,3}\s{1,3}"
"""Up to three words between two others."""
EXCUSED = re.compile(
    rf"""
    (?:://|@|\bwww\.)\S{{0,200}}
    | \bесли\s[^.!?0-9]{{0,60}}\b(?:не\s{{1,3}}явля
        |(?:получ|попал)[^.!?0-9]{{0,60}}ошиб|ошиб\w{{0,5}}\s{{1,3}}(?:получ|попал))
        [^.!?0-9]{{0,200}}
    | \bесли\s[^.!?0-9]{{0,60}}\b(?:перезвон|позвон|сообщи|свяж|напиши|ответ)\w*
    | \b(?:сообщи|напиши|перезвон|позвон|подтверд)\w{{0,6}},?\sесли\s[^.!?0-9]{{0,60}}
    | \bif\syou\s(?:are\snot|have\sreceived|received)[^.!?0-9]{{0,200}}
    | \bне\s{{1,3}}(?:мог|мож|смог|уда)\w{{0,6}}{FEW}
        (?:дозвон|войти|зайти|попасть|переда|отправ|подать|внести|оплат|зарег|автор|связат)\w*
    | \b(?:дозвон|войти|зайти|попасть|переда|отправ|оплат|зарег|автор|связат)\w{{0,12}}{FEW}не
        \s{{1,3}}(?:мог|мож|смог|уда|получ)\w*
    | \bне\s{{1,3}}(?:
        (?:получ|приход|приш|поступ|дош|присла|присыла|работа|отве[чт]|откры|загру|груз|доступ
          |явля|содерж|предназнач|допуск|разреша|подлеж|гарантир|успе|прожив|польз|дозвон
          |затрудн|отключ|звон|беспок|бер[уе]т|измени(?!те)|менял|оплат|оплач|плати)\w*
        |(?:нес(?:ет|ут)|живу|живет|живем|живут|забудьте|забывайте|смотря|только|откажите
          |трудно|сложно|против|за\sчто|мог(?:ли|ла)?\sбы)\b
        |(?:поз(?:же|днее)|более|менее|ранее|раньше)\b(?!\s{{0,3}}[0-9])
        |было\s{{1,3}}(?:дома|времени|возможности|света|связи|интернета|меня|нас|электр)\w*
        |(?:надо|нужно)\s{{1,3}}(?:отвеч|перезван|звон)\w*)
    | \b(?:отвеч|перезван|звон)\w{{0,8}}{FEW}не\s{{1,3}}(?:надо|нужно)\b
    | \bошибк\w{{0,3}}{FEW}(?:сайт|кабинет|приложени|портал|вход|сервер|госуслуг|терминал)\w*
    | \b(?:сайт|кабинет|приложени|портал|сервер|терминал)\w{{0,4}}{FEW}ошибк\w*
    | \bцифр\w{{0,3}}\sпосле\sзапят\w*
    """,
    re.VERBOSE,
)
"""What is harmless though words of ``TURN`` stand in it: complaints, thanks, notices of lawyers."""

ANNOUNCED = re.compile(
    r"""
    \b(?:ошиб(?:ся|лась|лись|ка)|опечатка|описка)(?:\s\w{1,20})?\sво?\s{1,3}
        (?:прошл|предыдущ|вчерашн|утренн|прежн)\w{1,6}\s{1,3}
        (?:письм|сообщени|смс|sms|раз|показани)\w*
    | \b(?:ошиб(?:ся|лась|лись|ка)|опечатка|описка)[ ,.!:;-]{1,3}
        (?:верн|правильн)\w{1,4}(?:[ ](?:так|показания?|будет))?:
    | \bисправ(?:ьте|ить)(?:\s\w{1,20}){0,2}\sна:
    | \bисправл(?:яю|яем|ение|ено|ены)\b(?:\s(?:свою\s)?(?:ошибк|опечатк|описк)[ау]\b)?
    """,
    re.VERBOSE,
)
"""What, above the first reading, says that an earlier message was wrong and this one is right."""

EARLIER = TURNING - {"было", "начало"}
"""What needs no title; «не было дома» says nothing."""
NO_FIGURES = re.compile("долг|задолж|оплат|оплач|квитанц|перерасч|письм|сообщени")
"""Earlier debts, bills and letters are no earlier readings."""
EXPLAINED = re.compile(
    r"\b(?:договор|контракт|заявк|заявлени|обращени|участ|приказ|индекс|исх|вх|тп|доб|внутр|оп)"
    r"[а-я]{0,6}(?:[ ][а-я]{1,20}[ ]?№)?[ .:№]{0,4}\Z"
)
"""What says that a number behind it is no value."""
LINK = re.compile(r"(?:://|@|www\.)[^ ]{0,80}\Z")
LONGEST_EXPLANATION = 90
MEASURED = re.compile(
    r"[ ]{0,2}(?:руб|р\.|р\b|коп|₽|%|км\b|лет\b|чел|минут|\.(?:jpe?g|png|heic|pdf|docx?|xlsx?)\b)"
)
"""What says that a number in front of it is no value."""
IN_PLACE = re.compile(r"(?:\b(?:на|или|а|надо|нужно|стало|верно|правильно|будет)|->|→)[ :]{0,3}\Z")
"""A number behind one of these may be meant in the place of another."""
LONGEST_LEAD = 14
FEWEST_DIGITS = 3
"""Of a number that may be meant in the place of a value with one digit more or less."""
MORE_DIGITS = re.compile("[ -][0-9]")
GROUP = 3
"""Digits between the spaces of a long number."""
UNKNOWN = frozenset({Kind.UNKNOWN_WORD, Kind.UNKNOWN_SIGN, Kind.ODD})
"""Every word of ``TURN`` is one of these."""
NO_DIGIT = re.compile("[^0-9]")


def doubt_turned(plain: str, lines: Sequence[Line], drafts: Sequence[Draft]) -> None:
    """Put those of *drafts* before a person whose meaning the rest of the message may turn."""
    taken = {number for draft in drafts for number in draft.spans}
    beside = [line for line in lines if line.marks and line.number not in taken]
    if is_turned(plain, lines, lines[min(taken)].start) or tells_of_earlier(plain, beside, drafts):
        for draft in drafts:
            draft.is_doubtful = True
        return
    doubt_replaced(plain, beside, drafts)
    if any(map(names_night_first, beside)):
        for draft in drafts:
            draft.is_doubtful |= draft.count > 1 and not draft.names_zones


def doubt_repeated(drafts: Sequence[Draft]) -> None:
    """Put a reading before a person where another of its account waits there with other values."""
    doubted: dict[str, set[tuple[str, ...]]] = {}
    for draft in drafts:
        if draft.is_doubtful and not draft.is_waiting:
            doubted.setdefault(draft.account, set()).add(tuple(draft.list_digits()))
    for draft in drafts:
        others = doubted.get(draft.account, set())
        draft.is_doubtful |= len(others) > int(tuple(draft.list_digits()) in others)


def is_turned(plain: str, lines: Iterable[Line], first: int) -> bool:
    """Tell whether a word takes the readings back, of which the first begins at *first*."""
    if not any(mark.kind in UNKNOWN for line in lines for mark in line.marks):
        return False
    above = ANNOUNCED.sub(" ", EXCUSED.sub(" ", plain[:first]))
    return bool(TURN.search(above) or TURN.search(EXCUSED.sub(" ", plain[first:])))


def tells_of_earlier(plain: str, beside: Iterable[Line], drafts: Sequence[Draft]) -> bool:
    """Tell whether a line says that the readings may be earlier ones, or consumption."""
    headings = {draft.heading for draft in drafts}
    titles = {number for heading in headings for number in heading.list_titles()}
    values = {int(digits) for draft in drafts for digits in draft.list_digits()}
    return any(
        line.number not in titles
        and any(mark.text in EARLIER for mark in line.marks)
        and not explains_itself(line, values)
        and not NO_FIGURES.search(plain, line.start, line.end)
        for line in beside
    )


def explains_itself(line: Line, values: AbstractSet[int]) -> bool:
    """Tell whether a line has numbers of its own, and none of *values*."""
    numbers = [int(digits) for mark in line.marks if (digits := find_digits(mark))]
    return bool(numbers) and values.isdisjoint(numbers)


def doubt_replaced(plain: str, beside: Iterable[Line], drafts: Sequence[Draft]) -> None:
    """Put a draft before a person where a number beside it may be meant in its place."""
    values = {int(digits) for draft in drafts for digits in draft.list_digits()}
    sizes = index_sizes(drafts)
    rivals = (rival for line in beside for rival in list_rivals(plain, line))
    for digits, is_in_place in rivals:
        if int(digits) in values:
            continue
        for size in list_sizes(digits, reach=int(is_in_place)):
            for draft in sizes.pop(size, ()):
                draft.is_doubtful = True


def index_sizes(drafts: Iterable[Draft]) -> dict[int, list[Draft]]:
    """Return which drafts have a value of how many digits."""
    sizes: dict[int, list[Draft]] = {}
    for draft in drafts:
        for size in {size for digits in draft.list_digits() for size in list_sizes(digits)}:
            sizes.setdefault(size, []).append(draft)
    return sizes


def list_sizes(digits: str, reach: int = 0) -> set[int]:
    """Return how many digits a number has, with leading zeros and without, and *reach* besides."""
    sizes = {len(digits), len(digits.lstrip("0")) or 1}
    return {size + step for size in sizes for step in range(-reach, reach + 1)}


def list_rivals(plain: str, line: Line) -> Iterator[tuple[str, bool]]:
    """Yield the digits of numbers that may be values, and whether a word says «in the place of»."""
    numbers = [mark for mark in line.marks if find_digits(mark)]
    if len(numbers) == 1 and any(mark.text in TURNING for mark in line.marks):
        # «Было 5400» says itself what it is.
        return
    for mark, following in zip_longest(numbers, numbers[1:]):
        if is_explained(plain, line, mark):
            continue
        digits = find_digits(mark)
        lead = plain[max(line.start, mark.start - LONGEST_LEAD) : mark.start]
        is_in_place = len(digits) >= FEWEST_DIGITS and bool(IN_PLACE.search(lead))
        yield digits, is_in_place
        if following is not None and is_group(plain, mark, following):
            yield digits + following.text, is_in_place


def find_digits(mark: Mark) -> str:
    """Return the whole part of a number; empty for other marks and for endless numbers."""
    if mark.kind not in NUMERIC or len(mark.text) > MOST_DIGITS:
        return ""
    return NO_DIGIT.sub("0", re.split("[.,]", mark.text)[0])


def is_explained(plain: str, line: Line, mark: Mark) -> bool:
    """Tell whether what stands beside a number says that it is no value."""
    before = plain[max(line.start, mark.start - LONGEST_EXPLANATION) : mark.start]
    is_announced = EXPLAINED.search(before) or LINK.search(before)
    return bool(is_announced or MEASURED.match(plain, mark.end, line.end))


def is_group(plain: str, mark: Mark, following: Mark) -> bool:
    """Tell whether two numbers may be one with a space between its thousands; not a telephone's."""
    is_apart = plain[mark.end : following.start] == " " and len(mark.text) <= GROUP
    is_last = not MORE_DIGITS.match(plain, following.end)
    return is_apart and is_last and len(following.text) == GROUP and following.text.isdecimal()


def names_night_first(line: Line) -> bool:
    """Tell whether the zones that a line names are in another order than values stand in."""
    ranks = [find_rank(mark) for mark in line.marks if mark.kind is Kind.ZONE]
    return bool(ranks) and ranks[0] != 1
