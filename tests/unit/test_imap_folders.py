"""What the folders of config.toml are called on a server."""

import pytest

from ingest.channels.imap.folders import Place, find_place

FLAT = [((), b"/", "INBOX"), ((), b"/", "processed"), ((b"\\Archive",), b"/", "Архив")]
BENEATH = [
    ((), b".", "INBOX"),
    ((), b".", "INBOX.processed"),
    ((b"\\HasNoChildren",), b".", "INBOX.a.b"),
]


@pytest.mark.parametrize(
    ("wanted", "listed", "prefix", "found"),
    [
        pytest.param("processed", FLAT, "", Place("processed", exists=True), id="there"),
        pytest.param("review", FLAT, "", Place("review", exists=False), id="not there"),
        pytest.param(
            "processed",
            BENEATH,
            "INBOX.",
            Place("INBOX.processed", exists=True),
            id="beneath INBOX",
        ),
        pytest.param(
            "review",
            BENEATH,
            "INBOX.",
            Place("INBOX.review", exists=False),
            id="to be made beneath INBOX",
        ),
        pytest.param(
            "INBOX.review", BENEATH, "INBOX.", Place("INBOX.review", exists=False), id="written out"
        ),
        pytest.param(
            "a/b", BENEATH, "INBOX.", Place("INBOX.a.b", exists=True), id="a level deeper"
        ),
        pytest.param("\\Archive", FLAT, "", Place("Архив", exists=True), id="a role"),
        pytest.param("\\Junk", FLAT, "", Place("Junk", exists=False), id="a role nobody has"),
        pytest.param(
            "processed", [], "", Place("processed", exists=False), id="a server without folders"
        ),
    ],
)
def test_names(wanted, listed, prefix, found):
    """The server's own prefix and mark between levels are put in; what is there is taken."""
    delimiter = (listed[0][1] if listed else b"/").decode()
    assert found == find_place(wanted, listed, prefix, delimiter)
