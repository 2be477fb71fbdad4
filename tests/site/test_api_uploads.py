"""Files are uploaded, checked, read in another way and stored through the API."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.importing import uploads
from annotation.models import LanguageModel, Prompt, PromptSetReader, Result, Study, Upload
from tests.annotation.exchange import CORPUS, FILES
from tests.annotation.study_pages import study_of
from tests.site.api import Program

pytestmark = pytest.mark.django_db

PATH = "studies/haiku/uploads/"


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Any) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def study(owner: Any) -> Study:
    return study_of(owner, models=0, prompts=0, opened=False)


def sent(program: Program, **files: str) -> Any:
    named = [SimpleUploadedFile(name.replace("__", "."), content.encode()) for name, content in files.items()]
    return program.client.post(f"/api/{PATH}", {"files": named}, headers=program.headers)


def corpus(program: Program) -> Any:
    return sent(program, **{name.replace(".", "__"): FILES[name] for name in CORPUS})


def test_files_are_checked_and_stored_by_two_requests(study: Study, owner: Any) -> None:
    program = Program(owner)
    made = corpus(program)
    assert made.status_code == 201, made.content
    address = made.headers["Location"].removeprefix("/api/")
    assert made.json()["state"] == "waiting"
    uploads.run(made.json()["number"])
    told = program.get(address).json()
    assert told["state"] == "proposed"
    assert told["counts"]["results"] == {"new": 6, "unchanged": 0}
    assert told["done"] == told["size"]
    assert len(told["pairs"]) == 2
    assert {fit["format"] for proposal in told["proposals"] for fit in proposal["fits"]} >= {"llmfao"}
    assert not Result.objects.exists()
    assert program.post(f"{address}store/").json()["state"] == "waiting"
    uploads.run(told["number"])
    assert program.get(address).json()["state"] == "stored"
    assert Result.objects.count() == 6
    assert program.post(f"{address}store/").status_code == 409
    assert [row["number"] for row in program.rows(PATH)] == [told["number"]]


def test_errors_are_listed_with_line_field_reason_and_row(study: Study, owner: Any) -> None:
    program = Program(owner)
    number = sent(program, models__jsonl='{"id": "two", "name": "B"}\n').json()["number"]
    uploads.run(number)
    told = program.get(f"{PATH}{number}/").json()
    assert (told["state"], told["error_count"]) == ("faulty", 1)
    (fault,) = told["faults"]
    assert (fault["file"], fault["line"], fault["field"]) == ("models.jsonl", 1, "id")
    assert "%(" not in fault["reason"]
    assert "two" in fault["row"]


def test_a_file_is_read_in_another_way(study: Study, owner: Any) -> None:
    program = Program(owner)
    number = sent(program, questions__csv="nr;what\n1;Why?\n").json()["number"]
    uploads.run(number)
    choice = {"kind": "prompts", "reading": {"columns": {"nr": "id", "what": "text"}}}
    reply = program.post(f"{PATH}{number}/check/", format="llmfao", choices={"questions.csv": choice})
    assert reply.status_code == 200, reply.content
    uploads.run(number)
    assert program.post(f"{PATH}{number}/store/").status_code == 200
    uploads.run(number)
    assert Prompt.objects.get().text == "Why?"


@pytest.mark.parametrize("body", [
    {"format": "klingon"}, {"choices": []}, {"choices": {"a": 1}}, {"choices": {"a": {"reading": {"columns": []}}}},
    {"separator": ";"}, {"choices": {"a\0": {}}}, {"choices": {"a": {"reading": {"columns": {"\ud800": "id"}}}}},
])  # fmt: skip
def test_a_choice_that_makes_no_sense_is_an_error(study: Study, owner: Any, body: dict[str, Any]) -> None:
    program = Program(owner)
    number = corpus(program).json()["number"]
    uploads.run(number)
    assert program.post(f"{PATH}{number}/check/", **body).status_code == 400
    assert program.get(f"{PATH}{number}/").json()["state"] == "proposed"


def test_an_upload_without_files_is_an_error(study: Study, owner: Any) -> None:
    program = Program(owner)
    assert program.client.post(f"/api/{PATH}", {}, headers=program.headers).status_code == 400
    assert program.post(PATH, files=[]).status_code == 415
    assert not Upload.objects.exists()


def test_an_upload_is_cancelled(study: Study, owner: Any) -> None:
    program = Program(owner)
    number = corpus(program).json()["number"]
    assert program.post(f"{PATH}{number}/cancel/").json()["state"] == "cancelled"
    assert program.post(f"{PATH}{number}/cancel/").status_code == 409
    assert not uploads.run(number)


def test_a_reader_uploads_and_stores_nothing_into_the_set(study: Study, owner: Any, outsider: Any) -> None:
    number = corpus(Program(owner)).json()["number"]
    uploads.run(number)
    assert Program(outsider).get(f"{PATH}{number}/").status_code == 404
    study.colleagues.add(outsider)
    PromptSetReader.objects.create(prompt_set=study.prompt_set, user=outsider)
    reader = Program(outsider)
    PromptSetReader.objects.update(edits=False)
    Study.objects.update(owner=outsider)
    assert reader.get(f"{PATH}{number}/").status_code == 200
    assert reader.post(f"{PATH}{number}/store/").status_code == 403
    assert not LanguageModel.objects.exists()


def test_nobody_without_a_token_fills_the_disk(study: Study, tmp_path: Any) -> None:
    assert corpus(Program()).status_code == 401
    assert not (tmp_path / "uploads").exists()
