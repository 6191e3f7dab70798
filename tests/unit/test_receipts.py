"""Receipt codes: what the check symbol catches, and how people may write a code."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.receipts import (
    ALPHABET,
    CAPACITY,
    line_receipt,
    parse_receipt,
    render_receipt,
    split_receipt,
)

NUMBERS = st.integers(0, CAPACITY - 1)


def test_the_alphabet_has_a_prime_number_of_symbols_of_which_no_two_look_alike():
    """Vowels make words; of a pair that is mixed up at most one symbol may be there."""
    assert 23 == len(set(ALPHABET)) == len(ALPHABET)
    assert not set(ALPHABET) & set("01AEIOULVBSZ")


@given(NUMBERS)
def test_what_is_rendered_is_parsed_to_itself(number):
    """Every number has a code that is a code."""
    receipt = render_receipt(number)
    assert receipt == parse_receipt(receipt)
    assert 9 == len(receipt)


@given(NUMBERS, NUMBERS)
def test_different_numbers_have_different_codes(one, other):
    """No two numbers share a code."""
    assert (one == other) == (render_receipt(one) == render_receipt(other))


@pytest.mark.parametrize("number", [-1, CAPACITY], ids=["negative", "too large"])
def test_a_number_outside_of_the_capacity_is_refused(number):
    """There is no code for it."""
    with pytest.raises(ValueError, match="wanted 0 to 3404825446"):
        render_receipt(number)


@given(NUMBERS)
def test_every_single_wrong_symbol_is_caught(number):
    """All 176 codes that differ in one symbol are refused."""
    symbols = render_receipt(number).replace("-", "")
    for place, wrong in itertools.product(range(8), ALPHABET):
        changed = symbols[:place] + wrong + symbols[place + 1 :]
        assert (changed == symbols) == (parse_receipt(changed) is not None)


@given(NUMBERS)
def test_every_swap_of_two_symbols_is_caught(number):
    """Neighbours or not: two different symbols that change places make no code."""
    symbols = render_receipt(number).replace("-", "")
    for one, other in itertools.combinations(range(8), 2):
        changed = list(symbols)
        changed[one], changed[other] = changed[other], changed[one]
        assert (changed == list(symbols)) == (parse_receipt("".join(changed)) is not None)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("7K4M-2Q9X", id="as it was given"),
        pytest.param("7k4m2q9x", id="lower case, no hyphen"),
        pytest.param("  7K4M 2Q9X\n", id="spaces"),
        pytest.param("7K4M – 2Q9X.", id="dash and full stop"),
        pytest.param("7К4М-2Q9Х", id="Cyrillic К, М and Х"),
        pytest.param("7к4м 2q9х", id="Cyrillic in lower case"),
        pytest.param("７Ｋ４Ｍ－２Ｑ９Ｘ", id="full width"),
        pytest.param("7K4M\u00a0ZQ9X", id="Z can only be a 2"),
    ],
)
def test_a_code_may_be_written_as_people_write_it(text):
    """The canonical form comes out of whatever carries no meaning."""
    assert parse_receipt(text) == "7K4M-2Q9X"


@pytest.mark.parametrize("letter", "КМХТРСНкмхтрсн")
def test_cyrillic_letters_stand_for_the_latin_ones_they_look_like(letter):
    """A code typed on a Russian keyboard is the same code."""
    latin = dict(zip("КМХТРСН", "KMXTPCH", strict=True))[letter.upper()]
    number = ALPHABET.index(latin)
    assert render_receipt(number) == parse_receipt(render_receipt(number).replace(latin, letter))


@pytest.mark.parametrize(
    "text",
    ["", "-", "7K4M-2Q9", "7K4M-2Q9XX", "7K4M-2Q9W", "2222-2222", "7K4M-2Q9X" * 20, "7K4M-2О9X"],
)
def test_what_is_no_code_is_none(text):
    """Too short, too long, a wrong symbol, a symbol that means nothing."""
    assert parse_receipt(text) is None


@given(st.text())
def test_any_text_is_read_without_an_exception(text):
    """Parsing is total."""
    assert parse_receipt(text) is None or "-" == parse_receipt(text)[4]
    split_receipt(text)


@given(NUMBERS, st.integers(1, 10**9))
def test_a_line_of_a_registry_has_its_own_receipt(number, line):
    """Its receipt splits into the registry's and the number of the line."""
    receipt = render_receipt(number)
    assert (receipt, line) == split_receipt(line_receipt(receipt, line))
    assert (receipt, None) == split_receipt(receipt)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7k4m2q9x / 17", ("7K4M-2Q9X", 17)),
        ("7K4M-2Q9X/", None),
        ("7K4M-2Q9X/0", None),
        ("7K4M-2Q9X/1/2", None),
        ("7K4M-2Q9X/١٧", None),
        ("7K4M-2Q9X/99999999999", None),
        ("/17", None),
    ],
)
def test_the_receipt_of_a_line_is_split_as_strictly(text, expected):
    """A line that is none makes the whole no receipt."""
    assert expected == split_receipt(text)
