"""An upload that asks stores nothing before somebody confirms it, and can be read otherwise until then."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from annotation.importing import uploads
from annotation.importing.proposals import Choice
from annotation.interchange.reading import Reading
from annotation.models import LanguageModel, Prompt, PromptSetReader, Result, Study, Upload, UploadState
from tests.annotation.exchange import CORPUS, FILES
from tests.annotation.study_pages import study_of

pytestmark = pytest.mark.django_db

FRENCH = "id,text\n1,Où est le café ?\n2,Un été à la plage\n3,Ça va ?\n"


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Any) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def study(owner: Any) -> Study:
    return study_of(owner, models=0, prompts=0, opened=False)


def proposed(study: Study, user: Any = None, **files: bytes | str) -> Upload:
    """Returns an upload after its check."""
    sent = [
        SimpleUploadedFile(name.replace("__", "."), content if isinstance(content, bytes) else content.encode())
        for name, content in files.items()
    ]
    return ran(uploads.propose(study, user, sent))


def corpus(study: Study, user: Any = None) -> Upload:
    return proposed(study, user, **{name.replace(".", "__"): FILES[name] for name in CORPUS})


def ran(upload: Upload) -> Upload:
    uploads.run(upload.pk)
    upload.refresh_from_db()
    return upload


def test_a_check_says_what_would_be_added_and_adds_nothing(study: Study) -> None:
    upload = corpus(study)
    assert upload.state == UploadState.PROPOSED
    assert upload.report["counts"]["results"] == {"new": 6, "unchanged": 0}
    assert [told["file"] for told in upload.report["proposals"]] == list(CORPUS)
    assert not Result.objects.exists()
    assert not LanguageModel.objects.exists()


def test_three_pairs_of_answers_are_shown(study: Study) -> None:
    report = corpus(study).report
    assert [pair["prompt"] for pair in report["pairs"]] == [["Write a haiku."], ["Reverse a list."]]
    assert report["pairs"][0]["left"] != report["pairs"][0]["right"]


def test_one_confirmation_stores_all_of_it(study: Study, owner: Any) -> None:
    upload = corpus(study)
    assert uploads.confirm(upload, owner)
    assert ran(upload).state == UploadState.STORED
    assert Result.objects.count() == 6
    assert upload.user == owner
    assert not uploads.folder(upload).exists()
    assert not uploads.confirm(upload, owner), "it is stored already"


def test_two_confirmations_at_once_store_it_once(study: Study, owner: Any) -> None:
    upload = corpus(study)
    same = Upload.objects.get(pk=upload.pk)
    assert uploads.confirm(upload, owner)
    assert not uploads.confirm(same, owner)


def test_a_cancelled_proposal_stores_nothing_and_its_files_go(study: Study, owner: Any) -> None:
    upload = corpus(study)
    assert uploads.cancel(upload)
    assert not uploads.confirm(upload, owner)
    uploads.sweep(timezone.now())
    assert not uploads.folder(upload).exists()
    assert not Result.objects.exists()


def test_nothing_new_leaves_nothing_to_confirm(study: Study, owner: Any) -> None:
    uploads.confirm(upload := corpus(study), owner)
    ran(upload)
    again = corpus(study)
    assert again.state == UploadState.STORED
    assert again.report["counts"]["results"] == {"new": 0, "unchanged": 6}
    assert not uploads.folder(again).exists()


def test_an_error_is_named_with_its_line_field_and_row_and_cannot_be_confirmed(study: Study, owner: Any) -> None:
    upload = proposed(study, models__jsonl='{"id": 1, "name": "A"}\n{"id": "two", "name": "B"}\n')
    assert upload.state == UploadState.FAULTY
    (fault,) = upload.report["faults"]
    assert (fault["line"], fault["field"]) == (2, "id")
    assert "two" in fault["row"]
    assert not uploads.confirm(upload, owner)
    assert not LanguageModel.objects.exists()


def test_a_proposed_encoding_is_stored_once_it_is_confirmed(study: Study, owner: Any) -> None:
    upload = proposed(study, prompts__csv=FRENCH.encode("cp1252"))
    assert upload.state == UploadState.FAULTY
    (told,) = upload.report["proposals"]
    assert told["reading"]["encoding"] == "windows-1252"
    assert told["changed"][0]["decoded"] == "1,Où est le café ?"
    assert uploads.choose(upload, {"prompts.csv": Choice(reading=Reading("windows-1252"))})
    assert ran(upload).state == UploadState.PROPOSED
    uploads.confirm(upload, owner)
    ran(upload)
    assert Prompt.objects.filter(text="Où est le café ?").exists()


def test_a_choice_of_columns_makes_a_file_of_strangers_columns_one_of_ours(study: Study) -> None:
    upload = proposed(study, questions__csv="nr;what\n1;Why?\n2;How?\n")
    assert upload.state == UploadState.FAULTY
    choice = Choice(kind="prompts", reading=Reading(columns={"nr": "id", "what": "text"}))
    assert uploads.choose(upload, {"questions.csv": choice}, "llmfao")
    assert ran(upload).state == UploadState.PROPOSED, upload.report
    assert upload.report["counts"]["prompts"]["new"] == 2


def test_a_proposal_that_nobody_confirmed_for_a_week_is_cancelled(study: Study, owner: Any) -> None:
    upload = corpus(study)
    uploads.sweep(upload.finished_at + uploads.ANSWERED_WITHIN / 2)
    assert uploads.is_open(upload)
    uploads.sweep(upload.finished_at + uploads.ANSWERED_WITHIN + timedelta(seconds=1))
    upload.refresh_from_db()
    assert upload.state == UploadState.CANCELLED
    assert not uploads.folder(upload).exists()
    assert not uploads.confirm(upload, owner)


def test_readers_learn_at_the_check_that_they_may_not_change_the_set(study: Study, outsider: Any) -> None:
    PromptSetReader.objects.create(prompt_set=study.prompt_set, user=outsider)
    upload = corpus(study, outsider)
    assert upload.state == UploadState.FAULTY
    assert "cannot add models" in upload.report["faults"][0]["reason"]


def test_what_changed_between_check_and_confirmation_is_checked_again(study: Study, owner: Any) -> None:
    upload = corpus(study)
    LanguageModel.objects.create(prompt_set=study.prompt_set, number=7, name="Other")
    uploads.confirm(upload, owner)
    assert ran(upload).state == UploadState.FAULTY
    assert not Result.objects.exists()
    assert uploads.is_open(upload), "the files are kept, to be read otherwise"


def test_a_damaged_archive_leaves_nothing_to_choose(study: Study) -> None:
    upload = proposed(study, all__zip=b"PK\x03\x04 damaged")
    assert upload.state == UploadState.FAULTY
    assert not uploads.is_open(upload)
    assert not uploads.folder(upload).exists()


def test_a_worker_that_dies_during_a_check_leaves_it_to_another(study: Study) -> None:
    upload = uploads.propose(study, None, [SimpleUploadedFile("models.jsonl", b'{"id": 1, "name": "A"}\n')])
    Upload.objects.filter(pk=upload.pk).update(
        state=UploadState.CHECKING, claimed_at=timezone.now(), beat_at=timezone.now() - timedelta(hours=1)
    )
    assert uploads.sweep(timezone.now()) == 1
    assert ran(upload).state == UploadState.PROPOSED
