"""What goes wrong with connections, in words: an operator need not know Python."""

import errno
import re
import socket
import ssl

import aiohttp

REFUSED = "connection refused"
NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL"})
"""What OpenSSL makes of a server that begins in the open."""
NUMBER = re.compile(r"\[Errno (\d+)\]")
BROKEN = (
    ConnectionResetError,
    BrokenPipeError,
    ConnectionAbortedError,
    aiohttp.ServerDisconnectedError,
    aiohttp.ClientPayloadError,
)


def explain_fault(error: BaseException, within: float | None = None) -> str:
    """
    Say what went wrong with a connection, in a few words; empty for what is none of its faults.

    *within* is how many seconds an answer was waited for. Words that libraries make up are left
    out: they may hold a URL, and with it a secret.
    """
    if isinstance(error, TimeoutError):
        return "no answer in time" if within is None else f"no answer within {within:g} s"
    error = find_origin(error)
    if isinstance(error, ssl.SSLError):
        return explain_tls(error)
    if isinstance(error, socket.gaierror):
        return f"no such host: {error.strerror}"
    if is_refused(error):
        return REFUSED
    if isinstance(error, BROKEN):
        return "the connection broke off"
    return (error.strerror or "") if isinstance(error, OSError) else ""


def explain_tls(error: ssl.SSLError) -> str:
    """Say why there is no TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good: {error.verify_message}"
    return "no TLS there" if error.reason in NO_TLS else f"TLS failed: {error.reason}"


def find_origin(error: BaseException) -> BaseException:
    """Return what the system or TLS said, where a library has wrapped it."""
    kept = (getattr(error, name, None) for name in ("certificate_error", "os_error"))
    found = [one for one in (*kept, error.__cause__) if isinstance(one, OSError)]
    return found[0] if found else error


def is_refused(error: BaseException) -> bool:
    """Tell whether nobody listens there, at none of the addresses that were tried."""
    if isinstance(error, ConnectionRefusedError):
        return True
    # Of several addresses asyncio tells all errors in one, and in text.
    numbers = set(NUMBER.findall(str(error))) if isinstance(error, OSError) else set()
    return numbers == {str(errno.ECONNREFUSED)}
