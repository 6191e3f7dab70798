"""How the morning is shown: as blocks on a terminal, or as one JSON object a scene."""

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from ingest.demo.couriers import name_address
from ingest.demo.script import (
    Check,
    Letter,
    Message,
    Mismatch,
    Played,
    Push,
    Registry,
    Seen,
    Sms,
    Tally,
    count_verdicts,
)
from ingest.model import Disposition, Reason, Verdict

MOST_LINES = 20
"""Lines of a message or of an answer that are shown."""
FEW_LINES = 8
"""Lines that are shown again when they come again."""
LABEL, INDENT, LEAST_WIDTH = 8, 10, 20
"""Columns for labels, labels with the space behind them, and at least for what is beside them."""
WORDS = {
    Disposition.ACCEPT: "accepted",
    Disposition.HOLD: "held",
    Disposition.REJECT: "rejected",
    Disposition.IGNORE: "ignored",
}
STYLES = {
    Disposition.ACCEPT: "green",
    Disposition.HOLD: "yellow",
    Disposition.REJECT: "red",
    Disposition.IGNORE: "bright_black",
}
GOOD, BAD, DIM = "bold green", "bold red", "bright_black"
REFUSED = "345"
"""How the codes of upstreams begin that say no."""


class TerminalShow:
    """Blocks of text on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._scenes = 0
        self._shown: set[str] = set()
        """Long texts; they are shown once."""

    def begin(self, scenes: int) -> None:
        """Say what is about to happen."""
        self._scenes = scenes
        self._console.print(Text("A morning of meter readings", style="bold"))
        about = (
            "A daemon of its own with PostgreSQL, on a throw-away folder; real SMTP, HTTP and "
            "files, all on loopback. Starting takes a few seconds."
        )
        for line in self._wrap(Text(about, style=DIM)):
            self._console.print(line)

    def show_scene(self, number: int, played: Played) -> None:
        """Show one scene that was played."""
        scene, seen = played.scene, played.seen
        style = BAD if played.mismatches else GOOD
        self._console.print()
        self._console.print(Rule(style=DIM))
        self._put(f"{number}/{self._scenes}", Text(scene.title, style="bold"), style)
        self._put("from", describe_sender(scene.message))
        self._put("sent", self._quote(scene.message.text))
        self._put("told", describe_status(seen))
        self._put("verdict", describe_verdict(seen))
        self._put_answers(seen)
        self._put_mismatches(played.mismatches)

    def show_check(self, check: Check) -> None:
        """Show what holds at the end."""
        word, style = ("not met", BAD) if check.mismatches else ("met", GOOD)
        self._console.print()
        self._put(word, Text(check.title, style="bold"), style)
        self._put_mismatches(check.mismatches)

    def end(self, tally: Tally) -> None:
        """Show the whole in figures."""
        self._console.print()
        self._console.print(Rule(style=DIM))
        for name, value in list_figures(tally):
            self._put(name, value)
        self._console.print()
        whole = tally.scenes + tally.checks
        if tally.unmet:
            line = Text(f"{tally.unmet} of {whole} expectations not met", style=BAD)
        else:
            line = Text(f"all {whole} expectations met", style=GOOD)
        self._console.print(line)

    def fail(self, problem: str) -> None:
        """Show why the play broke off."""
        self._console.print()
        self._console.print(Text(clean(problem), style=BAD))

    def _put(self, label: str, text: Text, style: str = DIM) -> None:
        """Print a label, and beside it a text."""
        for line in self._wrap(text, INDENT):
            whole = Text.assemble((f"{label:>{LABEL}}", style), "  ", line)
            whole.rstrip()
            self._console.print(whole)
            label = ""

    def _wrap(self, text: Text, indent: int = 0) -> Iterator[Text]:
        """Yield the lines of a text as the terminal has room for them; they are never padded."""
        width = max(self._console.width - indent, LEAST_WIDTH)
        for line in text.wrap(self._console, width, overflow="fold"):
            line.rstrip()
            yield line

    def _put_answers(self, seen: Seen) -> None:
        """Print the answers; the time that it took stands with the first."""
        took = f"  ({seen.milliseconds:.0f} ms)"
        if not seen.answers:
            self._put("answer", Text("none", style=DIM))
        for answer in seen.answers:
            self._put("answer", Text.assemble((clean(answer.label), "cyan"), (took, DIM)))
            self._put("", self._quote(answer.text, "bold"))
            took = ""

    def _put_mismatches(self, mismatches: Iterable[Mismatch]) -> None:
        """Print what went otherwise than wanted."""
        for one in mismatches:
            self._put("not met", Text(clean(one.what), style=BAD), BAD)
            self._put("found", Text(clean(one.found), style="red"))
            self._put("wanted", Text(clean(one.wanted)))

    def _quote(self, text: str, style: str = "") -> Text:
        """Return a text as it came; of a long one the beginning, and that only once."""
        lines = clean(text).strip("\n").split("\n")
        if len(lines) > FEW_LINES and text in self._shown:
            return Text(f"the same {len(lines)} lines as before", style=DIM)
        self._shown.add(text)
        shown = Text("\n".join(lines[:MOST_LINES]), style=style)
        if len(lines) > MOST_LINES:
            shown.append(f"\n... ({len(lines) - MOST_LINES} more lines)", style=DIM)
        return shown


class JsonShow:
    """One JSON object a scene, and one for each thing that must hold at the end."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def begin(self, scenes: int) -> None:
        """Say nothing."""

    def show_scene(self, number: int, played: Played) -> None:
        """Write one scene that was played."""
        self._dump(describe_scene(played))

    def show_check(self, check: Check) -> None:
        """Write what holds at the end."""
        self._dump(
            {
                "scene": check.key,
                "title": check.title,
                "met": not check.mismatches,
                "mismatches": check.mismatches,
            }
        )

    def end(self, tally: Tally) -> None:
        """Say nothing: whoever reads JSON can count."""

    def fail(self, problem: str) -> None:
        """Write why the play broke off."""
        self._dump({"scene": "", "title": problem, "met": False})

    def _dump(self, value: object) -> None:
        self._write(msgspec.json.encode(value).decode())


def describe_scene(played: Played) -> dict[str, object]:
    """Return a scene that was played as an object."""
    scene, seen = played.scene, played.seen
    return {
        "scene": scene.key,
        "title": scene.title,
        "sender": name_address(scene.message),
        "sent": scene.message.text,
        "status": seen.status,
        "told": seen.words,
        "receipt": seen.receipt,
        "disposition": seen.verdict.disposition if seen.verdict else None,
        "reason": seen.verdict.reason if seen.verdict else None,
        "readings": [
            {
                "account": reading.account,
                "values": reading.values,
                "disposition": reading.verdict.disposition,
                "reason": reading.verdict.reason,
            }
            for reading in seen.readings
        ],
        "answers": seen.answers,
        "milliseconds": round(seen.milliseconds, 1),
        "met": not played.mismatches,
        "mismatches": played.mismatches,
    }


def describe_sender(message: Message) -> Text:
    """Say who sends a message, and how."""
    match message:
        case Letter():
            return Text(f"{message.name} <{message.address}>, mail to {message.recipient}")
        case Sms():
            return Text(
                f"{message.number} ({message.name}), SMS by GET /channels/{message.channel}"
            )
        case Push():
            return Text(f"{message.number} ({message.name}), SMS by POST /channels/sms-push")
        case Registry():
            return Text(f"CityPay, file in/{message.file_name}")


def describe_status(seen: Seen) -> Text:
    """Say what the upstream was told."""
    if not seen.status:
        return Text("nothing", style=BAD)
    if not seen.status.isdigit():
        return Text(f"the file was moved to {seen.status}/")
    is_refused = seen.status[0] in REFUSED
    return Text(clean(f"{seen.status} {seen.words}"), style="red" if is_refused else "")


def describe_verdict(seen: Seen) -> Text:
    """Say how the readings were judged, or the message without any; in the colour of each."""
    if seen.verdict is None:
        return Text("nothing new is recorded", style=DIM)
    verdicts = count_verdicts(seen.readings) or {seen.verdict: 1}
    text = Text()
    for verdict, count in verdicts.items():
        text.append(", " if text else "")
        times = f"{count} " if count > 1 else ""
        text.append(f"{times}{say_verdict(verdict)}", style=STYLES[verdict.disposition])
    return text


def say_verdict(verdict: Verdict) -> str:
    """Return a verdict in words; what is accepted in the normal way needs no reason."""
    word = WORDS[verdict.disposition]
    return word if verdict.reason is Reason.ACCEPTED else f"{word} ({verdict.reason})"


def list_figures(tally: Tally) -> Iterator[tuple[str, Text]]:
    """Yield the figures of the morning."""
    yield "scenes", Text(str(tally.scenes))
    yield "messages", describe_counts(tally.messages)
    yield "readings", describe_counts(tally.readings)
    yield "answers", Text(f"{tally.answers}, half of them within {tally.median_ms:.0f} ms")
    yield "time", Text(f"{tally.seconds:.1f} s, with starting and stopping everything")


def describe_counts(counts: Mapping[Disposition, int]) -> Text:
    """Return how many came to what, in colours."""
    parts = [
        Text(f"{count} {WORDS[disposition]}", style=STYLES[disposition])
        for disposition, count in counts.items()
        if count
    ]
    return Text(f"{sum(counts.values())}: ") + Text(", ").join(parts)


def clean(text: str) -> str:
    """Return text that cannot move the cursor or colour the terminal; line ends stay."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)
