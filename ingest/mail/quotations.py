"""
Takes from a mail what its sender did not write: quotations, reply headers, signatures.

Our own answer quoted back holds a reading that must not count again. Yet what a person wrote
must not be lost either: a line goes only for what it looks like, and everything below a reply
header goes only where the quotation is not marked with ``>`` line by line.
"""

import re
from collections.abc import Sequence

WIDEST = 400
"""Characters; longer lines are no reply headers."""
BLOCK = 6
"""Lines within which the headers of a quoted mail stand together."""
MARK = ">"
SIGNATURE = ("-- ", "--")
LINE_ENDS = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
DIVIDER = re.compile(
    r"[-–—_*\s]*(?:original message|original appointment|forwarded message|reply message"
    r"|begin forwarded message|исходное сообщение|пересланное сообщение|пересылаемое сообщение"
    r"|переадресованное сообщение|перенаправленное сообщение|начало переадресованного сообщения"
    r"|начало пересылаемого сообщения|начало пересланного сообщения"
    r"|конец переадресованного сообщения)[-–—_*:\s]*",
    re.IGNORECASE,
)
DEVICE = re.compile(
    r"(?:отправлено (?:с|со|из|от|через)|sent (?:from|with|via)|надіслано (?:з|із)"
    r"|получите outlook для|get outlook for)\s",
    re.IGNORECASE,
)
"""The line that a telephone or an app adds beneath a mail."""
FROM = re.compile(r"[*_]*(?:from|от|от кого|von|de|від)[*_]*\s*:", re.IGNORECASE)
SENT = re.compile(
    r"[*_]*(?:sent|date|отправлено|дата|дата отправки|gesendet|datum|надіслано)[*_]*\s*:",
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
RULE = re.compile(r"_{10,}")
DATE = re.compile(r"[0-9]{1,2}[.:/ -]")
TIME = re.compile(r"[0-9]{1,2}[:.][0-9]{2}")
LONG_NUMBER = re.compile(r"[0-9]{6}")


def take_off_quotations(text: str) -> str:
    """Return what the sender of a mail wrote himself."""
    lines = [line.rstrip("\r") for line in LINE_ENDS.sub("\n", text).split("\n")]
    kept: list[str] = []
    position = 0
    while position < len(lines):
        length = measure_header(lines, position)
        if length and not is_marked(lines, position + length):
            break
        if lines[position] in SIGNATURE and any(kept):
            break
        if not length and not is_dropped(lines, position):
            kept.append(lines[position].rstrip())
        position += length or 1
    return "\n".join(kept).strip()


def is_dropped(lines: Sequence[str], position: int) -> bool:
    """Tell whether one line is not the sender's, whatever stands below it."""
    line = lines[position].strip()
    if line.startswith(MARK) or lines[position] in SIGNATURE:
        return True
    if not is_plausible(line):
        return False
    if DEVICE.match(line):
        return True
    if VERB.search(line[-60:]):
        return is_marked(lines, position + 1)
    return bool(RULE.fullmatch(line)) and measure_header(lines, position + 1) > 0


def is_marked(lines: Sequence[str], position: int) -> bool:
    """Tell whether the next lines are quoted with ``>``; empty ones before them do not matter."""
    for line in lines[position : position + BLOCK]:
        if line.strip():
            return line.lstrip().startswith(MARK)
    return False


def measure_header(lines: Sequence[str], position: int) -> int:
    """Return how many lines the reply header at *position* takes; 0 where none stands."""
    line = lines[position].strip() if position < len(lines) else ""
    if line.startswith(MARK) or not is_plausible(line):
        return 0
    if DIVIDER.fullmatch(line) or is_attribution(line):
        return 1
    if FROM.match(line) and is_block(lines[position + 1 : position + BLOCK]):
        return 1
    following = lines[position + 1].strip() if position + 1 < len(lines) else ""
    begins = line.startswith(("On ", "Am ", "Le ")) or TIME.search(line)
    wrapped = begins and is_plausible(following) and is_attribution(f"{line} {following}")
    return 2 if wrapped else 0


def is_plausible(line: str) -> bool:
    """Tell whether a line may be a reply header: not where an account or a reading may stand."""
    if not line or len(line) > WIDEST:
        return False
    return not any(LONG_NUMBER.search(word) for word in line.split() if "@" not in word)


def is_attribution(line: str) -> bool:
    """Tell whether a line says who wrote when, such as ``On ... <a@b.org> wrote:``."""
    if VERB.search(line[-60:]):
        return "@" in line or bool(DATE.search(line))
    return line.endswith((">:", "):")) and "@" in line and bool(TIME.search(line))


def is_block(lines: Sequence[str]) -> bool:
    """Tell whether the lines below ``From:`` are the other headers of a quoted mail."""
    stripped = [line.strip() for line in lines]
    return any(map(SENT.match, stripped)) and any(map(TO.match, stripped))
