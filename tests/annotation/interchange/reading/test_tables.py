"""CSV with any separator, quotation and line end is read as what it means."""

import csv
import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from annotation.interchange.faults import Fault
from annotation.interchange.reading import Head, Reading, Row, Source, look, rows

pytestmark = pytest.mark.once

FIXTURE_STAYS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def source(path: Path, content: str | bytes, **reading: object) -> Source:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Source(path.name, path, Reading(**reading))


def values(file: Source) -> list[dict[str, object]]:
    found = list(rows(file))
    assert not [row.reason % row.values for row in found if isinstance(row, Fault)]
    return [dict(row.values) for row in found if isinstance(row, Row)]


def faults(file: Source) -> list[str]:
    return [f"{row.line}: {row.reason % row.values}" for row in rows(file) if isinstance(row, Fault)]


TABLES = {
    "comma": "id,text\n1,a\n2,b;c\n",
    "semicolon of a German Excel": "\ufeffid;text\r\n1;a\r\n2;b,c\r\n",
    "tab": "id\ttext\n1\ta\n2\tb;c\n",
    "pipe": "id|text\n1|a,b\n2|b;c\n",
    "caret": "id^text\n1^a\n",
    "unit separator": "id\x1ftext\n1\x1fa\n",
    "sep line": "sep=;\r\nid;text\r\n1;a\r\n",
    "sep line in quotation marks": '"sep=|"\nid|text\n1|a\n',
    "blank lines in front and behind": "\n\n;;\nid;text\n1;a\n\n;\n",
    "blanks in an empty line": "id,text\n   \n1,a\n",
    "carriage returns alone": "id,text\r1,a\r2,b\r",
    "two carriage returns": "id,text\r\r\n1,a\r\r\n",
    "no end of line": "id,text\n1,a",
    "everything quoted": '"id";"text"\n"1";"a"\n',
    "single quotation marks": "'id','text'\n'1','a'\n",
    "columns without a name behind": "id,text,,\n1,a,,\n",
    "cells without a column behind": "id,text\n1,a,,\n",
    "an empty column in front": ",id,text\n,1,a\n",
    "a blank as the name of an empty column": " ,id,text\n,1,a\n",
    "quotation marks in tab-separated values": 'id\ttext\n1\ta\n2\t"b\n',
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_however_it_is_written(tmp_path: Path, name: str) -> None:
    found = values(source(tmp_path / "any name (1)", TABLES[name]))
    assert found[0] == {"id": "1", "text": found[0]["text"]}
    assert str(found[0]["text"]).startswith("a")


def test_a_text_with_quotation_marks_after_backslashes_keeps_its_other_backslashes(tmp_path: Path) -> None:
    content = 'id,text\n1,"say \\"hi\\" \\n \\\\frac"\n2,"b"\n'
    assert values(source(tmp_path / "x.csv", content))[0]["text"] == 'say "hi" \\n \\frac'


def test_a_column_without_a_name_that_has_values_goes_by_its_number(tmp_path: Path) -> None:
    file = source(tmp_path / "x.csv", ",id,text\n0,1,a\n,2,b\n")
    assert values(file) == [{"(column 1)": "0", "id": "1", "text": "a"}, {"id": "2", "text": "b"}]
    head = look(file)
    assert isinstance(head, Head)
    assert set(head.keys) == {"id", "text", "(column 1)"}


def test_a_separator_that_somebody_said_is_the_separator(tmp_path: Path) -> None:
    assert values(source(tmp_path / "x.csv", "a:b,c\n1:2,3\n", separator=":")) == [{"a": "1", "b,c": "2,3"}]
    assert faults(source(tmp_path / "x.csv", "a,b\n", separator="::")) == ["None: The separator must be one character."]


def test_columns_go_by_the_names_that_somebody_gave_them(tmp_path: Path) -> None:
    columns = {"Answer": "response", "Question": "prompt"}
    file = source(tmp_path / "x.csv", "Question,Answer,response\nq,a,r\n", columns=columns)
    assert values(file) == [{"prompt": "q", "response": "a", "response (2)": "r"}]


def test_a_line_says_where_a_row_begins_in_the_file(tmp_path: Path) -> None:
    file = source(tmp_path / "x.csv", 'sep=;\n\nid;text\n1;"a\nb"\n\n2;c\n')
    assert [row.line for row in rows(file)] == [4, 7]
    head = look(file)
    assert isinstance(head, Head)
    assert head.line == 3


def test_more_than_10_000_columns_are_refused(tmp_path: Path) -> None:
    content = ",".join(f"c{number}" for number in range(10_001)) + "\n"
    assert faults(source(tmp_path / "x.csv", content)) == ["1: The table has more than 10,000 columns."]


def test_gzip_and_a_zip_of_one_file_are_opened_whatever_they_are_called(tmp_path: Path) -> None:
    content = b"id,text\n1,a\n"
    for name in ("x", "x.csv", "x.csv.gz"):
        assert values(source(tmp_path / name, gzip.compress(content))) == [{"id": "1", "text": "a"}]
    with zipfile.ZipFile(tmp_path / "y", "w") as archive:
        archive.writestr("in/x.csv", content)
        archive.writestr("__MACOSX/in/._x.csv", b"\0\1")
    assert values(Source("y", tmp_path / "y")) == [{"id": "1", "text": "a"}]
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        archive.writestr("x.csv.gz", gzip.compress(content))
    assert values(Source("z", tmp_path / "z")) == [{"id": "1", "text": "a"}]


def test_an_archive_in_an_archive_is_not_opened(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("x.csv", "id\n1\n")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("y.zip", inner.getvalue())
    assert len(faults(Source("x.zip", tmp_path / "x.zip"))) == 1
    (tmp_path / "y.zip").write_bytes(inner.getvalue())
    assert "inside another archive" in faults(Source("y.zip", tmp_path / "y.zip", inner=True))[0]
    assert "compressed twice" in faults(source(tmp_path / "x.gz", gzip.compress(gzip.compress(b"id\n1\n"))))[0]


def test_a_document_of_another_program_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<a/>")
    assert "Save it as .xlsx" in faults(Source("x.ods", tmp_path / "x.ods"))[0]
    assert "old Excel" in faults(source(tmp_path / "x.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)))[0]


WORD = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=6)
CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12) | st.sampled_from(
    ["", '"', "a,b", "a;b", "a\tb", "1,5", "x\ny", "'", "'a'", "\\", '\\"', "sep=;", "{", "[1]", "ü", "日本"]
)


@given(
    st.lists(WORD, min_size=2, max_size=4, unique=True),
    st.data(),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@settings(suppress_health_check=FIXTURE_STAYS, max_examples=300)
def test_no_cell_is_lost_or_changed_in_silence(
    tmp_path: Path, header: list[str], data: st.DataObject, separator: str, end: str, encoding: str
) -> None:
    table = data.draw(st.lists(st.lists(CELL, min_size=len(header), max_size=len(header)), max_size=6))
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=end)
    writer.writerow(header)
    writer.writerows(table)
    path = tmp_path / "x"
    path.write_bytes(text.getvalue().encode(encoding))
    found = list(rows(Source("x", path)))
    if not any(isinstance(row, Fault) for row in found):
        assert [[row.values[key] for key in header] for row in found] == list(filter(any, table))


@given(st.binary(max_size=300) | st.text("{}[]\"',;:\t\n\r\\ abc1\ufeff", max_size=80).map(str.encode))
@example(b"{")
@example(b"[")
@example(b"\x1f\x8b")
@example(b"PK\x03\x04")
@example(b"PAR1")
@example(b'{"a": [{"b": 1}')
@example(b"\xff\xfe")
@example(b"\xff\xfea")
@example(b"{}")
@settings(suppress_health_check=FIXTURE_STAYS, max_examples=500, deadline=None)
def test_whatever_is_in_a_file_it_is_looked_at_without_an_error(tmp_path: Path, content: bytes) -> None:
    for name in ("x", "x.csv", "x.json", "x.jsonl"):
        file = source(tmp_path / name, content)
        head = look(file)
        assert isinstance(head, Head | Fault)
        found = list(rows(file))
        assert all(isinstance(row, Row | Fault) for row in found)
        if isinstance(head, Fault):
            # An object without a key has nothing to lose.
            assert any(isinstance(row, Fault) or not row.values for row in found), "what is not read is told"


@pytest.mark.parametrize("said", ['"', "'", "\r", "\0"])
def test_a_sep_line_cannot_name_what_separates_nothing(tmp_path: Path, said: str) -> None:
    assert isinstance(look(source(tmp_path / "x.csv", f"sep={said}\nid,text\n1,a\n")), Head | Fault)
    assert list(rows(source(tmp_path / "x.csv", f"sep={said}\nid,text\n1,a\n")))


def test_what_is_no_character_separates_nothing(tmp_path: Path) -> None:
    found = look(source(tmp_path / "x.csv", b"sep=\xff\nid\xfftext\n1\xffa\n", encoding="utf-8"))
    assert isinstance(found, Fault) or found.separator.encode()


def test_a_quotation_mark_cannot_be_chosen_as_the_separator(tmp_path: Path) -> None:
    assert faults(source(tmp_path / "x.csv", "a'b\n1'2\n", separator="'"))
