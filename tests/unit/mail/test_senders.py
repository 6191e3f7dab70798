"""Who a mail says that it is from, and whether it says so plainly."""

import pytest

from ingest.mail.headers import Headers
from ingest.mail.senders import Writer, find_writer


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param("From: a@b.org", Writer("a@b.org"), id="an address"),
        pytest.param("From: Ivan <a@b.org>", Writer("a@b.org"), id="a name and an address"),
        pytest.param('From: "A@b.org" <a@B.org>', Writer("a@B.org"), id="its own address as name"),
        pytest.param("", Writer(), id="nobody"),
        pytest.param("From: Ivan", Writer("", "", True), id="only a name"),
        pytest.param("From: a@b.org, c@d.org", Writer("", "", True), id="two"),
        pytest.param("From: x: a@b.org;", Writer("", "", True), id="a group"),
        pytest.param("From: a@b.org\nFrom: a@b.org", Writer("a@b.org", "", True), id="two headers"),
        pytest.param('From: "c@d.org" <a@b.org>', Writer("a@b.org", "", True), id="another's name"),
        pytest.param("From: =?utf-8?q?x?=@b.org", Writer("=?utf-8?q?x?=@b.org", "", True), id="=?"),
        pytest.param(
            "From: a@b.org\nReply-To: c@d.org", Writer("a@b.org", "c@d.org"), id="reply-to"
        ),
        pytest.param(
            "From: Mail Delivery System <MAILER-DAEMON>",
            Writer("", "", True, True),
            id="a postmaster without a domain",
        ),
        pytest.param(
            "From: postmaster@b.org", Writer("postmaster@b.org", "", False, True), id="postmaster"
        ),
        pytest.param(
            "From: a@b.org\nX-Failed-Recipients: c@d.org",
            Writer("a@b.org", "", False, True),
            id="failed recipients",
        ),
    ],
)
def test_writers(headers, expected):
    """One plain address in From is believed; anything else is doubtful."""
    assert expected == find_writer(Headers(headers.encode()))
