"""What a person is shown of a mail whose own words hold no reading."""

import pytest

from ingest.mail import asides
from ingest.mail.asides import describe_asides, read_lists
from ingest.mail.bodies import Aside, Body

READING = "123456789012*5467;"


def a_file(name, content=READING, kind=""):
    """Return a file that stood beside the text."""
    return Aside("attached file", name, kind, None, content.encode())


@pytest.mark.parametrize(
    ("aside", "expected"),
    [
        pytest.param(a_file("a.txt"), [f"[attached file: a.txt]\n{READING}"], id="a text"),
        pytest.param(a_file("a.txt", "hello"), [], id="a text without a reading"),
        pytest.param(a_file("a.htm", f"<p>{READING}"), [f"[attached file: a.htm]\n{READING}"],
                     id="HTML"),
        pytest.param(a_file("a.rtf", "{\\rtf1 123456789012}"),
                     ["[attached file: a.rtf]\n123456789012"], id="rich text"),
        pytest.param(a_file("a.jpg"), ["[attached file, not read: a.jpg]"], id="a picture"),
        pytest.param(a_file("", "", "a/b"), ["[attached file, not read: a/b]"], id="no name"),
        pytest.param(Aside("encrypted", "PGP"), ["[encrypted, not read: PGP]"], id="encrypted"),
    ],
)  # fmt: skip
def test_descriptions(aside, expected):
    """Text in which an account may stand is shown, what cannot be read is named."""
    assert expected == describe_asides([aside], with_names=True)


def test_names_are_left_out_of_automatic_mail():
    """The pictures of a newsletter are nobody's business; a reading in it is."""
    given = [a_file("a.jpg"), a_file("a.txt")]
    assert [f"[attached file: a.txt]\n{READING}"] == describe_asides(given, with_names=False)


def test_an_attached_mail_is_introduced():
    """Of a forwarded mail a person sees who wrote it, and what about."""
    raw = f"Content-Type: message/rfc822\n\nFrom: a@x.org\nSubject: Re: 1\n\n{READING}"
    [described] = describe_asides(Body(raw.encode()).asides, with_names=True)
    assert f"[attached mail: Re: 1, from a@x.org]\n{READING}" == described


def test_our_own_answer_is_not_shown():
    """The answer that comes back attached holds no reading that anybody sent."""
    answer = f"Здравствуйте!\n\nПоказание 5467 кВт·ч по лицевому счёту {READING[:12]} принято."
    assert [] == describe_asides([a_file("a.txt", answer)], with_names=False)


def test_so_many_are_looked_into():
    """Beyond the bounds nothing is looked into: twenty asides, and so many bytes of all."""
    assert asides.MOST_ASIDES == len(describe_asides([a_file("a.jpg")] * 100, with_names=True))
    large = [a_file("a.txt", "x\n" * 200_000 + READING)] * 4
    assert [] == describe_asides(large, with_names=False)
    filler = [a_file("a.txt", "x\n" * 50_000)] * 3
    assert ["[attached file, not read: b.txt]"] == describe_asides(
        [*filler, a_file("b.txt")], with_names=True
    )


@pytest.mark.parametrize(
    ("aside", "expected"),
    [
        pytest.param(a_file("a.CSV"), READING, id="csv"),
        pytest.param(a_file("a.txt"), READING, id="txt"),
        pytest.param(a_file("", kind="text/csv"), READING, id="no name"),
        pytest.param(a_file("a.html"), "", id="another name"),
        pytest.param(Aside("attached mail", "a.txt", "", None, b"1"), "", id="a mail"),
    ],
)
def test_lists_of_a_partner(aside, expected):
    """Of a partner the files that are lists are read."""
    assert expected == read_lists([aside])
