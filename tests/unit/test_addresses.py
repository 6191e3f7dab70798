"""Network addresses: where a listener stands, who is allowed in, and who really asks."""

from pathlib import Path

import pytest

from ingest.addresses import Listen, find_client, is_within, parse_listen, parse_networks

STATE = Path("/var/lib/ingest")
PROXIES = ("10.0.0.0/8", "fd00::/8", "127.0.0.1")


@pytest.mark.parametrize(
    ("text", "expected", "is_local"),
    [
        pytest.param("127.0.0.1:8080", Listen("127.0.0.1", 8080), True, id="loopback"),
        pytest.param("localhost:25", Listen("localhost", 25), True, id="name"),
        pytest.param("[::1]:0", Listen("::1", 0), True, id="loopback of IPv6"),
        pytest.param("0.0.0.0:65535", Listen("0.0.0.0", 65535), False, id="everywhere"),
        pytest.param("mx.example.org:25", Listen("mx.example.org", 25), False, id="other name"),
        pytest.param("unix:a/b", Listen(socket=STATE / "a/b"), True, id="socket below the state"),
        pytest.param("unix:/run/x", Listen(socket=Path("/run/x")), True, id="absolute socket"),
    ],
)
def test_parse_listen(text, expected, is_local):
    """A listener is a host with a port or a socket, and knows whether strangers reach it."""
    listen = parse_listen(text, STATE)
    assert (expected, is_local) == (listen, listen.is_local)


@pytest.mark.parametrize(
    "text",
    ["", "8080", ":8080", "host", "host:", "host:x", "host:65536", "host:-1", "host:٨٠", "unix:"],
)
def test_parse_listen_says_what_it_wanted(text):
    """What is no listener is told with what was found and wanted."""
    with pytest.raises(ValueError, match="wanted host:port or unix:PATH"):
        parse_listen(text, STATE)


@pytest.mark.parametrize("text", ["127.0.0.1:8080", "[::1]:25", "unix:/run/ingest.sock"])
def test_listen_is_written_as_it_is_read(text):
    """What the log shows can be put into config.toml."""
    assert text == str(parse_listen(text, STATE))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("10.255.0.1", True, id="inside"),
        pytest.param("11.0.0.1", False, id="outside"),
        pytest.param("::ffff:10.0.0.1", True, id="mapped into IPv6"),
        pytest.param("::ffff:11.0.0.1", False, id="mapped, outside"),
        pytest.param("fd00::1", True, id="IPv6"),
        pytest.param("fd00::1%eth0", True, id="IPv6 with its interface"),
        pytest.param("127.0.0.1", True, id="a single address"),
        pytest.param("127.0.0.2", False, id="its neighbour"),
        pytest.param("", False, id="nothing"),
        pytest.param("10.0.0.1:80", False, id="with a port"),
        pytest.param("unknown", False, id="a word"),
    ],
)
def test_is_within(address, expected):
    """An address lies in a network however it is spelled; what is no address lies in none."""
    assert expected == is_within(address, parse_networks(PROXIES))


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "intranet", ""])
def test_parse_networks_says_what_it_wanted(text):
    """A network with bits beyond its mask is a mistake, not a wider network."""
    with pytest.raises(ValueError, match="wanted an address or a network"):
        parse_networks([text])


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        pytest.param("1.2.3.4", "", "1.2.3.4", id="no proxy"),
        pytest.param("1.2.3.4", "10.0.0.5", "1.2.3.4", id="a stranger's header means nothing"),
        pytest.param("10.0.0.1", "1.2.3.4", "1.2.3.4", id="one proxy"),
        pytest.param("10.0.0.1", "", "10.0.0.1", id="a proxy that says nothing"),
        pytest.param("10.0.0.1", "9.9.9.9, 1.2.3.4", "1.2.3.4", id="forged by the client"),
        pytest.param("10.0.0.1", "10.0.0.9, 1.2.3.4", "1.2.3.4", id="forged as a proxy of ours"),
        pytest.param("10.0.0.1", "1.2.3.4, 10.0.0.2", "1.2.3.4", id="two proxies"),
        pytest.param("10.0.0.1", "9.9.9.9, 1.2.3.4, 10.0.0.2", "1.2.3.4", id="forged before two"),
        pytest.param("::ffff:10.0.0.1", "1.2.3.4", "1.2.3.4", id="a proxy mapped into IPv6"),
        pytest.param("10.0.0.1", " , ,1.2.3.4 ", "1.2.3.4", id="blanks and gaps"),
        pytest.param("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3", id="proxies all the way"),
        pytest.param("10.0.0.1", "1.2.3.4, garbage", "garbage", id="a word is no address"),
        pytest.param("fd00::1", "2001:db8::7", "2001:db8::7", id="IPv6"),
    ],
)
def test_find_client(peer, forwarded_for, expected):
    """X-Forwarded-For is believed from the right, only as far as trusted proxies wrote it."""
    assert expected == find_client(peer, forwarded_for, parse_networks(PROXIES))
