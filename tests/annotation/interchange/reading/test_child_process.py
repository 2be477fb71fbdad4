"""Spreadsheets and Parquet files are read in a process of its own, whose death is an error of the file."""

import datetime
import decimal
import gzip
import os
import random
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from annotation.interchange.faults import Fault
from annotation.interchange.reading import Head, Reading, Row, Source, child, look, rows
from annotation.interchange.reading import source as bounds
from tests.annotation.interchange.reading import workbooks
from tests.annotation.interchange.reading.workbooks import Date

pytestmark = pytest.mark.once


def read(path: Path, **reading: Any) -> tuple[list[dict[str, Any]], list[str]]:
    found = list(rows(Source(path.name, path, Reading(**reading))))
    told = [f"{row.line}: {row.reason % row.values}" for row in found if isinstance(row, Fault)]
    return [dict(row.values) for row in found if isinstance(row, Row)], told


def table(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


@pytest.fixture
def book(tmp_path: Path) -> Path:
    first = [
        [None],
        [None, "id", "text", "score", "when", "ok", None],
        [None, 1, "a\nb", 2.5, Date(45000), True, None],
        [None],
        [None, 2.0, "=1+1", None, Date(45000.5), False, None],
    ]
    return workbooks.write(tmp_path / "x.xlsx", {"First": first, "Zweites & mehr": [["a"], ["b"]]})


def test_a_workbook_is_read_with_numbers_dates_and_lines(book: Path) -> None:
    first = {"id": 1, "text": "a\nb", "score": 2.5, "when": "2023-03-15", "ok": True}
    second = {"id": 2, "text": "=1+1", "score": None, "when": "2023-03-15T12:00:00", "ok": False}
    assert read(book) == ([first, second], [])
    assert isinstance(read(book)[0][1]["id"], int)
    assert [row.line for row in rows(Source("x.xlsx", book))] == [3, 5]
    head = look(Source("x", book))
    assert isinstance(head, Head)
    assert (head.layout, head.sheets, head.line) == ("xlsx", ("First", "Zweites & mehr"), 2)
    assert head.keys == ("id", "text", "score", "when", "ok")


def test_another_sheet_can_be_chosen(book: Path) -> None:
    assert read(book, sheet="Zweites & mehr") == ([{"a": "b"}], [])
    (told,) = read(book, sheet="Third")[1]
    assert told == "None: The workbook has no sheet named Third. It has: First, Zweites & mehr."


def test_a_workbook_is_found_in_gzip_and_in_an_archive_of_one_file(book: Path, tmp_path: Path) -> None:
    (tmp_path / "x.gz").write_bytes(gzip.compress(book.read_bytes()))
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(book, "in/x.xlsx")
    for name in ("x.gz", "x.zip"):
        assert read(tmp_path / name) == read(book)


def test_an_empty_workbook_and_a_column_that_stands_twice_are_named(tmp_path: Path) -> None:
    assert read(workbooks.write(tmp_path / "x.xlsx", {"a": []}))[1] == ["None: The sheet is empty."]
    twice = workbooks.write(tmp_path / "y.xlsx", {"a": [["id", "id"], [1, 2]]})
    assert read(twice)[1] == ["1: A column name appears twice."]


def test_parquet_has_the_types_of_json(tmp_path: Path) -> None:
    columns = {
        "whole": [1, 2, None],
        "decimal": [1.0, float("nan"), 2.5],
        "exact": [decimal.Decimal("3.00"), None, decimal.Decimal("1.5")],
        "time": [datetime.datetime(2024, 1, 2, 3, 4, tzinfo=datetime.UTC)] * 3,
        "day": [datetime.date(2024, 1, 2)] * 3,
        "turns": [[{"role": "user", "content": "日本"}], [], None],
        "bytes": [b"abc", b"\x89PNG\r\n\x1a\n\0", None],
        "category": pa.array(["a", "b", "a"]).dictionary_encode(),
    }
    found, told = read(table(tmp_path / "x", columns))
    assert told == []
    assert found[0] == {
        "whole": 1,
        "decimal": 1,
        "exact": 3,
        "time": "2024-01-02T03:04:00+00:00",
        "day": "2024-01-02",
        "turns": [{"role": "user", "content": "日本"}],
        "bytes": "abc",
        "category": "a",
    }
    assert [row["decimal"] for row in found] == [1, None, 2.5]
    assert found[1]["bytes"] == "data:image/png;base64,iVBORw0KGgoA"
    assert found[2]["turns"] is None


def test_parquet_of_many_rows_is_read_in_order(tmp_path: Path) -> None:
    path = table(tmp_path / "x.parquet", {"id": range(20_000)})
    assert [row["id"] for row in read(path)[0]] == [*range(20_000)]
    head = look(Source("x", path))
    assert isinstance(head, Head)
    assert len(head.rows) == 20


def test_a_nul_in_a_text_is_the_error_of_its_row(tmp_path: Path) -> None:
    found, told = read(table(tmp_path / "x", {"a": ["one", "tw\0o", "three"]}))
    assert [row["a"] for row in found] == ["one", "three"]
    assert told == ["2: This row contains a NUL character, which cannot be stored. Remove it."]


@pytest.mark.parametrize("layout", ["xlsx", "parquet"])
def test_no_damage_is_an_exception_or_ends_in_silence(tmp_path: Path, layout: str, book: Path) -> None:
    path = tmp_path / "damaged"
    whole = book if layout == "xlsx" else table(tmp_path / "x", {"id": range(50), "text": ["abc"] * 50})
    content = whole.read_bytes()
    expected = read(whole)[0]
    rng = random.Random(7)  # noqa: S311
    damaged = [content[: len(content) // 2], content[:8] + content[-8:]]
    for _time in range(6):
        place = rng.randrange(4, len(content) - 40)
        damaged.append(content[:place] + rng.randbytes(40) + content[place + 40 :])
    for each in damaged:
        path.write_bytes(each)
        found, told = read(path)
        assert told or len(found) == len(expected)


@pytest.mark.parametrize("content", [b"PAR1", b"PAR1PAR1", b"PAR1" + b"\xff" * 100 + b"PAR1"])
def test_what_only_begins_like_a_parquet_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert read(tmp_path / "x")[1] == ["None: The file is damaged, or it is not a valid Parquet file."]


def test_too_many_columns_and_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = table(tmp_path / "wide", {f"c{number}": [1] for number in range(10_001)})
    assert read(wide)[1] == ["None: The table has more than 10,000 columns."]


def test_a_file_that_expands_far_beyond_its_size_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "x", {"a": ["x" * 10**6] * 400}, compression="zstd", use_dictionary=False)
    assert path.stat().st_size < bounds.EXPANDED_FREELY / 1000
    found, told = read(path)
    assert "expands to more than 50 times its size" in told[-1]
    assert len(found) < 400


def test_a_text_of_gigabytes_ends_the_child_and_not_the_server(tmp_path: Path) -> None:
    path = table(tmp_path / "x", {"a": ["x" * 9 * 10**8]}, compression="zstd", use_dictionary=False)
    found, told = read(path)
    assert found == []
    assert len(told) == 1
    assert "memory" in told[0] or "expands" in told[0]


def test_a_workbook_that_expands_far_beyond_its_size_is_refused(tmp_path: Path, book: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(book) as whole, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in whole.namelist():
            archive.writestr(name, whole.read(name))
        with archive.open("xl/media/image.png", "w") as member:
            for _megabyte in range(300):
                member.write(b"\0" * 2**20)
    assert "expands to more than 50 times its size" in read(path)[1][0]


def test_without_its_reader_a_file_names_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path / "x", {"a": [1]})
    monkeypatch.setitem(child.NEEDS, "parquet", "no_such_module")
    assert "pip install 'llmfao[parquet]'" in read(path)[1][0]
    head = look(Source("x", path))
    assert isinstance(head, Fault)
    assert "llmfao[parquet]" in head.reason


SPY = """
import json, os, socket, subprocess, sys
from annotation.interchange.reading import child

child._limit()
told = {"environment": sorted(os.environ)}

def tried(what):
    try:
        what()
    except PermissionError:
        return "refused"
    except BaseException as error:
        return type(error).__name__
    return "done"

import resource
told["socket"] = tried(lambda: socket.create_connection(("127.0.0.1", 9)))
told["name"] = tried(lambda: socket.getaddrinfo("localhost", 80))
told["process"] = tried(lambda: subprocess.run(["true"]))
told["shell"] = tried(lambda: os.system("true"))
told["write"] = tried(lambda: open("/tmp/llmfao-written", "w"))
told["read"] = tried(lambda: open(sys.argv[2]).close())
told["memory"] = tried(lambda: bytearray(3 * 2**30))
told["limits"] = [resource.getrlimit(resource.RLIMIT_AS)[0], resource.getrlimit(resource.RLIMIT_CPU)[0]]
print(json.dumps({"keys": ["told"], "sheets": [], "line": 1}))
print(json.dumps([[1, told]]))
print(json.dumps({"end": True}))
"""


def run_instead(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Lets another program run in place of the child, with all that the child gets."""
    begin = child.subprocess.Popen

    def popen(command: list[str], **options: Any) -> Any:
        return begin([command[0], "-c", program, *command[3:]], **options)

    monkeypatch.setattr(child.subprocess, "Popen", popen)


def test_the_process_has_no_keys_no_network_and_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path / "x", {"a": [1]})
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:secret@db/llmfao")
    run_instead(monkeypatch, SPY)
    ((row,), told) = read(path)
    assert told == []
    found = row["told"]
    assert not {"OPENAI_API_KEY", "DATABASE_URL", "SECRET_KEY"} & set(found["environment"])
    assert set(found["environment"]) <= {*child.KEPT, *child.SET, "LC_CTYPE", "__CF_USER_TEXT_ENCODING"}
    assert {found[each] for each in ("socket", "name", "process", "shell", "write")} == {"refused"}
    assert found["read"] == "done"
    assert found["memory"] == "MemoryError"
    assert found["limits"] == [child.MEMORY, child.PROCESSOR_TIME]
    assert (child.MEMORY, child.PROCESSOR_TIME) == (2 * 2**30, 300)


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("import os; os.kill(os.getpid(), 24)", "processor time"),
        ("import os; os.kill(os.getpid(), 9)", "failed"),
        ("import os; os.abort()", "failed"),
        ("import sys; sys.exit(1)", "failed"),
        ("print('no JSON')", "failed"),
        ('print(\'{"keys": ["a"], "sheets": [], "line": 1}\'); print(\'[[1, 2]\')', "failed"),
        ('print(\'{"keys": ["a"], "sheets": [], "line": 1}\'); print(\'[[1, 2, 3]]\')', "failed"),
        ("print('[[1]]'); print('7')", "failed"),
    ],
)
def test_however_the_process_ends_it_is_an_error_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, expected: str
) -> None:
    path = table(tmp_path / "x", {"a": [1]})
    run_instead(monkeypatch, program)
    assert expected in read(path)[1][0]


def test_who_stops_reading_leaves_no_process_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path / "x", {"id": range(200_000)})
    begun: list[Any] = []
    begin = child.subprocess.Popen

    def popen(*arguments: Any, **options: Any) -> Any:
        begun.append(begin(*arguments, **options))
        return begun[-1]

    monkeypatch.setattr(child.subprocess, "Popen", popen)
    found = rows(Source("x", path))
    next(found)
    found.close()
    assert begun[0].returncode is not None
    with pytest.raises(ProcessLookupError):
        os.kill(begun[0].pid, 0)


def test_a_process_that_is_not_understood_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path / "x.parquet", {"text": [f"{number:0500}" for number in range(20_000)]})
    monkeypatch.setattr(child, "MESSAGE_LIMIT", 100)
    _rows, (told,) = read(path)
    assert "failed" in told
