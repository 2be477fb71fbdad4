"""An ended study can be hidden and shown again, and deleted by whoever types its name."""

import pytest

from annotation.models import Comparison, Pair, Result, Status, Study, Upload, UploadState, Worker
from tests.annotation.study_pages import give_votes, study_of, text_of

pytestmark = pytest.mark.django_db

NAME = "The haiku study"


@pytest.fixture
def study(owner, colleague):
    return study_of(owner, colleague)


@pytest.fixture
def client(owner, as_user):
    return as_user(owner)


def close(study):
    Study.objects.filter(pk=study.pk).update(status=Status.CLOSED)


def test_a_hidden_study_is_in_no_list_and_read_only_until_it_is_shown_again(client, study):
    give_votes(study, 2)
    Study.objects.update(public=True)
    close(study)
    client.post("/studies/haiku/hide/")
    assert NAME not in text_of(client.get("/studies/"))
    assert "1 hidden study" in text_of(client.get("/studies/"))
    assert NAME in text_of(client.get("/studies/?hidden=1"))
    assert NAME not in text_of(client.get("/"))
    page = text_of(client.get("/studies/haiku/"))
    assert "This study is hidden" in page
    refused = text_of(client.post("/studies/haiku/settings/votes/", {"overlap": 9}, follow=True))
    assert "cannot be changed" in refused
    client.post("/studies/haiku/start/")
    study.refresh_from_db()
    assert (study.overlap != 9, study.status) == (True, Status.CLOSED)
    client.post("/studies/haiku/hide/", {"again": 1})
    assert NAME in text_of(client.get("/studies/"))


def test_a_study_that_people_take_part_in_is_not_hidden(client, study):
    assert "Close it first." in text_of(client.post("/studies/haiku/hide/", follow=True))
    study.refresh_from_db()
    assert study.hidden_at is None


def test_a_colleague_neither_hides_nor_deletes(study, colleague, as_user):
    close(study)
    client = as_user(colleague)
    assert client.post("/studies/haiku/hide/").status_code == 403
    assert client.post("/studies/haiku/delete/", {"name": NAME}).status_code == 403
    assert Study.objects.filter(hidden_at=None).exists()


def test_a_started_study_is_deleted_once_its_name_is_typed(client, study):
    give_votes(study, 3)
    upload = Upload.objects.create(study=study, state=UploadState.STORED)
    close(study)
    page = text_of(client.get("/studies/haiku/delete/"))
    for told in ("3 comparisons", "1 worker", "is kept", "budgets"):
        assert told in page, told
    assert "optional" not in page
    assert "This field is required" in text_of(client.post("/studies/haiku/delete/", {"name": ""}))
    for wrong in ("haiku", "the haiku study"):
        assert "is not the study’s name" in text_of(client.post("/studies/haiku/delete/", {"name": wrong}, follow=True))
        assert Study.objects.exists()
    results = Result.objects.count()
    client.post("/studies/haiku/delete/", {"name": f" {NAME} "})
    assert not Study.objects.exists()
    assert not any(model.objects.exists() for model in (Comparison, Worker, Pair))
    assert Result.objects.count() == results, "the prompt set is kept"
    upload.refresh_from_db()
    assert upload.study is None
