"""Runs of answers, benchmarks, panels, schedules and probes in the API."""

import json
from decimal import Decimal

import pytest

from annotation.models import Study
from judges import problems
from judges.answers.planning import AnswerPlan
from judges.judging import schedules
from judges.models import AnswerCall, AnswerReply, AnswerRun, JudgeRun, ScheduleKind
from judges.panels import panels
from tests.annotation.study_pages import study_of
from tests.builders import NOW
from tests.judges import answering
from tests.judges.benchmarks.test_judge_benchmark import LONGER, write
from tests.judges.benchmarks.test_judge_benchmark import run as benchmark
from tests.judges.conftest import make_judge
from tests.judges.panels.test_panels import add_judge, panel_of
from tests.site.api import Program

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "sk-unmistakable-secret"


@pytest.fixture
def talks(owner):
    return answering.talking_study(slug="talks", owner=owner)


@pytest.fixture
def program(owner):
    return Program(owner)


@pytest.fixture
def asked(talks, stand_in, monkeypatch):
    monkeypatch.setenv("STAND_IN_API_KEY", KEY)
    return answering.source(
        talks,
        stand_in(key=KEY).url,
        key_source="STAND_IN_API_KEY",
        price_in=Decimal(2),
        price_out=Decimal(8),
    )


def test_states_and_money_of_a_run_of_answers_add_up(talks, asked, program):
    run = answering.ask(talks, asked)
    (row,) = program.rows("studies/talks/answer-runs/")
    told = program.get(f"studies/talks/answer-runs/{run.pk}/").json()
    assert row == {name: value for name, value in told.items() if name != "progress"}
    assert (row["model"], row["name"], row["state"], row["planned"]) == (
        asked.model.number,
        answering.NEW,
        "done",
        6,
    )
    calls = program.rows(f"studies/talks/answer-runs/{run.pk}/calls/", page_size=4)
    assert len(calls) == 6
    for state, number in told["progress"]["states"].items():
        assert number == sum(call["state"] == state for call in calls), state
    replies = [
        reply
        for call in calls
        for reply in program.get(f"studies/talks/answer-calls/{call['number']}/").json()["replies"]
    ]
    asked.refresh_from_db()
    assert Decimal(row["cost"]) == sum(Decimal(reply["cost"]) for reply in replies) > 0
    assert Decimal(row["cost"]) == Decimal(asked.spent) / 10**9


def test_a_turn_has_all_that_was_sent_and_came_back_and_what_became_of_it(talks, asked, program):
    run = answering.ask(talks, asked)
    for call in AnswerCall.objects.filter(run=run).select_related("prompt", "result"):
        told = program.get(f"studies/talks/answer-calls/{call.pk}/").json()
        reply = AnswerReply.objects.get(call=call)
        (given,) = told["replies"]
        assert (told["prompt"], told["turn"], told["run"]) == (call.prompt.number, call.turn, run.pk)
        assert told["result"] == call.result.number
        assert given["request"] == json.loads(reply.request)
        assert (given["raw"], given["text"], given["counts"]) == (reply.raw, reply.text, True)
        assert given["state"] == told["state"] == "ok"


def test_turns_are_found_by_their_state(talks, asked, program):
    run = answering.ask(talks, asked)
    first, *others = AnswerCall.objects.filter(run=run)
    AnswerCall.objects.filter(pk=first.pk).update(state="refused")
    path = f"studies/talks/answer-runs/{run.pk}/calls/"
    assert [call["number"] for call in program.rows(path, state="refused")] == [first.pk]
    assert [call["number"] for call in program.rows(path, state="ok")] == [call.pk for call in others]
    assert program.get(path, state="unreadable").status_code == 400


def test_neither_keys_nor_endpoints_of_models_are_told(talks, asked, program):
    run = answering.ask(talks, asked, AnswerPlan(limit=1))
    call = AnswerCall.objects.filter(run=run)[0].pk
    for path in ("answer-runs/", f"answer-runs/{run.pk}/", f"answer-runs/{run.pk}/calls/", f"answer-calls/{call}/"):
        text = program.get(f"studies/talks/{path}").content.decode()
        for secret in (KEY, "STAND_IN_API_KEY", asked.endpoint):
            assert secret not in text


def test_what_is_said_of_answers_panels_and_schedules_is_for_those_who_run_the_study(
    talks, asked, program, outsider, owner
):
    study_of(owner, slug="other", prompts=1)
    run = answering.ask(talks, asked, AnswerPlan(limit=1))
    call = AnswerCall.objects.filter(run=run)[0].pk
    panel = panels_of(talks)
    below_one = [
        f"answer-runs/{run.pk}/",
        f"answer-runs/{run.pk}/calls/",
        f"answer-calls/{call}/",
        f"panels/{panel.pk}/",
    ]
    Study.objects.update(public=True, status="closed")
    for path in [*below_one, "answer-runs/", "panels/", "judge-schedules/"]:
        assert Program().get(f"studies/talks/{path}").status_code == 401
        assert Program(outsider).get(f"studies/talks/{path}").status_code == 404
        assert program.get(f"studies/talks/{path}").status_code == 200
    for path in below_one:
        assert program.get(f"studies/other/{path}").status_code == 404
    for path in ("answer-runs/", "panels/", "judge-schedules/"):
        assert program.get(f"studies/other/{path}").json()["results"] == []


def test_nothing_of_it_is_changed_by_a_program(talks, asked, program):
    run = answering.ask(talks, asked, AnswerPlan(limit=1))
    panel = panels_of(talks)
    before = AnswerRun.objects.values().get()
    for path in ("answer-runs/", f"answer-runs/{run.pk}/", "panels/", f"panels/{panel.pk}/", "judge-schedules/"):
        assert program.post(f"studies/talks/{path}").status_code == 405
    assert AnswerRun.objects.values().get() == before


def panels_of(study):
    add_judge(study, "ann", "xxyt")
    add_judge(study, "bob", "xyy-")
    return panel_of(study, "ann", "bob")


def test_a_panel_has_its_rules_its_members_and_how_its_decisions_came_out(talks, program, owner):
    panel = panels_of(talks)
    (row,) = program.rows("studies/talks/panels/")
    assert row == program.get(f"studies/talks/panels/{panel.pk}/").json()
    assert (row["rater"], row["rule"], row["splits"], row["by"]) == ("panel", "majority", "tie", None)
    assert [(member["rater"], member["said"]["x"]) for member in row["members"]] == [("ann", 2), ("bob", 1)]
    assert sum(row["decisions"].values()) == panel.decisions.in_force().count()
    for state, number in row["decisions"].items():
        assert number == panel.decisions.in_force().filter(state=state).count(), state
    assert row["decisions"]["tie"] > 0
    panels.end(panel, NOW)
    assert program.get(f"studies/talks/panels/{panel.pk}/").json()["ended_at"]


def test_a_panel_that_was_not_counted_yet_has_no_decisions(talks, program, owner):
    add_judge(talks, "ann")
    add_judge(talks, "bob")
    panels.create(talks, "panel", panels.PanelSpec(["ann", "bob"]), NOW, user=owner)
    (row,) = program.rows("studies/talks/panels/")
    assert set(row["decisions"].values()) == {0}
    assert [member["said"] for member in row["members"]] == [{}, {}]
    assert (row["computed_at"], row["by"]) == (None, owner.get_username())


def test_a_schedule_says_when_it_is_next_and_why_it_was_left_out(talks, program, owner):
    judge = make_judge("http://127.0.0.1:9/v1")
    schedule = schedules.set_every(talks, judge, ScheduleKind.NEW, 6, NOW, user=owner)
    Study.objects.update(status="paused")
    assert schedules.keep(NOW) == []
    (row,) = program.rows("studies/talks/judge-schedules/")
    assert (row["number"], row["judge"], row["kind"], row["every"]) == (schedule.pk, judge.name, "new", 6)
    assert row["problem"] == str(problems.STUDY_RESTS())
    assert (row["last_at"], row["by"]) == (None, owner.get_username())
    schedule.refresh_from_db()
    assert row["next_at"] == schedule.next_at.isoformat().replace("+00:00", "Z")


def test_runs_of_judges_are_found_by_their_kind(talks, program):
    version = make_judge("http://127.0.0.1:9/v1").current
    kinds = ("judging", "sentinel", "retest")
    runs = {kind: JudgeRun.objects.create(study=talks, version=version, kind=kind, created_at=NOW).pk for kind in kinds}
    for kind in kinds:
        (row,) = program.rows("studies/talks/judge-runs/", kind=kind)
        assert (row["number"], row["kind"]) == (runs[kind], kind)
        assert program.get(f"studies/talks/judge-runs/{runs[kind]}/").json()["kind"] == kind
    assert [row["kind"] for row in program.rows("studies/talks/judge-runs/", page_size=2)] == list(reversed(kinds))
    assert program.get("studies/talks/judge-runs/", kind="festive").status_code == 400


def test_a_benchmark_has_its_money_and_its_accuracy(stand_in, tmp_path, outsider):
    judge = make_judge(stand_in(**LONGER).url, price_in=Decimal(2), price_out=Decimal(8))
    run = benchmark(judge, write(tmp_path / "known.jsonl", 12, wrong=3), both_orders=True)
    later = benchmark(judge, write(tmp_path / "more.jsonl", 4, first=20))
    program = Program(outsider)
    rows = program.rows(f"judges/{judge.pk}/benchmarks/", page_size=1)
    assert [row["number"] for row in rows] == [later.pk, run.pk]
    told = program.get(f"judges/{judge.pk}/benchmarks/{run.pk}/").json()
    assert rows[1] == {name: told[name] for name in rows[1]}
    assert (told["sets"], told["both_orders"], told["planned"]) == (["known"], True, 24)
    assert told["progress"]["states"]["ok"] == 24
    assert [(line["set"], line["right"], line["wrong"]) for line in told["accuracy"][:1]] == [("known", 9, 3)]
    assert told["accuracy"][-1]["accuracy_ties_half"] == 0.75
    judge.refresh_from_db()
    assert Decimal(rows[0]["cost"]) + Decimal(rows[1]["cost"]) == Decimal(judge.spent) / 10**9 > 0


def test_benchmarks_are_of_their_judge_and_for_those_who_have_signed_in(program, outsider, stand_in, tmp_path):
    judge, other = make_judge(stand_in().url), make_judge(stand_in().url, "other")
    run = benchmark(judge, write(tmp_path / "known.jsonl", 2))
    assert Program().get(f"judges/{judge.pk}/benchmarks/{run.pk}/").status_code == 401
    assert Program(outsider).get(f"judges/{judge.pk}/benchmarks/{run.pk}/").status_code == 200
    assert program.get(f"judges/{other.pk}/benchmarks/{run.pk}/").status_code == 404
    assert program.get(f"judges/{other.pk}/benchmarks/").json()["results"] == []


def test_numbers_beyond_any_database_are_none_of_these_rows(talks, program):
    beyond = "9" * 25
    judge = make_judge("http://127.0.0.1:9/v1").pk
    for path in (
        f"judges/{beyond}/benchmarks/",
        f"judges/{judge}/benchmarks/{beyond}/",
        f"judges/{beyond}/benchmarks/1/",
    ):
        assert program.get(path).status_code == 404
    for path in (
        f"answer-runs/{beyond}/",
        f"answer-runs/{beyond}/calls/",
        f"answer-calls/{beyond}/",
        f"panels/{beyond}/",
    ):
        assert program.get(f"studies/talks/{path}").status_code == 404
