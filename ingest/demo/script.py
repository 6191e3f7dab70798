"""What the demo plays: messages, what each must lead to, and what was seen. Values only."""

import collections
from collections.abc import Mapping
from typing import TypeAlias

from msgspec import Struct

from ingest.model import Disposition, JudgedReading, Verdict

ENERGY = "energy@krsk-sbit.example"
"""Where the demo takes mail."""


class Letter(Struct, frozen=True, kw_only=True):
    """A mail, handed over by SMTP."""

    name: str
    address: str
    subject: str
    text: str
    is_html: bool = False
    charset: str = "utf-8"
    recipient: str = ENERGY
    headers: Mapping[str, str] = {}


class Sms(Struct, frozen=True, kw_only=True):
    """A text through Kannel: a GET, and the body of the response is texted back."""

    number: str
    text: str
    id: str
    name: str = ""
    channel: str = "sms"


class Push(Struct, frozen=True, kw_only=True):
    """A text that a gateway posts as JSON with a secret; the answer is a request back to it."""

    number: str
    text: str
    id: str
    name: str = ""
    knows_secret: bool = True
    parts: int = 1
    """In how many it comes, the last one first."""


class Registry(Struct, frozen=True, kw_only=True):
    """A partner's file, dropped into its folder."""

    file_name: str
    text: str


Message: TypeAlias = Letter | Sms | Push | Registry


class Wanted(Struct, frozen=True, kw_only=True):
    """What a message must lead to."""

    status: str
    """What the upstream is told: an SMTP code, an HTTP status, or the folder of a registry."""
    verdict: Verdict | None = None
    """Of the message; None when nothing new may be recorded."""
    readings: tuple[Verdict, ...] = ()
    answer: tuple[str, ...] = ()
    """What must stand in the answer; without it and ``same_as`` there must be none."""
    same_as: str = ""
    """The scene whose answer must come again, word for word."""

    @property
    def is_answered(self) -> bool:
        """Whether the sender must get an answer."""
        return bool(self.answer or self.same_as)


class Scene(Struct, frozen=True, kw_only=True):
    """One message with what it must lead to."""

    key: str
    title: str
    message: Message
    wanted: Wanted


class Answer(Struct, frozen=True):
    """What a sender got: a mail, a text, or a file."""

    label: str
    text: str
    answers_to: str = ""
    """The Message-ID that a mail says to answer."""


class Seen(Struct, frozen=True, kw_only=True):
    """What a message led to."""

    status: str = ""
    words: str = ""
    """What the upstream was told beside the status."""
    receipt: str = ""
    verdict: Verdict | None = None
    readings: tuple[JudgedReading, ...] = ()
    answers: tuple[Answer, ...] = ()
    milliseconds: float = 0.0
    """From sending to the answer; where none is due, to the upstream's OK."""
    trouble: str = ""
    """What kept the scene from being played to its end."""


class Mismatch(Struct, frozen=True):
    """One thing that went otherwise than wanted."""

    what: str
    found: str
    wanted: str


class Played(Struct, frozen=True):
    """A scene that was played."""

    scene: Scene
    seen: Seen
    mismatches: tuple[Mismatch, ...]


class Check(Struct, frozen=True):
    """Something that must hold once all scenes are played."""

    key: str
    title: str
    mismatches: tuple[Mismatch, ...] = ()


class Billed(Struct, frozen=True, order=True):
    """A register as it goes to billing."""

    account: str
    register: int
    value: int


class Tally(Struct, frozen=True, kw_only=True):
    """The morning in figures."""

    scenes: int
    unmet: int
    """Expectations that were not met, scenes and checks together."""
    checks: int
    messages: Mapping[Disposition, int]
    readings: Mapping[Disposition, int]
    answers: int
    seconds: float
    median_ms: float


def name_verdict(verdict: Verdict | None) -> str:
    """Return a verdict as it is written everywhere: ``reject account_malformed``."""
    return "" if verdict is None else f"{verdict.disposition} {verdict.reason}"


def count_verdicts(readings: tuple[JudgedReading, ...]) -> dict[Verdict, int]:
    """Return how many readings came to which verdict, in the order of the first of each."""
    return dict(collections.Counter(reading.verdict for reading in readings))
