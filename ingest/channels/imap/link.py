"""The thread that a session lives in, and the watchdog outside of it."""

import asyncio
import contextlib
import imaplib
import queue
import ssl
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from ingest.channels.imap.login import show
from ingest.channels.imap.session import RefusedError
from ingest.channels.imap.wire import Endpoint, Switch
from ingest.errors import IngestError, TransientError
from ingest.faults import NO_TLS, explain_fault

Result = TypeVar("Result")

GOODBYE = 1.0
"""Seconds that the thread has to end."""


class Call:
    """One piece of work for the thread."""

    def __init__(self, work: Callable[[], object], endpoint: Endpoint) -> None:
        self.loop = asyncio.get_running_loop()
        self.result: asyncio.Future[Any] = self.loop.create_future()
        self._work = work
        self._endpoint = endpoint

    def run(self) -> None:
        """Do the work, and tell its result; for the thread."""
        try:
            result = self._work()
        except BaseException as error:  # noqa: BLE001 -- whatever it is, somebody waits for it
            self._tell(self.result.set_exception, explain(error, self._endpoint))
        else:
            self._tell(self.result.set_result, result)

    def _tell(self, tell: Callable[[Any], None], value: object) -> None:
        """Hand a value to whoever waits, if there is still somebody."""

        def settle() -> None:
            if not self.result.done():
                tell(value)

        with contextlib.suppress(RuntimeError):  # the loop is closed
            self.loop.call_soon_threadsafe(settle)


class Link:
    """
    A thread of its own for what blocks.

    It is a daemon: one that hangs where nothing can wake it, in a resolver, must not hold up the
    end of the process.
    """

    def __init__(self, name: str, switch: Switch, endpoint: Endpoint) -> None:
        self._switch = switch
        self._endpoint = endpoint
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self._ended = Call(lambda: None, endpoint)
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def call(self, work: Callable[[], Result], *, within: float) -> Result:
        """
        Do *work* in the thread.

        Past *within* seconds, or when the caller is cancelled, the connection is cut: the thread
        wakes up, and what it was doing fails.
        """
        call = Call(work, self._endpoint)
        self._calls.put(call)
        try:
            async with asyncio.timeout(within):
                result: Result = await call.result
        except TimeoutError:
            self._switch.cut()
            raise TransientError(
                f"{self._endpoint.where} has kept us waiting for {within:.0f} s"
            ) from None
        except asyncio.CancelledError:
            self._switch.cut()
            raise
        return result

    async def close(self) -> None:
        """Cut the connection and let the thread end; one that does not is left behind."""
        self._switch.cut()
        self._calls.put(None)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE):
                await self._ended.result

    def _work(self) -> None:
        """Do one piece of work after the other."""
        while (call := self._calls.get()) is not None:
            call.run()
        self._switch.close()
        self._ended.run()


def explain(error: BaseException, endpoint: Endpoint) -> BaseException:
    """Translate what went wrong in a session; only what a server may cause has a translation."""
    if isinstance(error, IngestError) or not isinstance(error, Exception):
        return error
    if isinstance(error, OSError):
        return TransientError(explain_connection(error, endpoint))
    if isinstance(error, imaplib.IMAP4.abort):
        return TransientError(f"{endpoint.where}: the session broke off: {show(error)}")
    if type(error) is imaplib.IMAP4.error:
        return RefusedError(f"the server refuses: {show(error)}")
    # Its text may be that of a mail.
    return TransientError(f"the server's answer is no IMAP that we know: {type(error).__name__}")


def explain_connection(error: OSError, endpoint: Endpoint) -> str:
    """Say what is wrong with a connection."""
    where = endpoint.where
    if isinstance(error, TimeoutError):
        # Two that each wait for the other to begin look like a server that is gone.
        hint = "" if endpoint.tls_first else '; a port that begins with TLS wants security = "tls"'
        return f"{where} does not answer{hint}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"{where}: the server's certificate is not good: {show(error)}; have it put right, "
            "or name in ca_file who signed it"
        )
    if isinstance(error, ssl.SSLError) and error.reason in NO_TLS and endpoint.tls_first:
        return f'no TLS at {where}; use port 993 or security = "starttls"'
    return f"{where}: {explain_fault(error) or show(error)}"
