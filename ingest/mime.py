"""
Mail as bytes to what its sender wrote, who sent it, and whether a program did; never raises.

A reader of our own over the bytes: the library's modern policy raises on one mail in a hundred,
and needs seconds for headers that are made to hurt. Everything here is bounded: bytes of headers,
parts, depth, characters of text. What lies beyond a bound is not read; the rest still is, and the
mail is held.
"""

import datetime as dt
import re

from msgspec import Struct

from ingest.mail.asides import describe_asides, read_lists
from ingest.mail.authentication import TRACING, Traces
from ingest.mail.bodies import Body, shorten
from ingest.mail.bounces import Bounce, OwnId, find_own_ids, read_bounce
from ingest.mail.echoes import has_echo, hides_words, take_off_echoes
from ingest.mail.figures import READING, list_readings, seems_to_hold_account
from ingest.mail.headers import MESSAGE_ID, Headers, clean_line, parse_date
from ingest.mail.quotations import take_off_quotations
from ingest.mail.robots import find_automation
from ingest.mail.senders import find_writer

LONGEST_SUBJECT = 2000
LONGEST_HELD_BACK = 20_000
LONGEST_TRACE = 4096
MOST_TRACES = 50

ANSWERED = re.compile(r"\s*(?:re|fwd?|aw|wg|отв|ответ|пересл|на)(?:\[[0-9]+\])?\s*:", re.IGNORECASE)
DIGIT = re.compile(r"\d")
ACCOUNT = re.compile(r"(?<!\d)[0-9]{12}(?!\d)")


class Mail(Struct, frozen=True, kw_only=True):
    """One mail as far as it could be read."""

    text: str
    """
    What the sender wrote: the body without quotations and signature, with the subject before it
    when the body holds no figure.
    """
    subject: str = ""
    """On one line, without control characters."""
    message_id: str = ""
    """With the angle brackets; empty unless it is a proper one."""
    references: str = ""
    """Of the thread, in its order, with what the mail answers; proper message ids only."""
    date: dt.datetime | None = None
    """The sender's own clock, aware."""
    from_address: str = ""
    """Empty unless the header names exactly one plain address."""
    reply_to: str = ""
    """As ``from_address``, of the Reply-To header."""
    automatic: str = ""
    """Why it is automatic mail; empty when a person sent it."""
    anonymous: bool = False
    """Whether it carries neither Message-ID nor Date, as mails by hand and from devices do."""
    held_back: str = ""
    """
    What a person must see before anything in the mail may be believed; empty for most mails.

    Text that seems to hold a reading and is not the sender's own (quoted, forwarded, in a file)
    while his own words hold none; alternatives that differ; and that something was not read. A
    mail with it is held, whatever ``text`` says.
    """
    attachments: tuple[str, ...] = ()
    """What was attached and not read: names of files, or types where they have no name."""
    is_doubtful: bool = False
    """Whether its From header names several addresses, none, or one in the place of another."""
    traces: Traces = ()
    """What servers put on top of it, from the top: by whom it came, and what they think of it."""
    answers: tuple[OwnId, ...] = ()
    """Our own answers to which it is one, by its headers."""
    quotes_ours: bool = False
    """Whether an answer of ours comes back in its text."""
    bounce: Bounce | None = None
    """What it reports of an answer of ours, when it is a report."""


def read_mail(raw: bytes, *, read_attachments: bool = False) -> Mail:
    """Read *raw* as far as it can be read; *read_attachments* also takes lists out of files."""
    body = Body(raw)
    headers = body.headers
    subject = clean_line(headers.get("subject"))[:LONGEST_SUBJECT]
    writer = find_writer(headers)
    fields = [
        (name, subject if name == "subject" else value.decode("latin-1"))
        for name, value in headers.fields
    ]
    automatic = find_automation(fields, frozenset(body.content_types))
    if not automatic and writer.is_postmaster:
        automatic = "from a postmaster"
    in_reply_to, references = headers.get_plain("in-reply-to"), headers.get_plain("references")
    message_ids = MESSAGE_ID.findall(headers.get_plain("message-id"))
    answers = find_own_ids(f"{in_reply_to} {references}")
    # In the subject of an answer to ours our own words come back.
    quotes_ours = has_echo(shorten(body.text))
    is_echo = (bool(answers) or quotes_ours) and bool(automatic or ANSWERED.match(subject))
    words = Words(body, "" if is_echo else subject, read_attachments=read_attachments)
    bounce = read_bounce(raw, body.reports, body.text, is_from_postmaster=writer.is_postmaster)
    return Mail(
        text=words.text,
        subject=subject,
        message_id=message_ids[0] if len(message_ids) == 1 else "",
        references=" ".join(dict.fromkeys(MESSAGE_ID.findall(f"{references} {in_reply_to}"))),
        date=parse_date(headers.get_plain("date")),
        from_address=writer.address,
        reply_to=writer.reply_to,
        automatic=automatic,
        anonymous="message-id" not in headers and "date" not in headers,
        held_back="" if bounce else words.hold_back(is_automatic=bool(automatic)),
        attachments=tuple(one.name or one.kind for one in body.asides if one.is_attached),
        is_doubtful=writer.is_doubtful,
        traces=list_traces(headers),
        answers=answers,
        quotes_ours=quotes_ours,
        bounce=bounce,
    )


def list_traces(headers: Headers) -> Traces:
    """Return what servers put on top of a mail, from the top."""
    return tuple(
        (name, value[:LONGEST_TRACE].decode("latin-1"))
        for name, value in headers.fields
        if name in TRACING
    )[:MOST_TRACES]


class Words:
    """What the sender of a mail wrote himself, and what else stands in it."""

    def __init__(self, body: Body, subject: str, *, read_attachments: bool) -> None:
        self._body = body
        self._whole = shorten(body.text)
        self._own = take_off_quotations(self._whole)
        lists = read_lists(body.asides) if read_attachments else ""
        self._answers = bool(ANSWERED.match(subject))
        own = f"{self._own}\n{lists}".strip() if lists else self._own
        self.text = choose_text(own, subject, is_answer=self._answers)

    def hold_back(self, *, is_automatic: bool) -> str:
        """
        Return what a person must see; empty where the sender's own words speak for themselves.

        Of automatic mail quotations do not count, because a vacation notice quotes our own answer.
        """
        pieces = [] if is_automatic else self._list_doubts()
        if not seems_to_hold_account(self.text):
            pieces += [] if is_automatic else self._list_quoted()
            pieces += describe_asides(self._body.asides, with_names=not is_automatic)
        return "\n".join("\n\n".join(pieces)[:LONGEST_HELD_BACK].splitlines())

    def _list_doubts(self) -> list[str]:
        """Return why the text cannot be believed as it stands."""
        doubts = []
        if self._body.disagreement:
            # The one that was read stands above, where the sender's words are.
            others = [one for one in self._body.disagreement if not holds_lines(self.text, one)]
            doubts.append("\n".join(("[plain text and HTML differ]", "\n\n".join(others))))
        if self._body.is_cut or self._goes_on():
            doubts.append("[not read to its end: more than is read of a mail]")
        if self._answers and not self._own and seems_to_hold_account(self.text):
            doubts.append("[no text but the subject, which may be an earlier one]")
        return doubts

    def _list_quoted(self) -> list[str]:
        """Return what was taken off when it seems to hold a reading that is none of ours."""
        removed = find_removed(self._whole, self._own)
        quoted = removed if hides_words(removed) else take_off_echoes(removed)
        return [f"[quoted]\n{quoted}"] if seems_to_hold_account(quoted) else []

    def _goes_on(self) -> bool:
        """Tell whether the sender's own words reach beyond what is read of them."""
        is_short = len(self._whole) < len(self._body.text)
        return is_short and len(self._own) * 2 >= len(self._whole)


def holds_lines(text: str, lines: str) -> bool:
    """Tell whether *lines* stand in *text*, whole and together."""
    return f"\n{lines}\n" in f"\n{text}\n"


def find_removed(whole: str, own: str) -> str:
    """Return the lines of *whole* that are not the sender's *own*."""
    kept = iter([*own.split("\n"), None])
    following = next(kept)
    removed = []
    for line in whole.splitlines():
        if following is not None and line.rstrip() == following:
            following = next(kept)
        else:
            removed.append(line)
    return "\n".join(removed).strip()


def choose_text(body: str, subject: str, *, is_answer: bool) -> str:
    """
    Return the body, or the subject with it where a reading stands there.

    The subject of an answer was written for an earlier mail; it serves when there is nothing else.
    """
    if not subject or (body and is_answer) or not is_wanted(subject, body):
        return body
    return f"{subject}\n{body}".strip()


def is_wanted(subject: str, body: str) -> bool:
    """Tell whether the subject says something about readings that the body does not."""
    if not DIGIT.search(body):
        return True
    if not seems_to_hold_account(body):
        return bool(ACCOUNT.search(subject))
    readings = set(READING.findall(subject))
    return bool(readings) and not readings <= list_readings(body)
