"""Files are read row by row; errors are yielded, never raised."""

import gzip
import json
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from annotation.interchange.faults import LISTED, Fault, Faults, shown
from annotation.interchange.reading import Row, Source, rows
from annotation.interchange.reading import source as bounds
from annotation.interchange.tables import csv_line, guard, json_line, unguard


def read(path: Path, content: bytes) -> list[Row | Fault]:
    path.write_bytes(content)
    return list(rows(Source(path.name, path)))


def told(found: list[Row | Fault]) -> list[str]:
    return [f"{row.line}: {row.reason % row.values}" for row in found if isinstance(row, Fault)]


def values(found: list[Row | Fault]) -> list[dict[str, object]]:
    return [dict(row.values) for row in found if isinstance(row, Row)]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "None: The file is empty."),
        (b"\n \n", "None: The file is empty."),
        (b'{"id": 1, "text": "\xff"}\n', "1: Byte 20 of this line is not valid UTF-8. Save the file as UTF-8."),
        (b'{"id": 1,}\n', "1: This line is not valid JSON: "),
        (b'{"id": 1}{"id": 2}\n', "1: This line is not valid JSON: "),
        (b'{"id": "\\u0000"}\n', "1: This row contains a NUL character"),
        (b'{"id": {"a": ["\\u0000"]}}\n', "1: This row contains a NUL character"),
        (b'{"id": "\\ud800"}\n', "1: This row contains half a surrogate pair"),
        (b'{"\\udc00": 1}\n', "1: This row contains half a surrogate pair"),
        (b'{"id": NaN}\n', "1: NaN is not valid JSON"),
        (b'{"id": -Infinity}\n', "1: -Infinity is not valid JSON"),
        (b'{"id": 1, "id": 2}\n', '1: The key "id" appears twice in this row.'),
        (b'{"id": ' + b"9" * 5000 + b"}\n", "1: This row contains a number with too many digits."),
        (b"[1]\n", "1: Expected a JSON object"),
        (b"7\n", "1: Expected a JSON object"),
        (b"[" * 100_000 + b"\n", "1: This row is nested too deeply."),
        (b'{"id": "a\x00b"}\n', "1: This line is not valid JSON: "),
    ],
)
def test_a_wrong_line_of_jsonl_is_named_and_the_next_one_is_read(tmp_path: Path, content: bytes, expected: str) -> None:
    assert any(line.startswith(expected) for line in told(read(tmp_path / "a.jsonl", content)))
    if content.strip():
        found = read(tmp_path / "b.jsonl", b'{"before": 1}\n' + content + b'{"after": 2}\n')
        assert told(found)[0].startswith(expected.replace("1: ", "2: ", 1))
        assert values(found) == [{"before": 1}, {"after": 2}]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "None: The file is empty."),
        (b"\n\n", "None: The file is empty."),
        (b"a,a\n1,2\n", "1: A column name appears twice."),
        (b"a,\xff\n1,2\n", "1: The header row is not valid UTF-8. Save the file as UTF-8."),
        (b"a,b\n1\n", "2: Expected 2 cells, as in the header row, not 1."),
        (b"a,b\n1,2,3\n", "2: Expected 2 cells, as in the header row, not 3."),
        (b"a,b\n1,\xff\n", "2: This cell is not valid UTF-8. Save the file as UTF-8."),
        (b"a,b\n1,\x00\n", "2: This cell contains a NUL character"),
        (b'a,b\n1,"open\n', "2: This row is not valid CSV"),
        (b'a,b\n1,"closed"more\n', "2: This row is not valid CSV"),
        (b"a,b\n1,2\r3,4\n", "2: This row is not valid CSV"),
    ],
)
def test_a_wrong_row_of_csv_is_named(tmp_path: Path, content: bytes, expected: str) -> None:
    assert told(read(tmp_path / "a.csv", content))[0].startswith(expected)


def test_a_row_after_a_wrong_one_of_csv_is_read_with_its_own_line_number(tmp_path: Path) -> None:
    found = read(tmp_path / "a.csv", b'a,b\n1\n"two\nlines",2\n3\n')
    assert [row.line for row in found] == [2, 3, 5]
    assert values(found) == [{"a": "two\nlines", "b": "2"}]


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
@pytest.mark.parametrize(
    ("packed", "expected"),
    [
        (
            gzip.compress(b'{"a": 1}\n' * 20_000, mtime=0)[:200],
            "The compressed file is incomplete. Use a complete copy.",
        ),
        (b"plain text", "The compressed file is damaged or not in gzip format."),
        (gzip.compress(b"a\n1\n", mtime=0)[:-8] + b"12345678", "The compressed file is damaged or not in gzip format."),
    ],
)
def test_a_damaged_compressed_file_is_named(tmp_path: Path, ending: str, packed: bytes, expected: str) -> None:
    assert expected in told(read(tmp_path / f"a.{ending}.gz", packed))[-1]


def test_a_folder_and_a_missing_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").mkdir()
    assert "folder" in told(list(rows(Source("a.jsonl", tmp_path / "a.jsonl"))))[0]
    assert "cannot be read" in told(list(rows(Source("b.jsonl", tmp_path / "b.jsonl"))))[0]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.jsonl.gz"])
def test_a_line_of_200_megabytes_is_refused_without_being_held(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    opening = gzip.open if name.endswith(".gz") else open
    with opening(path, "wb") as file:
        file.write(b'{"id": "' if "jsonl" in name else b'a\n"')
        block = b"x" * 2**20
        for _megabyte in range(200):
            file.write(block)
        file.write(b'"}\n{"id": 2}\n')
    tracemalloc.start()
    try:
        found = list(rows(Source(name, path)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "longer than 16 MiB" in told(found)[0]
    assert peak < 6 * bounds.LINE_LIMIT
    if "jsonl" in name:
        assert values(found) == [{"id": 2}]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.csv.gz"])
@pytest.mark.parametrize("content", [b"\n", b"x", b"1\n"])
def test_a_compressed_file_that_holds_hundreds_of_times_its_size_ends_in_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes
) -> None:
    monkeypatch.setattr(bounds, "EXPANDED_FREELY", 2**16)
    packed = gzip.compress(content * 2**13, mtime=0) * 100
    assert "more than 50 times its size" in told(read(tmp_path / name, packed))[-1]


def test_a_compressed_file_of_10_gigabytes_is_not_read_to_its_end(tmp_path: Path) -> None:
    packed = gzip.compress(b"x" * 2**26, mtime=0) * 160
    began = time.process_time()
    assert "more than 50 times its size" in told(read(tmp_path / "a.jsonl.gz", packed))[-1]
    assert time.process_time() - began < 20


def test_a_compressed_file_of_ordinary_rows_is_read_whatever_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "EXPANDED_FREELY", 0)
    content = b"".join(b'{"id": %d, "result": "%x"}\n' % (number, number**9) for number in range(10_000))
    assert len(read(tmp_path / "a.jsonl.gz", gzip.compress(content))) == 10_000


def test_a_quotation_mark_that_is_never_closed_ends_in_a_fault_not_in_memory(tmp_path: Path) -> None:
    content = b'a,b\n1,"' + b"line\n" * (bounds.LINE_LIMIT // 4)
    assert "Check for a missing quotation mark." in told(read(tmp_path / "a.csv", content))[0]


def test_a_cell_of_more_than_131072_characters_is_read(tmp_path: Path) -> None:
    cell = "x" * 200_000
    assert values(read(tmp_path / "a.csv", f"a\n{cell}\n".encode())) == [{"a": cell}]


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_the_values(tmp_path: Path) -> None:
    assert values(read(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": 2}')) == [{"a": 1}, {"a": 2}]
    assert values(read(tmp_path / "a.csv", b"\xef\xbb\xbfa,b\r\n1,x\r\n")) == [{"a": "1", "b": "x"}]


def test_progress_adds_up_to_the_size_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n' * 3000)
    told_bytes: list[int] = []
    list(rows(Source("a.jsonl", path), told_bytes.append))
    assert sum(told_bytes) == path.stat().st_size
    assert len(told_bytes) > 3


def test_only_the_first_hundred_faults_are_listed_and_all_are_counted() -> None:
    faults = Faults()
    for line in range(250):
        faults.add(Fault("a", line, "", "wrong"))
    assert len(faults.listed) == LISTED == 100
    assert faults.count == 250


def test_a_quoted_value_cannot_command_a_terminal() -> None:
    assert "\x1b" not in shown("\x1b[2J")
    assert "\u202e" not in shown("a\u202eb")
    assert len(shown("x" * 10_000)) < 100


FIXTURE_STAYS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@given(st.binary(max_size=400))
@example(b'"')
@example(b"\r")
@settings(suppress_health_check=FIXTURE_STAYS, max_examples=300)
def test_no_content_whatever_makes_a_reader_raise(tmp_path: Path, content: bytes) -> None:
    for name in ("a.jsonl", "a.csv", "a.jsonl.gz", "a.csv.gz"):
        for row in read(tmp_path / name, content):
            assert isinstance(row, Row | Fault)


JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(st.dictionaries(JSON_TEXT, JSON_TEXT | st.integers(-(2**63), 2**63) | st.none()), min_size=1))
@settings(suppress_health_check=FIXTURE_STAYS, max_examples=100)
def test_what_is_written_as_jsonl_is_read_back(tmp_path: Path, rows: list[dict[str, object]]) -> None:
    text = "".join(map(json_line, rows))
    assert values(read(tmp_path / "a.jsonl", text.encode())) == rows
    assert [json.loads(line) for line in text.splitlines()] == rows


@given(st.lists(st.lists(JSON_TEXT, min_size=2, max_size=2), min_size=1))
@example([["\r", ""], ["=1+1", "'=x"], ["a\r\nb", '"']])
@settings(suppress_health_check=FIXTURE_STAYS, max_examples=200)
def test_what_is_written_as_csv_is_read_back(tmp_path: Path, rows: list[list[str]]) -> None:
    text = csv_line(["a", "b"]) + "".join(map(csv_line, rows))
    found = values(read(tmp_path / "a.csv", text.encode()))
    # A row of empty cells is what spreadsheets write for an empty line.
    assert [[unguard(str(row["a"])), unguard(str(row["b"]))] for row in found] == list(filter(any, rows))


@given(JSON_TEXT)
@example("=1")
@example("'=1")
@example("''-1")
@example("'plain")
@example("@a")
@example("\ta")
@example("\ra")
def test_the_guard_against_formulas_adds_one_apostrophe_that_is_taken_away_again(text: str) -> None:
    guarded = guard(text)
    assert not guarded.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguard(guarded) == text
    assert guarded in (text, "'" + text)


def test_numbers_are_not_guarded() -> None:
    assert csv_line([-1, -0.5, None, True, "-1"]) == "-1,-0.5,,true,'-1\n"
