"""The API conforms to its schema for any request, and the reference is complete."""

import re

import pytest
import schemathesis
from django.core.cache import caches
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from django.urls import get_resolver
from hypothesis import HealthCheck
from hypothesis import settings as limits
from schemathesis.specs.openapi.checks import positive_data_acceptance

from annotation.models import Export, Rater, Study, Upload, UploadState
from judges.models import (
    AnswerCall,
    AnswerReply,
    AnswerRun,
    AnswerSource,
    BenchmarkRun,
    JudgeCall,
    JudgeRun,
    Panel,
    PanelMember,
    PreferenceSet,
    Schedule,
)
from llmfao_site.api import reference
from llmfao_site.wsgi import application
from ranking.boards import snapshots
from ranking.models import Leaderboard
from tests.annotation.study_pages import give_votes, study_of
from tests.builders import NOW
from tests.built_once import built_once
from tests.judges.conftest import make_judge
from tests.site.api import Program
from tests.site.test_docs import addresses

SCHEMA = schemathesis.openapi.from_dict(reference.schema())
SCHEMA.app = application


@pytest.fixture
@built_once
def rows(db, owner):
    """Creates a study of `owner` with rows for every URL; returns the URL parameters."""
    study = study_of(owner, prompts=2)
    give_votes(study, 3)
    for board in snapshots.recompute_changed(NOW):
        snapshots.fill(board, NOW)
    version = make_judge("http://127.0.0.1:9/v1").current
    run = JudgeRun.objects.create(study=study, version=version, created_at=NOW, state="paused")
    calls = [JudgeCall(run=run, version=version, pair=pair, left="x") for pair in study.pairs.all()]
    call = JudgeCall.objects.bulk_create(calls)[0]
    turns = [asked_of(model, study) for model in study.prompt_set.models.all()]
    panels = [panel_of(study, f"panel-{number}") for number in range(2)]
    benchmarks = [benchmark_of(version) for _number in range(2)]
    Schedule.objects.create(study=study, judge=version.judge, user=owner, every=1, next_at=NOW, created_at=NOW)
    return {
        "slug": study.slug,
        "judges": version.judge_id,
        "judge-runs": run.pk,
        "judge-calls": call.pk,
        "leaderboards": Leaderboard.objects.filter(method="bradley-terry")[0].pk,
        "panels": panels[0].pk,
        "answer-runs": turns[0].run_id,
        "answer-calls": turns[0].pk,
        "benchmarks": benchmarks[0].pk,
        "exports": Export.objects.create(study=study, user=owner, layout="comparisons", format="csv", file_name="x").pk,
        "uploads": Upload.objects.create(study=study, state=UploadState.STORED).pk,
    }


def asked_of(model, study):
    """Creates the first of two turns of `model`, in its own run."""
    source = AnswerSource.objects.create(model=model, endpoint="http://127.0.0.1:9/v1", api_id="x")
    run = AnswerRun.objects.create(study=study, source=source, user=study.owner, created_at=NOW, state="done")
    turns = [AnswerCall(run=run, source=source, prompt=prompt, state="ok") for prompt in study.prompt_set.prompts.all()]
    for turn in AnswerCall.objects.bulk_create(turns):
        turn.answer = AnswerReply.objects.create(call=turn, state="ok", request="{}", text="So.", received_at=NOW)
        turn.result = model.results.get(prompt=turn.prompt)
        turn.save()
    return turns[0]


def panel_of(study, name):
    raters = [
        Rater.objects.create(study=study, kind="judge", name=f"{name}{end}", derived=not end) for end in ("", "a", "b")
    ]
    panel = Panel.objects.create(study=study, rater=raters[0], user=study.owner, created_at=NOW)
    PanelMember.objects.bulk_create(
        PanelMember(panel=panel, rater=rater, place=place) for place, rater in enumerate(raters[1:])
    )
    return panel


def benchmark_of(version):
    run = BenchmarkRun.objects.create(version=version, created_at=NOW, state="done")
    run.sets.set([PreferenceSet.objects.get_or_create(name="known", sha256="0" * 64)[0]])
    return run


def numbered(path, rows):
    """Returns the names of the numbers in `path` with the kind of row they identify."""
    return {place: rows[kind] for kind, place in re.findall(r"([\w-]+)/{(number|run)}", path)}


@pytest.fixture
def connection_kept():
    """Keeps the test's connection open after WSGI requests, as Django's test client does."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@SCHEMA.parametrize()
@limits(max_examples=12, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_schema_knows(case, rows, owner, connection_kept):
    """Requests every URL of an existing study as its owner, with generated parameters and bodies."""
    caches["api"].clear()
    if "slug" in case.path_parameters:
        case.path_parameters["slug"] = rows["slug"]
    for place, row in numbered(case.path, rows).items():
        number = case.path_parameters.get(place)
        # One in four numbers identifies no row.
        if isinstance(number, int) and number % 4:
            case.path_parameters[place] = row
    headers = {**Program(owner).headers, **(case.headers or {})}
    # A valid request that is not possible in the current state is refused with a reason.
    case.call_and_validate(headers=headers, excluded_checks=[positive_data_acceptance])


def test_the_schema_and_the_page_know_every_address_that_there_is():
    routes = {address for address in addresses(get_resolver().url_patterns) if address.startswith("/api/")}
    pages = {"/api/", "/api/schema/", "/api/token/", "/api/token/revoke/"}
    told = {re.sub(r"{(\w+)}", lambda found: found[1].upper(), path) for path in reference.schema()["paths"]}
    assert told == routes - pages
    shown = Client().get("/api/").content.decode()
    for tag, operations in reference.operations():
        assert f'id="part-{tag}"' in shown
        for operation in operations:
            assert operation.summary
            assert f"<b>{operation.method}</b> <code>{operation.path}</code>" in shown
            # A file has no fields.
            told = operation.row or operation.name == "export-file"
            assert told, f"{operation.name} says nothing of what comes back"
            for field in (*operation.parameters, *operation.body, *operation.row):
                assert f"<code>{field.name}</code>" in shown


def test_what_comes_back_is_told_whole_and_in_words():
    rows = {
        operation.name: {field.name: field.kind for field in operation.row}
        for _tag, operations in reference.operations()
        for operation in operations
    }
    assert {"number", "progress.states", "accuracy.right"} <= rows["judge-benchmark"].keys()
    assert rows["answer-run"]["started_at"] == "time or null"
    assert rows["answer-call"]["replies.http_status"] == "whole number or null"
    assert not [(name, kind) for name, row in rows.items() for kind in row.values() if "[" in kind]


def test_names_of_operations_are_unique():
    names = [operation.name for _tag, operations in reference.operations() for operation in operations]
    assert len(names) == len(set(names)) > 20


@pytest.mark.django_db
@pytest.mark.parametrize(("query", "kind"), [("", "vnd.oai.openapi"), ("?format=json", "json")])
def test_the_schema_is_served(query, kind):
    response = Client().get(f"/api/schema/{query}")
    assert response.status_code == 200
    assert kind in response.headers["Content-Type"]
    assert "/api/studies/{slug}/comparisons/" in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/nothing/", "/api/studies/haiku/nothing/", "/api/judges/x/"])
def test_an_address_that_is_none_is_a_problem_and_no_page(path):
    response = Client().get(path)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["detail"]


@pytest.mark.django_db
def test_a_browser_that_asks_for_a_page_is_told_that_there_is_json_alone():
    response = Client().get("/api/studies/", headers={"Accept": "text/html"})
    assert response.status_code == 406
    assert response.json()["status"] == 406


LISTS = [
    operation.path
    for _tag, operations in reference.operations()
    for operation in operations
    if any(field.name == "page_size" for field in operation.parameters)
]


@pytest.mark.parametrize("path", LISTS)
def test_a_page_asks_the_database_as_often_whatever_its_size(path, rows, owner, django_assert_max_num_queries):
    study = Study.objects.get(slug=rows["slug"])
    for number in range(3):
        study_of(owner, slug=f"more-{number}", prompts=1)
        judge = make_judge("http://127.0.0.1:9/v1", f"judge-{number}")
        Schedule.objects.create(study=study, judge=judge, user=owner, every=1, next_at=NOW, created_at=NOW)
    program = Program(owner)
    path = path.removeprefix("/api/").format(slug=rows["slug"], **numbered(path, rows))
    for query in ({}, {"full": "true"}) if path.endswith("comparisons/") else ({},):
        asked = []
        for size in (1, 1000):
            with django_assert_max_num_queries(20) as captured:
                response = program.get(path, page_size=size, **query)
            assert response.status_code == 200
            asked.append(len(captured))
        assert asked[0] == asked[1], [query["sql"] for query in captured]
