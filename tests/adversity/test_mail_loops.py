"""Robots that answer everything, face to face with us: it ends with one letter of ours."""

import asyncio
import contextlib
import email
import email.policy

import pytest
from harness import DaemonProcess, Town, a_mail, send_mail, until
from ledger import fetch, nothing_is_owed

ROBOT = "ivanov@example.com"


class Responder(Town):
    """A mailbox whose owner is away: each letter that arrives is answered to its From address."""

    def __init__(self, write, sender=ROBOT):
        super().__init__()
        self.write, self.sender = write, sender
        self.answers = []
        self.said = asyncio.Queue()
        self.port = 0

    async def handle_DATA(self, server, session, envelope):
        """Take a letter, and leave an answer to it."""
        said = await super().handle_DATA(server, session, envelope)
        self.said.put_nowait(envelope.content)
        return said

    async def respond(self):
        """Answer letter after letter until cancelled."""
        while True:
            letter = email.message_from_bytes(await self.said.get(), policy=email.policy.compat32)
            answer = self.write(letter, len(self.answers) + 1)
            self.answers.append(await send_mail(self.port, answer, self.sender))


def an_answer(text, letter, number, *headers):
    """Return an answer to a letter of ours, with a Message-ID of its own."""
    mail = a_mail(text, message_id=f"<robot-{number}@example.com>")
    subject = f"Subject: Re: {letter['Subject']}"
    return "\r\n".join([*headers, subject, ""]).encode() + mail


def with_proper_headers(letter, number):
    """As RFC 3834 wants it."""
    thread = f"In-Reply-To: {letter['Message-ID']}"
    return an_answer("Меня нет.", letter, number, "Auto-Submitted: auto-replied", thread)


def like_a_person(letter, number):
    """A ticket system that says nothing of itself."""
    thread = f"References: {letter['References']} {letter['Message-ID']}"
    return an_answer(f"Спасибо, ваше письмо получено, № {number}", letter, number, thread)


def with_a_figure(letter, number):
    """One whose words have a number that may be a value, and that names one of the headers only."""
    thread = f"In-Reply-To: {letter['Message-ID']}"
    return an_answer(f"Вы {5000 + number} в очереди. Спасибо!", letter, number, thread)


def with_our_words(letter, number):
    """A robot without any header that sends back what it got."""
    received = letter.get_payload(decode=True).decode().replace("\r\n", "\n")
    return an_answer(f"Ваше письмо № {number} получено:\n\n{received}", letter, number)


def a_bounce(letter, number):
    """A report that the letter cannot be delivered."""
    return (
        f"From: Mail Delivery System <MAILER-DAEMON@example.com>\r\nSubject: Undelivered {number}"
        "\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\n\r\nUser unknown\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Action: failed\r\nStatus: 5.1.1\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
    ).encode() + letter.as_bytes() + b"\r\n--b--\r\n"  # fmt: skip


@contextlib.asynccontextmanager
async def face_to_face(responder, tmp_path, database_url):
    """Run a daemon and a responder that know of each other."""
    async with responder.open():
        daemon = DaemonProcess(tmp_path / "daemon", database_url, responder)
        await daemon.start()
        responder.port = daemon.smtp
        responding = asyncio.create_task(responder.respond())
        async with daemon.ended_with_the_block():
            try:
                yield daemon
            finally:
                responding.cancel()


@pytest.mark.parametrize("text", ["240013579024*5480;", "Здравствуйте!"])
@pytest.mark.parametrize(
    ("write", "sender"),
    [
        pytest.param(with_proper_headers, "", id="proper headers and a null path"),
        pytest.param(with_proper_headers, ROBOT, id="proper headers"),
        pytest.param(like_a_person, ROBOT, id="no sign but the thread"),
        pytest.param(with_our_words, ROBOT, id="no header, our words"),
        pytest.param(a_bounce, "", id="a report"),
        pytest.param(a_bounce, ROBOT, id="a report from a person's address"),
    ],
)
async def test_one_letter_leaves(tmp_path, database_url, write, sender, text):
    """A mail is answered, the robot answers that, and there it ends; nothing is lost on the way."""
    responder = Responder(write, sender)
    async with face_to_face(responder, tmp_path, database_url) as daemon:
        await send_mail(daemon.smtp, a_mail(text))
        await until(lambda: responder.answers)
        # What is owed for an answer stands in the database before the robot hears 250.
        await until(lambda: nothing_is_owed(database_url))
    assert (1, 1) == (len(responder.mails), len(responder.answers))
    assert 2 == len(await fetch(database_url, "SELECT 1 FROM messages"))
    assert 1 == len(await fetch(database_url, "SELECT 1 FROM outbox"))


async def test_a_report_stands_beside_the_reply(tmp_path, database_url):
    """A bounce of our answer is kept with it, and ``ingest show`` tells of it."""
    responder = Responder(a_bounce, "")
    async with face_to_face(responder, tmp_path, database_url) as daemon:
        receipt = (await send_mail(daemon.smtp, a_mail("240013579024*5480;"))).split()[-1]
        await until(lambda: responder.answers)
        told = await daemon.command("show", receipt)
    [row] = await fetch(database_url, "SELECT status, detail FROM delivery_reports")
    assert ("undelivered", "5.1.1") == tuple(row)
    assert "reply undelivered" in told


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        pytest.param("240013579024*5480;", 2, id="after an acceptance"),
        pytest.param("Здравствуйте!", 1, id="after a letter that says the same"),
    ],
)
async def test_a_robot_with_figures_is_told_once(tmp_path, database_url, text, letters):
    """A number may be a correction: one letter says that a person reads it, and no second."""
    responder = Responder(with_a_figure)
    async with face_to_face(responder, tmp_path, database_url) as daemon:
        await send_mail(daemon.smtp, a_mail(text))
        await until(lambda: len(responder.answers) == letters)
        await until(lambda: nothing_is_owed(database_url))
    assert letters == len(responder.mails)
    rows = await fetch(database_url, "SELECT state FROM outbox ORDER BY id")
    assert [*["sent"] * letters, "suppressed"] == [row["state"] for row in rows]
