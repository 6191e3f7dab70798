"""What config.toml may say about ways in for batch files, and what is told otherwise."""

import pytest
from config_texts import REGISTRY, SMTP, WINDOWS

OPEN = '[http]\nlisten = "0.0.0.0:8080"\n'
URL = '[http]\npublic_url = "https://r.example"\n'
UPLOAD = REGISTRY + "[channels.citypay.upload]\n"
KEY = 'host_keys = ["ssh-ed25519 AAAA"]\n'
LOGIN = 'host = "h"\nusername = "u"\n'
PASSWORD = 'password = { env = "P" }\n'
SFTP = REGISTRY + "[channels.citypay.sftp]\n" + LOGIN
HMAC = 'auth = { kind = "hmac", key = { env = "S" }, header = "X", timestamp_header = "T", '
TRUSTED = 'authentication = { trusted = ["mx.example.org"] }\n'
POST = SMTP + TRUSTED + 'registries = { "a@partner.example" = "citypay" }\n'

WRONG = [
    pytest.param(
        UPLOAD + OPEN,
        "channels.citypay.upload.auth: this table is missing, and http.listen can be reached from "
        "outside; give [channels.citypay.upload.auth] or allow_from, or let http.listen be on "
        "127.0.0.1",
        id="open to the world",
    ),
    pytest.param(
        UPLOAD + 'auth = { kind = "secret", field = "token", value = { env = "S" } }\n',
        "channels.citypay.upload.auth.header: wanted the secret in a header alone, not in the "
        "address",
        id="a secret in the address",
    ),
    pytest.param(
        UPLOAD + 'auth = { kind = "certificate", accepted = ["AA"] }\n',
        "channels.citypay.upload.auth.kind: found 'certificate', wanted http.trusted_proxies with "
        "it: the header is believed from them alone",
        id="a certificate that anybody may claim",
    ),
    pytest.param(
        UPLOAD + HMAC + 'signed = "{body}{timestamp}" }\n' + URL,
        "channels.citypay.upload.auth.signed: found no {url} in it, wanted '{url}', '{body}' (the "
        "SHA-256 of the file in hex) and '{timestamp}'",
        id="a signature for any name",
    ),
    pytest.param(
        UPLOAD + 'allow_from = ["everywhere"]\n',
        "channels.citypay.upload.allow_from: found 'everywhere' does not appear to be an IPv4 or "
        "IPv6 network, wanted an address or a network like 10.0.0.0/8",
        id="no network",
    ),
    pytest.param(
        SFTP + PASSWORD,
        "channels.citypay.sftp.host_keys: wanted either the server's keys, as `ssh-keyscan HOST` "
        "shows them once you have compared them, or a file known_hosts",
        id="whoever answers",
    ),
    pytest.param(
        SFTP + PASSWORD + 'host_keys = ["AAAA"]\n',
        "channels.citypay.sftp.host_keys[0]: found 'AAAA', wanted a key like "
        "'ssh-ed25519 AAAA...', without the name of the host",
        id="half a key",
    ),
    pytest.param(
        (SFTP + KEY + PASSWORD).replace('"h"', '"h:2222"'),
        "channels.citypay.sftp.host: found 'h:2222', wanted a bare host name like "
        "server.example.org; the port goes into port",
        id="a port in the host",
    ),
    pytest.param(
        SFTP + KEY,
        "channels.citypay.sftp.key: this key is missing, and so is password; wanted one of them",
        id="nobody",
    ),
    pytest.param(
        SFTP + KEY + PASSWORD + 'passphrase = { env = "P" }\n',
        "channels.citypay.sftp.passphrase: found without key, wanted both",
        id="a passphrase for nothing",
    ),
    pytest.param(
        SFTP + KEY + PASSWORD + 'directory = "/in/"\nafter = "move:/in"\n',
        "channels.citypay.sftp.after: found the directory that is fetched from, wanted another",
        id="moved to where it is",
    ),
    pytest.param(
        SFTP + KEY + PASSWORD + 'directory = "/in"\nresults = "/in"\n',
        "channels.citypay.sftp.results: found the directory that is fetched from, wanted another",
        id="answers that would be fetched",
    ),
    pytest.param(
        SMTP + 'registries = { "a@partner.example" = "citypay" }\n' + REGISTRY,
        "channels.energy.authentication: this table is missing, and registries needs it: an "
        "address alone is easily forged",
        id="a forged registry",
    ),
    pytest.param(
        POST,
        "channels.energy.registries.a@partner.example: found 'citypay', wanted an enabled registry "
        "channel",
        id="a channel that is not there",
    ),
    pytest.param(
        SMTP + TRUSTED + 'registries = { "A@partner.example" = "citypay" }\n' + REGISTRY,
        "channels.energy.registries: found 'A@partner.example', wanted an address like "
        "list@partner.example, in lower case",
        id="an address that never comes",
    ),
]


@pytest.mark.parametrize(("text", "expected"), WRONG)
def test_a_mistake_is_told(list_mistakes, text: str, expected: str) -> None:
    """What was found, what was wanted."""
    assert [expected] == list_mistakes(WINDOWS + text)


RIGHT = [
    pytest.param(UPLOAD, id="on this machine"),
    pytest.param(UPLOAD + 'allow_from = ["192.0.2.0/24"]\n' + OPEN, id="from a network"),
    pytest.param(UPLOAD + HMAC + 'signed = "{url}{body}{timestamp}" }\n' + URL, id="signed"),
    pytest.param(SFTP + KEY + PASSWORD + 'at = ["06:00"]\nafter = "move:/seen"\n', id="fetched"),
    pytest.param(POST + REGISTRY, id="by mail"),
]


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_passes(load_text, text: str) -> None:
    """Each way in, as it is meant."""
    assert load_text(WINDOWS + text).settings
