"""Whatever a mail is put together from: own readings are not lost, quoted ones are not read."""

from hypothesis import given
from hypothesis import strategies as st

from ingest.mail.quotations import take_off_quotations
from ingest.parser import parse

FIRST = "240013579024*1;"
OWN = ["240013579032*117;", "240013579040 = 5480"]
OLD = "123456789012*5467;"
WORDS = [
    "Добрый день!",
    "",
    "С уважением, Иванов И.И.",
    "Best regards",
    "--",
    "-- ",
    "тел. 8 913 555-12-34",
    "ИНН 246600123456",
    "Отправлено с iPhone",
    "Данное сообщение конфиденциально.",
    "> старое",
    "________________________________",
]
HEADERS = [
    "-----Original Message-----",
    "ср, 25 нояб. 2026 г. в 10:15, Энергосбыт <energy@example.org>:",
    "On Wed, Nov 25, 2026 at 10:15 AM Energy\n<energy@example.org> wrote:",
    "От: x\nОтправлено: 25.11.2026 10:15\nКому: y\nТема: z",
    "25.11.2026 10:15, Энергосбыт пишет:",
    "Начало переадресованного сообщения:",
]
ANSWER = (
    "Здравствуйте!\n\nПоказание 5467 кВт·ч по лицевому счёту 123456789012 принято за ноябрь 2026 "
    "года.\n\nКод вашего обращения: 7K4M-2Q9X. Назовите его, если захотите что-то уточнить."
)
WRITTEN = st.lists(st.sampled_from(OWN + WORDS), max_size=8)
QUOTED = st.sampled_from([OLD, f"> {OLD}", f"Да\n{OLD}", ANSWER, f"-- \n{OLD}"])


def read_accounts(text):
    """Return the accounts in what the sender wrote, in order."""
    return [item.account for item in parse(take_off_quotations(text)).items]


@given(WRITTEN, st.sampled_from(HEADERS), QUOTED)
def test_readings_above_a_quotation(written, header, quoted):
    """All that the sender wrote above a reply header is read, and nothing below it."""
    own = [FIRST, *written]
    expected = [line[:12] for line in own if line == FIRST or line in OWN]
    assert expected == read_accounts("\n".join([*own, header, quoted]))


@given(WRITTEN, WRITTEN)
def test_readings_around_a_marked_quotation(above, below):
    """Marked lines go; what stands above and below them stays."""
    own = [FIRST, *above, *below]
    quoted = [f"> {line}" for line in (OLD, *ANSWER.split("\n"))]
    expected = [line[:12] for line in own if line == FIRST or line in OWN]
    assert expected == read_accounts("\n".join([FIRST, *above, *quoted, *below]))


@given(WRITTEN)
def test_readings_above_our_unmarked_answer(written):
    """Our own answer is known without any mark."""
    own = [FIRST, *written]
    expected = [line[:12] for line in own if line == FIRST or line in OWN]
    assert expected == read_accounts("\n".join([*own, ANSWER]))
