"""How we prove who we are: by a password, or by a token of OAuth 2."""

import imaplib
import re
from collections.abc import Callable

from imapclient.exceptions import LoginError
from msgspec import Struct

from ingest.channels.imap.wire import Client
from ingest.errors import PermanentError, TransientError

PASSING = ("[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]")
"""Codes of refusals that are no fault of name or password (RFC 5530)."""
ATOM = re.compile(r"[A-Za-z0-9@._+=/-]+")


class LoginRefusedError(PermanentError):
    """The server knows us and does not let us in."""


class LoginFailedError(TransientError):
    """The login came to no end; some servers hang up on a token that they do not believe."""


class Credentials(Struct, frozen=True, kw_only=True):
    """Who we are, and the proof."""

    username: str
    secret: str
    """The password or the access token."""
    mechanism: str = ""
    """``xoauth2`` or ``oauthbearer``; empty for a password."""

    def __repr__(self) -> str:
        # Tracebacks show arguments.
        return f"Credentials({self.username!r})"


def log_in(client: Client, credentials: Credentials) -> None:
    """Log in; raises LoginRefusedError when the server does not believe us."""
    if client.wire.state != "NONAUTH":
        return
    try:
        choose_login(client, credentials)()
    except LoginError as error:
        raise explain(error, credentials) from None


def choose_login(client: Client, credentials: Credentials) -> Callable[[], object]:
    """Return how to log in, as far as the server's offer and the password's characters allow."""
    name, secret = credentials.username, credentials.secret
    if credentials.mechanism == "xoauth2":
        answer = f"user={name}\1auth=Bearer {secret}\1\1"
        return lambda: client.sasl_login("XOAUTH2", answer_once(answer, b""))
    if credentials.mechanism == "oauthbearer":
        shown = name.replace("=", "=3D").replace(",", "=2C")
        answer = f"n,a={shown},\1host={client.host}\1port={client.port}\1auth=Bearer {secret}\1\1"
        return lambda: client.sasl_login("OAUTHBEARER", answer_once(answer, b"\1"))
    if client.has_capability("AUTH=PLAIN") and "\0" not in secret:
        return lambda: client.sasl_login("PLAIN", answer_once(f"\0{name}\0{secret}", b"*"))
    if client.has_capability("LOGINDISABLED"):
        raise LoginRefusedError(
            "the server takes no password on this connection (LOGINDISABLED); "
            'set security = "tls" or "starttls", or use oauth'
        )
    if not (secret.isascii() and secret.isprintable()):
        raise LoginRefusedError(
            "the password has characters that this server has no way for (no AUTH=PLAIN); "
            "give the mailbox a password of ASCII characters"
        )
    return lambda: client.login(name if ATOM.fullmatch(name) else quote(name), secret)


def answer_once(answer: str, after: bytes) -> Callable[[bytes], bytes]:
    """Return what answers the first challenge; a second one only tells why that was refused."""
    answers = iter((answer.encode(),))
    return lambda _challenge: next(answers, after)


def quote(name: str) -> str:
    """Return a user name that is no atom as a quoted string; the library quotes passwords only."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def explain(error: LoginError, credentials: Credentials) -> LoginRefusedError | LoginFailedError:
    """Say why we were not let in, and whether waiting may help; the secret is never shown."""
    said = show(error).replace(credentials.secret, "***")
    # The library takes any failure for a refusal, a connection that broke off included.
    if isinstance(error.__context__, imaplib.IMAP4.abort) or any(code in said for code in PASSING):
        return LoginFailedError(f"the login failed: {said}")
    return LoginRefusedError(
        f"the server does not let {credentials.username} in: {said}; "
        "check username, password or oauth, and whether IMAP is allowed for the mailbox"
    )


def show(error: Exception) -> str:
    """Return what a library said on one short line."""
    text = re.sub(r"^b(['\"])(.*)\1$", r"\2", str(error))
    return "".join(char if char.isprintable() else " " for char in text)[:200]
