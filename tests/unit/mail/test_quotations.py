"""What the sender of a mail did not write is taken off; what he wrote is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mail.quotations import take_off_quotations

READING = "123456789012*5467;"
OLD = "210987654321*1111;"


@pytest.mark.parametrize(
    "header",
    [
        "-----Original Message-----",
        "----- Исходное сообщение -----",
        "-------- Пересылаемое сообщение --------",
        "---------- Forwarded message ---------",
        "Begin forwarded message:",
        "Начало переадресованного сообщения:",
        "On Thu, 5 Nov 2026 at 10:00, Energy <energy@example.org> wrote:",
        "On Thu, Nov 5, 2026 at 10:00 AM Energosbyt\n<energy@example.org> wrote:",
        "чт, 5 нояб. 2026 г. в 10:00, Энергосбыт <energy@example.org>:",
        '05.11.2026, 10:00, "Энергосбыт" <energy@example.org>:',
        "Четверг, 5 ноября 2026, 10:00 +07:00 от Энергосбыт <energy@example.org>:",
        "5 нояб. 2026 г., в 10:00, Энергосбыт <energy@example.org> написал(а):",
        "Энергосбыт <energy@example.org> пишет:",
        "Энергосбыт <energy391257@example.org> писал 5.11.2026 10:00:",
        "Am 05.11.2026 um 10:00 schrieb Energie <energy@example.org>:",
        "From: Energy\nSent: Thursday, November 5, 2026 10:00 AM\nTo: Ivan\nSubject: Re: x",
        "От: Энергосбыт\nОтправлено: 5 ноября 2026 г. 10:00\nКому: Иван\nТема: RE: x",
        "*От:* Энергосбыт\n*Дата:* 5 ноября 2026\n*Тема:* RE: x",
        "________________________________\nОт: Энергосбыт\nОтправлено: 5.11\nКому: Иван",
        "On Thu, Nov 5, 2026 at 10:00 AM Energosbyt of Krasnoyarsk\n<energy@example.org>\nwrote:",
        "четверг, 5 ноября 2026г., 10:00 +07:00 от Энергосбыт energy@example.org:",
        "Вы писали 5 ноября 2026 г., 10:00:00:",
        "Четверг, 5 ноября 2026 г., 10:00:00, вы писали:",
        "Thursday, November 5, 2026, 10:00:00 AM, you wrote:",
        "-----Энергосбыт написал: -----",
        "-----Energosbyt/ENERGO wrote: -----",
        "Энергосбыт <energy@example.org> 5 нояб. 2026 г. 10:00 написал(а):",
        "От: x\nКому: y\nКопия: z\nДата: 05.11.2026 10:00\nТема: RE: x",
        "---- Конец пересылаемого сообщения ----",
        "------ This is a copy of the message, including all the headers. ------",
        "--- Below this line is a copy of the message.",
    ],
)
@pytest.mark.parametrize("quoted", [OLD, f"> {OLD}", f"\n> {OLD}\n>> {OLD}"])
def test_a_reading_that_is_quoted_is_not_read(header, quoted):
    """Everything from the reply header on goes, whether it is marked or not."""
    assert READING == take_off_quotations(f"{READING}\n\n{header}\n{quoted}\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(READING, READING, id="nothing to take off"),
        pytest.param(f"{READING}\r\n{OLD}", f"{READING}\n{OLD}", id="two readings"),
        pytest.param(f"> {OLD}\n{READING}", READING, id="answered below"),
        pytest.param(
            f"On 5.11 10:00 Energy <e@x.org> wrote:\n> {OLD}\n\n{READING}",
            READING,
            id="answered below a marked quotation",
        ),
        pytest.param(f"Иван пишет:\n> {OLD}\n{READING}", READING, id="a short reply header"),
        pytest.param(f"Соседка пишет:\n{READING}", f"Соседка пишет:\n{READING}", id="a neighbour"),
        pytest.param(f"{READING}\n-- \nИван\n8 391 2570000", READING, id="signature"),
        pytest.param(f"-- \n{READING}", READING, id="a signature with nothing above"),
        pytest.param(f"{READING}\n\nОтправлено с iPhone", READING, id="a telephone"),
        pytest.param(f"Отправлено с iPhone\n{READING}", READING, id="a telephone above"),
        pytest.param(
            f"Отправлено с {READING}", f"Отправлено с {READING}", id="a reading on its line"
        ),
        pytest.param(f"{READING}\nSent from my Galaxy", READING, id="an English telephone"),
        pytest.param(
            f"От: Иванова\nКому: Энергосбыт\n{READING}",
            f"От: Иванова\nКому: Энергосбыт\n{READING}",
            id="a letter with its heading",
        ),
        pytest.param(
            f"Показания на 25.11:\n{READING}", f"Показания на 25.11:\n{READING}", id="a date"
        ),
        pytest.param(
            f"{READING} 10:00\nivan <i@x.org>:",
            f"{READING} 10:00\nivan <i@x.org>:",
            id="a reading is no wrapped reply header",
        ),
        pytest.param(f"{READING}\u2028> {OLD}", READING, id="rare line ends"),
        pytest.param(f"{READING}\nЭ> {OLD}\nЭИ>> {OLD}", READING, id="initials before the mark"),
        pytest.param(f"{READING}\n\u2063Отправлено с BlueMail", READING, id="invisible marks"),
        pytest.param(f"{READING}\n--\n{OLD}", f"{READING}\n{OLD}", id="dashes between readings"),
        pytest.param(
            f"Добрый день\nС уважением, Иван\n{READING}",
            f"Добрый день\nС уважением, Иван\n{READING}",
            id="a reading below the farewell",
        ),
        pytest.param(
            f"{READING}\nС уважением, ООО Ромашка\nИНН 246600123456", READING, id="a firm's numbers"
        ),
        pytest.param(
            f"С уважением, Иван\n{READING}",
            f"С уважением, Иван\n{READING}",
            id="nothing above the farewell",
        ),
        pytest.param(
            f"{READING}\n-- \nИван\n\n-----Original Message-----\n{OLD}",
            READING,
            id="a signature above a quotation",
        ),
        pytest.param(
            "Показание 1 кВт·ч по лицевому счёту 210987654321 принято за май 2026 года.\n"
            + READING,
            READING,
            id="our own words without a mark",
        ),
        pytest.param("", "", id="nothing"),
    ],
)
def test_what_goes_and_what_stays(text, expected):
    """A line goes only for what it looks like."""
    assert expected == take_off_quotations(text)


@given(st.text(alphabet="> -:@<\nwrote пишет1.05От", max_size=300))
def test_it_is_total(text):
    """Any text comes out as a text of its own lines."""
    lines = {"", *map(str.strip, text.split("\n"))}
    assert lines.issuperset(map(str.strip, take_off_quotations(text).split("\n")))
