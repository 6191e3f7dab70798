"""How the IMAP channel reaches a mailbox: certificates, passwords, tokens, and what is refused."""

import base64
import contextlib
import socket
import ssl
from pathlib import Path

import pytest
from aiohttp import web
from builders import Sinks
from imap_script import CAPABILITY, CLOSE, Script
from imap_world import BOX, Readers

from ingest.channels.imap import probe
from ingest.channels.imap.link import explain_connection
from ingest.channels.imap.mailbox import Mailbox
from ingest.channels.imap.tokens import Tokens
from ingest.channels.imap.wire import Endpoint
from ingest.errors import IngestError, PermanentError, TransientError

TLS = Path(__file__).parents[1] / "data" / "tls"
PLAIN = CAPABILITY + b" AUTH=PLAIN"
STARTTLS = {'security = "none"': f'security = "starttls"\nca_file = "{TLS}/localhost.pem"'}
IMPLICIT = {'security = "none"': f'security = "tls"\nca_file = "{TLS}/localhost.pem"'}
STRANGER = {'security = "none"': 'security = "tls"'}
PASSWORD = 'password = { env = "PASSWORD" }'
OAUTH = """
[channels.box.oauth]
token_url = "{url}"
client_id = "us"
client_secret = {{ env = "CLIENT_SECRET" }}
refresh_token = {{ env = "REFRESH_TOKEN" }}
scope = "mail"
mechanism = "{mechanism}"
"""
SECRETS = {"CLIENT_SECRET": "client-horse", "REFRESH_TOKEN": "refresh-horse"}


@pytest.fixture
def tls():
    """The server's side of TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "localhost.pem", TLS / "localhost.key")
    return context


@pytest.fixture
def try_out(a_config):
    """Return what logs in to a scripted mailbox; what keeps it from that is raised."""

    async def try_out(script, password="correct-horse", **options):
        config = Readers(a_config, Sinks(None, None), script.port, **options).config
        environ = {"PASSWORD": password} | SECRETS
        config = a_config(config.path.read_text(), environ)
        async with script.open():
            await probe(BOX, config.channels[BOX], config)

    return try_out


# Getting there


@pytest.mark.parametrize(
    ("capability", "changes"),
    [
        pytest.param(CAPABILITY + b" STARTTLS", STARTTLS, id="STARTTLS"),
        pytest.param(CAPABILITY, IMPLICIT, id="TLS"),
    ],
)
async def test_tls(try_out, tls, capability, changes):
    """The password goes through TLS, and only then."""
    script = Script(capability=capability, tls=tls)
    await try_out(script, changes=changes)
    before = script.commands.index("login")
    assert capability.endswith(b"STARTTLS") == ("starttls" in script.commands[:before])


async def test_a_certificate_of_a_stranger(try_out, tls):
    """A certificate that nobody we trust has signed ends it, with what to do."""
    script = Script(tls=tls)
    with pytest.raises(TransientError, match=r"certificate is not good.*ca_file"):
        await try_out(script, changes=STRANGER)
    assert [] == script.lines


async def test_no_starttls(try_out, tls):
    """Where STARTTLS is not to be had, nothing is said in the open."""
    script = Script()
    with pytest.raises(PermanentError, match="offers no STARTTLS"):
        await try_out(script, changes=STARTTLS)
    assert "login" not in script.commands


async def test_what_comes_before_tls(try_out, tls):
    """What somebody on the way slips in before TLS begins is not taken for the server's word."""
    script = Script(capability=CAPABILITY + b" STARTTLS", tls=tls)
    script.answers["starttls"] = b"TAG OK go\r\n* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n"
    with pytest.raises(TransientError, match="before TLS"):
        await try_out(script, changes=STARTTLS)
    assert "login" not in script.commands


async def test_nobody_listens(a_config):
    """A server that is not there is told as such, with where it was looked for."""
    script = Script()
    config = Readers(a_config, Sinks(None, None), script.port).config
    with pytest.raises(TransientError, match=rf"^127\.0\.0\.1:{script.port}: connection refused$"):
        await probe(BOX, config.channels[BOX], config)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(
            socket.gaierror(-2, "Name or service not known"),
            "imap.example:143: no such host: Name or service not known",
            id="no such host",
        ),
        pytest.param(
            OSError(113, "No route to host"),
            "imap.example:143: No route to host",
            id="no route",
        ),
    ],
)
def test_what_is_said_of_a_connection(error, expected):
    """The words of the system stand behind where it was, without its numbers."""
    endpoint = Endpoint(host="imap.example", port=143, timeout=1, security="none")
    assert expected == explain_connection(error, endpoint)


async def test_tls_at_a_port_without(try_out):
    """A port that begins in the open is told from one that is broken."""
    script = Script()
    expected = rf'no TLS at 127\.0\.0\.1:{script.port}; use port 993 or security = "starttls"'
    with pytest.raises(TransientError, match=expected):
        await try_out(script, changes=IMPLICIT)


async def test_starttls_at_a_port_with_tls(try_out, tls):
    """A port that begins with TLS says nothing to us: what that may mean is said."""
    script = Script(tls=tls)
    with pytest.raises(TransientError, match=r'^[0-9.:]+ does not answer.*security = "tls"'):
        await try_out(script, changes=STARTTLS, timeout=0.2)
    assert [] == script.lines


async def test_an_authority_that_is_no_file(try_out):
    """A ca_file that cannot be read is named."""
    changes = {'security = "none"': 'security = "tls"\nca_file = "nowhere.pem"'}
    with pytest.raises(PermanentError, match=r"ca_file: nowhere\.pem cannot be read: No such file"):
        await try_out(Script(), changes=changes)


# Passwords


@pytest.mark.parametrize(
    ("capability", "password", "proof"),
    [
        pytest.param(PLAIN, "correct-horse", b"\0energy\0correct-horse", id="PLAIN"),
        pytest.param(PLAIN, "пароль", "\0energy\0пароль".encode(), id="beyond ASCII"),
    ],
)
async def test_a_password_by_sasl(try_out, capability, password, proof):
    """Where the server offers it the password goes as it is, whatever its characters."""
    script = Script(capability=capability)
    await try_out(script, password)
    assert ([proof], False) == (script.proofs, "login" in script.commands)


@pytest.mark.parametrize(
    ("username", "password", "line"),
    [
        pytest.param("energy", "correct-horse", b'LOGIN energy "correct-horse"', id="plain"),
        pytest.param("energy", 'a"b\\c', b'LOGIN energy "a\\"b\\\\c"', id="quoted"),
        pytest.param("DOMAIN\\\\energy", "x", b'LOGIN "DOMAIN\\\\energy" "x"', id="a domain"),
    ],
)
async def test_a_password_by_login(try_out, username, password, line):
    """Without SASL it is LOGIN, with quotation marks where they are needed."""
    script = Script()
    await try_out(script, password, changes={'username = "energy"': f'username = "{username}"'})
    assert line in [one.rstrip().partition(b" ")[2] for one in script.lines]


@pytest.mark.parametrize(
    ("capability", "password", "problem"),
    [
        pytest.param(CAPABILITY + b" LOGINDISABLED", "x", "LOGINDISABLED", id="disabled"),
        pytest.param(CAPABILITY, "пароль", "ASCII", id="beyond ASCII"),
        pytest.param(CAPABILITY, "a\r\nA1 DELETE INBOX", "ASCII", id="two lines"),
    ],
)
async def test_a_password_that_cannot_be_sent(try_out, capability, password, problem):
    """A password for which the server has no way is never put on the line."""
    script = Script(capability=capability)
    with pytest.raises(PermanentError, match=problem):
        await try_out(script, password)
    assert set(script.commands) <= {"greeting", "capability", "logout"}


@pytest.mark.parametrize(
    ("answer", "error", "problem"),
    [
        pytest.param(
            b"TAG NO [AUTHENTICATIONFAILED] no\r\n", PermanentError, "check username", id="refused"
        ),
        pytest.param(b"TAG BAD you said correct-horse\r\n", PermanentError, r"\*\*\*", id="echo"),
        pytest.param(b"TAG NO [UNAVAILABLE] later\r\n", TransientError, "later", id="later"),
        pytest.param(b"* BYE too busy\r\n<close>", TransientError, "too busy", id="goodbye"),
        pytest.param(b"<close>", TransientError, "closed", id="cut"),
    ],
)
async def test_a_login_that_fails(try_out, answer, error, problem):
    """What is wrong with the password, and what only with the moment, are told apart."""
    script = Script()
    script.answers["login"] = answer
    with pytest.raises(error, match=problem) as raised:
        await try_out(script)
    assert error is PermanentError or not isinstance(raised.value, PermanentError)
    assert "correct-horse" not in str(raised.value)


# Tokens


class Provider:
    """Gives tokens, as the test wants."""

    def __init__(self):
        self.asked = []
        self.answers = []
        """In order; the last one again and again."""

    async def give(self, request):
        """Answer a request for a token."""
        self.asked.append(dict(await request.post()))
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.Response(status=status, text=body, content_type="application/json")

    @contextlib.asynccontextmanager
    async def open(self):
        """Serve while the block runs; yield the address."""
        app = web.Application()
        app.router.add_post("/token", self.give)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/token"
        finally:
            await runner.cleanup()


@pytest.fixture
async def provider():
    """A provider, and where it is."""
    made = Provider()
    async with made.open() as made.url:
        yield made


def a_token(name, **more):
    """Return an answer that grants a token."""
    fields = {"access_token": f'"{name}"', "expires_in": "3600"} | more
    return 200, "{" + ", ".join(f'"{key}": {value}' for key, value in fields.items()) + "}"


def use_oauth(provider, mechanism="xoauth2"):
    """Return the changes that make a channel use tokens."""
    return {"timeout = 5": OAUTH.format(url=provider.url, mechanism=mechanism), PASSWORD: ""}


@pytest.mark.parametrize(
    ("mechanism", "proof"),
    [
        pytest.param("xoauth2", b"user=energy\1auth=Bearer t1\1\1", id="XOAUTH2"),
        pytest.param(
            "oauthbearer",
            b"n,a=energy,\1host=127.0.0.1\1port=%d\1auth=Bearer t1\1\1",
            id="OAUTHBEARER",
        ),
    ],
)
async def test_a_token(try_out, provider, mechanism, proof):
    """A refresh token becomes an access token, which opens the mailbox."""
    provider.answers = [a_token("t1")]
    script = Script()
    await try_out(script, changes=use_oauth(provider, mechanism))
    assert [proof % script.port if b"%d" in proof else proof] == script.proofs
    assert [
        {
            "grant_type": "refresh_token",
            "client_id": "us",
            "client_secret": "client-horse",
            "refresh_token": "refresh-horse",
            "scope": "mail",
        }
    ] == provider.asked


async def test_a_program_in_its_own_name(try_out, provider):
    """Without a refresh token the client's own secret is enough, as Microsoft 365 has it."""
    provider.answers = [a_token("t1")]
    changes = use_oauth(provider)
    oauth = changes["timeout = 5"]
    changes["timeout = 5"] = oauth.replace('refresh_token = { env = "REFRESH_TOKEN" }', "")
    await try_out(Script(), changes=changes)
    assert "client_credentials" == provider.asked[0]["grant_type"]
    assert "refresh_token" not in provider.asked[0]


@pytest.mark.parametrize(("mechanism", "after"), [("xoauth2", b""), ("oauthbearer", b"\1")])
async def test_a_token_that_is_refused(try_out, provider, mechanism, after):
    """A token that the server does not take is fetched anew, once."""
    provider.answers = [a_token("t1"), a_token("t2")]
    script = Script()
    script.disbelieves = 1
    await try_out(script, changes=use_oauth(provider, mechanism))
    assert after == script.proofs[1]
    assert (b"t1" in script.proofs[0], b"t2" in script.proofs[2]) == (True, True)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"TAG NO [EXPIRED] too old\r\n", id="expired"),
        pytest.param(b"TAG NO [AUTHENTICATIONFAILED] no\r\n", id="refused"),
        pytest.param(CLOSE, id="hung up"),
    ],
)
async def test_a_token_that_ends_early(try_out, a_config, provider, answer):
    """However a server shows that a token is good no more, the next attempt is by another one."""
    provider.answers = [a_token("t1"), a_token("t2")]
    script = Script()
    changes = use_oauth(provider)
    config = Readers(a_config, Sinks(None, None), script.port, changes=changes).config
    config = a_config(config.path.read_text(), SECRETS)
    mailbox = Mailbox(BOX, config.channels[BOX], config, Tokens(config.channels[BOX].oauth, config))
    usual = script._ask_for_proof

    async def disbelieve(reader, writer, tag):
        script._ask_for_proof = usual
        writer.write(b"+ \r\n")
        script.proofs.append(base64.b64decode(await reader.readline()))
        if answer == CLOSE:
            raise ConnectionError
        writer.write(answer.replace(b"TAG", tag))

    script._ask_for_proof = disbelieve
    async with script.open():
        with contextlib.suppress(TransientError):
            await mailbox.open()
        await mailbox.close()
        await mailbox.open()
        await mailbox.close()
    assert (b"t1" in script.proofs[0], b"t2" in script.proofs[-1]) == (True, True)


async def test_two_tokens_that_are_refused(try_out, provider):
    """When a new token is refused too, a person has to look."""
    provider.answers = [a_token("t1")]
    script = Script()
    script.disbelieves = 2
    with pytest.raises(PermanentError, match="does not let energy in"):
        await try_out(script, changes=use_oauth(provider))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param((400, '{"error": "invalid_grant"}'), PermanentError, id="revoked"),
        pytest.param((401, "go away"), PermanentError, id="refused"),
        pytest.param((400, '{"error": "temporarily_unavailable"}'), TransientError, id="later"),
        pytest.param((503, "busy"), TransientError, id="busy"),
        pytest.param((302, ""), TransientError, id="elsewhere"),
        pytest.param((200, "[1, 2"), TransientError, id="no JSON"),
        pytest.param((200, '{"access_token": "a\\r\\nb"}'), TransientError, id="two lines"),
        pytest.param((200, "{}"), TransientError, id="nothing"),
    ],
)
async def test_a_provider_that_gives_none(try_out, provider, answer, error):
    """What a provider answers instead of a token is told, and no secret with it."""
    provider.answers = [answer]
    with pytest.raises(IngestError) as raised:
        await try_out(Script(), changes=use_oauth(provider))
    assert error is type(raised.value)
    assert "no token" in str(raised.value)
    assert "horse" not in str(raised.value)


async def test_a_provider_that_is_away(try_out):
    """A provider that cannot be reached is named."""
    unreached = Provider()
    async with unreached.open() as unreached.url:
        pass
    with pytest.raises(TransientError, match="no token from http://127"):
        await try_out(Script(), changes=use_oauth(unreached))


@pytest.mark.parametrize(
    ("seconds", "asked"),
    [("3600", 1), ("30", 2), ('"3600"', 1), ('"soon"', 2)],
)
async def test_how_long_a_token_serves(a_config, provider, seconds, asked):
    """A token serves until shortly before its end; a new refresh token is used from then on."""
    provider.answers = [a_token("t1", expires_in=seconds, refresh_token='"newer-horse"')]
    changes = use_oauth(provider)
    config = Readers(a_config, Sinks(None, None), 1, changes=changes).config
    config = a_config(config.path.read_text(), SECRETS)
    tokens = Tokens(config.channels[BOX].oauth, config)
    assert ["t1", "t1"] == [await tokens.get(), await tokens.get()]
    refreshed = [one["refresh_token"] for one in provider.asked]
    assert ["refresh-horse", "newer-horse"][:asked] == refreshed
