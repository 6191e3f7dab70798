"""
Real-looking mails as received, and what each must come to; one file of bytes, one of sentences.

Beside ``GROUP/NAME.eml`` stands ``GROUP/NAME.toml``:

``about``    what the mail shows; no two say the same
``items``    the readings in the sender's words, written as in ``test_messages.py``
``verdict``  disposition and reason while the window is open
``held``     pieces of what a person is shown because the mail is held for it; none by default
``answered`` whether anybody gets an answer, or who; yes by default, no for automatic mail
``authentication``, ``report``
             what our servers say of the sender; what the mail says of an answer of ours
``envelope_from``, ``desk``
             where the transport says that it comes from, and what config.toml says of the channel
             (fields of ``Desk``); its ``partners`` are those whose lists are read

Every other key is a field of ``Mail`` and must be equal to it.
"""

import datetime as dt
import tomllib
from pathlib import Path

import msgspec
import pytest
from builders import MAIL, OPEN_AT, write_config
from corpus.compose_mails import compose
from corpus.test_messages import describe

from ingest.correspondence import Envelope, build_desk, take_mail
from ingest.judgement import Standings, judge_message, open_occasion, read_message
from ingest.mime import read_mail
from ingest.parser import parse
from ingest.policy import build_policies
from ingest.replies import load_phrasebook

FOLDER = Path(__file__).parent / "mails"
MAILS = sorted(FOLDER.rglob("*.eml"))
SPOKEN_TO_THE_RUNNER = {
    "about", "items", "verdict", "held", "answered", "envelope_from", "desk", "authentication",
    "report",
}  # fmt: skip
FEWEST_MAILS = 150


def name_of(path):
    return path.relative_to(FOLDER).with_suffix("").as_posix()


def read_expectation(path):
    return tomllib.loads(path.with_suffix(".toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A configuration with a channel for mail."""
    return write_config(tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="module")
def policy(config):
    return build_policies(config)[MAIL]


def build_special_desk(config, changes):
    """Return what config.toml says of the channel, with *changes* to it."""
    desk = build_desk(MAIL, config.settings.channels[MAIL], config.settings)
    sets = {
        key: frozenset(value) if isinstance(value, list) else value
        for key, value in changes.items()
    }
    return msgspec.structs.replace(desk, **sets)


@pytest.fixture(scope="module")
def phrasebook():
    return load_phrasebook()


def judge(message, policy, phrasebook):
    """Return disposition and reason, in words, of a mail that came while the window was open."""
    occasion = open_occasion(policy, "R", OPEN_AT)
    judged = judge_message(message, read_message(message), occasion, Standings(), phrasebook)
    return f"{judged.verdict.disposition} {judged.verdict.reason}"


def simplify(value):
    """Return a field of a mail as the corpus writes it."""
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("path", MAILS, ids=name_of)
def test_what_is_read(path):
    """Of a mail of the corpus is read what stands beside it."""
    expected = read_expectation(path)
    mail = read_mail(path.read_bytes(), read_attachments="partners" in expected.get("desk", {}))
    fields = {key: expected[key] for key in expected if key not in SPOKEN_TO_THE_RUNNER}

    assert expected["items"] == [describe(item) for item in parse(mail.text).items]
    assert fields == {key: simplify(getattr(mail, key)) for key in fields}
    assert bool(expected.get("held")) is bool(mail.held_back)
    assert [] == [piece for piece in expected.get("held", []) if piece not in mail.held_back]


@pytest.mark.parametrize("path", MAILS, ids=name_of)
def test_what_becomes_of_it(path, config, policy, phrasebook):
    """A mail of the corpus is judged and answered as written beside it."""
    expected = read_expectation(path)
    sender = expected.get("envelope_from", "ivan@example.org")
    envelope = Envelope(sender=sender, recipient="energy@example.org", received_at=OPEN_AT)
    desk = build_special_desk(config, expected.get("desk", {}))
    taken = take_mail(path.read_bytes(), envelope, desk)

    assert ("", expected["verdict"]) == (taken.problem, judge(taken.message, policy, phrasebook))
    is_automatic = expected["verdict"].endswith("automatic_mail")
    reply_to, answered = taken.message.reply_to, expected.get("answered", not is_automatic)
    assert bool(answered) is (reply_to is not None)
    assert not isinstance(answered, str) or answered == reply_to.address
    assert expected.get("authentication", "") == taken.message.authentication
    assert expected.get("report", "") == describe_report(taken.report)


def describe_report(report):
    """Write what a mail says of an answer of ours: ``17 undelivered: 5.1.1 nobody here``."""
    return f"{report.reply_id} {report.status}: {report.detail}" if report else ""


def test_every_mail_says_what_it_shows():
    """No mail without its expectation, no expectation without its mail, no two of one meaning."""
    expectations = sorted(FOLDER.rglob("*.toml"))
    assert [name_of(path) for path in MAILS] == [name_of(path) for path in expectations]
    abouts = [read_expectation(path)["about"] for path in expectations]
    assert len(set(abouts)) == len(abouts)


def test_composed_mails_are_as_composed():
    """The mails that a program wrote are those that it would write today."""
    changed = [name_of(path) for path, raw in compose() if path.read_bytes() != raw]
    assert [] == changed


def test_corpus_is_large():
    """The corpus does not shrink unnoticed."""
    assert len(MAILS) >= FEWEST_MAILS
