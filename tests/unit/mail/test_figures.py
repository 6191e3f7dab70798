"""What looks like an account or a reading, before anything is parsed."""

import pytest

from ingest.mail.figures import (
    holds_cells,
    holds_value,
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


@pytest.mark.parametrize(
    "text",
    [
        "Ой, извините, ошиблась! Правильно 5476.", "5476", "не 5467, а 5476", "Показание5476квтч",
        "Правильно 5 476", "5476,5", "25.11.2026 было 5476", "№ 12, показание 54", "день 1234/5678",
        "15.99",
    ],
)  # fmt: skip
def test_a_number_may_be_a_value(text):
    """Whatever is not plainly something else may be what a register shows."""
    assert holds_value(text)


@pytest.mark.parametrize(
    "text",
    [
        "Спасибо!", "до 25.11.2026", "с 26 ноября 2026 года", "25.11",
        "2026-11-25 10:20:30", "за ноябрь 2026", "в 2026 г.", "в 10:20", "by 25 November 2026",
        "код 7K4M-2Q9X", "тел. +7 (391) 257-00-00", "8 800 700-24-57", "257-00-00", "89031234567",
        "Заявка №1234 создана", "№ 1", "#77", "Номер обращения 1", "Ваш номер заявки: SD-1234",
        "Ticket 4711 opened", "Request id: 99", "в течение 24 часов", "1-3 рабочих дня",
        "within 2 business days", "до 25 числа", "https://a.example/1234", "ivan77@example.org",
        "счёт 121000000901",
    ],
)  # fmt: skip
def test_other_numbers_are_no_values(text):
    """Dates, hours, telephones, receipts, and what programs number their mails with."""
    assert not holds_value(text)
