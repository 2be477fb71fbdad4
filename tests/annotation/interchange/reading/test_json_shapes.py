"""JSON is read whatever its shape: an object a line, a list, an object that holds a list, on one line or many."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.interchange.faults import Fault
from annotation.interchange.reading import Head, Row, Source, json_rows, look, rows
from annotation.interchange.reading import source as bounds

pytestmark = pytest.mark.once

ROWS = [{"id": 1, "text": "a"}, {"id": 2, "text": "b\n{]"}]


def read(path: Path, content: str) -> tuple[Any, list[dict[str, Any]], list[str]]:
    path.write_text(content, "utf-8")
    file = Source(path.name, path)
    found = list(rows(file))
    told = [f"{row.line}: {row.reason % row.values}" for row in found if isinstance(row, Fault)]
    return look(file), [dict(row.values) for row in found if isinstance(row, Row)], told


SHAPES = {
    "lines": "".join(json.dumps(row) + "\n" for row in ROWS),
    "a list on one line": json.dumps(ROWS),
    "a list on many lines": json.dumps(ROWS, indent=2),
    "a list, one object a line": "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
    "an object with a list on one line": json.dumps({"version": 3, "data": ROWS}),
    "an object with a list on many lines": json.dumps({"data": ROWS, "note": {"a": [1, 2]}}, indent=4),
    "a list two keys deep": json.dumps({"results": {"timestamp": "x", "results": ROWS, "stats": {}}}, indent=1),
    "a longer list beside a shorter one": json.dumps({"errors": [{"e": 1}], "rows": ROWS}),
    "objects on many lines one after another": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "a mark in front": "\ufeff" + json.dumps(ROWS),
}


ONE_ROW = {"an object with a list on one line", "a longer list beside a shorter one"}
"""One object on one line, which is a row of a .jsonl file."""


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        (shape, name)
        for shape in SHAPES
        for name in ("x", "x.json", "x.jsonl", "x.txt")
        if name != "x.jsonl" or shape not in ONE_ROW
    ],
)
def test_rows_are_found_in_any_shape(tmp_path: Path, shape: str, name: str) -> None:
    _head, found, told = read(tmp_path / name, SHAPES[shape])
    assert (found, told) == (ROWS, [])


def test_one_object_on_one_line_is_a_row_of_json_lines(tmp_path: Path) -> None:
    row = {"question_id": 1, "choices": [{"index": 0, "turns": ["a"]}]}
    assert read(tmp_path / "x.jsonl", json.dumps(row))[1] == [row]


def test_a_conversation_is_no_list_of_rows(tmp_path: Path) -> None:
    row = {"winner": "a", "conversation": [{"role": "user", "content": "hi"}]}
    assert read(tmp_path / "x.json", json.dumps(row, indent=2))[1] == [row]


def test_what_stands_beside_the_rows_is_kept_for_the_format(tmp_path: Path) -> None:
    content = json.dumps({"eval": {"model": "m"}, "results": {"total": 2, "samples": ROWS}})
    head, _found, _told = read(tmp_path / "x.json", content)
    assert head.around == {"eval": {"model": "m"}, "results.total": 2}


def test_a_list_on_one_line_that_is_longer_than_a_line_may_be_is_read(tmp_path: Path) -> None:
    many = [{"id": number, "text": "x" * 1000} for number in range(20_000)]
    assert len(json.dumps(many)) > bounds.LINE_LIMIT
    assert read(tmp_path / "x.json", json.dumps(many))[1] == many


@pytest.mark.parametrize(
    ("content", "rows_read", "told"),
    [
        ('[{"a": 1}, {"a": NaN}, {"a": 2}]', 2, "1: NaN is not valid JSON"),
        ('[{"a": 1},\n {"a": 1, "a": 2}, {"a": 2}]', 2, '2: The key "a" appears twice'),
        ('[{"a": 1},\n 7, {"a": 2}]', 2, "2: Expected a JSON object"),
        ('[{"a": 1}, {"a": "\\u0000"}, {"a": 2}]', 2, "1: This row contains a NUL"),
        ('[{"a": 1}, {"a": 2}', 2, "1: The JSON text is incomplete"),
        ('[{"a": 1}, {"a": "2', 1, "1: The JSON text is incomplete"),
        ('[{"a": 1} {"a": 2}]', 1, "1: Expected a comma between two values"),
        ('[{"a": 1},\n{"a": x}, {"a": 2}]', 1, "2: This line is not valid JSON"),
        ('{"rows": [{"a": 1}, {"b": 2}]', 2, "1: The JSON text is incomplete"),
        ('{"rows": [{"a": 1}], 3}', 1, "1: Expected a key"),
        ('[{"a": ' + "9" * 5000 + '}, {"a": 2}]', 1, "1: This row contains a number with too many digits"),
        ("[" + "[" * 100_000, 0, "1: This row is nested too deeply"),
        ("[]", 0, "None: The file is empty"),
        ('{"a": 1,}\n{"a": 2}\n', 1, "1: This line is not valid JSON"),
        ('{"a": 1}\n\n{"a"\n{"a": 2}\n', 2, "3: This line is not valid JSON"),
    ],
)
def test_what_is_wrong_is_told_and_the_rest_is_read(tmp_path: Path, content: str, rows_read: int, told: str) -> None:
    _head, found, faults = read(tmp_path / "x.json", content)
    assert len(found) == rows_read
    assert len(faults) == 1
    assert faults[0].startswith(told)


def test_a_table_is_a_table_under_the_name_of_json_and_the_other_way_round(tmp_path: Path) -> None:
    assert read(tmp_path / "x.jsonl", "id,text\n1,a\n")[1] == [{"id": "1", "text": "a"}]
    assert read(tmp_path / "x.csv", '{"id": 1, "text": "a,b"}\n{"id": 2, "text": "c"}\n')[1][0] == {
        "id": 1,
        "text": "a,b",
    }
    assert read(tmp_path / "y.csv", "[id],text\n1,a\n")[1] == [{"[id]": "1", "text": "a"}]


@pytest.mark.parametrize("inside", ["[", '{"a":', '[{"a":'])
def test_deep_nesting_is_looked_through_quickly_and_refused(tmp_path: Path, inside: str) -> None:
    began = time.process_time()
    head, found, told = read(tmp_path / "x.json", '{"a":\n' + inside * 300_000)
    assert time.process_time() - began < 20
    assert isinstance(head, Fault)
    assert (found, len(told)) == ([], 1)


def test_only_so_much_of_long_rows_is_looked_at(tmp_path: Path) -> None:
    head, found, _told = read(tmp_path / "x.jsonl", (json.dumps({"a": "x" * 2**20}) + "\n") * 10)
    assert len(found) == 10
    assert len(head.rows) == 4


def test_a_long_text_in_front_of_the_list_is_looked_through_quickly() -> None:
    text = '{"note": "' + "x" * 2**20
    assert json_rows.list_in(text) == ()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.text("abcxyz", min_size=1, max_size=3), JSON, min_size=1, max_size=4), min_size=2),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
    st.sampled_from(["list", "lines", "object"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=200)
def test_no_object_is_lost_or_changed(
    tmp_path: Path, objects: list[dict[str, Any]], indent: int | None, ascii_only: bool, shape: str
) -> None:
    if shape == "lines":
        content = "".join(json.dumps(row, ensure_ascii=ascii_only) + "\n" for row in objects)
    else:
        held = objects if shape == "list" else {"version": 1, "rows": objects}
        content = json.dumps(held, ensure_ascii=ascii_only, indent=indent)
    head, found, told = read(tmp_path / "x", content)
    assert (found, told) == (objects, [])
    assert isinstance(head, Head)
    assert set(head.keys) == {key for row in objects[:20] for key in row}


DEEP = '{"id": 1, "x": ' + "[" * 2000 + "]" * 2000 + "}"


@pytest.mark.parametrize("text", [f"{DEEP}\n", f"[{DEEP}]"])
def test_a_row_nested_deeper_than_anyone_can_walk_is_a_fault(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    (fault,) = rows(Source("x.json", path))
    assert isinstance(fault, Fault)
    assert fault.reason == "This row is nested too deeply."


def test_a_number_beyond_all_that_can_be_stored_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"id": 1, "x": 1e999}\n')
    (fault,) = rows(Source("x.jsonl", path))
    assert isinstance(fault, Fault)
    assert fault.reason == "The number is too large."
