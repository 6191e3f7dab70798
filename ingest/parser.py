"""
Reads a message: ``parse`` turns any text into a submission, and never raises.

Rule 1. A line on which an account stands belongs to readings. A number or a word on it that is
not understood puts every reading of the line before a person.
Rule 2. A line without an account gives its numbers to the account above or below it only if it
holds nothing else. Otherwise it belongs to the remainder.
Rule 3. What is believed is exact: a number is taken as it stands or not at all.
Rule 4. The remainder gives nothing, but it takes belief away: ``parsing/turning.py`` says when.

``docs/parser.md`` says which mistake leads to which reason.
"""

import re

from ingest.model import Account, Misreading, Reading, Reason, Submission
from ingest.parsing.accounts import ACCOUNTS, settle_accounts
from ingest.parsing.drafts import Draft, Span, judge
from ingest.parsing.headings import NOTHING
from ingest.parsing.tokens import (
    LONGEST_TEXT,
    NUMERIC,
    SEPARATORS,
    Kind,
    Line,
    Mark,
    Normal,
    find_date,
    is_star,
    normalise,
    read_lines,
)
from ingest.parsing.turning import doubt_repeated, doubt_turned

CANONICAL = re.compile(
    r"([0-9]{12})\*([0-9]{1,18}+)(?:\*([0-9]{1,9}+))?(?:\*([0-9]{1,9}+))?;?[ \r\n]*+"
)
"""A message as asked for: its reading needs no second look."""
MOST_CHARACTERS = 50_000
"""Lines beyond are not read but kept: no person types as much, and hostile text costs time."""
MOST_ITEMS = 1000
"""Readings of one message; a partner with more sends a registry."""
VALUES = NUMERIC | {Kind.ZONE}
UNKNOWN = frozenset({Kind.UNKNOWN_WORD, Kind.UNKNOWN_SIGN})
LABELS = frozenset({Kind.VALUE_LABEL, Kind.ZONE})
LEADING = frozenset(
    {Kind.ACCOUNT_LABEL, Kind.VALUE_LABEL, Kind.NUMERO, Kind.PREPOSITION, Kind.LIST_NUMBER}
)
"""What belongs to the reading that it announces."""
TRAILING = frozenset({Kind.UNIT})


def parse(text: str) -> Submission:
    """Return what *text* says about readings, and the text that says nothing about them."""
    if match := CANONICAL.fullmatch(text):
        account, *written = match.groups()
        values = tuple(int(value) for value in written if value is not None)
        fragment = text.rstrip(" \r\n")
        return Submission((Reading(Account(account), values, fragment),))
    end = find_reading_end(text)
    submission = Reader(normalise(text[:end])).read()
    return submission if end == len(text) else add_unread(submission, text, end)


def find_reading_end(text: str) -> int:
    """Return how much of *text* is read: whole lines."""
    if len(text) <= MOST_CHARACTERS:
        return len(text)
    return text.rfind("\n", 0, MOST_CHARACTERS) + 1


def add_unread(submission: Submission, text: str, end: int) -> Submission:
    """Return *submission* with the text from *end* on, which was not read."""
    if not submission.items:
        return Submission((), text)
    unread = text[end:].strip()
    note = Misreading(Reason.NOT_RECOGNISED, "", unread[:LONGEST_TEXT])
    items = (*submission.items, note) if re.search("[0-9]", unread) else submission.items
    return Submission(items, f"{submission.remainder}\n{unread}".lstrip())


def render_reading(reading: Reading) -> str:
    """Return *reading* in the form that customers are asked for."""
    return "*".join([reading.account, *map(str, reading.values)]) + ";"


class Reader:
    """Reads one message line by line; ``drafts`` grow as their numbers are found."""

    def __init__(self, normal: Normal) -> None:
        self.normal = normal
        self.plain = normal.plain
        self.lines: list[Line] = []
        self.drafts: list[Draft] = []
        self.on_line: dict[int, list[Draft]] = {}
        """The drafts that share a line, in order."""
        self.doubtful: set[int] = set()
        """Lines with something that was not understood."""
        self.current: Draft | None = None
        """The last draft of the line that is being read."""
        self.before: list[Mark] = []
        """Numbers and dates that no account has claimed yet."""
        self.lead = -1
        """Where the labels in front of the next number begin; -1 without any."""
        self.pending: Line | None = None
        """A line of values without an account; its marks are those of the values."""
        self.orphans: list[Draft] = []
        """Values beside other readings that no account claimed."""
        self.dates: list[Mark] = []
        """Dates of the paragraph that stand for themselves."""
        self.heading = NOTHING
        """What was said last without a number: it may name the columns of what follows."""
        self.overflow: Misreading | None = None

    def read(self) -> Submission:
        """Return the submission."""
        for line in read_lines(self.normal):
            self.lines.append(line)
            self.read_line(line)
        if not self.drafts:
            return Submission((), self.normal.source)
        self.abandon_pending()
        doubt_turned(self.plain, self.lines[: self.count_read_lines()], self.drafts)
        drafts = sorted([*self.drafts, *self.orphans], key=lambda draft: draft.place)
        for draft in drafts:
            draft.is_doubtful |= not self.doubtful.isdisjoint(draft.spans)
        doubt_repeated(drafts)
        items = [self.build_item(draft) for draft in drafts]
        return Submission(
            tuple(items) if self.overflow is None else (*items, self.overflow),
            self.find_remainder(),
        )

    def count_read_lines(self) -> int:
        """Return how many lines were read before there were too many items."""
        return len(self.lines) if self.overflow is None else self.drafts[-1].last_line + 1

    def build_item(self, draft: Draft) -> Reading | Misreading:
        """Return what *draft* comes to."""
        finding = judge(draft)
        is_whole = draft.is_doubtful or finding[0] is Reason.NOT_RECOGNISED
        return draft.build_item(finding, self.find_fragment(draft, is_whole=is_whole))

    def read_line(self, line: Line) -> None:
        """Read one line."""
        if self.overflow is not None:
            return
        if not line.marks:
            self.dates = []
            return
        if not any(mark.kind in NUMERIC for mark in line.marks):
            self.heading = self.heading.extend(line, self.plain)
        last = self.drafts[-1] if self.drafts else None
        is_waiting, is_named = last is not None and last.is_waiting, last and last.names_zones
        marks = settle_accounts(
            line.marks, self.plain, is_waiting=is_waiting, is_named=bool(is_named)
        )
        if any(mark.kind in ACCOUNTS for mark in marks):
            self.read_account_line(line, marks)
        elif any(mark.kind in VALUES for mark in marks):
            self.read_value_line(line, marks)
        else:
            self.read_other_line(marks)

    def read_account_line(self, line: Line, marks: list[Mark]) -> None:
        """Read a line on which an account stands."""
        self.current, self.before, self.lead = None, [], -1
        for mark in marks:
            self.read_mark(line, mark)
            if self.overflow is not None:
                break
            if mark.kind not in LEADING:
                self.lead = -1
            elif self.lead < 0:
                self.lead = mark.start
        self.settle_leftovers(line)

    def read_mark(self, line: Line, mark: Mark) -> None:
        """Read one mark of a line on which an account stands."""
        if mark.kind in ACCOUNTS:
            self.open_draft(line, mark)
        elif mark.kind in VALUES:
            self.place(line, mark)
        elif mark.kind is Kind.DATE:
            self.place_date(line, mark)
        elif mark.kind is Kind.END:
            self.close(line, mark)
        elif mark.kind in UNKNOWN:
            self.doubt(line, mark)
        else:
            self.pass_over(line, mark)

    def pass_over(self, line: Line, mark: Mark) -> None:
        """Note a word that says nothing; a number after an asterisk does, whatever its label."""
        if mark.kind is Kind.ASIDE and self.is_starred(mark):
            self.doubt(line, mark._replace(kind=Kind.UNKNOWN_SIGN))
        elif self.current is not None:
            self.current.pass_over(mark)
            if mark.kind in TRAILING and not self.before:
                self.extend(self.current, line, mark)

    def open_draft(self, line: Line, mark: Mark) -> None:
        """Begin a draft with the account *mark*."""
        if self.current is not None and self.current.is_waiting and not self.current.saw_end:
            # Two accounts, and a value that either may want.
            self.doubtful.add(line.number)
        if self.is_full(mark.start, mark.end):
            return
        is_odd = mark.kind is Kind.ODD_ACCOUNT
        seen = self.normal.cased[mark.start : mark.end]
        draft = Draft(seen if is_odd and " " not in seen else mark.text, is_odd=is_odd)
        draft.is_shadowed = bool(self.drafts) and self.drafts[-1].is_waiting
        draft.cursor = mark.end
        draft.heading = self.heading
        first = min([mark.start, *(one.start for one in self.before[:1])])
        self.drafts.append(draft)
        self.touch(draft, line, self.lead if 0 <= self.lead < first else first, mark.end)
        self.claim_before(draft, line)
        self.current = draft

    def is_full(self, start: int, end: int) -> bool:
        """Tell whether there is no room for one more item; from there on a person reads."""
        if self.overflow is None and len(self.drafts) + len(self.orphans) >= MOST_ITEMS:
            seen = self.normal.cut(start, end)[:LONGEST_TEXT].strip()
            self.overflow = Misreading(Reason.NOT_RECOGNISED, "", seen)
        return self.overflow is not None

    def claim_before(self, draft: Draft, line: Line) -> None:
        """Give *draft* what stands in front of its account."""
        above = self.pending
        if above is not None and above.number == line.number - 1:
            self.touch(draft, above, above.start, above.end)
            self.before = [*above.marks, *self.before]
            self.pending = None
        draft.inherited = [find_date(mark.text) for mark in self.dates]
        draft.add_before(self.before)
        self.before = []

    def place(self, line: Line, mark: Mark) -> None:
        """Give a number or the name of a zone to the account that it follows."""
        draft = self.current
        if draft is None or (draft.saw_end and not draft.is_waiting and not self.resumes(mark)):
            self.note_before(mark)
            return
        if draft.is_closed:
            # It has a value from before the account.
            self.doubtful.add(line.number)
        draft.add(mark, self.plain)
        self.extend(draft, line, mark)

    def resumes(self, mark: Mark) -> bool:
        """Tell whether *mark* is the next zone of a draft whose first one ended with «;»."""
        draft = self.current
        if draft is None or not draft.is_zoned or self.before:
            return False
        return mark.kind is Kind.ZONE or draft.entries[-1].mark.kind is Kind.ZONE

    def note_before(self, mark: Mark) -> None:
        """Keep a mark for the next account, with the labels in front of it."""
        start = self.lead if self.lead >= 0 and not self.before else mark.start
        self.before.append(mark._replace(start=start))

    def place_date(self, line: Line, mark: Mark) -> None:
        """Give a date to the account that it follows, or to the next."""
        if self.current is None or self.current.saw_end:
            self.note_before(mark)
            return
        self.current.dates.append(find_date(mark.text))
        self.current.pass_over(mark)
        self.extend(self.current, line, mark)

    def close(self, line: Line, mark: Mark) -> None:
        """End a draft, unless its value is still to come."""
        if self.current is not None and not self.before:
            self.current.saw_end = True
            self.current.cursor = mark.end
            self.extend(self.current, line, mark)

    def is_starred(self, mark: Mark) -> bool:
        """Tell whether an asterisk leads from the current draft to *mark*."""
        draft = self.current
        return draft is not None and is_star(self.plain[draft.cursor : mark.start])

    def doubt(self, line: Line, mark: Mark) -> None:
        """Note something unknown; right behind the asterisk it is what was meant as the value."""
        draft = self.current
        if draft is None or not draft.is_waiting or mark.kind is Kind.UNKNOWN_SIGN:
            self.doubtful.add(line.number)
        elif self.is_starred(mark) and not draft.passed_word:
            draft.add(mark._replace(kind=Kind.ODD), self.plain)
            self.extend(draft, line, mark)
            return
        else:
            self.doubtful.add(line.number)
        if draft is not None:
            draft.pass_over(mark)

    def settle_leftovers(self, line: Line) -> None:
        """Deal with what no account of the line has claimed."""
        for mark in self.before:
            if mark.kind is Kind.DATE and self.current is not None:
                self.current.dates.append(find_date(mark.text))
                self.extend(self.current, line, mark)
            else:
                self.doubtful.add(line.number)

    def read_value_line(self, line: Line, marks: list[Mark]) -> None:
        """Read a line of numbers without an account."""
        is_clean = not any(mark.kind in UNKNOWN for mark in marks)
        is_labelled = any(mark.kind in LABELS for mark in marks)
        draft = self.drafts[-1] if self.drafts else None
        if draft is not None and self.continues(draft, line, marks):
            self.take_line(draft, line, marks)
            is_guess = draft.saw_foreign_line and not is_labelled
            draft.is_doubtful |= is_guess or not is_clean or draft.is_shadowed
        elif draft is not None and self.is_below(draft, line) and (is_clean or is_labelled):
            # A number right below a reading may belong to it: «5467», and in the next line «3321».
            self.touch(draft, line, line.start, line.end)
            draft.is_doubtful = True
        elif is_labelled and any(mark.kind in NUMERIC for mark in marks):
            self.abandon_pending()
            values = [mark for mark in marks if mark.kind in VALUES]
            self.pending = Line(line.number, line.start, line.end, values)
            if not is_clean:
                self.abandon_pending()
        elif draft is not None:
            draft.saw_foreign_number = draft.saw_foreign_line = True

    def is_below(self, draft: Draft, line: Line) -> bool:
        """Tell whether *line* is the next below *draft*; empty lines count if *draft* has some."""
        if draft.last_line == line.number - 1:
            return True
        return draft.is_spread and not any(
            one.marks for one in self.lines[draft.last_line + 1 : -1]
        )

    def abandon_pending(self) -> None:
        """Put values that no account claimed before a person."""
        if self.pending is None or self.is_full(self.pending.start, self.pending.end):
            return
        orphan = Draft("")
        orphan.add_before(self.pending.marks)
        orphan.is_doubtful = True
        self.touch(orphan, self.pending, self.pending.start, self.pending.end)
        self.orphans.append(orphan)
        self.pending = None

    def continues(self, draft: Draft, line: Line, marks: list[Mark]) -> bool:
        """Tell whether a line of numbers can only belong to *draft*."""
        is_clean = not any(mark.kind in UNKNOWN for mark in marks)
        is_labelled = any(mark.kind in LABELS for mark in marks)
        if draft.is_waiting:
            return is_labelled or is_clean
        if draft.last_line != line.number - 1 or not is_clean:
            return False
        values = [mark.kind for mark in marks if mark.kind in VALUES]
        if draft.is_zoned:
            return values[0] is Kind.ZONE or draft.entries[-1].mark.kind is Kind.ZONE
        is_column = not {"\r", "\n"}.isdisjoint(draft.entries[-1].gap)
        return is_column and not is_labelled and len(values) == 1

    def take_line(self, draft: Draft, line: Line, marks: list[Mark]) -> None:
        """Give a line of numbers to the account above it."""
        self.touch(draft, line, line.start, line.end)
        for mark in marks:
            if mark.kind in VALUES:
                draft.add(mark, self.plain)
            elif mark.kind is Kind.DATE:
                draft.dates.append(find_date(mark.text))
                draft.pass_over(mark)
            elif mark.kind is not Kind.END:
                draft.pass_over(mark)

    def read_other_line(self, marks: list[Mark]) -> None:
        """Read a line without numbers: dates count for what follows."""
        self.dates = [mark for mark in marks if mark.kind is Kind.DATE] or self.dates
        if self.drafts and any(mark.kind in UNKNOWN for mark in marks):
            self.drafts[-1].saw_foreign_line = True

    def touch(self, draft: Draft, line: Line, start: int, end: int) -> None:
        """Note that *draft* was read from a part of *line*."""
        sharing = self.on_line.setdefault(line.number, [])
        draft.spans[line.number] = Span(start, end, len(sharing))
        draft.place = min(draft.place, (line.number, start))
        draft.last_line = max(draft.last_line, line.number)
        sharing.append(draft)

    def extend(self, draft: Draft, line: Line, mark: Mark) -> None:
        """Let the part of *line* that *draft* was read from reach to the end of *mark*."""
        draft.spans[line.number].end = max(draft.spans[line.number].end, mark.end)

    def find_fragment(self, draft: Draft, *, is_whole: bool) -> str:
        """Return what *draft* was read from; all of the line when a person has to look at it."""
        pieces = []
        for number, span in sorted(draft.spans.items()):
            if is_whole:
                self.widen(number, span)
            pieces.append(self.normal.cut(span.start, span.end).strip())
        return "\n".join(pieces)

    def widen(self, number: int, span: Span) -> None:
        """Let a span reach to its neighbours on the line, or to the ends of the line."""
        line, sharing = self.lines[number], self.on_line[number]
        if span.order == 0:
            span.start = line.start
        is_last = span.order + 1 == len(sharing)
        span.end = line.end if is_last else sharing[span.order + 1].spans[number].start

    def find_remainder(self) -> str:
        """Return the lines and parts of lines that belong to no item."""
        left = [" ".join(pieces) for line in self.lines if (pieces := self.list_gaps(line))]
        return "\n".join(left)

    def list_gaps(self, line: Line) -> list[str]:
        """Return what *line* says between the spans of its drafts."""
        gaps, start = [], line.start
        for draft in self.on_line.get(line.number, []):
            span = draft.spans[line.number]
            gaps.append((start, span.start))
            start = span.end
        gaps.append((start, line.end))
        if len(gaps) == 1:
            return [self.normal.cut(line.start, line.end).strip()] if line.marks else []
        return [
            self.normal.cut(first, last).strip().lstrip(" .,;:*#").rstrip(" ,;*#")
            for first, last in gaps
            if not SEPARATORS.issuperset(self.plain[first:last])
        ]
