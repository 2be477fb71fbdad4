"""Schedules that run judges at a fixed interval."""

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection

from annotation.models import Comparison, Pair, Study
from annotation.studies.lifecycle import NotPossible
from judges import problems
from judges.judging import consistency_probes, judges, runs, schedules
from judges.judging.planning import Plan
from judges.judging.runs import judge_life
from judges.models import Judge, JudgeRun, RunKind, RunState, Schedule, ScheduleKind
from tests.builders import NOW
from tests.judges.conftest import QUICK, Running, make_judge, run_judge
from tests.waiting import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


@pytest.fixture
def judge(study: Study, stand_in: Callable[..., Running]) -> Judge:
    return make_judge(stand_in().url)


def hourly(study: Study, judge: Judge, **options: Any) -> Schedule:
    return schedules.set_every(study, judge, ScheduleKind.NEW, 1, NOW, **options)


def kept(at: Any) -> list[JudgeRun]:
    """Starts the runs due at `at`, works on them and returns them."""
    begun = schedules.keep(at)
    for run in begun:
        judge_life.work(run.pk, patience=QUICK)
        run.refresh_from_db()
    return begun


def problem() -> str:
    return Schedule.objects.get().problem


def test_what_is_new_is_judged_every_hour_and_nothing_new_makes_no_run(study: Study, judge: Judge) -> None:
    hidden = list(Pair.objects.filter(study=study).order_by("pk")[10:])
    Pair.objects.filter(pk__in=[pair.pk for pair in hidden]).delete()
    schedule = hourly(study, judge)
    (first,) = kept(NOW)
    assert (first.state, first.planned, first.options["schedule"]) == (RunState.DONE, 20, schedule.pk)
    assert kept(NOW + timedelta(minutes=59)) == []
    assert kept(NOW + HOUR) == []
    for pair in hidden:
        pair.save(force_insert=True)
    assert kept(NOW + 1.5 * HOUR) == []
    (second,) = kept(NOW + 2 * HOUR)
    assert second.planned == 4
    assert kept(NOW + 3 * HOUR) == []
    assert JudgeRun.objects.count() == 2
    assert Comparison.objects.count() == 24
    schedule.refresh_from_db()
    assert (schedule.next_at, schedule.last_at) == (NOW + 4 * HOUR, NOW + 3 * HOUR)


def test_times_that_were_missed_are_not_made_up_for(study: Study, judge: Judge) -> None:
    schedule = hourly(study, judge)
    assert len(kept(NOW + 100.5 * HOUR)) == 1
    schedule.refresh_from_db()
    assert schedule.next_at == NOW + 101 * HOUR


def test_two_sweeps_at_once_begin_one_run(study: Study, judge: Judge) -> None:
    hourly(study, judge)
    barrier, begun = Barrier(3), []

    def keep() -> None:
        barrier.wait()
        try:
            begun.extend(schedules.keep(NOW))
        finally:
            connection.close()

    threads = [Thread(target=keep) for _sweep in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(begun) == JudgeRun.objects.count() == 1
    schedule = Schedule.objects.get()
    assert (schedule.next_at, schedule.problem) == (NOW + HOUR, "")


def test_it_rests_with_the_study(study: Study, judge: Judge) -> None:
    hourly(study, judge)
    Study.objects.update(status="paused")
    assert kept(NOW) == []
    assert problem() == str(problems.STUDY_RESTS())
    Study.objects.update(status="open")
    assert len(kept(NOW + HOUR)) == 1
    assert problem() == ""


def test_it_stops_when_the_budget_is_used_up_and_says_so(study: Study, judge: Judge) -> None:
    judge.versions.update(price_out=1)
    judges.set_budget(judge, 2_100_000)
    hourly(study, judge)
    (run,) = kept(NOW)
    assert (run.state, run.problem) == (RunState.STOPPED, "The budget is used up.")
    assert kept(NOW + HOUR) == []
    assert problem() == str(problems.NO_MONEY()) == run.problem
    judges.set_budget(judge, None)
    assert judge_life.resume(run, detach=False)
    judge_life.work(run.pk, patience=QUICK)
    assert kept(NOW + 2 * HOUR) == []
    assert problem() == ""


def test_it_waits_for_a_run_that_is_halted_or_at_work(study: Study, judge: Judge) -> None:
    run = runs.start(study, judge.current, Plan(), NOW, detach=False)
    hourly(study, judge)
    assert kept(NOW) == []
    assert problem() == str(problems.AT_WORK())
    judge_life.pause(run)
    assert kept(NOW + HOUR) == []
    assert problem() == str(problems.HALTED())
    judge_life.cancel(run, NOW)
    assert len(kept(NOW + 2 * HOUR)) == 1


def test_whoever_set_it_must_still_be_let_to_the_study(
    study: Study, judge: Judge, owner: User, colleague: User
) -> None:
    study.owner = owner
    study.save()
    study.colleagues.add(colleague)
    hourly(study, judge, user=colleague)
    study.colleagues.remove(colleague)
    assert kept(NOW) == []
    assert problem() == str(problems.MAY_NOT())
    study.colleagues.add(colleague)
    User.objects.filter(pk=colleague.pk).update(is_active=False)
    assert kept(NOW + HOUR) == []
    assert problem() == str(problems.MAY_NOT())
    User.objects.filter(pk=colleague.pk).update(is_active=True)
    (run,) = kept(NOW + 2 * HOUR)
    assert run.user == colleague
    colleague.delete()
    assert not Schedule.objects.exists()


def test_a_key_that_is_gone_is_said(study: Study, judge: Judge) -> None:
    hourly(study, judge)
    judge.versions.update(key_source="GONE_API_KEY")
    assert kept(NOW) == []
    assert problem() == "The environment variable GONE_API_KEY is not set."
    assert Schedule.objects.get().next_at == NOW + HOUR


def test_what_failed_is_not_asked_again_every_hour(study: Study, stand_in: Callable[..., Running]) -> None:
    server = stand_in(lasting=0.3, lasting_kinds=("long",))
    judge = make_judge(server.url)
    hourly(study, judge)
    (run,) = kept(NOW)
    assert judge_life.progress(run, NOW).states["failed"] > 0
    assert kept(NOW + HOUR) == []
    assert server.ledger["requests"] == 24


def test_its_plan_is_that_of_a_run(study: Study, judge: Judge) -> None:
    hourly(study, judge, plan=Plan(limit=2, orders="one"))
    (run,) = kept(NOW)
    assert run.planned == 2
    assert kept(NOW + HOUR) == []
    hourly(study, judge, plan=Plan(baseline="Quillfinch-9"))
    assert kept(NOW + 5 * HOUR) == []
    assert "Quillfinch-9" in problem()


@pytest.mark.parametrize("settings", [{"each_turn": True}, {"reader": "rating"}, {"samples": 2}, {"orders": "random"}])
def test_what_is_new_is_told_for_every_kind_of_judge(
    study: Study, stand_in: Callable[..., Running], settings: dict[str, Any]
) -> None:
    pair = Pair.objects.filter(study=study).order_by("key")[0]
    assert pair.result_x is not None
    type(pair.result_x).objects.filter(prompt=pair.prompt).update(turns=["Then this."])
    type(pair.prompt).objects.filter(pk=pair.prompt_id).update(turns=["And then?"])
    judge = make_judge(stand_in().url, **settings)
    hourly(study, judge)
    assert len(kept(NOW)) == 1
    assert kept(NOW + HOUR) == []
    JudgeRun.objects.get().calls.order_by("-pk")[0].delete()
    Comparison.objects.filter(verdict=None).delete()
    assert [run.planned for run in kept(NOW + 2 * HOUR)] == [1]


def test_sentinels_are_asked_on_a_schedule_of_their_own(study: Study, judge: Judge) -> None:
    with pytest.raises(NotPossible, match="Create one first"):
        schedules.set_every(study, judge, ScheduleKind.SENTINELS, 24, NOW)
    consistency_probes.choose(study, judge, 3, 1, NOW)
    schedules.set_every(study, judge, ScheduleKind.SENTINELS, 24, NOW)
    hourly(study, judge)
    assert sorted(run.kind for run in kept(NOW)) == [RunKind.JUDGING, RunKind.SENTINEL]
    assert [run.kind for run in kept(NOW + 24 * HOUR)] == [RunKind.SENTINEL]
    assert len(list(consistency_probes.rounds(study, judge))) == 2


def test_another_rhythm_goes_on_from_the_last_time(study: Study, judge: Judge) -> None:
    hourly(study, judge)
    kept(NOW)
    again = schedules.set_every(study, judge, ScheduleKind.NEW, 6, NOW + HOUR / 2)
    assert (again.next_at, Schedule.objects.count()) == (NOW + 6 * HOUR, 1)
    assert schedules.turn_off(study, judge, ScheduleKind.NEW)
    assert not schedules.turn_off(study, judge, ScheduleKind.NEW)
    assert kept(NOW + 100 * HOUR) == []


@pytest.mark.parametrize("hours", [0, -1, 10_000, 10**12])
def test_a_rhythm_that_makes_no_sense_is_refused(study: Study, judge: Judge, hours: int) -> None:
    with pytest.raises(ValidationError):
        schedules.set_every(study, judge, ScheduleKind.NEW, hours, NOW)


def test_a_run_by_hand_leaves_nothing_for_the_schedule(study: Study, judge: Judge) -> None:
    run_judge(study, judge)
    hourly(study, judge)
    assert kept(NOW) == []
