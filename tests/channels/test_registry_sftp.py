"""Files that are fetched from a partner's SFTP server."""

import contextlib
import hashlib
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
import structlog
from registry_desk import CONFIG, PARTNER, Desk, ScriptedSink
from sftp_world import CLIENT_KEY, HOST_KEY, OTHER_KEY, PASSWORD, USER, Memory, Partner, spell

from ingest.bookmarks import BookmarkStore
from ingest.channels.deposits import Letterbox
from ingest.channels.registry.fetching import Fetcher
from ingest.channels.registry.probing import check_keys, count_files
from ingest.channels.registry.sftp import connect
from ingest.config import Configuration, load_config
from ingest.errors import ConfigError
from ingest.store import Store

ROWS = b"100000000001;10\n"
SFTP = """
[channels.partner.sftp]
host = "127.0.0.1"
port = {port}
username = "{user}"
directory = "/reg"
settle = 0
timeout = 5
{keys}
{more}
"""
SECRETS = {
    "NONSENSE": "no key",
    "PASSWORD": PASSWORD,
    "KEY": CLIENT_KEY.export_private_key().decode().strip(),
}
WITH_PASSWORD = 'password = { env = "PASSWORD" }'


@pytest.fixture
async def partner(tmp_path: Path) -> AsyncIterator[Partner]:
    """A server with a folder, which serves."""
    (tmp_path / "theirs" / "reg").mkdir(parents=True)
    made = Partner(tmp_path / "theirs")
    async with made.serve():
        yield made


@pytest.fixture
def make_config(tmp_path: Path, partner: Partner) -> Callable[..., Configuration]:
    """Return a maker of configurations for the server."""

    def make(more: str = "", *, login: str = WITH_PASSWORD, complete: str = "", key=HOST_KEY):
        text = CONFIG.replace("settle = 0.05", f"settle = 0.05\n{complete}")
        keys = f'{login}\nhost_keys = ["{spell(key)}"]'
        path = tmp_path / "config.toml"
        sftp = SFTP.format(port=partner.port, user=USER, keys=keys, more=more)
        path.write_text(text + sftp, "utf-8")
        return load_config(path, SECRETS)

    return make


@pytest.fixture
def make_fetcher(make_config) -> Callable[..., Fetcher]:
    """Return a maker of fetchers that share one memory."""
    memory = Memory()

    def make(*arguments, bookmarks=memory, **named) -> Fetcher:
        config = make_config(*arguments, **named)
        settings = config.channels[PARTNER]
        letterbox = Letterbox(config.state_dir / settings.directory, settings)
        return Fetcher(PARTNER, settings, config, letterbox, bookmarks)

    return make


def list_came(fetcher: Fetcher) -> list[str]:
    """List what came into the folder."""
    incoming = fetcher._letterbox.incoming
    return sorted(path.name for path in incoming.iterdir()) if incoming.exists() else []


# Fetching


async def test_files_are_fetched_once(partner: Partner, make_fetcher) -> None:
    """What is there comes whole; the next look finds nothing new."""
    partner.put("reg/a.csv", ROWS)
    partner.put("reg/b.csv", ROWS * 2)
    fetcher = make_fetcher()
    assert ["", ""] == [await fetcher.look(), await fetcher.look()]
    assert ["a.csv", "b.csv"] == list_came(fetcher)
    assert ["a.csv", "b.csv"] == partner.opened
    assert ROWS == (fetcher._letterbox.incoming / "a.csv").read_bytes()


async def test_another_daemon_remembers_too(partner: Partner, make_fetcher) -> None:
    """What was fetched stands in the database."""
    partner.put("reg/a.csv", ROWS)
    await make_fetcher().look()
    await make_fetcher().look()
    assert ["a.csv"] == partner.opened


async def test_a_file_that_changed_is_another(partner: Partner, make_fetcher) -> None:
    """The same name with another content or time is fetched again."""
    fetcher = make_fetcher()
    partner.put("reg/a.csv", ROWS)
    await fetcher.look()
    partner.put("reg/a.csv", ROWS * 2, at=1_700_000_100)
    await fetcher.look()
    assert ["a.2.csv", "a.csv"] == list_came(fetcher)


async def test_a_large_file_comes_whole(partner: Partner, make_fetcher) -> None:
    """It takes several questions."""
    content = os.urandom(3_000_001)
    partner.put("reg/a.csv", content)
    fetcher = make_fetcher(complete="")
    fetcher._letterbox.max_size = 10_000_000
    await fetcher.look()
    assert content == (fetcher._letterbox.incoming / "a.csv").read_bytes()


async def test_only_what_matches_is_fetched(partner: Partner, make_fetcher) -> None:
    """The pattern says which; hidden files are nobody's."""
    for name in ("reestr-1.csv", "other.csv", ".reestr-2.csv"):
        partner.put(f"reg/{name}", ROWS)
    fetcher = make_fetcher('pattern = "reestr-*.csv"')
    await fetcher.look()
    assert ["reestr-1.csv"] == list_came(fetcher)


async def test_odd_things_are_told_once(partner: Partner, make_fetcher) -> None:
    """Links, folders and names that are no names are left, and stand in the way of nothing."""
    partner.put("reg/a.csv", ROWS)
    (partner.root / "reg" / "link").symlink_to("/etc/passwd")
    (partner.root / "reg" / "folder").mkdir()
    partner.put("reg/a\u202eb", ROWS)
    fetcher = make_fetcher()
    with structlog.testing.capture_logs() as events:
        await fetcher.look()
        await fetcher.look()
    told = sorted(str(one["file"]) for one in events if one["event"] == "registry.skipped")
    assert (["a\\u202eb", "folder", "link"], ["a.csv"]) == (told, list_came(fetcher))


async def test_a_file_that_grows_is_left_for_later(partner: Partner, make_fetcher) -> None:
    """It must be the same after as before."""
    path = partner.put("reg/a.csv", ROWS)

    def grow(_name: str) -> None:
        with path.open("ab") as file:
            file.write(ROWS)

    partner.on_open = grow
    fetcher = make_fetcher()
    await fetcher.look()
    assert [] == list_came(fetcher)
    partner.on_open = lambda _name: None
    await fetcher.look()
    assert ROWS * 2 == (fetcher._letterbox.incoming / "a.csv").read_bytes()


async def test_a_file_that_grows_between_two_looks_is_not_at_rest(
    partner: Partner, make_fetcher
) -> None:
    """It is not even begun."""
    path = partner.put("reg/a.csv", ROWS)
    fetcher = make_fetcher()
    async with partner_listing(fetcher) as (server, listing):
        path.write_bytes(ROWS * 3)
        await fetcher.fetch(server, listing.files[0], listing)
    assert ([], []) == (partner.opened, list_came(fetcher))


@contextlib.asynccontextmanager
async def partner_listing(fetcher: Fetcher):
    """Connect as the fetcher does, and list."""
    async with connect(fetcher._settings, fetcher._config) as server:
        yield server, await server.list_files()


async def test_one_bad_file_does_not_stop_the_others(partner: Partner, make_fetcher) -> None:
    """It is told as long as it is there."""
    partner.put("reg/a.csv", ROWS, at=1)
    partner.put("reg/b.csv", ROWS * 2, at=2)
    partner.put("reg/c.csv", b"x" * 200_001, at=3)
    partner.refuses = frozenset({"a.csv"})
    fetcher = make_fetcher()
    problem = await fetcher.look()
    assert ["b.csv"] == list_came(fetcher)
    assert "a.csv: the server says: not for you; c.csv: the file is too large" in problem


# Side files


async def test_a_file_waits_for_its_side_file_there(partner: Partner, make_fetcher) -> None:
    """The rule of the channel holds on the partner's server as well."""
    partner.put("reg/a.csv", ROWS)
    fetcher = make_fetcher(complete='complete = "done-file"')
    await fetcher.look()
    assert [] == list_came(fetcher)
    partner.put("reg/a.done", b"")
    await fetcher.look()
    assert ["a.csv", "a.csv.done"] == list_came(fetcher)


async def test_the_partners_checksum_comes_along(partner: Partner, make_fetcher) -> None:
    """It is what the channel compares; a checksum of ours would prove nothing."""
    partner.put("reg/a.csv", ROWS)
    partner.put("reg/a.csv.md5", hashlib.md5(ROWS).hexdigest().encode())
    fetcher = make_fetcher(complete='complete = "checksum-file"')
    await fetcher.look()
    assert ["a.csv", "a.csv.md5"] == list_came(fetcher)


# What becomes of the files there


AFTER = [
    pytest.param("keep", ["a.csv"], [], id="kept"),
    pytest.param("delete", [], [], id="deleted"),
    pytest.param("move:/seen/by us", [], ["a.csv"], id="moved"),
]


@pytest.mark.parametrize(("after", "left", "moved"), AFTER)
async def test_what_becomes_of_a_fetched_file(
    partner: Partner, make_fetcher, after: str, left: list[str], moved: list[str]
) -> None:
    """As asked for, and not before it is safe here."""
    partner.put("reg/a.csv", ROWS)
    fetcher = make_fetcher(f'after = "{after}"')
    await fetcher.look()
    target = partner.root / "seen" / "by us"
    found = sorted(path.name for path in target.iterdir()) if target.exists() else []
    assert (left, moved, ["a.csv"]) == (partner.list("reg"), found, list_came(fetcher))


async def test_nothing_is_replaced_where_files_are_moved_to(partner: Partner, make_fetcher) -> None:
    """A name that is taken gets a number."""
    partner.put("seen/a.csv", b"earlier")
    partner.put("reg/a.csv", ROWS)
    await make_fetcher('after = "move:/seen"').look()
    assert ["a.2.csv", "a.csv"] == partner.list("seen")


async def test_a_file_that_could_not_be_deleted_is_not_fetched_again(
    partner: Partner, make_fetcher
) -> None:
    """Only what was left undone is done."""
    partner.put("reg/a.csv", ROWS)
    await make_fetcher().look()
    await make_fetcher('after = "delete"').look()
    assert (["a.csv"], []) == (partner.opened, partner.list("reg"))


@pytest.mark.parametrize("after", ["delete", "move:/seen"])
async def test_a_file_that_took_the_place_of_a_fetched_one_is_left(
    partner: Partner, make_fetcher, after: str
) -> None:
    """The partner puts the next file there under the same name while we are looking."""
    memory = Memory()
    partner.put("reg/a.csv", ROWS)
    await make_fetcher(bookmarks=memory).look()
    newer = ROWS + b"900000000004;7\n"

    class Slow(Memory):
        """A memory in whose time to think the file is replaced."""

        async def find_bookmark(self, channel, place):
            partner.put("reg/a.csv", newer, at=1_700_000_009)
            return await memory.find_bookmark(channel, place)

    await make_fetcher(f'after = "{after}"', bookmarks=Slow()).look()
    assert ["a.csv"] == partner.list("reg")
    fetcher = make_fetcher(f'after = "{after}"', bookmarks=memory)
    await fetcher.look()
    assert ["a.2.csv", "a.csv"] == list_came(fetcher)


# Answers


async def test_answers_are_put_on_the_server(partner: Partner, make_fetcher) -> None:
    """Those to fetched files alone, each once, replacing what has its name."""
    partner.put("reg/a.csv", ROWS)
    partner.put("answers/a.csv.result.csv", b"of another day")
    fetcher = make_fetcher('results = "/answers"')
    await fetcher.look()
    out = fetcher._letterbox.root / "out"
    out.mkdir()
    for name in ("a.csv.result.csv", "a.csv.summary.txt", "dropped.csv.summary.txt"):
        (out / name).write_bytes(b"ours")
    assert ["a.csv"] == await fetcher.list_owed()
    await fetcher.look()
    assert ["a.csv.result.csv", "a.csv.summary.txt"] == partner.list("answers")
    assert b"ours" == (partner.root / "answers" / "a.csv.result.csv").read_bytes()
    assert [] == await fetcher.list_owed()


# Who is spoken to, and as whom


async def test_a_key_lets_us_in(partner: Partner, make_fetcher) -> None:
    """No agent and no file of the user's home is asked."""
    partner.put("reg/a.csv", ROWS)
    fetcher = make_fetcher(login='key = { env = "KEY" }')
    assert "" == await fetcher.look()
    assert ["a.csv"] == list_came(fetcher)


async def test_another_server_is_not_spoken_to(partner: Partner, make_fetcher) -> None:
    """Whoever answers there must have the key that is known; no password is sent."""
    fetcher = make_fetcher(key=OTHER_KEY)
    assert not await fetcher.try_look()
    assert "sftp 127.0.0.1: the server's key is none of those that are known" == fetcher.problem


async def test_known_hosts_of_openssh(partner: Partner, make_config, tmp_path: Path) -> None:
    """The file is read beside config.toml."""
    known = f"[127.0.0.1]:{partner.port} {spell(HOST_KEY)}\n"
    (tmp_path / "known").write_text(known)
    text = make_config().path.read_text("utf-8")
    (tmp_path / "config.toml").write_text(
        text.replace(f'host_keys = ["{spell(HOST_KEY)}"]', 'known_hosts = "known"')
    )
    config = load_config(tmp_path / "config.toml", SECRETS)
    settings = config.channels[PARTNER]
    fetcher = Fetcher(PARTNER, settings, config, Letterbox(tmp_path / "x", settings), Memory())
    assert "" == await fetcher.look()


async def test_a_wrong_password_is_told_without_it(make_fetcher, caplog) -> None:
    """Neither in the problem nor in any log."""
    fetcher = make_fetcher(login='password = { env = "KEY" }')
    assert not await fetcher.try_look()
    assert "wrong user, password or key" in fetcher.problem
    assert SECRETS["KEY"] not in f"{caplog.text}{fetcher.problem}"


async def test_a_server_that_is_away_is_told(partner: Partner, make_config, make_fetcher) -> None:
    """And its return as well."""
    fetcher = make_fetcher()
    told: list[str] = []
    fetcher.on_change = lambda: told.append(fetcher.problem)
    fetcher._settings = change_port(fetcher, 1)
    assert [False, False] == [await fetcher.try_look(), await fetcher.try_look()]
    fetcher._settings = change_port(fetcher, partner.port)
    assert await fetcher.try_look()
    assert (2, "") == (len(told), told[-1])


def change_port(fetcher: Fetcher, port: int):
    return msgspec.structs.replace(fetcher._settings, port=port)


async def test_a_server_that_says_nothing_is_given_up(make_fetcher) -> None:
    """It takes connections and never says a word."""
    fetcher = make_fetcher("")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = change_port(fetcher, silent.getsockname()[1])
        fetcher._settings = msgspec.structs.replace(settings, timeout=0.1)
        assert not await fetcher.try_look()
    assert "in time" in fetcher.problem


# One daemon at a time


async def test_one_daemon_fetches(partner: Partner, make_fetcher, store: Store) -> None:
    """The lease in the database decides; the other does not even connect."""
    partner.put("reg/a.csv", ROWS)
    bookmarks = BookmarkStore(store)
    one, other = make_fetcher(bookmarks=bookmarks), make_fetcher(bookmarks=bookmarks)
    assert await one.take_lease()
    assert await other.try_look()
    assert 0 == partner.connections
    await one.drop_lease()
    assert await other.try_look()
    assert ["a.csv"] == list_came(other)


# With its channel


async def test_a_fetched_file_is_answered(partner: Partner, make_config) -> None:
    """It ends where all files end; the channel is lost while the server is, and back with it."""
    partner.put("reg/a.csv", ROWS)
    config = make_config('results = "/answers"')
    desk = Desk(config, ScriptedSink())
    desk.channel.fetch_with(Memory())
    async with desk.running() as report:
        await report.until(lambda: desk.list("done") and desk.is_idle())
    assert b"100000000001;10;accept;accepted;FILE-1-1\n" == desk.read("out/a.csv.result.csv")


async def test_a_channel_is_lost_with_its_server(partner: Partner, make_config) -> None:
    """The folder is served all the same."""
    desk = Desk(make_config(key=OTHER_KEY), ScriptedSink())
    desk.channel.fetch_with(Memory())
    async with desk.running() as report:
        await report.until(lambda: report.problems and not report.is_up)
        desk.drop("a.csv", ROWS)
        await report.until(lambda: desk.list("done"))
    assert "the server's key" in report.problems[-1]


# Before it runs


async def test_a_server_can_be_tried(partner: Partner, make_config) -> None:
    """What would be fetched is counted, and left there."""
    partner.put("reg/a.csv", ROWS)
    config = make_config('after = "delete"')
    assert 1 == await count_files(config.channels[PARTNER].sftp, config)
    assert (["a.csv"], []) == (partner.list("reg"), partner.opened)


KEYS = [
    pytest.param('key = { env = "NONSENSE" }', "sftp.key cannot be used", id="no private key"),
    pytest.param('key = { env = "MISSING" }', "MISSING", id="no secret"),
]


@pytest.mark.parametrize(("login", "expected"), KEYS)
def test_keys_that_cannot_be_used_are_told(make_config, login: str, expected: str) -> None:
    """Before anything is connected to."""
    config = make_config(login=login)
    with pytest.raises(ConfigError, match=expected):
        check_keys(config.channels[PARTNER].sftp, config)


def test_a_host_key_that_is_none_is_told(make_config) -> None:
    """It may have been cut off when it was copied."""
    config = make_config()
    settings = msgspec.structs.replace(
        config.channels[PARTNER].sftp, host_keys=("ssh-ed25519 AAAA",)
    )
    with pytest.raises(ConfigError, match="host_keys"):
        check_keys(settings, config)
