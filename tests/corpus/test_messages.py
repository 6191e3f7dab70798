"""Real-looking messages, and what each must come to."""

import tomllib
from pathlib import Path

import pytest

from ingest.model import Reading
from ingest.parser import parse

FOLDER = Path(__file__).parent / "messages"


def list_messages():
    """Return every message of the corpus as a case of its own."""
    return [
        pytest.param(message, id=f"{path.stem}: {message['id']}")
        for path in sorted(FOLDER.glob("*.toml"))
        for message in tomllib.loads(path.read_text("utf-8"))["message"]
    ]


def describe(item):
    """Write an item as the corpus does: ``account = values ! reason on date``."""
    text = item.account
    if item.values:
        text += " = " + ", ".join(map(str, item.values))
    if not isinstance(item, Reading):
        text += f" ! {item.reason}"
    return text if item.read_on is None else f"{text} on {item.read_on}"


@pytest.mark.parametrize("message", list_messages())
def test_message(message):
    """A message of the corpus is read as written beside it."""
    submission = parse(message["text"])

    assert message["items"] == [describe(item) for item in submission.items]
    assert message.get("remainder", submission.remainder).strip() == submission.remainder.strip()


def test_corpus_is_large():
    """The corpus does not shrink unnoticed."""
    assert len(list_messages()) >= 200
