"""Fixtures: real servers on ports of their own, each ended with its test, and a daemon between."""

import contextlib
from types import SimpleNamespace

import pytest
from harness import DaemonProcess, Town, find_ports
from system.configs import HEAD, LMTP
from system.dovecot import Dovecot
from system.kannel import Kannel
from system.postfix import Postfix
from system.programs import open_folder

CUSTOMER = "ivanov"
NOBODY_LISTENS = 1
"""A port."""


@pytest.fixture
async def stack():
    """What has to end with the test, last come first."""
    async with contextlib.AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def open_server(stack):
    """Return an async opener of servers: a class and its arguments in, a running one out."""

    async def open_it(kind, *arguments):
        folder = stack.enter_context(open_folder(kind.__name__.lower()))
        server = kind(folder, *arguments)
        stack.push_async_callback(server.stop)
        await server.start()
        return server

    return open_it


@pytest.fixture
def make_daemon(tmp_path, stack):
    """Return a maker of daemons that do not run yet; none outlives the test."""

    def make(url, relay=NOBODY_LISTENS, config=HEAD + LMTP, name="daemon", gateway=NOBODY_LISTENS):
        town = SimpleNamespace(relay=relay, gateway=gateway)
        daemon = DaemonProcess(tmp_path / name, url, town, config=config)
        stack.push_async_callback(end, daemon)
        return daemon

    return make


async def end(daemon):
    """End a daemon that still runs."""
    if daemon.process is not None and daemon.process.returncode is None:
        await daemon.kill()


@pytest.fixture
async def town():
    """Relay and gateway that take our replies, where those need not reach the customer."""
    async with Town().open() as opened:
        yield opened


@pytest.fixture
async def dovecot(open_server):
    """Mailboxes, one of them a customer's."""
    server = await open_server(Dovecot)
    server.add_user(CUSTOMER)
    return server


@pytest.fixture
async def open_kannel(open_server):
    """Return an async opener of a Kannel whose requests go to a port."""
    Kannel.find_programs()

    async def open_it(port, *arguments):
        return await open_server(Kannel, port, *arguments)

    return open_it


@pytest.fixture
def postfix_is_here():
    """Postfix can be started; else the test is left out before anything else has been."""
    Postfix.find_programs()


@pytest.fixture
async def open_road(postfix_is_here, open_server, make_daemon, dovecot):
    """
    Return an async opener of Postfix, with a daemon behind it that does not run yet.

    Postfix takes our mails to the daemon, and the daemon's replies to the customers' mailboxes.
    """

    async def open_it(url):
        [relay] = find_ports(1)
        daemon = make_daemon(url, relay)
        routes = {"energy@example.org": daemon.smtp, "example.com": dovecot.lmtp_port}
        return await open_server(Postfix, relay, routes), daemon

    return open_it
