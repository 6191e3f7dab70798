"""What is wrong with a channel for texts that single fields cannot say."""

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
from ingest.settings import SecretAuth, SmsSend, SmsSettings

PLACEHOLDERS = ("address", "text", "receipt", "id", "secret")


def check_sms(where: str, channel: SmsSettings, is_safe: bool) -> Iterator[str]:
    """Yield what is wrong with an ``sms`` channel; *is_safe* when only this machine reaches it."""
    yield from check_networks(f"{where}.allow_from", channel.allow_from)
    yield from check_sms_text(where, channel)
    if channel.gateway == "declarative" and channel.fields is None:
        yield f"{where}.fields: this table is missing; gateway = 'declarative' needs it"
    if isinstance(channel.auth, SecretAuth) and not (channel.auth.header or channel.auth.field):
        yield f"{where}.auth: wanted header or field, where the gateway puts the secret"
    if channel.auth is None and not channel.allow_from and not is_safe:
        yield (
            f"{where}.auth: this table is missing, and http.listen can be reached from outside; "
            f"give [{where}.auth] or allow_from, or let http.listen be on 127.0.0.1"
        )
    if channel.send is not None:
        yield from check_send(f"{where}.send", channel.send)
    elif channel.gateway == "declarative" and "{reply}" not in channel.ack.body:
        yield (
            f"{where}.send: this table is missing, and ack.body has no {{reply}}; "
            "one of them must carry the answer to the sender"
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
    if channel.batch and channel.body != "json":
        yield f"{where}.batch: found {channel.batch!r}, wanted body = 'json' with it"
    if channel.batch and "{reply}" in channel.ack.body:
        yield f"{where}.ack.body: found {{reply}}, but a batch has many senders; wanted send"


def check_send(where: str, send: SmsSend) -> Iterator[str]:
    """Yield what is wrong with the request that sends a text."""
    split = split_url(send.url)
    if split is None or split.scheme not in {"http", "https"} or not split.hostname:
        yield f"{where}.url: found {hide_url(send.url)}, wanted https://HOST/PATH"
    for key in ("success", "id_pattern", "permanent"):
        yield from check_pattern(f"{where}.{key}", getattr(send, key))
    if send.id_pattern and not has_group(send.id_pattern):
        yield f"{where}.id_pattern: found no group in it, wanted one round the id"
    used = {name for value in send.fields.values() for name in find_placeholders(value)}
    for name in ("address", "text"):
        if name not in used:
            yield f"{where}.fields: found no {{{name}}} in it, wanted the {name} of the message"
    used |= {name for value in send.headers.values() for name in find_placeholders(value)}
    for name in sorted(used.difference(PLACEHOLDERS)):
        yield f"{where}: found {{{name}}}, wanted one of {{{'}, {'.join(PLACEHOLDERS)}}}"
    if "secret" in used and send.secret is None:
        yield f"{where}.secret: this key is missing, and {{secret}} stands for it"
