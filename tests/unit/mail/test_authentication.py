"""What our own mail servers say of a sender is believed, and nobody else; more in the corpus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mail.authentication import (
    Authentication,
    Proof,
    are_kin,
    find_authentication,
    parse_results,
    split_results,
    take_off_comments,
)

TRUSTED = frozenset(["mx.example.org"])
PASS = "mx.example.org; dmarc=pass header.from=ivan.example"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("mx.example.org; none", ("mx.example.org", " none"), id="nothing done"),
        pytest.param("MX.Example.org 1; spf=pass", ("mx.example.org", " spf=pass"), id="a version"),
        pytest.param("(x) mx.example.org (y); a=b", ("mx.example.org", " a=b"), id="comments"),
        pytest.param('"mx.example.org"; a=b', ("mx.example.org", " a=b"), id="a quoted name"),
        pytest.param("spf=pass; dkim=pass", ("-", "spf=pass; dkim=pass"), id="no name"),
        pytest.param("", ("-", ""), id="nothing"),
    ],
)
def test_who_says_it(value, expected):
    """The name stands before the first semicolon."""
    name, results = split_results(value)
    assert expected == (name, results)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        pytest.param("none", [], id="none"),
        pytest.param("spf=pass smtp.mailfrom=a@b.org", [("spf", "pass", "b.org")], id="spf"),
        pytest.param("spf=pass smtp.helo=mx.b.org", [("spf", "pass", "mx.b.org")], id="helo"),
        pytest.param("DKIM/1 = Pass header.d = B.org", [("dkim", "pass", "b.org")], id="blanks"),
        pytest.param("arc=pass; x-tls=pass; dmarc=fail", [("dmarc", "fail", "")], id="others"),
        pytest.param("spf=pass xsmtp.mailfrom=a@b.org", [("spf", "pass", "")], id="no property"),
    ],
)
def test_results(results, expected):
    """Only the three methods count, each with the domain that it speaks of."""
    assert expected == [(one.method, one.outcome, one.domain) for one in parse_results(results)]


@pytest.mark.parametrize(
    ("host", "other", "expected"),
    [
        ("mx.example.org", "mx.example.org", True),
        ("mx1.example.org", "mx2.example.org", True),
        ("example.org", "example.net", False),
        ("example.org", "other.org", False),
        ("mx.example.org", "mx.evil.org", False),
        ("a.example.org", "*.example.org", True),
    ],
)
def test_neighbours(host, other, expected):
    """Hosts of one owner share a domain of two labels at least."""
    assert expected is are_kin(host, other)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a (b (c) d) e", "a  e"),
        ("a ) b", "a  b"),
        ("a (b", "a "),
        ('x="a; dmarc=pass (no)" y', "x=a__dmarc_pass__no_ y"),
        ("(\\) still) a", " a"),
    ],
)
def test_comments(value, expected):
    """Comments go, nested and open ones too; what is quoted cannot end anything."""
    assert expected == take_off_comments(value)


def test_many_brackets():
    """A header of nothing but brackets is no recursion."""
    assert "" == take_off_comments("(" * 100_000 + '"' * 1000)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["received", "authentication-results"]),
            st.one_of(st.text(max_size=80), st.just(PASS), st.just("from x by mx.example.org")),
        ),
        max_size=6,
    )
)
def test_it_is_total(traces):
    """Any headers come to something, and without results of ours nobody passes."""
    found = find_authentication(tuple(traces), TRUSTED, "a@ivan.example", "a@ivan.example")
    assert isinstance(found, Authentication)
    if not any(value.startswith("mx.example.org") for _, value in traces):
        assert Proof.PASSED is not found.proof
