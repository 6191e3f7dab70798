"""The commands, on a real database that a small morning of traffic went into."""

import asyncio
import csv
import datetime as dt
import io
import json
import uuid

import asyncpg
import pytest
from builders import MAIL, OPEN_AT, SHUT_AT, SMALL_CONFIG, SMS, Sinks, a_message, write_config
from click.testing import CliRunner
from conftest import with_database
from harness import find_ports

from ingest import judgement
from ingest.cli import main
from ingest.intake import Intake
from ingest.policy import build_policies
from ingest.registries import RegistryIntake
from ingest.replies import load_phrasebook
from ingest.store import Store

TEXTS = (
    ("123456789012*5467;", OPEN_AT),
    ("123456789012*5470;", OPEN_AT + dt.timedelta(hours=1)),
    ("12345678901*1;", OPEN_AT),
    ("123456789013*7*8;", OPEN_AT),
    ("123456789014*1;", SHUT_AT),
    ("Добрый день!", OPEN_AT),
)


async def play(url, config, messages):
    """Let the intake record *messages*; return the outcomes."""
    store = await Store.open(url)
    policies = build_policies(config)
    intake = Intake(store, policies, load_phrasebook())
    sinks = Sinks(intake, RegistryIntake(store, policies))
    running = asyncio.create_task(intake.run())
    outcomes = [await sinks.receive(message) for message in messages]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()
    return outcomes


class Shell:
    """Runs commands on one configuration."""

    def __init__(self, folder, url):
        self.config = write_config(folder)
        self.environ = {"INGEST_DATABASE_URL": url, "INGEST_CONFIG": str(folder / "config.toml")}
        self.url = url

    def play(self, texts=TEXTS):
        return self.record(*(a_message(text, channel=MAIL, received_at=at) for text, at in texts))

    def record(self, *messages):
        return asyncio.run(play(self.url, self.config, messages))

    def change(self, sql):
        """Do to the database what a daemon would have done."""

        async def execute():
            connection = await asyncpg.connect(self.url)
            await connection.execute(sql)
            await connection.close()

        asyncio.run(execute())

    def __call__(self, *arguments, status=0, stdin=None):
        result = CliRunner().invoke(main, arguments, env=self.environ, input=stdin)
        assert status == result.exit_code, result.output
        return result.output if status else result.stdout

    def rows(self, *arguments, stdin=None):
        return [json.loads(line) for line in self(*arguments, stdin=stdin).splitlines()]


@pytest.fixture
def own_database(postgres_url, template):
    """A database for a test that is not async itself."""

    async def execute(sql):
        connection = await asyncpg.connect(postgres_url)
        await connection.execute(sql)
        await connection.close()

    name = f"test_{uuid.uuid4().hex[:16]}"
    asyncio.run(execute(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield with_database(postgres_url, name)
    asyncio.run(execute(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def shell(tmp_path, own_database):
    return Shell(tmp_path, own_database)


def test_messages_lists_the_latest_first(shell):
    """Every message is listed with its verdict, filtered as asked."""
    outcomes = shell.play()
    rows = shell.rows("messages", "--json", "--limit", "100")
    rejected = shell.rows("messages", "--json", "--disposition", "reject")
    by_account = shell.rows("messages", "--json", "--account", "123456789012")
    assert {one.receipt for one in outcomes} == {row["receipt"] for row in rows}
    assert (2, 2) == (len(rejected), len(by_account))
    assert outcomes[1].receipt == rows[0]["receipt"]


def test_messages_for_people(shell):
    """The table names what a person looks for, in local time."""
    [*_, last] = shell.play()
    output = shell("messages")
    assert last.receipt in output
    assert "24.11.2026 12:00:00" in output
    assert "hold not_recognised" in output


def test_a_text_cannot_break_the_table(shell):
    """What looks like markup to the table is shown as it was written."""
    shell.play([(r"\[/x] [link=https://evil.example]*", OPEN_AT)])
    assert "[/x]" in shell("messages")


def test_show_tells_the_whole_story(shell):
    """One receipt leads to text, readings, reply and what happened."""
    outcome = shell.play()[1]
    output = shell("show", outcome.receipt.lower().replace("-", " "))
    for expected in ("123456789012*5470;", "accept corrected", "5467", "reply owed"):
        assert expected in output


PERSON = "+79031234567"
TO_OURS = b"From: a@b.example\nIn-Reply-To: <ack.7K4M-2Q9X.1@example.org>\n\nthanks"
UNSENT = (
    pytest.param({"channel": SMS, "sender": PERSON}, "body", "given in the body of the response",
                 id="in the response"),
    pytest.param({"channel": SMS, "sender": "MTS"}, "none", "not sent: no person's telephone",
                 id="no telephone"),
    pytest.param({"channel": MAIL, "sender": ""}, "none", "not sent: no address", id="no address"),
    pytest.param({"channel": MAIL, "sender": "noreply@b.example"}, "none",
                 "not sent: a robot may stand behind the address", id="robot"),
    pytest.param({"channel": MAIL, "sender": "a@b.example", "raw": TO_OURS}, "none",
                 "not sent: it answers an answer of ours", id="an answer to our answer"),
    pytest.param({"channel": MAIL, "sender": "a@b.example", "raw": b"From: a@b.example\n\nx"},
                 "none", "reply (not sent)", id="nobody knows"),
)  # fmt: skip


@pytest.mark.parametrize(("changes", "word", "expected"), UNSENT)
def test_a_reply_that_was_not_sent_is_not_shown_as_one(changes, word, expected, shell):
    """Whoever reads the story is told where the answer went, or why nobody got it."""
    [outcome] = shell.record(a_message(reply_to=None, received_at=OPEN_AT, **changes))
    assert [word] == [row["reply_state"] for row in shell.rows("messages", "--json")]
    assert expected in shell("show", outcome.receipt)


def test_an_answer_too_many_is_listed_as_suppressed(shell):
    """What a telephone that had enough did not get in our response can be found."""
    [outcome] = shell.record(a_message(channel=SMS, sender=PERSON, reply_to=None))
    shell.change(
        "INSERT INTO events (message_id, event, detail) "
        "SELECT id, 'reply.suppressed', 'enough' FROM messages"
    )
    rows = shell.rows("messages", "--reply", "suppressed", "--json")
    assert [(outcome.receipt, "suppressed")] == [
        (one["receipt"], one["reply_state"]) for one in rows
    ]
    assert "reply (not sent: enough)" in shell("show", outcome.receipt)


@pytest.mark.parametrize("state", ["due", "sent", "failed", "uncertain", "suppressed"])
def test_replies_are_listed_by_what_became_of_them(state, shell):
    """Those that want a person can be listed."""
    first, second = shell.play(TEXTS[:2])
    other = "failed" if state == "due" else "due"
    shell.change(
        f"UPDATE outbox SET state = CASE WHEN receipt = '{first.receipt}' THEN '{state}' "
        f"ELSE '{other}' END"
    )
    listed = shell.rows("messages", "--reply", state, "--json")
    assert [first.receipt] == [row["receipt"] for row in listed]
    assert [second.receipt] == [
        row["receipt"] for row in shell.rows("messages", "--reply", other, "--json")
    ]


def test_what_came_back_is_no_longer_sent(shell):
    """A bounce is listed and counted apart from what was sent, however old it is."""
    first, _ = shell.play(TEXTS[:2])
    shell.change("UPDATE outbox SET state = 'sent', settled_at = now() - interval '2 days'")
    shell.change(
        "INSERT INTO delivery_reports (outbox_id, status, detail) SELECT id, 'undelivered', "
        f"'550' FROM outbox WHERE receipt = '{first.receipt}'"
    )
    listed = shell.rows("messages", "--reply", "undelivered", "--json")
    [summary] = shell.rows("status", "--json")
    assert [first.receipt] == [row["receipt"] for row in listed]
    assert [("undelivered", 1)] == [(one["state"], one["replies"]) for one in summary["replies"]]
    assert "reply (undelivered)" in shell("show", first.receipt)


def test_show_writes_the_bytes_out(shell):
    """The original is there byte for byte."""
    outcome = shell.play()[0]
    assert "123456789012*5467;" == shell("show", outcome.receipt, "--raw")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("7K4M-2Q9Y", "is no receipt", id="misheard"),
        pytest.param("7K4M-2Q9X", "no message has the receipt", id="unknown"),
    ],
)
def test_show_says_what_is_wrong(shell, code, expected):
    """A receipt that is none, or is not ours, is told apart."""
    assert expected in shell("show", code, status=1)


def test_export_writes_what_counts(shell):
    """One line per register that counts, by account; nothing else."""
    outcomes = shell.play()
    rows = list(csv.DictReader(io.StringIO(shell("export", "--period", "2026-11"))))
    assert [
        ("123456789012", "1", "5470", outcomes[1].receipt),
        ("123456789013", "1", "7", outcomes[3].receipt),
        ("123456789013", "2", "8", outcomes[3].receipt),
    ] == [(row["account"], row["register"], row["value"], row["receipt"]) for row in rows]
    assert "2026-11-24T06:00:00+00:00" == rows[0]["received_at"]


def test_export_as_json(shell):
    """The same as one object a line."""
    shell.play()
    rows = shell.rows("export", "--period", "2026-11", "--format", "jsonl")
    assert [("123456789012", 5470, "2026-11", "mail")] == [
        (row["account"], row["value"], row["period"], row["channel"]) for row in rows[:1]
    ]


def test_export_wants_a_period(shell):
    """A month that is none is wrong usage."""
    assert "2026-13" in shell("export", "--period", "2026-13", status=2)


def test_replay_of_a_parked_message(shell, monkeypatch):
    """A message that our code failed on is judged once the code is mended, and its sender told."""
    with monkeypatch.context() as broken:
        broken.setattr(judgement, "judge_item", None)
        [outcome] = shell.play(TEXTS[:1])
    trial = shell.rows("replay", "--parked", "--json")
    still = shell.rows("messages", "--json", "--state", "parked")
    real = shell.rows("replay", outcome.receipt, "--apply", "--json")
    assert [{"disposition": "accept", "reason": "accepted"}] == [one["after"] for one in trial]
    assert (1, True) == (len(still), real[0]["is_told"])
    assert [] == shell.rows("messages", "--json", "--state", "parked")
    assert "message.replayed" in shell("show", outcome.receipt)
    assert 1 == len(shell.rows("export", "--period", "2026-11", "--format", "jsonl"))


def test_replay_changes_nothing_that_is_right(shell):
    """Messages that were judged well are judged the same again, though others came later."""
    outcomes = shell.play(TEXTS[3:])
    replayed = shell.rows("replay", *(one.receipt for one in outcomes), "--apply", "--json")
    assert all(one["before"] == one["after"] for one in replayed)
    assert not any(one["is_told"] for one in replayed)


def test_explain_judges_without_recording(shell):
    """A text is judged by the window of its time, and nothing is recorded."""
    lines = "\n".join(
        json.dumps({"text": text, "received_at": at.isoformat()}) for text, at in TEXTS
    )
    rows = shell.rows("explain", "--channel", "mail", "--json", stdin=lines)
    assert ["accepted", "accepted", "account_malformed", "accepted", "window_closed",
            "not_recognised"] == [row["reason"] for row in rows]  # fmt: skip
    assert [7, 8] == rows[3]["readings"][0]["values"]
    assert [] == shell.rows("messages", "--json")


def test_explain_for_people(shell):
    """Step by step: arrival, window, what was read, each verdict, the reply."""
    output = shell("explain", "--channel", "mail", "--at", "2026-11-24T12:00", "123456789012*5467;")
    for step in (
        "1. received 24.11.2026 12:00:00",
        "open, until",
        "account '123456789012', values 5467",
        "5. the whole: accept accepted",
        "(the receipt 2222-222N is made up",
    ):
        assert step in output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(("--channel", "fax", "x"), "wanted one of mail, sms", id="channel"),
        pytest.param(("--channel", "mail", "--at", "soon", "x"), "found 'soon'", id="time"),
    ],
)
def test_explain_says_what_it_wanted(shell, arguments, expected):
    """Wrong usage is told with what was found and wanted; exit status 2."""
    assert expected in shell("explain", *arguments, status=2)


def test_windows_shows_calendars(shell):
    """Open days stand in brackets, and each channel beneath its window."""
    output = shell("windows", "--month", "2026-11")
    assert "[23]" in output
    assert "[22]" in output
    assert "partner" in output


def test_windows_as_json(shell):
    """The open days of each channel, one object a line."""
    rows = {row["channel"]: row["open_days"] for row in
            shell.rows("windows", "--month", "2026-02", "--json")}  # fmt: skip
    assert ["2026-02-23", "2026-02-24", "2026-02-25", "2026-02-26"] == rows["partner"]
    assert ("2026-02-06", "2026-02-27") == (rows["mail"][0], rows["mail"][-1])


def test_status_says_what_waits(shell):
    """Without a daemon it still shows what the database knows."""
    shell.play()
    [row] = shell.rows("status", "--json")
    assert "not running" == row["daemon"]["phase"]
    assert [("hold", 1)] == [(one["reason"] and "hold", one["messages"]) for one in row["waiting"]]
    assert "waiting for a person" in shell("status")


def test_migrate_and_check(shell):
    """A schema that is up to date is left alone; a good configuration is called good."""
    assert "up to date" in shell("migrate")
    assert "the database answers" in shell("check", "--online")
    assert "$defs" in shell("check", "--schema")


MAILBOX = """
[channels.box]
type = "imap"
window = "all-month"
host = "imap.example.org"
username = "energy@example.org"
password = { env = "HOME" }
ca_file = "nowhere.pem"
"""
TLS = '\n[channels.mail.tls]\ncertificate = "nowhere.pem"\nkey = "nowhere.key"\n'


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param(
            MAILBOX,
            "channels.box.ca_file: nowhere.pem cannot be read: No such file or directory",
            id="who signed the server's certificate",
        ),
        pytest.param(
            TLS,
            "channels.mail.tls: the certificate nowhere.pem with the key nowhere.key cannot be "
            "used: No such file or directory",
            id="our own certificate",
        ),
    ],
)
def test_check_looks_for_certificates(more, expected, tmp_path, own_database):
    """A file that is not there is told before a restart; exit status 2."""
    shell = Shell(tmp_path, own_database)
    (tmp_path / "config.toml").write_text(SMALL_CONFIG + more)
    assert expected in shell("check", status=2)


def test_check_tries_the_relay(tmp_path, own_database):
    """Only when asked to connect; why it does not let us in is told."""
    [port] = find_ports(1)
    shell = Shell(tmp_path, own_database)
    relay = f'\n[mail]\nrelay = "smtp://127.0.0.1:{port}"\n'
    (tmp_path / "config.toml").write_text(SMALL_CONFIG + relay)
    shell("check")
    expected = f"mail.relay: the relay 127.0.0.1:{port}: connection refused"
    assert expected in shell("check", "--online", status=1)


def test_check_names_the_mistake(tmp_path, own_database):
    """A wrong key ends with exit status 2 and one line that names it."""
    shell = Shell(tmp_path, own_database)
    (tmp_path / "config.toml").write_text(SMALL_CONFIG.replace("window =", "windw =", 1))
    output = shell("check", status=2)
    assert "channels.mail.windw: unknown key; did you mean 'window'?" in output
