"""The pages of the SMS gateways: every configuration in them works, and no page is missing."""

import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from ingest.building import build_channel, check_ways
from ingest.checks import list_secrets
from ingest.config import load_config
from ingest.ports import Sinks
from ingest.settings import GatewayName, SmsSettings

DOCS = Path(__file__).parents[2] / "docs" / "channels"
OVERVIEW = (DOCS / "sms.md").read_text("utf-8")
PAGES = sorted((DOCS / "sms").glob("*.md"))
BLOCKS = [
    pytest.param(block, id=f"{path.stem} {number}")
    for path in [DOCS / "sms.md", *PAGES]
    for number, block in enumerate(
        re.findall(r"```toml\n(.*?)```", path.read_text("utf-8"), re.DOTALL), start=1
    )
]
NO_SINKS = Sinks(*[None] * len(Sinks.__struct_fields__))
WINDOWS = '[windows.all-month]\ndays = "6..-2"\n'


def hide_secrets(config, folder):
    """Put something wherever a secret is looked for, and return the environment for it."""
    environ = {"CREDENTIALS_DIRECTORY": str(folder)}
    for name, settings in config.channels.items():
        for _, secret in list_secrets(name, settings):
            environ[secret.env or "NONE"] = "s3cret"
            (folder / (secret.file or secret.credential or "none")).write_text("s3cret")
    return environ


@pytest.mark.parametrize("block", BLOCKS)
def test_a_configuration_works(tmp_path, block):
    """What a page shows is taken as it stands, and makes a channel that can answer."""
    path = tmp_path / "config.toml"
    path.write_text(WINDOWS + block, "utf-8")
    config = load_config(path, hide_secrets(load_config(path, {}), tmp_path))
    check_ways(config)
    assert config.channels
    for name, settings in config.channels.items():
        channel = build_channel(name, settings, config, Sinks(*[None] * 6))
        assert isinstance(settings, SmsSettings)
        assert channel.routes


@pytest.mark.parametrize("name", get_args(GatewayName))
def test_every_gateway_has_a_page(name):
    """The overview leads to each; the page shows it, and says what is not confirmed."""
    text = (DOCS / "sms" / f"{name}.md").read_text("utf-8")
    [row] = re.findall(rf"^\| \[`{name}`\]\(sms/{name}\.md\) \|.*$", OVERVIEW, re.MULTILINE)
    gateways = {
        channel.get("gateway", "declarative")
        for block in re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
        for channel in tomllib.loads(block).get("channels", {}).values()
    }
    assert name in gateways
    assert 5 == row.count(" | ") + 1
    assert "nconfirmed" in text
    assert re.search("^## (To see it working|Limits)", text, re.MULTILINE)


def test_there_is_no_page_too_many():
    """A page is a gateway's."""
    assert set(get_args(GatewayName)) == {path.stem for path in PAGES}
