"""
Takes from a mail what its sender did not write: quotations, reply headers, signatures.

Our own answer quoted back holds a reading that must not count again. Yet what a person wrote
must not be lost either: a line goes only for what it looks like, and everything below a reply
header goes only where the quotation is not marked with ``>`` line by line.
"""

import re
from collections.abc import Sequence

from ingest.mail.echoes import find_echoes
from ingest.mail.endings import SIGNATURE, begins_ending, may_be_read

WIDEST = 400
"""Characters; longer lines are no reply headers."""
BLOCK = 7
"""Lines within which the headers of a quoted mail stand together."""
WRAPPED = 3
"""Lines over which a reply header may be broken."""
MARK = re.compile(r"\s*[A-ZА-ЯЁ]{0,4}>")
"""What a quoted line begins with; The Bat! puts the initials of whom it quotes before it."""
INVISIBLE = " \t\u00a0\u200b\u2060\u2063\ufeff"
LINE_ENDS = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
DIVIDER = re.compile(
    r"[-–—_*=\s]*(?:original message|original appointment|forwarded message|reply message"
    r"|original message follows|begin forwarded message|исходное сообщение|исходное письмо"
    r"|пересланное сообщение|пересланное письмо|пересылаемое сообщение"
    r"|переадресованное сообщение|перенаправленное сообщение"
    r"|начало (?:переадресованного|пересылаемого|пересланного) (?:сообщения|письма)"
    r"|конец (?:переадресованного|пересылаемого|пересланного) сообщения"
    r"|(?:this is a copy of|below this line is a copy of|the body of) (?:the|your) message.{0,60}"
    r"|копия (?:вашего|исходного) (?:сообщения|письма).{0,40})[-–—_*=:.\s]*",
    re.IGNORECASE,
)
DEVICE = re.compile(
    r"(?:(?:отправлено|послано|написано) (?:с|со|из|от|через)|sent (?:from|with|via)"
    r"|надіслано (?:з|із)|(?:получите|получить|скачать|загрузить) outlook для|get outlook for)\s",
    re.IGNORECASE,
)
"""The line that a telephone or an app adds beneath a mail."""
FROM = re.compile(r"[*_]*(?:from|от|от кого|von|de|від)[*_]*\s*:", re.IGNORECASE)
SENT = re.compile(
    r"[*_]*(?:sent|date|отправлено|отправленные|дата|дата отправки|gesendet|datum|надіслано)"
    r"[*_]*\s*:",
    re.IGNORECASE,
)
TO = re.compile(
    r"[*_]*(?:to|subject|cc|кому|тема|копия|an|betreff)[*_]*\s*:",
    re.IGNORECASE,
)
VERB = re.compile(
    r"(?:\b(?:wrote|writes|schrieb|a écrit|escribió|пишет|пише|писала?|написала?)|исал\(а\))"
    r"[^:]{0,14}(?:[0-9]{2}:[0-9]{2})?:$",
    re.IGNORECASE,
)
YOU_WROTE = re.compile(r"(?:вы писали|вы написали|you wrote)\b.*:$|.*\byou wrote:$", re.IGNORECASE)
"""How The Bat! says it."""
NAMED_DIVIDER = re.compile(r"-{3,}.{1,100}\b(?:wrote|написала?|пишет):\s*-{3,}", re.IGNORECASE)
"""How Lotus Notes says it."""
ADDRESSED = re.compile(r"@[\w.-]{1,255}[>\])\"]{0,2}:$")
RULE = re.compile(r"[_-]{10,}")
DATE = re.compile(r"[0-9]{1,2}[.:/ -]")
TIME = re.compile(r"[0-9]{1,2}[:.][0-9]{2}")
LONG_NUMBER = re.compile(r"[0-9]{6}")


def take_off_quotations(text: str) -> str:
    """Return what the sender of a mail wrote himself."""
    lines = [line.rstrip("\r") for line in LINE_ENDS.sub("\n", text).split("\n")]
    echoed = find_echoes(lines)
    sections: list[list[str]] = [[]]
    position = 0
    while position < len(lines):
        length = measure_header(lines, position)
        if length and not is_marked(lines, position + length):
            break
        if not length and position not in echoed and not is_dropped(lines, position):
            if begins_ending(lines[position]) and any(sections[0]):
                sections.append([])
            if lines[position] not in SIGNATURE:
                sections[-1].append(lines[position].rstrip())
        position += length or 1
    return join_sections(sections)


def join_sections(sections: Sequence[Sequence[str]]) -> str:
    """Put the body together with those endings in which a reading may stand."""
    kept = [*sections[0]]
    for section in sections[1:]:
        if may_be_read("\n".join(section)):
            kept += section
    return "\n".join(kept).strip()


def is_dropped(lines: Sequence[str], position: int) -> bool:
    """Tell whether one line is not the sender's, whatever stands below it."""
    line = lines[position].strip(INVISIBLE)
    if MARK.match(line):
        return True
    if not is_plausible(line):
        return False
    if DEVICE.match(line):
        return True
    if VERB.search(line[-60:]):
        return is_marked(lines, position + 1)
    return bool(RULE.fullmatch(line)) and measure_header(lines, skip_blank(lines, position + 1)) > 0


def skip_blank(lines: Sequence[str], position: int) -> int:
    """Return where the next line stands that is not empty, if it is near."""
    for place in range(position, min(position + BLOCK, len(lines))):
        if lines[place].strip():
            return place
    return len(lines)


def is_marked(lines: Sequence[str], position: int) -> bool:
    """Tell whether the next lines are quoted with ``>``; empty ones before them do not matter."""
    following = skip_blank(lines, position)
    return following < len(lines) and bool(MARK.match(lines[following]))


def measure_header(lines: Sequence[str], position: int) -> int:
    """Return how many lines the reply header at *position* takes; 0 where none stands."""
    line = lines[position].strip(INVISIBLE) if position < len(lines) else ""
    if MARK.match(line) or not is_plausible(line):
        return 0
    if DIVIDER.fullmatch(line) or NAMED_DIVIDER.fullmatch(line) or is_attribution(line):
        return 1
    if FROM.match(line) and is_block(lines[position + 1 : position + BLOCK]):
        return 1
    if line.startswith(("On ", "Am ", "Le ")) or TIME.search(line):
        return measure_wrapped(lines, position)
    return 0


def measure_wrapped(lines: Sequence[str], position: int) -> int:
    """Return over how many lines the reply header that begins at *position* is broken; or 0."""
    joined = lines[position].strip()
    for length in range(2, WRAPPED + 1):
        following = lines[position + length - 1 : position + length]
        if not following or not is_plausible(following[0].strip()):
            return 0
        joined = f"{joined} {following[0].strip()}"
        if is_attribution(joined):
            return length
    return 0


def is_plausible(line: str) -> bool:
    """Tell whether a line may be a reply header: not where an account or a reading may stand."""
    if not line or len(line) > WIDEST:
        return False
    if not LONG_NUMBER.search(line):
        return True
    return not any(LONG_NUMBER.search(word) for word in line.split() if "@" not in word)


def is_attribution(line: str) -> bool:
    """Tell whether a line says who wrote when, such as ``On ... <a@b.org> wrote:``."""
    if not line.endswith(":"):
        return False
    if VERB.search(line[-60:]):
        return "@" in line or bool(DATE.search(line))
    if YOU_WROTE.fullmatch(line):
        return bool(DATE.search(line))
    return bool(ADDRESSED.search(line[-260:]) and TIME.search(line))


def is_block(lines: Sequence[str]) -> bool:
    """Tell whether the lines below ``From:`` are the other headers of a quoted mail."""
    stripped = [line.strip() for line in lines]
    return any(map(SENT.match, stripped)) and any(map(TO.match, stripped))
