"""Automatic mail is told from a person's."""

import pytest

from ingest.mail.robots import find_automation, is_robot, sends_bounces


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auto-submitted", "auto-replied"),
        ("auto-submitted", "auto-generated; owner=x"),
        ("auto-submitted", ""),
        ("precedence", "bulk"),
        ("precedence", "Junk"),
        ("precedence", "list"),
        ("x-precedence", "auto_reply"),
        ("list-id", "<x>"),
        ("list-unsubscribe", "<mailto:x>"),
        ("x-auto-response-suppress", "DR, OOF, AutoReply"),
        ("x-auto-response-suppress", "All"),
        ("x-autoreply", "yes"),
        ("x-post-messageclass", "9; Autoresponder"),
        ("delivered-to", "Autoresponder"),
        ("x-loop", "energy@example.org"),
        ("x-failed-recipients", "a@example.org"),
        ("feedback-id", "1:2"),
        ("subject", "Автоответ: показания"),
        ("subject", "Out of Office: x"),
        ("subject", "Undelivered Mail Returned to Sender"),
        ("subject", "Недоставленное сообщение"),
        ("subject", "Недоставлено: Показания"),
        ("subject", "Не доставлено"),
        ("subject", "Не удалось доставить: Показания"),
        ("subject", "Автоматическое уведомление о получении"),
        ("subject", "Отсутствует на рабочем месте: Показания"),
        ("subject", "[Auto-Reply] Re: x"),
        ("subject", "Auto Reply: x"),
        ("subject", "Vacation reply"),
        ("subject", "Прочтено: Показания"),
        ("subject", "Не прочитано: Показания"),
        ("subject", "Read: x"),
        ("subject", "Отчёт о доставке"),
        ("subject", "Подтвердите ваше письмо"),
        ("subject", "Please confirm your message"),
        ("subject", "Accepted: meeting"),
        ("x-tmda-fingerprint", "x"),
        ("x-boxtrapper", "x"),
        ("x-ingest-receipt", "7K4M-2Q9X"),
        ("x-mailer", "Vacation 1.2"),
    ],
)
def test_one_header_is_enough(name, value):
    """Each of the signs tells by itself, and is named."""
    assert name in find_automation([("from", "a@b"), (name, value)], frozenset())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auto-submitted", "no"),
        ("auto-submitted", "No (a person)"),
        ("precedence", "first-class"),
        ("x-auto-response-suppress", "DR"),
        ("delivered-to", "energy@example.org"),
        ("subject", "Показания, Автоответ"),
        ("subject", "Re: Out of Office"),
        ("subject", "Автоматический счётчик, показания"),
        ("subject", "Автобаза, показания"),
        ("subject", "Принято ли моё показание?"),
        ("subject", "Недоставлена квитанция за ноябрь"),
        ("subject", "Не доставлено уведомление о замене счётчика"),
        ("subject", "Не удалось доставить показания через сайт"),
        ("subject", "Прочтено"),
        ("subject", "Reading: 5467"),
        ("subject", "Confirmation of my reading"),
        ("subject", "Please confirm your receipt of my reading"),
        ("subject", "Подтвердите, что вы получили показания"),
        ("subject", "Подтвердите что вы получили показания"),
        ("subject", "Away from home, my reading"),
        ("x-mailer", "Vacationland Mailer"),
        ("listen", "x"),
    ],
)
def test_what_is_no_sign(name, value):
    """A header that looks like a sign and is none."""
    assert "" == find_automation([(name, value)], frozenset())


@pytest.mark.parametrize(
    "kind", ["multipart/report", "message/disposition-notification", "text/calendar"]
)
def test_reports_are_automatic(kind):
    """Content types that only programs send."""
    assert kind == find_automation([], frozenset(("text/plain", kind)))


def test_a_mail_in_circles_is_automatic():
    """More than thirty hops are a loop."""
    assert "" == find_automation([("received", "x")] * 30, frozenset())
    assert "more than 30 hops" == find_automation([("received", "x")] * 31, frozenset())


@pytest.mark.parametrize(
    "address",
    [
        "", "MAILER-DAEMON@x.org", "postmaster@x.org", "bounce@x.org", "bounces+ivan=x@y.org",
        "list-bounces@x.org",
    ],
)  # fmt: skip
def test_senders_of_bounces(address):
    """The null path, postmasters and what is made for bounces."""
    assert sends_bounces(address)
    assert is_robot(address)


@pytest.mark.parametrize(
    "address",
    [
        "noreply@x.org", "no-reply@x.org", "No.Reply@x.org", "donotreply@x.org",
        "do_not_reply@x.org",
        "noreply-billing@x.org", "root@x.org", "root", "www-data@x.org", "owner-list@x.org",
        "list-owner@x.org", "list-request@x.org", "listserv@x.org", "billing-noreply@x.org",
        "noreply-12@x.org", "notreply@x.org", "cron@x.org", "autoreply@x.org", "daemon@x.org",
    ],
)  # fmt: skip
def test_addresses_that_nobody_reads(address):
    """They get no answer, although a person may have caused the mail."""
    assert is_robot(address)
    assert not sends_bounces(address)


@pytest.mark.parametrize(
    "address",
    ["ivan@x.org", "norma.reply@x.org", "rooter@x.org", "ivan", "replay@x.org", "requests@x.org"],
)
def test_people(address):
    """A person's address is no robot's."""
    assert not is_robot(address)
