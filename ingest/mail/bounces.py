"""
Reads from a report of a mail server what became of an answer of ours; never raises.

Reports as they should be (RFC 3464, RFC 8098) say it in fields. Many are none: qmail, Exim and the
large providers write a letter. All return the answer or its headers, and with them its Message-ID,
which only we give (``letters.render_message_id``).
"""

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from ingest.mail.charsets import decode_text
from ingest.mail.headers import CONTROLS, clean_line
from ingest.mail.parts import Part
from ingest.model import ReportStatus

MOST_BYTES = 262_144
"""Of the mail in which our Message-ID is looked for."""
MOST_REPORT_BYTES = 65_536
LONGEST_TEXT = 50_000
LONGEST_DETAIL = 500

OWN_ID = re.compile(
    r"<ack\.([0-9A-Z]{4}-[0-9A-Z]{4})(?:\.[0-9]{1,10})?\.([0-9]{1,18})@([A-Za-z0-9.-]{1,253})>"
)
IDENTIFIED = re.compile(rf"message-id[ \t]*:\s*({OWN_ID.pattern})", re.IGNORECASE)
"""What a letter is called itself; others of ours may stand in its References."""
SOFT_BREAK = re.compile(r"=\r?\n")
DELIVERY = frozenset(("message/delivery-status", "message/global-delivery-status"))
DISPOSITION = frozenset(
    ("message/disposition-notification", "message/global-disposition-notification")
)
RETURNED = frozenset(
    ("message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers")
)
FIELD = re.compile(
    r"^(action|status|diagnostic-code)[ \t]*:(.*(?:\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE
)
CODE = re.compile(r"(?<![0-9.])([245])\.[0-7]\.[0-9]{1,3}(?![0-9.])")
TOLD = re.compile(r"(?<![0-9.])(?:[45]\.[0-7]\.[0-9]{1,3}(?![0-9.])|[45][0-9]{2}[ -])[^\n]{0,300}")


def compile_phrases(pattern: str) -> re.Pattern[str]:
    """Return *pattern* with blanks that may also be line ends."""
    return re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE)


WAITING = compile_phrases(
    r"delayed|delivery status notification \(delay\)|not yet been delivered|still undelivered"
    r"|still being retried|will be retried|will continue to try|do not need to resend"
    r"|задерж|будут продолжены|попытки доставки продолж|ещё не доставлен|еще не доставлен"
)
LOST = compile_phrases(
    r"could not be delivered|couldn.t be delivered|wasn.t delivered|was not delivered"
    r"|delivery (?:has )?failed|undeliverable|unable to deliver|address not found"
    r"|returned to sender|permanent (?:fatal )?error|giving up|user unknown|no such user"
    r"|mailbox (?:is )?(?:full|unavailable|disabled)"
    r"|не (?:было |было бы )?доставлено|не удалось доставить|не может быть доставлено"
    r"|недоставлен|не доставлен|адрес не найден|невозможно доставить|доставка невозможна"
    r"|ящик (?:переполнен|отключ[её]н|заблокирован)|пользователь не найден"
)
WORST_FIRST = (ReportStatus.UNDELIVERED, ReportStatus.UNDER_WAY, ReportStatus.DELIVERED)
ACTIONS = {
    "failed": ReportStatus.UNDELIVERED,
    "delayed": ReportStatus.UNDER_WAY,
    "relayed": ReportStatus.UNDER_WAY,
    "expanded": ReportStatus.UNDER_WAY,
    "delivered": ReportStatus.DELIVERED,
}
CLASSES = {
    "5": ReportStatus.UNDELIVERED,
    "4": ReportStatus.UNDER_WAY,
    "2": ReportStatus.DELIVERED,
}


class OwnId(Struct, frozen=True):
    """What the Message-ID of an answer of ours says."""

    receipt: str
    number: int
    """Of the acknowledgement."""
    domain: str
    """In lower case; whether it is ours is for config.toml to say."""


class Bounce(Struct, frozen=True):
    """What a report says became of a letter."""

    own_id: OwnId
    status: ReportStatus
    detail: str


def find_own_ids(text: str) -> tuple[OwnId, ...]:
    """Return what has the form of our own Message-IDs in *text*, in order, each once."""
    found = (OwnId(one[1], int(one[2]), one[3].lower()) for one in OWN_ID.finditer(text))
    return tuple(dict.fromkeys(found))


def read_bounce(
    raw: bytes, reports: Sequence[Part], text: str, *, is_from_postmaster: bool
) -> Bounce | None:
    """
    Return what a mail reports of an answer of ours; None when it is no such report.

    *reports* are the parts of a formal one, *text* what is written for a person. Without either
    only a postmaster is believed to report.
    """
    told = read_formal(reports) or (read_letter(text) if is_from_postmaster else None)
    if told is None:
        return None
    returned = [part for part in reports if part.kind in RETURNED | DELIVERY | DISPOSITION]
    own_ids = find_returned([*map(unpack, returned), raw[:MOST_BYTES].decode("latin-1"), text])
    return Bounce(own_ids[0], *told) if own_ids else None


def find_returned(texts: Iterable[str]) -> tuple[OwnId, ...]:
    """Return our Message-IDs in *texts*: that of a letter that is returned, or the first."""
    candidates = [SOFT_BREAK.sub("", text) for text in texts if "<ack." in text]
    for text in candidates:
        if named := IDENTIFIED.search(text):
            return find_own_ids(named[1])
    return next(filter(None, map(find_own_ids, candidates)), ())


def read_formal(reports: Sequence[Part]) -> tuple[ReportStatus, str] | None:
    """Return status and detail of a report in fields; of several recipients the worst."""
    for part in reports:
        if part.kind in DISPOSITION:
            return ReportStatus.DELIVERED, "a receipt: it was opened or thrown away"
    found = [
        told
        for part in reports
        if part.kind in DELIVERY
        for group in unpack(part).split("\n\n")
        if (told := read_group(group))
    ]
    return min(found, key=lambda told: WORST_FIRST.index(told[0]), default=None)


def read_group(group: str) -> tuple[ReportStatus, str] | None:
    """Return what the fields about one recipient say."""
    fields: dict[str, str] = {}
    for one in FIELD.finditer(group):
        fields.setdefault(one[1].lower(), " ".join(one[2].split()))
    code = CODE.search(fields.get("status", ""))
    status = ACTIONS.get(fields.get("action", "").lower()) or (CLASSES[code[1]] if code else None)
    if status is None:
        return None
    words = (code[0] if code else "", fields.get("diagnostic-code", ""))
    return status, " ".join(filter(None, words))[:LONGEST_DETAIL]


def read_letter(text: str) -> tuple[ReportStatus, str] | None:
    """Return status and detail of a report that is written for people."""
    words = text[:LONGEST_TEXT]
    waiting, lost = WAITING.search(words), LOST.search(words)
    told = TOLD.search(words)
    if waiting is None and lost is None and told is None:
        return None
    status = ReportStatus.UNDELIVERED if waiting is None else ReportStatus.UNDER_WAY
    sign = told or lost or waiting
    detail = "" if sign is None else find_line(words, sign.start())
    return status, detail


def find_line(text: str, position: int) -> str:
    """Return the line of *text* around *position*, cut to what a person needs."""
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    return clean_line(text[start : end if end >= 0 else len(text)])[:LONGEST_DETAIL]


def unpack(part: Part) -> str:
    """Return a part of a report as text, with plain line ends."""
    data = part.unpack(MOST_REPORT_BYTES)
    text = decode_text(data, part.parameters.get("charset", ""))
    return CONTROLS.sub("", text.replace("\r\n", "\n"))
