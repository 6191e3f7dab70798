"""The request that sends a text: what the gateway wants, changed by what config.toml says. Pure."""

import re
from collections.abc import Iterator

from msgspec import Struct

from ingest.errors import ConfigError
from ingest.nesting import nest
from ingest.settings import BasicAuth, Secret, SmsSend

PLACEHOLDER = re.compile(r"\{(\w+)\}")
OURS = frozenset({"address", "digits", "text", "text_hex", "receipt", "id", "secret", "report_url"})
"""Placeholders that are always filled."""


class SendPlan(Struct, frozen=True, kw_only=True):
    """Everything that one request needs, with placeholders still in it."""

    url: str
    method: str
    body: str
    fields: dict[str, str]
    headers: dict[str, str]
    values: dict[str, str]
    secret: Secret | None
    basic: BasicAuth | None
    success: str
    id_pattern: str
    permanent: str
    retry: str
    idempotent: bool
    timeout: float
    transliterate: bool


class Preset(Struct, frozen=True):
    """What a gateway brings along for the texts that we send."""

    send: SmsSend | None = None
    """The request, as the gateway wants it."""
    report_url: str = ""
    """Where it reports what became of them; empty where it cannot reach us."""


def make_plan(given: SmsSend, preset: Preset) -> SendPlan:
    """
    Put *given* over the gateway's *preset*; raises ConfigError that begins with the key.

    An empty field or header of *given* takes that of the preset away. What has both a URL and a
    place for the text is a whole request: nothing is put beside it.
    """
    own = SmsSend() if is_whole(given) else preset.send or SmsSend()
    plan = SendPlan(
        url=given.url or own.url,
        method=given.method or own.method or "POST",
        body=given.body or own.body or "form",
        fields=join_queries(
            drop_empty(list_own(own, preset.report_url) | given.fields), preset.report_url
        ),
        headers=drop_empty(own.headers | given.headers),
        values={"report_url": preset.report_url} | own.values | given.values,
        secret=given.secret,
        basic=given.basic,
        success=choose(given.success, own.success),
        id_pattern=choose(given.id_pattern, own.id_pattern),
        permanent=choose(given.permanent, own.permanent),
        retry=choose(given.retry, own.retry),
        idempotent=own.idempotent is True if given.idempotent is None else given.idempotent,
        timeout=given.timeout,
        transliterate=given.transliterate,
    )
    for problem in check_plan(plan):
        raise ConfigError(problem)
    if plan.body == "json":
        nest(plan.fields)  # names that exclude each other show now, not at the first reply
    return plan


def is_whole(given: SmsSend) -> bool:
    """Tell whether *given* leaves nothing to the gateway."""
    return bool(given.url) and any("{text" in value for value in given.fields.values())


def list_own(own: SmsSend, report_url: str) -> dict[str, str]:
    """Return the gateway's fields, without those for reports where it could not reach us."""
    return {
        name: value
        for name, value in own.fields.items()
        if report_url or "{report_url}" not in value
    }


def choose(given: str | None, own: str | None) -> str:
    """Return what was given, even if it is empty, or else the gateway's own."""
    return (own or "") if given is None else given


def drop_empty(fields: dict[str, str]) -> dict[str, str]:
    """Return the fields that hold something."""
    return {name: value for name, value in fields.items() if value}


def join_queries(fields: dict[str, str], report_url: str) -> dict[str, str]:
    """Go on with ``&`` after a report address that has a query already: its secret."""
    if "?" not in report_url:
        return fields
    return {name: text.replace("{report_url}?", "{report_url}&") for name, text in fields.items()}


def check_plan(plan: SendPlan) -> Iterator[str]:
    """Yield what keeps the request from being made."""
    if not plan.url:
        yield "url: this key is missing; this gateway has no address of its own"
    for name in sorted(OURS & plan.values.keys() - {"report_url"}):
        yield f"values.{name}: found a value, wanted another name: {{{name}}} is ours"
    used = list_placeholders(plan)
    for wanted in ("address|digits", "text|text_hex"):
        if used.isdisjoint(wanted.split("|")):
            yield f"fields: found none with {{{wanted.split('|')[0]}}} in it, wanted one"
    for name in sorted(used - OURS - plan.values.keys()):
        yield f"values.{name}: this key is missing, and {{{name}}} stands for it"
    yield from check_ours(plan, used)


def list_placeholders(plan: SendPlan) -> set[str]:
    """Return the names of everything that is to be put in."""
    templates = [plan.url, *plan.fields.values(), *plan.headers.values()]
    if plan.basic is not None:
        templates.append(plan.basic.username)
    return {name for text in templates for name in PLACEHOLDER.findall(text)}


def check_ours(plan: SendPlan, used: set[str]) -> Iterator[str]:
    """Yield what our own placeholders lack."""
    if "secret" in used and plan.secret is None:
        yield "secret: this key is missing, and {secret} stands for it"
    if "report_url" in used and not plan.values["report_url"]:
        where = [name for name, text in plan.fields.items() if "{report_url}" in text]
        yield (
            f"fields.{''.join(where[:1])}: found {{report_url}} in it, wanted http.public_url as "
            "well, where the gateway reaches us for delivery reports; or '' to do without them"
        )


def fill(text: str, values: dict[str, str]) -> str:
    """Put values in for placeholders, in one pass: what a value contains is never filled again."""
    filled = PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)
    return filled.encode("utf-8", "replace").decode()
