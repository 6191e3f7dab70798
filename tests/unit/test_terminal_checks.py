"""What config.toml may say about terminals, and what is told to whoever says something else."""

import pytest
from config_texts import REGISTRY, WINDOWS

from ingest.channels.dialects.online import citypay, command_call, osmp, sberbank
from ingest.channels.dialects.online.request import PASSING
from ingest.checks.terminal import AGAIN
from ingest.settings import CityPayDialect, CommandCallDialect, OsmpDialect, SberbankDialect

ATM = (
    '[channels.atm]\ntype = "terminal"\nwindow = "all-month"\n'
    'dialect = { protocol = "osmp", fields = { value = "data1" } }\n'
)
BARE = '[channels.atm]\ntype = "terminal"\nwindow = "all-month"\n'
CODES = (
    'dialect = { protocol = "osmp", fields = { value = "data1" }, '
    'codes = { window_closed = "%s" } }\n'
)
OPEN = '[http]\nlisten = "0.0.0.0:8080"\n'
HASH = 'auth = { kind = "hash", secret = { env = "S" }, '
NO_HASH = "channels.atm.auth.signed: found "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(BARE, "channels.atm.dialect: this key is missing", id="no protocol"),
        pytest.param(
            ATM + OPEN,
            "channels.atm.auth: this table is missing, and http.listen can be reached from "
            "outside; give [channels.atm.auth] or allow_from, or let http.listen be on 127.0.0.1",
            id="open to the world",
        ),
        pytest.param(
            BARE + 'dialect = { protocol = "osmp" }\n',
            "channels.atm.dialect.fields.value: this key is missing, so that no reading would be "
            "found",
            id="no field",
        ),
        pytest.param(
            BARE + 'dialect = { protocol = "osmp", fields = { value = "a", value_2 = "a" } }\n',
            "channels.atm.dialect.fields.value_2: found 'a', which value has already",
            id="a field twice",
        ),
        pytest.param(
            BARE + 'dialect = { protocol = "json", time_zone = "Moscow" }\n',
            "channels.atm.dialect.time_zone: found 'Moscow', wanted an IANA name like "
            "Asia/Krasnoyarsk",
            id="zone",
        ),
        pytest.param(
            ATM + 'auth = { kind = "certificate", accepted = ["3F"] }\n',
            "channels.atm.auth.kind: found 'certificate', wanted http.trusted_proxies with it: the "
            "header is believed from them alone",
            id="certificate without proxy",
        ),
        pytest.param(
            ATM + 'auth = { kind = "login", username = "a", password = { env = "S" } }\n',
            "channels.atm.auth.kind: found 'login', which only the protocol command-call has",
            id="login",
        ),
        pytest.param(
            ATM + HASH + 'field = "a", header = "b" }\n',
            "channels.atm.auth: wanted either header or field, where the partner puts the hash",
            id="two places",
        ),
        pytest.param(
            ATM + HASH + 'field = "a", signed = "{query}" }\n',
            NO_HASH + "no {secret} in it; what everybody can hash proves nothing",
            id="no secret",
        ),
        pytest.param(
            ATM + HASH + 'field = "a", signed = "{secret}" }\n',
            NO_HASH + "nothing of the request in it, wanted {query} or {body}",
            id="nothing of the request",
        ),
        pytest.param(
            BARE + 'dialect = { protocol = "json" }\n' + HASH + 'header = "a" }\n',
            NO_HASH + "no {body} in it, where this protocol says what it asks",
            id="a document that is not signed",
        ),
        pytest.param(
            ATM + HASH + 'field = "a", signed = "{query}{secret}{sum}" }\n',
            NO_HASH + "{sum}, wanted one of {secret}, {query}, {body}, {field:NAME}",
            id="unknown part",
        ),
        pytest.param(
            BARE + CODES % "00",
            "channels.atm.dialect.codes.window_closed: found '00', which means that all is well, "
            "wanted another code",
            id="a refusal as success",
        ),
        pytest.param(
            BARE + CODES % "1",
            "channels.atm.dialect.codes.window_closed: found '1', which means «ask again», wanted "
            "another code",
            id="a refusal without end",
        ),
        pytest.param(
            BARE + 'dialect = { protocol = "json", codes = { too_large = "010" } }\n',
            "channels.atm.dialect.codes.too_large: found '010', which means «ask again», wanted "
            "another code",
            id="a refusal without end in JSON",
        ),
        pytest.param(
            ATM + 'reconcile_with = "atm"\n',
            "channels.atm.reconcile_with: found 'atm', wanted the name of a channel of type "
            "'registry'",
            id="no registry",
        ),
    ],
)
def test_terminal_refused(text, expected, list_mistakes):
    """What a terminal channel cannot be is told."""
    assert [expected] == list_mistakes(WINDOWS + text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(ATM, id="on loopback"),
        pytest.param(ATM + 'allow_from = ["10.0.0.0/8"]\n' + OPEN, id="allow-list"),
        pytest.param(ATM + HASH + 'header = "X-Hash" }\n' + OPEN, id="hash"),
        pytest.param(BARE + CODES % "10", id="another code"),
        pytest.param(ATM + 'reconcile_with = "citypay"\n' + REGISTRY, id="reconciled"),
        pytest.param(
            ATM + 'auth = { kind = "certificate", accepted = ["3F"] }\n'
            '[http]\ntrusted_proxies = ["10.0.0.1"]\n',
            id="certificate",
        ),
    ],
)
def test_terminal_accepted(text, load_text):
    """What is right is not complained of."""
    assert load_text(WINDOWS + text).settings


@pytest.mark.parametrize(
    ("protocol", "codes"),
    [
        (OsmpDialect, osmp.CODES),
        (SberbankDialect, sberbank.CODES),
        (CityPayDialect, citypay.CODES),
        (CommandCallDialect, command_call.CODES),
    ],
)
def test_codes_to_ask_again_are_those_of_the_protocols(protocol, codes):
    """The checks stand below the protocols, and cannot ask them."""
    assert AGAIN[protocol] == {codes[cause] for cause in PASSING}
