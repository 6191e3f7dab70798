"""The command line as people type it."""

import pytest
from builders import SMALL_CONFIG
from click.testing import CliRunner
from config_texts import SMS, WINDOWS

from ingest.cli import main


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--config", "{path}", "windows"], id="before the command"),
        pytest.param(["windows", "--config", "{path}"], id="behind it"),
        pytest.param(["--config", "absent.toml", "windows", "--config", "{path}"], id="both"),
    ],
)
def test_config_may_stand_anywhere(tmp_path, arguments):
    """Every command takes --config, before it or behind it; the one behind wins."""
    path = tmp_path / "config.toml"
    path.write_text(SMALL_CONFIG, "utf-8")
    given = [one.format(path=path) for one in arguments]

    done = CliRunner().invoke(main, given, env={"COLUMNS": "200"})

    assert 0 == done.exit_code, done.output
    assert "all-month" in done.output


@pytest.mark.parametrize("command", ["run", "check"])
def test_nothing_starts_without_a_secret(tmp_path, command):
    """A secret that is not there is a mistake in the configuration, and told before it matters."""
    path = tmp_path / "config.toml"
    auth = 'auth = { kind = "vonage", key = { env = "ABSENT" } }\n'
    path.write_text(WINDOWS + SMS + auth, "utf-8")

    done = CliRunner().invoke(main, [command, "--config", str(path)])

    assert 2 == done.exit_code
    assert "channels.sms.auth.key: the environment variable ABSENT is not set" in done.output


def list_commands(command, *names):
    """Yield every command with its path."""
    for name, inner in command.commands.items():
        yield (*names, name), inner
        if hasattr(inner, "commands"):
            yield from list_commands(inner, *names, name)


@pytest.mark.parametrize(("path", "command"), list(list_commands(main)), ids=str)
def test_every_command_takes_config(path, command):
    """No command is forgotten, those within groups neither."""
    assert "--config" in [name for one in command.params for name in one.opts]
