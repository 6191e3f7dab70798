"""Files that are no plain text, or whose encoding is not said, on their way through the channel."""

from pathlib import Path

import pytest
from registry_desk import CONFIG, Desk, ScriptedSink, make_config
from table_files import write_dbf, write_xlsx

from ingest.config import Configuration
from ingest.errors import TransientError

PLAIN = "dialect = { columns = { account = 1, value = 2 } }"
DBF = 'dialect = { kind = "dbf", columns = { account = "LS", value = "POK" } }'
XLSX = 'dialect = { kind = "xlsx", columns = { account = "ЛС", value = "День" } }'
DETECT = PLAIN.replace("{ columns", '{ encoding = "detect", columns')
ROWS = [["LS", "FIO", "POK"], *([f"10000000000{at}", "Иванов", str(at)] for at in range(1, 6))]
TEXT = "LS;FIO;POK\r\n" + "".join(f"10000000000{at};Иванов;{at}\r\n" for at in range(1, 6))


def configure(tmp_path: Path, dialect: str) -> Configuration:
    return make_config(tmp_path, CONFIG.replace(PLAIN, dialect))


async def test_a_table_is_kept_as_text_and_put_away_as_it_came(tmp_path: Path) -> None:
    """What a database can show to a person, and the file itself for whoever doubts it."""
    sink = ScriptedSink()
    desk = Desk(configure(tmp_path, DBF), sink)
    content = write_dbf(ROWS)
    desk.drop("a.dbf", content)
    await desk.serve()
    assert TEXT.encode("cp866") == sink.only.raw
    assert [str(at) for at in range(1, 6)] == [line.values[0] for line in sink.only.lines]
    assert content == desk.read("done/a.dbf")
    assert ["a.dbf.result.csv", "a.dbf.summary.txt"] == desk.list("out")


async def test_a_table_is_resumed_where_it_was(tmp_path: Path) -> None:
    """The text is made anew, the same to the byte; nothing is handed over twice."""
    sink = ScriptedSink()
    calls = []

    def fail_once(call: str, _kept: object) -> None:
        calls.append(call)
        if calls.count("chunk") == 2 and call == "chunk":
            raise TransientError("away")

    sink.before = fail_once
    desk = Desk(configure(tmp_path, DBF), sink)
    desk.drop("a.dbf", write_dbf(ROWS))
    await desk.serve()
    assert TEXT.encode("cp866") == sink.only.raw


async def test_the_same_table_in_another_file_is_a_repeat(tmp_path: Path) -> None:
    """Programs write the time into a workbook; what it says is the same."""
    sink = ScriptedSink()
    desk = Desk(configure(tmp_path, XLSX), sink)
    rows = [["ЛС", "День"], ["100000000001", "5"]]
    desk.drop("a.xlsx", write_xlsx(rows))
    await desk.serve()
    desk.drop("b.xlsx", write_xlsx(rows, []))
    await desk.serve()
    assert desk.read("out/a.xlsx.result.csv") == desk.read("out/b.xlsx.result.csv")
    assert 1 == len(sink.kept)


WRONG = [
    pytest.param(DBF, b"1;5\n" * 20, "файл не читается: найдено: text; нужно: DBF", id="no table"),
    pytest.param(
        XLSX, write_dbf(ROWS), "файл не читается: найдено: DBF; нужно: XLSX", id="other table"
    ),
    pytest.param(
        PLAIN,
        write_xlsx([["x"]]),
        "найден файл вида ZIP, XLSX, нужен текст в кодировке utf-8",
        id="workbook for text",
    ),
    pytest.param(
        PLAIN,
        "100000000001;5;Иванов Иван Иванович\n".encode("cp1251"),
        "найден текст в кодировке cp1251, нужен текст в кодировке utf-8",
        id="other encoding",
    ),
]


@pytest.mark.parametrize(("dialect", "content", "expected"), WRONG)
async def test_a_file_of_another_kind_is_a_clear_error(
    tmp_path: Path, dialect: str, content: bytes, expected: str
) -> None:
    """What was found and what was wanted; the file is kept, and nothing in it counts."""
    sink = ScriptedSink()
    desk = Desk(configure(tmp_path, dialect), sink)
    desk.drop("a.txt", content)
    await desk.serve()
    assert (expected, content, []) == (sink.only.problem, sink.only.raw, sink.only.lines)
    assert content == desk.read("failed/a.txt")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "cp866", "koi8-r"])
async def test_answers_are_in_the_encoding_that_was_found(tmp_path: Path, encoding: str) -> None:
    """The partner's own, and the same for every line."""
    desk = Desk(configure(tmp_path, DETECT), ScriptedSink())
    desk.drop("a.csv", "100000000001;5;Иванов\n900000000001;НЕТ;Петров\n".encode(encoding))
    await desk.serve()
    assert "900000000001;НЕТ;Петров\n" == desk.read("out/a.csv.failed.csv").decode(encoding)
    assert "Квитанция" in desk.read("out/a.csv.summary.txt").decode(encoding)


async def test_a_table_that_becomes_too_large_is_refused(tmp_path: Path) -> None:
    """The limit holds for what the file is turned into as well."""
    sink = ScriptedSink()
    rows = [["ЛС", "День"], *([f"{at:012}", "5" * 200] for at in range(1000))]
    config = configure(tmp_path, XLSX)
    desk = Desk(config, sink, max_size=100_000)
    desk.drop("a.xlsx", write_xlsx(rows))
    await desk.serve()
    assert sink.only.problem.startswith("файл слишком велик: ")
