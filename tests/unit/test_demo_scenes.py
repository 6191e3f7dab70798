"""The demo's pure parts: what a scene expects, how it is compared, and how it is shown."""

import datetime as dt
import email
import email.policy
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from rich.console import Console

from ingest.calendar import Window, build_window
from ingest.cli import main
from ingest.config import load_config
from ingest.demo.comparison import compare, compare_billed, compare_silence
from ingest.demo.couriers import write_letter
from ingest.demo.display import JsonShow, TerminalShow
from ingest.demo.scenes import BILLED, MORNING
from ingest.demo.script import (
    Answer,
    Billed,
    Check,
    Letter,
    Message,
    Mismatch,
    Played,
    Registry,
    Scene,
    Seen,
    Sms,
    Tally,
    Wanted,
)
from ingest.demo.stage import Folder, Ports, find_free_ports, make_environ, render_config
from ingest.model import ACCEPTED, Disposition, JudgedReading, Reason, Verdict

NOW = dt.datetime(2026, 11, 30, 16, 59, 59, tzinfo=dt.UTC)
"""A second before midnight in Krasnoyarsk, on the last day of a month."""
PORTS = Ports(smtp=1, http=2, internal=3, relay=4, gateway=5)
REJECTED = Verdict(Disposition.REJECT, Reason.WINDOW_CLOSED)
READING = JudgedReading(1, "123456789012", (5467,), ACCEPTED, "123456789012*5467;")
ANSWER = Answer("SMS", "Принято 123456789012:\n5467 кВт·ч")
SEEN = Seen(status="200", verdict=ACCEPTED, readings=(READING,), answers=(ANSWER,))
WANTED = Wanted(
    status="200", verdict=ACCEPTED, readings=(ACCEPTED,), answer=("Принято", "012: 5467")
)
SILENT = Wanted(status="200", verdict=ACCEPTED, readings=(ACCEPTED,))


def a_seen(**changes: object) -> Seen:
    """Return a scene that went as wanted, but for *changes*."""
    return replace(SEEN, **changes)


def test_scene_as_wanted() -> None:
    """What is seen is what is wanted; where lines end in an answer does not matter."""
    assert () == compare(WANTED, SEEN)


@pytest.mark.parametrize(
    ("wanted", "seen", "what"),
    [
        pytest.param(WANTED, Seen(trouble="refused"), "course", id="not played to its end"),
        pytest.param(WANTED, a_seen(status="401"), "status", id="another status"),
        pytest.param(WANTED, a_seen(verdict=REJECTED), "verdict", id="another verdict"),
        pytest.param(WANTED, a_seen(verdict=None), "verdict", id="nothing recorded"),
        pytest.param(WANTED, a_seen(readings=()), "readings", id="a reading is missing"),
        pytest.param(WANTED, a_seen(answers=()), "answer", id="no answer"),
        pytest.param(SILENT, SEEN, "answer", id="an answer that nobody may get"),
    ],
)
def test_mismatch(wanted: Wanted, seen: Seen, what: str) -> None:
    """Whatever goes otherwise than wanted is told, and nothing else."""
    assert [what] == [mismatch.what for mismatch in compare(wanted, seen)]


def test_missing_words_are_named() -> None:
    """The words that an answer lacks are told beside the whole of it."""
    [mismatch] = compare(replace(WANTED, answer=("Принято", "до 25 числа")), SEEN)
    assert Mismatch("answer", ANSWER.text, "in it: до 25 числа") == mismatch


def test_same_answer_again() -> None:
    """A repeat is as wanted when its answer is the first one, word for word."""
    again = Wanted(status="200", same_as="first")
    seen = Seen(status="200", answers=(ANSWER,))
    assert () == compare(again, seen, {"first": SEEN})
    other = a_seen(answers=(Answer("SMS", "Уже принято"),))
    assert [Mismatch("answer again", ANSWER.text, "Уже принято")] == [
        *compare(again, seen, {"first": other})
    ]


def test_repeat_of_a_scene_without_answer() -> None:
    """Where the first answer never came, no answer can be the same."""
    seen = Seen(status="200", answers=(ANSWER,))
    [mismatch] = compare(Wanted(status="200", same_as="first"), seen, {})
    assert "nothing" == mismatch.wanted


def test_silence() -> None:
    """An answer that nobody waited for is told with its address."""
    assert () == compare_silence([])
    assert [Mismatch("answer", "one to 900", "no answer")] == [*compare_silence(["900"])]


def test_billed() -> None:
    """Registers that are missing, wrong or too many are told one by one."""
    found = [Billed("1", 1, 5), Billed("2", 1, 6), Billed("3", 1, 7)]
    wanted = [Billed("1", 1, 5), Billed("2", 1, 9), Billed("4", 2, 8)]
    assert [
        Mismatch("2, register 1", "6", "9"),
        Mismatch("3, register 1", "7", "nothing"),
        Mismatch("4, register 2", "nothing", "8"),
    ] == [*compare_billed(found, wanted)]


def test_scenes_have_keys_of_their_own() -> None:
    """No two scenes share a key, and a repeat refers to an earlier scene."""
    keys = [scene.key for scene in MORNING]
    assert sorted(set(keys)) == sorted(keys)
    repeats = [(number, scene.wanted.same_as) for number, scene in enumerate(MORNING)]
    assert all(again in keys[:number] for number, again in repeats if again)


def test_scenes_cover_what_can_happen() -> None:
    """Every disposition, every way in and every upstream's kind of answer is played."""
    verdicts = [scene.wanted.verdict for scene in MORNING if scene.wanted.verdict]
    assert set(Disposition) == {verdict.disposition for verdict in verdicts}
    statuses = {scene.wanted.status for scene in MORNING}
    assert {"250", "550", "200", "401", "done", "failed"} == statuses


def test_registers_are_billed_once() -> None:
    """What the morning should come to names every register once, in order."""
    registers = [(one.account, one.register) for one in BILLED]
    assert sorted(set(registers)) == registers


def build_windows(folder: Path) -> dict[str, Window]:
    """Return the windows of the demo's configuration, which is loaded on the way."""
    path = folder / "config.toml"
    path.write_text(render_config(PORTS, NOW), "utf-8")
    config = load_config(path, {})
    windows = config.settings.windows.items()
    return {name: build_window(name, window, config.zone) for name, window in windows}


def test_config_is_good(tmp_path: Path) -> None:
    """The configuration can be used; its windows are open or shut, also once midnight is past."""
    windows = build_windows(tmp_path)
    days = (NOW, NOW + dt.timedelta(seconds=1))
    assert [True, True] == [windows["always"].is_open(at) for at in days]
    assert [False, False] == [windows["shut"].is_open(at) for at in days]


def test_environment_leads_nowhere_else() -> None:
    """Neither another database nor another service is taken from the environment."""
    environ = {
        "INGEST_DATABASE_URL": "postgresql:///production",
        "PGPASSWORD": "secret",
        "NOTIFY_SOCKET": "/run/systemd/notify",
        "HOME": "/home/anna",
    }
    assert {"HOME", "LC_ALL", "PYTHONUTF8"} == make_environ(environ).keys()


def test_ports_are_free_and_different() -> None:
    """As many ports as asked for, no two alike."""
    assert 3 == len(set(find_free_ports(3)))


def test_letter_is_a_proper_mail() -> None:
    """A mail of the demo can be read by any mail program."""
    letter = Letter(name="Анна", address="a@b.example", subject="Показания", text="1*2;")
    mail = email.message_from_bytes(
        write_letter(letter, "<1@b.example>", NOW), policy=email.policy.default
    )
    assert ["Показания", "<1@b.example>"] == [mail["Subject"], mail["Message-ID"]]
    assert "1*2;" == mail.get_content().strip()


LONG = "\n".join(f"24010031{number:04};{number}" for number in range(30))
ESCAPE = "\x1b[2J"


def a_played(message: Message, seen: Seen, *mismatches: Mismatch) -> Played:
    """Return a scene that was played."""
    scene = Scene(key=f"{message.text[:4]}", title="Т" * 90, message=message, wanted=WANTED)
    return Played(scene, seen, mismatches)


PLAYED = (
    a_played(Sms(number="+7", text="x" * 200, id="1"), SEEN),
    a_played(
        Registry(file_name="f.csv", text=LONG),
        Seen(status="done", verdict=REJECTED, answers=(Answer("f", LONG), Answer("o", ESCAPE))),
        Mismatch("status", "done", "failed"),
    ),
    a_played(Registry(file_name="g.csv", text=LONG), Seen()),
)
TALLY = Tally(
    scenes=3,
    checks=1,
    unmet=0,
    messages={Disposition.ACCEPT: 1, Disposition.REJECT: 1},
    readings={Disposition.ACCEPT: 1},
    answers=3,
    seconds=1.5,
    median_ms=12.0,
)


def show_all(width: int, tally: Tally = TALLY) -> str:
    """Return what a terminal of *width* columns shows."""
    stream = io.StringIO()
    show = TerminalShow(Console(file=stream, width=width, highlight=False))
    show.begin(3)
    for number, played in enumerate(PLAYED, start=1):
        show.show_scene(number, played)
    show.show_check(Check("silence", "Silence"))
    show.end(tally)
    return stream.getvalue()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_lines_fit_the_terminal(width: int) -> None:
    """No line is wider than the terminal, and none ends in spaces."""
    lines = show_all(width).splitlines()
    assert width >= max(map(len, lines))
    assert [line.rstrip() for line in lines] == lines


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("verdict  accepted\n", id="what is accepted in the normal way"),
        pytest.param("verdict  rejected (window_closed)\n", id="what is not, with its reason"),
        pytest.param("verdict  nothing new is recorded\n", id="nothing recorded"),
        pytest.param("told  the file was moved to done/\n", id="where a file went"),
        pytest.param("... (10 more lines)", id="the end of a long text is left out"),
        pytest.param("the same 30 lines as before", id="a long text is shown once"),
        pytest.param("not met  status", id="what was not met"),
        pytest.param("met  Silence", id="what was met at the end"),
        pytest.param("all 4 expectations met", id="the whole"),
    ],
)
def test_what_is_shown(words: str) -> None:
    """The terminal says what was sent, told, judged and answered."""
    assert words in show_all(80)


def test_control_characters_are_not_shown() -> None:
    """What the daemon answers cannot move the cursor."""
    assert "\x1b" not in show_all(80)


def test_unmet_expectations_are_counted() -> None:
    """The last line says how many expectations were not met."""
    assert show_all(80, replace(TALLY, unmet=2)).endswith("2 of 4 expectations not met\n")


def test_json() -> None:
    """A scene is one object on one line; what was not met stands in it."""
    lines: list[str] = []
    show = JsonShow(lines.append)
    show.show_scene(2, PLAYED[1])
    show.show_check(Check("billed", "Billed"))
    scene, check = map(json.loads, lines)
    assert ["2401", False, "reject"] == [scene["scene"], scene["met"], scene["disposition"]]
    assert [{"what": "status", "found": "done", "wanted": "failed"}] == scene["mismatches"]
    assert {"scene": "billed", "title": "Billed", "met": True, "mismatches": []} == check


@pytest.mark.parametrize(
    ("arguments", "is_good", "wanted"),
    [
        pytest.param((), True, (0, False), id="all met"),
        pytest.param((), False, (1, True), id="something not met: the folder is there to look at"),
        pytest.param(("--keep",), True, (0, True), id="kept because that was asked for"),
    ],
)
def test_exit_status(
    arguments: tuple[str, ...],
    is_good: bool,
    wanted: tuple[int, bool],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The exit status tells whether all expectations were met."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("ingest.commands.demo.play", lambda *_: is_good)
    result = CliRunner().invoke(main, ["demo", *arguments])
    assert wanted == (result.exit_code, "kept: " in result.output)


def test_folder_is_removed_unless_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The folder is made in the temporary directory and can be removed with all in it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = Folder()
    folder.furnish(PORTS, "secret")
    assert [folder.path] == list(tmp_path.iterdir())
    folder.remove()
    assert [] == list(tmp_path.iterdir())
