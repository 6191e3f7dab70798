"""``ingest sms``: what is read of smsd's environment and files, and how the daemon is reached."""

import os
from pathlib import Path

import pytest
from builders import write_config

from ingest.addresses import parse_listen
from ingest.commands.sms import (
    find_desk,
    find_origin,
    list_texts,
    name_text,
    quote_bytes,
    read_environment,
    read_files,
)
from ingest.errors import ConfigError, PermanentError

CONFIG = """
[http]
listen = "127.0.0.1:8099"
[windows.all]
days = "1..-1"
[channels.modem]
type = "sms"
window = "all"
gateway = "gammu"
send = { url = "http://127.0.0.1:1", fields = { to = "{address}", text = "{text}" } }
"""
NAME = "IN20261124_120000_00_+79031234567_00.txt"
ENVIRON = {"KEY": "s3 cret"}
URL = "http://127.0.0.1:8099/channels/modem"


@pytest.mark.parametrize(
    ("auth", "url", "headers"),
    [
        pytest.param("", URL, {}, id="this machine is enough"),
        pytest.param(
            '{ kind = "secret", value = { env = "KEY" }, header = "X-Key" }',
            URL,
            {"X-Key": "s3 cret"},
            id="a header",
        ),
        pytest.param(
            '{ kind = "secret", value = { env = "KEY" }, field = "key" }',
            f"{URL}?key=s3+cret",
            {},
            id="a field",
        ),
        pytest.param(
            '{ kind = "secret", value = { env = "KEY" }, path = true }',
            f"{URL}/s3%20cret",
            {},
            id="the path",
        ),
        pytest.param(
            '{ kind = "basic", username = "smsd", password = { env = "KEY" } }',
            URL,
            {"Authorization": "Basic c21zZDpzMyBjcmV0"},
            id="basic",
        ),
    ],
)
def test_how_the_daemon_is_reached(tmp_path, auth, url, headers):
    """The channel's own proof goes along, wherever it belongs."""
    text = CONFIG + (f"auth = {auth}\n" if auth else "")
    desk = find_desk(write_config(tmp_path, text, ENVIRON), None)
    assert (url, headers) == (desk.url, desk.headers)


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        pytest.param(CONFIG.replace("modem", "other").partition("[channels")[2], None, id="two"),
        pytest.param("", "else", id="none of that name"),
        pytest.param(
            'auth = { kind = "hmac", key = { env = "KEY" }, header = "X-Signature" }',
            None,
            id="a signature",
        ),
    ],
)
def test_which_channel_must_be_plain(tmp_path, more, wanted):
    """It is said what to change, where nobody can know which channel or how."""
    more = f"[channels{more}" if more.startswith(".") else more
    config = write_config(tmp_path, CONFIG + more, ENVIRON)
    with pytest.raises(ConfigError):
        find_desk(config, wanted)


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        pytest.param("127.0.0.1:8080", "http://127.0.0.1:8080", id="loopback"),
        pytest.param("0.0.0.0:8080", "http://127.0.0.1:8080", id="the whole world"),
        pytest.param("[::]:8080", "http://[::1]:8080", id="the whole new world"),
        pytest.param("unix:http.sock", "http://localhost", id="a socket"),
    ],
)
def test_a_listener_is_reached_from_this_machine(tmp_path, listen, expected):
    """Whatever it listens to, there is an address that leads there from here."""
    assert expected == find_origin(parse_listen(listen, tmp_path))


def test_only_smsds_variables_are_posted():
    """Nothing else of the environment leaves; a file's name gives id and time."""
    environ = {b"SMS_1_TEXT": b"\xff1", b"PATH": b"/bin", b"DECODED_PARTS": b"0", b"HOME": b"/"}
    assert {
        b"SMS_1_TEXT": b"\xff1",
        b"DECODED_PARTS": b"0",
        b"id": NAME.encode(),
        b"time": b"20261124_120000",
    } == read_environment([f"/var/spool/{NAME}", "another"], environ)
    with pytest.raises(PermanentError):
        read_environment([], {b"PATH": b"/bin"})


def test_a_name_that_is_no_file():
    """The number of a row, or nothing at all, does as well."""
    assert {b"id": b"17"} == name_text("17")
    assert {} == name_text("")


def test_files_are_read_text_by_text(tmp_path):
    """Parts of one text together, in their order and in either way of writing; nothing else."""
    one = NAME.replace("_00.txt", "_01.txt")
    (tmp_path / one).write_text("67", "utf-8")
    (tmp_path / NAME).write_bytes("Счёт 54".encode("utf-16"))
    os.utime(tmp_path / one, (1_795_496_400, 1_795_496_400))
    other = "IN20261124_115959_00_MTS_00.txt"
    (tmp_path / other).write_bytes("Да".encode("cp1251"))
    (tmp_path / "OUTC20261124_1.txt").write_text("x")
    texts = list(list_texts(tmp_path))
    form = read_files(texts[1])

    assert [[Path(other)], [Path(NAME), Path(one)]] == [
        [Path(path.name) for path in paths] for paths in texts
    ]
    assert float(form[b"arrived"]) == (tmp_path / one).stat().st_mtime
    assert ("Счёт 54", b"67", b"2", NAME.encode()) == (
        form[b"SMS_1_TEXT"].decode(),
        form[b"SMS_2_TEXT"],
        form[b"SMS_MESSAGES"],
        form[b"id"],
    )
    assert ("Да", b"MTS") == (
        read_files(texts[0])[b"SMS_1_TEXT"].decode(),
        read_files(texts[0])[b"SMS_1_NUMBER"],
    )


def test_bytes_are_posted_as_they_are():
    """What is no text in any charset arrives unchanged."""
    assert b"%FF%2B%26" == quote_bytes(b"\xff+&")
