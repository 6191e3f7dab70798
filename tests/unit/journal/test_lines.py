"""One message, one line: read back exactly, found again behind damage, never forged."""

import datetime as dt

import pytest
from builders import OPEN_AT, a_message

from ingest.journal.lines import LF, RS, decode_record, encode_record, frame, split_records
from ingest.model import Disposition, Reason, ReplyTo, Verdict

TOMSK = dt.timezone(dt.timedelta(hours=7))


def records_of(data):
    """Return the messages that can be read from *data*."""
    return [decode_record(piece) for piece in split_records(data) if piece.is_whole]


MESSAGES = [
    pytest.param({}, id="plain"),
    pytest.param({"text": "показание 5467\r\n\x1e\x00"}, id="control characters"),
    pytest.param({"text": "\ud83d", "external_id": "\ud83d\ude00"}, id="lone surrogates"),
    pytest.param({"text": "\U0001f600\u2028"}, id="beyond the basic plane"),
    pytest.param({"raw": bytes(range(256))}, id="every byte"),
    pytest.param({"sent_at": OPEN_AT.astimezone(TOMSK)}, id="another zone"),
    pytest.param({"received_at": OPEN_AT.replace(microsecond=1)}, id="microseconds"),
    pytest.param({"reply_to": None, "call_back": ReplyTo("+7", "a", "b", "c")}, id="call back"),
    pytest.param({"finding": Verdict(Disposition.HOLD, Reason.TOO_LARGE)}, id="finding"),
]


@pytest.mark.parametrize("changes", MESSAGES)
def test_comes_back_exactly(changes):
    """Whatever a channel hands over is the same after a night on disk."""
    message = a_message(**changes)
    record = encode_record(message)
    assert [message] == records_of(record)
    assert 1 == record.count(LF) == record.count(RS)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda data, at: data[:at] + b"x" + data[at + 1 :], [0, 2], id="a byte"),
        pytest.param(lambda data, at: data[:at] + bytes(40) + data[at + 40 :], [0, 2], id="zeros"),
        pytest.param(lambda data, at: data[:at] + data[at + 9 :], [0, 2], id="a gap"),
        pytest.param(lambda data, at: data[:at] + LF + RS + data[at:], [0, 2], id="false ends"),
    ],
)
def test_damage_costs_one_record(change, expected):
    """Of three records with damage in the second, the first and the third are read."""
    messages = [a_message() for _ in range(3)]
    first, second, third = map(encode_record, messages)
    data = change(first + second + third, len(first) + len(second) // 2)
    assert [messages[number] for number in expected] == records_of(data)
    assert data == b"".join(piece.data for piece in split_records(data))


def test_a_damaged_line_end_costs_nothing():
    """The LF between two records is no part of either."""
    messages = [a_message(), a_message()]
    first, second = map(encode_record, messages)
    assert messages == records_of(first[:-1] + b"x" + second)


def test_what_breaks_off_is_torn():
    """A record that is cut at any place is known for one that was never acknowledged."""
    whole, record = encode_record(a_message()), encode_record(a_message())
    for cut in range(1, len(record)):
        first, last = split_records(whole + record[:cut])
        assert (True, False, True) == (first.is_whole, last.is_whole, last.is_torn)


def test_a_text_cannot_pass_itself_off_as_a_record():
    """Behind damage only our own records are found, also when a text holds a copy of one."""
    forged = encode_record(a_message("999999999999*1;")).decode()
    outer = encode_record(a_message(forged, raw=forged.encode()))
    assert [] == records_of(outer[:70] + b"#" + outer[71:])
    assert [] == records_of(outer[80:])


def test_another_versions_record_is_an_error():
    """A record with the right checksum that is no message is told apart, and not taken for one."""
    [piece] = split_records(frame(b'{"channel":1}'))
    assert piece.is_whole
    with pytest.raises(ValueError, match="it is no message"):
        decode_record(piece)


def test_fields_of_a_later_version_are_passed_over():
    """A journal of a newer version can be drained by an older one."""
    message = a_message()
    [piece] = split_records(encode_record(message))
    document = piece.data[66:-1].replace(b'{"channel"', b'{"new":1,"channel"')
    [later] = split_records(frame(document))
    assert message == decode_record(later)
