"""Judges, runs, calls and costs in the API."""

import json
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from annotation.models import Study
from judges.judging.planning import Plan
from judges.models import Judge, JudgeCall, JudgeReply, JudgeRun
from tests.annotation.study_pages import study_of
from tests.judges.conftest import make_judge, run_judge
from tests.site.api import Program

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "sk-unmistakable-secret"


@pytest.fixture
def study(owner, colleague):
    return study_of(owner, colleague, prompts=2)


@pytest.fixture
def program(owner):
    return Program(owner)


@pytest.fixture
def judge(stand_in, monkeypatch):
    monkeypatch.setenv("STAND_IN_API_KEY", KEY)
    return make_judge(
        stand_in(lasting=0.3, key=KEY).url,
        key_source="STAND_IN_API_KEY",
        price_in=Decimal(2),
        price_out=Decimal(8),
        budget=10**9,
    )


def test_states_and_money_of_a_run_add_up(study, judge, program):
    run = run_judge(study, judge)
    (row,) = program.rows(f"studies/{study.slug}/judge-runs/")
    told = program.get(f"studies/{study.slug}/judge-runs/{run.pk}/").json()
    assert row == {name: value for name, value in told.items() if name != "progress"}
    assert (row["judge"], row["state"], row["planned"]) == ("stand-in", "done", 12)
    calls = program.rows(f"studies/{study.slug}/judge-runs/{run.pk}/calls/", page_size=5)
    assert len(calls) == 12
    for state, number in told["progress"]["states"].items():
        assert number == sum(call["state"] == state for call in calls), state
    (known,) = program.rows("judges/")
    replies = [
        reply
        for call in calls
        for reply in program.get(f"studies/{study.slug}/judge-calls/{call['number']}/").json()["replies"]
    ]
    assert Decimal(row["cost"]) == sum(Decimal(reply["cost"]) for reply in replies) == Decimal(known["spent"]) > 0
    assert (known["reserved"], known["budget"]) == ("0.000000000", "1.000000000")


def test_a_call_has_all_that_was_sent_and_all_that_came_back(study, judge, program):
    run = run_judge(study, judge, Plan(limit=1))
    for call in JudgeCall.objects.filter(run=run):
        told = program.get(f"studies/{study.slug}/judge-calls/{call.pk}/").json()
        reply = JudgeReply.objects.get(call=call)
        (given,) = told["replies"]
        assert given["request"] == json.loads(reply.request)
        assert given["raw"] == reply.raw
        assert told["pair"] == call.pair.number
        assert told["verdict"] == given["verdicts"][0]
        assert told["verdict"]["state"] == told["state"] == call.state


def test_calls_are_found_by_their_state(study, judge, program):
    run = run_judge(study, judge)
    path = f"studies/{study.slug}/judge-runs/{run.pk}/calls/"
    ok = program.rows(path, state="ok")
    assert ok == [call for call in program.rows(path) if call["state"] == "ok"]
    assert 0 < len(ok) < 12
    assert program.get(path, state="splendid").status_code == 400


def test_keys_are_nowhere_and_endpoints_are_for_those_who_may_add_judges(study, judge, owner, administrator):
    run = run_judge(study, judge, Plan(limit=2))
    call = JudgeCall.objects.filter(run=run)[0].pk
    paths = ["judges/", f"judges/{judge.pk}/"]
    paths += [
        f"studies/{study.slug}/{what}" for what in ("judge-runs/", f"judge-runs/{run.pk}/", f"judge-calls/{call}/")
    ]
    for user in (owner, administrator):
        for path in paths:
            text = Program(user).get(path).content.decode()
            assert KEY not in text
            assert "STAND_IN_API_KEY" not in text
    assert Program(owner).get(paths[1]).json()["versions"][0]["endpoint"] is None
    assert Program(administrator).get(paths[1]).json()["versions"][0]["endpoint"] == judge.current.endpoint
    owner.user_permissions.add(Permission.objects.get(codename="add_judge"))
    assert Program(owner).get(paths[1]).json()["versions"][0]["endpoint"] == judge.current.endpoint


def test_a_run_is_started_paused_resumed_and_cancelled(study, judge, program, owner):
    path = f"studies/{study.slug}/judge-runs/"
    response = program.post(path, judge="stand-in", limit=2, orders="one")
    assert response.status_code == 201
    run = JudgeRun.objects.get()
    assert response.headers["Location"] == f"/api/{path}{run.pk}/"
    assert (run.user, run.options["limit"], run.options["orders"]) == (owner, 2, "one")
    assert response.json()["state"] == "waiting"
    for change, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        assert program.post(f"{path}{run.pk}/{change}/").json()["state"] == state
        run.refresh_from_db()
        assert run.state == state


def test_what_is_not_possible_as_things_stand_is_a_conflict_with_its_reason(study, judge, program, monkeypatch):
    path = f"studies/{study.slug}/judge-runs/"
    assert program.post(path, judge="stand-in").status_code == 201
    again = program.post(path, judge="stand-in")
    assert (again.status_code, again.headers["Content-Type"]) == (409, "application/problem+json")
    assert "already running on this study" in again.json()["detail"]
    run = JudgeRun.objects.get()
    assert program.post(f"{path}{run.pk}/resume/").status_code == 409
    program.post(f"{path}{run.pk}/cancel/")
    assert program.post(f"{path}{run.pk}/cancel/").status_code == 409
    monkeypatch.delenv("STAND_IN_API_KEY")
    refused = program.post(path, judge="stand-in")
    assert refused.status_code == 409
    assert JudgeRun.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "body.judge"),
        ({"judge": "nobody"}, "body.judge"),
        ({"judge": "a\0b"}, "body.judge"),
        ({"judge": "\ud800"}, "body.judge"),
        ({"judge": "stand-in", "limit": 0}, "body.limit"),
        ({"judge": "stand-in", "limit": 2**40}, "body.limit"),
        ({"judge": "stand-in", "orders": "sideways"}, "body.orders"),
        ({"judge": "stand-in", "baseline": "no model of the study"}, "body.baseline"),
        ({"judge": "stand-in", "limmit": 3}, "body.limmit"),
        ({"judge": "stand-in", "format": "json"}, "body.format"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_with_the_place(study, judge, program, body, place):
    response = program.post(f"studies/{study.slug}/judge-runs/", **body)
    assert response.status_code == 400
    assert [fault["place"] for fault in response.json()["errors"]] == [place]
    assert not JudgeRun.objects.exists()


@pytest.mark.parametrize("change", ["pause", "resume", "cancel"])
def test_a_change_takes_no_fields(study, judge, program, change):
    path = f"studies/{study.slug}/judge-runs/"
    program.post(path, judge="stand-in")
    run = JudgeRun.objects.get()
    response = program.post(f"{path}{run.pk}/{change}/", force=True)
    assert (response.status_code, [fault["place"] for fault in response.json()["errors"]]) == (400, ["body.force"])
    assert JudgeRun.objects.get().state == run.state


@pytest.mark.parametrize("body", ["", "{", "[]", '"stand-in"', "null", '{"judge": NaN}', "\ufeff{}"])
def test_a_body_that_is_no_object_is_refused(study, judge, program, body):
    response = program.client.post(
        f"/api/studies/{study.slug}/judge-runs/", body, content_type="application/json", headers=program.headers
    )
    assert response.status_code == 400
    assert response.json()["detail"]


def test_runs_are_changed_by_those_who_run_the_study_alone(study, judge, outsider, colleague):
    path = f"studies/{study.slug}/judge-runs/"
    run = JudgeRun.objects.get(pk=Program(colleague).post(path, judge="stand-in").json()["number"])
    Study.objects.update(public=True)
    for program, code in ((Program(), 401), (Program(outsider), 404)):
        assert program.post(path, judge="stand-in").status_code == code
        for change in ("pause", "resume", "cancel"):
            assert program.post(f"{path}{run.pk}/{change}/").status_code == code
        assert program.get(f"{path}{run.pk}/").status_code == code
    run.refresh_from_db()
    assert run.state == "waiting"
    assert JudgeRun.objects.count() == 1


def test_rows_of_another_study_cannot_be_reached_by_their_number(study, judge, program, owner):
    other = study_of(owner, slug="other", prompts=1)
    run = run_judge(other, judge, Plan(limit=1))
    call = JudgeCall.objects.filter(run=run)[0].pk
    assert program.get(f"studies/other/judge-calls/{call}/").status_code == 200
    for path in (f"judge-runs/{run.pk}/", f"judge-runs/{run.pk}/calls/", f"judge-calls/{call}/"):
        assert program.get(f"studies/{study.slug}/{path}").status_code == 404
    assert program.post(f"studies/{study.slug}/judge-runs/{run.pk}/cancel/").status_code == 404


def test_a_session_changes_runs_only_with_its_csrf_token(study, judge, owner):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    path = f"/api/studies/{study.slug}/judge-runs/"
    refused = browser.post(path, {"judge": "stand-in"}, content_type="application/json")
    assert refused.status_code == 403
    browser.get("/judges/")
    browser.get(f"/studies/{study.slug}/judges/")
    token = browser.cookies["csrftoken"].value
    sent = browser.post(path, {"judge": "stand-in"}, content_type="application/json", headers={"X-CSRFToken": token})
    assert sent.status_code == 201


def test_numbers_beyond_any_database_are_no_rows(study, program):
    beyond = "9" * 25
    for path in (f"judges/{beyond}/", f"studies/{study.slug}/judge-runs/{beyond}/"):
        assert program.get(path).status_code == 404
    for path in (f"judge-calls/{beyond}/", f"leaderboards/{beyond}/"):
        assert program.get(f"studies/{study.slug}/{path}").status_code == 404
    assert Judge.objects.count() == 0
