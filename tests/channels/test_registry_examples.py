"""The pages of registry dialects: every example goes through the channel and comes out as shown."""

import csv
import datetime as dt
import re
from collections.abc import Awaitable, Callable
from io import StringIO
from pathlib import Path

import pytest
from builders import Sinks
from registry_desk import PARTNER, Desk, make_config
from table_files import write_dbf, write_xlsx

from ingest.channels.dialects.catalogue import find_text_dialect
from ingest.channels.dialects.companion import read_companion
from ingest.channels.dialects.controls import Figures
from ingest.config import Configuration
from ingest.settings import RegistrySettings

PAGES = Path(__file__).parents[2] / "docs" / "channels" / "registry"
SEEN_AT = dt.datetime(2026, 11, 24, 6, 0, 3, tzinfo=dt.UTC)
ARRIVED_NS = (int(SEEN_AT.timestamp()) - 3) * 10**9
ENCODINGS = {"dbf": "cp866", "xlsx": "utf-8-sig"}
WINDOWS = '[windows.all-month]\ndays = "1..-1"\n'
BLOCK = re.compile(r"`((?:in|out)/[^`]+)`[^`]*?\n\n```csv\n(.*?)```", re.DOTALL)


def read_page(name: str) -> tuple[str, dict[str, str]]:
    """Return the settings and the files that a page shows."""
    page = (PAGES / f"{name}.md").read_text("utf-8")
    [table] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    settings = table.replace("[dialect]", "[channels.partner.dialect]")
    channel = '[channels.partner]\ntype = "registry"\nsettle = 0.05\npoll = 0.05\n'
    return WINDOWS + channel + settings, dict(BLOCK.findall(page))


def write_file(page: str, text: str) -> bytes:
    """Return the bytes of a file that a page shows as text."""
    rows = list(csv.reader(StringIO(text), delimiter=";", quotechar="\0"))
    match page:
        case "dbf":
            return write_dbf(rows)
        case "xlsx":
            return write_xlsx(rows)
        case _:
            return text.encode(ENCODINGS.get(page, "cp1251"))


@pytest.mark.parametrize("page", sorted(path.stem for path in PAGES.glob("*.md")))
async def test_the_documented_example_is_true(
    page: str, tmp_path: Path, open_intake: Callable[[Configuration], Awaitable[Sinks]]
) -> None:
    """What the page shows is what comes out, but for the receipt."""
    text, files = read_page(page)
    config = make_config(tmp_path, text)
    settings = config.settings.channels[PARTNER]
    assert isinstance(settings, RegistrySettings)
    desk = Desk(config, await open_intake(config), now=lambda: SEEN_AT)
    desk.root = config.state_dir / settings.directory
    [(name, content)] = [(name, text) for name, text in files.items() if name.startswith("in/")]
    (desk.root / "work").mkdir(parents=True, exist_ok=True)
    claimed = f"{ARRIVED_NS}.{name.removeprefix('in/')}"
    (desk.root / "work" / claimed).write_bytes(write_file(page, content))
    if page == "counter-pairs":
        beside = desk.root / "work" / f".beside-{claimed}"
        beside.mkdir()
        (beside / "tul5b24.k001").write_text(read_receipt(), "ascii")
    await desk.serve()
    answers = {name: text for name, text in files.items() if name.startswith("out/")}
    assert answers == {name: show(desk, name, page) for name in answers}


def read_receipt() -> str:
    """Return the companion file that the page of pairs shows."""
    page = (PAGES / "counter-pairs.md").read_text("utf-8")
    [line] = re.findall(r"^24\.11\.2026\|.*$", page, re.MULTILINE)
    return str(line)


def show(desk: Desk, name: str, page: str) -> str:
    """Return an answer as the page shows it."""
    text = desk.read(name).decode(ENCODINGS.get(page, "cp1251")).replace("\r\n", "\n")
    return re.sub(r"[0-9A-Z]{4}-[0-9A-Z]{4}", "RECEIPT", text)


def test_a_companion_speaks_of_its_file(tmp_path: Path) -> None:
    """The receipt of the page has the figures of the page's file."""
    text, _ = read_page("counter-pairs")
    settings = make_config(tmp_path, text).settings.channels[PARTNER]
    assert isinstance(settings, RegistrySettings)
    found = read_companion(read_receipt().encode(), find_text_dialect(settings), "TUL5B24.0001")
    assert Figures("3", "1600,50") == found
