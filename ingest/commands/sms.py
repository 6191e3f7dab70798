"""``ingest sms``: hand a text of gammu-smsd to the daemon; smsd calls it for each one."""

import asyncio
import base64
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import aiohttp
import click

from ingest import clock
from ingest.addresses import Listen, parse_listen
from ingest.channels.gateways.auth import spell_address
from ingest.channels.gateways.encodings import decode_labelled, decode_ucs2
from ingest.channels.gateways.gammu import ARRIVED, ID, TIME
from ingest.commands.session import Session, pass_session
from ingest.config import Configuration
from ingest.errors import ConfigError, PermanentError, TransientError
from ingest.faults import explain_fault
from ingest.model import ChannelName
from ingest.retry import back_off
from ingest.settings import BasicAuth, SecretAuth, SmsSettings

Form = dict[bytes, bytes]

WITHIN = 100.0
"""Seconds to try for: smsd waits two minutes for the program that it calls."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
ONE_ATTEMPT = 30.0
VARIABLE = re.compile(rb"(SMS|DECODED)_\w+|PHONE_ID")
FILE = re.compile(r"(IN(\d{8}_\d{6})_\d+_(.+))_(\d+)\.txt")
"""Date, time, serial number, sender and number of the part."""
TAKEN = "taken"
"""The folder beneath an inbox where files go that are committed."""
MARKS = (b"\xfe\xff", b"\xff\xfe")


@click.command()
@click.option("--channel", help="Which; needed when config.toml has several with gammu.")
@click.option(
    "--inbox",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Bring in what lies in smsd's folder, because a call of it failed; repeats do no harm.",
)
@click.option("--within", default=WITHIN, show_default=True, help="Seconds to try for.")
@click.argument("names", nargs=-1)
@pass_session
def sms(
    session: Session, channel: str | None, inbox: Path | None, within: float, names: Sequence[str]
) -> None:
    """
    Hand a text to the daemon, for smsd's RunOnReceive: the text is in the environment.

    NAMES are what smsd calls it. Exit status 0 only once it is committed.
    """
    desk = find_desk(session.config, channel)
    if inbox is None:
        called_at = {ARRIVED.encode(): str(clock.now().timestamp()).encode()}
        asyncio.run(post(desk, read_environment(names) | called_at, within))
        return
    for paths in list_texts(inbox):
        asyncio.run(post(desk, read_files(paths), within))
        for path in paths:
            folder = inbox / TAKEN
            folder.mkdir(exist_ok=True)
            path.rename(folder / path.name)
        click.echo(paths[0].name)


class Desk:
    """Where the daemon takes texts of one channel, and what it wants to be told."""

    def __init__(self, name: ChannelName, settings: SmsSettings, config: Configuration) -> None:
        self.listen = parse_listen(config.settings.http.listen, config.state_dir)
        auth = settings.auth
        if not isinstance(auth, SecretAuth | BasicAuth | None):
            raise ConfigError(f"channels.{name}.auth: wanted kind secret or basic for `ingest sms`")
        self.headers: dict[str, str] = {}
        secret = ""
        if isinstance(auth, BasicAuth):
            pair = f"{auth.username}:{config.read_secret(auth.password)}"
            self.headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        elif auth is not None:
            secret = config.read_secret(auth.value)
            if auth.header:
                self.headers[auth.header] = secret
        address = f"{find_origin(self.listen)}/channels/{name}"
        self.url = spell_address(auth if secret else None, secret, address)

    def connect(self) -> aiohttp.BaseConnector:
        """Return the way there."""
        if self.listen.socket is None:
            return aiohttp.TCPConnector()
        return aiohttp.UnixConnector(str(self.listen.socket))


def find_desk(config: Configuration, wanted: str | None) -> Desk:
    """Return the channel with gammu that is called *wanted*, or the only one there is."""
    found = {
        name: settings
        for name, settings in config.channels.items()
        if isinstance(settings, SmsSettings) and settings.gateway == "gammu"
    }
    if wanted is not None:
        found = {name: found[name] for name in found if name == wanted}
    if len(found) != 1:
        names = ", ".join(sorted(found)) or "none"
        raise ConfigError(f"--channel: found {names} with gateway = 'gammu', wanted exactly one")
    [(name, settings)] = found.items()
    return Desk(ChannelName(name), settings, config)


def find_origin(listen: Listen) -> str:
    """Return how this machine reaches a listener, even one that hears the whole world."""
    if listen.socket is not None:
        return "http://localhost"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104 -- to replace it
    return f"http://{Listen(host, listen.port)}"


def read_environment(names: Sequence[str], environ: Mapping[bytes, bytes] = os.environb) -> Form:
    """Return what smsd put into the environment, with the name that makes a repeat known."""
    form = {name: value for name, value in environ.items() if VARIABLE.fullmatch(name)}
    if not form:
        raise PermanentError("found no SMS_1_TEXT in the environment; smsd is to call this")
    return form | name_text(names[0] if names else "")


def name_text(name: str) -> Form:
    """Return the fields that a name makes: a file's carries a time."""
    name = Path(name).name
    found = FILE.fullmatch(name)
    fields = {ID: name, TIME: found[2] if found else ""}
    return {key.encode(): os.fsencode(value) for key, value in fields.items() if value}


def list_texts(inbox: Path) -> Iterator[list[Path]]:
    """Yield the files of each text in order, oldest text first; parts of one text together."""
    files = sorted(path for path in inbox.iterdir() if FILE.fullmatch(path.name))

    def get_series(path: Path) -> str:
        found = FILE.fullmatch(path.name)
        return found[1] if found else path.name

    for _, paths in groupby(files, get_series):
        yield list(paths)


def read_files(paths: Sequence[Path]) -> Form:
    """Return the form that smsd's environment would have made of these files."""
    found = FILE.fullmatch(paths[0].name)
    sender = found[3] if found else ""
    form = {
        b"SMS_MESSAGES": str(len(paths)).encode(),
        ARRIVED.encode(): str(min(path.stat().st_mtime for path in paths)).encode(),
    }
    for number, path in enumerate(paths, start=1):
        data = path.read_bytes()
        text = decode_ucs2(data) if data[:2] in MARKS else decode_labelled(data, "utf-8")
        form[f"SMS_{number}_NUMBER".encode()] = os.fsencode(sender)
        form[f"SMS_{number}_TEXT".encode()] = text.encode("utf-8", "replace")
    return form | name_text(paths[0].name)


async def post(desk: Desk, form: Form, within: float) -> None:
    """Post *form* until it is committed; raises an error of ours when the time is up."""
    problem = "the daemon did not answer in time"
    try:
        async with asyncio.timeout(within), aiohttp.ClientSession(
            connector=desk.connect(), timeout=aiohttp.ClientTimeout(total=ONE_ATTEMPT)
        ) as session:  # fmt: skip
            for pause in back_off(FIRST_PAUSE, LONGEST_PAUSE):
                problem = await attempt(session, desk, form)
                if not problem:
                    return
                await asyncio.sleep(pause)
    except TimeoutError:
        pass
    raise TransientError(
        f"{problem}; the text stays with smsd: once the daemon runs, `ingest sms --inbox DIR` "
        "brings in what lies in smsd's inbox folder"
    )


async def attempt(session: aiohttp.ClientSession, desk: Desk, form: Form) -> str:
    """Try once; return why it is to be tried again, or nothing."""
    data = b"&".join(quote_pair(pair) for pair in form.items())
    headers = {"Content-Type": "application/x-www-form-urlencoded", **desk.headers}
    try:
        async with session.post(desk.url, data=data, headers=headers) as response:
            words = (await response.text(errors="replace"))[:500]
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        fault = explain_fault(error, ONE_ATTEMPT) or type(error).__name__
        return f"the daemon does not answer: {fault}"
    if response.ok:
        return ""
    problem = f"the daemon answers {response.status}: {' '.join(words.split())}"
    if response.status < 500 and response.status not in {408, 429}:  # noqa: PLR2004 -- HTTP's
        raise PermanentError(f"{problem}; the text stays with smsd")
    return problem


def quote_pair(pair: tuple[bytes, bytes]) -> bytes:
    """Write a field as forms do, byte by byte."""
    return b"=".join(quote_bytes(one) for one in pair)


def quote_bytes(data: Iterable[int]) -> bytes:
    """Percent-encode bytes whatever they are."""
    return "".join(f"%{byte:02X}" for byte in data).encode()
