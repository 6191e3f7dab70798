"""Access tokens of OAuth 2: fetched when there is none, kept until they run out."""

import aiohttp
import msgspec
from msgspec import Struct

from ingest import clock
from ingest.config import Configuration
from ingest.errors import PermanentError, TransientError
from ingest.settings import OAuth

WITHIN = 30.0
"""Seconds that the provider may take."""
MARGIN = 60.0
"""Seconds before its end at which a token is not used any more."""
LARGEST_ANSWER = 65_536


class Granted(Struct):
    """What the provider answers (RFC 6749, sections 5.1 and 5.2)."""

    access_token: str = ""
    expires_in: float | str = 3600
    refresh_token: str = ""
    error: str = ""
    error_description: str = ""


class Tokens:
    """The access tokens of one mailbox."""

    def __init__(self, oauth: OAuth, config: Configuration) -> None:
        self._oauth = oauth
        self._config = config
        self._token = ""
        self._ends_at = 0.0
        self._refresh_token = ""
        """Some providers give a new one each time; it lives longer than the first."""

    async def get(self) -> str:
        """Return a token that can be used now; raises TransientError or PermanentError."""
        if not self._token or clock.monotonic() >= self._ends_at:
            granted = await self._fetch()
            self._token = granted.access_token
            self._ends_at = clock.monotonic() + read_seconds(granted.expires_in) - MARGIN
            self._refresh_token = granted.refresh_token or self._refresh_token
        return self._token

    def forget(self) -> None:
        """Drop a token that was refused."""
        self._token = ""

    async def _fetch(self) -> Granted:
        """Ask the provider for a token."""
        timeout = aiohttp.ClientTimeout(total=WITHIN)
        form = self._fill_form()
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self._oauth.token_url, data=form, allow_redirects=False) as response,
            ):
                return read_answer(response.status, await response.content.read(LARGEST_ANSWER))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise TransientError(f"no token from {self._oauth.token_url}: {reason}") from None

    def _fill_form(self) -> dict[str, str]:
        """Return the fields of the request."""
        oauth = self._oauth
        form = {"grant_type": "client_credentials", "client_id": oauth.client_id}
        if oauth.refresh_token is not None:
            form["grant_type"] = "refresh_token"
            form["refresh_token"] = self._refresh_token or self._config.read_secret(
                oauth.refresh_token
            )
        if oauth.client_secret is not None:
            form["client_secret"] = self._config.read_secret(oauth.client_secret)
        if oauth.scope:
            form["scope"] = oauth.scope
        return form


def read_answer(status: int, body: bytes) -> Granted:
    """Return what was granted; raises TransientError where waiting helps, else PermanentError."""
    try:
        granted = msgspec.json.decode(body, type=Granted)
    except msgspec.MsgspecError:
        granted = Granted()
    if granted.access_token and granted.access_token.isprintable():
        return granted
    said = f"{granted.error} {granted.error_description}".strip()[:200] or f"status {status}"
    if status in (400, 401, 403) and granted.error != "temporarily_unavailable":
        raise PermanentError(
            f"the provider gives no token: {said}; check client_id, client_secret and scope, "
            "or have a new refresh token made"
        )
    raise TransientError(f"the provider gives no token now: {said}")


def read_seconds(text: float | str) -> float:
    """Return the seconds for which a token is good; some providers put them in quotation marks."""
    try:
        return float(text)
    except ValueError:
        return 0.0
