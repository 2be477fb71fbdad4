"""Files that systems hide are skipped and listed, however they come."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.importing import load, uploads
from annotation.interchange.hidden_files import is_hidden
from annotation.models import PromptSet, Study, UploadState
from tests.annotation import exchange

pytestmark = pytest.mark.django_db

HIDDEN = ["._comparisons.csv", "._models.jsonl", ".DS_Store", "Thumbs.db", "desktop.ini", "~$prompts.jsonl"]
NOISE = b"\x00\x05\x16\x07\x00Mac OS X"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = exchange.write(tmp_path / "in")
    for name in HIDDEN:
        (folder / name).write_bytes(NOISE)
    return folder


def test_in_a_folder(folder: Path) -> None:
    assert load.load([folder], study_slug="trees").skipped == tuple(sorted(HIDDEN))


def test_in_an_archive(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"study/{file.name}")
        archive.writestr("__MACOSX/study/models.jsonl", NOISE)
        archive.writestr(".git/deep/er/prompts.jsonl", NOISE)
    skipped = load.load([path], study_slug="trees").skipped
    assert set(skipped) == {
        *(f"study/{name}" for name in HIDDEN),
        "__MACOSX/study/models.jsonl",
        ".git/deep/er/prompts.jsonl",
    }


def test_in_an_upload_and_its_page_lists_them(folder: Path, tmp_path: Path, settings: Any, owner, as_user) -> None:
    settings.DATA_DIR = tmp_path / "data"
    prompt_set = PromptSet.objects.create(slug="trees", name="Trees")
    study = Study.objects.create(slug="trees", name="Trees", prompt_set=prompt_set, owner=owner)
    files = [SimpleUploadedFile(file.name, file.read_bytes()) for file in sorted(folder.iterdir())]
    upload = uploads.submit(study, None, files)
    uploads.run(upload.pk)
    upload.refresh_from_db()
    assert upload.state == UploadState.STORED, upload.report
    assert upload.report["skipped"] == sorted(HIDDEN)
    page = as_user(owner).get(f"/studies/trees/data/uploads/{upload.pk}/").content.decode()
    assert all(name in page for name in HIDDEN)


def test_named_outright(folder: Path) -> None:
    files = [folder / name for name in ("models.jsonl", "prompts.jsonl", "._models.jsonl")]
    assert load.load(files, study_slug="trees").skipped == ("._models.jsonl",)
    with pytest.raises(load.FaultyFiles, match=r"Skipped: \._models\.jsonl"):
        load.load([folder / "._models.jsonl"], study_slug="trees")


def test_a_file_named_outright_may_lie_in_a_hidden_folder(tmp_path: Path) -> None:
    folder = tmp_path / ".bench" / "model_answer"
    folder.mkdir(parents=True)
    (folder.parent / "question.jsonl").write_text('{"question_id": 1, "category": "", "turns": ["Why?"]}\n')
    (folder / "._a.jsonl").write_bytes(NOISE)
    report = load.load([folder.parent / "question.jsonl"], study_slug="bench", format_name="mt-bench")
    assert report.counts["prompts"].new == 1
    report = load.load([folder.parent], study_slug="bench", format_name="mt-bench")
    assert report.skipped == ("model_answer/._a.jsonl",)


@pytest.mark.parametrize("name", ["models.jsonl", "a/models.jsonl", "../models.jsonl", "./models.jsonl", "thumbs.csv"])
def test_other_files_are_not_hidden(name: str) -> None:
    assert not is_hidden(name)
