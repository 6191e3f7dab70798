"""config.toml as a whole: the file, what is made of it, and the secrets that it points to."""

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from config_texts import SEND, SMS, SMTP, WINDOWS

from ingest.config import check_secrets, load_config
from ingest.errors import ConfigError
from ingest.settings import Secret

# The file.


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            "# показания\n[mail]\nfrom_name = «Энерго»".encode("cp1251"),
            "config.toml: found bytes in line 1 that are no UTF-8; save the file as UTF-8",
            id="cp1251",
        ),
        pytest.param(
            b"[service\n",
            "config.toml: this is no TOML: "
            "Expected ']' at the end of a table declaration (at line 1, column 9)",
            id="no TOML",
        ),
        pytest.param(
            b"[log]\n[log]\n",
            "config.toml: this is no TOML: Cannot declare ('log',) twice (at line 2, column 5)",
            id="a table twice",
        ),
        pytest.param(
            None, "config.toml: cannot be read: No such file or directory", id="no such file"
        ),
    ],
)
def test_file_refused(content, expected, tmp_path, monkeypatch):
    """A file that cannot be read at all is told with its name and the line."""
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("config.toml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(Path("config.toml"), {})
    assert expected == str(caught.value)


def test_a_byte_order_mark_is_no_mistake(load_text):
    """Editors on Windows write one."""
    assert ["sms"] == list(load_text("\ufeff" + WINDOWS + SMS).channels)


# What is made of it.


def test_configuration(load_text, tmp_path):
    """Paths start at the file, the zone is there, and only enabled channels are listed."""
    text = WINDOWS + SMS + SMTP + "enabled = false\n[service]\nstate_dir = 'state'\n"
    found = load_text(text)
    assert tmp_path / "state" == found.state_dir
    assert tmp_path / "templates" == found.locate("templates")
    assert Path("/etc/ingest") == found.locate("/etc/ingest")
    assert ZoneInfo("Asia/Krasnoyarsk") == found.zone
    assert ["sms"] == list(found.channels)


def test_versions_are_dates(load_text):
    """Dates of TOML arrive as dates."""
    found = load_text(
        WINDOWS + '[[windows.all-month.versions]]\nsince = 2027-01-01\ndays = "1..25"\n' + SMS
    )
    (version,) = found.settings.windows["all-month"].versions
    assert (dt.date(2027, 1, 1), "1..25") == (version.since, version.days)


def test_database_url_of_the_environment(load_text):
    """The environment's URL wins over the file's and leaves the other keys alone."""
    text = WINDOWS + SMS + "[database]\nurl = 'embedded'\nconnections = 9\n"
    found = load_text(text, {"INGEST_DATABASE_URL": "postgresql://db/ingest"}).settings.database
    assert ("postgresql://db/ingest", 9) == (found.url, found.connections)


def test_empty_database_url_of_the_environment(load_text):
    """An empty variable is none."""
    assert "embedded" == load_text(WINDOWS + SMS, {"INGEST_DATABASE_URL": ""}).settings.database.url


@pytest.mark.parametrize("url", ["mysql://me:hunter2@db/ingest", "hunter2!"])
def test_wrong_database_url_of_the_environment(url, list_mistakes):
    """A wrong one is told by the variable's name and not shown."""
    (line,) = list_mistakes(WINDOWS + SMS, {"INGEST_DATABASE_URL": url})
    assert line.startswith("INGEST_DATABASE_URL: found ")
    assert "hunter2" not in line


def test_a_database_that_is_no_table(list_mistakes):
    """The environment does not hide a mistake of the file."""
    text = "database = 'x'\n" + WINDOWS + SMS
    assert ["database: found a text, wanted a table"] == list_mistakes(
        text, {"INGEST_DATABASE_URL": "postgresql://db/ingest"}
    )


# Secrets.


@pytest.fixture
def secrets(tmp_path):
    """Return a folder with two secrets and the environment that leads to it."""
    (tmp_path / "relay").write_text("файл\r\n", "utf-8")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"hunter2\xff")
    return {"SECRET": "hunter2", "CREDENTIALS_DIRECTORY": str(tmp_path)}


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        pytest.param(Secret(env="SECRET"), "hunter2", id="environment"),
        pytest.param(Secret(file="relay"), "файл", id="file beside config.toml"),
        pytest.param(Secret(credential="relay"), "файл", id="credential"),
    ],
)
def test_secret(secret, expected, load_text, secrets):
    """A secret is read from where it is kept, without the line end of a file."""
    assert expected == load_text(WINDOWS + SMS, secrets).read_secret(secret)


def test_secret_by_absolute_path(load_text, tmp_path, secrets):
    """An absolute path is taken as it is."""
    secret = Secret(file=str(tmp_path / "relay"))
    assert "файл" == load_text(WINDOWS + SMS, secrets).read_secret(secret)


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        pytest.param(
            '{ env = "OTHER" }', "the environment variable OTHER is not set", id="environment"
        ),
        pytest.param(
            '{ file = "none" }',
            "the secret in FOLDER/none cannot be read: No such file or directory",
            id="file",
        ),
        pytest.param('{ file = "empty" }', "the secret in FOLDER/empty is empty", id="empty file"),
        pytest.param('{ file = "binary" }', "the secret in FOLDER/binary is no UTF-8", id="binary"),
        pytest.param(
            '{ credential = "none" }',
            "the secret in FOLDER/none cannot be read: No such file or directory",
            id="credential",
        ),
    ],
)
def test_secret_missing(secret, expected, load_text, tmp_path, secrets):
    """A secret that is not there is told by its key, and nothing of it is shown."""
    found = load_text(WINDOWS + SMS + f"[database]\npassword = {secret}\n", secrets)
    (line,) = check_secrets(found)
    wanted = f"database.password: {expected}"
    assert wanted.replace("FOLDER", str(tmp_path)) == line


def test_secrets_of_enabled_tables(load_text, secrets):
    """Secrets of the database, of mail and of enabled channels are wanted; others are not read."""
    text = WINDOWS + SMTP + "[mail]\nusername = 'a'\npassword = { env = 'MAIL' }\n"
    text += "[database]\npassword = { env = 'SECRET' }\n" + SEND + "secret = { env = 'SMS' }\n"
    auth = 'auth = { kind = "hmac", key = { env = "HMAC" }, header = "X" }\nenabled = false\n'
    found = load_text(text + SMS.replace("channels.sms", "channels.off") + auth, secrets)
    wanted = ["mail.password", "channels.sms.send.secret"]
    assert wanted == [line.split(": ")[0] for line in check_secrets(found)]


def test_credential_without_systemd(load_text):
    """Outside systemd the message says how a credential comes to be there."""
    found = load_text(WINDOWS + SMS + "[database]\npassword = { credential = 'db' }\n")
    (line,) = check_secrets(found)
    assert line.endswith("add LoadCredential=db:PATH to the unit")


def test_a_configuration_does_not_show_its_environment(load_text, secrets):
    """Tracebacks show arguments; the environment is full of secrets."""
    assert "hunter2" not in repr(load_text(WINDOWS + SMS, secrets))
