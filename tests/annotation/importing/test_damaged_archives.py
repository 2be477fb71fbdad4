"""A damaged ZIP archive is reported by name; an error of the disk is not reported as an error of the file."""

import errno
import zipfile
from pathlib import Path

import pytest

from annotation.importing import archives, load
from annotation.importing.archives import Unpackable, unpack
from annotation.importing.load import FaultyFiles
from annotation.interchange.reading import Source

TEXT = b"".join(b"a line of text, number %d\n" % number for number in range(2000))


def packed(folder: Path, method: int) -> Path:
    path = folder / "data.zip"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("models.jsonl", TEXT)
    return path


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("place", [40, 60, 200])
def test_damage_anywhere_is_a_fault_of_the_archive(tmp_path: Path, method: int, place: int) -> None:
    path = packed(tmp_path, method)
    content = bytearray(path.read_bytes())
    content[place : place + 20] = b"\xff" * 20
    path.write_bytes(content)
    with pytest.raises(Unpackable, match="damaged"):
        unpack(Source("data.zip", path), tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("models.jsonl", "models.jsonl"),
        ("data/models.jsonl", "data/models.jsonl"),
        ("data\\models.jsonl", "data/models.jsonl"),
        ("../../../etc/models.jsonl", "etc/models.jsonl"),
        ("/etc/models.jsonl", "etc/models.jsonl"),
        ("mod\nels.jsonl", "mod\N{REPLACEMENT CHARACTER}els.jsonl"),
    ],
)
def test_a_file_lands_in_the_folder_that_it_is_unpacked_into_whatever_it_is_called(
    tmp_path: Path, name: str, expected: str
) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr(name, TEXT)
    into = tmp_path / "into"
    into.mkdir()
    (found,) = unpack(Source("data.zip", tmp_path / "data.zip"), into)
    assert found.name == expected
    assert found.path.parent == into
    assert found.path.read_bytes() == TEXT


@pytest.mark.parametrize(
    "name", [".hidden", "a/.hidden", "__MACOSX/models.jsonl", "a/.git/b/models.jsonl", "._models.jsonl", "Thumbs.db"]
)
def test_hidden_files_are_listed_but_not_unpacked(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr(name, TEXT)
    (found,) = unpack(Source("data.zip", tmp_path / "data.zip"), tmp_path)
    assert found.name == name
    assert not found.path.exists()


@pytest.mark.parametrize("name", [".", "..", "", "/", "\\", "./"])
def test_what_has_no_name_of_its_own_is_left_out(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        archive.writestr(name, b"")
    assert unpack(Source("data.zip", tmp_path / "data.zip"), tmp_path) == []


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_an_archive_that_is_cut_short_is_a_fault_of_the_archive(tmp_path: Path, share: float) -> None:
    path = packed(tmp_path, zipfile.ZIP_DEFLATED)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(Unpackable, match="damaged"):
        unpack(Source("data.zip", path), tmp_path)


def test_a_full_disk_is_not_told_as_a_damaged_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archives, "_copy", full)
    with pytest.raises(OSError, match="No space left"):
        unpack(Source("data.zip", packed(tmp_path, zipfile.ZIP_DEFLATED)), tmp_path)


@pytest.mark.parametrize("name", ["missing.zip", "folder.zip/inside.zip"])
def test_an_archive_that_is_not_there_is_a_fault_of_its_own(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.zip").write_bytes(b"")
    with pytest.raises(FaultyFiles, match=rf"{name.rpartition('/')[2]}: The file cannot be read"):
        load.load([tmp_path / name], study_slug="haiku")


def test_archives_of_one_name_in_two_folders_do_not_replace_each_other(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        with zipfile.ZipFile(tmp_path / name / "data.zip", "w") as archive:
            archive.writestr("models.jsonl", name)
        found += unpack(Source("data.zip", tmp_path / name / "data.zip"), tmp_path)
    assert [each.path.read_text() for each in found] == ["a", "b"]
