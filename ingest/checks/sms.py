"""What is wrong with a channel for texts that single fields cannot say."""

import datetime as dt
from collections.abc import Iterator

from ingest.checks.values import (
    check_networks,
    check_pattern,
    check_zone,
    find_placeholders,
    has_group,
    hide_url,
    split_url,
)
from ingest.quiet import parse_quiet_hours
from ingest.settings import SmsPace, SmsReports, SmsSend, SmsSettings

PLACEHOLDERS = (
    "address",
    "digits",
    "text",
    "text_hex",
    "receipt",
    "id",
    "secret",
    "report_url",
)

TEXTED_BACK = ("kannel", "twilio")
"""Gateways for which the response body is the reply."""


def check_sms(where: str, channel: SmsSettings, is_safe: bool) -> Iterator[str]:
    """Yield what is wrong with an ``sms`` channel; *is_safe* when only this machine reaches it."""
    yield from check_networks(f"{where}.allow_from", channel.allow_from)
    yield from check_sms_text(where, channel)
    if channel.gateway == "declarative" and channel.fields is None:
        yield f"{where}.fields: this table is missing; gateway = 'declarative' needs it"
    if channel.auth is None and not channel.allow_from and not is_safe:
        yield (
            f"{where}.auth: this table is missing, and http.listen can be reached from outside; "
            f"give [{where}.auth] or allow_from, or let http.listen be on 127.0.0.1"
        )
    if channel.journal and channel.send is None and channel.database is None:
        yield (
            f"{where}.send: this table is missing, and journal = true wants it: the verdict on "
            "what was kept on disk comes later and has to be sent"
        )
    is_told = channel.auth is not None or channel.allow_from
    if channel.gateway in {"smsc", "exolve"} and channel.poll.secret is None and not is_told:
        yield (
            f"{where}.poll.secret: this key is missing, so that no texts are asked for; "
            "wanted auth or allow_from at least, for those that are pushed"
        )
    if channel.database is not None:
        if channel.gateway != "gammu":
            yield f"{where}.database: found this table, wanted gateway = 'gammu' with it"
        yield from check_pace(f"{where}.database", channel.database)
    yield from check_clock(where, channel)
    yield from check_way_back(where, channel)


def check_clock(where: str, channel: SmsSettings) -> Iterator[str]:
    """Yield what keeps the times of a gateway from being judged by: they lack a zone."""
    is_listed = channel.gateway == "smsc" and channel.poll.secret is not None
    if (is_listed or channel.database is not None) and not channel.time_zone:
        whose = "in their lists" if is_listed else "of smsd's machine"
        if channel.trust_arrival_for > 0:
            yield (
                f"{where}.time_zone: this key is missing, and texts are judged by when they came "
                f"to the gateway; wanted the zone of the times {whose}, like 'Europe/Moscow', or "
                "trust_arrival_for = 0"
            )


def check_way_back(where: str, channel: SmsSettings) -> Iterator[str]:
    """Yield what keeps an answer from its sender."""
    if channel.send is not None:
        is_whole = channel.gateway == "declarative"
        yield from check_send(f"{where}.send", channel.send, is_whole=is_whole)
    elif channel.gateway == "declarative" and "{reply}" not in channel.ack.body:
        yield (
            f"{where}.send: this table is missing, and ack.body has no {{reply}}; "
            "one of them must carry the answer to the sender"
        )
    elif channel.gateway not in {"declarative", *TEXTED_BACK} and channel.database is None:
        yield (
            f"{where}.send: this table is missing, and {channel.gateway} texts no response back; "
            "it must carry the answer to the sender"
        )


def check_sms_text(where: str, channel: SmsSettings) -> Iterator[str]:
    """Yield what is wrong with the way texts and times are written."""
    yield from check_zone(f"{where}.time_zone", channel.time_zone)
    try:
        "x".encode(channel.charset)
    except (LookupError, ValueError):
        yield f"{where}.charset: found {channel.charset!r}, wanted an encoding like 'utf-8'"
    if channel.time_format not in {"iso", "epoch", "epoch-ms"} and "%" not in channel.time_format:
        yield (
            f"{where}.time_format: found {channel.time_format!r}, "
            "wanted iso, epoch, epoch-ms or a format like '%d.%m.%Y %H:%M:%S'"
        )
    if channel.reports is not None:
        yield from check_reports(f"{where}.reports", channel.reports)
    if channel.fields is not None:
        parts = ("part_reference", "part_number", "part_total")
        missing = [name for name in parts if not getattr(channel.fields, name)]
        if 0 < len(missing) < len(parts):
            yield f"{where}.fields.{missing[0]}: this key is missing; all three are needed"
    if channel.batch and channel.body not in {"json", "auto"}:
        yield f"{where}.batch: found {channel.batch!r}, wanted body = 'json' with it"
    if channel.batch and "{reply}" in channel.ack.body:
        yield f"{where}.ack.body: found {{reply}}, but a batch has many senders; wanted send"


def check_reports(where: str, reports: SmsReports) -> Iterator[str]:
    """Yield what is wrong with the way delivery reports are read."""
    for key in ("delivered", "undelivered"):
        yield from check_pattern(f"{where}.{key}", getattr(reports, key))
    if not reports.id and not reports.reply:
        yield f"{where}: wanted id or reply, to know which text is reported on"


def check_send(where: str, send: SmsSend, *, is_whole: bool) -> Iterator[str]:
    """
    Yield what is wrong with the request that sends a text.

    *is_whole* says that nothing is known of the gateway, so that all must be given. What a gateway
    of ours brings along is looked at when both come together.
    """
    split = split_url(send.url)
    is_url = split is not None and split.scheme in {"http", "https"} and bool(split.hostname)
    if not is_url and (send.url or is_whole):
        yield f"{where}.url: found {hide_url(send.url)}, wanted https://HOST/PATH"
    host = send.values.get("host", "")
    if not send.url and "/" in host:  # it goes into the gateway's own URL
        yield (
            f"{where}.values.host: found {hide_url(host)}, wanted a bare host name like "
            "api.example.org"
        )
    for key in ("success", "id_pattern", "permanent", "retry"):
        yield from check_pattern(f"{where}.{key}", getattr(send, key) or "")
    if send.id_pattern and not has_group(send.id_pattern):
        yield f"{where}.id_pattern: found no group in it, wanted one round the id"
    yield from check_pace(where, send)
    if is_whole:
        yield from check_placeholders(where, send)


def check_pace(where: str, pace: SmsPace) -> Iterator[str]:
    """Yield what is wrong with when answers leave."""
    if pace.quiet_hours:
        try:
            parse_quiet_hours(pace.quiet_hours, dt.UTC)
        except ValueError as error:
            yield f"{where}.quiet_hours: {error}"


def check_placeholders(where: str, send: SmsSend) -> Iterator[str]:
    """Yield what is wrong with what is put in."""
    used = {name for value in send.fields.values() for name in find_placeholders(value)}
    for name, others in (("address", {"digits"}), ("text", {"text_hex"})):
        if used.isdisjoint(others | {name}):
            yield f"{where}.fields: found no {{{name}}} in it, wanted the {name} of the message"
    used |= {name for value in send.headers.values() for name in find_placeholders(value)}
    known = [*PLACEHOLDERS, *send.values]
    for name in sorted(used.difference(known)):
        yield f"{where}: found {{{name}}}, wanted one of {{{'}, {'.join(known)}}}"
    if "secret" in used and send.secret is None:
        yield f"{where}.secret: this key is missing, and {{secret}} stands for it"
