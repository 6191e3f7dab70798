"""
A mail as bytes to the message that it is, and to whom it is answered; for every channel for mail.

What a mail says of itself is believed only as far as it does no harm: a robot, a forged sender and
an address that is not plainly one get no answer. What they wrote is judged or held all the same.
"""

import datetime as dt
import hashlib
import re
import traceback
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from ingest.mail.asides import list_files
from ingest.mail.authentication import (
    Authentication,
    Proof,
    find_authentication,
    find_domain,
)
from ingest.mail.bodies import Body
from ingest.mail.bounces import OwnId
from ingest.mail.figures import holds_value
from ingest.mail.headers import MOST_HEADER_BYTES, encode_domain, is_plain_address
from ingest.mail.robots import is_robot, sends_bounces
from ingest.mime import Mail, read_mail
from ingest.model import (
    ChannelName,
    DeliveryReport,
    Disposition,
    InboundMessage,
    Reason,
    ReplyTo,
    Verdict,
)
from ingest.parser import parse
from ingest.settings import Config, ImapSettings, SmtpSettings

DOCUMENT = re.compile(
    r"\.(?:xls[xmb]?|ods|dbf|docx?|odt|pdf|zip|rar|7z)$|spreadsheet|excel|msword|/pdf$",
    re.IGNORECASE,
)
TRACE = re.compile(
    rb"(?:(?:received(?:-spf)?|return-path|delivered-to|envelope-to|delivery-date"
    rb"|authentication-results|arc-[a-z-]+|dkim-[a-z-]+|x-[!-9;-~]+)[ \t]*:"
    rb"[^\n]*(?:\n|\Z)(?:[ \t][^\n]*(?:\n|\Z))*)*",
    re.IGNORECASE,
)
"""The header fields at the top that mail servers add, each with its folded lines."""
MEDIA_TYPE = "message/rfc822"
AUTOMATIC = Verdict(Disposition.IGNORE, Reason.AUTOMATIC_MAIL)
UNREAD = Verdict(Disposition.HOLD, Reason.AUTOMATIC_MAIL)
"""An automatic mail with a list in it that only a person can read."""
TOO_LARGE = Verdict(Disposition.HOLD, Reason.TOO_LARGE)
MOST_FILES = 100
"""Of a partner's mail; fewer than the parts of a mail that are looked at."""
FAILED = Verdict(Disposition.HOLD, Reason.FAILED)
HELD_BACK = Verdict(Disposition.HOLD, Reason.NOT_RECOGNISED)
REFUSED = {
    "hold": Verdict(Disposition.HOLD, Reason.SENDER_REFUSED),
    "reject": Verdict(Disposition.REJECT, Reason.SENDER_REFUSED),
}
"""What a failed check leads to before anything is judged."""
UNASKED = Authentication(Proof.PASSED, "", is_envelope_proven=True)
"""Where config.toml names no server that is believed."""


class Envelope(Struct, frozen=True, kw_only=True):
    """What is known of a mail besides its bytes."""

    sender: str
    """The envelope sender; empty is the null path. In a mailbox it stands in Return-Path."""
    recipient: str
    received_at: dt.datetime


class Desk(Struct, frozen=True, kw_only=True):
    """What config.toml says about the mails of one channel."""

    channel: ChannelName
    own: frozenset[str]
    """Our addresses, of all channels: an answer to one would come back as a mail."""
    partners: frozenset[str]
    trusted: frozenset[str]
    """Names of the servers whose Authentication-Results are believed, in lower case."""
    on_failure: str
    domains: frozenset[str]
    """Those of our addresses: the Message-IDs of our answers are made in them."""
    registries: Mapping[str, str] = {}
    """Addresses whose attached files go to a channel for batch files, and its name."""


class AttachedFile(Struct, frozen=True):
    """A file of a partner's mail that goes into the folder of a channel for batch files."""

    name: str
    """As the mail has it, or one of ours where it has none."""
    content: bytes


class Correspondence(Struct, frozen=True):
    """What a mail comes to."""

    message: InboundMessage
    report: DeliveryReport | None = None
    """What the mail, a bounce, says of one of our own replies."""
    problem: str = ""
    """The traceback when our code failed on it; then it is held unread, for a person."""
    registry: str = ""
    """The channel that the files go to; they have to be there before the mail is committed."""
    files: tuple[AttachedFile, ...] = ()


def build_desk(name: ChannelName, settings: SmtpSettings | ImapSettings, config: Config) -> Desk:
    """Return what holds for the mails of channel *name*."""
    authentication = settings.authentication
    own = list_own_addresses(config)
    return Desk(
        channel=name,
        own=own,
        domains=frozenset(address.rpartition("@")[2] for address in own),
        partners=frozenset(address.lower() for address in settings.partners),
        trusted=frozenset(one.lower() for one in authentication.trusted)
        if authentication
        else frozenset(),
        on_failure=authentication.on_failure if authentication else "judge",
        registries=settings.registries,
    )


def list_own_addresses(config: Config) -> frozenset[str]:
    """Return the addresses that are ours, in lower case."""
    addresses = [config.mail.username]
    for one in config.channels.values():
        if isinstance(one, SmtpSettings):
            addresses += [*one.recipients, one.reply_from]
        elif isinstance(one, ImapSettings):
            addresses += [*one.addresses, one.username, one.reply_from]
    return frozenset(address.lower() for address in addresses if "@" in address)


def take_mail(raw: bytes, envelope: Envelope, desk: Desk) -> Correspondence:
    """Return what the mail *raw* comes to; never raises."""
    try:
        return read_correspondence(raw, envelope, desk)
    except Exception:  # noqa: BLE001 -- one mail that we cannot read must not stop the others
        problem = traceback.format_exc()
    message = make_message(raw, envelope, desk, external_id=hash_mail(raw))
    return Correspondence(replace(message, finding=FAILED), problem=problem)


def take_large(head: bytes, size: int, envelope: Envelope, desk: Desk) -> Correspondence:
    """Return what a mail of *size* bytes comes to of which only *head* was fetched; see above."""
    taken = take_mail(head, envelope, desk)
    key = hashlib.sha256(b"%d\0%b" % (size, head)).hexdigest()
    fetched = "only the head" if head else "nothing"
    told = f"[not read: of {size} bytes {fetched} was fetched; the whole lies in the mailbox]"
    text = f"{taken.message.text}\n\n{told}".strip()
    message = replace(taken.message, text=text, external_id=key, finding=TOO_LARGE)
    return Correspondence(message, taken.report, taken.problem)


def read_correspondence(raw: bytes, envelope: Envelope, desk: Desk) -> Correspondence:
    """Read a mail, and decide whether and to whom it is answered."""
    mail = read_mail(raw)
    found = authenticate(mail, envelope, desk)
    if found.proof is not Proof.FAILED and is_partner(mail, envelope, desk):
        mail = read_mail(raw, read_attachments=True)
    automatic = is_automatic(mail, envelope, desk)
    key = hash_anonymous(raw, envelope) if mail.anonymous else hash_mail(raw)
    message = make_message(raw, envelope, desk, external_id=key)
    message = replace(
        message,
        text=render_text(mail, is_automatic=automatic),
        sent_at=mail.date,
        reply_to=None if automatic else find_reply_to(mail, envelope.sender, found, desk),
        finding=find_finding(mail, found, desk, is_automatic=automatic),
        authentication=found.summary,
    )
    if registry := find_registry(mail, desk):
        return take_files(raw, message, registry, found)
    return Correspondence(message, find_report(mail, desk))


def find_registry(mail: Mail, desk: Desk) -> str:
    """Return the channel that a mail with files is for; empty for all other mails."""
    return desk.registries.get(mail.from_address.lower(), "") if mail.attachments else ""


def take_files(
    raw: bytes, message: InboundMessage, registry: str, found: Authentication
) -> Correspondence:
    """
    Return a partner's mail with its files; it is not answered, the files are.

    One that nobody vouches for may be forged: a person looks, and nothing of it counts.
    """
    files = tuple(
        AttachedFile(name or f"{message.external_id[:16]}-{number}", content)
        for number, (name, content) in enumerate(list_files(Body(raw).asides), 1)
    )
    if not files:
        return Correspondence(message)
    if len(files) > MOST_FILES:  # none may be passed over in silence
        return Correspondence(replace(message, reply_to=None, finding=TOO_LARGE))
    shown = "".join(f"\n[{registry}: {one.name}, {len(one.content)} bytes]" for one in files)
    message = replace(message, text=f"{message.text}{shown}".strip(), reply_to=None)
    if found is UNASKED or found.proof is not Proof.PASSED:
        return Correspondence(replace(message, finding=REFUSED["hold"]))
    return Correspondence(replace(message, finding=AUTOMATIC), registry=registry, files=files)


def authenticate(mail: Mail, envelope: Envelope, desk: Desk) -> Authentication:
    """Return what our own servers say about the sender; all pass where nobody is asked."""
    if not desk.trusted:
        return UNASKED
    return find_authentication(mail.traces, desk.trusted, envelope.sender, mail.from_address)


def is_partner(mail: Mail, envelope: Envelope, desk: Desk) -> bool:
    """Tell whether the mail comes from one whose attached lists are read."""
    return bool(mail.attachments) and not desk.partners.isdisjoint(
        (envelope.sender.lower(), mail.from_address.lower())
    )


def is_automatic(mail: Mail, envelope: Envelope, desk: Desk) -> bool:
    """Tell whether no person sent the mail, or only we ourselves."""
    if mail.automatic or sends_bounces(envelope.sender):
        return True
    return not desk.own.isdisjoint((envelope.sender.lower(), mail.from_address.lower()))


def find_finding(
    mail: Mail, found: Authentication, desk: Desk, *, is_automatic: bool
) -> Verdict | None:
    """
    Return what settles the mail before anything in it is judged.

    What was held back is shown with the text and held with it: a person decides.
    """
    if is_automatic:
        return UNREAD if list_unread(mail) else AUTOMATIC
    if found.proof is Proof.FAILED and desk.on_failure in REFUSED:
        return REFUSED[desk.on_failure]
    if mail.held_back or repeats_receipt(mail, desk):
        return HELD_BACK
    return None


def render_text(mail: Mail, *, is_automatic: bool) -> str:
    """Return what the sender wrote, and below it what a person must see besides."""
    shown = [mail.held_back] if mail.held_back else []
    if is_automatic:
        unread = (f"[attached file, not read: {name}]" for name in list_unread(mail))
        shown += [line for line in unread if line not in mail.held_back]
    return "\n\n".join(filter(None, (mail.text, *shown)))


def list_unread(mail: Mail) -> list[str]:
    """Return the attached documents that a program may have filled with readings."""
    return [] if mail.bounce else [name for name in mail.attachments if DOCUMENT.search(name)]


def repeats_receipt(mail: Mail, desk: Desk) -> bool:
    """
    Tell whether the sender's words hold the receipt of the answer to which they are one.

    Then they may be our own, quoted without a mark, in words that an operator gave us.
    """
    return any(one.receipt in mail.text for one in list_answered(mail, desk))


def list_answered(mail: Mail, desk: Desk) -> list[OwnId]:
    """Return our own answers to which the mail is one."""
    return [one for one in mail.answers if one.domain in desk.domains]


def is_idle(mail: Mail, desk: Desk) -> bool:
    """
    Tell whether the mail answers one of ours without a reading, and without what may be a value.

    A value alone, as in «Правильно 5476», corrects what we have taken: who wrote it must hear that
    it does not count yet. He does once a day for a thread (``outbox.py``), and therefore only where
    the headers tell the thread: with our words alone nobody could stop a robot.
    """
    is_answer = bool(list_answered(mail, desk))
    if not (is_answer or mail.quotes_ours) or parse(mail.text).items:
        return False
    return not (is_answer and holds_value(mail.text))


def find_report(mail: Mail, desk: Desk) -> DeliveryReport | None:
    """Return what the mail reports of an answer of ours; a forged one is no more than a note."""
    bounce = mail.bounce
    if bounce is None or bounce.own_id.domain not in desk.domains:
        return None
    return DeliveryReport(
        channel=desk.channel,
        status=bounce.status,
        detail=bounce.detail,
        reply_id=bounce.own_id.number,
        reported_at=mail.date,
    )


def make_message(raw: bytes, envelope: Envelope, desk: Desk, *, external_id: str) -> InboundMessage:
    """Return the message that is to be filled in."""
    return InboundMessage(
        channel=desk.channel,
        external_id=external_id,
        received_at=envelope.received_at,
        text="",
        raw=raw,
        media_type=MEDIA_TYPE,
        sender=envelope.sender,
        recipient=envelope.recipient,
    )


def hash_mail(content: bytes) -> str:
    """
    Return what a mail is known by: the same bytes again are a repeat.

    What servers wrote above them on the way is left out: a server that asks another one again
    leaves another trace, and it is the same mail all the same.
    """
    trace = TRACE.match(content, 0, MOST_HEADER_BYTES)
    return hashlib.sha256(memoryview(content)[trace.end() if trace else 0 :]).hexdigest()


def hash_anonymous(content: bytes, envelope: Envelope) -> str:
    """
    Return what a mail with neither Message-ID nor Date is known by.

    A bare client sends the very same bytes for the same reading next month, and two of them may
    send them today: without sender and day those would count as repeats and be lost. The trace
    stays in, because nothing else tells two mails of one day apart.
    """
    key = hashlib.sha256(content).hexdigest()
    day = envelope.received_at.astimezone(dt.UTC).date().isoformat()
    return hashlib.sha256(f"{key}\0{envelope.sender}\0{day}".encode()).hexdigest()


def find_reply_to(mail: Mail, sender: str, found: Authentication, desk: Desk) -> ReplyTo | None:
    """
    Return where the answer goes: to the envelope sender, unless nobody there may have it.

    Reply-To may name another address of the same domain, where the sender is known to be genuine.
    What answers an answer of ours and says nothing of a reading is not answered: it may be a robot
    that never stops. A person reads it all the same.
    """
    if mail.is_doubtful or (desk.on_failure != "judge" and not found.is_envelope_proven):
        return None
    if is_idle(mail, desk):
        return None
    is_genuine = bool(desk.trusted) and found.is_envelope_proven
    if is_genuine and mail.reply_to and find_domain(mail.reply_to) == find_domain(sender):
        sender = mail.reply_to
    if not is_plain_address(sender) or sender.lower() in desk.own or is_robot(sender):
        return None
    return ReplyTo(encode_domain(sender), mail.subject, mail.message_id, mail.references)
