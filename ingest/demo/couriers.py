"""Carry each message to the daemon as its sender's program would, and wait for the answer."""

import datetime as dt
import email.message
import email.policy
from collections.abc import Iterator
from email.utils import format_datetime, formataddr
from pathlib import Path
from typing import assert_never

import aiohttp
import aiosmtplib
from msgspec import Struct
from msgspec.structs import replace

from ingest.demo.script import Answer, Letter, Message, Push, Registry, Scene, Seen, Sms
from ingest.demo.stage import Ports
from ingest.demo.town import HOST, Inbox, await_registry

ENCODING = "cp1251"
"""Of registries."""
SUFFIXES = (".result.csv", ".failed.csv", ".summary.txt")
"""What is put behind a registry's name for the partner; the first is the answer proper."""
PATIENCE = 20.0
"""Seconds that one step over the network may take."""


class Town(Struct, frozen=True):
    """What the couriers know of their way."""

    ports: Ports
    inbox: Inbox
    http: aiohttp.ClientSession
    secret: str
    partner: Path
    """The folder of the partner's registries."""

    def locate(self, channel: str) -> str:
        """Return the address of an HTTP channel."""
        return f"http://{HOST}:{self.ports.http}/channels/{channel}"


async def carry(town: Town, scene: Scene, now: dt.datetime) -> Seen:
    """Carry the message of *scene*, and return what its sender saw."""
    message = scene.message
    match message:
        case Letter():
            return await carry_letter(town, scene, message, now)
        case Sms():
            return await carry_sms(town, message)
        case Push():
            return await carry_push(town, scene, message)
        case Registry():
            return await carry_registry(town, message)
        case _:
            assert_never(message)


async def carry_letter(town: Town, scene: Scene, letter: Letter, now: dt.datetime) -> Seen:
    """Send a mail, and wait for the one that answers it."""
    message_id = f"<{scene.key}.{now:%Y%m%d%H%M%S}@pochta.example>"
    seen = await hand_over(town, letter, write_letter(letter, message_id, now))
    if not scene.wanted.is_answered:
        return seen
    answer = await town.inbox.take(letter.address)
    trouble = "" if answer.answers_to == message_id else f"it answers {answer.answers_to}"
    return replace(seen, answers=(answer,), trouble=trouble)


async def hand_over(town: Town, letter: Letter, content: bytes) -> Seen:
    """Hand a mail over by SMTP."""
    client = aiosmtplib.SMTP(
        hostname=HOST, port=town.ports.smtp, local_hostname="pochta.example", timeout=PATIENCE
    )
    try:
        async with client:
            _, words = await client.sendmail(letter.address, [letter.recipient], content)
    except aiosmtplib.SMTPRecipientsRefused as error:
        [refused] = error.recipients
        return Seen(status=str(refused.code), words=refused.message)
    except aiosmtplib.SMTPResponseException as error:
        return Seen(status=str(error.code), words=error.message)
    except aiosmtplib.SMTPException as error:
        return Seen(trouble=f"{type(error).__name__}: {error}")
    return Seen(status="250", words=words)


def write_letter(letter: Letter, message_id: str, now: dt.datetime) -> bytes:
    """Return a mail as the sender's program would write it."""
    mail = email.message.EmailMessage(policy=email.policy.SMTP)
    mail["From"] = formataddr((letter.name, letter.address))
    mail["To"] = letter.recipient
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = message_id
    for name, value in letter.headers.items():
        mail[name] = value
    kind = "html" if letter.is_html else "plain"
    mail.set_content(letter.text, subtype=kind, charset=letter.charset, cte="base64")
    return mail.as_bytes()


async def carry_sms(town: Town, sms: Sms) -> Seen:
    """Ask as Kannel does; what is answered is texted back."""
    query = {"from": sms.number, "to": "2724", "text": sms.text, "id": sms.id, "charset": "UTF-8"}
    async with town.http.get(town.locate(sms.channel), params=query) as response:
        text = await response.text()
        answers = (Answer("SMS", text),) if text else ()
        return Seen(status=str(response.status), words=response.reason or "", answers=answers)


async def carry_push(town: Town, scene: Scene, push: Push) -> Seen:
    """Post as a gateway does that sends JSON, and wait for the request that answers."""
    secret = town.secret if push.knows_secret else f"not-{town.secret}"
    headers = {"X-Token": secret}
    seen = Seen()
    for document in reversed(write_documents(push)):
        where = town.locate("sms-push")
        async with town.http.post(where, json=document, headers=headers) as response:
            await response.read()
            seen = Seen(status=str(response.status), words=response.reason or "")
    if not scene.wanted.is_answered:
        return seen
    return replace(seen, answers=(await town.inbox.take(push.number),))


def write_documents(push: Push) -> list[dict[str, object]]:
    """Return what the gateway posts: one document a part, and none is marked where there is one."""
    length = -(-len(push.text) // push.parts)
    documents: list[dict[str, object]] = []
    for number in range(1, push.parts + 1):
        text = push.text[(number - 1) * length : number * length]
        document: dict[str, object] = {"messageId": push.id, "from": push.number, "text": text}
        if push.parts > 1:
            document["part"] = {"of": push.id, "number": number, "total": push.parts}
        documents.append(document)
    return documents


async def carry_registry(town: Town, registry: Registry) -> Seen:
    """Drop a file as an upload program does, and read what appears in ``out/``."""
    part = town.partner / "in" / f"{registry.file_name}.part"
    part.write_bytes(registry.text.encode(ENCODING))
    part.rename(part.with_suffix(""))
    status = await await_registry(town.partner, registry.file_name)
    answers = tuple(list_answers(town.partner / "out", registry.file_name))
    return Seen(status=status, answers=answers)


def list_answers(folder: Path, file_name: str) -> Iterator[Answer]:
    """Yield the files that the partner got for one of its own."""
    for suffix in SUFFIXES:
        path = folder / f"{file_name}{suffix}"
        if path.exists():
            yield Answer(f"out/{path.name}", path.read_text(ENCODING).strip())


def name_address(message: Message) -> str:
    """Return where the answer to a message goes."""
    match message:
        case Letter():
            return message.address
        case Sms() | Push():
            return message.number
        case Registry():
            return message.file_name
        case _:
            assert_never(message)
