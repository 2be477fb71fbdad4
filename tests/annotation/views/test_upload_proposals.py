"""The page of an upload shows how its files are read, and takes what a person says otherwise."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.importing import uploads
from annotation.interchange.examples import EXAMPLES
from annotation.models import Comparison, Pair, Prompt, Study, Upload, UploadState
from tests.annotation.study_pages import study_of, text_of

pytestmark = pytest.mark.django_db

FRENCH = "nr;what;more\n1;Où est le café ?;x\n2;Why?;y\n".encode("cp1252")


@pytest.fixture(autouse=True)
def own_folder(settings: Any, tmp_path: Any) -> None:
    settings.DATA_DIR = tmp_path


@pytest.fixture
def study(owner: Any) -> Study:
    return study_of(owner, models=0, prompts=0, opened=False)


@pytest.fixture
def client(study: Study, owner: Any, as_user: Any) -> Any:
    return as_user(owner)


def checked(client: Any, **files: bytes) -> Upload:
    sent = [SimpleUploadedFile(name.replace("__", "."), content) for name, content in files.items()]
    client.post("/studies/haiku/data/", {"exchange_files": sent})
    return ran(Upload.objects.latest("pk"))


def ran(upload: Upload) -> Upload:
    uploads.run(upload.pk)
    upload.refresh_from_db()
    return upload


def address(upload: Upload, rest: str = "") -> str:
    return f"/studies/haiku/data/uploads/{upload.pk}/{rest}"


def as_shown(client: Any, upload: Upload) -> dict[str, Any]:
    """Returns what the form of the page would send if nothing were changed."""
    form = client.get(address(upload)).context["proposal"]
    return {name: form[name].value() for name in form.fields if form[name].value() not in (None, "")}


def test_what_is_left_as_proposed_is_not_taken_for_a_choice(client: Any) -> None:
    upload = checked(client, prompts__jsonl=b'{"id": 1, "text": "Why?"}\n')
    client.post(address(upload, "choose/"), as_shown(client, upload))
    upload.refresh_from_db()
    (choice,) = upload.options["choices"].values()
    assert (choice["format"], choice["kind"], choice["reading"]["encoding"], choice["reading"]["columns"]) == (
        "", "", "", {}
    )  # fmt: skip
    assert ran(upload).state == UploadState.PROPOSED


def test_kind_columns_and_a_proposed_encoding_are_said_in_two_steps(client: Any) -> None:
    upload = checked(client, questions__csv=FRENCH)
    assert upload.state == UploadState.FAULTY
    page = text_of(client.get(address(upload)))
    assert "Où est le café ?" in page
    client.post(address(upload, "choose/"), as_shown(client, upload) | {"kind_0": "prompts"})
    ran(upload)
    said = as_shown(client, upload)
    assert said["encoding_0"] == "windows-1252"
    client.post(address(upload, "choose/"), said | {"column0_0": "nr", "column1_0": "what"})
    assert ran(upload).state == UploadState.PROPOSED, upload.report
    assert as_shown(client, upload)["column1_0"] == "what", "what was chosen is shown again by the file’s own name"
    client.post(address(upload, "choose/"), as_shown(client, upload))
    assert ran(upload).state == UploadState.PROPOSED
    client.post(address(upload, "store/"))
    ran(upload)
    assert Prompt.objects.get(number=1).text == "Où est le café ?"


def test_one_column_is_not_two_fields(client: Any) -> None:
    upload = checked(client, questions__csv=FRENCH)
    client.post(address(upload, "choose/"), as_shown(client, upload) | {"kind_0": "prompts"})
    ran(upload)
    sent = as_shown(client, upload) | {"column0_0": "nr", "column1_0": "nr"}
    assert "already chosen" in text_of(client.post(address(upload, "choose/"), sent))
    upload.refresh_from_db()
    assert upload.state == UploadState.FAULTY


@pytest.mark.parametrize("sent", [
    {"format": "klingon"}, {"encoding_0": "klingon"}, {"separator_0": "x"}, {"kind_0": "../../etc"},
])  # fmt: skip
def test_what_is_not_offered_is_refused(client: Any, sent: dict[str, str]) -> None:
    upload = checked(client, prompts__csv=b"id,text\n1,Why?\n")
    page = client.post(address(upload, "choose/"), as_shown(client, upload) | sent)
    assert page.status_code == 200
    assert "is not one of the available choices" in text_of(page)
    upload.refresh_from_db()
    assert upload.state == UploadState.PROPOSED


def test_another_format_forgets_the_columns_of_the_first(client: Any) -> None:
    upload = checked(client, questions__csv=FRENCH)
    client.post(address(upload, "choose/"), as_shown(client, upload) | {"kind_0": "prompts"})
    ran(upload)
    client.post(address(upload, "choose/"), as_shown(client, upload) | {"column0_0": "nr", "format": "mad"})
    upload.refresh_from_db()
    (choice,) = upload.options["choices"].values()
    assert (choice["format"], choice["kind"], choice["reading"]["columns"]) == ("mad", "", {})


def test_hostile_names_and_cells_are_shown_as_text(client: Any) -> None:
    upload = checked(client, x__csv=b"<b>id</b>,items\n<script>alert(1)</script>,=1+1\n")
    page = text_of(client.get(address(upload)))
    assert "<script>alert" not in page
    assert "<b>id" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_file_that_is_cut_off_in_the_page_can_still_be_chosen_for(client: Any) -> None:
    header = ",".join(f"c{number}" for number in range(1000))
    upload = checked(client, wide__csv=f"{header}\n{header}\n".encode())
    assert len(upload.report["proposals"][0]["columns"]) == uploads.PROPOSED_COLUMNS
    assert client.get(address(upload)).status_code == 200


def test_who_may_not_read_the_set_neither_chooses_nor_stores(
    client: Any, study: Study, outsider: Any, as_user: Any
) -> None:
    upload = checked(client, prompts__csv=b"id,text\n1,Why?\n")
    other = as_user(outsider)
    for rest in ("choose/", "store/"):
        assert other.post(address(upload, rest)).status_code == 404
    study.colleagues.add(outsider)
    Study.objects.update(owner=outsider)
    for rest in ("choose/", "store/"):
        assert other.post(address(upload, rest)).status_code == 403
    upload.refresh_from_db()
    assert upload.state == UploadState.PROPOSED


def test_the_templates_make_a_study_together(client: Any, study: Study) -> None:
    files = {}
    for name, example in EXAMPLES.items():
        page = client.get(f"/studies/haiku/data/templates/{name}/")
        assert page.headers["Content-Disposition"] == f'attachment; filename="{example.file}"'
        files[example.file.replace(".", "__")] = page.content
        assert example.content.splitlines()[0].replace('"', "&quot;") in text_of(client.get("/studies/haiku/data/"))
    upload = checked(client, **files)
    assert upload.state == UploadState.PROPOSED, upload.report
    client.post(address(upload, "store/"))
    assert ran(upload).state == UploadState.STORED
    assert sorted(Pair.objects.values_list("purpose", flat=True)) == ["check", "training", "vote"]
    assert Comparison.objects.count() == 1


def test_there_is_no_template_of_an_unknown_name(client: Any) -> None:
    assert client.get("/studies/haiku/data/templates/passwords/").status_code == 404


def test_winners_of_several_raters_and_models_of_any_name_are_mapped(client: Any) -> None:
    content = b"one;two;gold;gpt;age\nA;B;A;B;20-29\nB;C;C;C;30-39\n"
    upload = checked(client, votes__csv=content)
    assert upload.state == UploadState.FAULTY
    client.post(address(upload, "choose/"), as_shown(client, upload) | {"format": "plain-comparisons"})
    ran(upload)
    sent = as_shown(client, upload) | {
        "column0_0": "one", "column1_0": "two", "column2_0": ["gold", "gpt"], "column9_0": ["age"]
    }  # fmt: skip
    client.post(address(upload, "choose/"), sent)
    upload.refresh_from_db()
    (choice,) = upload.options["choices"].values()
    assert choice["reading"]["columns"] == {
        "one": "model_a", "two": "model_b", "gold": "winner:gold", "gpt": "winner:gpt", "age": "background:age"
    }  # fmt: skip
    assert ran(upload).state == UploadState.PROPOSED, upload.report["faults"]
    assert as_shown(client, upload)["column2_0"] == ["gold", "gpt"]
    client.post(address(upload, "store/"))
    assert ran(upload).state == UploadState.STORED, upload.report
    assert Comparison.objects.count() == 4


def test_whose_answers_a_file_has_can_be_said(client: Any) -> None:
    upload = checked(client, final__csv=b"prompt,response\nWhy?,Because.\n")
    client.post(address(upload, "choose/"), as_shown(client, upload) | {"model_0": "quill-7b"})
    assert ran(upload).state == UploadState.PROPOSED, upload.report
    client.post(address(upload, "store/"))
    ran(upload)
    assert Prompt.objects.get().results.get().model.name == "quill-7b"
