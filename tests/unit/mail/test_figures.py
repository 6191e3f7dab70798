"""What looks like an account or a reading, before anything is parsed."""

import pytest

from ingest.mail.figures import (
    do_differ,
    holds_cells,
    is_telephone,
    list_readings,
    seems_to_hold_account,
)

ACCOUNT = "123456789012"
READING = f"{ACCOUNT}*5467;"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(READING, True, id="a reading"),
        pytest.param("л/с 1234 5678 9012", True, id="in groups"),
        pytest.param("12345678901", True, id="a digit short"),
        pytest.param("8 903 123-45-67", False, id="a telephone"),
        pytest.param("тел. +7 (391) 257-00-00", False, id="a telephone with its country"),
        pytest.param("+123456789012", False, id="a telephone of another country"),
        pytest.param("9031234567", False, id="a telephone without the eight"),
        pytest.param(f"8 903 123-45-67, {READING}", True, id="both"),
        pytest.param("24.11.2026 10:00", False, id="a date and a time"),
        pytest.param("", False, id="nothing"),
    ],
)
def test_an_account_is_seen(text, expected):
    """Long numbers may be accounts, telephone numbers are none."""
    assert expected is seems_to_hold_account(text)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("89031234567", True),
        ("+1 202", True),
        ("79", True),
        (ACCOUNT, False),
        ("2570000000", False),
    ],
)
def test_telephones(number, expected):
    """Eleven digits behind a seven or an eight are somebody's telephone."""
    assert expected is is_telephone(number)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(READING, {(ACCOUNT, "5467")}, id="one"),
        pytest.param(f"{ACCOUNT} 210987654321 1", {(ACCOUNT, ""), ("210987654321", "1")}, id="two"),
        pytest.param(f"1{ACCOUNT} 5", set(), id="thirteen digits"),
        pytest.param(ACCOUNT, {(ACCOUNT, "")}, id="no value"),
    ],
)
def test_readings_are_listed(text, expected):
    """An account goes with the number after it."""
    assert expected == list_readings(text)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param(READING, READING, False, id="the same"),
        pytest.param(READING, f"{ACCOUNT}*5476;", True, id="another value"),
        pytest.param(READING, "210987654321*5467;", True, id="another account"),
        pytest.param(READING, f"№ 7 {READING} тел. 257-00-00", False, id="more around it"),
        pytest.param(READING, f"{READING} https://a.example/1234567890", False, id="a link"),
        pytest.param(READING, "См. HTML", False, id="nothing"),
        pytest.param("1234 5678 9012 5467", "1234-5678-9012 5467", False, id="other separators"),
        pytest.param(READING, f"{READING} 210987654321*1;", True, id="one more"),
        pytest.param(f"{ACCOUNT}*54673;", f"{ACCOUNT}*5467_3;", True, id="a tenth in small print"),
    ],
)
def test_two_texts_differ_in_their_readings_only(one, other, expected):
    """What surrounds a reading does not matter."""
    assert expected is do_differ(one, other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Счёт\n\n123456789012\n\n5467\n", True, id="cells below each other"),
        pytest.param("123456789012\r\n \r\n5467", True, id="other line ends"),
        pytest.param("123456789012\n5467", False, id="no empty line"),
        pytest.param("123456789012 5467\n\n5468", False, id="a row"),
        pytest.param("123456789012\n\nСпасибо", False, id="no number"),
        pytest.param("123456789012\n" + "\n" * 1_000_000, False, id="nothing, far below"),
    ],
)
def test_cells_of_a_table(text, expected):
    """A table as Outlook writes it in plain text is told from one with rows."""
    assert expected is holds_cells(text)
