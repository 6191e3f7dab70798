r"""
Cuts a message into marks: numbers, words with a known meaning, and whatever is unknown.

Normalising replaces character for character, so that every mark knows where it stood in the
message. Only ASCII digits are digits: ``\d`` and ``isdigit`` would let in eleven other alphabets.
"""

import datetime as dt
import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple

from msgspec import Struct

from ingest.parsing.words import (
    ACCOUNT_LABELS,
    GIVEN_NAMES,
    HARMLESS,
    MONTHS,
    PATRONYMIC_ENDINGS,
    PREPOSITIONS,
    STREETS,
    SURNAME_ENDINGS,
    VALUE_LABELS,
    ZONES,
)


class Kind(Enum):
    """What a mark is, as far as can be told without its neighbours."""

    NUMBER = auto()
    """ASCII digits; an account's zeros may have been written as the letter О."""
    DECIMAL = auto()
    ODD = auto()
    """Digits and letters in one word."""
    DATE = auto()
    ZONE = auto()
    END = auto()
    ACCOUNT_LABEL = auto()
    VALUE_LABEL = auto()
    UNIT = auto()
    NUMERO = auto()
    LIST_NUMBER = auto()
    PREPOSITION = auto()
    ASIDE = auto()
    """A number with a label that says it is no value: of a flat, of a telephone."""
    WORD = auto()
    """Says nothing about any number."""
    ORNAMENT = auto()
    """A friendly picture at the end of a line."""
    UNKNOWN_WORD = auto()
    UNKNOWN_SIGN = auto()
    CROSS = auto()
    """The letter x, which between numbers stands for the asterisk."""
    ACCOUNT = auto()
    """Decided with the neighbours: a whole account."""
    ODD_ACCOUNT = auto()
    """Decided with the neighbours: meant as an account, and is none."""


NUMERIC = frozenset({Kind.NUMBER, Kind.DECIMAL, Kind.ODD})
MIXABLE = NUMERIC | {Kind.UNKNOWN_WORD}


class Mark(NamedTuple):
    """A stretch of the normalised text that means something, or that is unknown."""

    kind: Kind
    text: str
    start: int
    end: int


class Line(Struct):
    """The marks between two line ends."""

    number: int
    start: int
    end: int
    marks: list[Mark]


class Normal(Struct, frozen=True):
    """A message with its lookalikes replaced."""

    source: str
    cased: str
    """Normalised, with capitals."""
    plain: str
    """Normalised, in small letters; as long as ``cased``."""
    offsets: tuple[int, ...] = ()
    """Where each character stood in ``source``; empty when nothing was taken out."""

    def cut(self, start: int, end: int) -> str:
        """Return what the sender wrote between two places of the normalised text."""
        if start >= end:
            return ""
        if not self.offsets:
            return self.source[start:end]
        return self.source[self.offsets[start] : self.offsets[end - 1] + 1]


def span(first: int, last: int) -> range:
    """Return the code points from *first* to *last*."""
    return range(first, last + 1)


ALIKE = {
    **{0xFF00 + code: chr(0x20 + code) for code in span(0x01, 0x5E)},
    **dict.fromkeys([0x00, 0x09, 0x1F, 0xA0, 0x1680, 0x202F, 0x205F, 0x3000], " "),
    **dict.fromkeys(span(0x2000, 0x200A), " "),
    **dict.fromkeys([0x0B, 0x0C, 0x1C, 0x1D, 0x1E, 0x85, 0x2028, 0x2029], "\n"),
    **dict.fromkeys(map(ord, "×∗⁎✱✲✳⨯٭﹡"), "*"),
    **dict.fromkeys([*span(0x2010, 0x2015), 0x2212, 0xFE58, 0xFE63], "-"),
    **dict.fromkeys(map(ord, "«»„“”‟‘’‚`´"), '"'),
    **dict.fromkeys(map(ord, "•⋅∙‧"), "·"),
    **dict.fromkeys(map(ord, "\u037e\ufe54"), ";"),
    **dict.fromkeys(map(ord, "⁄∕"), "/"),
    **dict.fromkeys(map(ord, "∶﹕"), ":"),
    **dict.fromkeys(map(ord, "﹐、"), ","),
    **dict.fromkeys(map(ord, "﹟"), "#"),
    ord("…"): ".",
    ord("Ё"): "Е",
    ord("ё"): "е",
    # The only letter whose small form is longer than itself.
    ord("İ"): "I",
}
"""One character for one: what looks or works alike."""

INVISIBLE = re.compile("[\u00ad\u034f\u180e\u200b-\u200e\u202a\u202c\u2060-\u2064\u2066\u2068\u2069\ufe0e\ufe0f\ufeff]")  # fmt: skip  # noqa: E501
"""Characters without width or meaning. Those that turn the direction round are not among them."""

HARMLESS_SIGNS = frozenset(" .,:!()[]\"'-/*#=·_|\\")
"""They separate; alone they say nothing."""

SEPARATORS = HARMLESS_SIGNS | {";", "\r", "\n"}
"""A text of these alone says nothing."""

ORNAMENTS = "🙂😊😀😃😄😁😉🤗☺👍👌🙏🤝🌹💐🌷🌸🌺🌞☀❤💚💙⚡💡🔌🏠"
"""Pictures that agree or thank; others may refuse or ask."""

LETTER = r"[^\W0-9_]"
NOT_IN_WORD = r"(?![^\W_])"
MONTH = "|".join(MONTHS)
ANY_MONTH = (
    "январ[ьяе]|феврал[ьяе]|март[ае]?|апрел[ьяе]|ма[йяе]|июн[ьяе]|июл[ьяе]|август[ае]?|"
    "сентябр[ьяе]|октябр[ьяе]|ноябр[ьяе]|декабр[ьяе]"
)
YEAR_WORD = rf"(?:[ ]?(?:года|году|год|г){NOT_IN_WORD}\.?)"
TIME = r"(?:,?[ ]{1,2}(?:в[ ])?[0-2]?[0-9]:[0-5][0-9](?::[0-5][0-9])?(?![0-9:]))"
TELEPHONE = (
    r"(?:\(?[0-9]{3}\)?[ -]?[0-9]{3}|\(?[0-9]{4}\)?[ -]?[0-9]{2})"
    r"[ -]?[0-9]{2}[ -]?[0-9]{2}(?![0-9])"
)
LOCAL_TELEPHONE = (
    r"(?:9[0-9]{9}|(?:[0-9]-)?[0-9]{2,3}-[0-9]{2}-[0-9]{2}|[0-9]{6,7})(?![0-9])(?!-[0-9])"
)

TOKENS = re.compile(
    rf"""
      (?P<newline>\r\n|[\r\n])
    | (?P<blank>[ ]++)
    | (?P<end>;)
    | (?P<list_number>(?<![^\r\n])[0-9]{{1,2}}[.)](?=[ ]|[0-9]{{12}}(?![0-9]))
        | (?:(?<=;)|(?<=;[ ]))[0-9]{{1,2}}[.)](?=[ ]?[0-9]{{12}}(?![0-9])))
    | (?P<date>(?:[0-9]{{1,2}}\.[0-9]{{1,2}}\.[0-9]{{4}}(?![0-9])(?!\.[0-9]){YEAR_WORD}?
        | [0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}(?![0-9])(?!-[0-9])){TIME}?)
    | (?P<day>[0-9]{{1,2}}[ ]{{0,2}}(?:{MONTH}){NOT_IN_WORD}
        (?:[ ]{{1,2}}20[0-9]{{2}}(?![0-9]){YEAR_WORD}?)?{TIME}?)
    | (?P<period>(?:{ANY_MONTH})[ ]{{1,2}}20[0-9]{{2}}(?![0-9])(?![.,][0-9]){YEAR_WORD}?
        | 20[0-9]{{2}}[ ]?(?:года|году|год|г){NOT_IN_WORD}\.?
        | за[ ]{{1,2}}(?:0?[1-9]|1[0-2])[./]20[0-9]{{2}}(?![0-9])(?![.,/][0-9]))
    | (?P<uncertain_date>[0-9]{{1,2}}(?:\.[0-9]{{1,2}}\.[0-9]{{2}}|/[0-9]{{1,2}}/(?:20)?[0-9]{{2}}
        |-[0-9]{{1,2}}-20[0-9]{{2}})(?![0-9])(?![./-][0-9]))
    | (?P<short_day>(?<=\b(?:на|за|от)[ ])(?:0?[1-9]|[12][0-9]|3[01])\.(?:0[1-9]|1[0-2])
        (?![0-9])(?!\.[0-9])(?![ ]*[*#]))
    | (?P<decimal>[0-9]{{1,9}}+[.,][0-9]{{1,3}}(?![0-9])(?![.,][0-9]))
    | (?P<lookalike>[0-9oо]{{10,14}}+(?![0-9]|(?![xх]){LETTER}))
    | (?P<number>[0-9]++)
    | (?P<telephone>(?:(?:тел|телефон|моб|сот|мобильный|сотовый|tel|phone)\.?
            [ ]{{0,2}}:?[ ]{{0,2}}(?:(?:\+?7|8)[ -]?{TELEPHONE}|{LOCAL_TELEPHONE})
        | \+7[ -]?{TELEPHONE}))
    | (?P<address>(?:дом|д|кв|квартира|корп|корпус|стр|оф|офис|подъезд|этаж|комн|комната)
        \.?[ ]{{0,2}}№?[ ]{{0,2}}[0-9]{{1,3}}(?:/[0-9]{{1,3}}|[а-г])?{NOT_IN_WORD}
        (?![.,][0-9])(?![ ]{{0,2}}[*#]))
    | (?P<taxpayer>инн[ ]{{0,2}}:?[ ]{{0,2}}[0-9]{{10}}(?:[0-9]{{2}})?(?![0-9]))
    | (?P<meter>(?:счетчик[а-я]{{0,3}}|прибор[а-я]{{0,3}}|пу|ипу|зав|заводской)\.?
        (?:[ ]учета)?[ ]{{0,2}}(?:зав\.?|заводской)?[ ]{{0,2}}(?:№|номер)[ ]{{0,2}}:?[ ]{{0,2}}
        [0-9]{{5,16}}{NOT_IN_WORD}(?![.,][0-9]))
    | (?P<account_label>л[ ]?[/\\.-][ ]?[сc](?!{LETTER})\.?)
    | (?P<value_label>п\.[ ]?(?=[0-9]{{3,9}}(?![0-9])))
    | (?P<unit>(?:[кk][вvbw][тt](?:[ ]?[·*/.-]?[ ]?[чh])?|kwh|кв[ ]?[·*/.-][ ]?ч)
        (?!{LETTER})|киловатт(?:-?час[а-я]{{0,2}}|ами|а)?(?!{LETTER}))
    | (?P<zone>(?:[тt]-?|(?:тариф|зона)[ ]?)[123]{NOT_IN_WORD})
    | (?P<cross>[xх](?=[ ]*+[0-9]))
    | (?P<word>{LETTER}++)
    | (?P<numero>№)
    | (?P<ornament>[{ORNAMENTS}][{ORNAMENTS}🏻-🏿 ]{{0,12}}+(?![^\r\n]))
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)

KINDS = {
    "list_number": Kind.LIST_NUMBER,
    "uncertain_date": Kind.UNKNOWN_WORD,
    "day": Kind.WORD,
    "period": Kind.WORD,
    "telephone": Kind.ASIDE,
    "address": Kind.ASIDE,
    "taxpayer": Kind.ASIDE,
    "meter": Kind.ASIDE,
    "cross": Kind.CROSS,
    "date": Kind.DATE,
    "decimal": Kind.DECIMAL,
    "number": Kind.NUMBER,
    "end": Kind.END,
    "account_label": Kind.ACCOUNT_LABEL,
    "value_label": Kind.VALUE_LABEL,
    "short_day": Kind.WORD,
    "ornament": Kind.ORNAMENT,
    "unit": Kind.UNIT,
    "zone": Kind.ZONE,
    "numero": Kind.NUMERO,
}
"""What the tokens are that need no second look."""

WORD_KINDS: dict[str, Kind] = {
    **dict.fromkeys(HARMLESS, Kind.WORD),
    **dict.fromkeys(PREPOSITIONS, Kind.PREPOSITION),
    **dict.fromkeys(ACCOUNT_LABELS, Kind.ACCOUNT_LABEL),
    **dict.fromkeys(VALUE_LABELS, Kind.VALUE_LABEL),
    **dict.fromkeys(ZONES, Kind.ZONE),
}

NAME_PART = re.compile(
    r"[ ]{0,2}(?:([А-ЯA-Z][а-яa-z]{1,30}(?:-[А-Я][а-я]{1,30})?)(?![^\W_])|[А-ЯA-Z]\.)"
)
"""A capitalised word (group 1), or an initial."""
STREET = re.compile(
    r"\.?[ ]{0,2}[А-Я][а-я]{1,20}(?:[ -][А-Я][а-я]{1,20}){0,2},?[ ]{0,2}"
    r"(?:[дД]|[дД]ом)\.?[ ]{0,2}[0-9]{1,3}(?:/[0-9]{1,3}|[А-Га-г])?(?![^\W_])(?![.,][0-9])"
)
"""Without «д.» the number of a house might be a value."""
MOST_NAME_PARTS = 4
FEWEST_LOOKALIKES = 10
FEWEST_ACCOUNT_DIGITS = 6
"""Fewer digits among letters О are no account."""
LONGEST_TEXT = 40
"""How much of a word is kept; none that is known is longer, and a megabyte would be copied."""
GREETING = re.compile(r"(?:добрый|доброго|хорошего|доброй|сегодняшний)[ ]\Z")
"""What makes «день» or «ночи» no zone."""
LONGEST_GREETING = 12
DIGITS = "0123456789"
ZEROS = {ord("o"): "0", ord("о"): "0"}
YEAR = re.compile(r"20[0-9]{2}")
ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
DOTTED_DATE = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
SPELT_DATE = re.compile(rf"([0-9]{{1,2}})[ ]{{0,2}}({MONTH})[ ]{{1,2}}(20[0-9]{{2}})")


def normalise(text: str) -> Normal:
    """Replace what looks alike, take out what cannot be seen."""
    offsets: tuple[int, ...] = ()
    visible = text
    if not text.isascii() and INVISIBLE.search(text):
        visible = INVISIBLE.sub("", text)
        offsets = find_offsets(text)
    cased = visible.translate(ALIKE)
    return Normal(text, cased, cased.lower(), offsets)


def find_offsets(text: str) -> tuple[int, ...]:
    """Return where the visible characters of *text* stand."""
    invisible = {match.start() for match in INVISIBLE.finditer(text)}
    return tuple(place for place in range(len(text)) if place not in invisible)


def read_lines(normal: Normal) -> Iterator[Line]:
    """Cut the text into lines of marks."""
    line = Line(0, 0, 0, [])
    named_until = 0
    for match in TOKENS.finditer(normal.plain):
        if match.lastgroup == "newline":
            line.end = match.start()
            yield line
            line = Line(line.number + 1, match.end(), match.end(), [])
        elif match.start() >= named_until and (mark := build_mark(match, normal)):
            named_until = mark.end
            append(line.marks, mark)
    line.end = len(normal.plain)
    yield line


def build_mark(match: re.Match[str], normal: Normal) -> Mark | None:
    """Return the mark of a token; None when it only separates."""
    group, text = match.lastgroup or "", match.group()
    if group == "blank" or (group == "sign" and text in HARMLESS_SIGNS):
        return None
    if group == "word":
        return build_word(text, match.start(), normal)
    if group == "lookalike":
        return build_lookalike(text, match.start())
    return Mark(find_kind(group, text), text, *match.span())


def find_kind(group: str, text: str) -> Kind:
    """Return the kind of a group other than a word."""
    if group == "day" and YEAR.search(text):
        return Kind.DATE
    return KINDS.get(group, Kind.UNKNOWN_SIGN)


def build_lookalike(text: str, start: int) -> Mark:
    """Return the mark of digits among which a letter О may stand for zero."""
    end = start + len(text)
    if sum(map(text.count, DIGITS)) < FEWEST_ACCOUNT_DIGITS:
        return Mark(Kind.ODD, text, start, end)
    return Mark(Kind.NUMBER, text.translate(ZEROS), start, end)


def build_word(text: str, start: int, normal: Normal) -> Mark:
    """Return the mark of a word; a person's name is taken whole."""
    end = start + len(text)
    kind = WORD_KINDS.get(text)
    if kind is Kind.ZONE and GREETING.search(normal.plain, max(0, start - LONGEST_GREETING), start):
        kind = Kind.WORD
    if kind is None:
        named = find_street_end(text, start, normal) or find_name_end(normal.cased, start)
        kind, end = (Kind.WORD, named) if named else (Kind.UNKNOWN_WORD, end)
    return Mark(kind, text[:LONGEST_TEXT], start, end)


def find_street_end(text: str, start: int, normal: Normal) -> int:
    """Return where a street with the number of a house ends; 0 when it is none."""
    match = STREET.match(normal.cased, start + len(text)) if text in STREETS else None
    return match.end() if match else 0


def find_name_end(cased: str, start: int) -> int:
    """Return where the name of a person that starts at *start* ends; 0 when it is no name."""
    end, is_certain = start, False
    for _ in range(MOST_NAME_PARTS):
        part = NAME_PART.match(cased, end)
        if part is None or (part[1] or "").lower() in WORD_KINDS:
            break
        certainty = judge_name_part(part[1])
        if certainty is None:
            return 0
        end, is_certain = part.end(), is_certain or certainty
    return end if is_certain else 0


def judge_name_part(part: str | None) -> bool | None:
    """Tell whether a part makes a name certain, only fits into one (False), or does not (None)."""
    if part is None:
        return True
    word = part.lower()
    if word in GIVEN_NAMES or word.endswith(PATRONYMIC_ENDINGS):
        return True
    return False if word.endswith(SURNAME_ENDINGS) else None


def append(marks: list[Mark], mark: Mark) -> None:
    """Add a mark to its line; digits and unknown letters without a gap are one odd word."""
    last = marks[-1] if marks else None
    if last is not None and mark.kind is Kind.CROSS:
        if last.kind in NUMERIC:
            return
    elif last is not None and are_mixed(last, mark):
        marks[-1] = Mark(Kind.ODD, (last.text + mark.text)[:LONGEST_TEXT], last.start, mark.end)
        return
    marks.append(mark._replace(kind=Kind.UNKNOWN_WORD) if mark.kind is Kind.CROSS else mark)


def are_mixed(last: Mark, mark: Mark) -> bool:
    """Tell whether two marks are one odd word, as in 54б7 or 54О7."""
    if last.end != mark.start:
        return False
    if {last.kind, mark.kind} <= MIXABLE:
        return True
    letter, number = (mark, last) if last.kind in NUMERIC else (last, mark)
    is_letter = letter.kind in {Kind.PREPOSITION, Kind.WORD} and len(letter.text) == 1
    return is_letter and number.kind in NUMERIC and len(number.text) < FEWEST_LOOKALIKES


STARS = frozenset("*#xх")
"""The asterisk, and what people type for it."""


def is_star(gap: str) -> bool:
    """Tell whether what stands between two marks separates as the asterisk does."""
    core = gap.strip(" ")
    return core != "" and STARS.issuperset(core)


def find_date(text: str) -> dt.date | None:
    """Return the day that the text of a date mark names, or None when there is no such day."""
    if match := ISO_DATE.match(text):
        year, month, day = match.groups()
    elif match := DOTTED_DATE.match(text):
        day, month, year = match.groups()
    elif match := SPELT_DATE.match(text):
        day, year = match[1], match[3]
        month = str(MONTHS.index(match[2]) + 1)
    else:
        return None
    try:
        return dt.date(int(year), int(month), int(day))
    except ValueError:
        return None
