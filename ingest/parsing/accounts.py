"""Tells which numbers of a line are accounts or were meant as such, by what stands beside them."""

import re

from ingest.parsing.tokens import NUMERIC, ZEROS, Kind, Mark, is_star

ACCOUNT_DIGITS = 12
NEARLY = range(10, 15)
"""As many digits as a mistyped account has."""
FEWEST_STARRED_DIGITS = 5
"""With an asterisk and a value behind it, even a number this short was meant as an account."""
FEWEST_LABELLED_DIGITS = 7
FEWEST_TRUE_DIGITS = 8
"""An odd word with fewer digits was not meant as an account."""
GROUP = re.compile("[0-9oо]{2,6}")
FEWEST_GROUPS = 3
HALF = ACCOUNT_DIGITS // 2
GAPS = frozenset({" ", "-", " - "})
ACCOUNTS = frozenset({Kind.ACCOUNT, Kind.ODD_ACCOUNT})
ANNOUNCING = NUMERIC | {Kind.ZONE, Kind.VALUE_LABEL, Kind.UNIT}
"""What comes after an account when a value does."""
EXPOSED = frozenset({Kind.PREPOSITION, Kind.NUMERO})
"""A number behind one of these is not a value."""


def settle_accounts(
    marks: list[Mark], plain: str, *, is_waiting: bool, is_named: bool = False
) -> list[Mark]:
    """Return the marks of a line with its accounts told from its values."""
    if not any(mark.kind in NUMERIC for mark in marks):
        return marks
    settler = Settler(marks, plain, is_waiting=is_waiting, is_named=is_named)
    return settler.settle()


class Settler:
    """Walks over the marks of one line."""

    def __init__(self, marks: list[Mark], plain: str, *, is_waiting: bool, is_named: bool) -> None:
        self.marks = marks
        self.plain = plain
        self.is_waiting = is_waiting
        """Whether an account on a line above has no value yet."""
        self.is_named = is_waiting and is_named
        """Whether its zones are named above already, as the columns of its values."""
        self.is_open = False
        """Whether an account on this line can still take values."""
        self.settled: list[Mark] = []

    def settle(self) -> list[Mark]:
        """Return all marks, settled."""
        index = 0
        while index < len(self.marks):
            mark, count = self.settle_mark(index)
            if mark.kind in ACCOUNTS:
                self.is_open = True
            elif mark.kind is Kind.END and self.last_kind in NUMERIC | {Kind.UNIT}:
                self.is_open = False
            self.settled.append(mark)
            index += count
        return self.settled

    @property
    def last_kind(self) -> Kind | None:
        """The kind of the mark before."""
        return self.settled[-1].kind if self.settled else None

    def settle_mark(self, index: int) -> tuple[Mark, int]:
        """Return the mark at *index*, settled, and how many marks it takes up."""
        mark = self.marks[index]
        if mark.kind not in NUMERIC:
            return mark, 1
        if not (self.is_open or self.is_named) and (group := self.find_group(index)):
            return group
        if mark.kind is Kind.NUMBER and len(mark.text) == ACCOUNT_DIGITS:
            kind = Kind.NUMBER if self.is_starred_value(mark) else Kind.ACCOUNT
            return mark._replace(kind=kind), 1
        if not self.is_open and self.was_meant(index):
            return mark._replace(kind=Kind.ODD_ACCOUNT), 1
        if self.last_kind in EXPOSED or self.is_stray(mark):
            return mark._replace(kind=Kind.UNKNOWN_WORD), 1
        return mark, 1

    def is_starred_value(self, mark: Mark) -> bool:
        """Tell whether an asterisk makes a number the value of the account before it."""
        return self.last_kind in ACCOUNTS and is_star(self.plain[self.settled[-1].end : mark.start])

    def is_stray(self, mark: Mark) -> bool:
        """Tell whether a number is a telephone's or an account's rather than a value."""
        return (
            mark.kind is Kind.NUMBER
            and len(mark.text) in NEARLY
            and not (
                self.settled
                and self.last_kind in ACCOUNTS | NUMERIC
                and is_star(self.plain[self.settled[-1].end : mark.start])
            )
        )

    def was_meant(self, index: int) -> bool:
        """Tell whether a number that is no account was meant as one."""
        mark = self.marks[index]
        size = len(mark.text)
        if mark.kind is Kind.DECIMAL:
            return False
        if mark.kind is Kind.ODD and not is_nearly_digits(mark.text):
            return False
        if self.is_labelled() and size >= FEWEST_LABELLED_DIGITS:
            return True
        following = self.marks[index + 1] if index + 1 < len(self.marks) else None
        if following is None or following.kind not in ANNOUNCING:
            return False
        return self.precedes_value(mark, following)

    def precedes_value(self, mark: Mark, following: Mark) -> bool:
        """Tell whether *mark* is to *following* as an account is to a value."""
        if len(following.text) == ACCOUNT_DIGITS:
            return False
        if is_star(self.plain[mark.end : following.start]):
            fewest = NEARLY.start if self.is_waiting else FEWEST_STARRED_DIGITS
            return len(mark.text) >= fewest
        is_telephone = len(mark.text) == len("89031234567") and mark.text[0] in "78"
        return len(mark.text) in NEARLY and not is_telephone

    def is_labelled(self) -> bool:
        """Tell whether «л/с» or the like stands before."""
        kinds = [mark.kind for mark in self.settled[-2:]]
        return kinds[-1:] == [Kind.ACCOUNT_LABEL] or kinds == [Kind.ACCOUNT_LABEL, Kind.NUMERO]

    def find_group(self, index: int) -> tuple[Mark, int] | None:
        """Return the account that is written in groups from *index* on, and how many groups."""
        is_exposed = self.last_kind in EXPOSED and not self.is_labelled()
        if is_exposed or self.last_kind in {Kind.VALUE_LABEL, Kind.ZONE}:
            return None
        groups = self.list_groups(index)
        text = "".join(mark.text for mark in groups).translate(ZEROS)
        whole = groups[0].start if groups else 0, groups[-1].end if groups else 0
        if len(text) == ACCOUNT_DIGITS and self.are_groups(groups):
            return Mark(Kind.ACCOUNT, text, *whole), len(groups)
        following = index + len(groups)
        if len(groups) >= FEWEST_GROUPS and len(text) in NEARLY and following < len(self.marks):
            gap = self.plain[whole[1] : self.marks[following].start]
            if is_star(gap) and self.marks[following].kind in NUMERIC:
                return Mark(Kind.ODD_ACCOUNT, text, *whole), len(groups)
        return None

    def are_groups(self, groups: list[Mark]) -> bool:
        """Tell whether twelve digits are grouped as nobody would write a value."""
        halves = len(groups) == len("12") and len(groups[0].text) == HALF and not self.is_waiting
        return halves or len(groups) >= FEWEST_GROUPS

    def list_groups(self, index: int) -> list[Mark]:
        """Return the groups from *index* on, up to twelve digits where they come out even."""
        groups: list[Mark] = []
        gap, size = "", 0
        for mark in self.marks[index : index + ACCOUNT_DIGITS]:
            if not GROUP.fullmatch(mark.text) or mark.kind not in {Kind.NUMBER, Kind.ODD}:
                break
            between = self.plain[groups[-1].end : mark.start] if groups else ""
            if groups and (between not in GAPS or between != (gap or between)):
                break
            if size >= ACCOUNT_DIGITS:
                break
            gap, size = between, size + len(mark.text)
            groups.append(mark)
        return groups


def is_nearly_digits(text: str) -> bool:
    """Tell whether an odd word has the digits of an account with a letter or two among them."""
    return len(text) in NEARLY and len(re.findall("[0-9]", text)) >= FEWEST_TRUE_DIGITS
