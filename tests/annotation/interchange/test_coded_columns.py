"""Columns read as numbers are those that rows have, or there are none."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.interchange.faults import Fault
from annotation.interchange.reading import Head, Reading, Source, coded, look, rows

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5) | st.sampled_from(
    ["", " ", "a" * 70, 'say "x"', "two\nlines", "1,5", "é", "\r", "tie"]
)


def table(path: Path, wanted: set[str], reading: Reading | None = None) -> dict[str, list[str]] | None:
    """The columns of a file, row by row, as `coded` reads them."""
    source = Source(path.name, path, reading or Reading())
    head = look(source)
    assert isinstance(head, Head)
    found = coded.coded(source, head, wanted)
    if found is None:
        return None
    return {name: [column.values[code] for code in column.codes.tolist()] for name, column in found.items()}


def as_rows(path: Path) -> dict[str, list[str]] | None:
    """The same as `rows` reads them; None if there is an error."""
    found: dict[str, list[str]] = {}
    for row in rows(Source(path.name, path)):
        if isinstance(row, Fault):
            return None
        for name, value in row.values.items():
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_plain_columns_are_read_without_the_rows(tmp_path, ending, separator):
    path = tmp_path / "votes.csv"
    lines = [["a", "b", "c"], ["x", "1", "long" * 4], ["y", "1", ""], ["x", "2", "é"]]
    path.write_bytes(ending.join(separator.join(line) for line in lines).encode())
    assert table(path, {"a", "c", "d"}) == {"a": ["x", "y", "x"], "c": ["long" * 4, "", "é"]}


def test_quotation_renamed_columns_and_a_byte_order_mark_are_understood(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_bytes('\ufeffone,two\n"a,b","c\nd"\n\n"e ""f""",g\n'.encode())
    reading = Reading(columns={"two": "winner"})
    assert table(path, {"one", "winner"}, reading) == {"one": ["a,b", 'e "f"'], "winner": ["c\nd", "g"]}


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1\n",
        b"a,b\n1,2,3\n",
        b"a,a\n1,2\n",
        b"a,\n1,2\n",
        b"a,b\n1,\0\n",
        b"a,b\n1,\xff\n",
        b'a,b\n1,"2\n',
        b"sep=,\na,b\n1,2\n",
    ],
)
def test_what_is_not_plain_is_left_to_rows(tmp_path, content):
    path = tmp_path / "votes.csv"
    path.write_bytes(content)
    source = Source(path.name, path)
    head = look(source)
    assert isinstance(head, Fault) or coded.coded(source, head, {"a", "b"}) is None


@given(data=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8), quoted=st.booleans())
def test_columns_are_those_of_the_rows(tmp_path_factory, data, quoted):
    path = tmp_path_factory.mktemp("table") / "table.csv"
    lines = ["first,second,third"]
    for cells in data:
        written = ['"' + cell.replace('"', '""') + '"' for cell in cells] if quoted else list(cells)
        lines.append(",".join(written))
    path.write_bytes("\n".join(lines).encode())
    head = look(Source(path.name, path))
    if isinstance(head, Fault):
        return
    found = coded.coded(Source(path.name, path), head, {"first", "second", "third"})
    expected = as_rows(path)
    if found is None:
        return
    assert expected is not None
    cells = {name: [column.values[code] for code in column.codes.tolist()] for name, column in found.items()}
    assert {name: values for name, values in cells.items() if values} == expected


def test_blocks_end_with_a_row(tmp_path, monkeypatch):
    monkeypatch.setattr(coded, "BLOCK", 7)
    path = tmp_path / "votes.csv"
    path.write_text('a,b\n"x\ny",1\n' + "z,2\n" * 30 + '"x\ny",3\n', encoding="utf-8")
    assert table(path, {"a", "b"}) == as_rows(path)


def test_a_mix_that_two_cells_share_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(coded, "MIX", coded.np.uint64(0))
    path = tmp_path / "votes.csv"
    path.write_text("a,b\nxxxxxxxx-same,1\nyyyyyyyy-same,1\n", encoding="utf-8")
    assert table(path, {"a"}) is None


def test_an_open_quotation_mark_in_a_large_file_takes_no_time(tmp_path: Path) -> None:
    """Whether it is open was counted again from the beginning for each of the lines."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"a,b\n" + b'5" screen,x\n' + b"1,2\n" * 5_000_000)
    source = Source("x.csv", path, Reading(separator=","))
    start = time.monotonic()
    coded.coded(source, Head(source, "csv", "utf-8", ","), {"a"})
    assert time.monotonic() - start < 30
