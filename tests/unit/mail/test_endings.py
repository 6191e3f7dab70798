"""Signatures and disclaimers go; what may be a reading in them does not."""

import pytest

from ingest.mail.endings import begins_ending, may_be_read


@pytest.mark.parametrize(
    "line",
    [
        "-- ",
        "--",
        "С уважением, Иванов",
        "с наилучшими пожеланиями",
        "*С уважением,*",
        "Best regards,",
        "Kind regards",
        "Sincerely yours",
        "Данное сообщение и приложения к нему конфиденциальны.",
        "Это электронное письмо защищено",
        "This e-mail and any attachments are confidential.",
        "The information contained in this message is privileged",
        "Confidentiality notice: x",
        "КОНФИДЕНЦИАЛЬНОСТЬ: информация",
        "Без вирусов. www.avast.com",
        "Проверено антивирусом Касперского: вирусов нет",
        "No virus found in this message.",
        "__________ Information from ESET NOD32 Antivirus __________",
        "Please consider the environment before printing",
    ],
)
def test_where_an_ending_begins(line):
    """Farewells, notices and the line of two dashes."""
    assert begins_ending(line)


@pytest.mark.parametrize(
    "line",
    [
        "---",
        "Уважением",
        "С уважаемым Петровым говорил",
        "Это сообщение о показаниях",
        "Данное письмо прошу считать ответом",
        "Regarding the meter",
        "",
        "123456789012*5467;",
    ],
)
def test_where_none_begins(line):
    """What only resembles one."""
    assert not begins_ending(line)


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        pytest.param("С уважением, Иванов\n123456789012*5467;", True, id="a reading"),
        pytest.param("С уважением\n1234 5678 9012 = 5467", True, id="a reading in groups"),
        pytest.param("Иванов, л/с 1234567, показания 5467", True, id="a short account"),
        pytest.param("-- \nСчётчик: 5467", True, id="a value that says so"),
        pytest.param("С уважением,\nИван\n+7 913 555-12-34", False, id="a telephone"),
        pytest.param("тел. (391) 257-00-00, 8 913 5551234", False, id="two telephones"),
        pytest.param("тел. 257-00-00 123456789012*5467", True, id="a telephone and a reading"),
        pytest.param("ИНН 246600123456, КПП 246601001", False, id="a firm's numbers"),
        pytest.param("ИНН/КПП 2466001234/246601001", False, id="two numbers in one"),
        pytest.param("р/с 40702810900000012345 БИК 040407777", False, id="a bank account"),
        pytest.param("ИНН 246600123456\n123456789012*5467", True, id="a firm's reading"),
        pytest.param("660049, г. Красноярск, пр. Мира, 10", False, id="an address"),
        pytest.param("www.example.org ivan@example.org", False, id="no number"),
    ],
)
def test_what_may_be_read(ending, expected):
    """Numbers that are explained are no readings; every other long one may be."""
    assert expected is may_be_read(ending)
