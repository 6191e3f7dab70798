"""The pages about terminal protocols: every configuration that they show can be put to use."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from config_texts import WINDOWS

from ingest.channels.dialects.online.catalogue import build_dialect
from ingest.checks import list_secrets
from ingest.config import load_config

TERMINALS = '[windows.terminals]\ndays = "23..26"\n'
PAGES = sorted((Path(__file__).parents[2] / "docs" / "channels" / "terminal").glob("*.md"))
BLOCKS = [
    pytest.param(block, id=f"{page.stem}: {number}")
    for page in PAGES
    for number, block in enumerate(
        re.findall(r"```toml\n(.*?)```", page.read_text("utf-8"), re.DOTALL), start=1
    )
]


@pytest.mark.parametrize("block", BLOCKS)
def test_a_configuration_of_the_pages(block, tmp_path):
    """It is right beside a window, and its protocol can be built."""
    path = tmp_path / "config.toml"
    path.write_text(f"{block}\n{WINDOWS}\n{TERMINALS}", "utf-8")
    config = load_config(path, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    for name, settings in config.channels.items():
        for _, secret in list_secrets(name, settings):
            (tmp_path / (secret.credential or secret.file)).write_text("s3cret", "utf-8")
        assert build_dialect(settings.dialect, ZoneInfo("Europe/Moscow"), "ru")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_a_configuration(page):
    """Every page has one that can be copied, its codes, and what is not known for sure."""
    text = page.read_text("utf-8")
    assert "```toml" in text
    assert "## Codes" in text
    assert "## Limits" in text
    assert "nconfirmed" in text


def test_every_protocol_has_a_page():
    """Each has its own, named like it."""
    assert ["citypay", "command-call", "json", "osmp", "sberbank"] == [one.stem for one in PAGES]
