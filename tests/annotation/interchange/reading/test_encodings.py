"""UTF-8 and UTF-16 are certain; Windows-1252 and Shift JIS are proposed with lines that show the difference."""

from pathlib import Path

import pytest

from annotation.interchange.faults import Fault
from annotation.interchange.reading import Head, Reading, Row, Source, encodings, look, rows

pytestmark = pytest.mark.once


def head_of(path: Path, content: bytes, encoding: str = "") -> Head:
    path.write_bytes(content)
    head = look(Source(path.name, path, Reading(encoding)))
    assert isinstance(head, Head)
    return head


TEXT = "id;text\n1;Größe\n2;日本\n"


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
    ],
)
def test_what_is_certain_is_read_without_a_question(tmp_path: Path, encoding: str, found: str) -> None:
    head = head_of(tmp_path / "x.csv", TEXT.encode(encoding))
    assert (head.encoding, head.changed) == (found, ())
    assert [row.values for row in rows(head.source)] == [{"id": "1", "text": "Größe"}, {"id": "2", "text": "日本"}]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("id,text\n1,déjà vu\n", "windows-1252"),
        ("id,text\n1,I don’t\n2,“Yes”\n", "windows-1252"),
        ("id,text\n1,Größe über alles – 5 €\n", "windows-1252"),
        ("id,text\n1,Straße\n2,Äpfel\n3,naïve café\n", "windows-1252"),
        ("id,text\n1,El niño está aquí. ¿Qué?\n", "windows-1252"),
        ("id,text\n1,日本語のテストです。\n", "shift-jis"),
        ("id,都市\n1,東京\n2,大阪\n", "shift-jis"),
        ("id,text\n1,表示ソート\n", "shift-jis"),
        ("id,text\n1,ﾃｽﾄﾃﾞｰﾀ\n", "shift-jis"),
    ],
)
def test_what_is_not_utf_8_is_proposed_and_shown(tmp_path: Path, text: str, encoding: str) -> None:
    content = text.encode(encodings.NAMES[encoding])
    head = head_of(tmp_path / "x.csv", content)
    assert head.encoding == encoding
    assert 1 <= len(head.changed) <= 3
    assert all(change.decoded in text for change in head.changed)
    assert all("\\x" in change.raw for change in head.changed)
    found = list(rows(head.source))
    assert any(isinstance(row, Fault) for row in found), "a proposal is not taken without being chosen"
    chosen = head_of(tmp_path / "x.csv", content, encoding)
    assert chosen.changed == ()
    assert all(isinstance(row, Row) for row in rows(chosen.source))


def test_a_letter_at_the_end_of_a_long_file_is_noticed(tmp_path: Path) -> None:
    head = head_of(tmp_path / "x.csv", b"id,text\n" + b"1,plain\n" * 300_000 + "2,né\n".encode("cp1252"))
    assert head.encoding == "windows-1252"
    assert [change.line for change in head.changed] == [300_002]


def test_bytes_that_are_no_text_are_refused_and_no_encoding_is_proposed(tmp_path: Path) -> None:
    head = head_of(tmp_path / "x.csv", b"id,text\n1,\x81\xff\xfe\n")
    assert (head.encoding, head.changed) == ("utf-8", ())
    (fault,) = rows(head.source)
    assert isinstance(fault, Fault)


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("UTF8", "utf-8"),
        ("utf_16", "utf-16"),
        ("latin-1", "windows-1252"),
        ("cp1252", "windows-1252"),
        ("Shift_JIS", "shift-jis"),
        ("MS932", "shift-jis"),
        ("koi8-r", ""),
        ("rot13", ""),
        ("nonsense", ""),
        ("\0", ""),
    ],
)
def test_encodings_are_known_by_all_their_names(said: str, known: str) -> None:
    assert encodings.normalised(said) == known


def test_an_unknown_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("a,b\n")
    file = Source("x", tmp_path / "x", Reading("koi8-r"))
    for found in (look(file), next(iter(rows(file)))):
        assert isinstance(found, Fault)
        assert found.values["encoding"] == "koi8-r"


def test_a_file_that_is_not_in_the_encoding_that_was_said_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"id,text\n1,\x81\n")
    found = list(rows(Source("x", tmp_path / "x", Reading("windows-1252"))))
    assert isinstance(found[-1], Fault)
    assert "not valid windows-1252" in found[-1].reason % found[-1].values
