"""The page of exports: a small file comes at once, a large one gets a page with its progress."""

from urllib.parse import quote

import pytest
from django.utils import timezone

from annotation.exporting import jobs
from annotation.models import Export, ExportState, Rater, RaterKind, Study
from tests.annotation.study_pages import give_votes, study_of, text_of
from tests.site.api import Program

pytestmark = pytest.mark.django_db

PAGE = "/studies/haiku/export/"
FILES = f"{PAGE}files/"


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path


@pytest.fixture
def study(owner, colleague):
    found = study_of(owner, colleague)
    give_votes(found, 3)
    return found


@pytest.fixture
def client(owner, as_user):
    return as_user(owner)


@pytest.fixture
def large(monkeypatch):
    """Makes every file a large one."""
    monkeypatch.setattr(jobs, "AT_ONCE", 2)


def test_a_small_file_comes_at_once(client, study):
    response = client.post(FILES, {"layout": "comparisons", "format": "jsonl"})
    assert response.headers["Content-Disposition"] == 'attachment; filename="people-comparisons.jsonl"'
    assert response.headers["Content-Type"].startswith("application/jsonl")
    assert response.getvalue().count(b"\n") == 3
    assert not Export.objects.exists()


def test_a_judge_s_file_is_called_after_it_in_any_script(client, study):
    Rater.objects.create(study=study, kind=RaterKind.JUDGE, name="裁判")
    response = client.post(FILES, {"layout": "comparisons", "raters": "裁判"})
    name = quote("裁判-comparisons.csv")
    assert response.headers["Content-Disposition"] == f"attachment; filename*=utf-8''{name}"


def test_a_large_file_gets_a_page_and_comes_from_there(client, study, large):
    response = client.post(FILES, {"layout": "comparisons"})
    export = Export.objects.get()
    assert response.url == f"{FILES}{export.pk}/"
    assert "Queued" in text_of(client.get(response.url))
    assert client.get(f"{response.url}file/").status_code == 404
    jobs.run(export.pk, timezone.now())
    page = text_of(client.get(response.url))
    export.refresh_from_db()
    assert "The file is ready." in page
    assert export.digest in page
    file = client.get(f"{response.url}file/")
    assert file.getvalue() == jobs.path(export).read_bytes()
    assert file.headers["Content-Disposition"] == 'attachment; filename="people-comparisons.csv"'
    assert file.headers["Cache-Control"] == "private, no-store"
    assert "people-comparisons.csv" in text_of(client.get(PAGE))


def test_an_export_can_be_cancelled_and_its_file_deleted(client, study, large):
    client.post(FILES, {"layout": "comparisons"})
    first = Export.objects.get()
    client.post(f"{FILES}{first.pk}/cancel/")
    first.refresh_from_db()
    assert first.state == ExportState.CANCELLED
    client.post(FILES, {"layout": "comparisons"})
    second = Export.objects.first()
    jobs.run(second.pk, timezone.now())
    client.post(f"{FILES}{second.pk}/delete/")
    second.refresh_from_db()
    assert second.state == ExportState.EXPIRED
    assert not jobs.path(second).exists()
    assert client.get(f"{FILES}{second.pk}/file/").status_code == 404


def test_a_file_that_is_gone_is_not_found(client, study, large):
    client.post(FILES, {"layout": "comparisons"})
    export = Export.objects.get()
    jobs.run(export.pk, timezone.now())
    jobs.path(export).unlink()
    assert client.get(f"{FILES}{export.pk}/file/").status_code == 404


def test_a_wrong_choice_is_said_beside_its_field(client, study):
    page = text_of(client.post(FILES, {"layout": "comparisons", "format": "json"}))
    assert "is not written as json" in page


def test_simulated_votes_are_refused_until_they_are_asked_for_by_name(client, study):
    Rater.objects.update(simulated=True)
    assert "has simulated comparisons" in text_of(client.post(FILES, {"layout": "comparisons"}))
    rows = client.post(FILES, {"layout": "comparisons", "simulated": "on"}).getvalue().decode().splitlines()
    assert rows[0].endswith(",simulated")
    assert all(row.endswith(",true") for row in rows[1:])


@pytest.fixture
def exported(client, study, large):
    """An export of texts by the owner, with its file."""
    client.post(FILES, {"layout": "full"})
    export = Export.objects.get()
    jobs.run(export.pk, timezone.now())
    return export


def test_a_colleague_may_fetch_it_and_an_outsider_may_not(exported, as_user, colleague, outsider):
    for part in ("", "file/"):
        assert as_user(colleague).get(f"{FILES}{exported.pk}/{part}").status_code == 200
        assert as_user(outsider).get(f"{FILES}{exported.pk}/{part}").status_code == 404


def test_an_export_of_another_study_cannot_be_reached_through_one_s_own(exported, as_user, outsider):
    study_of(outsider, slug="theirs")
    client = as_user(outsider)
    assert client.get(f"/studies/theirs/export/files/{exported.pk}/").status_code == 404
    assert client.get(f"/studies/theirs/export/files/{exported.pk}/file/").status_code == 404
    assert Program(outsider).get(f"studies/theirs/exports/{exported.pk}/file/").status_code == 404


def test_who_may_no_longer_read_the_prompt_set_does_not_get_its_texts(exported, as_user, colleague, outsider):
    study = Study.objects.get(slug="haiku")
    study.prompt_set.owner = outsider
    study.prompt_set.save()
    for part in ("", "file/"):
        assert as_user(colleague).get(f"{FILES}{exported.pk}/{part}").status_code == 403
    assert Program(colleague).get(f"studies/haiku/exports/{exported.pk}/file/").status_code == 403
    assert b'value="full"' not in as_user(colleague).get(PAGE).content
    # Choosing it all the same is no way either.
    assert "Select a valid choice" in text_of(as_user(colleague).post(FILES, {"layout": "full"}))


def test_a_program_gets_a_small_file_with_its_first_request(owner, study):
    program = Program(owner)
    made = program.post("studies/haiku/exports/", layout="comparisons", format="csv")
    assert made.status_code == 201
    row = made.json()
    assert (row["state"], row["total"], row["done"], row["user"]) == ("ready", 3, 3, owner.get_username())
    file = program.client.get(row["file"], headers=program.headers)
    assert len(file.getvalue().splitlines()) == 4
    assert program.get("studies/haiku/exports/").json()["results"][0]["sha256"] == row["sha256"]


def test_a_program_waits_for_a_large_one(owner, study, large):
    program = Program(owner)
    row = program.post("studies/haiku/exports/", filters={}).status_code
    assert row == 400, "an unknown field is refused"
    row = program.post("studies/haiku/exports/").json()
    assert (row["state"], row["file"]) == ("waiting", None)
    assert program.get(f"studies/haiku/exports/{row['id']}/file/").status_code == 404
    jobs.run(row["id"], timezone.now())
    assert program.get(f"studies/haiku/exports/{row['id']}/").json()["state"] == "ready"
    assert program.post(f"studies/haiku/exports/{row['id']}/cancel/").json()["state"] == "ready"


def test_a_program_is_told_what_is_wrong(owner, study):
    program = Program(owner)
    assert "no layout" in str(program.post("studies/haiku/exports/", layout="nothing").json())
    assert program.post("studies/haiku/exports/", raters="nobody").status_code == 409
    assert not Export.objects.exists()
