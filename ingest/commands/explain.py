"""``ingest explain``: judges a text without recording it, step by step."""

import datetime as dt
import sys
from collections.abc import Iterator

import click
import msgspec
from msgspec import Struct

from ingest import clock
from ingest.building import find_templates
from ingest.calendar import render_period
from ingest.commands.session import Session, as_json, pass_session, print_json
from ingest.errors import ConfigError
from ingest.judgement import Judgement, Occasion, Standings, judge_message, open_occasion
from ingest.model import ChannelName, InboundMessage, JudgedReading, Misreading, Submission
from ingest.parser import parse
from ingest.policy import Policy, build_policies
from ingest.receipts import render_receipt
from ingest.replies import Phrasebook, load_phrasebook

RECEIPT = render_receipt(0)
"""Stands for the receipt that a recorded message would get."""


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of standard input."""

    text: str
    received_at: dt.datetime | None = None
    """ISO 8601; local time of the service when it has no offset. None: now."""


class Explanation(Struct, frozen=True):
    """A text with everything that was made of it."""

    submission: Submission
    occasion: Occasion
    judgement: Judgement


@click.command()
@click.option("--channel", required=True, help="The channel it would come by.")
@click.option("--at", help="When it would come, such as 2026-11-26T23:59; without it now.")
@click.argument("text", required=False)
@as_json
@pass_session
def explain(
    session: Session, channel: str, at: str | None, text: str | None, as_json: bool
) -> None:
    """
    Judge TEXT without recording it, step by step.

    With --json and without TEXT, read {"text", "received_at"?} a line from standard input and
    write a verdict a line. What was received before is not looked at.
    """
    policy = find_policy(session, channel)
    phrasebook = load_phrasebook(find_templates(session.config))
    default = parse_moment(session, at) if at else clock.now()
    for question in read_questions(text, as_json=as_json):
        moment = localise(session, question.received_at) if question.received_at else default
        found = examine(policy, phrasebook, question.text, moment)
        if as_json:
            print_json(describe(found))
        else:
            for line in narrate(session, found):
                click.echo(line)


def find_policy(session: Session, channel: str) -> Policy:
    """Return the policy of a channel; raises ConfigError that names those there are."""
    policies = build_policies(session.config)
    if channel not in policies:
        raise ConfigError(f"--channel: found {channel!r}, wanted one of {', '.join(policies)}")
    return policies[ChannelName(channel)]


def read_questions(text: str | None, *, as_json: bool) -> Iterator[Question]:
    """Yield the text of the command line, or else what standard input holds."""
    if text is not None:
        yield Question(text)
    elif as_json:
        for number, line in enumerate(sys.stdin.buffer, start=1):
            if line.strip():
                yield decode_question(number, line)
    else:
        yield Question(sys.stdin.buffer.read().decode("utf-8", "replace"))


def decode_question(number: int, line: bytes) -> Question:
    """Decode one line of standard input."""
    try:
        return msgspec.json.decode(line, type=Question)
    except msgspec.DecodeError as error:
        raise click.UsageError(
            f'line {number} of standard input: {error}; wanted {{"text": "...", "received_at"?: '
            '"2026-11-24T12:00:00+07:00"}'
        ) from None


def parse_moment(session: Session, text: str) -> dt.datetime:
    """Read ``--at``."""
    try:
        return localise(session, dt.datetime.fromisoformat(text))
    except ValueError:
        raise click.BadParameter(
            f"found {text!r}, wanted a time like 2026-11-26T23:59", param_hint="--at"
        ) from None


def localise(session: Session, at: dt.datetime) -> dt.datetime:
    """Return *at*, in the service's time zone when it names none."""
    return at if at.tzinfo else at.replace(tzinfo=session.config.zone)


def examine(policy: Policy, phrasebook: Phrasebook, text: str, at: dt.datetime) -> Explanation:
    """Judge *text* as if it came at *at* and nothing had come before."""
    message = InboundMessage(
        channel=policy.channel,
        external_id="",
        received_at=at,
        text=text,
        raw=b"",
        media_type="text/plain",
    )
    submission = parse(text)
    occasion = open_occasion(policy, RECEIPT, at)
    judgement = judge_message(message, submission, occasion, Standings(), phrasebook)
    return Explanation(submission, occasion, judgement)


def describe(found: Explanation) -> dict[str, object]:
    """Return the verdict as one object."""
    judgement = found.judgement
    return {
        "readings": [describe_reading(reading) for reading in judgement.readings],
        "disposition": judgement.verdict.disposition,
        "reason": judgement.verdict.reason,
        "remainder": judgement.remainder,
        "reply": judgement.reply,
    }


def describe_reading(reading: JudgedReading) -> dict[str, object]:
    """Return one reading as an object."""
    return {
        "account": reading.account,
        "values": reading.values,
        "disposition": reading.verdict.disposition,
        "reason": reading.verdict.reason,
        "period": render_period(reading.period) if reading.period else None,
        "read_on": reading.read_on,
        "fragment": reading.fragment,
    }


def narrate(session: Session, found: Explanation) -> Iterator[str]:
    """Yield the steps in the order in which they are taken."""
    occasion, judgement = found.occasion, found.judgement
    day = occasion.day
    yield f"1. received {session.local(occasion.received_at)} by {occasion.policy.channel}"
    window = occasion.policy.window
    edge = day.closes_at if day.is_open else day.next_opening
    word = "open, until" if day.is_open else "shut, opens"
    days = window.find_days(occasion.received_on)
    yield f"2. window {window.name} ({days}): {word} {session.local(edge) or 'further notice'}"
    yield f"3. read: {len(found.submission.items)} item(s)"
    for item in found.submission.items:
        kind = f"not believed: {item.reason}" if isinstance(item, Misreading) else "a reading"
        values = " / ".join(map(str, item.values)) or "none"
        yield f"     {item.fragment!r}: {kind}, account {item.account!r}, values {values}"
    if found.submission.remainder:
        yield f"     not read: {found.submission.remainder!r}"
    yield "4. judged by the laws in their order (earlier readings are not looked at here)"
    for reading in judgement.readings:
        period = f", counts for {render_period(reading.period)}" if reading.period else ""
        yield f"     {reading.line}. {reading.verdict.disposition} {reading.verdict.reason}{period}"
    yield f"5. the whole: {judgement.verdict.disposition} {judgement.verdict.reason}"
    yield "6. reply" + ("" if judgement.reply else ": none")
    for line in judgement.reply.splitlines():
        yield f"     {line}"
    if RECEIPT in judgement.reply:
        yield f"     (the receipt {RECEIPT} is made up: nothing was recorded)"
