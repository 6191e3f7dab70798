"""
What a mail server of ours found out about the sender of a mail (RFC 8601); never raises.

Anybody can write ``Authentication-Results`` into a mail. Those count that a trusted server put on
top of it: the run that ends at the first one by somebody else, at the first ``Received`` behind
them, and at a ``Received`` of a host that is none of ours. ``Received-SPF`` does not say who wrote
it, and ``arc`` is what a stranger says that he found out: neither is believed.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

Traces = tuple[tuple[str, str], ...]
"""Headers that servers put on top, from the top: names in lower case, and values."""

TRACING = frozenset(("received", "authentication-results"))
NAMELESS = "-"
"""What config.toml calls a server that does not sign its results with a name (Microsoft 365)."""
METHODS = ("spf", "dkim", "dmarc")
RESULT = re.compile(r"\s*([a-z][a-z0-9-]*)\s*(?:/\s*[0-9]+\s*)?=\s*([a-z]+)", re.IGNORECASE)
PROPERTY = re.compile(r"(?<![\w.])(smtp|header)\s*\.\s*([a-z-]+)\s*=\s*([^\s;]+)", re.IGNORECASE)
BY = re.compile(r"(?:^|\s)by\s+([\w.:\[\]-]+)", re.IGNORECASE)
LOCAL = frozenset(("localhost", "localhost.localdomain", "127.0.0.1", "[127.0.0.1]", "::1"))
FEWEST_LABELS = 2
"""Of a domain that several hosts of one owner share."""


class Proof(StrEnum):
    """How far a sender can be believed."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """No trusted server says anything."""


class Result(Struct, frozen=True):
    """What one method came to."""

    method: str
    outcome: str
    domain: str = ""
    """Of whom it speaks, in lower case."""


class Authentication(Struct, frozen=True):
    """What the trusted servers say, and what it comes to."""

    proof: Proof
    summary: str
    """For a person: ``spf=pass dkim=none dmarc=fail``."""
    is_envelope_proven: bool = False
    """Whether the envelope sender, who gets the answer, is as genuine as who stands in From."""


def find_authentication(
    traces: Traces, trusted: frozenset[str], sender: str, from_address: str
) -> Authentication:
    """
    Return what is known of a mail from *from_address* in the envelope of *sender*.

    DMARC decides. Where it says nothing, SPF or DKIM must have passed for the domain in From. That
    says nothing of an envelope sender elsewhere: whoever has a domain can sign for it, and name a
    stranger there.
    """
    values = list(list_trusted(traces, trusted))
    if not values:
        return Authentication(Proof.UNKNOWN, "unknown")
    results = [result for value in values for result in parse_results(value)]
    author, envelope = find_domain(from_address), find_domain(sender)
    proof = weigh(results, author or envelope)
    is_envelope_proven = proof is Proof.PASSED and (
        are_aligned(envelope, author or envelope)
        or any(is_passed(result, envelope) for result in results if result.method == "spf")
    )
    return Authentication(proof, summarise(results), is_envelope_proven)


def weigh(results: Sequence[Result], domain: str) -> Proof:
    """Return what the results say about a sender in *domain*."""
    policies = {result.outcome for result in results if result.method == "dmarc"}
    if "fail" in policies:
        return Proof.FAILED
    if policies & {"pass", "bestguesspass"}:
        return Proof.PASSED
    passed = any(is_passed(one, domain) for one in results if one.method in ("spf", "dkim"))
    return Proof.PASSED if passed else Proof.FAILED


def is_passed(result: Result, domain: str) -> bool:
    """Tell whether a method passed for *domain*."""
    return result.outcome == "pass" and are_aligned(result.domain, domain)


def summarise(results: Iterable[Result]) -> str:
    """Say what each method came to; of several signatures the best."""
    outcomes: dict[str, str] = {}
    for result in results:
        if result.outcome == "pass" or result.method not in outcomes:
            outcomes[result.method] = result.outcome
    return " ".join(f"{one}={outcomes.get(one, 'none')}" for one in METHODS)


def list_trusted(traces: Traces, trusted: frozenset[str]) -> Iterator[str]:
    """Yield the results, without the server's name, of the topmost run of trusted servers."""
    hosts: list[str] = []
    begun = False
    for name, value in traces:
        if name == "received":
            if begun or not is_ours(value, hosts, trusted):
                return
            continue
        server, results = split_results(value)
        if not is_trusted(server, trusted):
            return
        begun = True
        yield results


def is_ours(received: str, hosts: list[str], trusted: frozenset[str]) -> bool:
    """
    Tell whether a ``Received`` was written by a host of ours; it joins *hosts* then.

    The topmost always was. Another one is known by its domain, or by a name that is trusted.
    """
    found = BY.search(take_off_comments(received))
    host = found[1].lower() if found else ""
    ours = (
        not hosts
        or host in LOCAL
        or is_trusted(host, trusted)
        or any(are_kin(host, one) for one in (*hosts, *trusted))
    )
    if ours:
        hosts.append(host)
    return ours


def are_kin(host: str, other: str) -> bool:
    """Tell whether two hosts are the same, or neighbours in a domain of more than one label."""
    if host == other:
        return True
    domain, neighbour = host.partition(".")[2], other.removeprefix("*").partition(".")[2]
    return domain == neighbour and domain.count(".") + 1 >= FEWEST_LABELS


def is_trusted(server: str, trusted: frozenset[str]) -> bool:
    """Tell whether a name is on the list, or ends like one there that begins with ``*.``."""
    if server in trusted:
        return True
    return any(one.startswith("*.") and server.endswith(one[1:]) for one in trusted)


def split_results(value: str) -> tuple[str, str]:
    """Return the name of the server that wrote the results, in lower case, and the results."""
    plain = take_off_comments(value)
    name, _, results = plain.partition(";")
    if "=" in name:
        return NAMELESS, plain
    words = name.split()
    return (words[0].strip('"').lower() if words else NAMELESS), results


def parse_results(results: str) -> Iterator[Result]:
    """Yield what each method that we know came to."""
    for part in results.split(";"):
        found = RESULT.match(part)
        if found is None or found[1].lower() not in METHODS:
            continue
        method = found[1].lower()
        told = {f"{one[1]}.{one[2]}".lower(): one[3] for one in PROPERTY.finditer(part)}
        yield Result(method, found[2].lower(), find_subject(method, told))


def find_subject(method: str, told: dict[str, str]) -> str:
    """Return the domain that a result speaks of."""
    names = {
        "spf": ("smtp.mailfrom", "smtp.mail", "smtp.helo"),
        "dkim": ("header.d", "header.i", "header.from"),
        "dmarc": ("header.from",),
    }
    return next((find_domain(told[one]) for one in names[method] if one in told), "")


def find_domain(address: str) -> str:
    """Return the domain of an address, or of what is only a domain, in lower case."""
    return address.strip("<>\"'").rpartition("@")[2].lower().rstrip(".")


def are_aligned(domain: str, other: str) -> bool:
    """Tell whether two domains are the same, or one lies within the other."""
    if not domain or not other or "." not in domain or "." not in other:
        return False
    return domain == other or domain.endswith(f".{other}") or other.endswith(f".{domain}")


def take_off_comments(value: str) -> str:
    """Return a structured header without comments; what is quoted loses what could end it."""
    kept: list[str] = []
    depth, quoted, escaped = 0, False, False
    for character in value:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"' and not depth:
            quoted = not quoted
        elif quoted:
            kept.append("_" if character in ";=() \t" else character)
        elif character in "()":
            depth = max(0, depth + (1 if character == "(" else -1))
        elif not depth:
            kept.append(character)
    return "".join(kept)
