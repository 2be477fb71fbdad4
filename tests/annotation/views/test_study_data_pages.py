"""Uploads, flagged answers and reports on the administrator's pages."""

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from annotation.importing import uploads
from annotation.models import Comparison, Report, Result, ResultFlag, Study, Upload, UploadState
from annotation.studies import drafts
from tests.annotation.exchange import CORPUS, FILES
from tests.annotation.study_pages import give_votes, study_of, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    """Gives each test its own folder: uploads of rolled-back tests have the same numbers."""
    settings.DATA_DIR = tmp_path


@pytest.fixture
def client(owner, as_user):
    return as_user(owner)


@pytest.fixture
def empty(owner):
    """A draft without data."""
    return drafts.draft_study(owner, name="Haiku", slug="haiku", language="en", prompt_set=None)


def send(client, *names, **contents):
    """Uploads files of the small study; `contents` replaces files by name, without suffix and with underscores."""
    files = [SimpleUploadedFile(name, contents.get(name.partition(".")[0], FILES[name]).encode()) for name in names]
    return client.post("/studies/haiku/data/", {"exchange_files": files})


def uploaded(client, *names, **contents):
    """Returns the upload after the background task has run, and stored what it proposed."""
    upload = checked(client, *names, **contents)
    if upload.state == UploadState.PROPOSED:
        client.post(f"/studies/haiku/data/uploads/{upload.pk}/store/")
        uploads.run(upload.pk)
        upload.refresh_from_db()
    return upload


def checked(client, *names, **contents):
    """Returns the upload after the background task has checked it."""
    send(client, *names, **contents)
    upload = Upload.objects.latest("pk")
    uploads.run(upload.pk)
    upload.refresh_from_db()
    return upload


def test_nothing_is_wrong_with_a_form_nobody_has_sent(client, empty):
    assert "This field is required" not in text_of(client.get("/studies/haiku/data/"))


def test_an_upload_needs_a_file(client, empty):
    response = client.post("/studies/haiku/data/", {})
    assert "This field is required" in text_of(response)
    assert not Upload.objects.exists()


def test_an_upload_waits_for_the_background_and_says_so(client, empty, owner):
    response = send(client, *CORPUS)
    upload = Upload.objects.get()
    assert response.headers["Location"] == f"/studies/haiku/data/uploads/{upload.pk}/"
    assert (upload.state, upload.user, upload.study) == (UploadState.WAITING, owner, empty)
    page = text_of(client.get(response.headers["Location"]))
    assert "Queued" in page
    assert 'hx-trigger="every 1s"' in page
    assert "reading files" in text_of(client.get("/studies/haiku/"))


def test_htmx_gets_the_part_that_changes(client, empty):
    upload = uploaded(client, *CORPUS)
    part = client.get(f"/studies/haiku/data/uploads/{upload.pk}/", headers={"HX-Request": "true"})
    assert text_of(part).lstrip().startswith('<section id="upload"')
    assert "hx-trigger" not in text_of(part), "what is over is asked for no more"


def test_a_running_upload_shows_a_bar_a_rate_and_the_time_left(client, empty):
    send(client, *CORPUS)
    upload = Upload.objects.get()
    Upload.objects.update(state=UploadState.CHECKING, size=4_000_000, done=1_000_000)
    Upload.objects.update(created_at=upload.created_at.replace(year=upload.created_at.year - 1))
    page = text_of(client.get(f"/studies/haiku/data/uploads/{upload.pk}/"))
    assert 'max="4000000" value="1000000"' in page
    assert "per second" in page
    assert "left" in page


def test_files_of_an_upload_are_stored_together(client, empty):
    upload = uploaded(client, *FILES)
    assert upload.state == UploadState.STORED
    assert Result.objects.count() == 6
    assert Comparison.objects.count() == 6
    page = text_of(client.get(f"/studies/haiku/data/uploads/{upload.pk}/"))
    assert "Upload complete." in page
    assert "Undo upload" in page


def test_a_judge_can_be_named(client, empty):
    uploaded(client, *CORPUS, "pairs.jsonl")
    file = SimpleUploadedFile("robin-crowd-comparisons.csv", FILES["robin-crowd-comparisons.csv"].encode())
    client.post("/studies/haiku/data/", {"exchange_files": [file], "rater": "marian"})
    upload = Upload.objects.latest("pk")
    uploads.run(upload.pk)
    client.post(f"/studies/haiku/data/uploads/{upload.pk}/store/")
    uploads.run(upload.pk)
    assert set(Comparison.objects.values_list("rater__name", flat=True)) == {"marian"}


def test_faults_are_a_table_with_the_row_and_nothing_is_stored(client, empty):
    broken = FILES["prompts.jsonl"] + '{"id": "five", "text": "=1+1 <b>bold</b>"}\n'
    upload = uploaded(client, "models.jsonl", "prompts.jsonl", prompts=broken)
    assert upload.state == UploadState.FAULTY
    page = text_of(client.get(f"/studies/haiku/data/uploads/{upload.pk}/"))
    assert "Nothing was saved" in page
    assert "prompts.jsonl" in page
    assert "&lt;b&gt;bold" in page, "a copy of the row, harmless"
    assert empty.prompt_set.prompts.count() == 0
    assert "The latest upload has errors" in text_of(client.get("/studies/haiku/"))
    rows = list(
        csv.DictReader(
            io.StringIO(
                client.get(f"/studies/haiku/data/uploads/{upload.pk}/faults.csv").getvalue().decode("utf-8-sig")
            )
        )
    )
    assert {(row["file"], row["line"]) for row in rows} == {("prompts.jsonl", "3")}
    assert all(row["reason"] for row in rows)


def test_an_empty_file_is_a_fault_and_no_error_of_the_form(client, empty):
    upload = uploaded(client, "models.jsonl", models="")
    assert upload.state == UploadState.FAULTY
    assert "The file is empty." in text_of(client.get(f"/studies/haiku/data/uploads/{upload.pk}/"))


def test_an_upload_that_waits_can_be_cancelled(client, empty):
    send(client, *CORPUS)
    upload = Upload.objects.get()
    page = text_of(client.post(f"/studies/haiku/data/uploads/{upload.pk}/cancel/", follow=True))
    assert "Nothing was saved" in page
    assert not uploads.run(upload.pk)
    assert not Result.objects.exists()


def test_a_cancellation_that_comes_too_late_says_so(client, empty):
    upload = uploaded(client, *CORPUS)
    page = text_of(client.post(f"/studies/haiku/data/uploads/{upload.pk}/cancel/", follow=True))
    assert "finished before it could be cancelled" in page
    assert Result.objects.count() == 6


def test_an_upload_is_undone_after_saying_what_goes(client, empty):
    upload = uploaded(client, *FILES)
    address = f"/studies/haiku/data/uploads/{upload.pk}/undo/"
    assert "Answers: 6" in text_of(client.get(address))
    assert Result.objects.count() == 6, "looking undoes nothing"
    page = text_of(client.post(address, follow=True))
    assert "Everything it added was deleted" in page
    assert not Result.objects.exists()
    assert not Comparison.objects.exists()


def test_an_upload_that_something_refers_to_is_not_undone(client, empty):
    corpus = uploaded(client, *CORPUS)
    uploaded(client, "pairs.jsonl")
    page = text_of(client.post(f"/studies/haiku/data/uploads/{corpus.pk}/undo/", follow=True))
    assert "cannot be undone" in page
    assert Result.objects.count() == 6


def test_a_prompt_set_in_two_hands_says_so(client, empty, owner):
    drafts.draft_study(owner, name="Second", slug="second", language="en", prompt_set=empty.prompt_set)
    assert "1 other study uses this prompt set" in text_of(client.get("/studies/haiku/data/"))


def test_answers_that_name_themselves_are_listed_before_the_start(client, owner):
    study_of(owner, opened=False)
    result = Result.objects.all()[0]
    ResultFlag.objects.create(result=result, kind="names-itself", found="=I am <Quillfinch>")
    assert "1 answer names its own model or organisation. Check it before you start the study." in text_of(
        client.get("/studies/haiku/")
    )
    page = text_of(client.get("/studies/haiku/data/flags/"))
    assert "I am &lt;Quillfinch&gt;" in page
    assert "Quillfinch-0" in page
    exported = client.get("/studies/haiku/data/flags.csv").getvalue().decode()
    assert exported.splitlines()[1].endswith(",'=I am <Quillfinch>"), "a spreadsheet must not run it"


def test_answers_that_were_cut_are_listed_and_counted_apart(client, owner):
    study_of(owner, opened=False)
    first, second = Result.objects.all()[:2]
    ResultFlag.objects.create(result=first, kind="names-itself", found="I am Quillfinch")
    for result in (first, second):
        ResultFlag.objects.create(result=result, kind="cut", found="and so it")
    start = text_of(client.get("/studies/haiku/"))
    assert "1 answer names its own model or organisation. Check it before you start the study." in start
    assert "2 answers were cut off at the token limit. Check them before you start the study." in start
    data = text_of(client.get("/studies/haiku/data/"))
    assert "1 answer names its own model or organisation." in data
    assert "2 answers were cut off at the token limit." in data
    page = text_of(client.get("/studies/haiku/data/flags/"))
    assert page.count("cut off at the token limit") == 2
    assert page.count("and so it") == 2


def test_no_flags_is_said(client, owner):
    study_of(owner)
    assert "No answer names its own model or organisation." in text_of(client.get("/studies/haiku/data/flags/"))


@pytest.fixture
def report(owner):
    study = study_of(owner)
    worker = give_votes(study, 1)
    return Report.objects.create(
        study=study, pair=study.pairs.all()[0], worker=worker, kind="named", comment="It says <b>Quillfinch</b>."
    )


def test_reports_are_listed_and_settled(client, report):
    assert "1 worker report needs attention." in text_of(client.get("/studies/haiku/"))
    page = text_of(client.get("/studies/haiku/workers/reports/"))
    assert "An answer reveals which model wrote it" in page
    assert "It says &lt;b&gt;Quillfinch&lt;/b&gt;." in page
    client.post(f"/studies/haiku/workers/reports/{report.pk}/settle/")
    report.refresh_from_db()
    assert report.settled_at is not None
    assert "needs attention" not in text_of(client.get("/studies/haiku/"))


def test_a_settled_report_can_be_opened_again(client, report):
    client.post(f"/studies/haiku/workers/reports/{report.pk}/settle/")
    client.post(f"/studies/haiku/workers/reports/{report.pk}/settle/", {"again": "1"})
    report.refresh_from_db()
    assert report.settled_at is None


def test_settling_twice_keeps_the_first_time(client, report):
    client.post(f"/studies/haiku/workers/reports/{report.pk}/settle/")
    report.refresh_from_db()
    first = report.settled_at
    client.post(f"/studies/haiku/workers/reports/{report.pk}/settle/")
    report.refresh_from_db()
    assert report.settled_at == first


def test_reports_as_csv(client, report):
    rows = list(
        csv.DictReader(io.StringIO(client.get("/studies/haiku/workers/reports.csv").getvalue().decode("utf-8-sig")))
    )
    assert [(row["kind"], row["comment"], row["settled_at"]) for row in rows] == [
        ("named", "It says <b>Quillfinch</b>.", "")
    ]


def test_a_report_of_another_study_is_not_settled_here(client, report, owner):
    drafts.draft_study(owner, name="Other", slug="other", language="en", prompt_set=None)
    assert client.post(f"/studies/other/workers/reports/{report.pk}/settle/").status_code == 404
    assert Study.objects.count() == 2
    report.refresh_from_db()
    assert report.settled_at is None
