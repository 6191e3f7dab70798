"""A day online beside the partner's registry: what belongs together, and what is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.reconciliation import Agreement, Told, compare, count


def told(account, value, transaction="", register=1):
    return Told(
        transaction_id=str(transaction),
        account=account,
        register=register,
        value=value,
        disposition="accept",
        reason="accepted",
        receipt="7K4M-2Q9X",
    )


MATCHED, DIFFERENT, ONLINE, REGISTRY = Agreement


@pytest.mark.parametrize(
    ("online", "registry", "expected"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param([told("a", 5, 1)], [told("a", 5)], [(MATCHED, "a", 5, 5)], id="same value"),
        pytest.param(
            [told("a", 5, 1)], [told("a", 6)], [(DIFFERENT, "a", 5, 6)], id="another value"
        ),
        pytest.param([told("a", 5, 1)], [], [(ONLINE, "a", 5, None)], id="only online"),
        pytest.param([], [told("a", 5)], [(REGISTRY, "a", None, 5)], id="only in the registry"),
        pytest.param(
            [told("a", 5, 1), told("a", 6, 2)],
            [told("a", 6), told("a", 7)],
            [(DIFFERENT, "a", 5, 7), (MATCHED, "a", 6, 6)],
            id="equal values first",
        ),
        pytest.param(
            [told("a", 5, 1), told("a", 6, 2)],
            [told("a", 6, 1), told("a", 5, 2)],
            [(DIFFERENT, "a", 5, 6), (DIFFERENT, "a", 6, 5)],
            id="transaction ids before values",
        ),
        pytest.param(
            [told("a", 5, 1)], [told("b", 5, 1)], [(DIFFERENT, "a", 5, 5)], id="another account"
        ),
        pytest.param(
            [told("a", 5, "T:1")], [told("a", 5, 1)], [(MATCHED, "a", 5, 5)], id="with a system"
        ),
        pytest.param(
            [told("a", 5, 1)], [told("a", 5, 900)], [(MATCHED, "a", 5, 5)], id="ids of another kind"
        ),
        pytest.param(
            [told("a", 5, 1), told("a", 7, 1, 2)],
            [told("a", 5, 1), told("a", 8, 1, 2)],
            [(DIFFERENT, "a", 7, 8), (MATCHED, "a", 5, 5)],
            id="zones",
        ),
    ],
)
def test_compare(online, registry, expected):
    """Pairs are found by transaction, then by value, then by register; what differs is first."""
    found = [
        (
            one.agreement,
            (one.online or one.registry).account,
            one.online and one.online.value,
            one.registry and one.registry.value,
        )
        for one in compare(online, registry)
    ]
    assert expected == found


readings = st.lists(
    st.builds(
        told,
        st.sampled_from("ab"),
        st.integers(0, 3),
        st.sampled_from(["", "1", "2"]),
        st.integers(1, 2),
    ),
    max_size=8,
)


@given(readings, readings)
def test_nothing_is_lost_or_doubled(online, registry):
    """Each reading of each side stands in exactly one comparison, whatever they are."""
    found = compare(online, registry)
    assert sorted(map(repr, online)) == sorted(repr(one.online) for one in found if one.online)
    assert sorted(map(repr, registry)) == sorted(
        repr(one.registry) for one in found if one.registry
    )
    assert len(found) == sum(count(found).values())
