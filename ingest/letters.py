"""
Writes acknowledgements as mails; nothing foreign gets into a header unchecked.

What a customer sent (address, subject, Message-ID) is hostile until it matches. Headers are
written by the ``compat32`` policy: of the standard library's two it is the one that never raises
for what stands in them, and that never breaks an identifier with an encoded word.
"""

import datetime as dt
import re
from email.charset import BASE64, QP, Charset
from email.header import Header
from email.message import Message
from email.policy import compat32
from email.utils import format_datetime

from ingest.model import Acknowledgement, ReplyTo

POLICY = compat32.clone(linesep="\r\n")
LONGEST_SUBJECT = 200
LONGEST_NAME = 60
LONGEST_LINE = 998
"""Bytes of a line in a mail (RFC 5322)."""
MOST_REFERENCES = 10
"""Message-IDs of a thread that are carried on: the first and the latest."""

ATOM = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"
DOMAIN = rf"(?:{LABEL}\.)+(?![0-9]+\Z){LABEL}"
ADDRESS = re.compile(rf"(?P<local>{ATOM}(?:\.{ATOM})*)@(?P<domain>{DOMAIN})")
LONGEST_LOCAL = 64
LONGEST_ADDRESS = 254
"""Bytes of a path without its angle brackets (RFC 5321)."""
MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]{1,120}@[A-Za-z0-9\-._:\[\]]{1,120}>")
CYRILLIC = re.compile("[А-Яа-я]")


def render_letter(
    acknowledgement: Acknowledgement,
    sender_address: str,
    sender_name: str,
    date: dt.datetime,
    domain: str,
) -> bytes:
    """
    Return the mail that carries *acknowledgement*, ready for the relay.

    It never raises for what a customer sent. Its Message-ID depends on the acknowledgement and
    *domain* alone, so that a relay or reader can tell a second copy. An address that is not
    mailable becomes one that leads nowhere: ask :func:`is_mailable` before sending.
    """
    letter = Message(policy=POLICY)
    receipt = re.sub("[^0-9A-Za-z/-]", "", acknowledgement.receipt)
    for name, value in (
        ("From", render_mailbox(sender_name, sender_address)),
        ("To", usable_address(acknowledgement.reply_to.address)),
        ("Subject", render_subject(acknowledgement)),
        ("Date", format_datetime(date)),
        ("Message-ID", render_message_id(receipt, acknowledgement.id, domain)),
        *render_thread(acknowledgement.reply_to),
        ("Auto-Submitted", "auto-replied"),
        ("X-Auto-Response-Suppress", "All"),
        ("Precedence", "bulk"),
        ("X-Ingest-Receipt", receipt),
    ):
        letter[name] = value
    set_body(letter, acknowledgement.body)
    return letter.as_bytes()


def render_mailbox(name: str, address: str) -> str:
    """Return the value of From: exactly one address, with a name if there is one."""
    words = clean_line(name, LONGEST_NAME)
    if not words:
        return usable_address(address)
    if words.isascii() and "=?" not in words:
        words = words.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{words}" <{usable_address(address)}>'
    return f"{encode_words('From', words)} <{usable_address(address)}>"


def usable_address(address: str) -> str:
    """Return *address* when it is one plain address, else one that leads nowhere."""
    return address if is_mailable(address) else "unusable@invalid"


def render_subject(acknowledgement: Acknowledgement) -> str:
    """Return the subject of what is answered after «Re:», or one of our own."""
    subject = clean_line(acknowledgement.reply_to.subject, LONGEST_SUBJECT)
    if not subject:
        own = "Показания счётчика" if CYRILLIC.search(acknowledgement.body) else "Meter reading"
        subject = f"{own}: {clean_line(acknowledgement.receipt, LONGEST_SUBJECT)}"
    elif not subject.lower().startswith("re:"):
        subject = f"Re: {subject}"
    # What looks like an encoded word is encoded once more: nobody knows what it decodes to.
    plain = subject.isascii() and "=?" not in subject
    return subject if plain else encode_words("Subject", subject)


def encode_words(header: str, text: str) -> str:
    """Return *text* as encoded words, none longer than a line; the policy folds between them."""
    return Header(text, "utf-8", header_name=header).encode(linesep="")


def render_message_id(receipt: str, number: int, domain: str) -> str:
    """Return the Message-ID of an acknowledgement, the same at each attempt."""
    usable = domain if re.fullmatch(rf"{LABEL}(?:\.{LABEL})*", domain) else "invalid"
    return f"<ack.{receipt.replace('/', '.')}.{number}@{usable}>"


def render_thread(reply_to: ReplyTo) -> list[tuple[str, str]]:
    """Return In-Reply-To and References, as far as the identifiers in them are well formed."""
    answered = reply_to.message_id.strip()
    if not MESSAGE_ID.fullmatch(answered):
        return []
    earlier = MESSAGE_ID.findall(reply_to.references[-10_000:])
    thread = list(dict.fromkeys([one for one in earlier if one != answered] + [answered]))
    if len(thread) > MOST_REFERENCES:
        thread = [thread[0], *thread[-MOST_REFERENCES + 1 :]]
    return [("In-Reply-To", answered), ("References", " ".join(thread))]


def set_body(letter: Message, body: str) -> None:
    """Set *body* as plain text in the encoding that is shortest; it is safe for any relay."""
    lines = [clean_body_line(line) for line in body.split("\n")]
    text = "\n".join(lines).strip("\n") + "\n"
    if text.isascii() and max(map(len, lines)) <= LONGEST_LINE:
        letter.set_payload(text, "us-ascii")
        return
    charset = Charset("utf-8")
    # Quoted-printable writes three characters for a byte, base64 four for three bytes.
    foreign = sum(len(character.encode()) for character in text if character > "\x7f")
    if foreign * 6 > len(text.encode()):
        charset.body_encoding = BASE64
        text = text.replace("\n", "\r\n")  # nobody mends line ends within base64
    else:
        charset.body_encoding = QP
    letter.set_payload(text, charset)


def clean_line(text: str, limit: int) -> str:
    """Return *text* as one line of printable characters, at most *limit* of them."""
    if text.isprintable() and len(text) <= limit:
        return text.strip()
    # isprintable() is false for C0, C1, U+2028, U+2029, surrogates and marks of direction.
    printable = "".join(one if one.isprintable() else " " for one in text[: 4 * limit])
    return " ".join(printable.split())[:limit].strip()


def clean_body_line(line: str) -> str:
    """Return a line of a body with a space for what is not printable; NBSP stays."""
    if line.isprintable():
        return line
    return "".join(one if one.isprintable() or one == "\u00a0" else " " for one in line).rstrip()


def is_mailable(address: str) -> bool:
    """Tell whether *address* is one plain address that a relay takes: ``local@domain.tld``."""
    found = ADDRESS.fullmatch(address) if len(address) <= LONGEST_ADDRESS else None
    return found is not None and len(found["local"]) <= LONGEST_LOCAL
