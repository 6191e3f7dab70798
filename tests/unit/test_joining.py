"""What parts of a text make together."""

import pytest
from builders import OPEN_AT

from ingest.channels.gateways.request import Part, Text
from ingest.channels.sms.joining import join_texts, make_part
from ingest.model import ChannelName

JOINED = [
    pytest.param({1: "a", 2: "b"}, 2, "ab", id="complete"),
    pytest.param({1: "a", 3: "c"}, 3, "a\ufffdc", id="the middle is missing"),
    pytest.param({2: "b"}, 2, "\ufffdb", id="the beginning is missing"),
    pytest.param({1: "a"}, 4, "a\ufffd", id="much of the end is missing"),
    pytest.param({3: "c"}, 5, "\ufffdc\ufffd", id="both ends are missing"),
]


@pytest.mark.parametrize(("texts", "total", "expected"), JOINED)
def test_join_texts(texts, total, expected):
    """Each gap leaves one mark, so that no two numbers become one."""
    assert expected == join_texts(texts, total)


def test_a_long_reference_fits_into_an_index():
    """Whatever a sender is called, it is shortened in a way that keeps it apart from others."""
    texts = [
        Text(
            sender="x" * 5000 + tail, text="", external_id="1", recipient="", sent_at=None,
            raw=b"", media_type="", part=Part("1", 1, 2),
        )
        for tail in "ab"
    ]  # fmt: skip
    one, other = (make_part(ChannelName("sms"), text, OPEN_AT).series for text in texts)
    assert one != other
    assert len(one) <= 200
