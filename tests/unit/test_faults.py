"""What operators read when a connection fails."""

import socket
import ssl

import aiohttp
import asyncpg
import pytest

from ingest.faults import explain_fault
from ingest.store import describe

MANY = "Multiple exceptions: [Errno 111] Connect call failed ('::1', 1), [Errno 111] Connect call"
MIXED = "Multiple exceptions: [Errno 111] Connect call failed, [Errno 113] No route"


def wrap(error):
    """Return an error of aiohttp's round *error*."""
    key = aiohttp.client_reqrep.ConnectionKey("h", 1, False, True, None, None, None)
    return aiohttp.ClientConnectorError(key, error)


def make_mismatch():
    """Return what a server is told that begins in the open."""
    error = ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number")
    error.reason = "WRONG_VERSION_NUMBER"
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(TimeoutError(), "no answer within 30 s", id="time"),
        pytest.param(aiohttp.ServerTimeoutError("x"), "no answer within 30 s", id="time, wrapped"),
        pytest.param(ConnectionRefusedError(111, "x"), "connection refused", id="refused"),
        pytest.param(OSError(MANY), "connection refused", id="refused at each address"),
        pytest.param(OSError(MIXED), "", id="different at each address"),
        pytest.param(
            wrap(ConnectionRefusedError(111, "x")), "connection refused", id="refused, wrapped"
        ),
        pytest.param(ConnectionResetError(104, "x"), "the connection broke off", id="broken"),
        pytest.param(aiohttp.ServerDisconnectedError(), "the connection broke off", id="hung up"),
        pytest.param(socket.gaierror(-2, "Unknown"), "no such host: Unknown", id="no name"),
        pytest.param(make_mismatch(), "no TLS there", id="no TLS"),
        pytest.param(OSError(113, "No route to host"), "No route to host", id="no route"),
        pytest.param(aiohttp.InvalidURL("https://u:secret@h"), "", id="words with a secret"),
    ],
)
def test_faults(error, expected):
    """Each is said in words that hold neither Python nor a URL."""
    assert expected == explain_fault(error, 30)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(
            FileNotFoundError(2, "No such file or directory"),
            "PostgreSQL's socket is not there: it does not run",
            id="no socket",
        ),
        pytest.param(TimeoutError(), "PostgreSQL: no answer in time", id="time"),
        pytest.param(ConnectionRefusedError(111, "x"), "PostgreSQL: connection refused", id="port"),
        pytest.param(
            asyncpg.ConnectionDoesNotExistError("closed in the middle of operation"),
            "PostgreSQL: the connection broke off",
            id="broken",
        ),
    ],
)
def test_faults_of_postgresql(error, expected):
    """Who is meant stands with it: the same lines tell of gateways."""
    assert expected == describe(error)
