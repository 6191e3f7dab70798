"""Our own answers are found in what comes back, and nothing that a person wrote is."""

import re
import textwrap
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mail.echoes import EXAMPLE_ACCOUNT, find_echoes, hides_words, take_off_echoes
from ingest.model import Form
from ingest.parser import parse
from ingest.replies import LANGUAGES, list_samples, load_phrasebook
from ingest.wording import EXAMPLE_ACCOUNT as EXAMPLE_OF_OURS

REPLIES = Path(__file__).parents[2] / "corpus" / "replies"
READING = "240013579024*5480;"


def list_answers():
    """Return every long answer of the corpus of replies."""
    for path in sorted(REPLIES.glob("*.txt")):
        for found in re.finditer(r"^== (\w\w) long\n(.*?)(?=^== |\Z)", path.read_text("utf-8"),
                                 re.MULTILINE | re.DOTALL):  # fmt: skip
            yield pytest.param(found[2].strip(), id=f"{path.stem} {found[1]}")


def wrap(text, width):
    """Break the lines of *text* as a client does."""
    return "\n".join("\n".join(textwrap.wrap(line, width)) for line in text.split("\n"))


@pytest.mark.parametrize("answer", list(list_answers()))
@pytest.mark.parametrize("width", [30, 60, 72, 1000])
def test_every_answer_of_ours(answer, width):
    """Whatever we answer, whole and without a mark, leaves nothing that could be read."""
    rest = take_off_echoes(f"{READING}\n\n{wrap(answer, width)}")
    assert READING == rest.strip()
    assert not hides_words(wrap(answer, width))


@pytest.mark.parametrize(("language", "number"), [*product(LANGUAGES, range(20))])
def test_every_template(language, number):
    """Each reason and disposition, as the templates are tried out at the start."""
    facts = list(list_samples())[number::20]
    phrasebook = load_phrasebook()
    answers = [phrasebook.render(one, language, Form.LONG) for one in facts]
    rests = [take_off_echoes(f"Да\n\n{one}").strip() for one in answers if one]
    assert [] == [rest for rest in rests if parse(rest).items]
    assert [] == [one for one in answers if hides_words(one)]
    assert EXAMPLE_OF_OURS == EXAMPLE_ACCOUNT


@pytest.mark.parametrize("mark", ["> ", ">> ", "| ", "  "])
def test_marks_do_not_matter(mark):
    """A quotation that is marked is found as well."""
    answer = next(iter(list_answers())).values[0]
    quoted = "\n".join(mark + line for line in answer.split("\n"))
    assert READING == take_off_echoes(f"{READING}\n{quoted}").strip()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"Здравствуйте!\n\n{READING}\n\nСпасибо", id="a greeting"),
        pytest.param(f"Показание по лицевому счёту {READING}", id="our words, not our sentence"),
        pytest.param("Код моего обращения 7K4M-2Q9X, показание прежнее", id="a receipt"),
        pytest.param(f"Hello,\n{READING}\nYour faithful Ivan", id="an English greeting"),
        pytest.param("", id="nothing"),
    ],
)
def test_what_a_person_writes(text):
    """What only resembles an answer of ours stays."""
    assert text == take_off_echoes(text)


def test_only_a_piece():
    """A sentence of ours is ours without its greeting and its end."""
    text = (
        "Показание 5400 кВт·ч по лицевому счёту 240013579024 принято за ноябрь 2026 года. Спасибо!"
    )
    assert "Ошибка!" == take_off_echoes(f"Ошибка!\n{text}")


def test_between_greeting_and_end():
    """The greeting above the sender's own words is his; the nearest one is ours."""
    answer = next(iter(list_answers())).values[0]
    text = f"Здравствуйте!\n\n{READING}\n\n{answer}"
    assert f"Здравствуйте!\n\n{READING}" == take_off_echoes(text).strip()


ANSWER = """Здравствуйте!

Показание 5467 кВт·ч по лицевому счёту 12345678901 не принято. В номере лицевого счёта должно быть
12 цифр. Перепишите номер из квитанции и пришлите показание ещё раз, например:
123456789012*5467;

Код вашего обращения: 7K4M-2Q9X. Назовите его, если захотите что-то уточнить."""


def insert(words, mark="> "):
    """Return our answer, marked, with the sender's own words in the midst of it."""
    lines = [mark + line for line in ANSWER.split("\n")]
    return "\n".join([*lines[:5], *words.split("\n"), *lines[5:]])


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(READING, id="a reading on a line of its own"),
        pytest.param("\nЛицевой счёт 240013579024, показание 5480\nСпасибо", id="in words"),
    ],
)
def test_between_marked_lines(words):
    """What the sender wrote into the midst of our answer, without a mark, is his."""
    assert words.strip() == take_off_echoes(insert(words)).strip()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(insert("\nвот так 240013579024*5480;\n", ""), id="without any marks"),
        pytest.param(ANSWER.replace("123456789012*", "240013579024*"), id="over our example"),
        pytest.param(
            ANSWER.partition("\n\nКод")[0].replace("123456789012*", "240013579024*"),
            id="over our example, whose end is cut off",
        ),
        pytest.param(insert("счёту 240013579024 не принято"), id="perhaps a wrapped line"),
    ],
)
def test_words_that_an_answer_hides(text):
    """What may be the sender's, where it cannot be told from ours, is not read; a person looks."""
    assert not parse(take_off_echoes(text)).items
    assert hides_words(text)


def test_our_example_is_never_the_senders():
    """Without its mark it stands in a marked answer where a client has wrapped or cut lines."""
    text = insert("x").replace("x\n", "").replace("> 123456789012*", "\n123456789012*")
    assert "" == take_off_echoes(text).strip()


def test_an_answer_within_a_sentence():
    """Somebody who tells of our answer writes himself."""
    text = (
        "Вы пишете: Показание 5467 кВт·ч по лицевому счёту 240013579024 принято за ноябрь 2026"
        " года. Счёт не мой!"
    )
    assert text == take_off_echoes(text)


@given(st.text(alphabet="Здравствуйте!Hello, Показание 5*кВт·ч\n>", max_size=300))
def test_it_is_total(text):
    """Any text is looked through, and only lines of it are found."""
    lines = text.split("\n")
    assert set(range(len(lines))) >= find_echoes(lines)
