"""Which files are complete, and what goes with each."""

import hashlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from ingest.channels.registry.folders import Folders
from ingest.channels.registry.side_files import SideFiles, find_mismatch

RECEIPT = r"[0-9.]+\|(?P<file>[^|]+)\|(?P<count>[0-9]+)\|(?P<sum>[0-9.]+)"


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    made = Folders(tmp_path)
    made.create()
    return made


def sort(folders: Folders, complete: str = "settled", receipt: str = ""):
    """Return the complete files with what goes with each, and what waits."""
    dialect = SimpleNamespace(receipt=receipt, encoding="cp1251")
    sides = SideFiles(SimpleNamespace(complete=complete, dialect=dialect), folders.incoming)
    found, _ = folders.look()
    ready, waiting = sides.sort(sorted(found, key=lambda one: one.name))
    return {one.found.name: list(one.beside) for one in ready}, waiting


CASES = [
    pytest.param("settled", ["a.csv", "a.csv.done"], {"a.csv": [], "a.csv.done": []}, [], id="any"),
    pytest.param("done-file", ["a.csv"], {}, ["a.csv"], id="no side file yet"),
    pytest.param("done-file", ["a.csv.done"], {}, ["a.csv.done"], id="no file yet"),
    pytest.param(
        "done-file", ["a.csv", "a.csv.done"], {"a.csv": ["a.csv.done"]}, [], id="behind the name"
    ),
    pytest.param(
        "done-file", ["a.csv", "A.DONE"], {"a.csv": ["A.DONE"]}, [], id="in place of the ending"
    ),
    pytest.param(
        "done-file",
        ["a.csv", "a.txt", "a.done"],
        {"a.csv": ["a.done"], "a.txt": ["a.done"]},
        [],
        id="one for two",
    ),
    pytest.param(
        "checksum-file",
        ["a.csv", "a.csv.md5", "b.csv"],
        {"a.csv": ["a.csv.md5"]},
        ["b.csv"],
        id="checksum",
    ),
]


@pytest.mark.parametrize(("complete", "names", "expected", "waiting"), CASES)
def test_a_file_waits_for_its_side_file(
    folders: Folders, complete: str, names: list[str], expected: object, waiting: list[str]
) -> None:
    """Without it a file is not taken, and alone it is not taken for a file."""
    for name in names:
        (folders.incoming / name).write_bytes(b"x")
    assert (expected, waiting) == sort(folders, complete)


RECEIPTS = [
    pytest.param(b"01.11|R1.012|2|30.00\r\n", {"r1.012": ["R1.K12"]}, [], id="of this file"),
    pytest.param(b"01.11|R2.012|2|30.00", {}, ["r1.012", "R1.K12"], id="of another"),
    pytest.param(
        b"01.11|r1.012|2|30\n01.11|r2.012|1|7\n", {"r1.012": ["R1.K12"]}, [], id="of several"
    ),
    pytest.param(
        b"01.11|r1.012|2|30\nnonsense\n",
        {},
        ["R1.K12", "r1.012"],
        id="something else",
    ),
]


@pytest.mark.parametrize(("content", "expected", "waiting"), RECEIPTS)
def test_a_registry_waits_for_its_receipt(
    folders: Folders, content: bytes, expected: object, waiting: list[str]
) -> None:
    """Which registry a receipt is about stands in it; names are compared without case."""
    (folders.incoming / "r1.012").write_bytes(b"123;45\n")
    (folders.incoming / "R1.K12").write_bytes(content)
    found, left = sort(folders, receipt=RECEIPT)
    assert (expected, sorted(waiting)) == (found, sorted(left))


def test_a_receipt_that_names_no_file_has_its_name(folders: Folders) -> None:
    """The ending alone is another."""
    (folders.incoming / "r1.csv").write_bytes(b"123;45\n")
    (folders.incoming / "r1.kvt").write_bytes(b"2|30\n")
    found, _ = sort(folders, receipt=r"(?P<count>[0-9]+)\|(?P<sum>[0-9]+)")
    assert {"r1.csv": ["r1.kvt"]} == found


# Claimed together


def claim(folders: Folders, name: str, *beside: str, shared: tuple[str, ...] = ()):
    [found] = [one for one in folders.look()[0] if one.name == name]
    return folders.claim(found, beside, shared)


def test_what_goes_with_a_file_goes_with_it(folders: Folders) -> None:
    """It lies beside the file in work/, is no file itself there, and is put away after it."""
    for name in ("a.csv", "a.csv.md5"):
        (folders.incoming / name).write_bytes(b"x")
    claimed = claim(folders, "a.csv", "a.csv.md5")
    assert [claimed] == folders.list_claimed()
    assert ["a.csv.md5"] == [path.name for path in claimed.beside]
    claimed.path.rename(folders.done / "a.csv")
    folders.clear_beside(claimed)
    assert ["a.csv", "a.csv.md5"] == sorted(path.name for path in folders.done.iterdir())
    assert [] == list(folders.work.iterdir())


def test_what_goes_with_two_files_is_left_for_the_second(folders: Folders) -> None:
    """The first gets a copy."""
    for name in ("a.csv", "b.csv", "all.kvt"):
        (folders.incoming / name).write_bytes(b"x")
    first = claim(folders, "a.csv", "all.kvt", shared=("all.kvt",))
    second = claim(folders, "b.csv", "all.kvt")
    assert [["all.kvt"]] * 2 == [[path.name for path in one.beside] for one in (first, second)]
    assert [] == list(folders.incoming.iterdir())


def test_a_crash_before_the_claim_is_put_right(folders: Folders) -> None:
    """The side file goes back to the file that waits for it."""
    for name in ("a.csv", "a.csv.done"):
        (folders.incoming / name).write_bytes(b"x")
    folders.move_beside(folders.work / "1234567890123456789.a.csv", ["a.csv.done"], ())
    with folders.exclusive():
        assert {"a.csv": ["a.csv.done"]} == sort(folders, "done-file")[0]


def test_a_crash_after_the_answer_is_put_right(folders: Folders) -> None:
    """The side file follows the file that was put away."""
    (folders.incoming / "a.csv.done").write_bytes(b"x")
    folders.move_beside(folders.work / "1234567890123456789.a.csv", ["a.csv.done"], ())
    with folders.exclusive():
        assert ["a.csv.done"] == [path.name for path in folders.done.iterdir()]
    assert [] == list(folders.work.iterdir())


# Checksums


def write_sum(algorithm: str) -> str:
    return hashlib.new(algorithm, b"x").hexdigest()


SUMS = [
    pytest.param("a.csv.sha256", f"{write_sum('sha256')}  a.csv\n", True, id="as sha256sum writes"),
    pytest.param(
        "a.csv.md5", f"{write_sum('md5').upper()} *a.csv\r\n", True, id="of another system"
    ),
    pytest.param("a.sha1", f"SHA1 (a.csv) = {write_sum('sha1')}", True, id="as BSD writes"),
    pytest.param("a.csv.sha512", write_sum("sha512"), True, id="bare"),
    pytest.param("a.csv.sha256", "0" * 64, False, id="another"),
    pytest.param("a.csv.sha256", write_sum("md5"), False, id="of another kind"),
    pytest.param("a.csv.sha256", "", False, id="empty"),
    pytest.param("a.csv.done", "", True, id="no checksum"),
]


@pytest.mark.parametrize(("name", "text", "agrees"), SUMS)
def test_a_checksum_is_compared(tmp_path: Path, name: str, text: str, agrees: bool) -> None:
    """In whatever of the usual forms it is written."""
    (tmp_path / name).write_text(text)
    (tmp_path / "a.csv").write_bytes(b"x")
    with (tmp_path / "a.csv").open("rb") as file:
        assert agrees == (find_mismatch([tmp_path / name], file) is None)
        assert 0 == file.tell()
