"""
Tells whether two texts that should say the same hold different readings.

Numbers are compared as a whole and at their places beside an account: ``5467`` is no part of
``54670``. One text may have more around the readings than the other, such as a signature or a
footer; and a program may write the cells of a row below each other.
"""

import itertools
import re

from ingest.mail.figures import ACCOUNT_LENGTH, seems_to_hold_account

NUMBER = re.compile(r"([0-9]+)")
LETTER = re.compile(r"[^\W\d_]")
STAR = re.compile(r"[*=\u00d7\uff0a]")
PIECES = re.compile(r"[0-9][_^][0-9]")
"""A tenth in small print, as ``markup.py`` writes it; plain text has lost it."""
LINK = re.compile(r"(?<!\S)\S*(?:://|@)\S*")
"""Links and addresses: one alternative may spell out what another hides."""
NAMED = re.compile(
    r"\b(?:показ[а-я]*(?:\W+\w+)?|день|дн[её]м|ночь|ночью|(?:полу)?пик[а-я]*|[тt]|day|night"
    r"|peak|reading|value)\W{0,5}\Z",
    re.IGNORECASE,
)
"""Words that say of the number behind them that it is a value; ``T1`` ends at its own number."""
LONGEST_NAME = 60
"""Characters before a number in which it may be named."""
PUNCTUATION = " \t\r\u00a0;*"
MOST_PAIRS = 400
"""Of places where one account stands; beyond, the texts are not compared but held."""


def do_differ(one: str, other: str) -> bool:
    """
    Tell whether two texts that should say the same hold different readings.

    Only then: one may lack what surrounds the readings, such as a table or a footer.
    """
    pieces, others = NUMBER.split(one), NUMBER.split(other)
    if pieces[1::2] == others[1::2]:
        return False
    first, second = map(Figures, map(take_off_links, (one, other), (pieces, others)))
    if first.accounts and second.accounts:
        return first.accounts.keys() != second.accounts.keys() or not agree(first, second)
    one, other = first.text, second.text
    if not (seems_to_hold_account(one) and seems_to_hold_account(other)):
        return False
    if len(PIECES.findall(one)) != len(PIECES.findall(other)):
        return True
    return not (first.is_within(second) or second.is_within(first))


def take_off_links(text: str, pieces: list[str]) -> list[str]:
    """Return the *pieces* of *text*, without those of links and addresses."""
    if "@" not in text and "://" not in text:
        return pieces
    lines = (
        LINK.sub(" ", line) if "@" in line or "://" in line else line for line in text.splitlines()
    )
    return NUMBER.split("\n".join(lines))


class Figures:
    """The numbers of a text in order, and what stands between them."""

    def __init__(self, pieces: list[str]) -> None:
        # A text that was split at its numbers: every other piece is one.
        self.text = "".join(pieces)
        self.numbers = pieces[1::2]
        self.gaps = pieces[::2]
        """What stands before each number, and at last behind the last."""
        self.accounts: dict[str, list[range]] = {}
        """Where the numbers behind an account stand, up to the next; a range for each place."""
        starts = [at for at, one in enumerate(self.numbers) if len(one) == ACCOUNT_LENGTH]
        self.behind: dict[str, list[str]] = {}
        """All the numbers behind an account."""
        for start, end in itertools.pairwise([*starts, len(self.numbers)]):
            account = self.numbers[start]
            self.accounts.setdefault(account, []).append(range(start + 1, end))
            self.behind.setdefault(account, []).extend(self.numbers[start + 1 : end])
        self.before = range(starts[0] if starts else 0)
        """Where the numbers before the first account stand."""

    def is_attached(self, at: int) -> bool:
        """Tell whether the number at *at* is one more value beside what stands before it."""
        gap = self.gaps[at]
        is_near = "\n" not in gap and LETTER.search(gap) is None
        return is_near or NAMED.search(gap[-LONGEST_NAME:]) is not None

    def is_alone(self, at: int) -> bool:
        """Tell whether a line consists of the number at *at*."""
        before, behind = self.gaps[at], self.gaps[at + 1]
        is_first, is_last = at == 0, at + 1 == len(self.numbers)
        beside = before.rpartition("\n")[2] + behind.partition("\n")[0]
        return (
            (is_first or "\n" in before)
            and (is_last or "\n" in behind)
            and not beside.strip(PUNCTUATION)
        )

    def list_values(self, account: str) -> list[range]:
        """Return the places of *account* with a value beside it; all, where there is none."""
        places = self.accounts[account]
        return [one for one in places if one and self.is_attached(one[0])] or places

    def is_within(self, other: "Figures") -> bool:
        """
        Tell whether all digits stand in *other* as they do here, with no further value behind.

        For accounts that are written in groups, in whatever groups.
        """
        digits, more = "".join(self.numbers), "".join(other.numbers)
        lengths = itertools.accumulate(map(len, other.numbers), initial=0)
        starts = {place: at for at, place in enumerate(lengths)}
        for place in starts:
            following = starts.get(place + len(digits))
            if following is not None and more.startswith(digits, place):
                return following == len(other.numbers) or not other.is_attached(following)
        return False


def agree(one: Figures, other: Figures) -> bool:
    """Tell whether two texts say the same of the accounts that both hold."""
    return agree_before(one, other) and all(
        say_same(one, other, account)
        for account in one.accounts
        if one.behind[account] != other.behind[account]
    )


def agree_before(one: Figures, other: Figures) -> bool:
    """Tell whether no two numbers before the first account stand in each other's place."""
    for at, place in zip(reversed(one.before), reversed(other.before), strict=False):
        if one.numbers[at] != other.numbers[place]:
            are_values = STAR.search(one.gaps[at]) and STAR.search(other.gaps[place])
            return not (are_values or is_same_place(one, at, other, place, behind=1))
    return True


def say_same(one: Figures, other: Figures, account: str) -> bool:
    """
    Tell whether two texts have the same behind *account*, wherever it stands.

    Where it stands more often in one of them, each place must have its like in the other.
    """
    places, others = one.accounts[account], other.accounts[account]
    if len(places) != len(others):
        places, others = one.list_values(account), other.list_values(account)
    if len(places) == len(others):
        pairs = zip(places, others, strict=True)
        return all(agree_behind(one, each, other, its) for each, its in pairs)
    if len(places) * len(others) > MOST_PAIRS:
        return False
    like = [[agree_behind(one, each, other, its) for its in others] for each in places]
    return all(map(any, like)) and all(map(any, zip(*like, strict=True)))


def agree_behind(one: Figures, places: range, other: Figures, others: range) -> bool:
    """Tell whether the numbers behind an account are the same as far as they are its values."""
    for at, place in itertools.zip_longest(places, others):
        if at is None or place is None:
            return not (other.is_attached(place) if at is None else one.is_attached(at))
        if one.numbers[at] != other.numbers[place]:
            return not (
                at == places.start
                or one.is_attached(at)
                or other.is_attached(place)
                or is_same_place(one, at, other, place)
            )
    return True


def is_same_place(one: Figures, at: int, other: Figures, place: int, behind: int = 0) -> bool:
    """
    Tell whether two numbers are put in the same words, by what stands before or *behind* them.

    Between lines nothing need stand; then they must be alone on theirs, as a telephone is not.
    """
    gap, its = one.gaps[at + behind], other.gaps[place + behind]
    if gap.split() != its.split():
        return False
    is_told = LETTER.search(gap) is not None or "\n" not in gap + its
    return is_told or (one.is_alone(at) and other.is_alone(place))
