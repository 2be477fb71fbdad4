"""The Django admin: tables of judges, boards and tokens can be viewed but not changed."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext

from judges.judging.planning import Plan
from judges.models import JudgeCall, JudgeRun, StoredKey
from llmfao_site.api.tokens import make_token
from llmfao_site.models import ApiToken, LastBeat
from ranking.boards import snapshots
from tests.annotation.study_pages import give_votes, study_of
from tests.builders import NOW
from tests.judges.conftest import make_judge, run_judge

pytestmark = pytest.mark.django_db(transaction=True)

HIDDEN = {StoredKey, LastBeat}
"""Keys stand on no page, encrypted or not; when the schedule last ran is told by /readyz."""

MODELS = [
    model
    for app in ("judges", "ranking", "site")
    for model in apps.get_app_config(app).get_models()
    if model not in HIDDEN
]


@pytest.fixture
def client(administrator, as_user):
    return as_user(administrator)


@pytest.fixture
def filled(owner, stand_in, monkeypatch):
    monkeypatch.setenv("STAND_IN_API_KEY", "sk-unmistakable-secret")
    study = study_of(owner, prompts=2)
    give_votes(study, 2)
    run_judge(study, make_judge(stand_in().url, key_source="STAND_IN_API_KEY"), Plan(limit=2))
    for board in snapshots.recompute_changed(NOW):
        snapshots.fill(board, NOW)
    make_token(owner)


def path(model, rest=""):
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/{rest}"


def test_every_table_is_registered():
    assert [model.__name__ for model in MODELS if not admin.site.is_registered(model)] == []
    assert not any(admin.site.is_registered(model) for model in HIDDEN)


def test_every_table_is_listed_and_searched_and_every_row_shown(client, filled):
    for model in MODELS:
        pages = [path(model), path(model) + "?q=1"]
        if (row := model.objects.first()) is not None:
            pages.append(path(model, f"{row.pk}/change/"))
        for page in pages:
            response = client.get(page)
            assert response.status_code == 200, page
            assert "sk-unmistakable-secret" not in response.content.decode(), page


def test_nothing_is_added_changed_or_deleted(client, filled):
    for model in MODELS:
        assert client.get(path(model, "add/")).status_code == 403, model
        row = model.objects.first()
        if row is None:
            continue
        before = list(model.objects.order_by("pk").values())
        assert client.post(path(model, f"{row.pk}/change/"), {"state": "done", "name": "x"}).status_code == 403, model
        if model is not ApiToken:
            assert client.post(path(model, f"{row.pk}/delete/"), {"post": "yes"}).status_code == 403, model
            client.post(path(model), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
        assert list(model.objects.order_by("pk").values()) == before


def test_a_token_can_be_taken_away_and_not_read(client, filled):
    token = ApiToken.objects.get()
    shown = client.get(path(ApiToken, f"{token.pk}/change/")).content.decode()
    assert token.digest not in shown
    client.post(path(ApiToken, f"{token.pk}/delete/"), {"post": "yes"})
    assert not ApiToken.objects.exists()


def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(client, filled, stand_in):
    few = {model: queries(client, model) for model in MODELS}
    run = JudgeRun.objects.get()
    run_judge(run.study, make_judge(stand_in().url, "another"))
    many = {model: queries(client, model) for model in MODELS}
    assert JudgeCall.objects.count() > 12
    assert {model.__name__: (few[model], many[model]) for model in MODELS if many[model] > few[model]} == {}


def queries(client, model):
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path(model)).status_code == 200
    return len(asked)
