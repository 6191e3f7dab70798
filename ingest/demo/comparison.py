"""Whether what was seen is what was wanted; pure."""

from collections.abc import Iterable, Iterator, Mapping

from ingest.demo.script import Billed, Mismatch, Seen, Wanted, name_verdict

NOTHING = "nothing"


def compare(
    wanted: Wanted, seen: Seen, earlier: Mapping[str, Seen] | None = None
) -> tuple[Mismatch, ...]:
    """Return everything that went otherwise than *wanted*; *earlier* scenes by their keys."""
    if seen.trouble:
        return (Mismatch("course", seen.trouble, "the scene played to its end"),)
    pairs = [
        ("status", seen.status, wanted.status),
        ("verdict", name_verdict(seen.verdict), name_verdict(wanted.verdict)),
        (
            "readings",
            join(name_verdict(reading.verdict) for reading in seen.readings),
            join(map(name_verdict, wanted.readings)),
        ),
    ]
    different = [Mismatch(what, found or NOTHING, right or NOTHING)
                 for what, found, right in pairs if found != right]  # fmt: skip
    return (*different, *compare_answers(wanted, seen, earlier or {}))


def compare_answers(wanted: Wanted, seen: Seen, earlier: Mapping[str, Seen]) -> Iterator[Mismatch]:
    """Yield what is wrong with the answers."""
    found = "\n".join(answer.text for answer in seen.answers)
    if not wanted.is_answered and found:
        yield Mismatch("answer", found, "no answer")
    if wanted.is_answered and not found:
        yield Mismatch("answer", NOTHING, join(wanted.answer) or f"that of {wanted.same_as}")
        return
    missing = [one for one in wanted.answer if one not in " ".join(found.split())]
    if missing:
        yield Mismatch("answer", found, f"in it: {join(missing)}")
    if wanted.same_as:
        yield from compare_repeat(seen, earlier.get(wanted.same_as, Seen()))


def compare_repeat(seen: Seen, first: Seen) -> Iterator[Mismatch]:
    """Yield the difference when an answer is not the first one, word for word."""
    found, wanted = (one.answers[0].text if one.answers else NOTHING for one in (seen, first))
    if found != wanted:
        yield Mismatch("answer again", found, wanted)


def compare_silence(left: Iterable[str]) -> tuple[Mismatch, ...]:
    """Return who got an answer that nobody should have got."""
    return tuple(Mismatch("answer", f"one to {address}", "no answer") for address in sorted(left))


def compare_billed(found: Iterable[Billed], wanted: Iterable[Billed]) -> tuple[Mismatch, ...]:
    """Return the registers that would be billed otherwise than wanted."""
    values = [{(one.account, one.register): one.value for one in some} for some in (found, wanted)]
    return tuple(
        Mismatch(f"{account}, register {register}", *(name_value(some, key) for some in values))
        for key in sorted(values[0].keys() | values[1].keys())
        for account, register in [key]
        if values[0].get(key) != values[1].get(key)
    )


def name_value(values: Mapping[tuple[str, int], int], key: tuple[str, int]) -> str:
    """Return what would be billed for a register."""
    return str(values.get(key, NOTHING))


def compare_one(what: str, found: object, wanted: object) -> tuple[Mismatch, ...]:
    """Return the difference of two values, if there is one."""
    return () if found == wanted else (Mismatch(what, str(found), str(wanted)),)


def join(names: Iterable[str]) -> str:
    """Return names as one line."""
    return ", ".join(names)
