"""Two texts that should say the same, and whether they hold different readings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mail.alternatives import MOST_PAIRS, do_differ

ACCOUNT = "123456789012"
READING = f"{ACCOUNT}*5467;"
OTHER = "210987654321*1;"
ROW = "Счёт\n{0}{1}{0}5467{0}24.11.2026\n"

SAME = [
    pytest.param(READING, READING, id="the same"),
    pytest.param(READING, f"№ 7 {READING} тел. 257-00-00", id="more around it"),
    pytest.param(READING, f"1. {READING}\n2. Спасибо", id="numbered lines"),
    pytest.param(
        f"Дом 5\n{READING}\n257-00-00", f"10:20\n{READING}\n8 (391) 257", id="other things around"),
    pytest.param(READING, f"{READING} https://a.example/1234567890", id="a link"),
    pytest.param(f"{READING}\n[cid:1@2] 5", f"{READING}\n5", id="a picture"),
    pytest.param(READING, "См. HTML", id="nothing"),
    pytest.param(READING, "См. https://a.example/123456789012", id="nothing but a link"),
    pytest.param("1234 5678 9012 5467", "1234-5678-9012 5467", id="other separators"),
    pytest.param("1234 5678 9012 5467", READING, id="in groups and whole"),
    pytest.param("1234 5678 9012 5467", f"Дом 5\n{READING}\nтел. 5", id="in groups, more around"),
    pytest.param(ROW.format("\n\n", ACCOUNT), ROW.format(" / ", ACCOUNT), id="cells below cells"),
    pytest.param(
        READING, f"Показания по счёту {ACCOUNT} от 24.11.2026\n{READING}", id="a preheader"),
    pytest.param(
        f"{READING}\n{READING}", f"{READING}\n{READING}\n{READING}", id="as often as you like"),
    pytest.param(f"{READING}\n{OTHER}", f"{OTHER}\n{READING}", id="another order"),
    pytest.param(f"{READING}\nСпасибо", f"{READING}\nСпасибо, кв. 5", id="a flat"),
    pytest.param(f"{ACCOUNT}*5467,3;", f"{ACCOUNT}*5467_3;\nкв. 5", id="a tenth in both"),
]  # fmt: skip
DIFFERENT = [
    pytest.param(READING, f"{ACCOUNT}*5476;", id="another value"),
    pytest.param(READING, f"{ACCOUNT}*54670;", id="a zero more"),
    pytest.param(f"{ACCOUNT}*1000;", f"{ACCOUNT}*100;", id="a zero less"),
    pytest.param(f"{ACCOUNT}*100;", f"{ACCOUNT}*100*55;", id="one more register"),
    pytest.param(f"{ACCOUNT} 100", f"{ACCOUNT} 100 / 55\nтел. 5", id="one more cell"),
    pytest.param(f"{ACCOUNT} показания 100", f"{ACCOUNT} показания 1000", id="in words"),
    pytest.param(f"{ACCOUNT} показания 100", f"{ACCOUNT}: 1000", id="in other words"),
    pytest.param(
        f"показания 100 по счёту {ACCOUNT}", f"показания 1000 по счёту {ACCOUNT}", id="before it"),
    pytest.param(f"100\n{ACCOUNT}", f"1000\n{ACCOUNT}", id="on the line above"),
    pytest.param(f"{ACCOUNT}\n100\n55", f"{ACCOUNT}\n100\n56", id="on the lines below"),
    pytest.param(f"1234567890*10;\n{READING}", f"1234567890*1;\n{READING}", id="an odd account"),
    pytest.param(f"{READING}\n1234567890*10;", f"{READING}\n1234567890*1;", id="a later one"),
    pytest.param(f"{ACCOUNT}\nдень 100", f"{ACCOUNT}\nдень 100\nночь 55", id="a zone more"),
    pytest.param(f"{ACCOUNT}\nT1 100", f"{ACCOUNT}\nT1 100\nT2 55", id="a zone by its number"),
    pytest.param(f"{ACCOUNT} день 1 ночь 2", f"{ACCOUNT} день 1 ночь 3", id="the second zone"),
    pytest.param(READING, "210987654321*5467;", id="another account"),
    pytest.param(READING, f"{READING} {OTHER}", id="one account more"),
    pytest.param(f"{READING}\n{OTHER}", f"{OTHER}\n{ACCOUNT}*5468;", id="in another order"),
    pytest.param(ACCOUNT, READING, id="no value"),
    pytest.param(READING, f"{READING}\n{ACCOUNT}*54670;", id="two values, one of them right"),
    pytest.param(f"{ACCOUNT}*54673;", f"{ACCOUNT}*5467_3;", id="a tenth in small print"),
    pytest.param("1234 5678 9012 5467", "1234 5678 9012 54670", id="in groups, a zero more"),
    pytest.param("1234 5678 9012 5467", f"{ACCOUNT}*5467*55", id="in groups, a register more"),
    pytest.param("1234 5678 9012 54673", "1234 5678 9012 5467_3", id="in groups, a tenth"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_surrounds_a_reading_does_not_matter(one, other):
    """Nor how it is written: the numbers of the reading are the same."""
    assert (False, False) == (do_differ(one, other), do_differ(other, one))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_another_number_is_another_reading(one, other):
    """Whichever of the two texts has more digits, and wherever they stand."""
    assert (True, True) == (do_differ(one, other), do_differ(other, one))


def test_an_account_everywhere_is_not_compared():
    """What stands too often to be compared is held: it costs no more than a look by a person."""
    count = MOST_PAIRS // 2
    one = "".join(f"{ACCOUNT}*{value};\n" for value in range(count))
    assert do_differ(one, f"{one}{READING}\n")


WORDS = [ACCOUNT, "210987654321", "1234 5678 9012", *"5 \n*@", "54", "показания ", "T2 "]
TEXTS = st.lists(st.sampled_from(WORDS)).map("".join)


@given(TEXTS, TEXTS)
def test_any_two_texts(one, other):
    """Both ways round the answer is the same, and no text differs from itself."""
    assert do_differ(one, other) is do_differ(other, one)
    assert not do_differ(one, one)
