"""The Django admin: every table can be viewed, and answers cannot be changed."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.models import Assignment, Comparison, Prompt, Report, TrainingAnswer, Upload
from annotation.models.voting import Stage
from annotation.voting import training
from tests.annotation.study_pages import give_votes, study_of
from tests.builders import NOW, add_golden_pairs, build_worker, rng

pytestmark = pytest.mark.django_db

GIVEN = [Comparison, Assignment, TrainingAnswer]
MODELS = list(apps.get_app_config("annotation").get_models())


@pytest.fixture
def client(administrator, as_user):
    return as_user(administrator)


@pytest.fixture
def study(owner):
    """A study with a row in every table."""
    study = study_of(owner, prompts=6, models=4)
    worker = give_votes(study, 3, "PAT-1")
    add_golden_pairs(study, ["x", "y", "tie", "x"])
    training.current(build_worker(study, stage=Stage.TRAINING), NOW, rng())
    Report.objects.create(study=study, pair=study.pairs.all()[0], worker=worker, kind="other")
    Upload.objects.create(study=study)
    return study


def path(model, rest=""):
    return f"/admin/annotation/{model._meta.model_name}/{rest}"


def test_every_model_is_registered():
    assert [model.__name__ for model in MODELS if model not in admin.site._registry] == []


def test_every_table_is_listed_and_searched(client, study):
    answers = {
        model.__name__: [client.get(path(model)).status_code, client.get(path(model), {"q": "1"}).status_code]
        for model in MODELS
    }
    assert answers == {model.__name__: [200, 200] for model in MODELS}


def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(client, study):
    few = {model.__name__: queries(client, model) for model in MODELS}
    give_votes(study, 8, "PAT-2")
    many = {model.__name__: queries(client, model) for model in MODELS}
    assert {name: number for name, number in many.items() if number > few[name]} == {}


def queries(client, model):
    with CaptureQueriesContext(connection) as asked:
        client.get(path(model))
    return len(asked)


@pytest.mark.parametrize("model", GIVEN)
def test_what_people_gave_is_read_only(client, study, model):
    row = model.objects.all()[0]
    before = model.objects.values().get(pk=row.pk)
    assert client.get(path(model, "add/")).status_code == 403
    assert client.post(path(model, "add/"), {}).status_code == 403
    assert client.get(path(model, f"{row.pk}/change/")).status_code == 200
    assert client.post(path(model, f"{row.pk}/change/"), {"winner": "y", "left": "y"}).status_code == 403
    assert client.post(path(model, f"{row.pk}/delete/"), {"post": "yes"}).status_code == 403
    client.post(path(model), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"})
    assert model.objects.values().get(pk=row.pk) == before


def test_a_study_cannot_be_deleted_past_its_own_rules(client, study):
    assert client.post(path(type(study), f"{study.pk}/delete/"), {"post": "yes"}).status_code == 403


def test_a_prompt_s_description_can_be_corrected_and_its_text_cannot(client, study):
    prompt = Prompt.objects.all()[0]
    fields = {
        "lang": "ja",
        "type": "prose",
        "slug": "haiku",
        "stop": "",
        "note": "",
        "references": "[]",
        "text": "Other",
    }
    assert client.post(path(Prompt, f"{prompt.pk}/change/"), fields).status_code == 302
    changed = Prompt.objects.get(pk=prompt.pk)
    assert (changed.lang, changed.text) == ("ja", prompt.text)


def test_every_page_of_the_admin_has_our_icon(administrator, as_user):
    assert b"img/favicon" in as_user(administrator).get("/admin/").content
