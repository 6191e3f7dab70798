"""
Verdicts to words: writes the acknowledgement that the sender reads.

Rule 1. The words stand in ``templates/LANGUAGE/FORM/``, one file per reason. ``opening.txt`` says
what became of one reading, and the reason's file puts it first; ``message.txt`` is the mail around
it, ``several.txt`` what is said of a message with more than one reading.

Rule 2. In the short form every line is a complete text, the best one first. The first that fits
into one SMS is sent. Loading makes sure that one fits, however long account and values are.

Rule 3. Of what the sender wrote only accounts, values and fragments are said back: no control
characters, no links, and no more than 60 characters of a fragment.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import chain, product
from pathlib import Path

from jinja2 import DictLoader, StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from msgspec import Struct
from msgspec.structs import replace

from ingest.errors import ConfigError
from ingest.letters import clean_line
from ingest.model import Disposition, Form, JudgedReading, Reason, Verdict
from ingest.wording import (
    LONGEST_ACCOUNT,
    LONGEST_SMS,
    Context,
    Language,
    choose_plural,
    count_units,
    describe_all,
    describe_reading,
    fit_sms,
    pick_items,
    render_day,
    tidy,
)

LANGUAGES: tuple[Language, ...] = ("ru", "en")
FRAMES = {
    Form.LONG: ("opening", "message", "several"),
    Form.SHORT: ("opening", "several", "received"),
}
LONGEST_CONTACT = 200

OF_WHOLE = frozenset(
    {
        Reason.AUTOMATIC_MAIL,
        Reason.SENDER_REFUSED,
        Reason.TOO_LARGE,
        Reason.INCOMPLETE,
        Reason.FAILED,
    }
)
"""Reasons that concern a message whatever readings are in it."""
NEEDS_ADVICE = frozenset({Disposition.HOLD, Disposition.REJECT})
NOTHING_TO_SEND = frozenset(
    {Reason.WINDOW_CLOSED, Reason.ACCOUNT_CLOSED, Reason.SENDER_REFUSED, Reason.FAILED}
)
"""Reasons after which no last day is told: there is nothing to send, or the text has said when."""


class Facts(Struct, frozen=True, kw_only=True):
    """What an acknowledgement states."""

    verdict: Verdict
    """Of the whole message."""
    receipt: str
    received_on: dt.date
    """The local day of arrival; a reading for a later month says so."""
    readings: tuple[JudgedReading, ...] = ()
    closes_at: dt.datetime | None = None
    """In local time, the first moment that is shut again; None while the window is shut."""
    next_opening: dt.datetime | None = None
    """In local time; told while the window is shut."""
    contact: str = ""


class Phrasebook:
    """All templates, compiled; see :func:`load_phrasebook`."""

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self._templates = {key: templates[locate(*key)] for key in list_templates()}

    def render(self, facts: Facts, language: Language, form: Form) -> str:
        """Return the acknowledgement; empty for automatic mail, which is never answered."""
        text = self.render_variants(facts, language, form)
        return fit_sms(text, facts.receipt) if text and form is Form.SHORT else text

    def render_received(self, language: Language) -> str:
        """Return the SMS to whoever's text is kept and not judged yet; it has no receipt."""
        return self._fill((language, Form.SHORT, "received"), {}).strip()

    def render_variants(self, facts: Facts, language: Language, form: Form) -> str:
        """Return a mail, or the lines of which the first that fits makes the SMS."""
        verdict = facts.verdict
        if verdict.reason is Reason.AUTOMATIC_MAIL or verdict.disposition is Disposition.IGNORE:
            return ""
        facts = leave_out_untold(facts)
        context = describe_message(facts, language)
        if len(facts.readings) > 1:
            text = self._render_several(facts, (language, form), context)
        else:
            reading = facts.readings[0] if facts.readings else make_whole(verdict)
            text = self._render_one(reading, facts, (language, form), context)
        if form is Form.SHORT:
            return text
        context["body"] = text.strip()
        context["remind"] = needs_reminder(facts)
        return tidy(self._fill((language, form, "message"), context))

    def _render_one(
        self, reading: JudgedReading, facts: Facts, kind: tuple[Language, Form], context: Context
    ) -> str:
        """Say what became of one reading; its context is added to that of the message."""
        context |= describe_reading(reading, kind[0], facts.received_on)
        context["opening"] = self._fill((*kind, "opening"), context).strip()
        return self._fill((*kind, reading.verdict.reason), context)

    def _render_several(self, facts: Facts, kind: tuple[Language, Form], context: Context) -> str:
        """Say what became of the readings of one message."""
        context |= describe_all(facts.readings, kind[0], facts.received_on)
        if kind[1] is Form.LONG:
            told = pick_items(facts.readings)
            context["omitted"] = len(facts.readings) - len(told)
            context["items"] = self._list_items(told, facts, kind, context | {"several": True})
        else:
            context["shared"] = self._render_shared(facts, kind, context)
        return self._fill((*kind, "several"), context)

    def _render_shared(self, facts: Facts, kind: tuple[Language, Form], context: Context) -> str:
        """Say why no reading counts, where all have one reason; nothing where they differ."""
        verdicts = {one.verdict for one in facts.readings}
        if len(verdicts) > 1 or facts.readings[0].verdict.disposition not in NEEDS_ADVICE:
            return ""
        return self._render_one(make_whole(*verdicts), facts, kind, dict(context)).strip()

    def _list_items(
        self,
        readings: Sequence[JudgedReading],
        facts: Facts,
        kind: tuple[Language, Form],
        context: Context,
    ) -> list[Context]:
        """Say what became of each reading; ``like`` names an earlier one with the same advice."""
        firsts: dict[Verdict, int] = {}
        items: list[Context] = []
        for reading in readings:
            text = self._render_one(reading, facts, kind, context).strip()
            first = firsts.setdefault(reading.verdict, reading.line)
            is_like = first != reading.line and reading.verdict.disposition in NEEDS_ADVICE
            items.append(
                {
                    "line": reading.line,
                    "opening": context["opening"],
                    "text": text,
                    "like": first if is_like else 0,
                }
            )
        return items

    def _fill(self, key: tuple[Language, Form, str], context: Context) -> str:
        """Fill in one template; an operator's may raise whatever it likes."""
        try:
            return self._templates[key].render(context)
        except Exception as error:
            raise ConfigError(f"{locate(*key)}: {explain(error)}") from error


def load_phrasebook(own_templates: Path | None = None) -> Phrasebook:
    """
    Return the shipped templates, those in *own_templates* in place of theirs.

    Every text is tried out; raises ConfigError that names each broken file and what is wrong.
    """
    shipped = files("ingest").joinpath("templates")
    names = [locate(*key) for key in list_templates()]
    sources = {name: shipped.joinpath(name).read_text("utf-8") for name in names}
    if own_templates is None:
        return build_phrasebook(sources)
    own = read_own_templates(own_templates, names)
    try:
        phrasebook = build_phrasebook(sources | own)
        if own:
            check_phrasebook(phrasebook)
    except ConfigError as error:
        problems = str(error).splitlines()
        raise ConfigError("\n".join(f"{own_templates}/{one}" for one in problems)) from None
    return phrasebook


def read_own_templates(folder: Path, names: Sequence[str]) -> dict[str, str]:
    """Read the operators' files; raises ConfigError for one that could never be used."""
    if not folder.is_dir():
        raise ConfigError(f"{folder}: found no folder, wanted one with templates")
    own: dict[str, str] = {}
    for path in sorted(folder.rglob("*.txt")):
        name = path.relative_to(folder).as_posix()
        if name not in names:
            raise ConfigError(f"{path}: no text has this name; wanted one like {names[0]}")
        try:
            own[name] = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: cannot be read: {error}") from None
    return own


def build_phrasebook(sources: Mapping[str, str]) -> Phrasebook:
    """Compile every template; raises ConfigError with each that is malformed, one a line."""
    environment = ImmutableSandboxedEnvironment(
        loader=DictLoader(sources),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    environment.filters["plural"] = choose_plural
    templates: dict[str, Template] = {}
    problems: list[str] = []
    for name in sources:
        try:
            template = templates[name] = environment.get_template(name)
            # Every text is given a copy of the globals; of Jinja's ChainMap that takes longest.
            template.globals = dict(template.globals)
        except TemplateError as error:
            problems.append(f"{name}: {explain(error)}")
        if name.endswith("/message.txt") and "body" not in sources[name]:
            problems.append(f"{name}: a mail wants {{{{ body }}}} in it")
    if problems:
        raise ConfigError("\n".join(problems))
    return Phrasebook(templates)


def list_templates() -> list[tuple[Language, Form, str]]:
    """Return every template there has to be: language, form and name."""
    return [
        (language, form, name)
        for language, form in product(LANGUAGES, Form)
        for name in (*Reason, *FRAMES[form])
    ]


def locate(language: Language, form: Form, name: str) -> str:
    """Return the path of a template within its folder."""
    return f"{language}/{form}/{name}.txt"


def explain(error: Exception) -> str:
    """Say what is wrong with a template."""
    where = f"line {error.lineno}: " if isinstance(error, TemplateSyntaxError) else ""
    return where + " ".join(str(error).split())


def describe_message(facts: Facts, language: Language) -> Context:
    """Return what every template may say of the message."""
    closes = opens = ("", "")
    if facts.closes_at is not None:
        # The window is half-open: its last day is the one before the first moment shut.
        closes = render_day((facts.closes_at - dt.timedelta(microseconds=1)).date(), language)
    if facts.next_opening is not None:
        opens = render_day(facts.next_opening.date(), language)
    return {
        "receipt": clean_line(facts.receipt, LONGEST_ACCOUNT),
        "contact": clean_line(facts.contact, LONGEST_CONTACT),
        "received_on": facts.received_on,
        "closes_on": closes[0],
        "closes_short": closes[1],
        "opens_on": opens[0],
        "opens_short": opens[1],
        "several": False,
        "total": 1,
    }


def make_whole(verdict: Verdict) -> JudgedReading:
    """Return what stands for all of a message, without an account and values."""
    return JudgedReading(0, "", (), verdict, "")


def leave_out_untold(facts: Facts) -> Facts:
    """Return *facts* without readings of which nothing is said one by one."""
    if facts.verdict.reason in OF_WHOLE:
        return replace(facts, readings=())
    told = tuple(one for one in facts.readings if one.verdict.reason is not Reason.AUTOMATIC_MAIL)
    return facts if len(told) == len(facts.readings) else replace(facts, readings=told)


def needs_reminder(facts: Facts) -> bool:
    """Tell whether the sender may want to know until when another reading can be sent."""
    verdicts = [facts.verdict, *(reading.verdict for reading in facts.readings)]
    if any(verdict.reason in NOTHING_TO_SEND for verdict in verdicts):
        return False
    return any(verdict.disposition in NEEDS_ADVICE for verdict in verdicts)


def check_phrasebook(phrasebook: Phrasebook) -> None:
    """Try every text on what can happen; raises ConfigError with each that is wrong, one a line."""
    problems = chain(
        (
            find_problem(phrasebook, facts, language, form)
            for facts, language, form in product(list_samples(), LANGUAGES, Form)
        ),
        (find_problem_of_received(phrasebook, language) for language in LANGUAGES),
    )
    if found := list(dict.fromkeys(problem for problem in problems if problem)):
        raise ConfigError("\n".join(found))


def find_problem(phrasebook: Phrasebook, facts: Facts, language: Language, form: Form) -> str:
    """Say what is wrong with one text, or nothing."""
    try:
        text = phrasebook.render_variants(facts, language, form)
    except ConfigError as error:
        return str(error)
    if facts.verdict.reason is Reason.AUTOMATIC_MAIL:
        return ""
    own = "several" if len(facts.readings) > 1 else facts.verdict.reason
    lines = text.splitlines() if form is Form.SHORT else [text]
    if not text.strip() or not all(facts.receipt in line for line in lines if line):
        name = own if form is Form.SHORT else "message"
        return f"{locate(language, form, name)}: every text wants {{{{ receipt }}}} in it"
    shortest = min(map(count_units, lines))
    if form is Form.SHORT and shortest > LONGEST_SMS:
        return (
            f"{locate(language, form, own)}: the shortest line takes {shortest} characters "
            f"at the worst, wanted at most {LONGEST_SMS}"
        )
    return ""


def find_problem_of_received(phrasebook: Phrasebook, language: Language) -> str:
    """Say what is wrong with the text that is sent before there is a verdict, or nothing."""
    where = locate(language, Form.SHORT, "received")
    try:
        length = count_units(phrasebook.render_received(language))
    except ConfigError as error:
        return str(error)
    if not 0 < length <= LONGEST_SMS:
        return f"{where}: found {length} characters, wanted 1 to {LONGEST_SMS}"
    return ""


def list_samples() -> Iterator[Facts]:
    """Yield facts for every reason and disposition, as short and as long as they come."""
    day = dt.date(2026, 9, 25)
    closing = dt.datetime(2026, 9, 30, tzinfo=dt.UTC)
    widest = (10**18 - 1,) * 2
    accounts: tuple[tuple[str, tuple[int, ...]], ...] = (
        ("123456789012", (0,)),
        ("123456789012", widest),
        ("12345678901", ()),
        ("", ()),
    )
    refused = JudgedReading(
        2, "000000000017", (1,), Verdict(Disposition.REJECT, Reason.READING_MISSING), "17*"
    )
    for reason, disposition in product(Reason, (*NEEDS_ADVICE, Disposition.ACCEPT)):
        verdict = Verdict(disposition, reason)
        late = JudgedReading(
            1, "123456789012", widest, verdict, "1*2", period=dt.date(2026, 12, 1), previous=widest
        )
        readings = [
            JudgedReading(1, account, values, verdict, "1*2", dt.date(2026, 9, 1))
            for account, values in accounts
        ]
        sample = Facts(verdict=verdict, receipt="7K4M-2Q9X", received_on=day)
        for shown in (
            (),
            *((one,) for one in (*readings, late)),
            (late,) * 2,
            (late,) * 1000,
            (late, refused),
        ):
            yield replace(sample, readings=shown, closes_at=closing)
            yield replace(sample, readings=shown, next_opening=closing, contact="8 800 700-24-57")
