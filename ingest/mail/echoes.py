"""
Finds our own answers in what comes back, also where a client has taken the quote marks off.

An answer of ours names an account with a value, or shows how one is written: read as the sender's
words it would be a reading. The words that are looked for are those of the shipped templates; a
test holds the two together. Answers in an operator's own words are told by the receipt in them.
"""

import bisect
import re
from collections.abc import Iterator, Sequence

from ingest.mail.figures import is_telephone, seems_to_hold_account

VALUES = r"(?:[0-9 /,]|день|ночь|day|night|[ТT][1-9]){1,80}"
"""How an answer says the values of one account."""
GREETING = r"(?:Здравствуйте!|Hello,)"
BEGINNING = (
    rf"(?:Показани[ея] (?:{VALUES} )?кВт·ч|Принято: «|Передали (?:ваше сообщение )?специалисту"
    r"|Передали ваше сообщение|Не получилось принять «|Принять (?:показание|ваше сообщение)"
    r"|Ваше сообщение (?:у нас|слишком|очень|принято|передано|по лицевому)"
    r"|Пришла только часть вашего|В вашем сообщении [0-9]"
    r"|Спасибо, ваше сообщение|С этого адреса мы|Это автоматическое"
    r"|Your readings? of (?:[0-9T]|day )|Only part of your message|Accepted: \""
    r"|We (?:have passed|have your message|could not accept"
    r"|already have|do not take)|Your message (?:is|has been|about account)"
    r"|There are [0-9]+ readings in"
    r"|Thank you, we have your message|This is an automatic)"
)
GREETED = re.compile(rf"{GREETING} {BEGINNING}")
UNGREETED = re.compile(BEGINNING)
RECEIPT = r"[0-9A-Z]{4}-[0-9A-Z]{4}"
END = re.compile(
    rf"(?:Код вашего обращения: |Your reference is ){RECEIPT}\.?"
    r"(?: Назовите его, если захотите что-то уточнить\.| Please quote it if you have any "
    r"questions\.)?"
)
STATEMENT = (
    rf"Показани[ея] (?:{VALUES} )?кВт·ч по лицевому счёту [0-9]{{1,20}}"
    r" (?:не )?(?:принят|передан|у нас)[а-яё]*(?: (?:специалисту|за [а-яё]{3,8} [0-9]{4} года))?"
    rf"|(?:reading|readings) of (?:{VALUES} )?kWh for account [0-9]{{1,20}},? "
    r"(?:ha(?:s|ve) been|w(?:as|ere) not|counted)(?: (?:accepted|passed))?"
    r"(?: for [A-Z][a-z]{2,8} [0-9]{4})?"
    r"|Ваше сообщение по лицевому счёту [0-9]{1,20} (?:принято|передано специалисту)"
    r"|Принять ваше сообщение по лицевому счёту [0-9]{1,20} не получилось"
    r"|Your message about account [0-9]{1,20} has been (?:accepted|passed)"
    r"|We could not accept your message about account [0-9]{1,20}"
)
EXAMPLE = r"(?:[Нн]апример|[Ff]or example): (?P<example>[0-9]{12})(?:\*[0-9]{1,18}){1,4};"
SENTENCE = re.compile(f"{STATEMENT}|{EXAMPLE}")
"""What is ours wherever it stands: the rest of the answer may have been cut off."""
EXAMPLE_ACCOUNT = "123456789012"
"""The one in our examples, unless it is the sender's own, which is said elsewhere as well."""
ACCOUNT = re.compile(r"(?<![0-9])[0-9]{12}(?![0-9])")
FRAGMENT = re.compile(r"«[^«»]{0,200}»|\"[^\"]{0,200}\"")
"""Of the sender's words, said back to him."""
HINT = re.compile(rf"{RECEIPT}|кВт·ч|kWh|апример:|xample:")
"""Most mails have none of these, and need not be looked through."""
MARKS = re.compile(r"[\s>|]*")
MARKED = re.compile(r"\s*[>|]")
READING_ALONE = re.compile(r"\s*[0-9]{12} ?\*[0-9* ]{1,40};?\s*")
LEAD = re.compile(rf"(?:{GREETING}|[0-9]{{1,3}}\.|[\s>|])*")
"""What of ours may stand on a line before a sentence of ours."""
CONTACT_ALONE = re.compile(r"[0-9+() -]{5,40}")
ADDRESS_ALONE = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")


class Flat:
    """Lines as one, without quote marks: clients break lines wherever they like."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.starts: list[int] = []
        """Where each line begins in the text."""
        pieces: list[str] = []
        length = 0
        for line in lines:
            self.starts.append(length)
            words = " ".join(MARKS.sub("", line, count=1).split())
            if words:
                pieces.append(words)
                length += len(words) + 1
        self.text = " ".join(pieces)
        self._begin = frozenset(self.starts)

    def find_lines(self, start: int, end: int) -> range:
        """Return the lines that hold the characters from *start* to before *end*."""
        first = bisect.bisect_right(self.starts, start) - 1
        return range(first, bisect.bisect_left(self.starts, end))

    def find_beginnings(self, pattern: re.Pattern[str], start: int, end: int) -> list[int]:
        """Return where *pattern* matches at the beginning of a line."""
        found = (one.start() for one in pattern.finditer(self.text, start, end))
        return [position for position in found if position in self._begin]


def find_echoes(lines: Sequence[str]) -> set[int]:
    """Return the numbers of the lines that come from an answer of ours."""
    echoed: set[int] = set()
    if not any(map(HINT.search, lines)):
        return echoed
    flat = Flat(lines)
    for start, end in find_answers(flat):
        answer = flat.find_lines(start, end)
        echoed.update(answer)
        echoed -= find_insertions(lines, answer)
    for sentence in SENTENCE.finditer(flat.text):
        told = flat.find_lines(*sentence.span())
        if sentence["example"] or len(told) > 1 or is_lead(flat, told[0], sentence.start()):
            echoed.update(told)
    after = max(echoed, default=-1) + 1
    if echoed and after < len(lines) and is_contact(lines[after]):
        echoed.add(after)
    return echoed


def find_answers(flat: Flat) -> Iterator[tuple[int, int]]:
    """Yield from where to where whole answers go, or what is left of their ends."""
    before = 0
    for end in END.finditer(flat.text):
        greeted = flat.find_beginnings(GREETED, before, end.start())
        begun = greeted[-1:] or flat.find_beginnings(UNGREETED, before, end.start())
        yield (begun[0] if begun else end.start()), end.end()
        before = end.end()


def find_insertions(lines: Sequence[str], answer: range) -> set[int]:
    """
    Return the lines that somebody wrote into the midst of an answer, all of which is marked.

    A line without a mark may also be what a client has wrapped; but not behind an empty one.
    """
    if not (MARKED.match(lines[answer[0]]) and MARKED.match(lines[answer[-1]])):
        return set()
    ours = {EXAMPLE_ACCOUNT}
    for number in answer:
        if MARKED.match(lines[number]):
            ours.update(ACCOUNT.findall(lines[number]))
    inserted: set[int] = set()
    for number in answer:
        line = lines[number]
        is_apart = number - 1 in inserted or not lines[number - 1].strip()
        if MARKED.match(line) or not ours.isdisjoint(ACCOUNT.findall(line)):
            continue
        if is_apart or READING_ALONE.fullmatch(line):
            inserted.add(number)
    return inserted


def is_lead(flat: Flat, line: int, position: int) -> bool:
    """Tell whether nothing but ours stands before *position*; else somebody tells of an answer."""
    return bool(LEAD.fullmatch(flat.text, flat.starts[line], position))


def hides_words(text: str) -> bool:
    """Tell whether an account stands in an answer of ours of which that does not speak."""
    if not HINT.search(text):
        return False
    flat = Flat(text.split("\n"))
    said = [one[0] for one in SENTENCE.finditer(flat.text) if not one["example"]]
    said += FRAGMENT.findall(flat.text)
    known = {EXAMPLE_ACCOUNT, *ACCOUNT.findall(" ".join(said))}
    pieces = [flat.text[start:end] for start, end in find_answers(flat)]
    pieces += [one[0] for one in SENTENCE.finditer(flat.text) if one["example"]]
    return any(seems_to_hold_account(take_off_known(piece, known)) for piece in pieces)


def take_off_known(piece: str, known: set[str]) -> str:
    """Return a piece of an answer without what it says of the accounts that are *known*."""
    rest = FRAGMENT.sub(" ", piece)
    rest = SENTENCE.sub(lambda one: one["example"] or " ", rest)
    return ACCOUNT.sub(lambda one: " " if one[0] in known else one[0], rest)


def has_echo(text: str) -> bool:
    """Tell whether *text* holds an answer of ours to its end, marked as a quotation or not."""
    return bool(HINT.search(text)) and END.search(Flat(text.split("\n")).text) is not None


def is_contact(line: str) -> bool:
    """Tell whether a line is what stands at the foot of an answer: a telephone, an address."""
    words = MARKS.sub("", line, count=1).strip()
    if CONTACT_ALONE.fullmatch(words):
        return is_telephone(words)
    return bool(ADDRESS_ALONE.fullmatch(words))


def take_off_echoes(text: str) -> str:
    """Return *text* without our own answers."""
    lines = text.split("\n")
    echoed = find_echoes(lines)
    return "\n".join(line for number, line in enumerate(lines) if number not in echoed)
