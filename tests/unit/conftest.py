"""Fixtures for the tests of the configuration: a config.toml from a text, and its mistakes."""

from pathlib import Path

import pytest

from ingest.config import load_config
from ingest.errors import ConfigError


@pytest.fixture
def load_text(tmp_path, monkeypatch):
    """Return what writes a config.toml and loads it as ``ingest`` in that folder would."""
    monkeypatch.chdir(tmp_path)

    def write_and_load(text, environ=None):
        Path("config.toml").write_text(text, "utf-8")
        return load_config(Path("config.toml"), environ or {})

    return write_and_load


@pytest.fixture
def list_mistakes(load_text):
    """Return what lists the mistakes of a config.toml, without the file's name before each."""

    def load_and_list(text, environ=None):
        with pytest.raises(ConfigError) as caught:
            load_text(text, environ)
        lines = str(caught.value).splitlines()
        assert all(line.startswith("config.toml: ") for line in lines)
        return [line.removeprefix("config.toml: ") for line in lines]

    return load_and_list
