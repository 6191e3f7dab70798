"""
A day of a partner's terminals beside the partner's own registry of that day.

Both sides are what was recorded, whatever its verdict: a reading that was refused online and
stands in the registry as well is no difference between them.
"""

import datetime as dt
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

from ingest.calendar import starts_at
from ingest.model import ChannelName
from ingest.store import Row, Store


class Agreement(StrEnum):
    """How the two sides of a reading stand to each other."""

    MATCHED = "matched"
    DIFFERENT = "different"
    """Both have it, with another value or another account."""
    ONLY_ONLINE = "only_online"
    ONLY_REGISTRY = "only_registry"


class Told(Struct, frozen=True, kw_only=True):
    """What one side has of one register."""

    transaction_id: str
    """Empty where the registry has none."""
    account: str
    register: int
    value: int
    disposition: str
    reason: str
    receipt: str


class Comparison(Struct, frozen=True):
    """One reading, as each side has it; not both are missing."""

    online: Told | None
    registry: Told | None

    @property
    def agreement(self) -> Agreement:
        """How the two stand to each other."""
        if self.registry is None:
            return Agreement.ONLY_ONLINE
        if self.online is None:
            return Agreement.ONLY_REGISTRY
        one, other = self.online, self.registry
        is_same = (one.account, one.value) == (other.account, other.value)
        return Agreement.MATCHED if is_same else Agreement.DIFFERENT


class PartnerDay(Struct, frozen=True, kw_only=True):
    """Which day of which partner is compared."""

    online: ChannelName
    registry: ChannelName
    day: dt.date
    zone: ZoneInfo
    """The partner's: its day begins by its own clock."""
    registry_zone: ZoneInfo
    """That of the times in its registries, which need not be the same."""
    comes_after: int
    """Days by which registries without times in their lines come after their day."""


async def reconcile_day(store: Store, wanted: PartnerDay) -> list[Comparison]:
    """Compare what came online on a day with what the registries have of it."""
    begins_at, ends_at = find_edges(wanted.day, wanted.zone)
    online = await store.fetch("list_online_readings", wanted.online, begins_at, ends_at)
    arrival = wanted.day + dt.timedelta(days=wanted.comes_after)
    registry = await store.fetch(
        "list_registry_readings",
        wanted.registry,
        *find_edges(wanted.day, wanted.registry_zone),
        *find_edges(arrival, wanted.registry_zone),
    )
    return compare(read_told(online), read_told(drop_corrected(registry)))


def find_edges(day: dt.date, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    """Return the moment at which a day begins, and the one at which the next does."""
    return starts_at(day, zone), starts_at(day + dt.timedelta(days=1), zone)


def drop_corrected(rows: Sequence[Row]) -> list[Row]:
    """Return the lines that stand: those whose operation a later file has again are history."""
    latest = {row["operation"]: row["message_id"] for row in rows}
    return [
        row for row in rows if row["message_id"] == latest[row["operation"]] or not row["operation"]
    ]


def read_told(rows: Iterable[Row]) -> list[Told]:
    """
    Return readings in the order recorded, each once: a registry may come again, corrected.

    What one file says twice are two: somebody paid twice, and gave the same reading.
    """
    once: dict[Hashable, Told] = {}
    copies: Counter[Hashable] = Counter()
    for row in rows:
        one = Told(
            transaction_id=row["transaction_id"],
            account=row["account"],
            register=row["register"],
            value=row["value"],
            disposition=row["disposition"],
            reason=row["reason"],
            receipt=row["receipt"],
        )
        what = (one.transaction_id, one.account, one.register, one.value)
        copies[row["message_id"], what] += 1
        once[what, copies[row["message_id"], what]] = one
    return list(once.values())


def compare(online: Sequence[Told], registry: Sequence[Told]) -> list[Comparison]:
    """
    Pair the two sides: by transaction id where the registry has one, else by account and register.

    Of several readings of one register those with the same value belong together, the others in
    the order told. What differs comes first.
    """
    found: list[Comparison] = []
    for key in (by_transaction, by_value, by_register):
        pairs, online, registry = pair(online, registry, key)
        found += pairs
    found += [Comparison(one, None) for one in online]
    found += [Comparison(None, one) for one in registry]
    return sorted(found, key=lambda one: one.agreement is Agreement.MATCHED)


def by_transaction(one: Told) -> Hashable:
    """Return the partner's id without the system before it, which registries do not write."""
    name = one.transaction_id.rpartition(":")[2]
    return (name, one.register) if name else None


def by_value(one: Told) -> Hashable:
    """Return what makes two readings the same."""
    return (one.account, one.register, one.value)


def by_register(one: Told) -> Hashable:
    """Return what a reading is of."""
    return (one.account, one.register)


def pair(
    online: Sequence[Told], registry: Sequence[Told], key: Callable[[Told], Hashable]
) -> tuple[list[Comparison], list[Told], list[Told]]:
    """Put together what has the same key; return the pairs, and what is left of each side."""
    waiting: defaultdict[Hashable, deque[Told]] = defaultdict(deque)
    for one in registry:
        waiting[key(one)].append(one)
    pairs, left = [], []
    for one in online:
        wanted = key(one)
        if wanted is not None and waiting.get(wanted):
            pairs.append(Comparison(one, waiting[wanted].popleft()))
        else:
            left.append(one)
    return pairs, left, [one for queue in waiting.values() for one in queue]


def count(comparisons: Iterable[Comparison]) -> dict[Agreement, int]:
    """Return how many readings stand to each other how; all four, in one order."""
    counts = Counter(one.agreement for one in comparisons)
    return {agreement: counts[agreement] for agreement in Agreement}
