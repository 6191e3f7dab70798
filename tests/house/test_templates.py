"""The shipped templates: complete, sound, and word for word what the corpus says."""

import re
from pathlib import Path

import pytest
from reply_cases import CASES, a_judged_reading, of_whole, the_facts

from ingest.model import Disposition, Form, Reason
from ingest.replies import LANGUAGES, check_phrasebook, list_templates, load_phrasebook, locate
from ingest.wording import LONGEST_SMS, count_units

CORPUS = Path(__file__).parent.parent / "corpus" / "replies"
TEMPLATES = Path(__file__).parent.parent.parent / "ingest" / "templates"
PHRASEBOOK = load_phrasebook()
WHOLE = {
    Reason.NOT_RECOGNISED,
    Reason.SENDER_REFUSED,
    Reason.TOO_LARGE,
    Reason.INCOMPLETE,
    Reason.FAILED,
}
JUDGED = [reason for reason in Reason if reason not in WHOLE | {Reason.AUTOMATIC_MAIL}]
OUTCOMES = [Disposition.ACCEPT, Disposition.HOLD, Disposition.REJECT]
KINDS = [(language, form) for language in LANGUAGES for form in Form]


def facts_of(reason, disposition):
    if reason in WHOLE:
        return of_whole(reason, disposition)
    return the_facts(a_judged_reading(reason, disposition=disposition))


def render_golden(facts):
    """Return the four texts under headings, as the files of the corpus hold them."""
    return "\n".join(
        f"== {language} {form}\n{PHRASEBOOK.render(facts, language, form)}\n"
        for language, form in KINDS
    )


def test_there_is_a_template_for_every_reason_and_no_other_file():
    """A reason without a text, or a text that no code asks for, is a mistake."""
    found = {path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.*")}
    assert {locate(*key) for key in list_templates()} == found


def test_the_shipped_templates_pass_the_check_of_own_ones():
    """What is demanded of an operator's template holds for ours."""
    check_phrasebook(PHRASEBOOK)


@pytest.mark.parametrize("disposition", OUTCOMES)
@pytest.mark.parametrize("reason", [one for one in Reason if one is not Reason.AUTOMATIC_MAIL])
def test_every_text_shows_the_receipt_and_a_short_one_fits(reason, disposition):
    """Whatever config.toml lets a reason lead to, there is a text, with its code, in one SMS."""
    texts = {kind: PHRASEBOOK.render(facts_of(reason, disposition), *kind) for kind in KINDS}
    assert all("7K4M-2Q9X" in text for text in texts.values())
    assert all(
        count_units(text) <= LONGEST_SMS for kind, text in texts.items() if kind[1] is Form.SHORT
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "reason",
    [
        one
        for one in JUDGED
        if one not in {Reason.ACCEPTED, Reason.CORRECTED, Reason.REPEATED, Reason.METER_AMBIGUOUS}
    ],
)
def test_every_refusal_advises_with_an_example(reason, language):
    """Whoever is refused a reading is shown on a line of its own what to send instead."""
    text = PHRASEBOOK.render(facts_of(reason, Disposition.REJECT), language, Form.LONG)
    assert re.search(r"^123456789012\*5467;$", text, re.MULTILINE)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "reason", [one for one in JUDGED if one not in {Reason.WINDOW_CLOSED, Reason.ACCOUNT_CLOSED}]
)
def test_every_refusal_says_until_when_another_can_be_sent(reason, language):
    """The last open day stands in the mail, not the first shut one."""
    text = PHRASEBOOK.render(facts_of(reason, Disposition.REJECT), language, Form.LONG)
    last_day = {"ru": "до 29.11.2026 включительно", "en": "up to and including 29 November 2026"}
    assert last_day[language] in text


@pytest.mark.parametrize("reason", JUDGED)
def test_whoever_waits_for_a_person_is_told_so(reason):
    """A held reading is passed on and does not count; nobody promises an answer."""
    text = PHRASEBOOK.render(facts_of(reason, Disposition.HOLD), "ru", Form.LONG)
    assert "специалисту" in text
    assert "не засчитан" in text
    assert "ответим" not in text


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize(("language", "form"), KINDS)
def test_texts_have_the_letters_of_their_language(reason, language, form):
    """English texts hold no Cyrillic; Russian ones begin with it."""
    text = PHRASEBOOK.render(facts_of(reason, Disposition.REJECT), language, form)
    cyrillic = re.search("[А-Яа-яЁё]", text[:20])
    assert (language == "ru" and reason is not Reason.AUTOMATIC_MAIL) == bool(cyrillic)
    assert language == "ru" or text.isascii()


@pytest.mark.parametrize("name", CASES)
def test_replies_are_word_for_word_those_of_the_corpus(name):
    """What customers read changes only together with its file, where a person sees it."""
    assert (CORPUS / f"{name}.txt").read_text("utf-8") == render_golden(CASES[name])


def test_the_corpus_has_no_other_files():
    """A file whose case is gone would only look as if it were tested."""
    assert set(CASES) == {path.stem for path in CORPUS.iterdir()}
